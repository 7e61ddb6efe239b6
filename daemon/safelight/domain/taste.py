"""Learns one person's taste from comparisons, and says what it makes of a frame, how surely, and because of what.

One linear utility over the features of `features`, so that everything it says is exact: the terms of a score add up,
and at the top of the posterior the weights are a sum over past comparisons, so each has a true share in every score.
Shown is a mixture of generic and personal score (`gate`), both brought to the spread of generic scores on ordinary
photographs: stars keep their meaning while the taste grows.
Invariant: the same table and basis give the same taste; an empty table gives the generic score to the last digit.
"""

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from safelight.domain.features import CAPTURE, GENERIC, NAMES, OF_CAPTURE, OF_GENERIC, OF_SUBJECT, Basis
from safelight.domain.gate import Evidence, generic_prior, open_gate
from safelight.domain.taste_mode import Mode, Prior, design_of, moderated, pulls
from safelight.domain.taste_table import KINDS, Table

Floats = NDArray[np.float64]

ANCHOR = (0.5, 0.5)  # log-odds per 1.1 stars shown, mean and deviation: measured on simulated photographers
_GROUPS = {
    "lens": ("focal", "aperture"),
    "light": ("iso", "shutter"),
    "format": ("upright",),
    "hour": ("hour_sin", "hour_cos"),
}
_PACKED = len(NAMES) + 1
_BURST = GENERIC.index("burst")


@dataclass(frozen=True, slots=True)
class Share:
    """What one past comparison adds to a frame's displayed score, in score units; `row` is its place in the table."""

    row: int
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Taste:
    """What was learned of one person."""

    basis: Basis
    mode: Mode  # weights and covariance with the shown star's as last
    generic: Mode  # of the generic score with slopes of its own: weights (score, burst, anchor)
    gate: float  # 0: the generic score is shown, 1: the personal one
    comparisons: int

    @property
    def weights(self) -> Floats:
        """Return the weights (k,), in log-odds per unit of a feature."""
        return self.mode.weights[:-1]

    @property
    def covariance(self) -> Floats:
        """Return the posterior covariance (k, k) of the weights."""
        return self.mode.covariance[:-1, :-1]

    @property
    def lapses(self) -> dict[str, float]:
        """Return how often an act of each kind says nothing, 0-1."""
        return {kind.value: float(lapse) for kind, lapse in zip(KINDS, self.mode.lapses, strict=True)}

    @property
    def anchor(self) -> float:
        """Return what a star shown adds, in log-odds per 1.1 stars."""
        return float(self.mode.weights[-1])

    @property
    def scale(self) -> float:
        """Return how many units of displayed score one unit of log-odds of the personal taste makes."""
        return _spreads(self)[1]

    @property
    def displayed(self) -> Floats:
        """Return the weights (k,) of the displayed score: exactly those of the generic score where the gate is shut."""
        if self.gate == 0 or not self.comparisons:
            return self.basis.generic
        generic, personal = _spreads(self)
        return generic * self.basis.generic + personal * self.weights

    def terms(self, x: Floats) -> tuple[tuple[str, float], ...]:
        """Return what taste adds to the generic score of features `x` (k,), by name, rounded to four decimals.

        One term for each generic contribution that weighs more or less, "subject" for what is shown, and one for each
        group of capture facts; terms of 0 are left out. The displayed score is the generic one plus their sum.
        """
        parts = (self.displayed - self.basis.generic) * (x - self.basis.ordinary_mean)
        named = [*zip(GENERIC, parts[OF_GENERIC], strict=True), ("subject", parts[OF_SUBJECT].sum())]
        capture = dict(zip(CAPTURE, parts[OF_CAPTURE], strict=True))
        named += [(group, sum(capture[name] for name in names)) for group, names in _GROUPS.items()]
        rounded = [(name, round(float(value), 4) + 0.0) for name, value in named]
        return tuple((name, value) for name, value in rounded if value)

    def probability(self, one: Floats, other: Floats) -> float:
        """Return how probably the person prefers features `one` to `other` (k,), 0-1, stars unseen.

        Both prophets are asked, each as far as the gate leans on it.
        """
        apart = (one - other)[None]
        personal = moderated(apart, self.weights, self.covariance)
        scores = np.column_stack([apart @ self.basis.generic, apart[:, _BURST]])
        generic = moderated(scores, self.generic.weights[:2], self.generic.covariance[:2, :2])
        return float(self.gate * personal[0] + (1 - self.gate) * generic[0])

    def learned(self, x: Floats) -> float:
        """Return what the person's own comparisons add to the displayed score of `x` (k,): the sum of all shares."""
        away = self.weights - self.basis.mean
        return self._personal_scale() * float(away @ (x - self.basis.ordinary_mean))

    def because(self, x: Floats, table: Table, *, count: int = 3) -> tuple[Share, ...]:
        """Return the `count` comparisons of the fitted `table` that moved features `x` (k,) most, the largest first.

        Exact: the shares of all rows add up to `learned(x)`. Raises ValueError for a table of another length.
        """
        if len(table) != self.comparisons:
            raise ValueError(f"a table of {len(table)} rows, but {self.comparisons} were learned from")
        shares = self.shares(x, table)
        order = np.argsort(-np.abs(shares), kind="stable")[:count]
        return tuple(Share(int(row), float(shares[row])) for row in order)

    def shares(self, x: Floats, table: Table) -> Floats:
        """Return the share of every row of `table` in the displayed score of `x` (k,): (n,), in score units."""
        pull = pulls(design_of(table), table.kind, table.counts(), self.mode)
        toward = self.basis.covariance @ (x - self.basis.ordinary_mean)
        return np.asarray(self._personal_scale() * pull * (table.differences @ toward), np.float64)

    def pack(self) -> bytes:
        """Return everything but the basis as bytes (little-endian float64), which `unpack` takes."""
        numbers = (self.gate, self.comparisons, self.mode.weights, self.mode.covariance, self.mode.lapses,
                   self.generic.weights, self.generic.covariance, self.generic.lapses)  # fmt: skip
        return b"".join(np.asarray(part, "<f8").tobytes() for part in numbers)

    @classmethod
    def unpack(cls, content: bytes, basis: Basis) -> "Taste":
        """Return the taste that was packed; raises ValueError when the bytes are not of one."""
        lengths = (1, 1, _PACKED, _PACKED * _PACKED, len(KINDS), 3, 9, len(KINDS))
        values = np.frombuffer(content, "<f8").astype(np.float64)
        if len(values) != sum(lengths) or not np.isfinite(values).all():
            raise ValueError("these bytes are not a taste of this version")
        ends = np.cumsum((0, *lengths))
        gate, count, weights, spread, lapses, slope, around, theirs = (values[a:b] for a, b in pairwise(ends))
        mode = Mode(weights, spread.reshape(_PACKED, _PACKED), lapses)
        generic = Mode(slope, around.reshape(3, 3), theirs)
        return cls(basis, mode, generic, float(gate[0]), int(count[0]))

    def digest(self) -> str:
        """Return the sha256 of the taste and of the basis it belongs to."""
        return hashlib.sha256(self.basis.digest.encode("ascii") + self.pack()).hexdigest()

    def _personal_scale(self) -> float:
        return _spreads(self)[1] if self.comparisons else 0.0


def fit(table: Table, basis: Basis) -> Taste:
    """Learn from a table; the rows may be in any order, and the same rows in the same order give the same bits."""
    personal = _prior(basis)
    generic = generic_prior(basis.slope, float(np.sqrt(basis.covariance[_BURST, _BURST])), ANCHOR)
    order = np.argsort(table.shoot, kind="stable")
    rows, counts = table.only(order), table.counts()[order]
    scores, order_in_burst = rows.differences @ basis.generic, rows.differences[:, _BURST]
    evidence = Evidence(
        design=design_of(rows),
        generic=np.column_stack([scores, order_in_burst, rows.shown]),
        kind=rows.kind,
        counts=counts,
        shoot=rows.shoot,
    )
    gate = open_gate(evidence, personal=personal, generic=generic)
    return Taste(basis, gate.personal, gate.generic, gate.share if len(table) else 0.0, len(table))


def _prior(basis: Basis) -> Prior:
    size = len(basis.mean) + 1
    covariance = np.zeros((size, size))
    covariance[:-1, :-1] = basis.covariance
    covariance[-1, -1] = ANCHOR[1] ** 2
    return Prior.of(np.append(basis.mean, ANCHOR[0]), covariance)


def _spreads(taste: Taste) -> tuple[float, float]:
    """Return the factors of generic weights and personal weights in the displayed score.

    Each is brought to the generic spread, they are mixed by the gate, and the mixture is brought to it again.
    """
    ordinary, plain = taste.basis.ordinary, taste.basis.generic
    wide = float(np.sqrt(plain @ ordinary @ plain))
    own = float(np.sqrt(taste.weights @ ordinary @ taste.weights))
    generic, personal = 1 - taste.gate, taste.gate * wide / max(own, 1e-9)
    mixed = generic * plain + personal * taste.weights
    factor = wide / max(float(np.sqrt(mixed @ ordinary @ mixed)), 1e-9)
    return factor * generic, factor * personal
