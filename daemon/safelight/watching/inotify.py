"""Reads raw events from the kernel through watchdog's inotify thread, and adds and drops single watches.

watchdog's own observer is not used above this: it answers an overflow of the kernel's queue by rebuilding all watches,
which fills the queue again and never ends; it passes over watches that could not be had; it tells nothing of an
unmount, of a renamed root, or of a folder that was moved out and whose old watches go on reporting. What it does
well is kept: the descriptor, the thread that sleeps until there is something to read, its end, and the parsing.
Invariant: a thread that has nothing to read never wakes up, and no other program inherits the descriptor.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from errno import EBADF

from watchdog.observers.inotify_c import InotifyConstants, InotifyFD, Mask, inotify_add_watch, inotify_rm_watch

RawEvent = tuple[int, int, int, bytes]  # watch, mask, cookie, name: as in inotify(7)

CLOSED = int(InotifyConstants.IN_CLOSE_WRITE)
CREATED = int(InotifyConstants.IN_CREATE)
DELETED = int(InotifyConstants.IN_DELETE)
MOVED_FROM = int(InotifyConstants.IN_MOVED_FROM)
MOVED_TO = int(InotifyConstants.IN_MOVED_TO)
SELF_GONE = int(InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF)
UNMOUNTED = int(InotifyConstants.IN_UNMOUNT)
OVERFLOW = int(InotifyConstants.IN_Q_OVERFLOW)
IGNORED = int(InotifyConstants.IN_IGNORED)
IS_FOLDER = int(InotifyConstants.IN_ISDIR)

# Writing itself (IN_MODIFY) is not asked for: a large copy would wake us thousands of times, and its end is what
# counts. Nor is opening and reading: a scan of ours would fill the queue.
FOLDER_MASK = CLOSED | CREATED | DELETED | MOVED_FROM | MOVED_TO | SELF_GONE
_ALWAYS = int(InotifyConstants.IN_ONLYDIR | InotifyConstants.IN_DONT_FOLLOW | InotifyConstants.IN_MASK_ADD)
_READ_BYTES = 256 * 1024  # about six thousand events at once


class RawEvents(InotifyFD):
    """One inotify instance and the thread that reads it; `receive` is called there with what one read gave.

    Raises OSError when the system has no instance left (EMFILE).
    """

    def __init__(self, *, receive: Callable[[Sequence[RawEvent]], None]) -> None:
        super().__init__()
        os.set_inheritable(self._inotify_fd, False)  # a worker must not hold thousands of watches
        self._receive = receive

    def add(self, folder: str, mask: int) -> int:
        """Watch one folder, no link to one, and return the watch: the known one if the folder is watched already.

        Raises OSError with the reason of the system: ENOSPC when its limit of watches is reached.
        """
        with self._lock:  # a closed descriptor's number may be another file's by now
            if self._closed:
                raise OSError(EBADF, os.strerror(EBADF))
            watch = int(inotify_add_watch(self._inotify_fd, os.fsencode(folder), Mask(mask | _ALWAYS)))
        if watch < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return watch

    def drop(self, watch: int) -> None:
        """Watch a folder no longer; nothing if it is gone."""
        with self._lock:
            if not self._closed:
                inotify_rm_watch(self._inotify_fd, watch)  # type: ignore[arg-type]  # a NewType of int

    def run(self) -> None:
        """Read until stopped."""
        while self.should_keep_running():
            raw = list(self._parse_event_buffer(self._read_event_buffer(_READ_BYTES)))
            if raw:
                self._receive(raw)
