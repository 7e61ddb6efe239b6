"""Keeps a daemon running as a service manager does, and kills it and its helpers when it is asked to."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from safelight.control.client import Client
from safelight.control.messages import Status
from safelight.errors import SafelightError
from tests.end_to_end.daemons import Home, Running

KINDS = ("daemon", "worker", "decoder")


class Supervised:
    """One daemon after another."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.lives = 0
        self.killed: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.running = self._start()

    def kill(self, kind: str) -> bool:
        """Kill one of its processes as the kernel does when memory is short; False where there is none such now."""
        if kind == "daemon":
            self.running.stop(signal.SIGKILL)
            self.running.close()
            self.running = self._start()
        else:
            pids = [pid for pid, what in self.helpers() if what == kind]
            if not pids:
                return False
            try:
                os.kill(pids[0], signal.SIGKILL)
            except ProcessLookupError:
                return False
        self.killed[kind] += 1
        return True

    def restart(self) -> float:
        """Stop it as a service manager does and start it again; return how long the stop took, in seconds."""
        took_s = self.running.stop()
        self.running.close()
        self.running = self._start()
        return took_s

    def helpers(self) -> Iterator[tuple[int, str]]:
        """Yield the processes that the daemon has started: its worker, and what that has started in turn."""
        for worker in _children(self.running.process.pid):
            yield worker, "worker"
            for pid in _children(worker):
                yield pid, "decoder"

    def ask(self, command: str, **arguments: object) -> str:
        """Ask the daemon for something; return what it says, or why it could not."""
        try:
            client = Client.connect(self._home.runtime / "safelight/control.sock", timeout_s=60.0)
            if client is None:
                return "no daemon answers"
            with client:
                return client.ask(command, **arguments).text
        except SafelightError as error:
            return error.summary

    def status(self) -> Status | None:
        """Return how it stands, None when it does not answer."""
        try:
            client = Client.connect(self._home.runtime / "safelight/control.sock")
            if client is None:
                return None
            with client:
                return client.status()
        except SafelightError:
            return None

    def close(self) -> float:
        """End it for good; return how long that took, in seconds."""
        took_s = self.running.stop() if self.running.process.poll() is None else 0.0
        self.running.close()
        return took_s

    def _start(self) -> Running:
        self.lives += 1
        made = Running(self._home)
        made.ready()
        return made


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        pass  # it has just ended
    return found
