"""Waits for something to appear in a folder, here the socket of a daemon that starts, without looking on and on.

The kernel tells (inotify), called by ctypes: the library that knows it belongs to the watching of photographs, and
would take more memory than the rest of this. Where the kernel cannot tell, the time that is given passes.
Invariant: `wait` returns after the given time at the latest, and at once after `close`.
"""

import ctypes
import os
import select
import sys
from contextlib import suppress
from pathlib import Path

_CREATE, _MOVED_TO = 0x100, 0x80  # IN_CREATE, IN_MOVED_TO of inotify(7)
_NOTHING = -1


class Arrivals:
    """What appears in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._woken, self._wake = os.pipe()
        self._library = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._told = _NOTHING if self._library is None else self._library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.watch()

    def watch(self) -> None:
        """See to it that what appears from now on is told; needed again where the folder was removed meanwhile."""
        if self._library is not None and self._told != _NOTHING:
            # For a folder that is watched already the kernel changes nothing.
            self._library.inotify_add_watch(self._told, os.fsencode(self._folder), _CREATE | _MOVED_TO)

    def wait(self, seconds: float) -> bool:
        """Return True as soon as something has appeared, False after `seconds` or `close`."""
        self.watch()
        looked = select.poll()
        for descriptor in (self._woken, self._told):
            if descriptor != _NOTHING:
                looked.register(descriptor, select.POLLIN)
        ready = [descriptor for descriptor, _what in looked.poll(seconds * 1000)]
        if self._told not in ready:
            return False
        with suppress(BlockingIOError):
            os.read(self._told, 1 << 16)
        return self._woken not in ready

    def close(self) -> None:
        """Let `wait` return from now on; may be called from any thread."""
        with suppress(OSError):
            os.write(self._wake, b"\0")
