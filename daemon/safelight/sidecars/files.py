"""Opens sidecars safely, and puts a new one in place in one step.

`FileSystem` is the little of the operating system that a write needs, so that tests can let the disk fill up or the
process die at any step. Reading never follows a link, never waits on a pipe and never reads an absurd amount.
Invariant: `load` gives bytes of a regular file that did not change while it was read, or nothing, or says why not.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelight.domain.frame import FileStamp
from safelight.errors import SidecarBusy, SidecarUnwritable
from safelight.sidecars.markup import LIMIT_BYTES, refused

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_NOREPLACE = 1  # linux/fs.h
_RENAMEAT2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)

# What a file system answers that cannot do a thing at all: FAT and exFAT have no hard links, owners or attributes.
_CANNOT = frozenset(
    {errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV}
)

_HINTS = {
    errno.ENOSPC: "The disk is full; make room and rate again.",
    errno.EDQUOT: "Your disk quota is used up; make room and rate again.",
    errno.EROFS: "The disk is mounted read-only; copy the pictures to a place that can be written.",
    errno.EACCES: "You have no permission there; change the folder's or the file's permissions and rate again.",
    errno.EPERM: "You have no permission there; change the folder's or the file's permissions and rate again.",
    errno.ENAMETOOLONG: "The picture's name leaves no room for .xmp; give it a shorter name.",
    errno.ELOOP: "A link is in the sidecar's place and is not written through; remove it or rate the folder it is in.",
    errno.ENOENT: "The folder is gone; rate again when it is back.",
    errno.ENOTDIR: "The folder is gone; rate again when it is back.",
    errno.EIO: "The disk reports an error; check it before anything else.",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sidecar as it is on disk; both None where there is no file."""

    path: Path
    data: bytes | None
    stamp: FileStamp | None


class FileSystem(Protocol):
    """The steps of a write; every one may raise OSError."""

    def create(self, path: Path, mode: int) -> int:
        """Make a new file and return its descriptor; never opens one that exists."""
        ...

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of `data`."""
        ...

    def sync(self, descriptor: int) -> None:
        """Bring a file or folder to the disk."""
        ...

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another one's name, in one step."""
        ...

    def place(self, source: Path, target: Path) -> None:
        """Give a file a name that no file has. Raises FileExistsError."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file."""
        ...


def rename_noreplace(source: Path, target: Path) -> None:
    """Call renameat2 of the C library (Linux 3.15, glibc 2.28), which Python has no name for."""
    if _RENAMEAT2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if _RENAMEAT2(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(target))


def hard_link(source: Path, target: Path) -> None:
    """Link under the new name and remove the old one."""
    os.link(source, target, follow_symlinks=False)
    os.unlink(source)


class Disk:
    """The real file system; `ways` are what is tried, in order, to take a name that no file has."""

    def __init__(self, *, ways: Sequence[Callable[[Path, Path], None]] = (rename_noreplace, hard_link)) -> None:
        self._ways = ways

    def create(self, path: Path, mode: int) -> int:
        """Open with O_EXCL."""
        return os.open(path, _CREATE, mode)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write until nothing is left."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    def sync(self, descriptor: int) -> None:
        """Sync; file systems that cannot sync a folder say EINVAL, and there is nothing more to do."""
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _CANNOT:
                raise

    def replace(self, source: Path, target: Path) -> None:
        """Rename over."""
        os.rename(source, target)

    def place(self, source: Path, target: Path) -> None:
        """Rename without replacing; by a hard link where the kernel cannot, by a last look where neither works."""
        for way in self._ways:
            try:
                way(source, target)
            except OSError as error:
                if error.errno not in _CANNOT:
                    raise
            else:
                return
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
        os.rename(source, target)

    def remove(self, path: Path) -> None:
        """Unlink."""
        os.unlink(path)


DISK = Disk()


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """Yield the descriptor of a folder to be listed. Raises OSError."""
    descriptor = _quietly(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _quietly(path: Path, flags: int) -> int:
    """Open for reading without moving the time of last access, where the system allows that: a card stays as it is."""
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # another's
        return os.open(path, flags)


def load(path: Path) -> Loaded:
    """Read a sidecar.

    Raises SidecarUnwritable for a link, pipe or folder in its place and for what may not be read, SidecarRefused
    beyond 16 MB, SidecarBusy if it changed meanwhile.
    """
    with told(path, "read"):
        try:
            descriptor = _quietly(path, _READ)
        except FileNotFoundError:
            return Loaded(path, None, None)
        with open(descriptor, "rb", buffering=0) as file:
            before = os.fstat(descriptor)
            _check_kind(path, before)
            data = file.read()
            after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        raise busy(path, "The sidecar changed while it was read.")
    return Loaded(path, data, FileStamp.of(after))


def busy(path: Path, summary: str) -> SidecarBusy:
    """Return the error for a sidecar that another program is at."""
    return SidecarBusy(summary, hint="Another program is writing it; it is looked at again later.", path=path)


@contextmanager
def told(path: Path, doing: str = "written") -> Iterator[None]:
    """Turn an operating-system error about a sidecar into SidecarUnwritable with a hint."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SidecarUnwritable(
            f"The sidecar cannot be {doing}: {reason}.",
            hint=_HINTS.get(error.errno or 0, "Rate again when the folder can be written."),
            path=path,
        ) from error


def lend(descriptor: int, image: Path) -> None:
    """Give a new sidecar its picture's owner and permissions, as far as that is allowed.

    Without the execute bits, which every file on a FAT card has, and always writable for its owner: a photographer
    who locks the originals still wants editors to write beside them.
    """
    status = os.stat(image)
    _own(descriptor, status)
    _if_allowed(lambda: os.fchmod(descriptor, status.st_mode & 0o666 | 0o600))


def inherit(descriptor: int, old: Path) -> None:
    """Give a sidecar's new version the owner, permissions and extended attributes (access lists too) of the old."""
    status = os.stat(old, follow_symlinks=False)
    _own(descriptor, status)
    _if_allowed(lambda: os.fchmod(descriptor, status.st_mode & 0o777))
    with suppress(OSError):
        for name in os.listxattr(old, follow_symlinks=False):
            os.setxattr(descriptor, name, os.getxattr(old, name, follow_symlinks=False))


def _own(descriptor: int, status: os.stat_result) -> None:
    own = os.fstat(descriptor)
    if own.st_gid != status.st_gid:
        _if_allowed(lambda: os.fchown(descriptor, -1, status.st_gid))
    if own.st_uid != status.st_uid:
        _if_allowed(lambda: os.fchown(descriptor, status.st_uid, -1))


def _if_allowed(step: Callable[[], None]) -> None:
    # Not being allowed to keep the owner, or a file system without owners, is no reason to lose a rating.
    with suppress(OSError):
        step()


def _check_kind(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SidecarUnwritable(
            "Something that is no file is in the sidecar's place.",
            hint="Remove the folder or pipe of that name and rate again.",
            path=path,
        )
    if status.st_size > LIMIT_BYTES:
        error = refused(f"The sidecar is larger than {LIMIT_BYTES // 1024**2} MB.")
        error.path = path
        raise error
