"""Reads the journal into the past of every frame: where it belonged, which star was shown when, what happened to it.

Nothing is interpreted here: what a fact means is `domain.actions`' business, so that a better reading reaches back to
the first day. The star that was shown is kept with the time from when it was, because the same choice means less after
the person has seen our opinion of it.
Invariant: reading the same entries gives the same history; entries that are unknown or older than the fields they lack
(early versions told only stars and score) are read as far as they go and never raise.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from safelight.domain.belonging import Placement, belongings
from safelight.domain.entries import Entry, Kind

# Facts of which `domain.actions` reads what a person meant.
FACTS = frozenset(
    {
        Kind.FRAME_LOST, Kind.LOSS_CONFIRMED, Kind.FRAME_RETURNED, Kind.FRAME_MOVED, Kind.FRAME_DEVELOPED,
        Kind.FRAME_EXPORTED, Kind.PERSON_RATED, Kind.PERSON_FLAGGED, Kind.PERSON_LABELLED,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Past:
    """Everything the journal tells of one frame; None where it does not tell."""

    frame_id: int
    arrived_s: float
    content: str | None  # identity of its pixels, hexadecimal
    judge: str | None
    shoot: str | None
    burst: str | None
    set_kind: str | None
    keeper: bool
    order: int
    stars: int | None
    score: float | None
    shown: tuple[tuple[float, int | None], ...]  # from when, and the star that stood in its sidecar (None: none)
    facts: tuple[Entry, ...]  # in the order they were written
    folder: str | None = None  # where it lies, or lay last
    imported: bool = False  # it was there before Safelight, and only its past counts

    def shown_at(self, at_s: float) -> int | None:
        """Return the star that stood in its sidecar at a time, None when none did."""
        place = bisect_right(self.shown, at_s, key=lambda step: step[0])
        return self.shown[place - 1][1] if place else None

    def seen_by(self, at_s: float) -> bool:
        """Tell whether any star of ours had been shown by then, even one that was taken back since."""
        return bool(self.shown) and self.shown[0][0] <= at_s


@dataclass(frozen=True, slots=True)
class History:
    """The journal, read: frames by id; vetoed action ids; stretches of entries that were rolled back."""

    frames: Mapping[int, Past]
    vetoed: frozenset[int]
    rolled_back: tuple[tuple[int, int], ...]  # entries after the first and before the second number do not count

    def counts(self, seq: int) -> bool:
        """Tell whether no roll-back has taken an entry out."""
        return not any(after < seq < before for after, before in self.rolled_back)

    @property
    def imported(self) -> frozenset[int]:
        """Return the ids of frames that were there before Safelight."""
        return frozenset(frame_id for frame_id, past in self.frames.items() if past.imported)


@dataclass(slots=True)
class _Gathered:
    """What has been read of a frame so far."""

    arrived_s: float
    content: str | None = None
    judge: str | None = None
    stars: int | None = None
    score: float | None = None
    folder: str | None = None
    imported: bool = False
    placed: list[Placement] = field(default_factory=list)
    shown: list[tuple[float, int | None]] = field(default_factory=list)
    facts: list[Entry] = field(default_factory=list)


def read(entries: Iterable[Entry], *, until_s: float | None = None) -> History:
    """Read journal entries, oldest first; those written after `until_s` (seconds since the epoch) are left out."""
    frames: dict[int, _Gathered] = {}
    vetoed: set[int] = set()
    rolled: list[tuple[int, tuple[tuple[int, int], ...]]] = [(0, ())]
    for entry in entries:
        if until_s is not None and entry.at_s > until_s:
            continue
        if entry.frame_id is not None:
            gathered = frames.get(entry.frame_id)
            if gathered is None:
                gathered = frames[entry.frame_id] = _Gathered(entry.at_s)
            _tell(gathered, entry)
        elif entry.kind == Kind.TASTE_ROLLED_BACK:
            rolled.append((entry.seq, _rolled_back(rolled, _whole(entry.payload.get("through")) or 0, entry.seq)))
        if entry.kind == Kind.ACTION_VETOED and (action := _whole(entry.payload.get("action"))) is not None:
            vetoed.add(action)
    return History(_pasts(frames), frozenset(vetoed), rolled[-1][1])


def _rolled_back(
    before: list[tuple[int, tuple[tuple[int, int], ...]]], through: int, seq: int
) -> tuple[tuple[int, int], ...]:
    """Return what is out after a roll-back: what was out at the entry `through`, and all since."""
    as_then = next(stretches for since, stretches in reversed(before) if since <= through)
    return (*as_then, (through, seq))


def _tell(gathered: _Gathered, entry: Entry) -> None:
    if entry.kind in FACTS:
        gathered.facts.append(entry)
    if (note := _NOTES.get(entry.kind)) is not None:
        note(gathered, entry)


def _arrive(gathered: _Gathered, entry: Entry) -> None:
    gathered.arrived_s, gathered.imported = entry.at_s, entry.payload.get("imported") is True
    files = entry.payload.get("files")
    gathered.folder = folder_of(files[0]) if isinstance(files, list | tuple) and files else None


def _show(gathered: _Gathered, entry: Entry) -> None:
    gathered.shown.append((entry.at_s, _whole(entry.payload.get("stars"))))


def _hide(gathered: _Gathered, entry: Entry) -> None:
    gathered.shown.append((entry.at_s, None))


def _follow(gathered: _Gathered, entry: Entry) -> None:
    gathered.folder = folder_of(entry.payload.get("path")) or gathered.folder


def _place(gathered: _Gathered, entry: Entry) -> None:
    told = entry.payload
    gathered.content = _digest(told.get("content")) or gathered.content
    gathered.judge = _text(told.get("judge")) or gathered.judge
    if entry.kind == Kind.FRAME_RATED:
        gathered.stars, gathered.imported = _whole(told.get("stars")), told.get("imported") is True
    score = told.get("score")
    gathered.score = float(score) if isinstance(score, int | float) else gathered.score
    if shoot := _text(told.get("shoot")):
        burst, kind = _text(told.get("burst")), _text(told.get("set"))
        keeper, order = told.get("keeper") is not False, _whole(told.get("order")) or 0
        gathered.placed.append(Placement(entry.seq, shoot, burst, kind, keeper, order))


_NOTES: Mapping[str, Callable[[_Gathered, Entry], None]] = {
    Kind.FRAME_ARRIVED: _arrive, Kind.FRAME_RATED: _place, Kind.FRAME_GROUPED: _place, Kind.RATING_PUBLISHED: _show,
    Kind.RATING_UNDONE: _hide, Kind.FRAME_MOVED: _follow, Kind.FRAME_RETURNED: _follow, Kind.FRAME_IMPORTED: _follow,
}  # fmt: skip


def _pasts(frames: Mapping[int, _Gathered]) -> dict[int, Past]:
    placed = {frame_id: gathered.placed for frame_id, gathered in frames.items() if gathered.placed}
    losses = {frame_id: seq for frame_id, gathered in frames.items() if (seq := _lost(gathered.facts)) is not None}
    homes = belongings(placed, losses)
    return {frame_id: _past(frame_id, gathered, homes.get(frame_id)) for frame_id, gathered in frames.items()}


def _past(frame_id: int, gathered: _Gathered, home: Placement | None) -> Past:
    return Past(
        frame_id=frame_id,
        arrived_s=gathered.arrived_s,
        content=gathered.content,
        judge=gathered.judge,
        shoot=home.shoot if home else None,
        burst=home.burst if home else None,
        set_kind=home.set_kind if home else None,
        keeper=home.keeper if home else True,
        order=home.order if home else 0,
        stars=gathered.stars,
        score=gathered.score,
        shown=tuple(sorted(gathered.shown, key=lambda step: step[0])),
        facts=tuple(gathered.facts),
        folder=gathered.folder,
        imported=gathered.imported,
    )


def _lost(facts: Iterable[Entry]) -> int | None:
    """Return the entry that told of a loss which still stands."""
    lost = None
    for fact in facts:
        if fact.kind == Kind.FRAME_LOST:
            lost = fact.seq
        elif fact.kind == Kind.FRAME_RETURNED:
            lost = None
    return lost


def folder_of(path: object) -> str | None:
    """Return the folder part of a path as it stands in the journal, None for what is no path."""
    return (path.rpartition("/")[0] or "/") if isinstance(path, str) and path else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _digest(value: object) -> str | None:
    try:
        return bytes.fromhex(value).hex() or None if isinstance(value, str) else None
    except ValueError:
        return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
