"""Lets a further bundle look at the library that it has not seen, some photographs at a time, the newest first.

The catalog is asked which contents are left, a thousand at a time, so it goes on where it was, whatever ended it. One
that cannot be decoded any more, or to which the bundle has no answer, is passed over with the reason and never asked
for again. One of which no file is there, as on a disk that is not plugged in, is out of reach: it keeps nobody waiting,
and is tried again at the end of every session. A file that was changed is left for the reconciling that will notice it.
What the same model saw beside another release of the first bundle is taken over as it is, without another look.
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
from safelight.services.second_look import NO_ANSWER, SecondLook, see_readable

_TOGETHER = 32  # remembered in one transaction
_AWAY = "No file that holds it can be reached."
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
        self._queue: deque[Unseen] = deque()  # what the catalog told of last, the newest first
        self._away: list[bytes] = []  # out of reach, to be remembered with the next transaction
        self._later: set[bytes] = set()  # there, but changed: the reconciling will notice it
        self._known: list[Assessment] = []  # seen beside an earlier release, to be remembered with the next transaction
        self._tried_again = False

    def step(self, *, at_most: int, progress: Callable[[int], None] = lambda _: None) -> int:
        """Look at some of what is left; return how many were dealt with."""
        self._progress = progress
        chosen = self._chosen(at_most)
        done = self._remember(self._known)
        batch: list[Assessment] = []
        unanswered: list[Unseen] = []
        answers = self._decoder.examine(self._requests(chosen))
        seen = ahead(answers, self._see, threads=self._second.threads, together=self._second.together)
        for answer, embedding in seen:
            unseen, path = chosen[answer.key]
            if isinstance(answer, Refused):
                done += self._refused(answer, unseen)
            elif embedding is None:
                unanswered.append(unseen)
            elif (made := self._made(unseen, path, embedding)) is not None:
                batch.append(made)
            if len(batch) >= _TOGETHER:
                done += self._remember(batch)
        done += self._remember(batch)
        return done if self._second.failed else done + self._pass_over(unanswered, NO_ANSWER)

    @property
    def ended(self) -> bool:
        """Tell whether nothing more can be done for now."""
        return not self._more()

    def _see(self, answers: Sequence[Examined | Refused]) -> list[NDArray[np.float16] | None]:
        return see_readable(self._second, answers)

    def _made(self, unseen: Unseen, path: Path, embedding: NDArray[np.float16]) -> Assessment | None:
        first = self._first.assessment(unseen.content)
        if first is None or (path, self._stamp(path)) not in unseen.holders:
            self._later.add(unseen.content)
            return None
        return self._second.beside(first, embedding)

    def _chosen(self, at_most: int) -> list[tuple[Unseen, Path]]:
        chosen: list[tuple[Unseen, Path]] = []
        while len(chosen) + len(self._known) < at_most and (
            self._queue or (not chosen and not self._known and self._more())
        ):
            each = self._queue.popleft()
            if (known := self._seen_before(each.content)) is not None:
                self._known.append(known)
            elif (path := self._path(each)) is not None:
                chosen.append((each, path))
            elif any(self._stamp(path) for path, _ in each.holders):
                self._later.add(each.content)
            else:
                self._away.append(each.content)
        return chosen

    def _seen_before(self, content: bytes) -> Assessment | None:
        """Return what the same model saw, with what the first judge says now."""
        embedding = self._store.successions.seen_before(content, self._second.judge)
        first = self._first.assessment(content)
        if embedding is None or first is None or embedding.size != self._second.length:
            return None
        return self._second.beside(first, embedding)

    def _more(self) -> bool:
        """Tell whether anything is left that can be tried now; asks the catalog when what it told is used up."""
        if self._second.failed:
            return False
        if not self._queue:
            self._remember([])
            left = self._store.successions.unseen(self._second.judge, limit=len(self._later) + _ASKED_FOR)
            self._queue.extend(each for each in left if each.content not in self._later)
        if not self._queue and not self._tried_again:
            self._tried_again = True
            away = self._store.successions.out_of_reach(self._second.judge)
            self._queue.extend(each for each in away if self._path(each) is not None)
        return bool(self._queue)

    def _path(self, unseen: Unseen) -> Path | None:
        """Return a file that holds the content and is as it was known."""
        return next((path for path, stamp in unseen.holders if self._stamp(path) == stamp), None)

    @staticmethod
    def _requests(chosen: Sequence[tuple[Unseen, Path]]) -> Iterator[Request]:
        yield from (Request(place, (path,)) for place, (_, path) in enumerate(chosen))

    def _refused(self, answer: Refused, unseen: Unseen) -> int:
        if isinstance(answer.error, OutOfReach):
            self._away.append(unseen.content)
            return 0
        return self._pass_over([unseen], answer.error.told)

    def _pass_over(self, some: Sequence[Unseen], reason: str) -> int:
        with self._store.transaction():
            for each in some:
                self._store.successions.pass_over(each.content, self._second.judge, reason)
        self._progress(len(some))
        return len(some)

    def _remember(self, batch: list[Assessment]) -> int:
        successions, judge = self._store.successions, self._second.judge
        with self._store.transaction():
            for each in batch:
                self._second.put(each)
                successions.reached(each.content, judge)
            for content in self._away:
                successions.pass_over(content, judge, _AWAY, passing=True)
        self._away.clear()
        done = len(batch)
        self._progress(done)
        batch.clear()
        return done
