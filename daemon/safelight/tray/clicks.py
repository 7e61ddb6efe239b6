"""Carries out what was clicked: asks the daemon, or has the desktop open something.

Each click has a short thread of its own, so that the menu never waits for a daemon that takes back a thousand ratings.
What fails is told as a note, in the daemon's own words; a click that succeeds needs none, as the status shows it.
Invariant: a folder is given to the desktop as one argument of a program, never to a shell.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from safelight.control.messages import Answer
from safelight.errors import SafelightError
from safelight.ports import Clock
from safelight.tray.entries import Act, Ask, Open, Pause, Plain

UNIT = "safelight.service"
HOUR_S = 3600.0
MORNING = 6  # o'clock: until then a pause "until tomorrow" lasts
NIGHT_ENDS = 4  # o'clock: who is still awake before it, means the morning of the same date
_SOON_S = 5.0  # an opener that fails does so at once; what ends later was a program that the person closed
_STOPPED = "Safelight is not running, so nothing was done."


class Asked(Protocol):
    """What is used of control.client.Client."""

    def ask(self, command: str, **arguments: Any) -> Answer:
        """Return the answer to a command. Raises a SafelightError."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class Clicks:
    """What happens on a click."""

    def __init__(
        self,
        *,
        connect: Callable[[], Asked | None],
        settings: Path,
        clock: Clock,
        note: Callable[[str], None],
        leave: Callable[[], None],
    ) -> None:
        """Prepare; `note` is called with what the person should know, or with nothing when all went well."""
        self._connect = connect
        self._settings = settings
        self._clock = clock
        self._note = note
        self._leave = leave

    def __call__(self, act: Act) -> None:
        """Carry out an act, in the background."""
        threading.Thread(target=self.carry_out, args=(act,), name="a click", daemon=True).start()

    def carry_out(self, act: Act) -> None:
        """Carry out an act and return when it is done."""
        if isinstance(act, Ask):
            self._note(self._ask(act.command, act.failing, arguments=dict(act.arguments)))
        elif isinstance(act, Pause):
            now_s = self._clock.now()
            until_s = now_s + HOUR_S if act is Pause.HOUR else next_morning(now_s)
            self._note(self._ask("pause", "Work was not paused.", arguments={"until_s": until_s}))
        elif isinstance(act, Open):
            self._open(act.path)
        else:
            self._plain(act)

    def _plain(self, act: Plain) -> None:
        if act is Plain.SETTINGS:
            if self._settings.exists():
                self._open(os.fspath(self._settings))
            else:
                self._note("There is no file of settings yet. 'safelight setup' asks three questions and writes it.")
        elif act is Plain.START:
            self._note("" if _start() else "Safelight does not start. 'safelight run' in a terminal shows why.")
        elif act is Plain.QUIT:
            told = self._ask("quit", "Safelight does not end.", nobody="")
            self._note(told)
            if not told:
                self._leave()
        else:
            self._note("")

    def _ask(
        self, command: str, failing: str, *, nobody: str = _STOPPED, arguments: Mapping[str, Any] | None = None
    ) -> str:
        """Ask the daemon; return what the person should know, or nothing."""
        try:
            client = self._connect()
            if client is None:
                return nobody
            try:
                answer = client.ask(command, **(arguments or {}))
            finally:
                client.close()
        except SafelightError as error:
            return f"{failing} {error.told}"
        return f"{failing} {answer.text}".strip() if answer.status else ""

    def _open(self, path: str) -> None:
        if not Path(path).exists():
            self._note(f"{path} is not there any more.")
            return
        try:
            running = _launched([opener(), path])
        except OSError:
            self._note("Nothing here opens folders: xdg-open is missing (package xdg-utils).")
            return
        try:
            failed = running.wait(timeout=_SOON_S) != 0
        except subprocess.TimeoutExpired:
            running.wait()  # it is the program itself, and would stay behind as a dead one
            return
        self._note(f"No program here opens {path}." if failed else "")


def opener() -> str:
    """Return the program that opens a file or folder with what the desktop has for it."""
    return "open" if sys.platform == "darwin" else "xdg-open"


def next_morning(now_s: float) -> float:
    """Return when a pause until tomorrow ends, local time, in seconds since the epoch; a change of clocks is minded."""
    now = time.localtime(now_s)
    later = 0 if now.tm_hour < NIGHT_ENDS else 1
    return time.mktime((now.tm_year, now.tm_mon, now.tm_mday + later, MORNING, 0, 0, 0, 0, -1))


def _start() -> bool:
    """Start the daemon, as a service where there is one; return whether something was started."""
    if shutil.which("systemctl") and _launched(["systemctl", "--user", "start", UNIT]).wait() == 0:
        return True
    program = shutil.which("safelight")
    command = [program, "run"] if program else [sys.executable, "-m", "safelight", "run"]
    running = _launched(command)
    try:
        return running.wait(timeout=_SOON_S) == 0
    except subprocess.TimeoutExpired:
        return True


def _launched(command: list[str]) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, start_new_session=True, stdin=nothing, stdout=nothing, stderr=nothing)
