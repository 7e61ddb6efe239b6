"""Reconciles the catalog with the disk: what was moved, lost, brought back, edited and rated while nobody looked.

First everything that is new or was written again is looked through for files that are known, because what was moved is
not lost. Only then is anything believed of what is missing, and only where its folder, its volume and at least one
other file are there. What is found goes into the journal as facts; what they mean is read from there.
Invariant: reconciling twice finds nothing the second time; a kill between the two costs nothing and doubles nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.frame import Stage
from safelight.domain.framing import Draft
from safelight.domain.lineage import possible_sources
from safelight.domain.records import Reread
from safelight.errors import FolderError, OutOfReach
from safelight.ports import (
    Clock,
    Elsewhere,
    Identifier,
    Mounts,
    NotLooked,
    Placeholders,
    Scanner,
    Store,
    Traces,
    Trash,
    Volumes,
)
from safelight.services.intake import Intake
from safelight.services.moves import Moves
from safelight.services.reconciling.changes import Changes
from safelight.services.reconciling.losses import Losses, Missing
from safelight.services.reconciling.presence import Presence, Present
from safelight.services.reconciling.survey import Folder, Survey, Surveyor

UNDO_S = 24 * 3600.0  # how long a person has to take a deletion back before it is believed

ABSENT = "The folder {} is not there now (its disk may not be connected): nothing is concluded from that."
NO_LIFE = "The folder {} has nothing in it where photographs were: nothing is concluded from that."


@dataclass(slots=True)
class Reconciled:
    """What was found: entries written, by kind; what could not be looked at, and why."""

    facts: Counter[str] = field(default_factory=Counter)
    files: int = 0
    busy: int = 0  # frames beside which another program was writing
    to_judge: list[int] = field(default_factory=list)  # frames whose pictures have to be looked at to say more
    absent: list[NotLooked] = field(default_factory=list)
    not_looked: list[NotLooked] = field(default_factory=list)


class Reconcile:
    """Compares folders with the catalog and writes down what happened."""

    def __init__(
        self,
        *,
        store: Store,
        scanner: Scanner,
        identifier: Identifier,
        volumes: Volumes,
        mounts: Mounts,
        trash: Trash,
        elsewhere: Elsewhere,
        traces: Traces,
        placeholders: Placeholders,
        clock: Clock,
        undo_s: float = UNDO_S,
    ) -> None:
        self._store = store
        self._scanner = scanner
        self._identifier = identifier
        self._intake = Intake(scanner=scanner, identifier=identifier, store=store, clock=clock)
        self._moves = Moves(scanner=scanner, identifier=identifier, store=store)
        self._presence = Presence(store=store, scanner=scanner, identifier=identifier, mounts=mounts, volumes=volumes)
        self._surveyor = Surveyor(store=store, scanner=scanner, placeholders=placeholders, clock=clock)
        self._changes = Changes(store=store, traces=traces, clock=clock)
        self._losses = Losses(
            store=store,
            scanner=scanner,
            identifier=identifier,
            intake=self._intake,
            trash=trash,
            elsewhere=elsewhere,
            placeholders=placeholders,
            clock=clock,
            undo_s=undo_s,
        )

    def look_into(self, folders: Collection[Path], *, roots: Sequence[Path]) -> Reconciled:
        """Reconcile exactly these folders, which lie below `roots`: what a watcher has told of.

        A folder that cannot be listed any more is said and not believed: only a look at all of its root tells.
        """
        done = Reconciled()
        newest = self._store.journal.newest()
        surveys: list[tuple[Present, Survey]] = []
        for root in _outermost(roots):
            below = sorted((folder for folder in folders if folder.is_relative_to(root)), key=bytes)
            if below:
                surveys += self._survey([root], done, only=below)
        self._conclude(surveys, done, known=roots)
        self._tell(done, newest)
        return done

    def step(self, folders: Sequence[Path] | None = None) -> Reconciled:
        """Reconcile folders, by default every folder that was ever rated; what is not there is said, not believed."""
        done = Reconciled()
        newest = self._store.journal.newest()
        every = self._store.receipts.rated_folders()
        roots = _outermost(every if folders is None else folders)
        surveys = self._survey(roots, done)
        elsewhere = [folder for folder in every if not any(folder.is_relative_to(root) for root in roots)]
        missing = any(survey.missing for _, survey in surveys)
        beside = self._survey(elsewhere, done, quietly=True) if missing else []
        self._conclude(surveys, done, beside=beside, known=[*roots, *elsewhere])
        for present, survey in surveys:
            if survey.files:  # else the volume may be another that we cannot tell from the one before
                self._losses.confirm([present.root], _unsure(present, survey))
        self._tell(done, newest)
        return done

    def _conclude(
        self,
        surveys: list[tuple[Present, Survey]],
        done: Reconciled,
        *,
        beside: Sequence[tuple[Present, Survey]] = (),
        known: Sequence[Path],
    ) -> None:
        """Write down what surveys found: what has moved first, because what was moved is not lost."""
        self._take_moves([*surveys, *beside])
        self._losses.step(self._gather(surveys, done), known=known)
        self._take_exports([survey for _, survey in surveys])

    def _tell(self, done: Reconciled, newest: int) -> None:
        done.to_judge = self._to_judge()
        done.busy = self._changes.busy
        done.facts.update(entry.kind for entry in self._store.journal.entries(after=newest))

    def accept(self, folders: Sequence[Path]) -> None:
        """Accept the volumes that folders lie on now, before they are rated; see `Presence.take_over`."""
        for folder in folders:
            self._presence.take_over(folder)

    def settle_on(self, folders: Collection[Path]) -> None:
        """Let folders in which new pictures have arrived lie on what is mounted there; see `Presence.settle_on`."""
        self._presence.settle_on(folders)

    def read_past(self, frames: Iterable[int]) -> None:
        """Read what other programs told of frames before stars of ours stand beside them."""
        given = self._store.catalog.frames(list(frames))
        wanted = [frame for frame in given if not self._store.sightings.has_looked(frame.id)]
        ids = {frame.id for frame in wanted}
        for folder in sorted({frame.path.parent for frame in wanted}, key=bytes):
            listing = next(iter(self._scanner.scan(folder)))
            known = {file.path: file for file in self._store.catalog.files_in(folder) if file.frame_id in ids}
            self._changes.step(listing.files, known)

    def _survey(
        self, roots: Sequence[Path], done: Reconciled, *, quietly: bool = False, only: Collection[Path] | None = None
    ) -> list[tuple[Present, Survey]]:
        """Look through the folders that are present, or at `only` these below; `quietly` only for what is new there."""
        found: list[tuple[Present, Survey]] = []
        for root in roots:
            try:
                if (present := self._presence.of(root)) is not None:
                    survey = self._surveyor.look(present, None if quietly else self._changes.step, only=only)
                    found.append((present, survey))
                    continue
            except FolderError:
                pass  # it vanished while it was looked through
            if not quietly:
                done.absent.append(NotLooked(root, ABSENT.format(root)))
        if not quietly:
            for present, survey in found:
                self._presence.note(present, survey.folders)
                done.absent.extend(NotLooked(folder, ABSENT.format(folder)) for folder in present.closed)
                done.not_looked.extend(survey.not_looked)
                done.files += survey.files
        return found

    def _take_moves(self, surveys: Iterable[tuple[Present, Survey]]) -> None:
        """Take in what was written again, and what is known from another place."""
        listed = [survey for _, survey in surveys]
        sizes = {file.stamp.size for survey in listed for file in survey.missing} | self._store.catalog.gone_sizes()
        sizes |= {size for survey in listed for folder in survey.fresh.values() for size in folder.displaced_sizes()}
        # What is here with the inode and the time of a file that is missing was whole there: its age says nothing.
        left = {file.stamp for survey in listed for file in survey.missing}
        for survey in listed:
            for path, folder in survey.fresh.items():
                moved = [draft for draft in folder.young if all(file.stamp in left for file in draft.files)]
                if some := [draft for draft in (*folder.drafts, *moved) if self._is_known(draft, folder, sizes)]:
                    self._intake.take_drafts(path, some)
                    known = {file.path: file for file in self._store.catalog.files_in(path)}
                    self._changes.step(folder.files, known)

    def _take_exports(self, surveys: Iterable[Survey]) -> None:
        """Take in new files whose names say that they may have been made from a known frame."""
        fresh = [
            (path, draft)
            for survey in surveys
            for path, folder in survey.fresh.items()
            for draft in folder.drafts
            if any(self._store.catalog.frame_at(file.path) is None for file in draft.files)
        ]
        known = self._owners([draft.main.path for _, draft in fresh])
        for folder, draft in fresh:
            if not known.keys().isdisjoint(possible_sources(draft.main.path.stem)):
                self._intake.take_drafts(folder, [draft])

    def _owners(self, paths: Iterable[Path]) -> dict[str, set[int]]:
        """Return the frames of known files whose stems stand within the names of these, by stem in lower case."""
        owners: dict[str, set[int]] = {}
        for file in self._store.catalog.files_named({stem for path in paths for stem in possible_sources(path.stem)}):
            owners.setdefault(file.path.stem.lower(), set()).add(file.frame_id)
        return owners

    def _to_judge(self) -> list[int]:
        """Return the frames that wait for a look at their pictures: written again, or come in as exports do."""
        waiting = self._store.catalog.at_stage(Stage.ARRIVED)
        owners = self._owners([frame.path for frame in waiting])
        with self._store.transaction():
            for frame in waiting:
                named = set[int]().union(*(owners.get(stem, ()) for stem in possible_sources(frame.path.stem)))
                # Looked at before, and something was written or came beside it since; or named after another frame.
                if frame.content is not None or named - {frame.id}:
                    self._store.sightings.put_reread(Reread(frame.id, frame.path, b""))
        again = {reread.frame_id for reread in self._store.sightings.rereads()}
        return [frame.id for frame in self._store.catalog.frames(again, Stage.ARRIVED, Stage.ASSESSED)]

    def _is_known(self, draft: Draft, folder: Folder, sizes: set[int]) -> bool:
        """Tell whether a file of a frame was written again, or has come from another place."""
        if any(file.path in folder.known for file in draft.files):
            return all(file.path in folder.known for file in draft.files) or self._has_come(draft, folder, sizes)
        return self._has_come(draft, folder, sizes)

    def _has_come(self, draft: Draft, folder: Folder, sizes: set[int]) -> bool:
        fresh = [file for file in draft.files if file.path not in folder.known and file.stamp.size in sizes]
        for file in fresh:
            try:
                content = self._identifier.content(file.path)
            except OutOfReach:
                continue
            if any(known.gone or self._moves.has_left(known) for known in self._store.catalog.with_content(content)):
                return True
        return False

    def _gather(self, surveys: Iterable[tuple[Present, Survey]], done: Reconciled) -> Missing:
        """Collect what is missing, by frame; nothing of a folder without a sign of life."""
        missing = Missing()
        for present, survey in surveys:
            if survey.missing and not survey.files:
                done.absent.append(NotLooked(present.root, NO_LIFE.format(present.root)))
                continue
            now = self._presence.of(present.root) if survey.missing else None
            for file in survey.missing:
                if now is None or not now.may_speak_of(file.path.parent):
                    continue  # its disk was pulled while its folder was looked at
                missing.files.setdefault(file.frame_id, []).append(file)
                if present.card:
                    missing.on_card.add(file.frame_id)
                if file.path.parent not in survey.folders:
                    missing.in_lost_folder.add(file.frame_id)
            missing.hollow |= survey.hollow
        return missing


def _unsure(present: Present, survey: Survey) -> list[Path]:
    """Return the folders that could not be looked at."""
    return [*present.closed, *(each.path for each in survey.not_looked if each.path not in survey.folders)]


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Return the folders that lie in no other of them, in order."""
    each = set(folders)
    return sorted((folder for folder in each if each.isdisjoint(folder.parents)), key=bytes)
