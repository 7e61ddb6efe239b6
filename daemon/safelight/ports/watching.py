"""What services need of a watcher: what it noticed, and what it knows that it has missed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Hint(StrEnum):
    """What was noticed at a path. A hint, not the truth: that is on the disk."""

    STARTED = "started"  # a file was made or written to, and may still be open for writing
    CLOSED = "closed"  # whoever wrote a file has closed it
    ARRIVED = "arrived"  # a file was renamed to this name
    GONE = "gone"  # a file is no longer there, deleted or renamed away
    FOLDER = "folder"  # a folder has come: all below it is to be looked at
    FOLDER_GONE = "folder gone"  # a folder was deleted or has moved away


class Why(StrEnum):
    """Why hints cannot be relied on, so that a folder has to be scanned."""

    STARTED = "started"  # nobody watched before
    OVERFLOW = "overflow"  # more happened than the kernel could hold
    UNMOUNTED = "unmounted"
    MOUNTED = "mounted"
    RESUMED = "resumed"  # from suspend
    NO_WATCHES = "no watches"  # the system's limit of watches is reached: part of the folder is not watched
    ROOT_GONE = "root gone"  # the watched folder itself was deleted, renamed or replaced
    ROOT_BACK = "root back"
    TIMER = "timer"  # its file system tells of nothing, or it is time for a look anyway


@dataclass(frozen=True, slots=True)
class Noticed:
    """One hint; `at_s` by the wall clock, seconds since the epoch."""

    path: Path
    hint: Hint
    at_s: float


@dataclass(frozen=True, slots=True)
class Missed:
    """Hints were lost below a folder: only a scan tells what happened there."""

    folder: Path
    why: Why


Sink = Callable[[Noticed | Missed], None]  # called from the watcher's own threads; must return at once


class Watcher(Protocol):
    """Watches folders and everything below them."""

    def watch(self, root: Path, *, known: Iterable[Path | str] = ()) -> None:
        """Watch a folder; `known` are folders below it that are likely there, so that hints begin at once.

        Returns when the known folders are watched. What cannot be watched is told as Missed; a root that is not there
        is waited for. Raises nothing.
        """
        ...

    def unwatch(self, root: Path) -> None:
        """Watch a folder no longer."""
        ...

    def directories(self, root: Path) -> int:
        """Return how many directories are watched at and below a root."""
        ...

    def close(self) -> None:
        """Stop watching and end all threads."""
        ...


class Writers(Protocol):
    """Knows of a file whether somebody is still writing it."""

    def writing(self, path: Path) -> bool | None:
        """Tell whether a program has the file open for writing; None where nobody can know."""
        ...
