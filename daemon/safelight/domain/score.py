"""Decides the score of a frame: named contributions that add up to it exactly.

One sum, no hidden steps: the technical terms, the place of the frame in its burst or set, the general appeal, and what
was learned of the person's taste. What is shown to a person is the very sum that is ranked.
Invariant: the score is the sum of its contributions, to the last of the four decimals that all of them have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import fsum

# How far the two general judgements count before anything is known of the person. Both come as z-scores over ordinary
# photographs. Technical leads: it is the judgement that most people agree on.
TECHNICAL_WEIGHT = 0.8
APPEAL_WEIGHT = 0.55

# A frame beside its keeper: the smallest step down, and how much further the keeper's lead carries it. The step
# is about half a star on the reference scale, so that equals differ visibly and a clear loser falls by a star or more.
BURST_STEP = 0.35
BURST_SLOPE = 0.5
BURST_REACH = 1.5


class Part(StrEnum):
    """Which of the four sums a contribution belongs to."""

    TECHNICAL = "technical"
    APPEAL = "appeal"
    TASTE = "taste"
    FACES = "faces"


@dataclass(frozen=True, slots=True)
class Contribution:
    """One named summand of a score, in score units (the standard deviation over ordinary photographs is about 1)."""

    part: Part
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Score:
    """A frame's score as the contributions that make it."""

    contributions: tuple[Contribution, ...]

    @property
    def value(self) -> float:
        """Return the sum of all contributions."""
        return tidy(fsum(entry.value for entry in self.contributions))

    def of(self, part: Part) -> float:
        """Return the sum of one part's contributions."""
        return tidy(fsum(entry.value for entry in self.contributions if entry.part is part))


def lone_score(technical: Iterable[tuple[str, float]], appeal: float) -> Score:
    """Return the score of a frame by itself: weighted technical terms (name, z-units) and the appeal z-score."""
    terms = [Contribution(Part.TECHNICAL, name, tidy(TECHNICAL_WEIGHT * value)) for name, value in technical]
    return Score((*terms, Contribution(Part.APPEAL, "appeal", tidy(APPEAL_WEIGHT * appeal))))


def spread(lone: Sequence[Score], keeper_scores: Sequence[float]) -> tuple[Score, ...]:
    """Place the frames of one burst around their keeper, the frame with the highest keeper score (first of equals).

    The keeper gets the best lone score of the burst's frames, so that a burst is judged by what it offers; every other
    frame stands below it by `BURST_STEP` plus its distance in keeper scores, at most `BURST_REACH` more. The difference
    to a frame's lone score is one contribution named "burst".
    """
    top = max(score.value for score in lone)
    places = zip(lone, steps_down(keeper_scores), strict=True)
    return tuple(_with(score, "burst", top - below - score.value) for score, below in places)


def steps_down(keeper_scores: Sequence[float]) -> tuple[float, ...]:
    """Return how far below the keeper, the first of the highest, each frame of a burst stands, in score units."""
    lead = max(keeper_scores)
    best = list(keeper_scores).index(lead)
    return tuple(
        0.0 if place == best else BURST_STEP + min(BURST_REACH, BURST_SLOPE * (lead - own))
        for place, own in enumerate(keeper_scores)
    )


def level(lone: Sequence[Score]) -> tuple[Score, ...]:
    """Give every frame of a deliberate set the best frame's score: a bracket's dark exposure is not a bad frame."""
    top = max(score.value for score in lone)
    return tuple(_with(score, "set", top - score.value) for score in lone)


def _with(score: Score, name: str, value: float) -> Score:
    return replace(score, contributions=(*score.contributions, Contribution(Part.TECHNICAL, name, tidy(value))))


def tidy(value: float) -> float:
    """Round to the four decimals that are shown; sums of such numbers have four decimals too, so nothing is lost."""
    return round(value, 4) + 0.0
