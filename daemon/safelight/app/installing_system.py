"""Asks the person's own systemd, and ends a daemon that it did not start.

A systemd counts only if it reads the units of the same home: after `su` or with another HOME it would be somebody
else's.
Invariant: nothing here raises because a program is missing or does not answer in time.
"""

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safelight import paths
from safelight.control.client import Client
from safelight.errors import ControlError

_ASK_S = 10.0
_DO_S = 240.0  # a start waits for READY, which the unit allows three minutes
_BETWEEN_S, _TRIES = 0.1, 200  # a daemon ends within ten seconds


class System(Protocol):
    """What an installation asks of the machine."""

    def systemd(self) -> Mapping[str, str] | None:
        """Return the environment of the person's systemd, None when none can be reached."""
        ...

    def active(self, unit: str) -> bool:
        """Tell whether a unit of the person's systemd runs."""
        ...

    def command(self, command: Sequence[str]) -> str | None:
        """Run a program; return what it complained of, None when it succeeded."""
        ...


class UserSystem:
    """The System of the person who started the command."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)

    def systemd(self) -> Mapping[str, str] | None:
        """Return its environment, None when there is none or when it is of another home."""
        status, said = self._ran(("systemctl", "--user", "show-environment"), _ASK_S)
        told = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        same = os.path.realpath(told.get("HOME", "")) == os.path.realpath(paths.home_folder(self._environ))
        return told if status == 0 and same else None

    def active(self, unit: str) -> bool:
        """Ask systemd; a unit that it does not know is not active."""
        return self._ran(("systemctl", "--user", "is-active", "--quiet", unit), _ASK_S)[0] == 0

    def command(self, command: Sequence[str]) -> str | None:
        """Run it to its end."""
        status, said = self._ran(command, _DO_S)
        return None if status == 0 else " ".join(said.split()) or f"it ended with status {status}"

    def _ran(self, command: Sequence[str], limit_s: float) -> tuple[int, str]:
        try:
            done = subprocess.run(
                command,
                env=self._environ | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return 1, f"it did not answer within {limit_s:.0f} s"
        except OSError as error:
            return 1, error.strerror or str(error)
        return done.returncode, done.stdout.decode(errors="replace")


def daemon_ender(environ: Mapping[str, str]) -> Callable[[], None] | None:
    """Return what ends the daemon that answers on the person's socket; None when none answers there."""
    socket = paths.socket_file(environ)

    def end() -> None:
        client = Client.connect(socket)
        if client is None:
            return
        with client:
            client.ask("quit", timeout_s=_ASK_S)
        for _ in range(_TRIES):
            if not _locked(socket.with_suffix(".lock")):
                return
            threading.Event().wait(_BETWEEN_S)
        raise ControlError("Safelight's daemon was asked to end and still runs.")

    client = Client.connect(socket)
    if client is None:
        return None
    client.close()
    return end


def _locked(lock: Path) -> bool:
    try:
        with lock.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True, slots=True)
class Programs:
    """Where this Safelight is started from, and whether a package of the system put it there."""

    safelight: Path
    tray: Path
    packaged: bool


def programs(*, prefix: Path | None = None, system: Path = Path("/usr")) -> Programs:
    """Return the programs of the running Python's environment, or those in /usr/bin where they are the same."""
    ours = (prefix or Path(sys.prefix)) / "bin"
    in_system = system / "bin" / "safelight"
    unit = system / "lib/systemd/user/safelight.service"
    packaged = unit.is_file() and in_system.resolve() == (ours / "safelight").resolve() and in_system.exists()
    folder = system / "bin" if packaged else ours
    return Programs(folder / "safelight", folder / "safelight-tray", packaged)
