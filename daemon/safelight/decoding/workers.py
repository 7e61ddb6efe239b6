"""Keeps a few decode workers busy, and replaces the one that a file brought down.

Each worker is a process with one pipe, holds one request and has the next one waiting, so that it never idles. It
says what it starts: when it ends or is late, exactly that request is to blame. It gets a second chance in a fresh
worker, and is refused after that; whatever waited behind it is given to another worker unharmed.
Invariant: every request is answered exactly once, and no worker outlives this process or `close`.
"""

import contextlib
import os
import signal
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Any

import safelight
from safelight.decoding.launch import Child, forked, may_fork, started
from safelight.decoding.worker import WorkerSettings
from safelight.errors import CannotStart, Unreadable
from safelight.ports import Examined, Refused, Request

EXAMINER = "safelight.decoding.serving:examine"
_IN_FLIGHT = 2  # requests per worker: one worked on, one waiting
_PIPE_BYTES = 1 << 19  # an answer with its thumb takes 150 kB; the worker must not wait for us to read it
_CHANCES = 2
_FAILED_STARTS = 3


@dataclass(slots=True, eq=False)
class _Worker:
    """One process: what it was given, what it works on, and until when that may take."""

    child: Child
    connection: Connection
    lifeline: int
    given: deque[Request] = field(default_factory=deque)
    started: int | None = None  # key of the request it works on
    deadline: float | None = None
    proved: bool = False  # it has started at least one request

    def end(self) -> None:
        """Kill it with whatever it started; nothing in it could be lost."""
        self.connection.close()
        os.close(self.lifeline)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


class WorkerPool:
    """Decodes frames in worker processes (ports.Decoder)."""

    def __init__(
        self,
        *,
        jobs: int = 2,
        allowed_s: float = 30.0,
        memory_bytes: int = 1536 << 20,
        niceness: int = 10,
        examiner: str = EXAMINER,
        options: Mapping[str, Any] | None = None,
        python_path: Iterable[Path] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`examiner` is "module:function" called as (request, gate, **options); `python_path` is where to find it."""
        self._jobs, self._allowed_s, self._monotonic = max(1, jobs), allowed_s, monotonic
        self._turn: IO[bytes] | None = None  # locked by the worker whose turn it is to run a large decode
        self._settings = WorkerSettings(memory_bytes, niceness, examiner, dict(options or {}))
        added = tuple(python_path)
        self._python_path = (Path(safelight.__file__).parents[1], *added)
        self._may_fork = not added  # a fork could not find what is looked for in other places
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def examine(self, requests: Iterable[Request]) -> Iterator[Examined | Refused]:
        """Answer every request exactly once, in any order; pulls from `requests` lazily, two ahead per worker.

        Raises CannotStart if workers do not even start.
        """
        source, again = iter(requests), deque[Request]()
        chances: dict[int, int] = {}
        try:
            while self._feed(source, again) or any(worker.given for worker in self._workers):
                yield from self._answers(again, chances)
        finally:  # an abandoned iteration leaves answers behind that nobody must take for those of the next one
            for worker in [worker for worker in self._workers if worker.given]:
                self._drop(worker)

    def prepare(self, frames: int) -> None:
        """Start the workers for so many frames before they are needed, while starting them is cheap."""
        while len(self._workers) < min(self._jobs, frames):
            self._start()

    def close(self) -> None:
        """End the workers; a later `examine` starts new ones."""
        for worker in list(self._workers):
            self._drop(worker)
        if self._turn is not None:
            self._turn.close()
            self._turn = None

    def _feed(self, source: Iterator[Request], again: deque[Request]) -> bool:
        """Give every worker what it may hold; start workers only while there is something to give."""
        fed = False
        while self._has_room():
            request = again.popleft() if again else next(source, None)
            if request is None:
                break
            self._give(self._least_busy(), request)
            fed = True
        return fed

    def _has_room(self) -> bool:
        return len(self._workers) < self._jobs or any(len(worker.given) < _IN_FLIGHT for worker in self._workers)

    def _least_busy(self) -> _Worker:
        """Return an idle worker, or a new one while there may be more, or the one with the least to do."""
        least = min(self._workers, key=lambda worker: len(worker.given), default=None)
        if least is None or (least.given and len(self._workers) < self._jobs):
            return self._start()
        return least

    def _give(self, worker: _Worker, request: Request) -> None:
        worker.given.append(request)
        if worker.deadline is None:
            worker.deadline = self._monotonic() + self._allowed_s
        try:
            worker.connection.send(request)
        except OSError:
            worker.deadline = self._monotonic()  # it ended meanwhile: dealt with where the end is noticed

    def _answers(self, again: deque[Request], chances: dict[int, int]) -> Iterator[Examined | Refused]:
        busy = {worker.connection: worker for worker in self._workers if worker.given}
        soonest = min((worker.deadline for worker in busy.values() if worker.deadline is not None), default=None)
        patience = None if soonest is None else max(0.0, soonest - self._monotonic())
        ready = wait(list(busy), patience)
        for worker in [worker for connection, worker in busy.items() if connection in ready]:
            try:
                said, what = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._bring_down(worker, "crashes the decoder", again, chances)
            else:
                yield from self._heard(worker, said, what, again, chances)
        now = self._monotonic()
        for worker in [worker for connection, worker in busy.items() if connection not in ready]:
            if worker.deadline is not None and worker.deadline <= now:
                how = f"keeps the decoder busy for more than {self._allowed_s:.0f} s"
                yield from self._bring_down(worker, how, again, chances)

    def _heard(
        self, worker: _Worker, said: str, what: Any, again: deque[Request], chances: dict[int, int]
    ) -> Iterator[Examined | Refused]:
        now = self._monotonic()
        if said == "started":
            worker.started, worker.proved, self._failed_starts = what, True, 0
            worker.deadline = now + self._allowed_s
        elif said == "waiting":  # for its turn; the one whose turn it is has a deadline
            worker.deadline = None
        elif said == "exhausted":
            megabytes = self._settings.memory_bytes >> 20
            yield from self._bring_down(worker, f"needs more than the allowed {megabytes} MB", again, chances)
        else:
            request = worker.given.popleft()
            worker.started, worker.deadline = None, now + self._allowed_s if worker.given else None
            yield what if said == "done" else _refused(request, *what)

    def _bring_down(
        self, worker: _Worker, how: str, again: deque[Request], chances: dict[int, int]
    ) -> Iterator[Refused]:
        """Replace a worker; the request that it worked on is tried once more or refused, the others go on."""
        self._drop(worker)
        if not worker.proved:
            self._count_failed_start()
        waiting = list(worker.given)
        worker.given.clear()
        if worker.started is None:
            again.extendleft(reversed(waiting))
            return
        blamed, *unharmed = waiting
        again.extendleft(reversed(unharmed))
        chances[blamed.key] = chances.get(blamed.key, 0) + 1
        if chances[blamed.key] < _CHANCES:
            again.appendleft(blamed)
            return
        hint = "It is damaged or unusual; try to open it in an editor."
        yield Refused(blamed.key, Unreadable(f"The file {how}, twice.", hint=hint, path=blamed.sources[0]))

    def _count_failed_start(self) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _FAILED_STARTS:
            raise CannotStart(
                "The decoder does not start.", hint="Install the program anew, or allow the decoder more memory."
            )

    def _drop(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.end()

    def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIPE_BYTES)
        lifeline, held = os.pipe()
        if self._turn is None:
            self._turn = tempfile.TemporaryFile(prefix="safelight-")  # noqa: SIM115  # nameless: nothing stays behind
        inherited = (theirs.fileno(), lifeline, self._turn.fileno())
        try:
            child = self._launched(inherited)
        except OSError as error:
            os.close(held)
            raise CannotStart("The decoder does not start.", hint=f"The system says: {error.strerror}.") from None
        finally:
            theirs.close()
            os.close(lifeline)
        worker = _Worker(child, Connection(ours.detach()), held)
        worker.connection.send(self._settings)
        self._workers.append(worker)
        return worker

    def _launched(self, inherited: tuple[int, int, int]) -> Child:
        if self._may_fork and may_fork():
            return forked(inherited, examiner=self._settings.examiner)
        return started(inherited, python_path=self._python_path)


def _refused(request: Request, _key: int, error: object, name: str) -> Refused:
    if isinstance(error, Unreadable):
        return Refused(request.key, error)
    return Refused(
        request.key,
        Unreadable(
            f"The picture cannot be decoded ({name}).",
            path=request.sources[0],
            hint="It may be damaged; try to open it in a viewer.",
        ),
    )
