"""Runs what need not be done at once, one thing after another, on a thread that otherwise sleeps.

Walks over whole trees and the question whether a root still stands must not hold up the reading of raw events, and two
of them at a time would only be in each other's way.
Invariant: no job begins after `close`; one that hangs on a disk longer than `close` waits is left to end by itself.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

_END_S = 3.0  # a walk asks `closed` at each folder; a disk that does not answer is not waited for


class Lane:
    """One thread; jobs wait in the order of when they are due."""

    def __init__(self, *, name: str) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._change = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Tell whether jobs are to end early."""
        return self._closed

    def put(self, job: Callable[[], None], *, after_s: float = 0.0) -> None:
        """Run a job on the lane's thread, not before `after_s` seconds have passed."""
        with self._change:
            heapq.heappush(self._waiting, (time.monotonic() + after_s, next(self._order), job))
            self._change.notify()

    def close(self) -> None:
        """Forget the jobs that wait and end the thread."""
        with self._change:
            self._closed = True
            self._waiting.clear()
            self._change.notify()
        if self._thread is not threading.current_thread():
            self._thread.join(_END_S)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            job()

    def _next(self) -> Callable[[], None] | None:
        with self._change:
            while not self._closed:
                left_s = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left_s is not None and left_s <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._change.wait(left_s)
            return None
