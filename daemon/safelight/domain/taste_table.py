"""Holds the comparisons that a taste is learned from as arrays, and decides how far each of them counts.

A burst is one decision, however many frames it has, so a unit counts as at most two comparisons; and a taste changes,
so evidence fades with the shoots that came after it.
Invariant: what a row counts depends on the table alone, so a replay of the journal gives the same numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.preference import PRIOR_LAPSE, WEIGHT, Kind

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

KINDS = tuple(Kind)  # `Table.kind` is a place in it
WEIGHTS = np.array([WEIGHT[kind] for kind in KINDS])
LAPSES = np.array([PRIOR_LAPSE[kind] for kind in KINDS])

UNIT_COUNTS = 2.0  # comparisons
HALF_LIFE = 40.0  # shoots


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Comparisons, one a row: the person preferred a winner to a loser."""

    differences: Floats  # (n, k) features of the winner minus those of the loser
    shown: Floats  # (n,) stars shown, winner minus loser, in units of 1.1 stars; 0 where either was not shown
    kind: Numbers  # (n,) place in KINDS
    weight: Floats  # (n,) as in Comparison.weight
    unit: Numbers  # (n,) rows with the same number are one decision
    shoot: Numbers  # (n,) order of the shoots: 0 is the oldest

    def __len__(self) -> int:
        return len(self.weight)

    def only(self, rows: slice | Numbers) -> "Table":
        """Return some of the rows."""
        columns = (self.differences, self.shown, self.kind, self.weight, self.unit, self.shoot)
        return Table(*(column[rows] for column in columns))  # type: ignore[arg-type]

    def counts(self) -> Floats:
        """Return how far each row counts (n,): its weight, its share of its unit, and its age in shoots."""
        if not len(self):
            return np.zeros(0)
        place = np.unique(self.unit, return_inverse=True)[1]
        full = np.bincount(place, self.weight / WEIGHTS[self.kind])  # how many comparisons a unit would count as
        share = np.minimum(1.0, UNIT_COUNTS / np.maximum(full, 1e-9))[place]
        age = float(self.shoot.max()) - self.shoot
        return np.asarray(self.weight * share * 0.5 ** (age / HALF_LIFE), np.float64)
