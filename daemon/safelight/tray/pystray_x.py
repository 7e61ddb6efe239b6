"""Serves an icon of pystray on X from one thread.

pystray 0.19.5 wakes its loop through the connection that the loop itself reads, and python-xlib 0.33 may lose an answer
where two threads use one connection: in one start of thirty, on a busy machine, the icon never came. Here other threads
leave what they want in a queue and wake the loop by a pipe, so that one thread alone speaks to X.
Source: the stacks of a tray that hung, and `send_and_recv` of python-xlib; `tests/desktop/test_tray.py` repeats it.
"""

from __future__ import annotations

import logging
import os
import queue
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

LOOK_S = 1.0  # between two looks for a tray that is not there, or no longer
DOCKED_LOOK_S = 30.0  # between two looks whether it is


class LoopOnX:
    """The loop of one icon: its events of X, and what other threads want done."""

    def __init__(self, icon: Any) -> None:
        self._icon = icon
        self._display = icon._display  # noqa: SLF001  # no public way; tested in a real panel
        self._wanted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._heard, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._gone = threading.Event()
        self._tried = time.monotonic()  # when the icon was last asked to dock, so that a slow tray has time
        icon._events = self._told_by_x  # noqa: SLF001
        # A tray may die at any moment, and X tells that as an error of whatever was asked last. What is not docked
        # then is docked again; neither is worth a word to anybody.
        self._display.set_error_handler(lambda *_: None)
        icon._log.addFilter(_is_news)  # noqa: SLF001

    def do(self, wanted: Callable[[], None]) -> None:
        """Have something done by the thread that serves the icon; may be called from any thread."""
        self._wanted.put(wanted)
        try:
            os.write(self._wake, b"!")
        except BlockingIOError:  # the pipe is full of wakes that it has not heard yet
            return

    def leave(self) -> None:
        """Give up waiting for a tray."""
        self._gone.set()

    def tray_comes(self, *, patience_s: float) -> bool:
        """Return whether the screen has a tray, or gets one while we wait: panels start after programs of a session."""
        for _ in range(1 + int(patience_s / LOOK_S)):
            if self._has_tray():
                return True
            if self._gone.wait(min(LOOK_S, patience_s)):
                break
        return self._has_tray()

    def _has_tray(self) -> bool:
        return self._icon._get_systray_manager() is not None  # noqa: SLF001

    def _told_by_x(self) -> Iterator[Any]:
        """Yield the events of X, and do what is wanted between them."""
        while True:
            wait_s = DOCKED_LOOK_S if self._is_docked() else LOOK_S
            # Nothing is asked of X between this and the wait: an answer may bring events along, which would lie unseen.
            while self._display.pending_events():
                yield self._display.next_event()
            self._sleep(wait_s)
            while not self._wanted.empty():
                self._wanted.get()()

    def _sleep(self, wait_s: float) -> None:
        """Wait for X or for a wish; where the icon is in no tray, see whether there is one now."""
        heard, _, _ = select.select([self._display, self._heard], [], [], wait_s)
        if self._heard in heard:
            os.read(self._heard, 4096)
        if time.monotonic() - self._tried < LOOK_S or not self._icon.visible or self._is_docked():
            return
        self._tried = time.monotonic()
        if self._has_tray():
            self._icon._show()  # noqa: SLF001

    def _is_docked(self) -> bool:
        """Tell whether a tray has taken the icon's window in. It may have died before it could, and X tells nobody."""
        from Xlib import error  # type: ignore[import-untyped]  # where pystray works with X it is there

        if self._icon._systray_manager is None:  # noqa: SLF001
            return False
        try:
            above = self._icon._window.query_tree()  # noqa: SLF001
        except error.BadWindow:  # we are leaving
            return True
        return bool(above.parent != above.root)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether what pystray logs is worth a line: that a tray has gone is not, as it is looked for again."""
    return record.msg != "Failed to dock icon"
