"""Copies a file from a card so that it can be believed: hashed while it is read, and again when read back.

A copy is written under a hidden name, brought to the disk, thrown out of memory and read again: what a bad cable, a
dying disk or a full one made of it shows before its name is given, and while the card still has the file. The copy then
lies in memory, which spares the decoder that looks at it next from reading the disk.
Hashes are xxh3 with 128 bits: they tell any accident, and are not meant against a forger.
Invariants: a card's file is only ever opened by `reading`; a copy that differs in one byte never gets its name.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xxhash

from safelight.cards import placing
from safelight.cards.contents import has_device
from safelight.cards.reading import NotRegular, opened
from safelight.cards.troubles import not_read, not_written
from safelight.errors import CopyFailed, CopyStopped, TargetUnusable
from safelight.ports.cards import Copy, Room, Stop

CHUNK_BYTES = 1 << 19
_BEHIND_BYTES = 8 << 20  # steps in which what was read is let go of, and what was written is sent to the disk

Forget = Callable[[int, int, int], None]


def forget(descriptor: int, start: int, length: int) -> None:
    """Throw a stretch of a file out of memory (length 0: to its end); what is not on the disk yet is sent there."""
    with suppress(OSError):
        os.posix_fadvise(descriptor, start, length, os.POSIX_FADV_DONTNEED)


class VerifiedCopier:
    """The Copier of real disks, for one thread."""

    def __init__(self, *, forget: Forget = forget) -> None:
        """`forget` throws an open file out of memory, so that reading it back asks the disk."""
        self._forget = forget
        self._held: dict[Path, int] = {}  # copies without a name, and what holds the lock on each
        self._buffer = memoryview(bytearray(CHUNK_BYTES))

    def room(self, folder: Path) -> Room:
        """Return what is left in a folder. Raises TargetUnusable when it is not there."""
        try:
            volume, status = os.statvfs(folder), os.stat(folder)
        except OSError as error:
            raise not_written(error, folder / "") from error
        if not stat.S_ISDIR(status.st_mode):
            raise TargetUnusable(f"{folder} is a file, not a folder.", hint="Name another one.", path=folder)
        block = volume.f_frsize
        return Room(status.st_dev, volume.f_bavail * block, volume.f_blocks * block, block)

    def names(self, folder: Path) -> list[str]:
        """Return all names in a folder, none if it is not there; removes what a killed copy left in it."""
        try:
            found = os.listdir(folder)
        except OSError:
            return []
        return placing.swept(folder, found)

    def copy(self, source: Path, folder: Path, *, stop: Stop) -> Copy:
        """Copy into a folder (made if missing) under a hidden name and read it back.

        Raises CopyFailed for this file alone, CardGone when the source's disk is not there any more, NoRoom,
        TargetUnusable, CopyStopped; then nothing is left.
        """
        with _written(folder / source.name):
            placing.make_folder(folder)
            temporary, target = placing.temporary(folder)
        self._held[temporary] = target
        try:
            size, digest = self._transfer(source, target, folder, stop)
            with _written(folder / source.name):
                os.fsync(target)
                self._forget(target, 0, 0)
                found = _hashed(target, self._buffer, stop)
        except BaseException:
            self._let_go(temporary)
            raise
        if found != (size, digest):
            self._let_go(temporary)
            raise _differs(source)
        return Copy(source, temporary, size, digest)

    def place(self, copy: Copy, name: str) -> Path:
        """Give a copy its name. Raises FileExistsError when the name is taken, CopyFailed, TargetUnusable."""
        target = copy.temporary.parent / name
        try:
            placing.place(copy.temporary, target)
        except FileExistsError:
            raise
        except OSError as error:
            raise not_written(error, target) from error
        os.close(self._held.pop(copy.temporary))
        return target

    def discard(self, copy: Copy) -> None:
        """Remove a copy that has no name yet; one that has stays."""
        if copy.temporary in self._held:
            self._let_go(copy.temporary)

    def flush(self, folder: Path) -> None:
        """Make the names in a folder durable. Raises TargetUnusable."""
        with _written(folder / ""):
            placing.flush(folder)

    def same(self, source: Path, target: Path, *, stop: Stop) -> bytes | None:
        """Return the digest of two files that hold the same bytes, None when they do not or cannot be read."""
        try:
            with opened(source) as one, opened(target) as other:
                if os.fstat(one).st_size != os.fstat(other).st_size:
                    return None
                digests = [_hashed(file, self._buffer, stop)[1] for file in (one, other)]
        except OSError:
            return None
        return digests[0] if digests[0] == digests[1] else None

    def size(self, path: Path) -> int | None:
        """Return the size of a regular file, None when there is none."""
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def _transfer(self, source: Path, target: int, folder: Path, stop: Stop) -> tuple[int, bytes]:
        """Write all of a source to an open file, with its times; return size and digest of what was read."""
        with _read(source) as descriptor:
            before = os.fstat(descriptor)
            keep = source in self._held  # it is no card's, and is wanted in memory
            hashed, at, behind = xxhash.xxh3_128(), 0, 0
            buffer = self._buffer
            while (count := os.readv(descriptor, [buffer])) > 0:
                _heed(stop)
                hashed.update(buffer[:count])
                with _written(folder / source.name):
                    _write(target, buffer[:count])
                at += count
                if at - behind >= _BEHIND_BYTES:
                    self._pass_by(None if keep else descriptor, target, behind, at - behind)
                    behind = at
            if not keep:
                self._forget(descriptor, 0, 0)
            after = os.fstat(descriptor)
        if (at, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise _changed(source)
        with _written(folder / source.name):
            os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        return at, hashed.digest()

    def _pass_by(self, source: int | None, target: int, start: int, length: int) -> None:
        if source is not None:
            self._forget(source, start, length)
        self._forget(target, start, length)

    def _let_go(self, temporary: Path) -> None:
        with suppress(OSError):
            os.unlink(temporary)
        os.close(self._held.pop(temporary))


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn an error of the system while writing into one of ours."""
    try:
        yield
    except OSError as error:
        raise not_written(error, path) from error


@contextmanager
def _read(source: Path) -> Iterator[int]:
    """Open a source and turn an error of the system while reading it into one of ours."""
    try:
        with opened(source) as descriptor:
            device = os.fstat(descriptor).st_dev
            try:
                yield descriptor
            except OSError as error:
                raise not_read(error, source, device_there=has_device(device)) from error
    except NotRegular as error:
        raise CopyFailed(
            "It is a pipe, a socket or a device and no file.", hint="It stays on the card.", path=source
        ) from error
    except OSError as error:
        raise not_read(error, source, device_there=True) from error


def _hashed(descriptor: int, buffer: memoryview, stop: Stop) -> tuple[int, bytes]:
    """Read an open file from its beginning; return how much there was and its digest."""
    hashed, at = xxhash.xxh3_128(), 0
    while (count := os.preadv(descriptor, [buffer], at)) > 0:
        _heed(stop)
        hashed.update(buffer[:count])
        at += count
    return at, hashed.digest()


def _write(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _heed(stop: Stop) -> None:
    if stop():
        raise CopyStopped("Copying was stopped.", hint="The rest follows the next time.")


def _changed(source: Path) -> CopyFailed:
    return CopyFailed(
        "The file changed while it was copied.", hint="It is copied when the card is put in again.", path=source
    )


def _differs(source: Path) -> CopyFailed:
    return CopyFailed(
        "What was read back is not what the card holds; the copy was thrown away.",
        hint="Put the card in again to try once more; if that fails too, check the disk and the cable.",
        path=source,
    )
