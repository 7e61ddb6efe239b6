"""Makes a sample shoot out of the photographs in scikit-image's wheel: `python sample_shoot.py WHEEL FOLDER`.

A newcomer should see a rating in a minute, on frames whose faults are known. So each photograph becomes a burst as a
camera would have left it: one good frame and copies that are shifted, softened, shaken or mis-exposed, with the capture
facts that go with them, an exposure bracket, a frame that a person has rated already, and one file that is cut off.
The wheel is opened as an archive and never imported. The same wheel gives the same pixels every time.
"""

import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFilter
from PIL.TiffImagePlugin import IFDRational

START = datetime(2026, 5, 16, 10, 4, 11)  # noqa: DTZ001 - a camera's clock has no zone; OffsetTimeOriginal gives it
LONG_SIDE_PX = 1280
MARGIN = 0.06  # of each side is cut away, so that a shifted copy has somewhere to go
NOISE_LEVELS = 1.5  # standard deviation of the sensor noise, of 255 levels
BASE_EXPOSURE_S = 1 / 250

Pixels = NDArray[np.float32]
LINEAR = ((np.arange(256, dtype=np.float32) / 255) ** 2.2).astype(
    np.float32
)  # the sRGB curve, near enough for a sample


@dataclass(frozen=True, slots=True)
class Take:
    """One press of the shutter: what differs from the good frame of its scene."""

    after_s: float  # since the scene began
    shift: tuple[float, float] = (0.0, 0.0)  # right, down; share of the margin, -1 to 1
    defocus_px: float = 0.0  # Gaussian sigma
    shake_px: int = 0  # length of the path, horizontal
    exposure_ev: float = 0.0
    bracketed: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """One photograph and the takes that are made of it. `minute` is counted from the start of the shoot."""

    photograph: str
    minute: float
    takes: tuple[Take, ...]
    portrait: bool = False  # stored lying on its side, with an orientation


SCENES = (
    Scene(
        "astronaut.png",
        0,
        (
            Take(0.0, defocus_px=2.5),
            Take(0.21, (0.3, 0.1)),
            Take(0.43, (0.5, 0.0), shake_px=13),
            Take(0.64, (0.4, -0.2), defocus_px=1.2),
            Take(0.86, (0.6, -0.1), exposure_ev=-2.0),
        ),
        portrait=True,
    ),
    Scene(
        "chelsea.png",
        3,
        (
            Take(0.0),
            Take(0.35, (-0.4, 0.2), shake_px=17),
            Take(0.71, (-0.5, 0.4), exposure_ev=1.8),
            Take(1.04, (-0.3, 0.3), defocus_px=3.5),
        ),
    ),
    Scene(
        "coffee.png",
        9,
        tuple(Take(0.25 * n, exposure_ev=ev, bracketed=True) for n, ev in enumerate((0.0, -2.0, 2.0))),
    ),
    Scene("coffee.png", 11, (Take(0.0, (0.9, 0.9)), Take(0.6, (0.8, 0.9), defocus_px=2.0))),
    Scene(
        "rocket.jpg",
        24,
        (
            Take(0.0, (0.0, 1.0), shake_px=9),
            Take(0.2, (0.1, 0.4)),
            Take(0.4, (0.1, -0.2), exposure_ev=1.5),
            Take(0.6, (0.2, -0.9), defocus_px=2.0),
        ),
    ),
    Scene(
        "motorcycle_left.png",
        40,
        (Take(0.0), Take(0.5, (0.2, 0.1), defocus_px=2.2), Take(1.0, (0.3, 0.1), shake_px=15)),
    ),
    Scene("motorcycle_right.png", 41, (Take(0.0), Take(0.5, (-0.2, 0.0), exposure_ev=-1.7))),
    Scene("camera.png", 58, (Take(0.0), Take(0.4, (0.5, 0.0), shake_px=11))),
    Scene("coins.png", 66, (Take(0.0), Take(0.8, (0.3, -0.3), defocus_px=3.0))),
    Scene("grass.png", 71, (Take(0.0),)),
    Scene("brick.png", 72, (Take(0.0),)),
    Scene("moon.png", 700, (Take(0.0),)),
    Scene("hubble_deep_field.jpg", 706, (Take(0.0),)),
)
PERSONS_SCENE = "camera.png"  # its first frame comes with a person's rating, which must stand
PERSONS_SIDECAR = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
ABOUT = """A sample shoot, made by "make rate" out of the photographs that scikit-image's wheel ships.
Every burst is one photograph and copies of it that were shifted, softened, shaken or mis-exposed.
{cut_off} is cut off on purpose; {rated} came with a person's rating of 4.
What is known of the photographs' origin and licences is in skimage/data/README.txt and LICENSE.txt of that wheel.
"""


def framed(photograph: Image.Image, shift: tuple[float, float]) -> Pixels:
    """Cut the margin away around a shifted middle and enlarge; (height, width, 3), 0-1, linear light."""
    width, height = photograph.size
    left = width * MARGIN * (1 + shift[0]) / 2
    top = height * MARGIN * (1 + shift[1]) / 2
    box = (left, top, left + width * (1 - MARGIN), top + height * (1 - MARGIN))
    factor = LONG_SIDE_PX / max(width, height)
    size = (round(width * factor), round(height * factor))
    large = photograph.resize(size, Image.Resampling.LANCZOS, box=box).filter(ImageFilter.UnsharpMask(2, 80, 2))
    return np.asarray(LINEAR[np.asarray(large)], dtype=np.float32)


def shaken(linear: Pixels, length_px: int) -> Pixels:
    """Average along a horizontal path of `length_px`, as a camera that moves while the shutter is open."""
    if length_px < 2:
        return linear
    padded = np.pad(linear, ((0, 0), (length_px, 0), (0, 0)), mode="edge")
    sums = np.cumsum(padded, axis=1, dtype=np.float64)
    return np.asarray((sums[:, length_px:] - sums[:, :-length_px]) / length_px, dtype=np.float32)


def taken(photograph: Image.Image, take: Take, random: np.random.Generator) -> Image.Image:
    """Return the frame that `take` gives: focus and shake before exposure, noise last, as in a camera."""
    linear = shaken(framed(photograph, take.shift), take.shake_px)
    exposed = np.clip(linear * 2**take.exposure_ev, 0, 1) ** np.float32(1 / 2.2) * 255
    noisy = exposed + NOISE_LEVELS * random.standard_normal(exposed.shape, dtype=np.float32)
    return Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))


def softened(photograph: Image.Image, take: Take) -> Image.Image:
    """Return the photograph out of focus; the sigma is meant at the final size."""
    sigma_px = take.defocus_px * max(photograph.size) / LONG_SIDE_PX
    return photograph.filter(ImageFilter.GaussianBlur(sigma_px)) if sigma_px else photograph


def capture_facts(take: Take, when: datetime, *, orientation: int, serial: int) -> Image.Exif:
    """Return what the camera would have written about the take."""
    facts = Image.Exif()
    base, detail = ExifTags.Base, facts.get_ifd(ExifTags.IFD.Exif)
    facts[base.Make], facts[base.Model] = "Safelight", "Sample Camera"
    facts[base.Orientation] = orientation
    facts[base.DateTime] = f"{when:%Y:%m:%d %H:%M:%S}"
    detail[base.DateTimeOriginal] = detail[base.DateTimeDigitized] = f"{when:%Y:%m:%d %H:%M:%S}"
    detail[base.SubsecTimeOriginal] = f"{when.microsecond // 10_000:02d}"
    detail[base.OffsetTimeOriginal] = "+02:00"
    detail[base.ExposureTime] = BASE_EXPOSURE_S * 2**take.exposure_ev
    detail[base.FNumber], detail[base.ISOSpeedRatings] = 4.0, 200
    detail[base.FocalLength], detail[base.LensModel] = 50.0, "Sample 24-70 mm f/4"
    # As a fraction of its own, or a negative one would be stored without its sign.
    detail[base.ExposureBiasValue] = IFDRational(round(take.exposure_ev * 3) if take.bracketed else 0, 3)
    detail[base.ExposureMode] = 2 if take.bracketed else 0  # 2: auto bracket
    detail[base.ImageUniqueID] = f"{serial:032x}"
    return facts


def frames(archive: zipfile.ZipFile) -> Iterator[tuple[Scene, bytes]]:
    """Yield every frame of the shoot as the bytes of a JPEG, in the order of the card."""
    serial = 0
    for scene in SCENES:
        with Image.open(io.BytesIO(archive.read(f"skimage/data/{scene.photograph}"))) as opened:
            photograph = opened.convert("RGB")
        for take in scene.takes:
            serial += 1
            picture = taken(softened(photograph, take), take, np.random.default_rng(serial))
            if scene.portrait:
                picture = picture.transpose(Image.Transpose.ROTATE_90)
            when = START + timedelta(minutes=scene.minute, seconds=take.after_s)
            exif = capture_facts(take, when, orientation=6 if scene.portrait else 1, serial=serial)
            stored = io.BytesIO()
            picture.save(stored, "JPEG", quality=92, exif=exif)
            yield scene, stored.getvalue()


def make(wheel: Path, folder: Path) -> int:
    """Write the shoot into `folder`; returns how many frames it has, the cut-off one included."""
    folder.mkdir(parents=True, exist_ok=True)
    rated = ""
    count = 0
    content = b""
    with zipfile.ZipFile(wheel) as archive:
        for scene, content in frames(archive):
            count += 1
            name = f"DSC_{count:04d}.JPG"
            (folder / name).write_bytes(content)
            if scene.photograph == PERSONS_SCENE and not rated:
                rated = name
                (folder / f"{name}.xmp").write_text(PERSONS_SIDECAR, encoding="utf-8")
    cut_off = f"DSC_{count + 1:04d}.JPG"
    (folder / cut_off).write_bytes(content[: len(content) // 3])
    (folder / "ABOUT.txt").write_text(ABOUT.format(cut_off=cut_off, rated=rated), encoding="utf-8")
    return count + 1


def main() -> None:
    """Read the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: sample_shoot.py WHEEL FOLDER")
    try:
        count = make(Path(sys.argv[1]), Path(sys.argv[2]))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        sys.exit(f"The sample shoot could not be made: {error}. Remove .cache/setup and run the same command again.")
    print(f"Made a sample shoot of {count} frames in {sys.argv[2]}/.")  # noqa: T201 - what this program is for


if __name__ == "__main__":
    main()
