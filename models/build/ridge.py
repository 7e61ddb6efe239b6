"""Ridge regression on a model's outputs, and an honest look at what it has learned.

Outputs are standardised for the fit and the result is folded back to one weight per raw output, so that using it needs
neither means nor deviations. Folds are whole groups: near-duplicates on both sides of a split would flatter it. Of the
strengths that do about equally well the strongest is taken, as the photographs to come are others.
Invariant: a held-out prediction never saw its group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FOLDS = 5
GOOD_ENOUGH = 0.005  # of rank correlation: what a stronger fit may lose against the best one
LEAST_DEVIATION = 1e-6  # an output that never changes gets no weight worth the name


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rated pictures."""

    outputs: Floats  # (pictures, versions, numbers), version 0 being the picture as it is
    target: Floats  # (pictures,)
    groups: NDArray[np.int64]  # pictures of one group stay on one side of a split
    kinds: NDArray[np.str_]  # collection or category

    def only(self, chosen: NDArray[np.bool_]) -> "Table":
        """Return the chosen pictures."""
        return Table(self.outputs[chosen], self.target[chosen], self.groups[chosen], self.kinds[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A linear prediction: outputs @ weights + bias."""

    weights: Floats  # (numbers,)
    bias: float

    def predict(self, outputs: Floats) -> Floats:
        """Return one number for each row of `outputs` (pictures, numbers)."""
        return np.asarray(outputs @ self.weights + self.bias, np.float64)


def fit(table: Table, strengths: Sequence[float], *, kind_share: float) -> list[Fit]:
    """Return one fit per strength, the target freed from `kind_share` (0-1) of each kind's mean.

    Minimises the squared error plus strength x numbers x |weights|^2 with standardised outputs (Hoerl and Kennard,
    1970), through the eigenvectors of the smaller of the two Gram matrices.
    """
    versions = table.outputs.shape[1]
    rows = np.concatenate([table.outputs[:, version] for version in range(versions)])
    target = np.tile(_freed(table, kind_share), versions)
    centre, spread = rows.mean(axis=0), rows.std(axis=0) + LEAST_DEVIATION
    standard = (rows - centre) / spread
    level = float(target.mean())
    slopes = _slopes(standard, target - level, strengths)
    return [Fit(slope / spread, level - float(centre @ (slope / spread))) for slope in slopes]


def held_out(table: Table, strengths: Sequence[float], *, kind_share: float, parts: NDArray[np.int64]) -> Floats:
    """Return predictions (strengths, pictures), each made without the part (an integer per picture) it belongs to."""
    answers = np.zeros((len(strengths), len(table.target)))
    for part in np.unique(parts):
        out = parts == part
        for row, made in enumerate(fit(table.only(~out), strengths, kind_share=kind_share)):
            answers[row, out] = made.predict(table.outputs[out, 0])
    return answers


def folds(groups: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """Return a fold number per picture, whole groups together, drawn with `seed`."""
    names, place = np.unique(groups, return_inverse=True)
    drawn = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    return np.asarray(drawn[place], np.int64)


def strongest(scores: Sequence[float]) -> int:
    """Return the place of the last score within `GOOD_ENOUGH` of the best; scores are in order of strength."""
    return int(np.flatnonzero(np.asarray(scores) >= max(scores) - GOOD_ENOUGH)[-1])


def spearman(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation, ties sharing their mean rank; NaN when one of them never changes."""
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def alike(embeddings: Floats, least: float) -> NDArray[np.int64]:
    """Return a group number per row of unit vectors: rows linked by a chain of cosines of `least` or more share one."""
    linked = embeddings @ embeddings.T >= least
    np.fill_diagonal(linked, True)
    label = np.arange(len(embeddings))
    while True:
        lower = np.array([label[row].min() for row in linked])
        if (lower == label).all():
            return label.astype(np.int64)
        label = lower


def _slopes(standard: Floats, target: Floats, strengths: Sequence[float]) -> list[Floats]:
    pictures, numbers = standard.shape
    if numbers <= pictures:
        values, vectors = np.linalg.eigh(standard.T @ standard / numbers)
        turned = vectors.T @ (standard.T @ target) / numbers
        return [vectors @ (turned / (values + strength)) for strength in strengths]
    values, vectors = np.linalg.eigh(standard @ standard.T / numbers)
    turned = vectors.T @ target
    return [standard.T @ (vectors @ (turned / (values + strength))) / numbers for strength in strengths]


def _freed(table: Table, share: float) -> Floats:
    names, place = np.unique(table.kinds, return_inverse=True)
    means = np.array([table.target[table.kinds == name].mean() for name in names])
    return np.asarray(table.target - share * means[place], np.float64)


def _ranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place], np.float64)
