"""Chooses frames that show which kinds of pictures a taste raises and lowers.

The largest terms alone would show one afternoon ten times: after each choice, frames that look like it are passed over.
Invariant: no two chosen frames are of one burst or look alike, and each is raised (or lowered) by more than chance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.features import OF_SUBJECT
from safelight.domain.taste import Taste

Floats = NDArray[np.float64]

EXAMPLES = 6  # to either side
_ALIKE = 0.8  # cosine of two centred embeddings; frames of one scene lie above it
_SURE = 2.0  # deviations


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """A frame that may be an example; `name` is how the person knows it (its file)."""

    name: str
    features: Floats  # (k,)
    embedding: NDArray[np.floating]
    burst: str | None


@dataclass(frozen=True, slots=True)
class Example:
    """A frame that stands for a kind of picture; `lift` is what its kind adds to its score, in score units."""

    name: str
    lift: float

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        return {"name": self.name, "lift": round(self.lift, 3)}


def examples(taste: Taste, frames: Iterable[Pictured]) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Return the frames that rise most by what they show, and those that sink most."""
    pool = sorted(frames, key=lambda each: each.name)
    if not pool:
        return (), ()
    shows = np.array([each.features[OF_SUBJECT] for each in pool]) - taste.basis.ordinary_mean[OF_SUBJECT]
    # As Taste.terms reckons the term "subject".
    lift = shows @ (taste.displayed - taste.basis.generic)[OF_SUBJECT]
    spread = np.sqrt(
        np.maximum(np.einsum("ij,jk,ik->i", shows, taste.covariance[OF_SUBJECT, OF_SUBJECT], shows), 1e-12)
    )
    sure = np.abs(shows @ taste.weights[OF_SUBJECT]) >= _SURE * spread
    looks = _unit(np.array([each.embedding for each in pool], np.float64), taste.basis.centre)
    risen = _apart(np.flatnonzero(sure & (lift > 0)), -lift, looks, pool)
    sunk = _apart(np.flatnonzero(sure & (lift < 0)), lift, looks, pool)
    return (
        tuple(Example(pool[place].name, float(lift[place])) for place in risen),
        tuple(Example(pool[place].name, float(lift[place])) for place in sunk),
    )


def _apart(places: NDArray[np.int64], rank: Floats, looks: Floats, pool: Sequence[Pictured]) -> list[int]:
    """Return places by ascending rank, without those that look like one before them or share its burst."""
    chosen: list[int] = []
    for place in sorted(places.tolist(), key=lambda each: (rank[each], pool[each].name)):
        burst = pool[place].burst
        same = any(burst is not None and pool[other].burst == burst for other in chosen)
        if not same and (not chosen or float((looks[chosen] @ looks[place]).max()) < _ALIKE):
            chosen.append(place)
        if len(chosen) == EXAMPLES:
            break
    return chosen


def _unit(embeddings: Floats, centre: Floats) -> Floats:
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-9) - centre
    return np.asarray(unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9), np.float64)
