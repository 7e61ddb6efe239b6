"""Measures how often the learned taste foretells a person's own decisions, beside simpler ways to foretell them.

Only decisions made without seeing our stars tell how good the taste is: a person who sees five stars tends to agree.
So blind decisions are the headline, those made with our stars in view stand apart and are labelled, and each is
foretold by a taste learned from earlier shoots alone (`evaluation_forward`). Beside the taste stand the generic score,
chance, the last frame of the burst and the sharpest one: a number without these says little.
Invariants: below `NEEDED` decisions there is no number, only how many there are; a lead whose interval holds 0 is not
called one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from safelight.domain.evaluation_calibration import Calibration, calibration
from safelight.domain.evaluation_drift import Drift, drift
from safelight.domain.evaluation_forward import Fit, Foretold, foretell
from safelight.domain.evaluation_intervals import LEVEL, Agreement, Draws
from safelight.domain.evaluation_rows import Flags, Floats, Numbers, Rows, Seen, rows_of
from safelight.domain.preference import Comparison

LAST = 200  # decisions: enough for an interval of about 8 points to either side, few enough to be of the present taste
_CERTAIN = 1000  # decisions: bins need many, and certainty changes less than what is liked
NEEDED = 50  # decisions: below, the interval is so wide that the number in it means nothing
_WINDOW = 40  # decisions of one point of the learning curve, at least
_POINTS = 10  # of the learning curve, at most
_EQUAL = 1e-9  # of scores


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of decisions: how many there are, and what each way to foretell them reached (empty below NEEDED).

    `lines` are by name: personal, generic, and inside bursts sharpest and last. `lead` is personal minus generic.
    """

    found: int  # decisions there are
    used: int  # of these, the latest
    lines: Mapping[str, Agreement]
    lead: Agreement | None

    @property
    def distinguishable(self) -> bool:
        """Return whether the taste is better or worse than the generic score by more than chance."""
        return self.lead is not None and not self.lead.low <= 0 <= self.lead.high

    def as_json(self) -> dict[str, object]:
        """Return a record of it; `agreement` is empty below NEEDED decisions."""
        return {
            "decisions": self.found,
            "needed": NEEDED,
            "measured_on_last": self.used,
            "agreement": {name: agreement.as_json() for name, agreement in self.lines.items()},
            "personal_minus_generic": self.lead.as_json() if self.lead else None,
            "distinguishable": self.distinguishable if self.lead else None,
        }


@dataclass(frozen=True, slots=True)
class Point:
    """One stretch of blind decisions inside bursts, in time."""

    learned_from: int  # comparisons, before this stretch
    decisions: int
    personal: Agreement
    generic: Agreement

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        made = {"learned_from": self.learned_from, "decisions": self.decisions}
        return made | {"personal": self.personal.as_json(), "generic": self.generic.as_json()}


@dataclass(frozen=True, slots=True)
class Report:
    """What is known of how well the taste foretells."""

    within: Measured  # blind, both frames of one burst: the headline
    across: Measured  # blind, frames of different bursts
    shown: Measured  # inside bursts, with our stars in view: says how often the person agrees, not how good we are
    curve: tuple[Point, ...]
    calibration: Calibration | None  # None below NEEDED blind decisions
    comparisons: int
    fits: int
    drift: Drift | None = None  # the person seems to have changed

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        return {
            "interval": LEVEL,
            "blind_within_bursts": self.within.as_json(),
            "blind_across_bursts": self.across.as_json(),
            "shown_within_bursts": self.shown.as_json(),
            "random": 0.5,
            "learning_curve": [point.as_json() for point in self.curve],
            "calibration": self.calibration.as_json() if self.calibration else None,
            "drift": self.drift.as_json() if self.drift else None,
            "comparisons": self.comparisons,
            "fits": self.fits,
        }


def evaluate(
    comparisons: Iterable[Comparison], frames: Mapping[int, Seen], *, fit: Fit, rng: np.random.Generator
) -> Report:
    """Measure. `fit` learns a taste from a table; `rng` draws the intervals, so a fixed seed gives a fixed report.

    Comparisons of frames that are not in `frames` (their features are unknown) are left out. Takes as long as about
    four fits to all comparisons.
    """
    rows = rows_of(comparisons, frames)
    headline = _latest(rows, rows.blind & rows.within)
    certain = _latest(rows, rows.blind, _CERTAIN)
    first = int(headline[0]) if len(headline) else 0
    foretold = foretell(rows, fit=fit, first_reported=first, certainty_of=certain)
    hits = _hits(rows, foretold)
    return Report(
        within=_measure(rows, hits, rows.blind & rows.within, ("personal", "generic", "sharpest", "last"), rng),
        across=_measure(rows, hits, rows.blind & ~rows.within, ("personal", "generic"), rng),
        shown=_measure(rows, hits, ~rows.blind & rows.within, ("personal", "generic", "sharpest", "last"), rng),
        curve=_curve(rows, hits, foretold, rng),
        calibration=_calibrate(rows, foretold, certain, rng),
        comparisons=len(rows),
        fits=foretold.fits,
        drift=drift(
            hits["personal"], kind=rows.within, decision=rows.decision, unit=rows.unit, weight=rows.weight, rng=rng
        ),
    )


def _hits(rows: Rows, foretold: Foretold) -> Mapping[str, Floats]:
    """Return for each way to foretell whether each row came true: 1, 0, or a half where it saw no difference."""
    leads = {
        "personal": foretold.personal,
        "generic": foretold.generic,
        "sharpest": rows.sharper,
        "last": rows.later,
    }
    return {name: np.where(np.abs(lead) <= _EQUAL, 0.5, (lead > 0).astype(float)) for name, lead in leads.items()}


def _measure(
    rows: Rows, hits: Mapping[str, Floats], kind: Flags, names: tuple[str, ...], rng: np.random.Generator
) -> Measured:
    found = len(np.unique(rows.decision[kind]))
    if found < NEEDED:
        return Measured(found, 0, {}, None)
    used = _latest(rows, kind)
    draws = Draws(rows.unit[used], rows.weight[used], rng=rng)
    lines = {name: draws.mean(hits[name][used]) for name in names}
    lead = draws.mean((hits["personal"] - hits["generic"])[used])
    return Measured(found, min(found, LAST), lines, lead)


def _latest(rows: Rows, kind: Flags, last: int = LAST) -> Numbers:
    """Return the rows of the last decisions of a kind, ascending."""
    decisions = np.unique(rows.decision[kind])[-last:]
    return np.flatnonzero(kind & np.isin(rows.decision, decisions))


def _curve(rows: Rows, hits: Mapping[str, Floats], foretold: Foretold, rng: np.random.Generator) -> tuple[Point, ...]:
    """Cut the blind decisions inside bursts into stretches of equal length, and measure each."""
    kind = rows.blind & rows.within
    decisions = np.unique(rows.decision[kind])
    stretches = min(_POINTS, len(decisions) // _WINDOW)
    if stretches < 2:
        return ()
    points = []
    for stretch in np.array_split(decisions, stretches):
        used = np.flatnonzero(kind & np.isin(rows.decision, stretch))
        draws = Draws(rows.unit[used], rows.weight[used], rng=rng)
        before = round(float(np.average(foretold.learned_from[used], weights=rows.weight[used])))
        points.append(
            Point(before, len(stretch), draws.mean(hits["personal"][used]), draws.mean(hits["generic"][used]))
        )
    return tuple(points)


def _calibrate(rows: Rows, foretold: Foretold, used: Numbers, rng: np.random.Generator) -> Calibration | None:
    if len(np.unique(rows.decision[used])) < NEEDED:
        return None
    return calibration(
        foretold.probability[used],
        decision=rows.decision[used],
        unit=rows.unit[used],
        weight=rows.weight[used],
        rng=rng,
    )
