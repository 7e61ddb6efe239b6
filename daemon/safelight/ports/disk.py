"""What services need of the disk and of time: looking, identifying, waiting."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelight.domain.frame import FileStamp, FoundFile


class Clock(Protocol):
    """The time, injected so that no test ever sleeps."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...


@dataclass(frozen=True, slots=True)
class NotLooked:
    """A name that looks like a photograph and is not looked at, and why (one sentence)."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder as a scan found it; `failure` says why it could not be listed, empty when it could."""

    path: Path
    files: tuple[FoundFile, ...] = ()
    not_looked: tuple[NotLooked, ...] = ()
    failure: str = ""


class Scanner(Protocol):
    """Finds the files below a folder."""

    def scan(self, folder: Path) -> Iterator[Listing]:
        """Yield every folder at and below `folder` with its image, RAW and sidecar files, in a fixed order."""
        ...

    def listing(self, folder: Path) -> Listing:
        """Return one folder with its files, as `scan` would yield it, without what lies below it."""
        ...

    def root(self, folder: Path) -> Path:
        """Return a folder to be scanned without links in its path. Raises FolderError as `scan`."""
        ...

    def look(self, path: Path) -> FileStamp | None:
        """Look at one file afresh; None when it is gone or no regular file any more."""
        ...


class Identifier(Protocol):
    """Tells contents apart without reading whole files."""

    def content(self, path: Path) -> bytes:
        """Return the identity of a file's content, 16 bytes. Raises OutOfReach when the file cannot be read."""
        ...


class Volumes(Protocol):
    """Knows what a folder lies on."""

    def card_root(self, path: Path) -> Path | None:
        """Return the root of the card that `path` lies on, None when it lies on no card."""
        ...
