"""Decides what the rules for deliberate sets ask of two neighbouring frames: soon after, same framing, same exposure.

Invariant: nothing here looks beyond the two frames that are asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safelight.domain.frame import CaptureFacts
from safelight.domain.shots import Shot
from safelight.domain.similarity import Look, aligned, cosine

FRAMED = 0.5  # cosine or overlay from which two frames have the same framing, loosely
STILL = 0.75  # overlay of two frames of which only focus or exposure differs
SAME_EV = 0.1  # stops between two exposures that were locked
SAME_LUMA = 0.04  # of mean display luma, where the exposure is not recorded or confirmed


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a rule found: `length` frames from `first` (0: nothing), and where to go on looking."""

    first: int
    length: int
    looked_to: int


@dataclass(frozen=True, slots=True, eq=False)
class SeriesView:
    """One camera's frames in their order; `taken` is None for frames without a believable time."""

    shots: Sequence[Shot]
    looks: Sequence[Look]
    taken: Sequence[float | None]

    def soon(self, at: int, most_s: float) -> bool:
        """Tell whether frame `at` follows the one before within `most_s`; without times the names' order must do."""
        before, now = self.taken[at - 1], self.taken[at]
        return before is None or now is None or now - before <= most_s

    def cosine(self, at: int) -> float:
        """Return the cosine of frame `at` and the one before."""
        return cosine(self.looks[at - 1], self.looks[at])

    def framed(self, at: int) -> bool:
        """Tell whether frame `at` is framed like the one before; one that is all black or white cannot deny it."""
        if any(shot.luma <= 0.03 or shot.luma >= 0.97 for shot in self.shots[at - 1 : at + 1]):
            return True
        return self.cosine(at) >= FRAMED or aligned(self.looks[at - 1], self.looks[at]) >= FRAMED

    def same_exposure(self, one: int, other: int) -> bool:
        """Tell whether two frames got the same light and came out equally bright."""
        first, second = light_ev(self.shots[one].facts), light_ev(self.shots[other].facts)
        if first is not None and second is not None and abs(first - second) > SAME_EV:
            return False
        return abs(self.shots[one].luma - self.shots[other].luma) <= SAME_LUMA


def light_ev(facts: CaptureFacts) -> float | None:
    """Return how much light the exposure lets in, in stops above 1 s at f/1 and ISO 100; None if not told.

    log2(t) - 2 log2(N) + log2(ISO / 100): the exposure value of ISO 2720 with its sign turned.
    """
    if not facts.shutter_s or not facts.iso or facts.shutter_s <= 0 or facts.iso <= 0:
        return None
    aperture = facts.aperture_f if facts.aperture_f and facts.aperture_f > 0 else 1.0
    return float(np.log2(facts.shutter_s) - 2 * np.log2(aperture) + np.log2(facts.iso / 100))
