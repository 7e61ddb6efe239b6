"""Measures whether "70 %" means 70 %: how often what was foretold with some certainty came true.

Which frame of a pair is named first is arbitrary, so a pair is told from the side that was foretold to win, and
certainty runs from 50 to 100 %. The expected calibration error (Naeini, Cooper and Hauskrecht, 2015) is the mean
distance of what came true from what was foretold. Even a perfect prophet has some of it from chance, more the fewer the
decisions; that share is reckoned and told beside it, for without it the number misleads.
Invariant: bins cover 0.5 to 1 without a gap, and their decisions add up to all decisions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.evaluation_intervals import Agreement, Draws

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_TOLD = 5.0  # decisions: a bin with fewer is not told, though it counts in the error
_TRIALS = 200  # of a perfect prophet


@dataclass(frozen=True, slots=True)
class Bin:
    """What was foretold with about the same certainty."""

    expected: float  # mean certainty, 0.5-1
    observed: Agreement  # how often it came true
    decisions: float  # fractional: a decision may have comparisons in several bins

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        made = {"expected": round(self.expected, 4), "decisions": round(self.decisions, 1)}
        return made | {"observed": self.observed.as_json()}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Certainty against truth. `error` is the expected calibration error, `by_chance` that of a perfect prophet."""

    bins: tuple[Bin, ...]
    error: float
    by_chance: float
    decisions: int

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        return {
            "bins": [each.as_json() for each in self.bins],
            "expected_calibration_error": round(self.error, 4),
            "of_a_perfect_prophet": round(self.by_chance, 4),
            "decisions": self.decisions,
        }


def calibration(
    probability: Floats, *, decision: Numbers, unit: Numbers, weight: Floats, rng: np.random.Generator
) -> Calibration:
    """Measure `probability` (n,) that the winner wins, foretold before each row was decided.

    `decision` and `unit` (n,) number what belongs together, `weight` (n,) is each row's share of its decision.
    """
    certainty = np.maximum(probability, 1 - probability)
    right = np.where(probability == 0.5, 0.5, (probability > 0.5).astype(float))
    place = np.clip(np.searchsorted(EDGES, certainty, side="right") - 1, 0, len(EDGES) - 2)
    bins = []
    for number in range(len(EDGES) - 1):
        inside = np.flatnonzero(place == number)
        if weight[inside].sum() >= _TOLD:
            draws = Draws(unit[inside], weight[inside], rng=rng)
            expected = float(np.average(certainty[inside], weights=weight[inside]))
            bins.append(Bin(expected, draws.mean(right[inside]), float(weight[inside].sum())))
    return Calibration(
        bins=tuple(bins),
        error=_error(right - certainty, place, weight),
        by_chance=_by_chance(certainty, place, weight, decision, rng),
        decisions=len(np.unique(decision)),
    )


def _error(away: Floats, place: Numbers, weight: Floats) -> float:
    return float(np.abs(np.bincount(place, weight * away, len(EDGES) - 1)).sum() / weight.sum())


def _by_chance(certainty: Floats, place: Numbers, weight: Floats, decision: Numbers, rng: np.random.Generator) -> float:
    """Return the mean error of a prophet whose certainty is right; a decision's rows come true together."""
    number = np.unique(decision, return_inverse=True)[1]
    drawn = rng.random((_TRIALS, int(number.max()) + 1))[:, number] < certainty
    return float(np.mean([_error(trial - certainty, place, weight) for trial in drawn]))
