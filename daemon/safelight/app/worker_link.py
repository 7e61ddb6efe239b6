"""The daemon's side of its worker: starts it when there is work, asks it, and deals with its death.

One thread asks and waits, so that daemon and worker never change the catalog at the same time. The worker says which
frame it is at; when it ends or hangs, that frame is tried again alone (`worker_blame`). Every other request is asked
once more. A worker that keeps dying is not started for a while (`worker_deaths`). One that was started before a bundle
was fetched, removed or moved has what is no longer there, and is ended before the next request.
Invariant: what a call returns was done, whatever died meanwhile; and nothing heavy is ever loaded on this side.
"""

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safelight.app import bundle_word, learning_run, rating_steps
from safelight.app.learning_run import Imported
from safelight.app.settings import EMBEDDED
from safelight.app.wiring import Parts
from safelight.app.worker_blame import Blame
from safelight.app.worker_child import Child
from safelight.app.worker_deaths import Deaths
from safelight.app.worker_messages import WARM_UP, Delivered, Judged, Limits, Program, Start
from safelight.control.messages import Answer
from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.domain.withholding import HELD_BACK, SHARE
from safelight.errors import WorkerError
from safelight.services.index import WORTH_INDEXING
from safelight.services.learn import Learned

RESTS = "The part of Safelight that looks at photographs ended unexpectedly several times and rests for a while."
_CHANCES = 2
_AGAIN = 16  # photographs in one slice, as many as are judged in one, so that what is more urgent can come between
_DOING = {
    "judge": "while it looked at photographs",
    "deliver": "while it rated",
    "reveal": "while it rated",
    "learn": "while it learned",
    "learn_from": "while it learned",
    "index": "while it brought the index up to date",
    "look_again": "while it got to know the library",
    "answer": "before it had an answer",
}


class _EndedError(Exception):
    """The worker ended or hung before it answered; stays within this module."""

    def __init__(self, *, begun: bool, at: int | None) -> None:
        super().__init__()
        self.begun = begun  # it had given a sign of life, so it had loaded what it needs
        self.at = at  # the frame that it was at, None when it was at no single one


class WorkerLink:
    """Asks the worker (worker_messages.Worker). Used by one thread; only `stop` may be called from another."""

    def __init__(
        self,
        *,
        parts: Parts,
        beat: Callable[[], None] = lambda: None,
        progress: Callable[[str, int, int], None] = lambda *_: None,
        limits: Limits | None = None,
        program: Program | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`beat` is called at every sign of life, `progress` with what is done, how much of it, and of how much."""
        self._parts = parts
        self._beat, self._progress = beat, progress
        self._limits, self._program, self._monotonic = limits or Limits(), program or Program(), monotonic
        self._deaths = Deaths(limits=self._limits, monotonic=monotonic)
        self._blame = Blame(store=parts.store, deaths=self._deaths)
        self._child: Child | None = None
        self._copies = bundle_word.copies(parts.settings)  # of bundles, that the worker found when it was started
        self._word: str | None = None  # that was left of them before
        self._used_s = monotonic()
        self._stopping = threading.Event()
        self._until_s: float | None = None  # when a worker that is to stop is killed
        self._woken, self._wake = os.pipe()

    @property
    def alive(self) -> bool:
        """Tell whether the worker runs now, idle or not."""
        return self._child is not None and self._child.alive

    @property
    def degraded(self) -> str:
        """Return why nothing is asked of the worker for now, as one sentence; empty when all is well."""
        return RESTS if self._deaths.rests else ""

    @property
    def pid(self) -> int | None:
        """Return the process id of the worker, None when it does not run."""
        return self._child.pid if self._child is not None and self.alive else None

    def warm_up(self) -> None:
        """Start the worker and let it load what judging needs, without waiting; who needs it hears of failures."""
        if not self._serves() and not self.degraded and not self._stopping.is_set():
            with contextlib.suppress(WorkerError):
                self._started().send((WARM_UP, {}))

    def judge(self, ids: Sequence[int]) -> Judged:
        """Look at the pixels of frames; a frame over which the worker dies twice is left alone, the rest is done."""
        newest, starts = self._parts.store.journal.newest(), 0
        aside: list[int] = []
        todo = deque(self._blame.slices(ids))
        while todo:
            some = todo.popleft()
            try:
                self._ask("judge", self._silence_s(some), ids=some)
            except _EndedError as ended:
                starts = 0 if ended.begun else starts + 1
                if starts >= _CHANCES:
                    raise _gave_up("judge") from None
                more, left_alone = self._blame.died(some, ended.at) if ended.begun else ([some], ())
                todo.extendleft(reversed(more))
                aside += left_alone
            else:
                self._blame.passed(some)
                if not todo:
                    todo.extend(self._left_parted(newest))
        return self._judged(ids, newest, aside)

    def open_run(self, to: Sequence[Path]) -> int:
        """Make a run for deliveries, noted with the folders that it is about."""
        return rating_steps.open_run(None, to, store=self._parts.store, at_s=self._parts.clock.now())

    def deliver(self, ids: Sequence[int], *, run: int | None, to: Sequence[Path], withhold: float = SHARE) -> Delivered:
        """Rate the assessed frames among these and write the sidecars of all that are ranked."""
        if not ids:
            return Delivered(run or 0)
        store = self._parts.store
        chosen = rating_steps.open_run(run, to, store=store, at_s=self._parts.clock.now())
        silence_s = self._silence_s(ids)
        delivered: Delivered = self._twice("deliver", silence_s, ids=tuple(ids), run=chosen, withhold=withhold)
        return delivered

    def reveal(self, *, withhold: float = SHARE) -> Delivered:
        """Write the sidecars of what was withheld and is due; starts nothing where nothing is withheld."""
        held = self._parts.store.catalog.with_reason(Stage.RANKED, HELD_BACK)
        if not held:
            return Delivered(0)
        revealed: Delivered = self._twice("reveal", self._silence_s(range(held)), withhold=withhold)
        return revealed

    def learn(self, *, force: bool = False) -> Learned:
        """Learn when it is worth it and the person rests, or with `force` whatever is new; starts nothing otherwise."""
        learn = learning_run.learner(self._parts)
        if not learn.anything(learn.now_s(), force=force) or not (force or learning_run.rested(self._parts)):
            return Learned(self._parts.store.tastes.last())
        learned: Learned = self._twice("learn", self._limits.long_s, force=force)
        return learned

    def learn_from(self, folder: Path) -> Imported:
        """Learn from what was rated, picked and edited in a folder before."""
        imported: Imported = self._twice("learn_from", self._limits.long_s, folder=folder)
        return imported

    def index(self, *, at_least: int = WORTH_INDEXING) -> bool:
        """Bring some vectors up to date, if at least so many wait; tell whether there is more to do."""
        if self._parts.store.count_to_index() < at_least:
            return False
        return bool(self._twice("index", self._limits.long_s, at_least=at_least))

    def look_again(self) -> bool:
        """Let the fetched bundle in use look at some photographs that it has not seen; tell whether there is more."""
        if self._parts.settings.bundle == EMBEDDED:
            return False
        return bool(self._twice("look_again", self._silence_s(range(_AGAIN)), at_most=_AGAIN))

    def answer(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Answer a command of a client."""
        answer: Answer = self._twice("answer", self._limits.long_s, name=name, arguments=dict(arguments))
        return answer

    def idle(self) -> bool:
        """End a worker that has had nothing to do for long; tell whether there is none (any more)."""
        if self.alive and self._monotonic() - self._used_s < self._limits.idle_s:
            return False
        self._let_go(grace_s=self._limits.farewell_s)
        return True

    def renew(self, parts: Parts) -> None:
        """Go on with other settings: the worker that has the old ones ends."""
        self.close()
        self._parts = parts
        self._blame = Blame(store=parts.store, deaths=self._deaths)

    def stop(self) -> None:
        """From any thread: let the call that waits end within seconds, and every later one raise."""
        self._stopping.set()
        os.write(self._wake, b"s")

    def close(self) -> None:
        """End the worker; a later call starts a new one."""
        self._let_go(grace_s=self._limits.farewell_s)

    def _twice(self, duty: str, silence_s: float, /, **arguments: Any) -> Any:
        for _ in range(_CHANCES):
            try:
                return self._ask(duty, silence_s, **arguments)
            except _EndedError:
                continue
        raise _gave_up(duty)

    def _ask(self, duty: str, silence_s: float, /, **arguments: Any) -> Any:
        """Return what the worker answers. Raises _EndedError, WorkerError, or what the services of the duty raise."""
        if self._stopping.is_set():
            raise _stopped()
        child = self._child if self._child is not None and self._serves() else self._started()
        child.send((duty, arguments))
        begun, at = False, None
        while True:
            patience_s = silence_s if begun else silence_s + self._limits.start_s
            kind, what = self._heard(child, patience_s, begun=begun, at=at)
            self._beat()
            self._used_s = self._monotonic()
            begun = True
            if kind == "at":
                if at is not None:
                    self._deaths.proved()
                at = what
            elif kind == "progress":
                self._progress(*what)
            elif kind == "done":
                return what
            elif kind == "failed":
                raise what

    def _heard(self, child: Child, patience_s: float, *, begun: bool, at: int | None) -> tuple[str, Any]:
        """Return the next message. Ends a worker that is silent for too long, or slow to stop when it is told to."""
        said = None
        with contextlib.suppress(EOFError):
            if not self._stopping.is_set():
                said = child.hear(patience_s, wake=self._woken)
            if said is None and self._stopping.is_set():
                self._until_s = self._until_s or self._monotonic() + self._limits.farewell_s
                said = child.hear(self._until_s - self._monotonic())
        if said is not None:
            kind, what = said
            return kind, what
        self._let_go(grace_s=0.0)
        if self._stopping.is_set():
            raise _stopped()
        self._deaths.note()
        raise _EndedError(begun=begun, at=at)

    def _serves(self) -> bool:
        """Tell whether the worker runs and has the bundles that are there; one that has others ends."""
        if not self.alive:
            return False
        if self._copies != bundle_word.copies(self._parts.settings) or self._missed():
            self._let_go(grace_s=self._limits.farewell_s)
        return self.alive

    def _missed(self) -> bool:
        """Tell whether this worker could not read a bundle that was away for a moment only."""
        word = self._parts.store.memos.get(bundle_word.MEMO)
        return word != self._word and bundle_word.missed(word, self._parts.settings)

    def _started(self) -> Child:
        if self.degraded:
            raise WorkerError(RESTS, hint="It goes on by itself; 'safelight status' tells when.")
        self._let_go(grace_s=0.0)
        # Before it looks: what comes meanwhile is seen the next time.
        self._copies = bundle_word.copies(self._parts.settings)
        self._word = self._parts.store.memos.get(bundle_word.MEMO)
        self._child = Child(Start(self._parts.settings, self._program), lock=self._parts.lock)
        self._used_s = self._monotonic()
        return self._child

    def _let_go(self, *, grace_s: float) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end(grace_s=grace_s)

    def _silence_s(self, ids: Sequence[int]) -> float:
        limits = self._limits
        return min(limits.long_s, limits.silence_s + limits.per_frame_s * len(ids))

    def _parted(self, newest: int) -> tuple[int, ...]:
        """Return the frames that were parted from others since an entry of the journal."""
        entries = self._parts.store.journal.entries(Kind.FRAME_PARTED, after=newest)
        return tuple(entry.frame_id for entry in entries if entry.frame_id is not None)

    def _left_parted(self, newest: int) -> list[tuple[int, ...]]:
        """Return, as a slice, the parted frames that a worker which died did not come to."""
        parted = self._parts.store.catalog.frames(self._parted(newest), Stage.ARRIVED)
        left = tuple(frame.id for frame in parted)
        return [left] if left else []

    def _judged(self, ids: Sequence[int], newest: int, aside: Sequence[int]) -> Judged:
        parted = self._parted(newest)
        frames = list(self._parts.store.catalog.frames({*ids, *parted}))
        unreadable = [frame for frame in frames if frame.stage is Stage.UNREADABLE]
        return Judged(
            frames=len(frames) - len(unreadable),
            parted=parted,
            unreadable=tuple((frame.path, frame.reason) for frame in unreadable),
            quarantined=tuple(aside),
        )


def _gave_up(duty: str) -> WorkerError:
    return WorkerError(
        f"The part of Safelight that works ended unexpectedly {_DOING[duty]}.", hint="It tries again later."
    )


def _stopped() -> WorkerError:
    return WorkerError("Safelight is stopping.", hint="What was done is kept; it goes on when it is started again.")
