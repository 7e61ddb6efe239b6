"""Carries a taste over to the embeddings of another bundle, so that nothing that was learned is lost.

The new bundle's own directions are found on the person's photographs as the shipped ones were on ordinary ones. The
shipped start is the same in every direction of what is shown, so it holds for the new directions as well; weights of
generic contributions and capture facts do not depend on the bundle at all. Frames that are gone were seen by the old
bundle only: a ridge regression over frames that both have seen reads their embeddings in the new directions (Hoerl and
Kennard, 1970; its strength by generalised cross-validation: Golub, Heath and Wahba, 1979).
What words say of a picture has no scale of its own, so it is brought to the deviation of the person's photographs.
Invariant: the same rows give the same succession; embeddings of two bundles are never compared with each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt, tanh

import numpy as np
from numpy.typing import NDArray

from safelight.domain.components import components
from safelight.domain.features import OF_SUBJECT, Basis, Bridge, subject
from safelight.domain.judges import LEAST_FRAMES

Floats = NDArray[np.float64]

_STRENGTHS = tuple(10.0**power for power in range(-6, 2))  # of the ridge, per frame, in units of unit embeddings
# How far words count beside the fitted heads, in deviations. Not fitted: no weights of a text tower were to be had to
# measure it on, so it is less than the heads themselves, which were measured.
WORDS = {"quality": 0.25, "appeal": 0.5}
_SOFT_LIMIT = 3.0  # as inference.heads has it


@dataclass(frozen=True, slots=True, eq=False)
class Tilt:
    """What a direction in the embedding says, brought to mean 0 and deviation 1 over the person's photographs."""

    direction: Floats  # (numbers,)
    mean: float
    deviation: float

    def z(self, embedding: NDArray[np.floating]) -> float:
        """Return what one embedding (numbers,) says, in deviations, at most 3 either way."""
        wide = np.asarray(embedding, np.float64)
        length = max(float(np.sqrt((wide * wide).sum())), 1e-9)
        told = (float((self.direction * wide).sum()) / length - self.mean) / self.deviation
        return max(-_SOFT_LIMIT, min(_SOFT_LIMIT, told))


@dataclass(frozen=True, slots=True, eq=False)
class Succession:
    """What it takes for a bundle to follow another: the start of the taste in its directions, and what words say."""

    basis: Basis
    tilts: Mapping[str, Tilt]  # "quality" and "appeal", where the bundle has words

    def tilted(self, name: str, head: float, embedding: NDArray[np.floating]) -> float:
        """Return the z-score `head` of a fitted head with what words say added; as it is where there are no words."""
        tilt = self.tilts.get(name)
        if tilt is None:
            return head
        share = WORDS[name]
        both = (head + share * tilt.z(embedding)) / sqrt(1 + share * share)  # keeps a deviation of about 1
        return _SOFT_LIMIT * tanh(both / _SOFT_LIMIT)


def succession(
    shipped: Basis, before: Floats, after: Floats, directions: Mapping[str, NDArray[np.floating]], *, digest: str = ""
) -> Succession:
    """Return the succession for frames that both bundles have seen: `before` (n, numbers), `after` (n, others).

    `shipped` is the basis of the bundle before, `directions` what words gave in the one after (others,). Raises
    ValueError for fewer than `LEAST_FRAMES` rows, rows of different number, or embeddings that are all alike.
    """
    if len(before) != len(after) or len(after) < LEAST_FRAMES:
        raise ValueError(f"{len(before)} and {len(after)} embeddings are too few or do not belong together")
    fresh = _unit(after)
    centre = fresh.mean(axis=0)
    away = fresh - centre
    turned = components(away.T @ away / len(away))
    seen = (fresh - centre) @ turned.T
    bridge = _bridge(shipped, before, seen)
    ordinary_mean, ordinary = shipped.ordinary_mean.copy(), shipped.ordinary.copy()
    ordinary_mean[OF_SUBJECT] = seen.mean(axis=0)
    # How what is shown goes together with technical terms was known of the old directions only.
    ordinary[OF_SUBJECT, :] = ordinary[:, OF_SUBJECT] = 0.0
    ordinary[OF_SUBJECT, OF_SUBJECT] = np.cov(seen, rowvar=False, bias=True)
    basis = replace(
        shipped,
        centre=centre,
        directions=turned,
        ordinary_mean=ordinary_mean,
        ordinary=ordinary,
        bridge=bridge,
        digest=digest,
    )
    return Succession(basis, _tilts(fresh, directions))


def _unit(rows: Floats) -> Floats:
    wide = np.asarray(rows, np.float64)
    return np.asarray(wide / np.maximum(np.sqrt((wide * wide).sum(axis=1, keepdims=True)), 1e-9), np.float64)


def _bridge(shipped: Basis, before: Floats, seen: Floats) -> Bridge:
    """Return how embeddings of the bundle before are read in the new components `seen` (n, COMPONENTS)."""
    known = np.array([subject(shipped, row) for row in before])
    middle, target = known.mean(axis=0), seen.mean(axis=0)
    weights = _ridge(known - middle, seen - target)  # (COMPONENTS of before, COMPONENTS)
    directions = weights.T @ shipped.directions
    offset = target - weights.T @ middle - directions @ shipped.centre
    return Bridge(directions=np.asarray(directions, np.float64), offset=np.asarray(offset, np.float64))


def _ridge(x: Floats, y: Floats) -> Floats:
    """Return weights (columns of x, columns of y); the strength with the least generalised cross-validation error."""
    left, values, right = np.linalg.svd(x, full_matrices=False)
    turned = left.T @ y
    best: tuple[float, Floats] | None = None
    for strength in _STRENGTHS:
        kept = values**2 / (values**2 + strength * len(x))
        rest = float(((y - left @ (kept[:, None] * turned)) ** 2).sum())
        error = rest / (1 - float(kept.sum()) / len(x)) ** 2
        if best is None or error < best[0]:
            shrunk = values / (values**2 + strength * len(x))
            best = (error, np.asarray(right.T @ (shrunk[:, None] * turned), np.float64))
    assert best is not None
    return best[1]


def _tilts(fresh: Floats, directions: Mapping[str, NDArray[np.floating]]) -> dict[str, Tilt]:
    tilts = {}
    for name in WORDS:
        if name in directions:
            direction = np.asarray(directions[name], np.float64)
            told = fresh @ direction
            if (deviation := float(told.std())) > 1e-6:  # else it says the same of every photograph
                tilts[name] = Tilt(direction, float(told.mean()), deviation)
    return tilts
