"""Foretells every decision with a taste that was learned from earlier shoots alone.

What was learned from a shoot may not be measured on it, and what came later may not be known before: a shoot's
decisions are foretold by a taste fitted to comparisons of shoots that were begun earlier, and made before this shoot's
first decision. Bursts lie inside shoots, so they are apart too. A fit a shoot would take minutes, so a taste serves
until the past has grown: by about three quarters at first, by a twentieth over the decisions that are reported. All
fits together then cost about as much as four to everything, and what they foretell errs, if at all, to the low side.
Invariant: no row is foretold by a taste that has seen its shoot, or a row decided after the shoot's first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from safelight.domain.evaluation_rows import Floats, Numbers, Rows
from safelight.domain.features import OF_GENERIC
from safelight.domain.taste_table import KINDS, Table

FITS = 24  # at most: half of them before the decisions that are reported
_GROWTH = 1.05  # of the past, from one fit to the next over the decisions that are reported
_FIRST_FIT = 10  # comparisons; below, there is next to nothing to learn from


class Learned(Protocol):
    """What a fitted taste must answer; `domain.taste.Taste` does."""

    @property
    def displayed(self) -> Floats:
        """Weights (k,) of the displayed score."""

    @property
    def lapses(self) -> dict[str, float]:
        """How often an act of each kind says nothing, 0-1."""

    def probability(self, one: Floats, other: Floats) -> float:
        """How probably the person prefers features `one` to `other`, 0-1."""


Fit = Callable[[Table], Learned]


@dataclass(frozen=True, slots=True, eq=False)
class Foretold:
    """What was foretold of each row before it was decided."""

    personal: Floats  # (n,) displayed score of the winner minus that of the loser
    generic: Floats  # (n,) the same without taste
    probability: Floats  # (n,) that the winner wins, lapses of the row's kind included; 0.5 where it was not asked for
    learned_from: Numbers  # (n,) comparisons the taste had been fitted to
    fits: int


def foretell(rows: Rows, *, fit: Fit, first_reported: int, certainty_of: Numbers) -> Foretold:
    """Return what was foretold.

    `first_reported` is the first row of the decisions that the headline is about; `certainty_of` (m,) are the rows of
    which the probability is wanted: it is asked for one by one, which takes longer than all else.
    """
    personal, probability = np.zeros(len(rows)), np.full(len(rows), 0.5)
    learned_from = np.zeros(len(rows), np.int64)
    shoot = rows.table.shoot
    starts = _starts(rows, first_reported)
    for start, end in pairwise([*starts, int(shoot.max(initial=-1)) + 1]):
        ahead = np.flatnonzero((shoot >= start) & (shoot < end))
        past = np.flatnonzero(_known(rows, start))
        taste = fit(rows.table.only(past))
        personal[ahead] = rows.table.differences[ahead] @ taste.displayed
        asked = np.intersect1d(ahead, certainty_of)
        probability[asked] = _probabilities(taste, rows.table.differences[asked], rows.table.kind[asked])
        learned_from[ahead] = len(past)
    generic = rows.table.differences[:, OF_GENERIC].sum(axis=1)
    return Foretold(personal, generic, probability, learned_from, len(starts))


def _probabilities(taste: Learned, differences: Floats, kind: Numbers) -> Floats:
    level = np.zeros(differences.shape[1])
    prefers = np.array([taste.probability(each, level) for each in differences])
    lapse = np.array([taste.lapses[each.value] for each in KINDS])[kind]
    return np.asarray(lapse + (1 - 2 * lapse) * prefers, np.float64)


def _starts(rows: Rows, first_reported: int) -> list[int]:
    """Return the shoots (numbers, ascending) from which on a new fit is used; the first is shoot 0."""
    shoots = int(rows.table.shoot.max(initial=-1)) + 1
    if not shoots:
        return []
    known = np.array([_known(rows, shoot).sum() for shoot in range(shoots)])
    most = int(known[-1])
    reported = max(_FIRST_FIT, int(known[rows.table.shoot[first_reported]]))
    early = np.geomspace(_FIRST_FIT, reported, FITS // 2 - 1)
    grown = int(np.log(max(most, reported) / reported) / np.log(_GROWTH))
    late = np.linspace(reported, max(most, reported), min(FITS // 2, grown + 1))
    targets = [target for target in (*early, *late) if target <= most]
    return sorted({0, *(int(np.searchsorted(known, round(target))) for target in targets)})


def _known(rows: Rows, shoot: int) -> Numbers:
    """Return which rows were known when the first decision on shoot number `shoot` was made, as flags.

    Imported ratings may all carry one time; then the order of the shoots alone says what is earlier.
    """
    begun = rows.at_s[np.argmax(rows.table.shoot == shoot)]
    return np.asarray((rows.table.shoot < shoot) & (rows.at_s <= begun))
