"""Holds what watchers say until somebody has time for it, once for each path and in bounded room.

Whoever takes hints in may be busy for a minute while fifty thousand files come, change and go. Of one path only the
last hint counts, because whoever hears it looks at the disk afresh. When there are more paths than can be held, it is
told instead that something was missed in their folders, and after that in the folders above.
Invariant: at most `most` hints are held, and nothing that was said is forgotten without a Missed that covers it.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from safelight.ports.watching import Missed, Noticed, Why

_MOST = 50_000  # some 20 MB


class Inbox:
    """A Sink; `wake` is called, on the watcher's thread, when there is something after there was nothing."""

    def __init__(self, *, wake: Callable[[], None], most: int = _MOST) -> None:
        self._wake = wake
        self._most = most
        self._lock = threading.Lock()
        self._noticed: dict[Path, Noticed] = {}
        self._missed: dict[Missed, None] = {}

    def __call__(self, said: Noticed | Missed) -> None:
        """Take what a watcher says; returns at once."""
        with self._lock:
            first = not self._noticed and not self._missed
            if isinstance(said, Missed):
                self._missed[said] = None
            else:
                self._noticed.pop(said.path, None)  # the order is that of the last word on each path
                self._noticed[said.path] = said
                if len(self._noticed) > self._most:
                    self._fold()
        if first:
            self._wake()

    def take(self) -> tuple[list[Noticed], list[Missed]]:
        """Return what was said since the last time, oldest first, and hold nothing any more."""
        with self._lock:
            noticed, self._noticed = self._noticed, {}
            missed, self._missed = self._missed, {}
        return list(noticed.values()), list(missed)

    def _fold(self) -> None:
        folders = {path.parent for path in self._noticed}
        folders |= {missed.folder for missed in self._missed if missed.why is Why.OVERFLOW}
        while len(folders) > self._most // 10:
            folders = {folder.parent for folder in folders}
        self._noticed.clear()
        others = [missed for missed in self._missed if missed.why is not Why.OVERFLOW]
        self._missed = dict.fromkeys([*others, *(Missed(folder, Why.OVERFLOW) for folder in sorted(folders))])
