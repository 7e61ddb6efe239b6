"""What an import is asked for, and what it came to.

Invariant: a card of which anything was not copied, or was copied only once where two copies were wanted, is never said
to be safe to format.
"""

from dataclasses import dataclass, field
from pathlib import Path

from safelight.domain.card_template import Template
from safelight.errors import SafelightError
from safelight.ports.cards import Progress


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a card's files go. Both folders must be there: one that is missing may be a disk that is not connected."""

    folder: Path
    template: Template
    backup: Path | None = None  # a second copy of everything goes here


@dataclass(frozen=True, slots=True)
class NotCopied:
    """One file that stays on the card only, and why."""

    path: Path
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What one step came to."""

    frames: int  # with a picture, of which files were copied now
    films: int  # films and recordings by themselves
    copied: int  # files, verified and durable; also those that were found in their place already
    skipped: int  # files that were imported before, or that the library has
    bytes: int  # of the files copied
    seconds: float
    folders: tuple[Path, ...]  # that files were copied to, in order
    failed: tuple[NotCopied, ...]
    left: tuple[Path, ...]  # files below DCIM that belong to no picture and no film
    by_file_time: int  # frames placed by the file's time, as no capture time was recorded
    by_import_day: int  # frames placed by today, as the file's time is impossible too
    without_backup: int  # files of which a second copy was wanted and is missing
    backup_trouble: SafelightError | None  # why
    trouble: SafelightError | None  # what ended the import before its end
    stopped: bool  # it was told to stop

    @property
    def whole(self) -> bool:
        """Tell whether everything on the card that is to be copied is, twice where that was wanted."""
        return not (self.failed or self.trouble or self.stopped or self.without_backup)


@dataclass(slots=True)
class Tally:
    """Counts while an import runs."""

    of_files: int = 0
    of_bytes: int = 0
    frames: int = 0
    films: int = 0
    copied: int = 0
    skipped: int = 0
    bytes: int = 0
    folders: dict[Path, None] = field(default_factory=dict)
    failed: list[NotCopied] = field(default_factory=list)
    left: tuple[Path, ...] = ()
    by_file_time: int = 0
    by_import_day: int = 0
    without_backup: int = 0
    backup_trouble: SafelightError | None = None
    trouble: SafelightError | None = None
    stopped: bool = False

    def fail(self, path: Path, error: SafelightError) -> None:
        """Count a file that stays on the card only."""
        self.failed.append(NotCopied(path, error.summary, error.hint))

    def progress(self) -> Progress:
        """Return how far it has come."""
        return Progress(self.copied, self.of_files, self.bytes, self.of_bytes)

    def imported(self, *, seconds: float) -> Imported:
        """Return what it came to."""
        return Imported(
            frames=self.frames,
            films=self.films,
            copied=self.copied,
            skipped=self.skipped,
            bytes=self.bytes,
            seconds=seconds,
            folders=tuple(self.folders),
            failed=tuple(self.failed),
            left=self.left,
            by_file_time=self.by_file_time,
            by_import_day=self.by_import_day,
            without_backup=self.without_backup,
            backup_trouble=self.backup_trouble,
            trouble=self.trouble,
            stopped=self.stopped,
        )
