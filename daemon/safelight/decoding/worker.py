"""Runs in a process of its own and decodes what it is told, so that a file that kills a decoder kills only this.

Started as a plain program, not through multiprocessing: that would run the caller's main script
again in every worker, and would need two more processes. Limits on memory and priority are set before any library is
loaded. When the parent dies, however it dies, the kernel ends this process at once: the read end of a pipe that only
the parent holds open is set to raise SIGIO, whose default is to terminate.
Invariant: says which request it starts before it touches its files, and answers each request exactly once.
"""

import contextlib
import fcntl
import importlib
import os
import resource
import select
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

_LARGE_BYTES = 96 << 20  # decodes that need more take turns


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told when it starts."""

    memory_bytes: int
    niceness: int
    examiner: str  # "module:function", (Request, gate) -> Examined
    options: dict[str, Any]  # for the examiner's module


def main(arguments: list[str]) -> None:
    """Serve requests until the connection closes; `arguments`: descriptors of connection, lifeline and turn file."""
    connection, lifeline, turn = Connection(int(arguments[0])), int(arguments[1]), int(arguments[2])
    die_with_parent(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings: WorkerSettings = connection.recv()
    restrain(memory_bytes=settings.memory_bytes, niceness=settings.niceness)
    warnings.simplefilter("ignore")
    examiner = examiner_of(settings.examiner)
    with contextlib.suppress(EOFError, OSError):  # the parent is gone or has no more work
        while True:
            _serve(connection, examiner, settings, turn)


def examiner_of(name: str) -> Callable[..., Any]:
    """Load and return the function that "module:function" names."""
    module, _, function = name.partition(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return loaded


def _serve(connection: Connection, examiner: Callable[..., Any], settings: WorkerSettings, turn: int) -> None:
    request = connection.recv()
    connection.send(("started", request.key))
    try:
        answer = ("done", examiner(request, _gate(connection, request.key, turn), **settings.options))
    except MemoryError:
        connection.send(("exhausted", request.key))
        raise SystemExit(1) from None  # a heap this full cannot be trusted to serve the next one
    except Exception as error:  # the one place where anything may come: a file must not end the run
        answer = ("failed", (request.key, error if _travels(error) else None, type(error).__name__))
    connection.send(answer)


def _travels(error: Exception) -> bool:
    return type(error).__module__ == "safelight.errors"


def _gate(connection: Connection, key: int, turn: int) -> Callable[[int], Any]:
    @contextlib.contextmanager
    def gate(needed_bytes: int) -> Iterator[None]:
        if needed_bytes < _LARGE_BYTES:
            yield
            return
        connection.send(("waiting", key))
        fcntl.lockf(turn, fcntl.LOCK_EX)  # belongs to this process: the kernel frees it if this process dies
        connection.send(("started", key))
        try:
            yield
        finally:
            fcntl.lockf(turn, fcntl.LOCK_UN)

    return gate


def die_with_parent(lifeline: int) -> None:
    """End this process at once when the other end of a pipe is closed, which only its parent holds open."""
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    watch = select.poll()
    watch.register(lifeline, select.POLLIN)
    if watch.poll(0):  # gone already
        raise SystemExit(0)


def restrain(*, memory_bytes: int, niceness: int, reserves: bool = False) -> None:
    """Limit this process and what it starts: so much memory at most, or less where the system allows less.

    With `reserves` only memory that is written counts, not addresses: the library of a GPU reserves many times what any
    computer has.
    """
    kind = resource.RLIMIT_DATA if reserves else resource.RLIMIT_AS
    _, allowed = resource.getrlimit(kind)
    most = memory_bytes if allowed == resource.RLIM_INFINITY else min(memory_bytes, allowed)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(kind, (most, most))
    os.nice(niceness)
