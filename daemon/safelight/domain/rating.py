"""Decides how many stars a score is worth: its place in the library, not a fixed threshold.

Fixed thresholds never give five stars in one library and always in another; quantiles of a single shoot call the best
of a bad day excellent. So the place is taken among the scores of the whole library (one frame per burst), and while the
library is small a shipped reference distribution stands in for it, blended out as frames come. How many of each star
there are to be follows what the person gives, as far as that is known.
Invariants: more score never means fewer stars; 1 star only with a technical reason; the answer is 1-5, never 0 or -1.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safelight.domain.entries import Entry, Kind

# Share of a library that may get at most 2, 3 and 4 stars. About one frame in five is worth showing (4 and 5), which
# is what photographers say they deliver of a shoot. The person's own histogram takes its place as it becomes known.
Cuts = tuple[float, float, float]
CUTS: Cuts = (0.44, 0.78, 0.94)

# Those shares count as much as this many ratings of the person's own.
SHARES_WORTH = 200

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


def own_stars(entries: Iterable[Entry]) -> dict[int, int]:
    """Return how often a person gave each star, 1-5: the latest rating of each frame, an act over several frames once.

    `entries` are the journal's; ratings that were vetoed or taken back do not count.
    """
    told = list(entries)
    vetoed = {entry.payload.get("action") for entry in told if entry.kind == Kind.ACTION_VETOED}
    latest: dict[object, Entry] = {}
    for entry in told:
        if entry.kind == Kind.PERSON_RATED and entry.seq not in vetoed:
            latest[entry.frame_id] = entry
    acts = {(entry.payload.get("act") or entry.seq): entry.payload.get("rating") for entry in latest.values()}
    counts = Counter(rating for rating in acts.values() if isinstance(rating, int) and 1 <= rating <= 5)
    return dict(sorted(counts.items()))


def own_cuts(counts: Mapping[int, int]) -> Cuts:
    """Return the cuts for a person who gave each star `counts` times, blended with `CUTS` worth `SHARES_WORTH` ratings.

    A 1 counts as a 2: here 1 star is given for a technical reason, not for a place.
    """
    total = sum(counts.values())
    if not total:
        return CUTS
    cuts = []
    for star, default in zip((2, 3, 4), CUTS, strict=True):
        given = sum(number for rating, number in counts.items() if rating <= star)
        cuts.append((given + SHARES_WORTH * default) / (total + SHARES_WORTH))
    return (cuts[0], cuts[1], cuts[2])


def stars(place: float, *, failed: bool, given: int | None = None, cuts: Cuts = CUTS) -> int:
    """Return 1-5 stars for a place 0..1; `failed` says that there is a technical reason for 1 star.

    `given` is the star the frame had before: it stays while the place is within `HYSTERESIS` of that star's range.
    `cuts` are the places up to which there are at most 2, 3 and 4 stars, ascending.
    """
    fresh = _stars(place, cuts, failed=failed)
    if given is None or fresh == given:
        return fresh
    shifts = (place - HYSTERESIS, place + HYSTERESIS)
    return given if given in {_stars(shifted, cuts, failed=failed) for shifted in shifts} else fresh


def beside_keeper(own: int, keeper: int, *, failed: bool) -> int:
    """Return the stars of a frame whose burst has a keeper with `keeper` stars: at least one below, if there is room.

    2 is the floor unless there is a technical reason for 1.
    """
    floor = 1 if failed else 2
    return max(floor, min(own, keeper - 1))


def _stars(place: float, cuts: Cuts, *, failed: bool) -> int:
    if failed and place < FAILED_BELOW:
        return 1
    return 2 + bisect_right(cuts, place)
