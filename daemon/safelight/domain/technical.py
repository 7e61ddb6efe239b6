"""Measures how well a frame is made, as named numbers: focus, motion, exposure, clipping, noise, contrast, colour.

Numbers only, no verdicts: what is too dark for a portrait is right for a moon, so judging is left to `technical_terms`
(a frame among all photographs) and `keeper` (a frame among its burst). Focus is the detail of the sharpest tiles, those
near the centre first, against their own contrast: a blurred background costs nothing and brightness hardly moves it.
There is no horizon tilt: a straight edge in a preview is as often a roof or a staircase as a horizon.
Invariant: every number is finite for every picture, and the same picture gives the same numbers.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from safelight.domain.octaves import UNIT, Octaves, split

MEASURES_VERSION = 1  # raised whenever a picture's numbers change: they are then measured again

_CONTRAST_FLOOR = 400.0  # squared levels: a tile with a standard deviation under 20 of 255 levels is no subject
_NOISE_WEIGHT = 10.0  # how much a noisy tile's contrast is distrusted
_SUBJECT = 0.04  # share of the frame, by centre weight, whose least sharp tile stands for the subject
_SUBJECT_OF_LIVELY = 1 / 3  # and never more than this share of what is neither empty sky nor empty wall
_EMPTY = 16.0  # squared levels: a tile with a standard deviation under 4 levels holds nothing
_LEAST = 1e-4  # added to energy ratios before the logarithm: focus of a frame without any detail is -13.3
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
    by_level = [_sharpness(octaves, level, variance) for level in range(len(octaves.energy))]
    scale = float(np.clip(np.log2(max(rgb.shape[:2]) / 256), 1.0, len(by_level) - 1.0))
    counts = np.bincount((octaves.quarter >> 4).ravel(), minlength=256).cumsum()
    low, high = np.searchsorted(counts, (0.05 * counts[-1], 0.95 * counts[-1]))
    return Measures(
        focus=float(np.interp(scale, range(len(by_level)), by_level)),
        detail=(by_level[0] + by_level[1]) / 2,
        motion=_motion(octaves, variance),
        exposure=float(octaves.mean.mean()) / 255,
        highlights=_area(octaves.quarter >= _BRIGHT * UNIT, octaves.mean.shape),
        shadows=_area(octaves.quarter < (_DARK + 1) * UNIT, octaves.mean.shape),
        noise=variance**0.5,
        contrast=float(high - low) / 255,
        colour=_colourfulness(rgb[::8, ::8].astype(np.float64)),
    )


def noise_variance(octaves: Octaves) -> float:
    """Estimate the variance of noise, squared levels, from the flattest tenth of the tiles.

    White noise of variance v has second differences of 6 v in each direction, and a quarter of that at half scale. The
    smaller of both scales' answers is taken, so that fine texture, which is stronger at half scale or at full, counts less.
    """
    lively = (octaves.mean > _DARK) & (octaves.mean < _BRIGHT)
    if not lively.any():
        return 0.0
    full, half = (float(np.percentile(octaves.energy[level][lively], 10)) for level in (0, 1))
    return min(full / 12, half / 3)


def _sharpness(octaves: Octaves, level: int, variance: float) -> float:
    """Return log2 of detail over contrast at one level, in the tile that stands for the subject.

    A small subject before nothing (a moon, a bird) is judged on its own tiles; burnt-out white is not nothing, as
    something was lost there.
    """
    floor = 12 * variance / 4**level
    contrast = octaves.variance + _CONTRAST_FLOOR + 3 * _NOISE_WEIGHT * variance
    ratio = np.maximum(octaves.energy[level] - floor, 0.0) / contrast
    weights = _centre_weight(*ratio.shape)
    lively = (octaves.variance >= _EMPTY) | (octaves.mean >= _BRIGHT - 5)
    share = min(_SUBJECT, _SUBJECT_OF_LIVELY * float(weights[lively].sum() / weights.sum()))
    return float(np.log2(_weighted_quantile(ratio, weights, 1 - share) + _LEAST))


def _centre_weight(rows: int, columns: int) -> NDArray[np.float64]:
    """Weigh tiles by how near the centre they are: 1 there, 1/2 at a side's middle, 1/3 in a corner."""
    down = ((np.arange(rows) + 0.5) / rows * 2 - 1) ** 2
    across = ((np.arange(columns) + 0.5) / columns * 2 - 1) ** 2
    return np.asarray(1 / (1 + down[:, None] + across[None, :]), dtype=np.float64)


def _weighted_quantile(values: NDArray[np.floating], weights: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values, axis=None, kind="stable")
    reached = np.cumsum(weights.ravel()[order])
    place = min(int(np.searchsorted(reached, share * reached[-1])), reached.size - 1)
    return float(values.ravel()[order[place]])


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
    share = mask.reshape(rows, mask.shape[0] // rows, columns, mask.shape[1] // columns).mean(axis=(1, 3))
    full = np.pad(share >= 0.5, 1)
    inner = full[1:-1, 1:-1]
    return float((inner & (full[:-2, 1:-1] | full[2:, 1:-1] | full[1:-1, :-2] | full[1:-1, 2:])).mean())


def _colourfulness(rgb: NDArray[np.float64]) -> float:
    red_green = rgb[..., 0] - rgb[..., 1]
    yellow_blue = (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
