"""PNG, TIFF, HEIF and AVIF of every bit depth and colour space come out as the same small sRGB picture."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from safelight.decoding.colour import adobe_rgb_profile, to_srgb
from safelight.decoding.pixels import Picture, read_facts, read_picture
from safelight.decoding.rules import DecodeRules
from safelight.errors import Unreadable

RULES = DecodeRules()
GREY = Image.linear_gradient("L").resize((420, 300))


def scene(width: int = 420, height: int = 300) -> Image.Image:
    corners = np.array([[[200, 40, 40], [40, 180, 60]], [[50, 60, 190], [220, 210, 90]]], np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)


def saved(folder: Path, image: Image.Image, name: str, **options: object) -> Path:
    path = folder / name
    form = {"tif": "TIFF", "jpg": "JPEG"}.get(path.suffix[1:], path.suffix[1:].upper())
    image.save(path, form, **options)
    return path


def difference(picture: Picture, image: Image.Image) -> float:
    wanted = image.convert("RGB").resize(picture.rgb.shape[1::-1])
    return float(np.abs(picture.rgb.astype(np.int16) - np.asarray(wanted)).mean())


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "I;16", "CMYK", "I", "F"])
def test_every_mode_is_read(tmp_path: Path, name: str, mode: str) -> None:
    if name == "a.png" and mode in ("CMYK", "F", "I"):
        return  # PNG has no such pictures
    source = scene() if mode in ("RGB", "RGBA", "P", "CMYK") else GREY
    if mode not in ("I;16", "I", "F"):
        image = source.quantize(256) if mode == "P" else source.convert(mode)
    else:
        values = np.asarray(GREY, np.uint16) * 257
        as_float = values.astype(np.float32) / 65535
        image = Image.fromarray(as_float if mode == "F" else values.astype(np.int32) if mode == "I" else values)
    picture = read_picture(saved(tmp_path, image, name), RULES)
    assert picture.rgb.shape == (300, 420, 3)
    assert difference(picture, source) < 7


def test_sixteen_bit_colour_tiff_is_scaled_not_wrapped(tmp_path: Path) -> None:
    values = (np.asarray(scene(), np.uint16) * 257).astype("<u2")
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    entries = {256: 420, 257: 300, 258: (16, 16, 16), 259: 1, 262: 2, 273: 0, 277: 3, 278: 300, 279: values.nbytes}
    for tag, value in entries.items():
        tags[tag] = value  # Pillow moves the strip's offset behind the directory
    data = b"II*\0\x08\0\0\0" + tags.tobytes(8) + values.tobytes()
    (tmp_path / "deep.tif").write_bytes(data)
    picture = read_picture(tmp_path / "deep.tif", RULES)
    assert difference(picture, scene()) < 2


def test_large_png_is_made_small(tmp_path: Path) -> None:
    picture = read_picture(saved(tmp_path, scene(3300, 2200), "big.png"), RULES)
    assert picture.rgb.shape[1] == 1100
    assert (picture.width_px, picture.height_px) == (3300, 2200)


def test_first_page_of_a_tiff_counts(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    scene().save(path, save_all=True, append_images=[Image.new("RGB", (100, 100), "red")], compression="tiff_lzw")
    assert read_picture(path, RULES).width_px == 420


def test_wrong_extensions_do_no_harm(tmp_path: Path) -> None:
    png = saved(tmp_path, scene(), "a.png").rename(tmp_path / "a.jpg")
    jpg = saved(tmp_path, scene(), "b.jpg").rename(tmp_path / "b.png")
    nef = saved(tmp_path, scene(), "c.jpg").rename(tmp_path / "c.nef")
    tif = saved(tmp_path, scene(), "d.tif").rename(tmp_path / "d.jpg")
    for path in (png, jpg, nef, tif):
        assert difference(read_picture(path, RULES), scene()) < 4


def save_heic(path: Path, image: Image.Image, exif: bytes = b"") -> None:
    """Write HEIC in a process of its own: the library that can write brings another build of the one that reads."""
    program = (
        "import sys, pillow_heif; from PIL import Image; image = Image.open(sys.stdin.buffer)\n"
        "pillow_heif.from_pillow(image).save(sys.argv[1], exif=bytes.fromhex(sys.argv[2]) or None, quality=90)"
    )
    stream = io.BytesIO()
    image.save(stream, "PNG")
    subprocess.run([sys.executable, "-c", program, str(path), exif.hex()], input=stream.getvalue(), check=True)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("name", ["a.heic", "a.tif", "a.avif", "a.png"])
def test_orientation_is_applied_once(tmp_path: Path, name: str, orientation: int) -> None:
    undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = scene() if orientation == 1 else scene().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / name
    if name == "a.heic":
        save_heic(path, stored, exif.tobytes())
    else:
        saved(tmp_path, stored, name, exif=exif)
    picture = read_picture(path, RULES)
    assert (picture.width_px, picture.height_px) == (420, 300)
    assert difference(picture, scene()) < 5


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.heic", "a.avif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_stills_are_refused(tmp_path: Path, name: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8))
    path = tmp_path / name
    if name == "a.heic":
        save_heic(path, noise)
    else:
        saved(tmp_path, noise, name)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Unreadable):
        read_picture(path, RULES)


def test_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("1", (20_000, 20_000)), "bomb.png")
    assert path.stat().st_size < 100_000
    with pytest.raises(Unreadable, match="400 megapixels"):
        read_picture(path, RULES)


def test_adobe_rgb_is_converted_and_srgb_left_alone(tmp_path: Path) -> None:
    source = ImageCms.ImageCmsProfile(io.BytesIO(adobe_rgb_profile()))
    to_adobe = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), source, "RGB", "RGB")
    muted = Image.blend(scene(), Image.new("RGB", (420, 300), "grey"), 0.5)  # within both gamuts
    adobe = ImageCms.applyTransform(muted, to_adobe)
    assert adobe is not None
    assert np.abs(np.asarray(adobe, np.int16) - np.asarray(muted)).mean() > 3
    tagged = saved(tmp_path, adobe, "adobe.png", icc_profile=adobe_rgb_profile())
    assert difference(read_picture(tagged, RULES), muted) < 1.5
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(np.asarray(to_srgb(muted, srgb)), np.asarray(muted))


def test_adobe_rgb_marked_by_exif_alone_is_converted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 0xFFFF, 0xA005: {1: "R03"}})
    marked = read_picture(saved(tmp_path, scene(), "_MG_1.jpg", exif=exif), RULES)
    plain = read_picture(saved(tmp_path, scene(), "IMG_1.jpg"), RULES)
    assert int(marked.rgb[..., 0].max()) > int(plain.rgb[..., 0].max()) + 5


def test_broken_profile_means_a_plain_conversion(tmp_path: Path) -> None:
    path = saved(tmp_path, scene(), "odd.png", icc_profile=b"no profile at all" * 20)
    assert difference(read_picture(path, RULES), scene()) < 1


def test_hdr_numbers_are_brought_to_normal_light() -> None:
    """In PQ (SMPTE ST 2084) white of 203 cd/m2 has code 0.58, and BT.2020 red is stronger than sRGB red."""
    white = Image.new("RGB", (4, 4), (148, 148, 148))
    out = to_srgb(white, None, {"color_primaries": 9, "transfer_characteristics": 16})
    assert min(np.asarray(out)[0, 0]) > 248
    same = to_srgb(white, None, {"color_primaries": 1, "transfer_characteristics": 13})
    assert np.array_equal(np.asarray(same), np.asarray(white))


def test_facts_come_without_decoding(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "Testcamera"
    path = saved(tmp_path, scene(), "a.jpg", exif=exif)
    path.write_bytes(path.read_bytes()[:900])
    assert read_facts(path).camera == "Testcamera"
