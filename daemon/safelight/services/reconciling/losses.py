"""Decides what became of frames that are not where they were: moved away, in the trash, or gone.

A frame is lost when nothing is left of it; losing the RAW or the JPEG of a pair says nothing. Where an absence has a
plain cause that is no opinion (a copy is still there, a card, a whole folder gone) the fact carries it, so that every
later reading knows. Each fact is written together with what the catalog remembers from then on.
Invariant: a frame is lost once, and that loss is confirmed or taken back once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.domain.records import KnownFile, KnownFrame, Loss
from safelight.errors import OutOfReach
from safelight.ports import Clock, Elsewhere, Identifier, Placeholders, Scanner, Store, Trash, Trashed
from safelight.services.intake import Intake

_TOGETHER = 200  # frames in one transaction

# From the table of the issue that this follows: what the person meant is surer in the trash than of a mere absence.
_SURE_TRASH, _SURE_UNLINKED = 0.95, 0.6
_SURE_SAME_FILE = 0.95

_WAS_THERE = (Kind.FRAME_ARRIVED, Kind.FRAME_RETURNED, Kind.RATING_PUBLISHED)  # written with the file in sight
_WHOLE_SECONDS_S = 1.0  # the dates in a trash are cut off to them

TREE = "Its whole folder is gone."
CARD = "It lay on a card, and cards are emptied when their pictures have been copied."
PLACEHOLDER = "Only its name was here; a cloud keeps what is in it."
EXPORT = "It was an export of another frame."


@dataclass(slots=True)
class Missing:
    """Files that were not found where they were, by frame, and what is known of the circumstances."""

    files: dict[int, list[KnownFile]] = field(default_factory=dict)
    on_card: set[int] = field(default_factory=set)
    in_lost_folder: set[int] = field(default_factory=set)
    hollow: set[int] = field(default_factory=set)


class Losses:
    """Finds out what became of missing files."""

    def __init__(
        self,
        *,
        store: Store,
        scanner: Scanner,
        identifier: Identifier,
        intake: Intake,
        trash: Trash,
        elsewhere: Elsewhere,
        placeholders: Placeholders,
        clock: Clock,
        undo_s: float,
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._identifier = identifier
        self._intake = intake
        self._trash = trash
        self._elsewhere = elsewhere
        self._placeholders = placeholders
        self._clock = clock
        self._undo_s = undo_s

    def step(self, missing: Missing, *, known: Collection[Path]) -> None:
        """Tell what became of missing files, after moves within the folders `known` have been taken in."""
        lost: dict[int, list[KnownFile]] = {}
        halves: dict[int, list[Path]] = {}
        for frame_id, files in missing.files.items():
            now = self._store.catalog.files_of(frame_id)
            paths = {file.path for file in files}
            still = [file for file in now if file.path in paths]
            if still and len(still) == len(now):
                lost[frame_id] = still
            elif still:
                halves[frame_id] = [file.path for file in still]
        self._part(halves)
        if lost:
            self._conclude(lost, missing, known)

    def confirm(self, roots: Sequence[Path], closed: Collection[Path]) -> None:
        """Confirm the losses below `roots`, which are present, whose undo window has passed; not below `closed`."""
        for loss in self._store.sightings.losses():
            folder = loss.path.parent
            if self._clock.now() - loss.since_s < self._undo_s:
                continue
            if any(folder.is_relative_to(each) for each in closed) or not any(map(folder.is_relative_to, roots)):
                continue
            if self._scanner.look(loss.path) is not None:
                continue  # another file may be there by now; whether it is the same is for the next scan to say
            with self._store.transaction():
                reason = "It was still gone when there was no time left to take it back."
                self._tell(Kind.LOSS_CONFIRMED, loss.frame_id, of=loss.seq, reason=reason)
                self._store.sightings.put_loss(Loss(loss.frame_id, loss.seq, loss.since_s, loss.path, final=True))

    def _part(self, halves: Mapping[int, Sequence[Path]]) -> None:
        if halves:
            with self._store.transaction():
                for frame_id, paths in halves.items():
                    self._intake.part_with(frame_id, paths)

    def _conclude(self, lost: Mapping[int, Sequence[KnownFile]], missing: Missing, known: Collection[Path]) -> None:
        frames = {frame.id: frame for frame in self._store.catalog.frames(lost)}
        ignored = {frame_id: self._ignored(frames[frame_id], lost[frame_id], missing) for frame_id in lost}
        open_to_doubt = {frame_id: lost[frame_id] for frame_id in lost if not ignored[frame_id]}
        trashed = self._trashed(open_to_doubt)
        away = self._away({key: files for key, files in open_to_doubt.items() if key not in trashed}, known)
        for frame_id, (file, place) in list(away.items()):
            if not self._is_same_file(file, place):
                # Moved to another disk, or deleted here with a backup there: nobody can tell the two apart.
                ignored[frame_id] = f"A copy of it is at {place}."
                del away[frame_id]
        ids = sorted(lost)
        for start in range(0, len(ids), _TOGETHER):
            with self._store.transaction():
                for frame_id in ids[start : start + _TOGETHER]:
                    self._store.catalog.mark_gone([file.path for file in lost[frame_id]])
                    if frame_id in away:
                        self._move_away(frames[frame_id], *away[frame_id])
                    else:
                        paths = [str(file.path) for file in lost[frame_id]]
                        self._lose(frames[frame_id], paths, ignored[frame_id], trashed.get(frame_id))

    def _ignored(self, frame: KnownFrame, files: Sequence[KnownFile], missing: Missing) -> str:
        """Return why the absence of a frame is no opinion, empty when it may be one."""
        if frame.id in missing.on_card:
            return CARD
        if frame.id in missing.hollow or any(self._placeholders.is_placeholder(file.path) for file in files):
            return PLACEHOLDER
        if frame.stage is Stage.DERIVED:
            return EXPORT
        if (copy := self._copy(files[0])) is not None:
            return f"A copy of it is still at {copy}."
        return TREE if frame.id in missing.in_lost_folder else ""

    def _copy(self, file: KnownFile) -> Path | None:
        """Return where a byte-identical copy of a file is known to be, and still is."""
        if not file.content:
            return None
        copies = [each for each in self._store.catalog.with_content(file.content) if not each.gone]
        others = (each.path for each in copies if each.frame_id != file.frame_id)
        return next((path for path in others if self._holds(path, file)), None)

    def _holds(self, path: Path, file: KnownFile) -> bool:
        """Tell whether at a path lies what `file` was; by its size alone where its content was never known."""
        stamp = self._scanner.look(path)
        if stamp is None or stamp.size != file.stamp.size:
            return False
        try:
            return not file.content or self._identifier.content(path) == file.content
        except OutOfReach:
            return False

    def _trashed(self, lost: Mapping[int, Sequence[KnownFile]]) -> dict[int, Trashed]:
        cans = self._trash.files() if lost else {}
        found: dict[int, Trashed] = {}
        for frame_id, files in lost.items():
            for file in files:
                thrown = cans.get(file.path)
                if thrown is not None and self._holds(thrown.path, file):
                    found.setdefault(frame_id, thrown)
        return found

    def _away(
        self, lost: Mapping[int, Sequence[KnownFile]], known: Collection[Path]
    ) -> dict[int, tuple[KnownFile, Path]]:
        """Return the frames of which a file lies somewhere outside of all known folders, and where."""
        wanted = {file.path: file for files in lost.values() for file in files if file.content}
        if not wanted:
            return {}
        places = self._elsewhere.find({path: file.stamp for path, file in wanted.items()}, known=known)
        found: dict[int, tuple[KnownFile, Path]] = {}
        for path, candidates in places.items():
            place = next((each for each in candidates if self._holds(each, wanted[path])), None)
            if place is not None:
                found.setdefault(wanted[path].frame_id, (wanted[path], place))
        return found

    def _is_same_file(self, file: KnownFile, place: Path) -> bool:
        now = self._scanner.look(place)
        return now is not None and (now.inode, now.device) == (file.stamp.inode, file.stamp.device)

    def _move_away(self, frame: KnownFrame, file: KnownFile, place: Path) -> None:
        self._tell(
            Kind.FRAME_MOVED,
            frame.id,
            source=str(file.path),
            path=str(place),
            confidence=_SURE_SAME_FILE,
            reason=f"It lies in {place.parent} now, outside of the folders that are rated.",
        )

    def _lose(self, frame: KnownFrame, paths: Sequence[str], ignored: str, trashed: Trashed | None) -> None:
        now_s = self._clock.now()
        how: dict[str, object] = {"how": "unlinked", "confidence": _SURE_UNLINKED, "reason": "It is gone."}
        since_s = now_s
        if trashed is not None:
            how = {"how": "trash", "confidence": _SURE_TRASH, "reason": "It went into the trash."}
            if trashed.deleted_s is not None and self._may_have_been(trashed.deleted_s, frame):
                since_s = min(now_s, trashed.deleted_s)
                how["happened_s"] = trashed.deleted_s
        if ignored:
            how["ignored"] = ignored
        seq = self._tell(Kind.FRAME_LOST, frame.id, paths=list(paths), **how)
        self._store.sightings.put_loss(Loss(frame.id, seq, since_s, frame.path, final=bool(ignored)))

    def _may_have_been(self, deleted_s: float, frame: KnownFrame) -> bool:
        """Tell whether a frame can have been thrown away then: not before it was last known to be there.

        A disk may come with a trash of its own, another clock's dates, or what was thrown away and put back long ago.
        """
        there_s = self._store.journal.last_s([frame.id], *_WAS_THERE)
        return deleted_s >= max(there_s or 0.0, frame.arrived_s) - _WHOLE_SECONDS_S

    def _tell(self, kind: Kind, frame_id: int, **payload: object) -> int:
        return self._store.journal.append(kind, at_s=self._clock.now(), frame_id=frame_id, **payload)
