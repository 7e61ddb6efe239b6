"""Starts a decode worker: as a fork where that is safe, as a program of its own everywhere else.

A program loads Python and every library anew, a third of a second each time; a fork has them already. But only a
process with a single thread can be forked safely, as a lock that another thread holds would stay locked in the child
for ever. So a fork is for the quiet case (a command without a progress bar, before the model is loaded), and the
program is what always works.
Invariant: the child holds no file of the parent's but the three that it was given, and never returns into its code.
"""

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, Protocol

from safelight.decoding import worker

# -P and the order of the path: a numpy.py that lies among the photographs must never be imported.
_PROGRAM = "import sys; sys.path += sys.argv[4:]; from safelight.decoding.worker import main; main(sys.argv[1:4])"

# Set before the worker loads any library: one thread each (the workers are the parallelism), two malloc arenas (every
# arena reserves 64 MB of the address space that the memory limit counts).
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


class Child(Protocol):
    """A started worker."""

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its process group."""
        ...

    def wait(self) -> int:
        """Wait until it has ended; may be asked again."""
        ...


class _Fork:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def wait(self) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


def may_fork() -> bool:
    """Tell whether this process has a single thread, Python's own and those of libraries alike."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def forked(inherited: Sequence[int], *, examiner: str) -> Child:
    """Fork a worker that serves on the inherited descriptors; its libraries are loaded here first.

    Raises OSError when the system cannot fork.
    """
    worker.examiner_of(examiner)
    sys.stdout.flush()
    sys.stderr.flush()
    # What Python runs around a fork swallows a Ctrl-C that comes meanwhile, so it has to wait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about threads, which `may_fork` has ruled out
            pid = os.fork()
        if pid == 0:
            _serve(inherited)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return _Fork(pid)


def started(inherited: Sequence[int], *, python_path: Sequence[Path]) -> Child:
    """Start a worker as a program that serves on the inherited descriptors. Raises OSError when it cannot start."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, *map(str, (*inherited, *python_path))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | _ENVIRONMENT,
        pass_fds=inherited,
        start_new_session=True,
        cwd="/",
    )


def _serve(inherited: Sequence[int]) -> NoReturn:
    """Be the worker: whatever happens in here, the parent's code after the fork is never run twice."""
    status = 1
    try:
        os.setsid()
        os.chdir("/")
        _keep_only(inherited)
        signal.set_wakeup_fd(-1)
        worker.main([str(descriptor) for descriptor in inherited])
        status = 0
    finally:
        os._exit(status)


def _keep_only(inherited: Sequence[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    last = 2
    for descriptor in sorted(inherited):
        os.closerange(last + 1, descriptor)
        last = descriptor
    os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))
