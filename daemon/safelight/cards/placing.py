"""Gives a finished copy its name, without ever taking a name that something else has.

A copy grows under a hidden name in the folder where it will stay, so that its name can be given in one step. Its owner
holds a lock on it: what a killed import left behind is told by nobody holding it, and removed.
Invariant: no file that was there before is overwritten, whatever other programs do at the same moment.
"""

import ctypes
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

PREFIX = ".safelight-import-"
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LEFT = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_HERE = -100  # AT_FDCWD of linux/fcntl.h
_NO_REPLACE = 1  # RENAME_NOREPLACE of linux/fs.h
_CANNOT = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EMLINK, errno.EXDEV))

Way = Callable[[Path, Path], None]


def renamed(source: Path, target: Path) -> None:
    """Rename by renameat2 with RENAME_NOREPLACE (Linux 3.15, glibc 2.28)."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if call(_HERE, os.fsencode(source), _HERE, os.fsencode(target), _NO_REPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(target))


def linked(source: Path, target: Path) -> None:
    """Give the file a second name and take the first away: for file systems that cannot rename so."""
    os.link(source, target, follow_symlinks=False)
    os.unlink(source)


def reserved(source: Path, target: Path) -> None:
    """Make an empty file of that name, which nobody else can then make, and rename over it: exFAT by FUSE."""
    os.close(os.open(target, _NEW, 0o600))
    try:
        os.rename(source, target)
    except OSError:
        os.unlink(target)
        raise


WAYS: Sequence[Way] = (renamed, linked, reserved)


def place(source: Path, target: Path, *, ways: Sequence[Way] = WAYS) -> None:
    """Rename `source` to `target`. Raises FileExistsError when something is there, OSError when no way works."""
    for way in ways:
        try:
            way(source, target)
        except OSError as error:
            if error.errno not in _CANNOT or way is ways[-1]:
                raise
        else:
            return


def temporary(folder: Path) -> tuple[Path, int]:
    """Make a hidden file that only we write, locked, and return its name and descriptor. Raises OSError."""
    name = folder / f"{PREFIX}{secrets.token_hex(8)}"
    descriptor = os.open(name, _NEW, 0o666)
    with suppress(OSError):  # some network drives know no locks; then nothing is ever swept there
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return name, descriptor


def swept(folder: Path, names: Sequence[str]) -> list[str]:
    """Remove what killed imports left in a folder, and return the other names."""
    for name in names:
        if name.startswith(PREFIX):
            with suppress(OSError):
                _sweep(folder / name)
    return [name for name in names if not name.startswith(PREFIX)]


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; their names are durable on return. Raises OSError."""
    missing = []
    place_ = folder
    while not place_.is_dir():
        missing.append(place_)
        place_ = place_.parent
    for each in reversed(missing):
        with suppress(FileExistsError):  # another card's thread was faster
            os.mkdir(each)
        flush(each.parent)
    os.stat(folder / ".")  # a file in the place of a folder shows here


def flush(folder: Path) -> None:
    """Bring the names in a folder to the disk. Raises OSError but where a file system cannot do this at all."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(descriptor)


def _sweep(left: Path) -> None:
    descriptor = os.open(left, _LEFT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while another import writes it
        os.unlink(left)
    finally:
        os.close(descriptor)
