"""Decides what of a frame a taste can weigh: its generic contributions, what it shows, and how it was taken.

Contributions stay in score units, so the generic score is the sum of the first block and the taste starts exactly
there. What it shows is 64 directions of the embedding, found beforehand on ordinary photographs and not whitened: a
direction in which photographs differ little says little. Capture facts are logarithms, because photographers think in
stops and octaves, counted from an ordinary exposure; what a camera did not tell is ordinary (0).
Invariant: features are finite for every frame, and their first block adds up to the generic score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, isfinite, log2, pi, sin

import numpy as np
from numpy.typing import NDArray

from safelight.domain import technical_terms
from safelight.domain.frame import CaptureFacts
from safelight.domain.judges import looks_alone
from safelight.domain.records import Assessment
from safelight.domain.score import Contribution, Part

Floats = NDArray[np.float64]

GENERIC = (*technical_terms.NAMES, "burst", "set", "appeal")
COMPONENTS = 64
CAPTURE = ("focal", "aperture", "iso", "shutter", "upright", "hour_sin", "hour_cos")
NAMES = (*GENERIC, *(f"subject_{number:02d}" for number in range(COMPONENTS)), *CAPTURE)

OF_GENERIC = slice(0, len(GENERIC))
OF_SUBJECT = slice(len(GENERIC), len(GENERIC) + COMPONENTS)
OF_CAPTURE = slice(len(GENERIC) + COMPONENTS, len(NAMES))

# What an ordinary frame is taken with, and how many octaves are one unit: about the deviation over a mixed library.
_ORDINARY = {"focal": (35.0, 1.5), "aperture": (4.0, 1.0), "iso": (400.0, 2.0), "shutter": (1 / 125, 3.0)}
_LIMIT = 2.5  # units: a moon at 1000 mm is not twenty times a portrait
_DAY_S = 86400.0
_TURNED = (5, 6, 7, 8)  # EXIF orientations of a camera held upright


@dataclass(frozen=True, slots=True, eq=False)
class Bridge:
    """How embeddings of another bundle are read as components of this one: learned from frames that both have seen."""

    directions: Floats  # (COMPONENTS, numbers of the other)
    offset: Floats  # (COMPONENTS,)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What taste starts from: directions of the embedding, the prior over weights, and how ordinary photographs vary.

    Weights are in log-odds of being preferred per unit of a feature.
    """

    centre: Floats  # (numbers,) mean of unit embeddings
    directions: Floats  # (COMPONENTS, numbers), scaled so that the squares of a frame's components average 1 in sum
    slope: float  # log-odds per unit of generic score
    mean: Floats  # (k,) prior mean of the weights
    covariance: Floats  # (k, k) prior covariance of the weights
    ordinary_mean: Floats  # (k,) mean of the features of ordinary photographs
    ordinary: Floats  # (k, k) their covariance
    digest: str  # of the file it was read from
    bridge: Bridge | None = None  # for frames that only another judge has seen

    @property
    def generic(self) -> Floats:
        """Return the weights (k,) that are the generic score itself: 1 for each contribution, 0 for all else."""
        weights = np.zeros(len(NAMES))
        weights[OF_GENERIC] = 1.0
        return weights


def features(
    basis: Basis,
    contributions: Sequence[Contribution],
    embedding: NDArray[np.floating],
    facts: CaptureFacts,
    *,
    aspect: float | None = None,
    bridged: bool = False,
) -> Floats:
    """Return the features (k,) of one frame, in the order of `NAMES`.

    `contributions` are those of its score; those that a taste does not weigh are left out. `aspect` is width over
    height of the upright picture; `bridged` tells that the embedding is of the basis's other bundle. Raises ValueError
    for a contribution without a place here, or an embedding of another length.
    """
    made = np.zeros(len(NAMES))
    for entry in contributions:
        if entry.part not in (Part.TASTE, Part.FACES):
            made[_place(entry.name)] += entry.value
    made[OF_SUBJECT] = subject(basis, embedding, bridged=bridged)
    made[OF_CAPTURE] = capture(facts, aspect=aspect)
    return made


def features_of_look(basis: Basis, contributions: Sequence[Contribution], look: Assessment) -> Floats | None:
    """Return the features (k,) of one frame as it was seen, None where this basis cannot read that embedding."""
    bridged = basis.bridge is not None and looks_alone(look.judge)
    centre = basis.bridge.directions[0] if basis.bridge is not None and bridged else basis.centre
    if look.embedding.shape != centre.shape:
        return None
    aspect = look.width_px / max(look.height_px, 1)
    return features(basis, contributions, look.embedding, look.facts, aspect=aspect, bridged=bridged)


def subject(basis: Basis, embedding: NDArray[np.floating], *, bridged: bool = False) -> Floats:
    """Return the components (COMPONENTS,) of one embedding, which need not be of unit length."""
    bridge = basis.bridge if bridged else None
    shape = basis.centre.shape if bridge is None else bridge.directions[0].shape
    if embedding.shape != shape:
        raise ValueError(f"an embedding of {embedding.shape} numbers for a basis of {shape}")
    wide = np.asarray(embedding, np.float64)
    unit = wide / max(float(np.sqrt((wide * wide).sum())), 1e-9)
    # numpy's own loops, not BLAS: the same frame gives the same numbers whatever the number of threads
    if bridge is not None:
        return np.asarray((bridge.directions * unit).sum(axis=1) + bridge.offset, np.float64)
    return np.asarray((basis.directions * (unit - basis.centre)).sum(axis=1), np.float64)


def capture(facts: CaptureFacts, *, aspect: float | None = None) -> Floats:
    """Return the capture facts (len(CAPTURE),) in units of about one deviation; 0 where nothing was told."""
    told = {"focal": facts.focal_mm, "aperture": facts.aperture_f, "iso": facts.iso, "shutter": facts.shutter_s}
    octaves = [_octaves(name, value) for name, value in told.items()]
    return np.array([*octaves, _upright(facts.orientation, aspect), *_hour(facts.taken_s)])


def _octaves(name: str, value: float | None) -> float:
    if value is None or not isfinite(value) or value <= 0:
        return 0.0
    ordinary, unit = _ORDINARY[name]
    return max(-_LIMIT, min(_LIMIT, log2(value / ordinary) / unit))


def _upright(orientation: int | None, aspect: float | None) -> float:
    """Return 1 for an upright picture, -1 for a lying one, 0 for a square or when nothing is known."""
    if aspect is not None and isfinite(aspect) and aspect > 0:
        return float(aspect < 1) - float(aspect > 1)
    return 1.0 if orientation in _TURNED else 0.0


def _hour(taken_s: float | None) -> tuple[float, float]:
    if taken_s is None or not isfinite(taken_s):
        return 0.0, 0.0
    turn = 2 * pi * ((taken_s % _DAY_S) / _DAY_S)
    return sin(turn), cos(turn)


def _place(name: str) -> int:
    try:
        return GENERIC.index(name)
    except ValueError:
        raise ValueError(f"taste has no place for a contribution named {name}") from None
