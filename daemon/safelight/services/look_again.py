"""Lets a further bundle look at the library that it has not seen, some photographs at a time, the newest first.

The catalog is asked which contents are left, a thousand at a time, so it goes on where it was, whatever ended it. A
file that is not as it was known is left for the reconciling that will notice it; one that cannot be decoded any more is
passed over, with the reason, and never asked for again.
Invariant: what the first judge has seen, what stands in sidecars and what was learned stays as it is.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safelight.domain.frame import FileStamp
from safelight.domain.records import Assessment
from safelight.errors import OutOfReach
from safelight.ports import Assessments, Decoder, Examined, Refused, Request, Store
from safelight.ports.successions import Unseen
from safelight.services.ahead import ahead
from safelight.services.second_look import SecondLook, see_readable

_TOGETHER = 32  # remembered in one transaction
_ASKED_FOR = 1024  # at once: to sort a large library by time for every slice would take longer than the slice


class LookAgain:
    """Fills what a second bundle has not seen."""

    def __init__(
        self,
        *,
        store: Store,
        first: Assessments,
        second: SecondLook,
        decoder: Decoder,
        stamp: Callable[[Path], FileStamp | None],
    ) -> None:
        """`stamp` tells how a file is now, None when it is not to be had."""
        self._store = store
        self._first = first
        self._second = second
        self._decoder = decoder
        self._stamp = stamp
        self._progress: Callable[[int], None] = lambda _: None
        self._later: set[bytes] = set()  # not to be had in this session
        self._queue: deque[Unseen] = deque()  # what the catalog told of last, the newest first

    def step(self, *, at_most: int, progress: Callable[[int], None] = lambda _: None) -> int:
        """Look at some of what is left; return how many were dealt with."""
        self._progress = progress
        chosen = self._chosen(at_most)
        done = 0
        batch: list[Assessment] = []
        answers = self._decoder.examine(self._requests(chosen))
        seen = ahead(answers, self._see, threads=self._second.threads, together=self._second.together)
        for answer, embedding in seen:
            unseen = chosen[answer.key]
            if isinstance(answer, Refused):
                done += self._refused(answer, unseen)
            elif embedding is not None and (made := self._made(unseen, embedding)) is not None:
                batch.append(made)
            if len(batch) >= _TOGETHER:
                done += self._remember(batch)
        return done + self._remember(batch)

    @property
    def ended(self) -> bool:
        """Tell whether nothing more can be done for now."""
        return not self._more()

    def _see(self, answers: Sequence[Examined | Refused]) -> list[NDArray[np.float16] | None]:
        return see_readable(self._second, answers)

    def _made(self, unseen: Unseen, embedding: NDArray[np.float16]) -> Assessment | None:
        first = self._first.assessment(unseen.content)
        if first is None or self._stamp(unseen.path) != unseen.stamp:
            self._later.add(unseen.content)
            return None
        return self._second.beside(first, embedding)

    def _chosen(self, at_most: int) -> list[Unseen]:
        chosen: list[Unseen] = []
        if not self._more():
            return chosen
        while self._queue and len(chosen) < at_most:
            each = self._queue.popleft()
            if self._stamp(each.path) == each.stamp:
                chosen.append(each)
            else:
                self._later.add(each.content)
        return chosen

    def _more(self) -> bool:
        """Tell whether anything is left that can be looked at now; asks the catalog when what it told is used up."""
        if not self._queue and not self._second.failed:
            left = self._store.successions.unseen(self._second.judge, limit=len(self._later) + _ASKED_FOR)
            self._queue.extend(each for each in left if each.content not in self._later)
        return bool(self._queue) and not self._second.failed

    @staticmethod
    def _requests(chosen: Sequence[Unseen]) -> Iterator[Request]:
        yield from (Request(place, (each.path,)) for place, each in enumerate(chosen))

    def _refused(self, answer: Refused, unseen: Unseen) -> int:
        if isinstance(answer.error, OutOfReach):
            self._later.add(unseen.content)
            return 0
        with self._store.transaction():
            self._store.successions.pass_over(unseen.content, self._second.judge, answer.error.told)
        self._progress(1)
        return 1

    def _remember(self, batch: list[Assessment]) -> int:
        with self._store.transaction():
            for each in batch:
                self._second.put(each)
        done = len(batch)
        self._progress(done)
        batch.clear()
        return done
