"""Remembers what an installation wrote, so that removing it takes exactly that and nothing that a person changed.

A list of files with the hash of what was written, and of the folders that were made for them. It lies in the state
folder as text, so that a person can read it. Without it, or with a damaged one, only files that are still exactly what
would be written today count as ours.
Invariant: a file whose content is not known to be ours is never replaced and never removed.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_MOST_BYTES = 1 << 20


class Standing(StrEnum):
    """How a file on the disk stands to what would be written there."""

    ABSENT = "absent"
    SAME = "same"
    OURS = "ours"  # written by us, another version, and not touched since
    FOREIGN = "foreign"  # made or changed by somebody else, or no ordinary file


@dataclass(slots=True)
class Receipt:
    """What was written, path → SHA-256 of the last two contents, and the folders that were made, outermost first.

    Two, because a file is noted before it is written: after a kill between, it still holds what it held before.
    """

    path: Path
    files: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Receipt":
        """Return the receipt; an empty one when there is none that can be understood."""
        known = cls(path)
        with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            told = json.loads(path.read_text(encoding="utf-8"))
            files = {Path(name): tuple(map(str, digests)) for name, digests in told["files"].items()}
            folders = [Path(name) for name in told["folders"]]
            known.files, known.folders = files, folders
        return known

    def write(self) -> None:
        """Write it beside itself and rename it into place. Raises OSError."""
        told = {
            "about": "What `safelight install-user` wrote; `safelight uninstall-user` removes it.",
            "files": {str(path): digest for path, digest in sorted(self.files.items())},
            "folders": [str(folder) for folder in self.folders],
        }
        written(self.path, json.dumps(told, indent=1).encode("ascii") + b"\n")

    def note(self, path: Path, content: bytes) -> None:
        """Note what a file is about to hold, beside what it may hold still. Raises OSError."""
        self.files[path] = (*self.files.get(path, ())[-1:], digest_of(content))
        self.write()

    def standing(self, path: Path, content: bytes | None) -> Standing:
        """Tell how the file at `path` stands to the content that would be written there (None: nothing would be)."""
        found = content_of(path)
        if found is None:
            return Standing.FOREIGN if os.path.lexists(path) else Standing.ABSENT
        if found == content:
            return Standing.SAME
        return Standing.OURS if digest_of(found) in self.files.get(path, ()) else Standing.FOREIGN


def content_of(path: Path) -> bytes | None:
    """Return what an ordinary file of ordinary size holds; None for anything else, links included."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return None
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of what a file holds, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def written(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all; its folder exists. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def made_folders(folder: Path) -> list[Path]:
    """Make a folder with all above it, for the person alone; return those that were not there, outermost first.

    The XDG base directory specification wants 0700 for base folders that are made. Raises OSError.
    """
    missing = [each for each in (*reversed(folder.parents), folder) if not each.is_dir()]
    for each in missing:
        each.mkdir(mode=0o700, exist_ok=True)
    return missing
