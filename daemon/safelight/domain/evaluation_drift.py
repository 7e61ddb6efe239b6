"""Notices when a person has changed: when the latest decisions are foretold clearly less often than those before.

A taste forgets by itself (half as much counts after forty shoots), so the alarm changes nothing; it tells a person why
ratings have become worse. Decisions inside bursts are looked at, with or without our stars in view: that does not
change from one week to the next.
Invariant: no alarm while the interval of the difference holds 0, and none from fewer decisions than the two stretches.
"""

from dataclasses import dataclass

import numpy as np

from safelight.domain.evaluation_intervals import Agreement, Draws
from safelight.domain.evaluation_rows import Flags, Floats, Numbers

RECENT = 50  # decisions: a shoot or two
BEFORE = 150  # decisions that they are compared with


@dataclass(frozen=True, slots=True)
class Drift:
    """How often decisions were foretold lately, and before; both with their intervals."""

    recent: Agreement
    before: Agreement

    @property
    def words(self) -> str:
        """Return the alarm as a sentence."""
        return (
            f"Your last {RECENT} choices inside bursts were foretold less often ({self.recent.share:.0%}) than the"
            f" {BEFORE} before ({self.before.share:.0%}): your taste, or what you photograph, seems to have changed."
        )

    def as_json(self) -> dict[str, object]:
        """Return a record of it."""
        return {"recent": self.recent.as_json(), "before": self.before.as_json(), "words": self.words}


def drift(
    hits: Floats, *, kind: Flags, decision: Numbers, unit: Numbers, weight: Floats, rng: np.random.Generator
) -> Drift | None:
    """Return the alarm, None without one.

    `hits` (n,) says whether each row came true (1, 0, or a half), `kind` (n,) which rows are looked at; `decision`
    numbers grow with time.
    """
    decisions = np.unique(decision[kind])
    if len(decisions) < RECENT + BEFORE:
        return None
    measured, drawn = [], []
    for some in (decisions[-RECENT:], decisions[-RECENT - BEFORE : -RECENT]):
        used = np.flatnonzero(kind & np.isin(decision, some))
        draws = Draws(unit[used], weight[used], rng=rng)
        measured.append(draws.mean(hits[used]))
        drawn.append(draws.means(hits[used]))
    recent, before = measured
    return Drift(recent, before) if Draws.interval(drawn[0] - drawn[1])[1] < 0 else None
