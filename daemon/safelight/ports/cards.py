"""What importing a card needs of the card, of the disk that is copied to, and of memory."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelight.domain.cards import Card, CardFrame, Policy

Stop = Callable[[], bool]  # asked often while copying: True to end after the frame that is being copied was let go


class Mounted(Protocol):
    """One mounted volume."""

    @property
    def root(self) -> Path:
        """Where it is mounted."""
        ...

    @property
    def kind(self) -> str:
        """Its file system, as the kernel names it."""
        ...


@dataclass(frozen=True, slots=True)
class CardListing:
    """What is on a card: frames in the order in which they are to be copied, and files that belong to none."""

    frames: tuple[CardFrame, ...]
    left: tuple[Path, ...] = ()
    not_listed: tuple[Path, ...] = ()  # folders that could not be read, links and pipes with a picture's name


class CardContents(Protocol):
    """Lists a card; opens nothing on it but folders."""

    def listing(self, card: Card) -> CardListing:
        """Return what is on a card. Raises CardGone when it cannot be listed at all."""
        ...

    def present(self, card: Card) -> bool:
        """Tell whether this very card is still mounted where it was."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """What a disk has left for a person without privileges."""

    device: int
    free: int  # bytes
    total: int  # bytes
    block: int  # bytes; a file takes a multiple of it


@dataclass(frozen=True, slots=True)
class Copy:
    """A verified copy that does not have its name yet."""

    source: Path
    temporary: Path
    size: int
    digest: bytes  # of every byte, as read from the source and read again from the copy


class Copier(Protocol):
    """Copies files without ever writing to where they come from or over what is there already."""

    def room(self, folder: Path) -> Room:
        """Return what is left where a folder is or will be. Raises TargetUnusable."""
        ...

    def names(self, folder: Path) -> Sequence[str]:
        """Return all names in a folder, none if it is not there; removes what a killed copy left in it."""
        ...

    def copy(self, source: Path, folder: Path, *, stop: Stop) -> Copy:
        """Copy into a folder (made if missing) under a hidden name and read it back.

        Raises CopyFailed for this file alone, CardGone when the source's disk is not there any more, NoRoom,
        TargetUnusable, CopyStopped; then nothing is left.
        """
        ...

    def place(self, copy: Copy, name: str) -> Path:
        """Give a copy its name. Raises FileExistsError when the name is taken, TargetUnusable."""
        ...

    def discard(self, copy: Copy) -> None:
        """Remove a copy that has no name yet."""
        ...

    def flush(self, folder: Path) -> None:
        """Make the names in a folder durable. Raises TargetUnusable."""
        ...

    def same(self, source: Path, target: Path, *, stop: Stop) -> bytes | None:
        """Return the digest of two files that hold the same bytes, None when they do not or cannot be read."""
        ...

    def size(self, path: Path) -> int | None:
        """Return the size of a regular file, None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Import:
    """One file that was copied from a card."""

    content: bytes
    size: int
    digest: bytes
    card: str
    source: Path
    path: Path
    backup: Path | None  # where the second copy is
    backup_owed: bool = False  # a second copy was wanted and could not be made
    at_s: float = 0.0


class Imports(Protocol):
    """Every file that was ever copied from a card."""

    def sizes(self) -> Collection[int]:
        """Return the sizes of all files that were imported or that the library has: others are new for sure."""
        ...

    def get(self, content: bytes) -> Import | None:
        """Return what was imported with this content, None when nothing was."""
        ...

    def in_library(self, content: bytes, *, without: Path) -> bool:
        """Tell whether a file of this content was ever seen in a folder that is on no card and not below `without`."""
        ...

    def put(self, made: Sequence[Import]) -> None:
        """Remember files, all or none, in place of what was known of the same contents."""
        ...

    def forget(self, card: str) -> int:
        """Forget what was imported from a card, so that it is imported again; return how many files that were."""
        ...


@dataclass(frozen=True, slots=True)
class KnownCard:
    """One card that was plugged in at some time; `policy` is None until the person has said what to do with it."""

    id: str
    label: str
    policy: Policy | None
    first_s: float
    last_s: float


class Cards(Protocol):
    """Every card that was ever plugged in."""

    def see(self, card: Card, *, at_s: float) -> KnownCard:
        """Remember that a card is here, and return what is known of it."""
        ...

    def get(self, card: str) -> KnownCard | None:
        """Return what is known of a card, None when it was never here."""
        ...

    def set_policy(self, card: str, policy: Policy | None) -> bool:
        """Remember what the person wants done with a card; tell whether it is known."""
        ...

    def all(self) -> tuple[KnownCard, ...]:
        """Return all cards, the one that was here last first."""
        ...


Wall = Callable[[float], float]  # seconds since the epoch -> seconds since 1970-01-01T00:00 of the local clock


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import has come."""

    files: int
    of_files: int
    bytes: int
    of_bytes: int


Told = Callable[[Progress], None]
Arrived = Callable[[Sequence[Path]], None]  # the files of one frame, all in place and durable
