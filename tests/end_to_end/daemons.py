"""Runs the real daemon in folders of its own, as the service manager would: with a socket that waits for READY."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

QUIET = '[work]\nwhen_busy = "work"\n[cards]\nnew = "ignore"\ndefault = "ignore"\n[learn]\nblind_share = 0.0\n'


def until(what: Callable[[], Any], *, most_s: float = 60.0, why: str = "") -> Any:
    """Wait until something is so and return it; a deadline, not a guess."""
    end_s = time.monotonic() + most_s
    while not (found := what()):
        assert time.monotonic() < end_s, why or f"it did not come to be within {most_s} s"
        time.sleep(0.02)
    return found


class Home:
    """A home with one watched folder, and the commands in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.home, self.state, self.pictures = place / "home", place / "state", place / "pictures"
        # A socket's path must be short, and pytest's folders are not.
        self.runtime = Path(tempfile.mkdtemp(prefix="sl-"))
        for folder in (self.home, self.pictures):
            folder.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.settings(QUIET)

    def settings(self, text: str, *, folders: list[Path] | None = None) -> None:
        """Write settings with the watched folders before the rest."""
        named = ", ".join(json.dumps(str(folder)) for folder in (folders or [self.pictures]))
        file = self.home / ".config/safelight/settings.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[watch]\nfolders = [{named}]\n{text}")

    def command(self, *arguments: str | Path) -> list[str]:
        """Return the command line of a command over this home's state folder."""
        return [sys.executable, "-m", "safelight", *map(str, arguments), "--state", str(self.state)]

    def run(self, *arguments: str | Path, most_s: float = 120.0) -> tuple[int, str, str]:
        """Run a command; return its exit status and what it said."""
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=most_s, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def record(self, *arguments: str | Path) -> Any:
        """Run a command with --json and return what it told."""
        status, said, complained = self.run(*arguments, "--json")
        assert said, (status, complained)
        return json.loads(said)

    def stars(self, folder: Path | None = None) -> dict[str, str]:
        """Return the sidecars below a folder with their text, by name."""
        return {path.name: path.read_text() for path in (folder or self.pictures).rglob("*.xmp")}

    def tidy(self) -> None:
        """Remove the folder of the socket."""
        for path in sorted(self.runtime.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.runtime.rmdir()


class Running:
    """One daemon; `ready_s` is how long it took to say READY."""

    def __init__(self, home: Home, *, most_s: float = 60.0) -> None:
        self.home = home
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = home.runtime / "notify"
        address.unlink(missing_ok=True)
        self._socket.bind(str(address))
        self._most_s = most_s
        self._told: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # Read all the time, as a service manager does: the kernel keeps ten messages, and drops what comes after them.
        threading.Thread(target=self._listen, args=(self._socket.dup(),), daemon=True).start()
        self._log = (home.place / "daemon.log").open("ab")
        self.begun_s = time.monotonic()
        self.process = subprocess.Popen(
            home.command("run"),
            env=home.environment | {"NOTIFY_SOCKET": str(address)},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def ready(self) -> float:
        """Wait for READY and return how long it took since the start, in seconds."""
        self.heard(b"READY=1")
        return time.monotonic() - self.begun_s

    def heard(self, wanted: bytes) -> None:
        """Wait until the service manager is told something."""
        while wanted not in self._told.get(timeout=self._most_s):
            pass

    def _listen(self, told: socket.socket) -> None:
        with told:
            while message := told.recv(4096):
                self._told.put(message)

    @property
    def log(self) -> str:
        """Return what it said on its standard streams."""
        return (self.home.place / "daemon.log").read_text()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal and return how long it took to end, in seconds."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=60)
        return time.monotonic() - begun

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with suppress(OSError):  # closed before: a test may end it itself
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._log.close()


@contextmanager
def running(home: Home) -> Iterator[Running]:
    """Run a daemon, ready, and end it; its log must be free of mistakes."""
    daemon = Running(home)
    try:
        daemon.ready()
        yield daemon
    finally:
        daemon.close()
    assert "Traceback" not in daemon.log, daemon.log
