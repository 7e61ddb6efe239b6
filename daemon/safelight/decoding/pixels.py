"""Decodes any picture file once: a preview, a thumb for the encoder, the full size and the capture facts.

One decode feeds every stage, as decoding costs more than all the rest; the facts come from the same open file. What
differs between formats is left to one module each, here they come together: turn, bring to sRGB, check, make the thumb.
Invariant: a Picture is upright, sRGB, 8 bits, plausible as a photograph, and never larger than it needs to be.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from safelight.decoding.closeup import closeup
from safelight.decoding.colour import to_srgb
from safelight.decoding.completeness import refuse_incomplete
from safelight.decoding.content import Kind, kind_of
from safelight.decoding.exif_pillow import facts_of_image, facts_of_raw, is_adobe_rgb
from safelight.decoding.failures import PILLOW_ERRORS
from safelight.decoding.jpeg import decode_jpeg
from safelight.decoding.opening import open_picture, size_of, why_not_read
from safelight.decoding.plausibility import refuse_uniform
from safelight.decoding.rules import DecodeRules
from safelight.decoding.stills import load_small, open_header, open_still
from safelight.domain.frame import CaptureFacts

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # what to do for each EXIF orientation (CIPA DC-008, tag 274)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture: upright, sRGB, uint8."""

    rgb: NDArray[np.uint8]  # (H, W, 3), long edge at least DecodeRules.long_edge_px where the original has it
    thumb: NDArray[np.uint8]  # (thumb_px, thumb_px, 3), the whole picture squashed to the square
    closeup: NDArray[np.uint8]  # (thumb_px, thumb_px, 3), the middle of it at a larger scale, as it is
    width_px: int  # of the full picture, upright
    height_px: int
    facts: CaptureFacts
    squares: Mapping[int, NDArray[np.uint8]] = field(default_factory=dict)  # edge in pixels -> the same, of that size


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """What a format's decoder gives: small, but not yet upright and not yet sRGB."""

    image: Image.Image
    turn: int  # EXIF orientation still to be applied
    full: tuple[int, int]  # pixels, before that turn
    facts: CaptureFacts
    adobe_rgb: bool = False


def read_picture(path: Path, rules: DecodeRules) -> Picture:
    """Decode the picture at `path`, whatever its format. Raises Unreadable with the reason if that cannot be had."""
    with open_picture(path) as file:
        try:
            kind = kind_of(file, path)
            stored = _decoders(kind)(file, kind, path, rules)
        except OSError as error:  # the disk fails, the card is pulled; damage to the data was dealt with below
            raise why_not_read(error, path) from None
    return _finished(stored, rules, path)


def read_facts(path: Path) -> CaptureFacts:
    """Return the capture facts of the picture at `path` without decoding it. Raises Unreadable as `read_picture`."""
    with open_picture(path) as file:
        try:
            kind = kind_of(file, path)
            if kind is Kind.RAW:
                return facts_of_raw(file)
            return _facts_of_still(open_header(file, kind))
        except PILLOW_ERRORS:
            return CaptureFacts()


def _decoders(kind: Kind) -> Callable[[BinaryIO, Kind, Path, DecodeRules], _Stored]:
    return _jpeg if kind is Kind.JPEG else _raw if kind is Kind.RAW else _still


def _jpeg(file: BinaryIO, _kind: Kind, path: Path, rules: DecodeRules) -> _Stored:
    image, full = decode_jpeg(file, path, rules)
    facts = facts_of_image(image)
    unmarked = "icc_profile" not in image.info and "exif" in image.info
    return _Stored(image, facts.orientation or 1, full, facts, unmarked and is_adobe_rgb(image.getexif()))


def _still(file: BinaryIO, kind: Kind, path: Path, rules: DecodeRules) -> _Stored:
    refuse_incomplete(file, size_of(file), path, zeros_are_loss=kind is not Kind.TIFF)
    image = open_still(file, kind, path, limit_px=rules.limit_px)
    facts = _facts_of_still(image)
    full = image.size
    small = load_small(image, kind, path, rules)
    turned = kind in (Kind.HEIF, Kind.TIFF)  # Pillow turns a TIFF when it is loaded
    return _Stored(small, 1 if turned else facts.orientation or 1, full, facts)


def _facts_of_still(image: Image.Image) -> CaptureFacts:
    """Libheif turns the picture itself and sets the orientation to 1; what the camera wrote is kept beside it."""
    facts = facts_of_image(image)
    return replace(facts, orientation=image.info.get("original_orientation") or facts.orientation)


def _raw(file: BinaryIO, _kind: Kind, path: Path, rules: DecodeRules) -> _Stored:
    from safelight.decoding.previews import previews_of  # most frames are JPEGs and need neither LibRaw nor exiftool
    from safelight.decoding.raw import decode_raw

    raw = decode_raw(file, path, rules, previews_of=previews_of)
    return _Stored(raw.image, raw.orientation, (raw.width_px, raw.height_px), raw.facts)


def _finished(stored: _Stored, rules: DecodeRules, path: Path) -> Picture:
    info = stored.image.info
    image = to_srgb(stored.image, info.get("icc_profile"), info.get("nclx_profile"), adobe_rgb=stored.adobe_rgb)
    turn = _TURNS.get(stored.turn)
    squares = {edge: _upright(_square(image, edge), turn) for edge in {rules.thumb_px, *rules.squares_px}}
    middle = _upright(closeup(image, rules.thumb_px), turn)
    rgb = _upright(image, turn)
    thumb = squares.pop(rules.thumb_px)
    refuse_uniform(rgb, thumb, path)
    if rules.thumb_px in rules.squares_px:
        squares[rules.thumb_px] = thumb
    width, height = stored.full if stored.turn < 5 else stored.full[::-1]
    return Picture(rgb, thumb, middle, width, height, stored.facts, squares)


def _square(image: Image.Image, edge_px: int) -> Image.Image:
    """Squash a picture to a square, without a crop."""
    return image.resize((edge_px, edge_px), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _upright(image: Image.Image, turn: Image.Transpose | None) -> NDArray[np.uint8]:
    return np.asarray(image if turn is None else image.transpose(turn))
