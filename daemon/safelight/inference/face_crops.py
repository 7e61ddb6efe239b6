"""Cuts square pictures out of a preview, turned and scaled as a face model wants them, with numpy alone.

A picture that is made smaller by taking single pixels has patterns that are not in it, so halves of the preview are
made first by averaging, and a cut is taken from the one that is at most twice as fine as needed.
Invariant: what lies outside of the preview is black, and no place is rounded to whole pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Square:
    """A square in a preview: centre and side in its pixels, turned clockwise by `angle` radians."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def outwards(self, places: NDArray[np.floating]) -> NDArray[np.float64]:
        """Turn places (..., 2) in shares of the square, 0-1 to the right and down, into pixels of the preview."""
        right, down = (places[..., 0] - 0.5) * self.side, (places[..., 1] - 0.5) * self.side
        turn_x, turn_y = cos(self.angle), sin(self.angle)
        return np.stack([self.x + right * turn_x - down * turn_y, self.y + right * turn_y + down * turn_x], axis=-1)


class Halves:
    """A preview with its half, its quarter and so on, made when they are wanted."""

    def __init__(self, preview: NDArray[np.uint8]) -> None:
        """Take an uint8 (height, width, 3) preview."""
        self._levels: list[NDArray[np.uint8]] = [preview]

    @property
    def preview(self) -> NDArray[np.uint8]:
        """Return the preview itself."""
        return self._levels[0]

    def cut(self, square: Square, pixels: int) -> Floats:
        """Return float32 (pixels, pixels, 3), levels 0-255, of what is in `square`; bilinear between pixels."""
        level, step = 0, square.side / pixels
        while step >= 2 and min(self._level(level).shape[:2]) >= 4:
            level, step = level + 1, step / 2
        source = self._level(level)
        scale = 2.0**-level
        middles = (np.arange(pixels) + 0.5) / pixels
        along = (middles - 0.5) * square.side * scale
        middle_x, middle_y = square.x * scale - 0.5, square.y * scale - 0.5
        if square.angle == 0:
            return _straight(source, middle_y + along, middle_x + along)
        level_part, steep_part = along * cos(square.angle), along * sin(square.angle)
        rows = (middle_y + level_part)[:, None] + steep_part[None, :]
        columns = (middle_x + level_part)[None, :] - steep_part[:, None]
        return _turned(source, rows.astype(np.float32), columns.astype(np.float32))

    def _level(self, level: int) -> NDArray[np.uint8]:
        while len(self._levels) <= level:
            self._levels.append(_half(self._levels[-1]))
        return self._levels[level]


def _half(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the means of two by two pixels; an odd last row or column is left out."""
    high, wide = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    rows = np.add(picture[0:high:2, :wide], picture[1:high:2, :wide], dtype=np.uint16)
    sums = rows[:, 0::2] + rows[:, 1::2]
    sums += 2
    sums >>= 2
    return sums.astype(np.uint8)


def _straight(source: NDArray[np.uint8], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Floats:
    upper, lower, down = _neighbours(rows, source.shape[0])
    left, right, across = _neighbours(columns, source.shape[1])
    top, bottom, across = source[upper], source[lower], across[:, None]
    above = top[:, left] * (1 - across) + top[:, right] * across
    below = bottom[:, left] * (1 - across) + bottom[:, right] * across
    cut = above + (below - above) * down[:, None, None]
    cut[(rows < -0.5) | (rows > source.shape[0] - 0.5)] = 0
    cut[:, (columns < -0.5) | (columns > source.shape[1] - 0.5)] = 0
    return np.asarray(cut, np.float32)


def _turned(source: NDArray[np.uint8], rows: Floats, columns: Floats) -> Floats:
    upper, lower, down = _neighbours(rows, source.shape[0])
    left, right, across = _neighbours(columns, source.shape[1])
    # Only the part that is needed, and each colour by itself: numpy is slow along an axis of three.
    top, start = int(upper.min()), int(left.min())
    part = source[top : int(lower.max()) + 1, start : int(right.max()) + 1]
    planes = np.ascontiguousarray(part.transpose(2, 0, 1)).reshape(3, -1)
    above, below = (upper - top) * part.shape[1] - start, (lower - top) * part.shape[1] - start
    both = across * down
    cut = planes.take(above + left, axis=1) * (1 - across - down + both)
    cut += planes.take(above + right, axis=1) * (across - both)
    cut += planes.take(below + left, axis=1) * (down - both)
    cut += planes.take(below + right, axis=1) * both
    outside = (rows < -0.5) | (rows > source.shape[0] - 0.5) | (columns < -0.5) | (columns > source.shape[1] - 0.5)
    cut[:, outside] = 0
    return np.ascontiguousarray(cut.transpose(1, 2, 0))


def _neighbours(at: NDArray[np.floating[Any]], size: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Return the pixels on both sides of each place, inside the picture, and how far it is on the way to the second."""
    inside = np.clip(at, 0, size - 1)
    first = inside.astype(np.int32)
    return first, np.minimum(first + 1, size - 1), (inside - first).astype(np.float32)


def squares_over(shape: Sequence[int], share: float) -> tuple[Square, ...]:
    """Return squares with `share` of the long edge as their side that together cover a preview, overlapping.

    They overlap by a third at least, so that a face of up to a third of a square is whole in one of them.
    """
    high, wide = int(shape[0]), int(shape[1])
    side = share * max(high, wide)
    return tuple(Square(x, y, side) for y in _middles(high, side) for x in _middles(wide, side))


def _middles(length: int, side: float) -> list[float]:
    if length <= side:
        return [length / 2]
    count = int(np.ceil((length - side) / (side * 2 / 3))) + 1
    return [float(at) for at in np.linspace(side / 2, length - side / 2, count)]
