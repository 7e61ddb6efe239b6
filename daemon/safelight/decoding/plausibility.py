"""Decides whether decoded pixels can be a photograph at all.

Decoders turn missing data into black, into mid-grey or into one colour without an error, and a lens cap gives a frame
in which there is nothing to judge. Such a frame must stay unrated with a reason; a low rating would be a lie.
Invariant: a picture is refused only for what no photograph of anything shows; dark, pale, foggy and night frames pass.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.decoding.completeness import ends_early
from safelight.errors import Unreadable

MIN_EDGE_PX = 64  # below that even a thumbnail shows more

_BLACK_MAX = 8  # of 255: sensor noise and JPEG rounding of a frame without light
_WHITE_MIN = 250  # of 255
_CERTAINLY_SOMETHING = 32  # of 255, range of a thumb's green: most frames need no second look
_FLAT_RANGE = 2  # of 255: what JPEG rounding makes of one colour
_GREY = 128  # what libjpeg puts where the data of a block is missing
_MISSING_ROWS = 0.02  # of the height, and at least one row of blocks


def refuse_small(width_px: int, height_px: int, path: Path) -> None:
    """Raise Unreadable if an edge of the full picture has fewer than 64 pixels."""
    if min(width_px, height_px) < MIN_EDGE_PX:
        raise Unreadable(
            f"The picture is too small to judge: {width_px} x {height_px} pixels.",
            hint="Icons and thumbnails do not belong among the photographs.",
            path=path,
        )


def refuse_many(width_px: int, height_px: int, limit_px: int, path: Path) -> None:
    """Raise Unreadable if the picture has more than `limit_px` pixels; to be asked before decoding."""
    if width_px * height_px > limit_px:
        has, limit = width_px * height_px / 1e6, limit_px / 1e6
        raise Unreadable(
            f"The picture has {has:.0f} megapixels, more than the limit of {limit:.0f} megapixels.",
            hint="Export a smaller version of it to have it judged.",
            path=path,
        )


def refuse_uniform(rgb: NDArray[np.uint8], thumb: NDArray[np.uint8], path: Path) -> None:
    """Raise Unreadable for a preview without anything in it; `thumb`, the small one, spares most of the work."""
    green = thumb[..., 1]
    if int(green.max()) - int(green.min()) > _CERTAINLY_SOMETHING:
        return
    if int(rgb.max()) <= _BLACK_MAX:
        raise Unreadable(
            "The picture is all black: nothing to judge.",
            hint="Perhaps the lens cap was on, or the file is damaged.",
            path=path,
        )
    if int(rgb.min()) >= _WHITE_MIN:
        raise Unreadable(
            "The picture is all white: nothing to judge.",
            hint="It is overexposed everywhere, or the file is damaged.",
            path=path,
        )
    if _spread(rgb) <= _FLAT_RANGE:
        raise Unreadable(
            "The picture is one even colour: nothing to judge.", hint="Perhaps the file is damaged.", path=path
        )


def _spread(rgb: NDArray[np.uint8]) -> int:
    flat = rgb.reshape(-1, rgb.shape[-1])
    return int((flat.max(axis=0).astype(np.int16) - flat.min(axis=0)).max())


def refuse_missing_rows(pixels: NDArray[np.uint8], path: Path, fill: int = _GREY) -> None:
    """Raise Unreadable if the last rows are exactly `fill` and the first is not.

    `pixels` is uint8 (H, W) or (H, W, 3) as stored, not rotated. Mid-grey to the last bit, over whole rows of blocks,
    is what libjpeg leaves where data ran out (jdhuff.c, insufficient data); black is what LibRaw leaves.
    """
    if not _is_filled(pixels[-1], fill) or _is_filled(pixels[0], fill):
        return
    rows = max(2, round(len(pixels) * _MISSING_ROWS))
    if _is_filled(pixels[-rows:], fill):
        raise ends_early(path)


def _is_filled(rows: NDArray[np.uint8], fill: int) -> bool:
    return bool(rows.flat[0] == fill) and bool((rows == fill).all())
