"""Decodes PNG, TIFF, HEIF and AVIF to a small 8-bit picture.

These decoders cannot scale while they decode, so the full picture exists for a moment; it is brought to 8 bits a
channel and made small by whole factors at once, before any costly step. HEIF files often carry a second, smaller copy
of the picture that is large enough; pillow-heif checks that it is the same picture and gives that one.
Invariant: first page, or HEIF's own primary picture; its long edge keeps at least the asked length where it has it.
"""

from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from safelight.decoding.content import Kind
from safelight.decoding.failures import PILLOW_ERRORS, undecodable
from safelight.decoding.plausibility import refuse_many, refuse_small
from safelight.decoding.rules import DecodeRules

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_PHOTOMETRIC = 262
_MIN_IS_WHITE = 0
# What a decode holds at its peak: Pillow's 4 bytes, for HEIF and AVIF also the decoder's planes and a copy.
_BYTES_PER_PX = {Kind.PNG: 4, Kind.TIFF: 8, Kind.HEIF: 9, Kind.AVIF: 9}


def open_still(file: BinaryIO, kind: Kind, path: Path, *, limit_px: int) -> Image.Image:
    """Open (not decode) a PNG, TIFF, HEIF or AVIF. Raises Unreadable for a damaged, too large or too small one."""
    try:
        image = open_header(file, kind)
    except PILLOW_ERRORS as error:
        raise undecodable(kind.value, error, path) from None
    refuse_many(*image.size, limit_px, path)
    refuse_small(*image.size, path)
    return image


def open_header(file: BinaryIO, kind: Kind) -> Image.Image:
    """Open (not decode) a picture that Pillow knows; lets Pillow's exceptions through."""
    return cast(Image.Image, _opener(kind)(file))


def load_small(image: Image.Image, kind: Kind, path: Path, rules: DecodeRules) -> Image.Image:
    """Decode an opened still; return it 8-bit, in a mode that `colour.to_srgb` takes, scaled by a whole factor."""
    width, height = image.size
    try:
        if kind is Kind.HEIF and max(width, height) >= 2 * rules.long_edge_px:
            image.draft(None, _at_least(width, height, rules.long_edge_px))
        with rules.gate(image.size[0] * image.size[1] * _BYTES_PER_PX[kind]):
            image.load()
            return _scaled(_eight_bit(image), rules.long_edge_px)
    except PILLOW_ERRORS as error:
        raise undecodable(kind.value, error, path) from None


def _scaled(image: Image.Image, long_edge_px: int) -> Image.Image:
    factor = max(image.size) // long_edge_px
    if factor <= 1:
        return image
    small = image.reduce(factor)
    small.info = image.info
    return small


def _opener(kind: Kind) -> Any:
    if kind is Kind.HEIF:
        from pi_heif import HeifImageFile, options  # half of the frames need no HEIF, and it takes 20 MB

        options.DECODE_THREADS = 1
        return HeifImageFile
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    openers = {
        Kind.JPEG: JpegImagePlugin.JpegImageFile,
        Kind.PNG: PngImagePlugin.PngImageFile,
        Kind.TIFF: TiffImagePlugin.TiffImageFile,
        Kind.AVIF: AvifImagePlugin.AvifImageFile,
    }
    return openers[kind]


def _at_least(width: int, height: int, long_edge_px: int) -> tuple[int, int]:
    share = long_edge_px / max(width, height)
    return max(1, round(width * share)), max(1, round(height * share))


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return the image in a mode of 8 bits a channel that can be scaled."""
    if image.mode in _SIXTEEN_BIT:
        return Image.fromarray(_from_sixteen(image))
    if image.mode == "I":
        return Image.fromarray(_from_whole_numbers(np.asarray(image)))
    if image.mode == "F":
        return Image.fromarray(_from_fractions(np.asarray(image)))
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    if image.mode == "1":
        return image.convert("L")
    return image


def _from_sixteen(image: Image.Image) -> NDArray[np.uint8]:
    high = (np.asarray(image) >> 8).astype(np.uint8)
    tags = getattr(image, "tag_v2", {})
    return 255 - high if tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE else high


def _from_whole_numbers(pixels: NDArray[np.int32]) -> NDArray[np.uint8]:
    most = int(pixels.max(initial=0))
    shift = max(0, most.bit_length() - 8) if most > 0xFFFF else 8 if most > 0xFF else 0
    return np.asarray(np.clip(pixels >> shift, 0, 255), np.uint8)


def _from_fractions(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Floats are 0..1 by custom; what goes beyond is taken as 8 or 16 bits, or else scaled to its own maximum."""
    finite = np.nan_to_num(pixels, nan=0.0, posinf=0.0, neginf=0.0)
    most = float(finite.max(initial=0.0))
    white = next((white for white in (1.0, 255.0, 65535.0) if most <= white * 1.01), most)
    return np.asarray(np.clip(finite * (255.0 / white) + 0.5, 0, 255).astype(np.uint8))
