"""What services need to see of what people and other programs left on the disk: trash, volumes, develop settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from safelight.domain.frame import FileStamp


@dataclass(frozen=True, slots=True)
class VolumeIdentity:
    """What tells one mounted file system from another in the same place."""

    mount: Path
    device: int  # st_dev; may differ after a restart of the machine
    file_system: int  # f_fsid of statvfs; survives a restart where the file system has an id of its own
    kind: str  # file-system type as the kernel names it


class Mounts(Protocol):
    """Knows which file system a path lies on."""

    def identity(self, path: Path) -> VolumeIdentity | None:
        """Return the identity of the volume on which `path` (absolute) lies, or would lie if it were there.

        For what is gone the nearest folder that exists answers; so after an unmount it is the identity of the volume
        below the mount point, which is another one. None when not even that can be told.
        """
        ...


@dataclass(frozen=True, slots=True)
class Trashed:
    """One file in a trash can of this user."""

    original: Path  # where it was
    path: Path  # where it lies now
    deleted_s: float | None  # by its .trashinfo, to the second


class Trash(Protocol):
    """The XDG trash cans of this user, on the home volume and on others."""

    def files(self) -> Mapping[Path, Trashed]:
        """Return every trashed file by its original path, also those inside a trashed folder; the newest of a path."""
        ...


class Elsewhere(Protocol):
    """Looks for files that have left every folder we know: people file pictures where no program told them to."""

    def find(self, wanted: Mapping[Path, FileStamp], *, known: Collection[Path]) -> Mapping[Path, tuple[Path, ...]]:
        """Return for each wanted path the files of the same name and size outside the folders `known`.

        Bounded: after so many names it stops looking. What is found is only a candidate; its content decides.
        """
        ...


class TraceKind(StrEnum):
    """What a trace tells."""

    RATING = "rating"  # value: -1..5 as text; "" for a rating that was cleared or cannot be read
    FLAG = "flag"  # value: "1" picked, "-1" rejected
    LABEL = "label"  # value: the label's text
    DEVELOP = "develop"  # value: digest of the settings, present only when a person has set them


@dataclass(frozen=True, slots=True)
class Trace:
    """What one program left beside (or in) a frame, if a person made it do so; ours and defaults are no traces."""

    program: str  # darktable, camera raw, rawtherapee, dxo, capture one, digikam, file manager, xmp, file
    kind: TraceKind
    value: str
    confidence: float  # 0-1 that a person's opinion stands behind a change of it
    path: Path  # the file that says so
    changed_s: float  # its modification time


@dataclass(frozen=True, slots=True)
class TraceReading:
    """All traces of one frame, and the files that were looked at (also those that say nothing)."""

    traces: tuple[Trace, ...]
    files: Mapping[Path, FileStamp]
    busy: bool = False  # a file was half-written: look again later, believe nothing of this reading
    unread: frozenset[Path] = frozenset()  # there, but damaged or closed to us: what they said before still stands


class Traces(Protocol):
    """Reads what editors, viewers and file managers left of a person's decisions."""

    def read(self, images: Sequence[Path], companions: Collection[Path]) -> TraceReading:
        """Read the traces of a frame with these image files.

        `companions` are the companion files that the scan found for it. Never raises for a damaged or hostile file:
        what cannot be read says nothing.
        """
        ...


class Placeholders(Protocol):
    """Tells files of which only the name is here (a cloud keeps the content)."""

    def is_placeholder(self, path: Path) -> bool:
        """Tell whether a file has a size but no blocks on this disk."""
        ...
