"""Gets pixels out of a RAW file: its embedded preview, else exiftool's, else a quick development at half size.

The preview is what the camera shows of the frame, costs a hundredth of a development, and is there in most files.
LibRaw finds most previews, exiftool some more; what is too small to judge is kept as a last resort. Whether the file
is whole is asked first: a perfect preview in a file that was cut off still means that the photograph is lost.
Invariant: the open file is all that LibRaw gets; a RAW whose own data is missing is never judged by its preview.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import rawpy
from numpy.typing import NDArray
from PIL import Image

from safelight.decoding.completeness import refuse_incomplete
from safelight.decoding.exif_pillow import facts_of_image, facts_of_raw
from safelight.decoding.jpeg import decode_jpeg
from safelight.decoding.opening import size_of
from safelight.decoding.plausibility import refuse_many, refuse_missing_rows, refuse_small
from safelight.decoding.rules import DecodeRules
from safelight.domain.frame import CaptureFacts
from safelight.errors import Unreadable

_LEAST_PREVIEW_PX = 512  # long edge; below that focus cannot be told
_LEAST_BITS_PER_PX = 0.1  # lossy RAW takes 1.5 and more; a header alone takes a hundredth
_ORIENTATION_OF_FLIP = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's sizes.flip to EXIF
_DEVELOPMENT_BYTES_PER_PX = 6  # raw data, half-size working image and output (measured: 4.6 at 24 MP)
_LARGE_RAW_PX = 2048  # long edge; smaller ones are developed in full

# Without automatic brightening, so that exposure can be judged; the factor stands for the tone curve that cameras
# apply, which lifts the middle by about half a stop.
_BRIGHTNESS = 1.4

Previews = Callable[[BinaryIO], list[bytes]]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class DecodedRaw:
    """Pixels as stored (not rotated), how to turn them, and what the file tells."""

    image: Image.Image
    orientation: int  # EXIF 1-8, still to be applied to `image`
    width_px: int  # of the sensor's picture, not rotated
    height_px: int
    facts: CaptureFacts


def decode_raw(file: BinaryIO, path: Path, rules: DecodeRules, *, previews_of: Previews) -> DecodedRaw:
    """Return the best pixels of an open RAW file. `previews_of` is asked for JPEGs where LibRaw has no good one.

    Raises Unreadable for cut, emptied, unknown or too large files.
    """
    refuse_incomplete(file, size_of(file), path)
    facts = facts_of_raw(file)
    with _opened(file, path) as raw:
        size = _size(raw)
        if size is not None:
            _refuse_implausible(size, size_of(file), rules, path)
        image, own_facts = _best_pixels(file, raw, size, rules, previews_of, path)
    facts = facts if facts.taken_s is not None or facts.camera is not None else own_facts
    width, height = size if size is not None else image.size
    return DecodedRaw(image, _orientation(raw, facts, size, image.size), width, height, facts)


class _Opened:
    """A RAW file as LibRaw sees it; `raw` is None if LibRaw does not know the format."""

    def __init__(self, raw: "rawpy.RawPy | None", path: Path) -> None:
        self.raw, self.path = raw, path
        self.flip = 0

    def __enter__(self) -> Self:
        if self.raw is not None:
            self.flip = int(self.raw.sizes.flip)
        return self

    def __exit__(self, *_: object) -> None:
        if self.raw is not None:
            self.raw.close()


def _opened(file: BinaryIO, path: Path) -> _Opened:
    raw = rawpy.RawPy()
    way = Path(f"/dev/fd/{file.fileno()}")
    file.seek(0)
    try:
        if way.exists():
            raw.open_file(str(way))  # reads only what it needs; by the open file, so whatever the name is
        else:
            raw.open_buffer(file)
    except rawpy.LibRawFileUnsupportedError:
        return _Opened(None, path)
    except rawpy.LibRawError as error:
        raise _broken(error, path) from None
    return _Opened(raw, path)


def _size(opened: _Opened) -> tuple[int, int] | None:
    return (opened.raw.sizes.width, opened.raw.sizes.height) if opened.raw is not None else None


def _refuse_implausible(size: tuple[int, int], size_bytes: int, rules: DecodeRules, path: Path) -> None:
    refuse_many(*size, rules.limit_px, path)
    refuse_small(*size, path)
    if size_bytes * 8 < _LEAST_BITS_PER_PX * size[0] * size[1]:
        raise Unreadable(
            "The file holds the header of a RAW picture, but not the picture.",
            hint="Copy it from the card or the backup again if one still has it.",
            path=path,
        )


def _best_pixels(
    file: BinaryIO, opened: _Opened, size: tuple[int, int] | None, rules: DecodeRules, previews_of: Previews, path: Path
) -> tuple[Image.Image, CaptureFacts]:
    enough = min(rules.long_edge_px, round(0.9 * max(size))) if size is not None else rules.long_edge_px
    best: tuple[Image.Image, CaptureFacts] | None = None
    for found in _previews(file, opened, rules, previews_of, path):
        if best is None or max(found[0].size) > max(best[0].size):
            best = found
        if max(best[0].size) >= enough:
            return best
    try:
        return _developed(opened, rules), CaptureFacts()
    except Unreadable:
        if best is None or max(best[0].size) < _LEAST_PREVIEW_PX:
            raise
    return best


def _previews(
    file: BinaryIO, opened: _Opened, rules: DecodeRules, previews_of: Previews, path: Path
) -> Iterator[tuple[Image.Image, CaptureFacts]]:
    """Yield the previews that decode, LibRaw's first; exiftool is asked only when the caller wants more."""
    thumb = _thumb(opened)
    if isinstance(thumb, Image.Image):
        yield thumb, CaptureFacts()
    candidates = [thumb] if isinstance(thumb, bytes) else None
    for jpegs in (candidates or (), None):
        for jpeg in previews_of(file) if jpegs is None else jpegs:
            try:
                image, _ = decode_jpeg(io.BytesIO(jpeg), path, rules)
            except Unreadable:
                continue
            yield image, facts_of_image(image)


def _thumb(opened: _Opened) -> bytes | Image.Image | None:
    if opened.raw is None:
        return None
    try:
        thumb = opened.raw.extract_thumb()
    except (rawpy.LibRawError, ValueError):
        return None
    if thumb.format == rawpy.ThumbFormat.JPEG:
        return bytes(thumb.data)
    return Image.fromarray(thumb.data) if isinstance(thumb.data, np.ndarray) and thumb.data.ndim == 3 else None


def _developed(opened: _Opened, rules: DecodeRules) -> Image.Image:
    if opened.raw is None:
        raise Unreadable(
            "The file is not a picture of a known kind, or its beginning is damaged.",
            hint="Copy it again if the card still has it; if its camera is very new, export it as DNG or JPEG.",
            path=opened.path,
        )
    width, height = opened.raw.sizes.width, opened.raw.sizes.height
    refuse_many(width, height, rules.demosaic_limit_px, opened.path)
    with rules.gate(width * height * _DEVELOPMENT_BYTES_PER_PX):
        try:
            pixels = opened.raw.postprocess(
                half_size=max(width, height) >= _LARGE_RAW_PX,
                use_camera_wb=True,
                no_auto_bright=True,
                bright=_BRIGHTNESS,
                output_bps=8,
                user_flip=0,
            )
        except (rawpy.LibRawError, ValueError) as error:
            raise _broken(error, opened.path) from None
    refuse_missing_rows(pixels, opened.path, fill=0)
    image = Image.fromarray(pixels)
    factor = max(image.size) // rules.long_edge_px
    return image.reduce(factor) if factor > 1 else image


def _broken(error: Exception, path: Path) -> Unreadable:
    if isinstance(error, rawpy.LibRawIOError | rawpy.LibRawDataError):
        return Unreadable(
            "The RAW data is cut off or damaged.",
            hint="Copy it from the card or the backup again if one still has it.",
            path=path,
        )
    return Unreadable(
        f"LibRaw cannot read the file ({type(error).__name__.removeprefix('LibRaw')}).",
        hint="Export it as DNG or JPEG to have it judged.",
        path=path,
    )


def _orientation(opened: _Opened, facts: CaptureFacts, size: tuple[int, int] | None, decoded: tuple[int, int]) -> int:
    """Return how to turn the pixels: as EXIF says, unless a preview is upright already."""
    orientation = facts.orientation or _ORIENTATION_OF_FLIP.get(opened.flip, 1)
    if orientation >= 5 and size is not None and (size[0] > size[1]) != (decoded[0] > decoded[1]):
        return 1
    return orientation
