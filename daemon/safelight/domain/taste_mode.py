"""Finds the most probable weights of a linear taste, how sure they are, and how often each kind of act means nothing.

Bradley and Terry's model (1952) of paired comparisons with a Gaussian prior over the weights. An act lapses with a
probability of its kind and then says nothing, so one slip of the finger cannot turn a taste; lapses are learned with a
prior of their own. Newton steps with the curvature of the comparisons that are taken seriously, halved while they lead
downhill; Laplace's approximation around the top. Every fit starts at the prior or from a fit of older rows of the same
table, never from what happened to be learned before, so that a replay gives the same bits.
Invariant: at the top, weights - mean = covariance of the prior x the sum of what the comparisons pull.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.taste_table import KINDS, LAPSES, Table

Floats = NDArray[np.float64]

LAPSE_PRIOR_COUNTS = 20.0  # comparisons that the prior of a kind's lapse is worth
LAPSE_LIMITS = (0.01, 0.45)
FINE, COARSE = 1e-18, 1e-4  # squared Newton decrements: exact to the last shown digit, good enough to foretell with
_LAPSE_STEPS = 4
_STEPS = 60
_HALVINGS = 20
_ROUNDING = 1e-12
_REFRESH, _SLOW = 1e-2, 0.5  # the curvature is kept below this decrement, and while a step makes it so much smaller
_LARGEST = 30.0  # of log-odds: beyond it e^-x is nothing


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """A Gaussian over weights: mean (d,), covariance (d, d) and its inverse. The last weight is that of stars shown."""

    mean: Floats
    covariance: Floats
    precision: Floats

    @classmethod
    def of(cls, mean: Floats, covariance: Floats) -> "Prior":
        """Build from mean and covariance; raises LinAlgError when that is singular."""
        return cls(mean, covariance, _inverse(covariance))


@dataclass(frozen=True, slots=True, eq=False)
class Mode:
    """The top of the posterior: weights (d,), Laplace covariance (d, d) and lapses (len(KINDS),)."""

    weights: Floats
    covariance: Floats
    lapses: Floats


def at_prior(prior: Prior) -> Mode:
    """Return what holds before any comparison."""
    return Mode(prior.mean, prior.covariance, LAPSES)


def find_mode(
    design: Floats, kind: NDArray[np.int64], counts: Floats, prior: Prior, *, start: Mode, least: float = FINE
) -> Mode:
    """Return the mode for comparisons `design` (n, d), of kinds `kind` (n,), that count `counts` (n,).

    `start` only says where to begin to climb and with which lapses; `least` is the squared Newton decrement at which
    the climb ends.
    """
    climb = _Climb(design, kind, counts, prior, start)
    while climb.steps < _STEPS and not (climb.decrement < least and climb.steps > _LAPSE_STEPS):
        climb.step()
    return Mode(climb.weights, climb.inverse_curvature(), climb.lapses)


def pulls(design: Floats, kind: NDArray[np.int64], counts: Floats, mode: Mode) -> Floats:
    """Return how hard each comparison pulls (n,): weights - mean = prior covariance @ design.T @ pulls at the mode."""
    return _pull(logistic(design @ mode.weights), mode.lapses[kind], counts)[0]


def design_of(table: Table) -> Floats:
    """Return the differences of a table with the stars shown as last column: (n, k + 1)."""
    return np.column_stack([table.differences, table.shown])


def predicted(design: Floats, kind: NDArray[np.int64], mode: Mode) -> Floats:
    """Return the probability of each comparison (n,) under the posterior (MacKay, 1992), lapses included."""
    lapse = mode.lapses[kind]
    return np.asarray(lapse + (1 - 2 * lapse) * moderated(design, mode.weights, mode.covariance), np.float64)


def moderated(design: Floats, weights: Floats, covariance: Floats) -> Floats:
    """Return the logistic of design @ weights, averaged over the uncertainty of the weights: (n,)."""
    variance = np.einsum("ij,ij->i", design @ covariance, design)
    return logistic(design @ weights / np.sqrt(1 + np.pi * variance / 8))


def logistic(odds: Floats) -> Floats:
    """Return 1 / (1 + e^-odds), without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -_LARGEST, _LARGEST))), np.float64)


class _Climb:
    """One way up: weights and lapses are moved in turn, and the curvature is kept while it leads up well."""

    def __init__(self, design: Floats, kind: NDArray[np.int64], counts: Floats, prior: Prior, start: Mode) -> None:
        self._design, self._kind, self._counts, self._prior = design, kind, counts, prior
        self._narrow = design.astype(np.float32)  # the curvature is a guide: half the bytes give it twice as fast
        self.weights, self.lapses = start.weights, start.lapses
        self._right = logistic(design @ self.weights)
        self._inverse: Floats | None = None
        self.decrement, self.steps = np.inf, 0

    def step(self) -> None:
        """Move the lapses, in the first steps, and then the weights."""
        if self.steps < _LAPSE_STEPS:
            self.lapses = _lapses(self._right, self._kind, self._counts, self.lapses)
        pull, _ = _pull(self._right, self.lapses[self._kind], self._counts)
        slope = self._design.T @ pull - self._prior.precision @ (self.weights - self._prior.mean)
        inverse, before = self._inverse, self.decrement
        decrement = np.inf if inverse is None else float(slope @ inverse @ slope)
        if inverse is None or decrement > max(_REFRESH, _SLOW * before):
            self._inverse = inverse = self.inverse_curvature()
            decrement = float(slope @ inverse @ slope)
        self.decrement, self.steps = decrement, self.steps + 1
        self._move(inverse @ slope)

    def inverse_curvature(self) -> Floats:
        """Return Laplace's covariance (d, d) where the climb stands."""
        _, bend = _pull(self._right, self.lapses[self._kind], self._counts)
        scaled = self._narrow * np.sqrt(bend).astype(np.float32)[:, None]
        return _inverse((scaled.T @ scaled).astype(np.float64) + self._prior.precision)

    def _move(self, step: Floats) -> None:
        """Go by `step`, or by a half, a quarter ... of it while that leads downhill."""
        lapse = self.lapses[self._kind]
        height = _height(self._right, lapse, self._counts, self._prior, self.weights)
        for _ in range(_HALVINGS):
            tried = self.weights + step
            right = logistic(self._design @ tried)
            if _height(right, lapse, self._counts, self._prior, tried) >= height - _ROUNDING * abs(height):
                self.weights, self._right = tried, right
                return
            step, self._inverse = step / 2, None


def _pull(right: Floats, lapse: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return first derivative and (positive) curvature of each row's log-likelihood by its odds.

    `right` (n,) is the logistic of the odds: the probability of the answer that was given, lapses aside.

    The curvature is that with the probability of a lapse held fixed, as in Dempster, Laird and Rubin (1977): the exact
    one can be negative for a comparison that is taken for a lapse.
    """
    meant = (1 - 2 * lapse) * right
    serious = meant / (meant + lapse)
    first = counts * serious * (1 - right)
    return first, first * right


def _height(right: Floats, lapse: Floats, counts: Floats, prior: Prior, weights: Floats) -> float:
    away = weights - prior.mean
    likely = lapse + (1 - 2 * lapse) * right
    return float(counts @ np.log(likely) - away @ prior.precision @ away / 2)


def _lapses(right: Floats, kind: NDArray[np.int64], counts: Floats, lapses: Floats) -> Floats:
    """Return each kind's lapse after one step of expectation and maximisation, its Beta prior included.

    A lapse says nothing, so half of the lapses look as if they were meant.
    """
    lapse = lapses[kind]
    likely = lapse + (1 - 2 * lapse) * right
    blank = np.bincount(kind, counts * lapse / likely / 2, len(KINDS))
    given = np.bincount(kind, counts, len(KINDS))
    found = (blank + LAPSE_PRIOR_COUNTS * LAPSES) / (given + LAPSE_PRIOR_COUNTS)
    return np.asarray(np.clip(found, *LAPSE_LIMITS), np.float64)


def _inverse(matrix: Floats) -> Floats:
    made = np.linalg.inv(matrix)
    return np.asarray((made + made.T) / 2, np.float64)
