"""Disks in memory that come and go while their content stays: one mounted out of sight and bound where it is seen."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_BIND, _DETACH = 4096, 2  # MS_BIND, MNT_DETACH (linux/mount.h)


def may_mount(folder: Path) -> bool:
    """Tell whether this process may mount a disk."""
    place = folder / "may-mount"
    place.mkdir()
    try:
        _mount("none", place, "tmpfs", 0, "size=64k")
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            return False
        raise
    else:
        _unmount(place)
        return True
    finally:
        place.rmdir()


class Volume:
    """One disk: `place` is where it is seen while it is plugged in."""

    def __init__(self, place: Path, hidden: Path) -> None:
        self.place = place
        self._hidden = hidden
        self.here = False

    def plug_in(self) -> None:
        """Let it be seen."""
        if not self.here:
            _mount(str(self._hidden), self.place, "", _BIND)
            self.here = True

    def pull(self) -> None:
        """Take it away, also from under a program that is reading it."""
        if self.here:
            _unmount(self.place)
            self.here = False


@contextmanager
def volume(place: Path, hidden: Path, *, size: str = "64m") -> Iterator[Volume]:
    """Make a disk, plugged in; nothing of it stays mounted."""
    for folder in (place, hidden):
        folder.mkdir(parents=True, exist_ok=True)
    _mount("none", hidden, "tmpfs", 0, f"size={size},mode=755")
    made = Volume(place, hidden)
    try:
        made.plug_in()
        yield made
    finally:
        made.pull()
        _unmount(hidden)


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    if _LIBC.mount(source.encode(), os.fsencode(target), kind.encode(), flags, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(target))


def _unmount(target: Path) -> None:
    if _LIBC.umount2(os.fsencode(target), _DETACH) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(target))
