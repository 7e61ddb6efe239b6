"""Measures whether probabilities mean what they say: foretold beside observed, in bins of equal count.

Equal counts, because most frames are no failures and bins of equal width would be empty in the middle. Besides the
bins there are the expected calibration error (Naeini, Cooper and Hauskrecht, 2015) and the Brier score (1950) with that
of always telling the mean.
Invariant: the bins hold every picture once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.models.build.ridge import Floats

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Pictures that were foretold about the same: their number, mean probability, and share that came true."""

    number: int
    foretold: float
    observed: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How probabilities did."""

    bins: tuple[Bin, ...]
    error: float  # expected calibration error, 0-1
    brier: float
    brier_of_mean: float  # of a prophet who always tells the mean

    @property
    def number(self) -> int:
        """Pictures in all bins."""
        return sum(each.number for each in self.bins)


def reliability(foretold: Floats, came_true: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Compare probabilities (n,) with what came true (n,). Raises ValueError when there is nothing to compare."""
    if not len(foretold):
        raise ValueError("no probabilities to compare")
    order = np.argsort(foretold, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    made = tuple(Bin(len(part), float(foretold[part].mean()), float(came_true[part].mean())) for part in parts)
    error = sum(each.number * abs(each.foretold - each.observed) for each in made) / len(foretold)
    mean = float(came_true.mean())
    return Reliability(made, float(error), float(((foretold - came_true) ** 2).mean()), mean * (1 - mean))


def lines(found: Reliability) -> list[str]:
    """Return the table as lines for people."""
    table = [f"{'pictures':>9}{'foretold':>10}{'observed':>10}"]
    table += [f"{each.number:>9}{each.foretold:>10.3f}{each.observed:>10.3f}" for each in found.bins]
    told = f"expected calibration error {found.error:.3f}, Brier {found.brier:.4f} (always the mean: "
    return [*table, f"{told}{found.brier_of_mean:.4f})"]
