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


# What `own_stars` reads of the journal.
STARS_TOLD = (
    Kind.FRAME_RATED, Kind.FRAME_GROUPED, Kind.RATING_PUBLISHED, Kind.RATING_UNDONE, Kind.PERSON_RATED,
    Kind.ACTION_VETOED, Kind.TASTE_ROLLED_BACK,
)  # fmt: skip


@dataclass(slots=True)
class _Stood:
    """What stands at one frame, by the journal."""

    shoot: object = None
    alone: bool = True  # a lone frame or a keeper: what the library's places are counted among
    shown: int | None = None
    given: int | None = None
    act: object = None

    @property
    def stars(self) -> int | None:
        return self.given or self.shown


def own_stars(entries: Iterable[Entry]) -> dict[int, int]:
    """Return how often each star, 1-5, stands in the shoots in which a person has rated.

    Their own ratings alone would mislead: many only mark their best, and it does not follow that they want nothing but
    fives. What they left as it stood beside them says how many of each they are content with. A shoot of which most
    frames have no stars does not count, an act over several frames counts once, and what was vetoed not at all.
    `entries` are the journal's of the kinds `STARS_TOLD`, oldest first.
    """
    shoots: dict[object, list[_Stood]] = {}
    for stood in _stood(entries):
        if stood.shoot is not None and (stood.alone or stood.given):
            shoots.setdefault(stood.shoot, []).append(stood)
    counts: Counter[int] = Counter()
    for frames in shoots.values():
        standing = [each for each in frames if each.stars]
        if any(each.given for each in frames) and 2 * len(standing) >= len(frames):
            acts = {each.act or number: each.stars for number, each in enumerate(standing)}
            counts.update(star for star in acts.values() if star)
    return dict(sorted(counts.items()))


def _stood(entries: Iterable[Entry]) -> Iterable[_Stood]:
    told = list(entries)
    vetoed = {entry.payload.get("action") for entry in told if entry.kind == Kind.ACTION_VETOED}
    frames: dict[object, _Stood] = {}
    for entry in told:
        stood = frames.setdefault(entry.frame_id, _Stood())
        payload = entry.payload
        match entry.kind:
            case Kind.FRAME_RATED | Kind.FRAME_GROUPED:
                stood.shoot, stood.alone = payload.get("shoot"), bool(payload.get("keeper"))
            case Kind.RATING_PUBLISHED:
                stood.shown = _one_to_five(payload.get("stars"))
            case Kind.RATING_UNDONE:
                stood.shown = None
            case Kind.PERSON_RATED if entry.seq not in vetoed:
                stood.given, stood.act = _one_to_five(payload.get("rating")), payload.get("act")
    return frames.values()


def _one_to_five(rating: object) -> int | None:
    return rating if isinstance(rating, int) and 1 <= rating <= 5 else None


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
