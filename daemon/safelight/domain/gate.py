"""Decides how far the displayed score leans on the personal taste, by who foretold the person's decisions better.

Both are asked before they have seen the answer (Dawid's prequential principle, 1984): the personal taste, and the
generic score with a slope of its own, each fitted to the shoots before. A coin is asked too: where acts are random both
prophets are about as bad, and only beside the coin it shows that nothing was learned. Inside a burst the coin knows
what the generic score knows: even who acts at random between photographs keeps the sharp frame. The gate is the
probability of the personal taste among the three; as far as one of the others is right, the generic score is shown.
Shoots are taken in their order, in blocks that grow with the past, so that all fits together cost little more than the
last.
Invariant: the gate is a pure function of the table.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.preference import Kind
from safelight.domain.taste_mode import COARSE, FINE, Mode, Prior, at_prior, find_mode, predicted
from safelight.domain.taste_table import HALF_LIFE, KINDS

Floats = NDArray[np.float64]

# Chances of the personal taste, the generic score and the coin, before any of them foretold anything.
PRIOR = (0.34, 0.33, 0.33)
# How far what the past counts today grows from one fit to the next: finely while fits cost nothing (few rows), then
# doubling. What counts next to nothing today is foretold by the prior, and a fit looks back a bounded number of rows.
FEW_ROWS = 500
GROWTH_OF_FEW, GROWTH = 1.25, 2.0
NEXT_TO_NOTHING = 1 / 64  # of what all rows count
LOOKS_BACK = 10_000  # rows
_SLOPE_SPREAD = 0.5  # of the generic slope's prior mean
_BURST = KINDS.index(Kind.BURST_DELETE)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Comparisons in the order of their shoots."""

    design: Floats  # (n, k + 1), the last column the stars shown
    generic: Floats  # (n, 3): differences of generic score and of its burst contribution alone, stars shown
    kind: NDArray[np.int64]  # (n,)
    counts: Floats  # (n,)
    shoot: NDArray[np.int64]  # (n,) ascending


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """How far to lean on the personal taste, and the two prophets as they were at the end."""

    odds: float  # log-odds of the personal taste
    personal: Mode
    generic: Mode

    @property
    def share(self) -> float:
        """Return the probability of the personal taste, 0-1."""
        return float(1 / (1 + np.exp(-np.clip(self.odds, -30, 30))))


def open_gate(evidence: Evidence, *, personal: Prior, generic: Prior) -> Gate:
    """Return the gate after all evidence, and both modes fitted to all of it."""
    told = np.log(np.array(PRIOR))
    mine, theirs = at_prior(personal), at_prior(generic)
    for past, block in _blocks(evidence.shoot, evidence.counts):
        seen, ahead = slice(max(0, past - LOOKS_BACK), past), slice(past, block)
        if past:
            mine, theirs = _learn(evidence, seen, personal, generic, mine, theirs, least=COARSE)
        kind = evidence.kind[ahead]
        asked = (predicted(evidence.design[ahead], kind, mine), predicted(evidence.generic[ahead], kind, theirs))
        coin = np.where(kind == _BURST, asked[1], 0.5)
        told = told + np.log(np.array([*asked, coin])) @ evidence.counts[ahead]
    if len(evidence.kind):
        mine, theirs = _learn(evidence, slice(None), personal, generic, mine, theirs, least=FINE)
    return Gate(float(told[0] - np.logaddexp(told[1], told[2])), mine, theirs)


def generic_prior(slope: float, burst: float, anchor: tuple[float, float]) -> Prior:
    """Return the prior of the rescaled generic score: its slope, how much more a burst's order counts, the star shown.

    `burst` is the deviation of the second, `anchor` mean and deviation of the third.
    """
    spread = np.diag([(slope * _SLOPE_SPREAD) ** 2, burst**2, anchor[1] ** 2])
    return Prior.of(np.array([slope, 0.0, anchor[0]]), spread)


def _learn(
    evidence: Evidence, seen: slice, personal: Prior, generic: Prior, mine: Mode, theirs: Mode, *, least: float
) -> tuple[Mode, Mode]:
    """Fit both to the rows `seen`, aged as on the day after them."""
    kind, shoot = evidence.kind[seen], evidence.shoot
    counts = evidence.counts[seen] * 0.5 ** ((shoot[seen][-1] - shoot[-1]) / HALF_LIFE)
    return (
        find_mode(evidence.design[seen], kind, counts, personal, start=mine, least=least),
        find_mode(evidence.generic[seen], kind, counts, generic, start=theirs, least=least),
    )


def _blocks(shoot: NDArray[np.int64], counts: Floats) -> Iterator[tuple[int, int]]:
    """Yield (rows before, end) of each block to foretell: whole shoots, until what counts has grown far enough."""
    if not len(shoot):
        return
    total = np.cumsum(counts)
    past = 0
    for end in [*(np.flatnonzero(np.diff(shoot)) + 1).tolist(), len(shoot)]:
        growth = GROWTH_OF_FEW if past < FEW_ROWS else GROWTH
        enough = max(NEXT_TO_NOTHING * total[-1], growth * total[past - 1] if past else 0.0)
        if total[end - 1] >= enough or end == len(shoot):
            yield past, end
            past = end
