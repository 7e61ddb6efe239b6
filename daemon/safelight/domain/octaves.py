"""Splits a preview into octaves of detail, tile by tile: what focus, motion and noise are read from.

Second differences of a picture halved again and again are a cheap octave bank: a level answers to detail of about four
of its own pixels. Energies are kept per tile because a frame is judged on its subject, not on its mean. Everything is
integer arithmetic up to the squares, and the two dear levels are done in strips that stay in the processor's cache: a
preview is measured in milliseconds. Invariant: energies are in squared 8-bit levels at every scale, so scales compare.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNIT = 16  # integer units of one 8-bit level, at half scale and below
_TILE_PX = 16  # at a long edge of 512; the grid is then 32 tiles long
_STRIP_PX = 300_000  # preview pixels in a strip: it and its temporaries fit a 2 MB cache

Floats = NDArray[np.float32]
Ints = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Octaves:
    """Detail of a preview. Tile arrays are float32 (tile rows, tile columns), energies in squared 8-bit levels."""

    energy: tuple[Floats, ...]  # per level: mean square of the second differences across plus down, per tile
    bearing: Mapping[int, NDArray[np.float64]]  # levels 1 and 3, (4,): energy across, down, along both diagonals
    mean: Floats  # of luma per tile, levels 0-255
    variance: Floats  # of luma at half scale per tile
    quarter: Ints  # luma at quarter scale, UNIT units a level, cropped to whole tiles


def tile_px(height: int, width: int) -> int:
    """Return the edge of a tile in preview pixels: a multiple of 16, about a 32nd of the long edge."""
    return _TILE_PX * max(1, round(max(height, width) / 512))


def split(rgb: NDArray[np.uint8]) -> Octaves:
    """Split a preview, uint8 (height, width, 3), of any size from 1x1; what is smaller than a tile is extended."""
    tile = tile_px(*rgb.shape[:2])
    rgb = _whole_tiles(rgb, tile)
    step = tile * max(1, _STRIP_PX // (rgb.shape[1] * tile))
    strips = [_strip(rgb[top : top + step], tile) for top in range(0, rgb.shape[0], step)]
    mean = np.vstack([strip.mean for strip in strips])
    power = np.vstack([strip.power for strip in strips])
    quarter = np.vstack([strip.quarter for strip in strips])
    eighth = _halved(quarter)
    levels = [
        _joined([strip.full for strip in strips]),
        _joined([strip.half for strip in strips]),
        _straight(quarter, tile // 4),
        _straight(eighth, tile // 8),
    ]
    heights = np.array([len(strip.mean) for strip in strips]) / len(mean)
    slanting = {1: heights @ np.array([strip.slanting for strip in strips]), 3: _diagonal(eighth)}
    return Octaves(
        energy=tuple(across + down for across, down in levels),
        bearing={at: np.array([*(side.mean() for side in levels[at]), *slant]) for at, slant in slanting.items()},
        mean=mean,
        variance=np.maximum(power - mean * mean, np.float32(0)),
        quarter=quarter,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Strip:
    """The dear levels of some tile rows; pairs are tile energies across and down."""

    full: tuple[Floats, Floats]
    half: tuple[Floats, Floats]
    slanting: NDArray[np.float64]  # (2,): energies of the half scale along and against the diagonal
    mean: Floats
    power: Floats  # mean square of luma per tile
    quarter: Ints


def _strip(rgb: NDArray[np.uint8], tile: int) -> _Strip:
    half = _half_luma(rgb)
    levels = half.astype(np.float32)
    levels /= np.float32(UNIT)
    mean = _per_tile(levels, tile // 2, tile // 2, unit=1)
    levels *= levels
    return _Strip(
        full=_full_scale(rgb, tile),
        half=_straight(half, tile // 2),
        slanting=_diagonal(half),
        mean=mean,
        power=_per_tile(levels, tile // 2, tile // 2, unit=1),
        quarter=_halved(half),
    )


def _joined(pairs: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    return np.vstack([pair[0] for pair in pairs]), np.vstack([pair[1] for pair in pairs])


def _whole_tiles(rgb: NDArray[np.uint8], tile: int) -> NDArray[np.uint8]:
    """Extend a side shorter than a tile by its edge; crop the others evenly to whole tiles."""
    short = [max(0, tile - side) for side in rgb.shape[:2]]
    if any(short):
        rgb = np.pad(rgb, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
    top, left = (rgb.shape[0] % tile) // 2, (rgb.shape[1] % tile) // 2
    height, width = rgb.shape[0] // tile * tile, rgb.shape[1] // tile * tile
    return rgb[top : top + height, left : left + width]


def _full_scale(rgb: NDArray[np.uint8], tile: int) -> tuple[Floats, Floats]:
    """Return the tile energies across and down at full scale.

    Green stands for luma (it is what a sensor samples most densely), and every fourth row for all of them, every eighth
    in big tiles: a mean over a tile needs no more, and this is the dearest level.
    """
    step = 4 if tile < 32 else 8
    upper, here, lower = (rgb[row::step, :, 1].astype(np.int16) for row in range(3))
    squares = np.empty(here.shape, dtype=np.float32)
    _square(_bend(upper, here, lower), squares)
    down = _per_tile(squares, tile // step, tile, unit=1)
    _square(_bend(here[:, :-2], here[:, 1:-1], here[:, 2:]), squares[:, 1:-1])
    squares[:, 0] = squares[:, -1] = 0
    return _per_tile(squares, tile // step, tile, unit=1), down


def _half_luma(rgb: NDArray[np.uint8]) -> Ints:
    """Return the luma (red + 2 green + blue) / 4 of 2x2 pixels, each channel picked where a Bayer sensor has it.

    On grey this is the exact mean of the four pixels at a third of the cost; on colour it mixes neighbours, as a camera
    does.
    """
    luma = rgb[0::2, 0::2, 1].astype(np.int16)
    luma += rgb[1::2, 1::2, 1]
    luma += rgb[0::2, 1::2, 0]
    luma += rgb[1::2, 0::2, 2]
    luma *= np.int16(UNIT // 4)
    return luma


def _halved(luma: Ints) -> Ints:
    """Return the means of 2x2 pixels, in the same units."""
    rows = luma[0::2] + luma[1::2]
    return np.asarray((rows[:, 0::2] + rows[:, 1::2]) >> np.int16(2), dtype=np.int16)


def _bend(before: Ints, here: Ints, after: Ints) -> Ints:
    """Return the second difference before - 2 here + after."""
    bend = before + after
    bend -= here
    bend -= here
    return bend


def _square(bend: Ints, into: Floats) -> None:
    """Write the squares of `bend` into a float32 array of its shape."""
    into[...] = bend
    into *= into


def _per_tile(squares: Floats, high: int, wide: int, *, unit: int) -> Floats:
    """Return the means over tiles of high x wide, in squared levels."""
    rows, columns = squares.shape[0] // high, squares.shape[1] // wide
    strips = squares.reshape(rows, high, columns * wide).sum(axis=1)
    sums: Floats = strips.reshape(rows, columns, wide).sum(axis=2)
    return sums / np.float32(high * wide * unit * unit)


def _straight(scaled: Ints, tile: int) -> tuple[Floats, Floats]:
    """Return the tile energies across and down of a scaled luma, from every second row in big tiles."""
    step = 1 if tile < 16 else 2
    squares = np.zeros((scaled.shape[0] // step, scaled.shape[1]), dtype=np.float32)
    here = scaled[step - 1 :: step]
    _square(_bend(here[:, :-2], here[:, 1:-1], here[:, 2:]), squares[:, 1:-1])
    across = _per_tile(squares, tile // step, tile, unit=UNIT)
    first, last = 2 - step, scaled.shape[0] // step - 1  # rows that have both neighbours
    _square(_bend(scaled[:-2:step], scaled[1:-1:step], scaled[2::step]), squares[first:last])
    squares[:first] = squares[last:] = 0
    return across, _per_tile(squares, tile // step, tile, unit=UNIT)


def _diagonal(scaled: Ints) -> NDArray[np.float64]:
    """Return the mean energies along and against the diagonal, (2,), from every second row."""
    here = scaled[1:-1:2, 1:-1]
    above, below = scaled[:-2:2], scaled[2::2]
    falling = _bend(above[:, :-2], here, below[:, 2:]).astype(np.float32).ravel()
    rising = _bend(above[:, 2:], here, below[:, :-2]).astype(np.float32).ravel()
    sums = np.array([np.dot(falling, falling), np.dot(rising, rising)], dtype=np.float64)
    return sums / (max(1, here.size) * UNIT**2)
