"""Copies one frame: all of its files that are new, to one stem, with second copies where they are wanted.

The files of a frame are copied and verified first and get their names together, so that what appears in the folder is a
whole frame. A file that cannot be read costs itself and not its companions. A second copy that cannot be made is owed:
it is remembered, said, and made when the card comes again.
Invariant: what is remembered as imported stands on the disk, under a name that was free.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from safelight.domain.card_template import Place, Told
from safelight.domain.cards import Card, CardFile, CardFrame
from safelight.errors import CardGone, CopyFailed, NoRoom, OutOfReach, SafelightError, TargetUnusable
from safelight.ports import Clock
from safelight.ports.cards import CardContents, Copier, Copy, Import, Imports, Stop
from safelight.services.importing.berths import Berths, Placed
from safelight.services.importing.dating import Dated, Source
from safelight.services.importing.outcome import Plan, Tally
from safelight.services.importing.survey import Known, Survey, Verdict
from safelight.services.importing.underway import Underway


class Framewise:
    """Copies the frames of one card, one after another."""

    def __init__(
        self,
        *,
        card: Card,
        plan: Plan,
        contents: CardContents,
        copier: Copier,
        imports: Imports,
        survey: Survey,
        underway: Underway,
        clock: Clock,
        stop: Stop,
        tally: Tally,
        arrived: Callable[[Sequence[Path]], None],
    ) -> None:
        self._card = card
        self._plan = plan
        self._contents = contents
        self._copier = copier
        self._imports = imports
        self._survey = survey
        self._underway = underway
        self._clock = clock
        self._stop = stop
        self._tally = tally
        self._arrived = arrived
        self._berths = Berths(copier=copier, underway=underway, stop=stop)
        self._second_copies = plan.backup is not None

    def no_second_copies(self, error: SafelightError) -> None:
        """Copy once only from here on: the other folder cannot be written."""
        self._tally.backup_trouble = error
        self._second_copies = False

    def take(self, frame: CardFrame, dated: Dated) -> None:
        """Copy what is new of a frame. Raises CardGone, NoRoom, TargetUnusable, CopyStopped, StateError."""
        looked = self._look(frame)
        with self._underway.holding([known.content for known in looked.values()], self._stop):
            # Asked again now that nobody else copies the same: another card may just have brought it.
            known = {file: self._survey.known(each.content) for file, each in looked.items()}
            by_verdict = {verdict: [file for file in known if known[file].verdict is verdict] for verdict in Verdict}
            self._tally.skipped += len(by_verdict[Verdict.DONE])
            place = self._plan.template.place(Told(frame.stem, dated.taken, dated.camera, self._card.label))
            placed = self._copy(frame, by_verdict[Verdict.NEW], known, place) if by_verdict[Verdict.NEW] else {}
            if by_verdict[Verdict.OWED]:
                self._pay(frame, {file: known[file] for file in by_verdict[Verdict.OWED]}, place)
        if placed:
            self._count(frame, dated, placed)

    def _look(self, frame: CardFrame) -> dict[CardFile, Known]:
        looked = {}
        for file in frame.files:
            try:
                looked[file] = self._survey.of(file)
            except OutOfReach as error:
                self._tally.fail(file.path, error)
        return looked

    def _copy(
        self, frame: CardFrame, new: Sequence[CardFile], known: Mapping[CardFile, Known], place: Place
    ) -> dict[CardFile, Placed]:
        """Copy files of a frame, remember them, and return where they are."""
        tails = {file: frame.tail(file) for file in new}
        beside = self._beside(frame, known)
        folder, stem = beside or (self._plan.folder.joinpath(*place.folders), place.stem)
        with ExitStack() as left, self._berths.berth(folder, stem, tails, beside=beside is not None) as berth:
            copies: dict[CardFile, Copy] = {}
            for file in new:
                if file not in berth.found and (copy := self._one(file, folder)) is not None:
                    left.callback(self._copier.discard, copy)
                    copies[file] = copy
            sources = {file: copies[file].temporary for file in copies} | {file: file.path for file in berth.found}
            seconds = self._seconds(sources, {file: tails[file] for file in sources}, replace(place, stem=berth.stem))
            placed = self._berths.put(berth, copies, tails)
            self._imports.put([self._row(file, known[file], placed[file], seconds) for file in placed])
            self._tally.bytes += sum(copy.size for copy in copies.values())
        return placed

    def _one(self, file: CardFile, folder: Path) -> Copy | None:
        """Copy one file, or count why it cannot be."""
        try:
            return self._copier.copy(file.path, folder, stop=self._stop)
        except CopyFailed as error:
            if not self._contents.present(self._card):
                raise CardGone(
                    f"The card {self._card.label} is no longer there.",
                    hint="Put it in again: what is missing is copied then, and nothing twice.",
                    path=file.path,
                ) from error
            self._tally.fail(file.path, error)
            return None

    def _seconds(
        self, sources: Mapping[CardFile, Path], tails: Mapping[CardFile, str], place: Place
    ) -> dict[CardFile, Path]:
        """Make second copies of files that were just read, and return where they are; those missing are said."""
        if self._plan.backup is None or not sources:
            return {}
        made: dict[CardFile, Path] = {}
        if self._second_copies:
            try:
                made = self._copied_twice(sources, tails, place)
            except (NoRoom, TargetUnusable) as error:
                self.no_second_copies(error)
            except CopyFailed as error:
                self._tally.backup_trouble = error
        self._tally.without_backup += len(sources) - len(made)
        return made

    def _copied_twice(
        self, sources: Mapping[CardFile, Path], tails: Mapping[CardFile, str], place: Place
    ) -> dict[CardFile, Path]:
        assert self._plan.backup is not None  # the caller has looked
        folder = self._plan.backup.joinpath(*place.folders)
        with ExitStack() as left, self._berths.berth(folder, place.stem, tails) as berth:
            copies: dict[CardFile, Copy] = {}
            for file, source in sources.items():
                if file not in berth.found:
                    copies[file] = self._copier.copy(source, folder, stop=self._stop)
                    left.callback(self._copier.discard, copies[file])
            return {file: placed.path for file, placed in self._berths.put(berth, copies, tails).items()}

    def _pay(self, frame: CardFrame, owed: Mapping[CardFile, Known], place: Place) -> None:
        """Make second copies that could not be made the last time."""
        tails = {file: frame.tail(file) for file in owed}
        made = self._seconds({file: file.path for file in owed}, tails, place)
        rows = [known.row for file, known in owed.items() if file in made and known.row is not None]
        paths = [path for file, path in made.items() if owed[file].row is not None]
        self._imports.put([replace(row, backup=path, backup_owed=False) for row, path in zip(rows, paths, strict=True)])

    def _beside(self, frame: CardFrame, known: Mapping[CardFile, Known]) -> tuple[Path, str] | None:
        """Return folder and stem of files of this frame that were imported before and are still there."""
        for file, each in known.items():
            tail, row = frame.tail(file), each.row
            if row is None or not tail or not row.path.name.endswith(tail) or row.path.name == tail:
                continue
            if self._copier.size(row.path) == row.size:
                return row.path.parent, row.path.name.removesuffix(tail)
        return None

    def _row(self, file: CardFile, known: Known, placed: Placed, seconds: Mapping[CardFile, Path]) -> Import:
        return Import(
            content=known.content,
            size=file.size,
            digest=placed.digest,
            card=self._card.id,
            source=file.path,
            path=placed.path,
            backup=seconds.get(file),
            backup_owed=self._plan.backup is not None and file not in seconds,
            at_s=self._clock.now(),
        )

    def _count(self, frame: CardFrame, dated: Dated, placed: Mapping[CardFile, Placed]) -> None:
        self._tally.copied += len(placed)
        self._tally.by_file_time += dated.source is Source.FILE
        self._tally.by_import_day += dated.source is Source.IMPORT
        paths = [each.path for each in placed.values()]
        self._tally.folders.update(dict.fromkeys(path.parent for path in paths))
        if frame.has_picture:
            self._tally.frames += 1
            self._arrived(paths)
        else:
            self._tally.films += 1
