"""Opens one file for reading, or says in a sentence why that cannot be done.

Nothing may look at a photograph before this module did: a named pipe with the name of a picture stops a reader for
ever, and a link can lead anywhere. So the file is opened without following a link and without waiting, and only what
turns out to be a regular file with something in it is handed on, as an open file. Libraries get that open file (or
its bytes), never the name, so that they see what was checked.
Invariant: whatever `open_picture` yields is a non-empty regular file, open for reading only.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from safelight.errors import OutOfReach, Unreadable

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_WHY_NOT_OPENED = {
    errno.ENOENT: ("The file is no longer there.", "It was moved or deleted while the folder was looked through."),
    errno.ENOTDIR: ("The file is no longer there.", "Its folder was moved or deleted meanwhile."),
    errno.EACCES: ("There is no permission to read the file.", "Give your user the right to read it."),
    errno.EPERM: ("There is no permission to read the file.", "Give your user the right to read it."),
    errno.ENXIO: ("It is not a file but a socket or a device.", "Move it out of the folder of photographs."),
    errno.ENAMETOOLONG: ("The name of the file is too long to open it.", "Shorten its name or its folder's name."),
    errno.EMFILE: ("Too many files are open at once to read this one.", "Run again; with fewer jobs if it persists."),
    errno.EIO: ("The disk or card cannot read the file.", "Copy what you can from it and check the medium."),
    errno.ESTALE: ("The network drive no longer knows the file.", "Connect the drive again and run once more."),
}

_WHAT_IT_IS = (
    (stat.S_ISDIR, "It is a folder, not a picture.", "A folder with a picture's name is left alone."),
    (stat.S_ISFIFO, "It is a pipe between programs, not a picture.", "Move it out of the folder of photographs."),
    (stat.S_ISSOCK, "It is a socket, not a picture.", "Move it out of the folder of photographs."),
)


def why_not_read(error: OSError, path: Path) -> Unreadable:
    """Return what tells a photographer what an operating-system error on `path` means: OutOfReach, but for a link."""
    if error.errno == errno.ELOOP:
        return _of_link(path)
    reason = f"The system cannot read the file ({os.strerror(error.errno or 0)})."
    summary, hint = _WHY_NOT_OPENED.get(error.errno or 0, (reason, "Try to open it in a viewer."))
    return OutOfReach(summary, hint=hint, path=path)


def _opened(path: Path) -> int:
    """Open a file without moving the time of its last access, where the system allows that: a card stays as it is."""
    try:
        return os.open(path, _FLAGS | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # of another user, perhaps
        return os.open(path, _FLAGS)


def _of_link(path: Path) -> Unreadable:
    if path.exists():
        return Unreadable(
            "It is a link to another file, and links are not followed.",
            hint="Rate the folder where the picture itself lies.",
            path=path,
        )
    return Unreadable(
        "It is a link to a file that is not there.",
        hint="Connect the drive that it points to, or remove the link.",
        path=path,
    )


def _check(mode: int, size: int, path: Path) -> None:
    for is_kind, summary, hint in _WHAT_IT_IS:
        if is_kind(mode):
            raise Unreadable(summary, hint=hint, path=path)
    if not stat.S_ISREG(mode):
        raise Unreadable("It is a device, not a picture.", hint="Move it out of the folder.", path=path)
    if size == 0:
        raise Unreadable(
            "The file is empty: it holds no data at all.",
            hint="Copy it from the card again if the card still has it.",
            path=path,
        )


@contextmanager
def open_picture(path: Path) -> Iterator[BinaryIO]:
    """Yield `path` open for reading, position 0. Raises Unreadable for what is no readable regular file."""
    try:
        descriptor = _opened(path)
    except OSError as error:
        raise why_not_read(error, path) from None
    except ValueError:  # a name with a NUL cannot exist
        raise Unreadable("The name of the file is not a possible name.", path=path) from None
    try:
        found = os.fstat(descriptor)
        _check(found.st_mode, found.st_size, path)
        file = os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
    with file:
        yield file


def size_of(file: BinaryIO) -> int:
    """Return the size of an open file in bytes."""
    return os.fstat(file.fileno()).st_size
