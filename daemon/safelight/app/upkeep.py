"""Decides when there is something to learn, to show that was held back, and to index: what can wait for a quiet moment.

Learning waits for a minute of rest after the last thing that a person did, because one cull is many actions; at night
everything is learned from. The vectors for search are filled when nothing else is to be done, and a bundle that
was fetched looks at the library after that, some photographs at a time.
Invariant: nothing here is done while frames wait for their stars.
"""

from collections.abc import Callable
from dataclasses import dataclass

from safelight.app.worker_messages import Worker

LEARN_REST_S = 60.0
INDEX_REST_S = 20.0  # after the last delivery: loading LanceDB costs seconds, which a person in a hurry should not wait


@dataclass(slots=True)
class _Due:
    learn_s: float | None = None
    index_s: float | None = None
    again_s: float | None = None
    reveal: bool = False
    nightly: bool = False


class Upkeep:
    """What is to be done when there is time. Used by the conductor's thread alone."""

    def __init__(self, *, worker: Worker, clock: Callable[[], float], closer: bool = False) -> None:
        """Start with nothing due; with a fetched bundle in use (`closer`), a look whether it has seen everything."""
        self._worker = worker
        self._clock = clock
        self._due = _Due()
        self.renewed(closer=closer)

    def person_acted(self) -> None:
        """Note that somebody did something that may be learned from."""
        self._due.learn_s = self._clock() + LEARN_REST_S

    def delivered(self) -> None:
        """Note that there is something new to index."""
        self._due.index_s = self._clock() + INDEX_REST_S
        self.renewed(closer=self._closer)

    def renewed(self, *, closer: bool) -> None:
        """Note that there may be something that the fetched bundle in use has not seen, if there is one (`closer`)."""
        self._closer = closer
        self._due.again_s = self._clock() + INDEX_REST_S if closer else None

    def hourly(self) -> None:
        """Note that shoots may have become quiet enough to show what was held back."""
        self._due.reveal = True

    def nightly(self) -> None:
        """Note that it is time to learn from everything, and to see whether photographs are back that were away."""
        self._due.nightly = True
        self.returned()

    def returned(self) -> None:
        """Note that photographs may be back that the fetched bundle in use could not reach."""
        self.renewed(closer=self._closer)

    def due_s(self) -> float | None:
        """Return when something will be due, by the clock."""
        now_s = self._clock()
        if self._due.reveal or self._due.nightly:
            return now_s
        if self._due.learn_s is not None:  # the clock may have been set back
            self._due.learn_s = min(self._due.learn_s, now_s + LEARN_REST_S)
        if self._due.index_s is not None:
            self._due.index_s = min(self._due.index_s, now_s + INDEX_REST_S)
        if self._due.again_s is not None:
            self._due.again_s = min(self._due.again_s, now_s + INDEX_REST_S)
        dues = (self._due.learn_s, self._due.index_s, self._due.again_s)
        return min((each for each in dues if each is not None), default=None)

    def step(self) -> str:
        """Do one thing that is due and return what it was, for a person; empty when nothing is."""
        now_s = self._clock()
        due = self._due
        if due.reveal:
            due.reveal = False
            self._worker.reveal()
            return "Looking what may be shown"
        if due.nightly or (due.learn_s is not None and due.learn_s <= now_s):
            force, due.nightly, due.learn_s = due.nightly, False, None
            self._worker.learn(force=force)
            return "Learning"
        if due.index_s is not None and due.index_s <= now_s:
            due.index_s = now_s if self._worker.index() else None
            return "Filling the index"
        if due.again_s is not None and due.again_s <= now_s:
            due.again_s = now_s if self._worker.look_again() else None
            return "Getting to know the library"
        return ""
