"""What services need of sidecars: whose rating stands in them, writing ours, taking it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from safelight.domain.frame import FileStamp
from safelight.domain.opinion import Opinion, OurRating


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose rating a frame's sidecars hold, and which (-1 is a reject; None: no rating, or one we cannot read)."""

    opinion: Opinion
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class SidecarWrite:
    """One sidecar to be written: `before` is what it replaces (None: there is no file), `digest` that of `after`."""

    path: Path
    before: bytes | None
    after: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class SidecarPlan:
    """Whose rating stands beside a frame, and what has to be written; nothing when a person's stands."""

    standing: Standing
    writes: tuple[SidecarWrite, ...]
    found: Mapping[Path, FileStamp] = field(default_factory=dict)  # the frame's sidecars that are there already


class Sidecars(Protocol):
    """The sidecars beside images, named by one profile."""

    def plan(self, images: Sequence[Path], rating: OurRating) -> SidecarPlan:
        """Say whose rating stands beside a frame's images and what has to be written for ours.

        Raises SidecarError when a sidecar cannot be read or edited.
        """
        ...

    def write(self, write: SidecarWrite, image: Path) -> FileStamp:
        """Write one sidecar whole or not at all; `image` lends a new one its owner and permissions.

        Raises SidecarError; then the file is what it was.
        """
        ...

    def flush(self) -> None:
        """Make the names of everything written so far durable."""
        ...

    def holds(self, path: Path, digest: bytes) -> FileStamp | None:
        """Return the stamp of a file that holds exactly our bytes, None when it does not."""
        ...

    def restore(self, path: Path, *, before: bytes | None, digest: bytes) -> bool:
        """Put back what was there before, if the file still holds our bytes; tell whether it did."""
        ...
