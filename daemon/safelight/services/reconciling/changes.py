"""Finds out what people told other programs of their frames: ratings, flags, labels, develop settings.

A frame's traces are read again only when something beside it is not as it was: one digest a frame over the names and
stamps of its files, without the sidecars that hold our own bytes. The first reading of a frame that was never given
stars is the past it came with, and is told as such.
Invariant: a trace that was told once is not told again, whichever program repeats it.
"""

import hashlib
import os.path
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.domain import told
from safelight.domain.entries import Kind
from safelight.domain.frame import FoundFile, Stage
from safelight.domain.names import SIDECAR_SUFFIX
from safelight.domain.records import KnownFile
from safelight.ports import Clock, Store, Trace, TraceKind, TraceReading, Traces

_STANDING = (Stage.RANKED, Stage.PUBLISHED, Stage.KEPT)
_VERSION = re.compile(r"_\d\d$")  # darktable's sidecars of a second version: NAME_01.EXT.xmp
_KINDS = {
    TraceKind.RATING: Kind.PERSON_RATED,
    TraceKind.FLAG: Kind.PERSON_FLAGGED,
    TraceKind.LABEL: Kind.PERSON_LABELLED,
    TraceKind.DEVELOP: Kind.FRAME_DEVELOPED,
}
_WHERE = {"xmp": "in its sidecar", "file": "in the file itself", "file manager": "in the file manager"}
_TOLD = {  # what has to stand last in the journal for a fact to be told already
    Kind.PERSON_RATED: (Kind.PERSON_RATED, Kind.RATING_PUBLISHED, Kind.RATING_UNDONE),
    Kind.PERSON_FLAGGED: (Kind.PERSON_FLAGGED,),
    Kind.PERSON_LABELLED: (Kind.PERSON_LABELLED,),
    Kind.FRAME_DEVELOPED: (Kind.FRAME_DEVELOPED,),
}
_SAYS = {
    Kind.PERSON_RATED: ("rating",),
    Kind.PERSON_FLAGGED: ("flag",),
    Kind.PERSON_LABELLED: ("label",),
    Kind.FRAME_DEVELOPED: ("program", "value"),
}


@dataclass(frozen=True, slots=True)
class _Read:
    """One frame whose traces were read again."""

    frame_id: int
    look: bytes
    before: tuple[Trace, ...]
    reading: TraceReading
    first: bool
    images: frozenset[Path]

    def is_beside(self, path: Path) -> bool:
        """Tell whether a file still speaks of the frame: a sidecar that did not move along takes nothing back."""
        return path in self.reading.files or path in self.images


class Changes:
    """Reads traces that may have changed, and tells what is new in them."""

    def __init__(self, *, store: Store, traces: Traces, clock: Clock) -> None:
        self._store = store
        self._traces = traces
        self._clock = clock
        self.busy = 0  # frames with a half-written companion: looked at again in the next run

    def step(self, files: Sequence[FoundFile], known: Mapping[Path, KnownFile]) -> None:
        """Look at the frames of one folder, of which `files` were found and `known` are known."""
        folder = next((file.path.parent for file in files if file.path in known), None)
        if folder is None:
            return
        images = _by_frame(files, known)
        companions = _companions(files, images)
        looks, ours = self._store.sightings.looks(folder), self._store.receipts.stamps_in(folder)
        read: list[_Read] = []
        for frame_id, own in images.items():
            beside = companions.get(frame_id, ())
            look = _look(own, [file for file in beside if ours.get(file.path) != file.stamp])
            before = looks.get(frame_id)
            if before == look:
                continue
            reading = self._traces.read([file.path for file in own], [file.path for file in beside])
            if reading.busy:
                self.busy += 1
                continue
            past = self._store.sightings.traces(frame_id) if before is not None else ()
            paths = frozenset(file.path for file in own)
            read.append(_Read(frame_id, look, past, reading, before is None, paths))
        if read:
            self._tell(read)

    def _tell(self, read: Sequence[_Read]) -> None:
        fresh = {each.frame_id: told.new(each.before, each.reading.traces) for each in read}
        acts = told.acts((each.frame_id, trace) for each in read for trace in fresh[each.frame_id] if not each.first)
        with self._store.transaction():
            for each in read:
                imported = each.first and self._is_unseen(each.frame_id)
                for trace in fresh[each.frame_id]:
                    act = acts.get((each.frame_id, trace.kind, trace.value))
                    self._tell_one(each.frame_id, trace, imported=imported, act=act)
                closed = [trace for trace in each.before if trace.path in each.reading.unread]
                now = (*each.reading.traces, *closed)  # what a damaged file said before still stands
                for trace in told.ended(each.before, now, is_there=each.is_beside):
                    self._take_back(each.frame_id, trace)
                self._store.sightings.put_traces(each.frame_id, each.look, now)

    def _is_unseen(self, frame_id: int) -> bool:
        """Tell whether a frame was never given stars that its person may have seen."""
        return self._store.journal.last(frame_id, Kind.RATING_PUBLISHED) is None

    def _tell_one(self, frame_id: int, trace: Trace, *, imported: bool, act: str | None) -> None:
        said = _said(trace)
        if said is None or (imported and said == {"rating": None}):
            return  # that a rating is not there says nothing of a frame that never had one
        kind = _KINDS[trace.kind]
        more: dict[str, object] = {"imported": True} if imported else {}
        if act is not None:
            more["act"] = act
        self._write(frame_id, kind, trace, said | more, _sentence(kind, said, trace.program))
        if kind is Kind.PERSON_RATED:
            self._keep(frame_id, said["rating"])
        elif kind is Kind.PERSON_FLAGGED:
            self._keep(frame_id, None, flagged=True)

    def _take_back(self, frame_id: int, trace: Trace) -> None:
        match trace.kind:
            case TraceKind.FLAG:
                said: dict[str, object] = {"flag": 0}
            case TraceKind.LABEL:
                said = {"label": None}
            case TraceKind.RATING:
                said = {"rating": self._back_to(frame_id, trace)}
            case _:  # settings taken back are no opinion of the frame
                return
        kind = _KINDS[trace.kind]
        self._write(frame_id, kind, trace, said, _sentence(kind, said, trace.program))
        if kind is Kind.PERSON_RATED:
            self._keep(frame_id, said["rating"])

    def _back_to(self, frame_id: int, trace: Trace) -> int | None:
        """Return what a rating that is told no more was changed to: a sidecar that agrees with ours says our stars."""
        ours = self._store.ratings.rating(frame_id)
        return ours.stars if ours is not None and trace.path.suffix.lower() == SIDECAR_SUFFIX else None

    def _write(self, frame_id: int, kind: Kind, trace: Trace, said: Mapping[str, object], reason: str) -> None:
        """Write a fact, unless the journal's last word on the matter is the same."""
        payload: dict[str, object] = {
            **said,
            "program": trace.program,
            "confidence": trace.confidence,
            "happened_s": trace.changed_s,
            "reason": reason,
        }
        last = self._store.journal.last(frame_id, *_TOLD[kind])
        if last is not None and last[0] == kind and all(last[1].get(each) == payload[each] for each in _SAYS[kind]):
            return
        self._store.journal.append(kind, at_s=self._clock.now(), frame_id=frame_id, **payload)

    def _keep(self, frame_id: int, rating: object, *, flagged: bool = False) -> None:
        """Let a person's choice stand from now on, as publishing does when it comes upon one."""
        frame = self._store.catalog.frame(frame_id)
        if frame.stage not in _STANDING:
            return  # publishing will come upon it when the frame has come so far
        given = frame.given if flagged else rating
        reason = told.standing_reason(given if isinstance(given, int) else None)
        self._store.catalog.set_stage(frame_id, Stage.KEPT, reason, given=given if isinstance(given, int) else None)


def _said(trace: Trace) -> dict[str, object] | None:
    """Return what a trace says as a journal entry has it, None for a value that nobody can mean."""
    if trace.kind is TraceKind.LABEL:
        return {"label": trace.value or None}
    if trace.kind is TraceKind.DEVELOP:
        return {"value": trace.value}
    if trace.kind is TraceKind.RATING and not trace.value:
        return {"rating": None}
    try:
        number = int(trace.value)
    except ValueError:
        return None
    return {"rating" if trace.kind is TraceKind.RATING else "flag": number}


def _sentence(kind: Kind, said: Mapping[str, object], program: str) -> str:
    where = _WHERE.get(program, f"in {program}")
    match kind:
        case Kind.PERSON_RATED:
            rating = said["rating"]
            done = (
                "Its rating was cleared"
                if not isinstance(rating, int)
                else f"It was rated {told.stars_in_words(rating)}"
            )
            return f"{done} {where}." if rating != -1 else f"It was rejected {where}."
        case Kind.PERSON_FLAGGED:
            words = {1: "It was picked", -1: "It was rejected"}
            return f"{words.get(int(str(said['flag'])), 'Its flag was taken back')} {where}."
        case Kind.PERSON_LABELLED:
            label = said["label"]
            return f"It was labelled {label} {where}." if label else f"Its label was taken back {where}."
        case _:
            return f"It was edited {where}."


def _by_frame(files: Iterable[FoundFile], known: Mapping[Path, KnownFile]) -> dict[int, list[FoundFile]]:
    images: dict[int, list[FoundFile]] = {}
    for file in files:
        if file.is_picture and (before := known.get(file.path)) is not None:
            images.setdefault(before.frame_id, []).append(file)
    return images


def _companions(
    files: Iterable[FoundFile], images: Mapping[int, Sequence[FoundFile]]
) -> Mapping[int, Sequence[FoundFile]]:
    """Return the companions of each frame, by their names."""
    beside = [file for file in files if not file.is_picture]
    if not beside:
        return {}
    stems: dict[str, list[int]] = {}
    for frame_id, own in images.items():
        for stem in {file.path.stem for file in own}:
            stems.setdefault(stem, []).append(frame_id)
    found: dict[int, list[FoundFile]] = {}
    for file in beside:
        for frame_id in _owners(file.path.name, stems.get):
            found.setdefault(frame_id, []).append(file)
    return found


def _owners(name: str, of_stem: Callable[[str], Collection[int] | None]) -> Collection[int]:
    """Return the frames that NAME.xmp, NAME.EXT.xmp or NAME_01.EXT.xmp speaks of."""
    bare = os.path.splitext(name)[0]  # noqa: PTH122  # a hundred thousand names: a Path for each takes a second
    stem = os.path.splitext(bare)[0]  # noqa: PTH122
    for each in dict.fromkeys((stem, bare, _VERSION.sub("", stem))):
        if owners := of_stem(each):
            return owners
    return ()


def _look(images: Iterable[FoundFile], companions: Iterable[FoundFile]) -> bytes:
    """Return 16 bytes that change when a file of a frame, or what may be read from it, has changed."""
    parts = [
        *((file.path.name, file.stamp.size, file.stamp.mtime_ns, file.stamp.inode, file.changed_ns) for file in images),
        *((file.path.name, file.stamp.size, file.stamp.mtime_ns, file.stamp.inode) for file in companions),
    ]
    return hashlib.blake2b(repr(sorted(parts)).encode("utf-8", "surrogateescape"), digest_size=16).digest()
