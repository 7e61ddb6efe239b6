"""Says how far a measured share can be trusted: an interval from resampling whole units of decisions.

Comparisons of one burst stand or fall together, so what is drawn anew is the burst and not the comparison (the cluster
bootstrap of Davison and Hinkley, 1997, section 3.8); percentiles of the drawn shares are the interval. All predictors
are measured on the same draws, so that the difference of two is paired.
Invariant: the same decisions and the same generator give the same interval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

# Wider than the usual 95 %: the percentiles of 50 to 200 units reach too short, and a report that is opened now and
# then is looked at more than once. Measured on people who choose by chance (`tests.bench.taste_honesty`).
LEVEL = 0.98
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Agreement:
    """A share of decisions, 0-1, and the interval around it; `low` and `high` as `LEVEL` says."""

    share: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Return the three numbers, rounded to what can be known of them."""
        return {"share": round(self.share, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


class Draws:
    """Draws units with replacement once, and gives every predictor's interval on these draws."""

    def __init__(self, unit: Numbers, weight: Floats, *, rng: np.random.Generator) -> None:
        """Take the unit (n,) and the weight (n,) of each row; rows of one number are drawn together."""
        self._unit = np.unique(unit, return_inverse=True)[1]
        self._units = int(self._unit.max()) + 1
        self._weight = weight
        drawn = rng.integers(self._units, size=(DRAWS, self._units))
        place = drawn + self._units * np.arange(DRAWS)[:, None]
        times = np.bincount(place.ravel(), minlength=DRAWS * self._units)  # how often each draw holds each unit
        self._times = times.reshape(DRAWS, self._units).astype(np.float64)
        self._mass = np.bincount(self._unit, weight, self._units)

    def mean(self, values: Floats) -> Agreement:
        """Return the weighted mean of `values` (n,) and its interval."""
        sums = np.bincount(self._unit, self._weight * values, self._units)
        return Agreement(float(sums.sum() / self._mass.sum()), *self.interval(self.means(values)))

    def means(self, values: Floats) -> Floats:
        """Return the weighted mean of `values` (n,) in every draw (DRAWS,)."""
        sums = np.bincount(self._unit, self._weight * values, self._units)
        return np.asarray((self._times @ sums) / (self._times @ self._mass), np.float64)

    @staticmethod
    def interval(drawn: Floats) -> tuple[float, float]:
        """Return the ends of the interval that holds `LEVEL` of what was drawn."""
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)
