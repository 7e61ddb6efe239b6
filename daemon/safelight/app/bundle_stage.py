"""The place where a bundle is put together, and the one step that installs or removes it.

Two programs that fetch the same bundle would write the same file, so the place is locked while it is used; the lock
goes with the process that held it. A finished bundle takes the place of the old one by exchanging two folders, where
the system can do that (renameat2, Linux 3.15), so that there is no moment without a bundle. Elsewhere there are two
renames, and what a crash leaves between them is put back the next time.
Invariant: in the folder of bundles a bundle is whole or absent; nothing is ever written into one that is installed.
"""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safelight.app.bundle_shelf import CHOSEN, FETCHING, GONE, OLD
from safelight.errors import BundleError
from safelight.hub import failures
from safelight.hub.transfer import part_of
from safelight.watching.reading import small_file

_MOST_NOTED = 1 << 16  # bytes of a note; some hundred paths
_COPY = ".copy"
_PART = part_of(Path("of")).suffix
_FICLONE = 0x40049409  # linux/fs.h
_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_EXCHANGE = 2  # linux/fs.h
_RENAMEAT2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EPERM})


class Stage:
    """The place of one bundle; made by `staged`."""

    def __init__(self, bundles: Path, name: str, *, exchange: bool = True) -> None:
        self.folder = bundles / FETCHING / name
        self.final = bundles / name
        self._old = bundles / FETCHING / f"{name}{OLD}"
        self._gone = bundles / FETCHING / f"{name}{GONE}"
        self._noted = bundles / FETCHING / f"{name}{CHOSEN}"
        self._exchange = exchange

    def path(self, inside: str) -> Path:
        """Return the path of a file in the place, with all its folders made."""
        path = self.folder / inside
        with told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, inside: str, content: bytes) -> None:
        """Write a small file."""
        path = self.path(inside)
        with told(path):
            path.write_bytes(content)

    def clone(self, source: Path, inside: str) -> bool:
        """Bring a file from elsewhere by reference, which takes no room; False where the disks cannot do that."""
        return self._brought(_clone, source, inside)

    def take(self, source: Path, inside: str) -> Path:
        """Bring a file from elsewhere and return where it lies then; what is half copied does not stay.

        The source may be a link, as in caches; what is taken is the file behind it.
        """
        self._brought(_copy, source, inside)
        return self.folder / inside

    def _brought(self, bring: Callable[[Path, Path], bool], source: Path, inside: str) -> bool:
        path = self.path(inside)
        half = path.with_name(f"{path.name}{_COPY}")
        with told(path):
            try:
                half.unlink(missing_ok=True)
                done = bring(source.resolve(), half)
                if done:
                    half.replace(path)
                return done
            finally:
                half.unlink(missing_ok=True)

    def link(self, source: Path, inside: str) -> Path:
        """Bring a file of the installed bundle, which nobody writes to, by another name for it."""
        path = self.path(inside)
        try:
            path.unlink(missing_ok=True)
            os.link(source, path, follow_symlinks=True)
        except OSError:
            return self.take(source, inside)
        return path

    def note(self, paths: Iterable[str]) -> None:
        """Write down what is fetched, so that it is gone on with whatever a later command asks for."""
        half = self._noted.with_name(f"{self._noted.name}{_PART}")
        with told(self._noted):
            self.folder.mkdir(parents=True, exist_ok=True)  # a note is about what is in it, or was to be
            half.unlink(missing_ok=True)
            half.write_text("".join(f"{path}\n" for path in paths), "utf-8")
            half.replace(self._noted)

    def begun(self) -> frozenset[str]:
        """Return the paths of the files that were fetched when it broke off, arrived or not."""
        if not self.folder.is_dir():
            return frozenset()
        found = [each.relative_to(self.folder).as_posix() for each in self.folder.rglob("*") if each.is_file()]
        noted = small_file(self._noted, limit=_MOST_NOTED) or b""
        found += noted.decode("utf-8", "replace").splitlines()
        return frozenset(each.removesuffix(_PART) for each in found)

    def clear(self) -> None:
        """Remove what was begun; what is installed stays."""
        _discard(self.folder)

    def tidy(self, keep: frozenset[str]) -> None:
        """Remove everything but the files that are named: parts, and files of another version."""
        with told(self.folder):
            for path in sorted(self.folder.rglob("*"), reverse=True):
                if path.is_dir() and not path.is_symlink():
                    with suppress(OSError):  # not empty
                        path.rmdir()
                elif path.relative_to(self.folder).as_posix() not in keep:
                    path.unlink()

    def prune(self) -> None:
        """Remove the place when nothing arrived in it, and the note of what was to come when there is no place."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            with suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()  # fails when there is something in it
                elif path.name.endswith(_COPY) or (path.name.endswith(_PART) and path.stat().st_size == 0):
                    path.unlink()
        with suppress(OSError):
            self.folder.rmdir()
        if not os.path.lexists(self.folder):
            _discard(self._noted)

    def install(self) -> None:
        """Let the finished bundle take its place; the old one goes."""
        with told(self.final):
            _settle(self.folder)
            if not os.path.lexists(self.final):
                self.folder.rename(self.final)
            elif self._exchange and _exchanged(self.folder, self.final):
                self.folder.rename(self._old)
            else:
                self.final.rename(self._old)
                self.folder.rename(self.final)
            _sync(self.final.parent)
        _discard(self._old)

    def repair(self) -> None:
        """Put right what a crash left: an old bundle whose place is empty, remains of what was removed or copied."""
        with told(self.final):
            if os.path.lexists(self._old) and not os.path.lexists(self.final):
                self._old.rename(self.final)
        _discard(self._old)
        _discard(self._gone)
        for half in list(self.folder.rglob(f"*{_COPY}")):
            _discard(half)
        if not self.folder.is_dir() or not self._noted.is_file() or self._noted.is_symlink():
            _discard(self._noted)  # of what was never begun, or no note at all

    def remove(self) -> None:
        """Remove the bundle and what was begun of it. A kill leaves it whole or gone."""
        with told(self.final):
            if os.path.lexists(self.final):
                self.final.rename(self._gone)
                _sync(self.final.parent)
        _discard(self._gone)
        self.clear()


@contextmanager
def staged(bundles: Path, name: str, *, exchange: bool = True) -> Iterator[Stage]:
    """Yield the place of one bundle while nobody else has it. Raises BundleError when somebody does."""
    lock = bundles / FETCHING / f"{name}.lock"
    with told(lock):
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                raise failures.unwritable(lock, error) from error
            raise BundleError(
                f"Another program is fetching or removing the model bundle {name} at this moment.",
                hint="Wait until it is done; nothing has to be fetched twice.",
            ) from error
        stage = Stage(bundles, name, exchange=exchange)
        stage.repair()
        try:
            yield stage
        finally:
            stage.prune()
    finally:
        os.close(descriptor)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise failures.unwritable(path, error) from error


def _clone(source: Path, target: Path) -> bool:
    """Let two files share their bytes until one is written to; False where the disk cannot (Btrfs and XFS can)."""
    with source.open("rb") as read, target.open("xb") as write:
        try:
            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        except OSError:
            return False
    return True


def _copy(source: Path, target: Path) -> bool:
    """Copy a file within the system where it can do that, else byte by byte; True."""
    with source.open("rb") as read, target.open("xb") as write:
        left = os.fstat(read.fileno()).st_size
        try:
            while left > 0 and (done := os.copy_file_range(read.fileno(), write.fileno(), left)):
                left -= done
        except OSError as error:
            if error.errno in failures.FULL:
                raise
            read.seek(0)
            write.seek(0)
            write.truncate()
            shutil.copyfileobj(read, write, 1 << 20)
    return True


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    if _RENAMEAT2 is None:
        return False
    if _RENAMEAT2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), os.fspath(other))


def _settle(folder: Path) -> None:
    """Bring everything below a folder to the disk before it gets its final name."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(path: Path) -> None:
    """Remove a file, a link or a folder; what cannot be removed now is removed the next time."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
