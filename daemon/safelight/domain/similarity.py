"""Decides how alike two frames look: what they show (embedding) and whether one picture can be laid over the other.

Neither evidence is enough alone: two lawns have the same embedding (0.88), and the same street seen dark or blurred
has another (0.3); two horizons lie on each other at the scale of the grid. Together they part near-duplicates from
merely similar pictures widely, so the limits here leave a margin on both sides.
Invariant: symmetric where it decides, deterministic, and blind to time, names and order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from safelight.domain.signature import GRID

REACH = 3  # cells a picture may be shifted by: 14 % of its side
_CELLS = GRID * GRID
_OVERLAP = 0.45  # share of the cells that must lie on each other
QUIET = 1e-2  # mean square of normalised contrast below which there is nothing to compare
_NEAR = tuple((zoom, degrees) for zoom in (0.78, 0.88, 1.0, 1.14, 1.28) for degrees in (-5.0, 0.0, 5.0))
_TURNS = tuple((zoom, float(degrees)) for zoom in (0.85, 1.0, 1.18) for degrees in range(-180, 180, 10))

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How one frame looks: `embedding` (d,) L2-normalised, `layout` (GRID, GRID), `aspect` width / height."""

    embedding: Floats
    layout: Floats
    aspect: float


@lru_cache(maxsize=1)
def _shift_index() -> tuple[NDArray[np.intp], Floats]:
    """Return index (shifts, cells) and mask that place a grid at every shift within REACH."""
    cell = np.arange(GRID)
    rows, cols = [], []
    for down in range(-REACH, REACH + 1):
        for right in range(-REACH, REACH + 1):
            rows.append(np.repeat(cell + down, GRID))
            cols.append(np.tile(cell + right, GRID))
    row, col = np.array(rows), np.array(cols)
    inside = (row >= 0) & (row < GRID) & (col >= 0) & (col < GRID)
    index = np.clip(row, 0, GRID - 1) * GRID + np.clip(col, 0, GRID - 1)
    return index, inside.astype(np.float32)


@lru_cache(maxsize=32)
def _warp_index(warps: tuple[tuple[float, float], ...], aspect: float) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return (4, warps, cells) corner indices and weights of a bilinear zoom and turn, and the mask (warps, cells).

    The grid is square and the picture is not: a turn happens in the picture, so x is stretched by `aspect` meanwhile.
    """
    half = (GRID - 1) / 2
    y, x = np.mgrid[0:GRID, 0:GRID].reshape(2, 1, -1) - half
    zoom = np.array([w[0] for w in warps])[:, None]
    turn = np.deg2rad(np.array([w[1] for w in warps]))[:, None]
    wide = x * aspect
    across = (wide * np.cos(turn) - y * np.sin(turn)) / zoom / aspect + half
    down = (wide * np.sin(turn) + y * np.cos(turn)) / zoom + half
    inside = (across > -1e-6) & (across < GRID - 1 + 1e-6) & (down > -1e-6) & (down < GRID - 1 + 1e-6)
    across, down = np.clip(across, 0, GRID - 1 - 1e-6), np.clip(down, 0, GRID - 1 - 1e-6)
    left, top = across.astype(np.intp), down.astype(np.intp)
    fx, fy = across - left, down - top
    corner = top * GRID + left
    index = np.stack([corner, corner + 1, corner + GRID, corner + GRID + 1])
    weight = np.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy]) * inside
    return index, weight.astype(np.float32), inside.astype(np.float32)


def shift_masks() -> Floats:
    """Return (shifts, cells): which cells of a grid still have a partner after each shift within REACH."""
    return _shift_index()[1]


def _best_overlay(warped: Floats, mask: Floats, other: Floats) -> float:
    """Highest normalised cross-correlation of `warped` (w, cells) with `other` (cells,) over all shifts in reach."""
    index, placed = _shift_index()
    shifted = other[index] * placed
    count = np.maximum(mask @ placed.T, 1.0)
    sum_a, sum_b = warped @ placed.T, mask @ shifted.T
    power_a = (warped * warped) @ placed.T - sum_a * sum_a / count
    power_b = mask @ (shifted * shifted).T - sum_b * sum_b / count
    cross = warped @ shifted.T - sum_a * sum_b / count
    floor = QUIET * count
    value = cross / np.sqrt(np.maximum(power_a, floor) * np.maximum(power_b, floor))
    return float(np.max(np.where(count >= _OVERLAP * _CELLS, value, -1.0)))


def _overlay(a: Look, b: Look, warps: tuple[tuple[float, float], ...]) -> float:
    index, weight, mask = _warp_index(warps, round(a.aspect, 2))
    warped = np.einsum("kwc,kwc->wc", a.layout.ravel()[index], weight)
    return _best_overlay(warped, mask, b.layout.ravel())


def cosine(a: Look, b: Look) -> float:
    """Return the cosine of the two embeddings, -1..1."""
    return float(a.embedding @ b.embedding)


def aligned(a: Look, b: Look) -> float:
    """Return how well `b` lies on `a` after a shift of up to 14 %: normalised cross-correlation, -1..1."""
    whole = np.ones((1, _CELLS), np.float32)
    return _best_overlay(a.layout.reshape(1, -1), whole, b.layout.ravel())


def mirrored(a: Look, b: Look) -> float:
    """Like `aligned`, with one of the two mirrored left to right."""
    return _best_overlay(a.layout[:, ::-1].reshape(1, -1), np.ones((1, _CELLS), np.float32), b.layout.ravel())


def nudged(a: Look, b: Look) -> float:
    """Like `aligned`, with a zoom of up to 28 % and a turn of up to 5 degrees besides."""
    return _overlay(a, b, _NEAR)


def turned(a: Look, b: Look) -> float:
    """Like `aligned`, turned by any angle in steps of 10 degrees and zoomed: the object seen from elsewhere."""
    return _overlay(a, b, _TURNS)


@dataclass(frozen=True, slots=True)
class Hints:
    """What speaks for two frames beside their looks; none of it joins them alone."""

    rapid: bool = False  # taken on one held release
    beside: bool = False  # next to each other in their order: worth the search for a turned view
    namesakes: bool = False  # one file is named as an edit of the other


@dataclass(frozen=True, slots=True)
class Limits:
    """Where likeness begins, for the embeddings of one bundle; the defaults are those of the embedded bundle.

    Sums are cosine + overlay. Chosen by hand on public photographs, between what self-made near-duplicates, scene
    series and known groups reach and the highest that unrelated pairs reached there (aligned 1.28, nudged 1.39,
    turned 1.39 among about 800,000 pairs). `tests/bench/grouping.py` measures them on the same photographs.
    """

    same_cosine: float = 0.98  # the embedding alone: two fogs have nothing to lay over each other
    twin_cosine: float = 0.93  # the embedding, where the pictures at least do not contradict it
    twin_overlay: float = 0.40  # of two softened textures (cosine 0.97) 0.2 was seen
    aligned_sum: float = 1.34
    nudged_sum: float = 1.45
    turned_sum: float = 1.42
    turned_cosine: float = 0.73
    rapid_sum: float = 1.30  # for frames of one held release
    rapid_cosine: float = 0.80
    namesake_sum: float = 1.25  # for a file named as an edit of the other
    namesake_cosine: float = 0.55
    sure_aligned: float = 0.85  # the overlay alone, whatever exposure and blur did to the embedding
    hopeless_cosine: float = 0.20
    group_cosine: float = 0.65  # what most frames of one group have in common
    group_sum: float = 1.10


def closeness(a: Look, b: Look, near: float, laid: float, *, limits: Limits, hints: Hints) -> float:
    """Return by how much the two frames pass the limits (>= 0: one moment) or the least they fail by (< 0).

    `near` is their `cosine`, `laid` their `aligned` overlay; the costlier overlays are computed only where needed.
    """
    if near >= limits.same_cosine or near < limits.hopeless_cosine:
        return near - (limits.same_cosine if near >= limits.same_cosine else limits.hopeless_cosine)
    if near >= limits.twin_cosine and max(laid, mirrored(a, b)) >= limits.twin_overlay:
        return near - limits.twin_cosine
    margin = max(near - limits.same_cosine, laid - limits.sure_aligned, near + laid - limits.aligned_sum)
    if hints.rapid and near >= limits.rapid_cosine:
        margin = max(margin, near + laid - limits.rapid_sum)
    if margin >= 0 or near < limits.namesake_cosine:
        return margin
    near_overlay = nudged(a, b)
    if near >= limits.twin_cosine and near_overlay >= limits.twin_overlay:
        return near - limits.twin_cosine
    margin = max(margin, near + near_overlay - limits.nudged_sum)
    if margin >= 0 or not (hints.namesakes or (hints.beside and near >= limits.turned_cosine)):
        return margin
    return max(margin, near + turned(a, b) - (limits.namesake_sum if hints.namesakes else limits.turned_sum))


def mostly_alike(some: Sequence[Look], others: Sequence[Look], known: NDArray[np.bool_], *, limits: Limits) -> bool:
    """Tell whether at least half of the pairs between `some` and `others` are loosely alike.

    `known` (some, others) marks the pairs that are known to be alike already.
    """
    cosines = np.stack([look.embedding for look in some]) @ np.stack([look.embedding for look in others]).T
    alike = known | (cosines >= limits.group_cosine)
    missing = (alike.size + 1) // 2 - int(alike.sum())
    for row, col in np.argwhere(~alike):
        if missing <= 0:
            break
        missing -= int(cosines[row, col] + aligned(some[row], others[col]) >= limits.group_sum)
    return missing <= 0
