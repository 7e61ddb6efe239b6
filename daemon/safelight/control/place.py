"""Decides where the socket stands and that it is ours alone: its folder, its lock, and what a dead daemon left there.

A socket in the abstract namespace would be open to everybody on the machine, so it lies in a folder of mode 0700 that
belongs to us and is no link. A lock beside it tells a dead daemon from a living one without asking: the kernel lets go
of it however the daemon ended, and only who holds it removes or makes the socket.
Invariant: nothing but a socket is ever removed, and only while the lock is held.
"""

import errno
import fcntl
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from safelight.errors import StateError

PATH_BYTES = 107  # sun_path has 108 bytes, the last of them a zero (unix(7))
_BACKLOG = 32


class Place:
    """The socket while a daemon listens on it."""

    def __init__(self, path: Path) -> None:
        """Make the folder, take the lock and listen; whatever a dead daemon left is replaced.

        Raises StateError when another daemon is there, or when the place cannot be made ours.
        """
        if not short_enough(path):
            raise StateError(
                f"The path of the control socket is longer than {PATH_BYTES} bytes: {path}.",
                hint="Set XDG_RUNTIME_DIR to a folder of yours with a shorter path.",
                path=path,
            )
        self._path = path
        try:
            _make_folder(path.parent)
            self._lock = _locked(path.with_suffix(".lock"))
        except OSError as error:
            raise _unusable(path.parent, error) from error
        try:
            self.socket = _listening(path)
            self._made = _identity(path)
        except OSError as error:
            os.close(self._lock)
            raise _unusable(path.parent, error) from error
        except StateError:
            os.close(self._lock)
            raise

    def leave(self) -> None:
        """Stop listening; remove the socket if it is still the one that was made here."""
        self.socket.close()
        with suppress(OSError):
            if _identity(self._path) == self._made:
                self._path.unlink()
        os.close(self._lock)


def short_enough(path: Path) -> bool:
    """Tell whether a socket can stand at a path."""
    return len(os.fsencode(path)) <= PATH_BYTES


def _make_folder(folder: Path) -> None:
    """Make the folder, or see that what is there is ours and close it to others. Raises OSError, StateError."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):  # a file, or a link to anywhere
            raise _not_ours(folder) from error
        raise
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.getuid():
            raise _not_ours(folder)
        if stat.S_IMODE(found.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)


def _not_ours(folder: Path) -> StateError:
    return StateError(
        f"{folder} is not a folder of yours, so no control socket is put there.",
        hint="Remove it, or set XDG_RUNTIME_DIR to a folder of yours.",
        path=folder,
    )


def _locked(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StateError(
            "Safelight's daemon is running already.",
            hint="'safelight status' tells what it does; 'safelight quit' ends it.",
        ) from error
    return descriptor


def _listening(path: Path) -> socket.socket:
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise StateError(
                f"{path} is in the place of the control socket and is none.", hint="Move it away.", path=path
            )
        path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(made.fileno(), 0o600)  # before it has a name: it is never there with wider rights
        made.bind(os.fspath(path))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _unusable(folder: Path, error: OSError) -> StateError:
    return StateError(
        f"The folder of the control socket, {folder}, cannot be used: {error.strerror or error}.",
        hint="See that XDG_RUNTIME_DIR names a folder of yours that can be written.",
        path=folder,
    )
