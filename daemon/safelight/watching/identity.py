"""Tells contents apart: size, head, tail and four places between, hashed.

Reading a 45 MB RAW to the end at every arrival would cost more than judging it. Head and tail hold the metadata and
what an appended edit changes; the places between catch an edit in the middle of an uncompressed file. Good for
recognising a moved or copied file, not a proof that two files are the same to the last bit.
"""

import os
import stat
from pathlib import Path

import xxhash

from safelight.errors import OutOfReach

END_BYTES = 65536
PLACE_BYTES = 4096
PLACES = 4


class ContentIdentifier:
    """The Identifier of real files: xxh3-128 over size and samples."""

    def content(self, path: Path) -> bytes:
        """Return 16 bytes. Raises OutOfReach when the file cannot be read or is no regular file."""
        try:
            descriptor = _opened(path)
        except OSError as error:
            raise _out_of_reach(path, error) from error
        try:
            return _sampled(descriptor, path)
        except OSError as error:
            raise _out_of_reach(path, error) from error
        finally:
            os.close(descriptor)


def _opened(path: Path) -> int:
    """Open for reading, without moving the time of last access where the system allows that: a card stays as it is."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # another's file
        return os.open(path, flags)


def _sampled(descriptor: int, path: Path) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OutOfReach("It is no regular file.", path=path)
    size = status.st_size
    digest = xxhash.xxh3_128(size.to_bytes(8, "little"))
    if size <= 2 * END_BYTES + PLACES * PLACE_BYTES:
        digest.update(os.pread(descriptor, size, 0))
        return digest.digest()
    digest.update(os.pread(descriptor, END_BYTES, 0))
    for place in range(1, PLACES + 1):
        digest.update(os.pread(descriptor, PLACE_BYTES, size * place // (PLACES + 1)))
    digest.update(os.pread(descriptor, END_BYTES, size - END_BYTES))
    return digest.digest()


def _out_of_reach(path: Path, error: OSError) -> OutOfReach:
    return OutOfReach(
        f"It cannot be read: {(error.strerror or 'unknown reason').lower()}.",
        hint="See that you may read the file and that its disk is connected, then run again.",
        path=path,
    )
