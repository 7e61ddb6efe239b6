"""Says what of a card is to be copied, and whether there is room for it.

A file is known by its content, not its name. Reading content costs a little for each file, so it is asked for only
where something of the very same size is known; everything else is new for sure.
Invariant: nothing is copied before the whole of it is seen to fit, with a reserve left for everything else that lives
on that disk.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safelight.domain.cards import Card, CardFile, CardFrame
from safelight.errors import CardGone, NoRoom, OutOfReach
from safelight.ports import Identifier
from safelight.ports.cards import CardContents, Copier, Import, Imports, Room
from safelight.services.importing.outcome import Plan

RESERVE_BYTES = 1 << 30
RESERVE_SHARE = 0.02  # of a small disk, of which RESERVE_BYTES would be most


class Verdict(StrEnum):
    """What is to be done with one file."""

    NEW = "new"
    OWED = "owed"  # only the second copy is missing
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one file on the card; `row` is its import, if there was one."""

    verdict: Verdict
    content: bytes = b""  # empty: not asked for
    row: Import | None = None


class Survey:
    """Judges the files of one card."""

    def __init__(
        self, *, card: Card, plan: Plan, contents: CardContents, imports: Imports, identifier: Identifier
    ) -> None:
        self._card = card
        self._plan = plan
        self._contents = contents
        self._imports = imports
        self._identifier = identifier
        self._sizes = frozenset(imports.sizes())

    def probably(self, file: CardFile) -> Verdict:
        """Return what is likely to be done with a file, at least cost; one that cannot be read counts as new."""
        if file.size not in self._sizes:
            return Verdict.NEW
        try:
            return self.of(file).verdict
        except OutOfReach:
            return Verdict.NEW

    def of(self, file: CardFile) -> Known:
        """Return what is to be done with a file. Raises OutOfReach, CardGone."""
        try:
            content = self._identifier.content(file.path)
        except OutOfReach as error:
            if not self._contents.present(self._card):
                raise CardGone(
                    f"The card {self._card.label} is no longer there.",
                    hint="Put it in again: what is missing is copied then, and nothing twice.",
                    path=file.path,
                ) from error
            raise
        return self.known(content)

    def known(self, content: bytes) -> Known:
        """Return what is to be done with a file of this content, by what is remembered now."""
        row = self._imports.get(content)
        if row is not None:
            owed = row.backup_owed and self._plan.backup is not None
            return Known(Verdict.OWED if owed else Verdict.DONE, content, row)
        if self._imports.in_library(content, without=self._card.root):
            return Known(Verdict.DONE, content)
        return Known(Verdict.NEW, content)


def waiting(frames: Iterable[CardFrame], survey: Survey) -> tuple[list[CardFrame], dict[CardFile, Verdict]]:
    """Return the frames of which anything is to be done, and what is likely to be done with each file."""
    verdicts = {file: survey.probably(file) for frame in frames for file in frame.files}
    some = [frame for frame in frames if any(verdicts[file] is not Verdict.DONE for file in frame.files)]
    return some, verdicts


def check_first(verdicts: Mapping[CardFile, Verdict], plan: Plan, copier: Copier) -> None:
    """See that everything new fits into the import folder. Raises NoRoom, TargetUnusable."""
    _check(copier.room(plan.folder), plan.folder, _wanted(verdicts, Verdict.NEW), [])


def check_second(verdicts: Mapping[CardFile, Verdict], plan: Plan, copier: Copier) -> None:
    """See that second copies fit as well, beside the first ones if they share a disk. Raises NoRoom, TargetUnusable."""
    if plan.backup is None:
        return
    first, second = copier.room(plan.folder), copier.room(plan.backup)
    beside = _wanted(verdicts, Verdict.NEW) if first.device == second.device else []
    _check(second, plan.backup, _wanted(verdicts, Verdict.NEW, Verdict.OWED), beside)


def _wanted(verdicts: Mapping[CardFile, Verdict], *which: Verdict) -> list[CardFile]:
    return [file for file, verdict in verdicts.items() if verdict in which]


def _check(room: Room, folder: Path, files: Sequence[CardFile], beside: Sequence[CardFile]) -> None:
    needed = sum(-(-file.size // room.block) * room.block for file in (*files, *beside))
    free = room.free - int(min(RESERVE_BYTES, room.total * RESERVE_SHARE))
    if needed > free:
        raise NoRoom(
            f"The card needs {amount(needed)}, and the disk of {folder} has {amount(free)} to spare.",
            hint=f"Make room for another {amount(needed - free)}, or choose another folder.",
            path=folder,
        )


def amount(size: int) -> str:
    """Return a number of bytes as disks are sold: "12.3 GB", "740 MB"."""
    for unit, bytes_ in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}" if unit != "MB" else f"{size // bytes_} MB"
    return f"{max(0, size) // 1000} kB"
