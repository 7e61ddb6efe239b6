"""Computes every taste and every rating again from the journal alone, and says where that differs from what is kept.

The journal is the truth: each version of the taste follows from the entries before it, and each rating from the looks
at its group, the taste of then, the library of then and the person's histogram of then, all of which the journal names.
What was rated before something was forgotten cannot be computed any more, as it was placed among frames that nothing
is left of: it is taken as it was delivered, and counted.
Invariant: replaying writes nothing but, where asked to, the recomputed tastes in place of those that are kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from safelight.domain.entries import Entry, Kind
from safelight.domain.frame import SetKind
from safelight.domain.judges import scale_of
from safelight.domain.moment import Standing
from safelight.domain.rating import STARS_TOLD, Library, Reference, own_cuts, own_stars
from safelight.domain.records import Assessment, TasteVersion
from safelight.domain.taste import Taste
from safelight.ports import Assessments, Store
from safelight.services.learn import Learn, leaning_of, version_of
from safelight.services.rank import Scale, standings_of

_RATED = (Kind.FRAME_RATED, Kind.FRAME_GROUPED)


@dataclass(slots=True)
class Replayed:
    """What a replay came to."""

    tastes: int = 0  # versions computed
    ratings: int = 0  # ratings computed
    delivered: int = 0  # ratings taken as delivered, because what they follow from is not known any more
    differences: list[str] = field(default_factory=list)  # sentences
    version: TasteVersion | None = None  # the newest, as computed


@dataclass(frozen=True, slots=True)
class _Row:
    """A frame as it stands in the library while the journal is read."""

    judge: str
    score: float
    stars: int
    burst: str | None
    keeper: bool


class Replay:
    """Reads the journal from its beginning."""

    def __init__(self, *, store: Store, learn: Learn, reference: Reference) -> None:
        self._store = store
        self._learn = learn
        self._reference = reference

    def step(self, *, put: bool = False) -> Replayed:
        """Replay everything; with `put` the recomputed tastes take the place of those that are kept."""
        found = Replayed()
        entries = self._learn.entries()
        forgotten = max((entry.seq for entry in entries if entry.kind == Kind.EVIDENCE_FORGOTTEN), default=0)
        tastes: dict[int, Taste] = {}
        made: list[TasteVersion] = []
        rows: dict[int, _Row] = {}
        contents: dict[int, str] = {}
        own: list[Entry] = []
        for batch in _batches(entries, forgotten):
            first = batch[0]
            if first.kind == Kind.TASTE_LEARNED:
                made.append(self._taste(first, entries, tastes, found))
            elif first.kind in _RATED:
                ranked = _Batch(batch, rows, contents, self._store.assessments)
                if first.seq < forgotten or not ranked.whole:
                    found.delivered += ranked.take_as_delivered()
                else:
                    found.ratings += ranked.compute(self._reference, own, tastes, found.differences)
            own += (entry for entry in batch if entry.kind in STARS_TOLD)
        self._compare_rows(rows, found)
        self._compare_tastes(made, found)
        if put:
            self._put(made)
        return found

    def _taste(self, entry: Entry, entries: Sequence[Entry], tastes: dict[int, Taste], found: Replayed) -> TasteVersion:
        through, number = _number(entry, "through"), _number(entry, "version")
        computed = self._learn.computed([each for each in entries if each.seq <= through], now_s=entry.at_s)
        tastes[number] = computed.taste
        found.tastes += 1
        found.version = version_of(computed, number)
        basis = entry.payload.get("basis")
        if basis != found.version.basis:
            found.differences.append(f"Version {number} of the taste was learned by another release of Safelight.")
        elif entry.payload.get("digest") != found.version.digest:
            found.differences.append(f"Version {number} of the taste differs from what the journal says was learned.")
        return found.version

    def _compare_tastes(self, made: Sequence[TasteVersion], found: Replayed) -> None:
        kept = {version.version: version for version in self._store.tastes.versions()}
        for version in made:
            stored = kept.pop(version.version, None)
            if stored is None:
                found.differences.append(f"Version {version.version} of the taste is not kept.")
            elif stored.digest != version.digest or stored.numbers not in (None, version.numbers):
                found.differences.append(f"Version {version.version} of the taste differs from the one that is kept.")
        found.differences.extend(f"Version {number} of the taste is kept, but the journal does not know it."
                                 for number in kept)  # fmt: skip

    def _compare_rows(self, rows: Mapping[int, _Row], found: Replayed) -> None:
        for made in self._store.ratings.ratings(rows):
            row = rows[made.frame_id]
            if (made.stars, made.score) != (row.stars, row.score):
                found.differences.append(
                    f"Frame {made.frame_id} is kept with {made.stars} stars and the score {made.score:.4f};"
                    f" by the journal it has {row.stars} and {row.score:.4f}."
                )

    def _put(self, made: Sequence[TasteVersion]) -> None:
        kept = {version.version for version in self._store.tastes.versions()}
        with self._store.transaction():
            for version in made:
                self._store.tastes.put(version)
            self._store.tastes.drop(sorted(kept - {version.version for version in made}))
            self._store.tastes.forget_look()


class _Batch:
    """The entries of one ranking, and the library before it."""

    def __init__(
        self,
        entries: Sequence[Entry],
        rows: dict[int, _Row],
        contents: dict[int, str],
        assessments: Callable[[str], Assessments],
    ) -> None:
        self._entries = entries
        self._rows = rows
        self._contents = contents
        self._fresh = {entry.frame_id: entry for entry in entries if entry.kind == Kind.FRAME_RATED}
        self._judge = next((str(entry.payload.get("judge")) for entry in self._fresh.values()), "")
        self._looks = self._looked(assessments(self._judge))
        self.whole = self._told_whole()

    def _told_whole(self) -> bool:
        """Tell whether the journal names everything that the ratings follow from; early versions did not."""
        told = all("content" in entry.payload and "shoot" in entry.payload for entry in self._fresh.values())
        return told and all(member in self._looks for group in self._groups() for member in group)

    def _groups(self) -> Iterator[tuple[int, ...]]:
        grouped: set[int] = set()
        for entry in self._entries:
            members = entry.payload.get("members")
            if isinstance(members, list):
                grouped.update(members)
                yield tuple(members)
        for frame_id in self._fresh:
            if frame_id is not None and frame_id not in grouped:
                yield (frame_id,)

    def _looked(self, assessments: Assessments) -> dict[int, Assessment]:
        self._contents |= {entry.frame_id or 0: str(entry.payload.get("content", "")) for entry in self._fresh.values()}
        judged = self._contents | self._judged()
        looks = {}
        for frame_id in (member for group in self._groups() for member in group):
            if (look := assessments.assessment(_bytes(judged.get(frame_id, "")))) is not None:
                looks[frame_id] = look
        return looks

    def _judged(self) -> dict[int, str]:
        """Return what was judged of the members of groups, as far as the entries tell; early versions did not."""
        told = (entry.payload.get("contents") for entry in self._entries)
        return {int(key): str(value) for each in told if isinstance(each, dict) for key, value in each.items()}

    def take_as_delivered(self) -> int:
        """Take over what the entries say; return how many ratings that are."""
        for entry in self._entries:
            self._take(entry, entry.payload.get("score"), entry.payload.get("stars"))
        return sum(isinstance(entry.payload.get("stars"), int) for entry in self._fresh.values())

    def compute(
        self, reference: Reference, own: Sequence[Entry], tastes: Mapping[int, Taste], differences: list[str]
    ) -> int:
        """Compute scores and stars of the fresh frames anew; return how many."""
        standings, keeper_of = self._standings(tastes)
        offered = [standings[entry.frame_id or 0].score.value for entry in self._fresh.values()
                   if standings[entry.frame_id or 0].keeper]  # fmt: skip
        library = Library.of(reference, [*self._library(), *offered])
        scale = Scale(library, own_cuts(own_stars(own)))
        before = dict(self._rows)
        count = 0
        for entry in self._entries:
            score, stars = entry.payload.get("score"), entry.payload.get("stars")
            if entry.kind == Kind.FRAME_RATED and isinstance(stars, int):
                frame_id = entry.frame_id or 0
                standing, given = standings[frame_id], before.get(frame_id)
                stars = scale.stars(standing, keeper_of.get(frame_id), given.stars if given else None)
                score = standing.score.value
                count += 1
                if (stars, score) != (entry.payload.get("stars"), entry.payload.get("score")):
                    differences.append(
                        f"Frame {frame_id} was given {entry.payload.get('stars')} stars (score"
                        f" {entry.payload.get('score')}); replayed it gets {stars} ({score})."
                    )
            self._take(entry, score, stars)
        return count

    def _standings(self, tastes: Mapping[int, Taste]) -> tuple[dict[int, Standing], dict[int, Standing]]:
        """Return the standing of every frame, and of the keeper of those that are not the keeper themselves."""
        standings: dict[int, Standing] = {}
        keeper_of: dict[int, Standing] = {}
        version = next((entry.payload.get("taste") for entry in self._fresh.values()), None)
        taste = tastes.get(version) if isinstance(version, int) else None
        leaning = leaning_of(taste, 0) if taste else None
        kinds = {entry.frame_id: entry.payload.get("set") for entry in self._entries}
        for group in self._groups():
            told = next(kinds[member] for member in group if member in kinds)
            kind = SetKind(str(told)) if told else None
            found = standings_of([self._looks[member] for member in group], kind, leaning)
            standings |= dict(zip(group, found, strict=True))
            best = next(each for each in found if each.keeper)
            keeper_of |= {member: best for member in group if not standings[member].keeper}
        return standings, keeper_of

    def _library(self) -> list[float]:
        """Return what `Ratings.library_scores` would, without the fresh frames."""
        scores: dict[object, float] = {}
        scale = scale_of(self._judge)
        for frame_id, row in sorted(self._rows.items()):
            leads = row.burst is None or row.keeper
            if leads and scale_of(row.judge) == scale and frame_id not in self._fresh:
                scores.setdefault(row.burst or frame_id, row.score)
        return list(scores.values())

    def _take(self, entry: Entry, score: object, stars: object) -> None:
        told, frame_id = entry.payload, entry.frame_id or 0
        burst, keeper = told.get("burst"), told.get("keeper") is not False
        burst = burst if isinstance(burst, str) else None
        if entry.kind == Kind.FRAME_GROUPED:
            if (row := self._rows.get(frame_id)) is not None:
                self._rows[frame_id] = _Row(row.judge, row.score, row.stars, burst, keeper)
        elif isinstance(stars, int) and isinstance(score, int | float):
            self._rows[frame_id] = _Row(str(told.get("judge", "")), float(score), stars, burst, keeper)


def _batches(entries: Sequence[Entry], forgotten: int) -> Iterator[list[Entry]]:
    """Yield the entries of each ranking together, all others and those before the last forgetting one by one."""
    place = 0
    while place < len(entries):
        size = entries[place].payload.get("batch")
        whole = entries[place].kind in _RATED and entries[place].seq > forgotten
        size = size if whole and isinstance(size, int) and size > 0 else 1
        yield list(entries[place : place + size])
        place += size


def _number(entry: Entry, name: str) -> int:
    value = entry.payload.get(name)
    return value if isinstance(value, int) else 0


def _bytes(content: str) -> bytes:
    try:
        return bytes.fromhex(content)
    except ValueError:
        return b""
