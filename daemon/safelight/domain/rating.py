"""Decides how many stars a score is worth: its place in the library, not a fixed threshold.

Fixed thresholds never give five stars in one library and always in another; quantiles of a single shoot call the best
of a bad day excellent. So the place is taken among the scores of the whole library (one frame per burst), and while the
library is small a shipped reference distribution stands in for it, blended out as frames come.
Invariants: more score never means fewer stars; 1 star only with a technical reason; the answer is 1-5, never 0 or -1.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

# Share of a library that may get at most 2, 3 and 4 stars. About one frame in five is worth showing (4 and 5), which
# is what photographers say they deliver of a shoot; meant to be replaced by the person's own histogram once known.
CUTS = (0.44, 0.78, 0.94)

# Of the frames with a technical reason, those below this place get 1 star.
FAILED_BELOW = 0.25

# A star already given is kept unless the place has moved this far beyond the cut: without it, stars flicker from run
# to run as the library grows.
HYSTERESIS = 0.03

# The reference counts as much as this many library frames.
REFERENCE_FRAMES = 150

# How much of the library is looked at: the most recent frames, one per burst.
LIBRARY_FRAMES = 4000


@dataclass(frozen=True, slots=True)
class Reference:
    """Scores at evenly spaced quantiles 0..1 of a reference library, ascending."""

    scores: tuple[float, ...]

    def place(self, score: float) -> float:
        """Return the share of the reference at or below `score`, 0..1, interpolated between the quantiles."""
        steps = len(self.scores) - 1
        if score <= self.scores[0]:
            return 0.0
        if score >= self.scores[-1]:
            return 1.0
        right = bisect_right(self.scores, score)
        low, high = self.scores[right - 1], self.scores[right]
        return (right - 1 + (score - low) / (high - low)) / steps


@dataclass(frozen=True, slots=True)
class Library:
    """The scores that a new frame is placed among: `scores` ascending, one per burst; and the reference."""

    reference: Reference
    scores: tuple[float, ...] = ()

    @classmethod
    def of(cls, reference: Reference, scores: Sequence[float]) -> "Library":
        """Build from scores in any order, oldest first; only the newest `LIBRARY_FRAMES` count."""
        return cls(reference, tuple(sorted(scores[-LIBRARY_FRAMES:])))

    def place(self, score: float) -> float:
        """Return the place of a score, 0 (worst) to 1 (best): its mid-rank among library and reference together."""
        count = len(self.scores)
        below = (bisect_left(self.scores, score) + bisect_right(self.scores, score)) / 2
        return (below + REFERENCE_FRAMES * self.reference.place(score)) / (count + REFERENCE_FRAMES)


def stars(place: float, *, failed: bool, given: int | None = None) -> int:
    """Return 1-5 stars for a place 0..1; `failed` says that there is a technical reason for 1 star.

    `given` is the star the frame had before: it stays while the place is within `HYSTERESIS` of that star's range.
    """
    fresh = _stars(place, failed=failed)
    if given is None or fresh == given:
        return fresh
    shifts = (place - HYSTERESIS, place + HYSTERESIS)
    return given if given in {_stars(shifted, failed=failed) for shifted in shifts} else fresh


def beside_keeper(own: int, keeper: int, *, failed: bool) -> int:
    """Return the stars of a frame whose burst has a keeper with `keeper` stars: at least one below, if there is room.

    2 is the floor unless there is a technical reason for 1.
    """
    floor = 1 if failed else 2
    return max(floor, min(own, keeper - 1))


def _stars(place: float, *, failed: bool) -> int:
    if failed and place < FAILED_BELOW:
        return 1
    return 2 + bisect_right(CUTS, place)
