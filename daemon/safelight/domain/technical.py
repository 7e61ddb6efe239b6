"""Measures how well a frame is made, as named numbers: focus, motion, exposure, clipping, noise, contrast, colour.

Numbers only, no verdicts: what is too dark for a portrait is right for a moon, so judging is left to `technical_terms`
(a frame among all photographs) and `keeper` (a frame among its burst). Focus is the detail of the sharpest tiles, those
near the centre first, against their own contrast: a blurred background costs nothing and brightness hardly moves it.
There is no horizon tilt: a straight edge in a preview is as often a roof or a staircase as a horizon.
Invariant: every number is finite for every picture, and the same picture gives the same numbers.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from safelight.domain.octaves import UNIT, Octaves, split, tile_px

MEASURES_VERSION = 1  # raised whenever a picture's numbers change: they are then measured again

_CONTRAST_FLOOR = 400.0  # squared levels: a tile with a standard deviation under 20 of 255 levels is no subject
_NOISE_WEIGHT = 10.0  # how much a noisy tile's contrast is distrusted
_SUBJECT = 0.04  # share of the frame, by centre weight, whose least sharp tile stands for the subject
_SUBJECT_OF_LIVELY = 1 / 3  # and never more than this share of what is neither empty sky nor empty wall
_EMPTY = 16.0  # squared levels: a tile with a standard deviation under 4 levels holds nothing
_LEAST = 1e-4  # added to energy ratios before the logarithm: focus of a frame without any detail is -13.3
_LIVELY_ENOUGH = 0.25  # share of tiles neither clipped nor crushed that noise can be told from
_BRIGHT, _DARK = 250, 8  # levels: from here clipped, up to here crushed (8-bit sRGB, JPEG rounding kept clear of)


@dataclass(frozen=True, slots=True)
class Measures:
    """What one preview tells; every field is a finite float, monotone in what its name says."""

    focus: float  # log2 energy of detail over local contrast in the sharpest tiles, at 1/256 of the long edge; -13 to 4
    detail: float  # the same at the finest two scales of the preview: compare only previews of one size; -13 to 6
    motion: float  # log2 ratio, between perpendicular directions, of fine over coarse detail; 0 none, over 1 suspicious
    exposure: float  # mean luma, 0-1 in sRGB's gamma: mid-grey of 18 % is 0.46
    highlights: float  # share of the frame in clipped areas larger than a tile, 0-1: points, glints, small suns not
    shadows: float  # share of the frame in crushed areas larger than a tile, 0-1
    noise: float  # standard deviation of noise in the flattest tenth of the tiles, 8-bit levels
    contrast: float  # luma between the 5th and the 95th percentile, 0-1
    colour: float  # colourfulness M3 of Hasler and Suesstrunk (2003), levels; 0 grey, over 60 strong

    def as_dict(self) -> dict[str, float]:
        """Return the numbers by name, JSON-able."""
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: Mapping[str, float]) -> "Measures":
        """Build from `as_dict()`'s answer. Raises KeyError when a number is missing."""
        return cls(**{field.name: float(numbers[field.name]) for field in fields(cls)})


def measure(rgb: NDArray[np.uint8]) -> Measures:
    """Measure one preview: uint8 (height, width, 3), sRGB, oriented, any size from 1x1; about 6 CPU ms a megapixel."""
    octaves = split(rgb)
    variance = noise_variance(octaves)
    scale = float(np.clip(np.log2(max(rgb.shape[:2]) / 256), 1.0, len(octaves.energy) - 1.0))
    sharpness = _sharpness(octaves, variance, {0, 1, floor(scale), ceil(scale)})
    thin = tile_px(*rgb.shape[:2]) // 2
    counts = np.bincount((octaves.quarter >> 4).ravel(), minlength=256).cumsum()
    low, high = np.searchsorted(counts, (0.05 * counts[-1], 0.95 * counts[-1]))
    return Measures(
        focus=float(np.interp(scale, list(sharpness), list(sharpness.values()))),
        detail=(sharpness[0] + sharpness[1]) / 2,
        motion=_motion(octaves, variance),
        exposure=float(octaves.mean.mean()) / 255,
        highlights=_area(octaves.quarter >= _BRIGHT * UNIT, octaves.mean.shape),
        shadows=_area(octaves.quarter < (_DARK + 1) * UNIT, octaves.mean.shape),
        noise=variance**0.5,
        contrast=float(high - low) / 255,
        colour=_colourfulness(rgb[::thin, ::thin].astype(np.float64)),
    )


def noise_variance(octaves: Octaves) -> float:
    """Estimate the variance of noise, squared levels, from the flattest tenth of the tiles.

    White noise of variance v has second differences of 6 v in each direction, and a quarter of that at half scale. The
    smaller of both scales' answers is taken, so that texture, which is not white, counts less.
    """
    lively = (octaves.mean > _DARK) & (octaves.mean < _BRIGHT)
    if lively.mean() < _LIVELY_ENOUGH:  # a moon must not be taken for noise: then the black sky is better evidence
        lively = octaves.mean < _BRIGHT
    if not lively.any():
        return 0.0
    tenth = int(lively.sum()) // 10
    full, half = (float(np.partition(octaves.energy[level][lively], tenth)[tenth]) for level in (0, 1))
    return min(full / 12, half / 3)


def _sharpness(octaves: Octaves, variance: float, levels: Collection[int]) -> dict[int, float]:
    """Return log2 of detail over contrast at each of the levels, ascending, in the tile that stands for the subject.

    A small subject before nothing (a moon, a bird) is judged on its own tiles; burnt-out white is not nothing, as
    something was lost there.
    """
    weights = _centre_weight(*octaves.mean.shape)
    lively = (octaves.variance >= _EMPTY) | (octaves.mean >= _BRIGHT - 5)
    total = float(weights.sum())
    least = (1 - min(_SUBJECT, _SUBJECT_OF_LIVELY * float(weights[lively].sum()) / total)) * total
    contrast = octaves.variance + (_CONTRAST_FLOOR + 3 * _NOISE_WEIGHT * variance)
    found = {}
    for level in sorted(levels):
        ratio = (np.maximum(octaves.energy[level] - 12 * variance / 4**level, 0.0) / contrast).ravel()
        order = np.argsort(ratio, kind="stable")
        place = int(np.searchsorted(weights.ravel()[order].cumsum(), least))
        found[level] = float(np.log2(ratio[order[min(place, ratio.size - 1)]] + _LEAST))
    return found


def _centre_weight(rows: int, columns: int) -> NDArray[np.float64]:
    """Weigh tiles by how near the centre they are: 1 there, 1/2 at a side's middle, 1/3 in a corner."""
    down = ((np.arange(rows) + 0.5) / rows * 2 - 1) ** 2
    across = ((np.arange(columns) + 0.5) / columns * 2 - 1) ** 2
    return np.asarray(1 / (1 + down[:, None] + across[None, :]), dtype=np.float64)


def _motion(octaves: Octaves, variance: float) -> float:
    """Return how much more of its fine detail one direction has lost than the direction across it.

    A picture may well have more edges one way than the other, but then at every scale; motion takes the fine ones only.
    """
    fine, coarse = (
        np.log2(np.maximum(octaves.bearing[level] - 6 * variance / 4**level, 0.0) + 0.5) for level in (1, 3)
    )
    lost = coarse - fine
    return float(max(abs(lost[0] - lost[1]), abs(lost[2] - lost[3])))


def _area(mask: NDArray[np.bool_], grid: tuple[int, ...]) -> float:
    """Return the share of tiles at least half inside `mask` and touching another such tile."""
    rows, columns = grid
    high, wide = mask.shape[0] // rows, mask.shape[1] // columns
    strips = mask.view(np.uint8).reshape(rows, high, columns * wide).sum(axis=1, dtype=np.uint16)
    inside = strips.reshape(rows, columns, wide).sum(axis=2, dtype=np.uint32)
    full = np.zeros((rows + 2, columns + 2), dtype=np.bool_)
    full[1:-1, 1:-1] = inside * 2 >= high * wide
    inner = full[1:-1, 1:-1]
    return float((inner & (full[:-2, 1:-1] | full[2:, 1:-1] | full[1:-1, :-2] | full[1:-1, 2:])).mean())


def _colourfulness(rgb: NDArray[np.float64]) -> float:
    red_green = rgb[..., 0] - rgb[..., 1]
    yellow_blue = (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
