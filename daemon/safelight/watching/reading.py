"""Reads a small file that some other program wrote, without trusting it.

A mark that a desktop left may be a link, a pipe that nobody writes to, or gigabytes; on a stick it is a stranger's. So
it is opened without following a link and without waiting, and read only if it is small.
Invariant: never waits, never raises for what lies on the disk, never returns more than was allowed.
"""

import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def small_file(path: Path | str, *, limit: int) -> bytes | None:
    """Return the content of a regular file of at most `limit` bytes; None for everything else."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        data = _read(descriptor, limit + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data if len(data) <= limit else None


def _read(descriptor: int, most: int) -> bytes:
    """Read to the end: files of /proc, which have no size, give about a page at a time however much is asked for."""
    data = bytearray()
    while len(data) < most and (piece := os.read(descriptor, most - len(data))):
        data += piece
    return bytes(data)
