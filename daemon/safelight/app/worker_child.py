"""Starts the worker program, and speaks with it.

A plain program and no fork: the daemon has threads. It gets one pipe, the read end of a second one that only the daemon
holds open (when the daemon dies, however it dies, the kernel ends the worker), and the descriptor of the state folder's
lock, which therefore stays locked until the worker is gone as well.
Invariant: after `end` the program is gone.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import safelight
from safelight.app.worker_messages import Start
from safelight.errors import WorkerError

# -P and the order of the path: a numpy.py that lies among the photographs must never be imported.
_PROGRAM = "import sys; sys.path += sys.argv[3:]; from safelight.app.worker_program import main; main(sys.argv[1:3])"

# Set before any library is loaded: one thread each, as the decode workers are the parallelism; and no telemetry.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "ORT_DISABLE_TELEMETRY": "1",
}


class Child:
    """One started worker program."""

    def __init__(self, start: Start, *, lock: int | None) -> None:
        """`lock`: descriptor of the state folder's lock, None where nobody holds it. Raises WorkerError."""
        try:
            with contextlib.ExitStack() as both, contextlib.ExitStack() as failed:
                ours, theirs = socket.socketpair()
                failed.callback(ours.close)
                both.callback(theirs.close)
                lifeline, self._held = os.pipe()
                failed.callback(os.close, self._held)
                both.callback(os.close, lifeline)
                self._popen = _started((theirs.fileno(), lifeline), lock, start.program.python_path)
                failed.pop_all()
        except OSError as error:
            hint = f"The system says: {error.strerror}."
            raise WorkerError("The part of Safelight that looks at photographs does not start.", hint=hint) from error
        self._connection = Connection(ours.detach())
        self._open = True
        self.send(start)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Tell whether it still runs."""
        return self._open and self._popen.poll() is None

    def send(self, message: object) -> None:
        """Send a message; to a program that has ended it is lost, which is noticed by who waits for the answer."""
        with contextlib.suppress(OSError):
            self._connection.send(message)

    def hear(self, patience_s: float, *, wake: int | None = None) -> Any:
        """Return its next message; None when it was silent for so long, or when `wake`, a descriptor, can be read.

        Raises EOFError when it has ended.
        """
        awaited: list[Connection | int] = [self._connection] if wake is None else [self._connection, wake]
        if self._connection not in wait(awaited, max(0.0, patience_s)):
            return None
        try:
            return self._connection.recv()
        except OSError as error:
            raise EOFError from error

    def end(self, *, grace_s: float = 0.0) -> None:
        """Let it end what it is at, for so long at most, then kill it; nothing in it could be lost."""
        if not self._open:
            return
        self._open = False
        self._connection.close()  # read as: there is no more work
        with contextlib.suppress(subprocess.TimeoutExpired):
            if grace_s > 0.0:
                self._popen.wait(grace_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)  # and what it has started, exiftool; decode workers end with it
        self._popen.wait()
        os.close(self._held)


def _started(pipes: tuple[int, int], lock: int | None, python_path: tuple[Path, ...]) -> subprocess.Popen[bytes]:
    places = (Path(safelight.__file__).parents[1], *python_path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, *map(str, (*pipes, *places))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=os.environ | _ENVIRONMENT,
        pass_fds=pipes if lock is None else (*pipes, lock),
        start_new_session=True,
        cwd="/",
    )
