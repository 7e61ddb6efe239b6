"""Opens what is on a card, for reading only, in a way that leaves not even a trace of having been there.

Every file and folder of a card is opened here: without following a link, without waiting on a pipe, and without moving
the time of last access (O_NOATIME), as far as the system lets us: for files of another owner it does not, and then a
card that is mounted with access times keeps its own record of having been read.
Invariant: no flag that allows writing is ever given.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_DIRECTORY
_NO_TRACE = getattr(os, "O_NOATIME", 0)  # Linux only


class NotRegular(OSError):
    """It is a folder, a pipe, a socket or a device; stays within this package."""


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Yield the descriptor of a regular file. Raises NotRegular and OSError."""
    descriptor = _open(path, _FILE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular(f"{path} is no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def entries(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Return name and status (of the thing itself, not of what it points to) of all in a folder, in order of bytes.

    Raises OSError when the folder cannot be read; a name that cannot be looked at is left out.
    """
    descriptor = _open(folder, _FOLDER)
    try:
        names = sorted(os.listdir(descriptor), key=os.fsencode)
        return [(name, status) for name in names if (status := _look(name, descriptor)) is not None]
    finally:
        os.close(descriptor)


def _look(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | _NO_TRACE)
    except PermissionError:  # not ours: the system refuses to keep quiet about it
        return os.open(path, flags)
