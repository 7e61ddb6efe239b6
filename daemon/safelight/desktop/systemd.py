"""Tells the service manager how the daemon stands, by the datagrams of sd_notify(3); no library is needed for them.

Where nobody asked (NOTIFY_SOCKET is not set) every call does nothing. A manager that does not listen is no reason to
stop or to wait: a datagram that cannot be sent at once is dropped, except that the next one is tried all the same.
Invariant: a text that is told becomes one line, so nothing in the name of a file can forge a message.
"""

import logging
import socket
import time
from collections.abc import Callable, Mapping

LONGEST_TEXT = 300

_LOG = logging.getLogger(__name__)


def watchdog_s(environ: Mapping[str, str], *, pid: int) -> float | None:
    """Return within how many seconds `alive` has to be called again and again; None: nobody watches this program.

    By sd_watchdog_enabled(3): the time is in microseconds, and meant for the program whose number stands beside it, or
    for any. The manager acts when the whole time has passed, so half of it is returned, as the manual advises.
    """
    named, meant = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not named.isascii() or not named.isdigit() or int(named) == 0:
        return None
    if meant and meant != str(pid):
        return None
    return int(named) / 1e6 / 2


class Supervisor:
    """The service manager that started this program, if one did."""

    def __init__(self, environ: Mapping[str, str], *, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._monotonic_ns = monotonic_ns

    @property
    def listens(self) -> bool:
        """Return whether a service manager wants to be told."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """Tell that the program is ready, after its start or after it has read its settings again."""
        self._send("READY=1", *_status(status))

    def reloading(self) -> None:
        """Tell that the settings are read again; `ready` follows."""
        # systemd pairs this with the READY that follows by the monotonic clock: Type=notify-reload asks for it.
        self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> None:
        """Tell that the program is about to end."""
        self._send("STOPPING=1", *_status(status))

    def status(self, told: str) -> None:
        """Tell in one line what the program does; `systemctl status` shows it."""
        self._send(*_status(told))

    def alive(self) -> None:
        """Tell that work goes on; without it the manager restarts the program after its watchdog time."""
        self._send("WATCHDOG=1")

    def extend(self, seconds: float) -> None:
        """Ask for `seconds` from now until the next message, while a start or a stop takes long."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def _send(self, *lines: str) -> None:
        if self._address is None or not lines:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
                to.setblocking(False)
                to.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            _LOG.debug("The service manager could not be told %s: %s", lines[0], error)


def _address(named: str) -> str | None:
    """Return the address of the socket: a path, or an abstract name, which begins with "@" for a zero byte."""
    if named.startswith("@") and len(named) > 1:
        return "\0" + named[1:]
    return named if named.startswith("/") else None


def _status(told: str) -> tuple[str, ...]:
    valid = told.encode("utf-8", "backslashreplace").decode("utf-8")
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(valid.split()))
    return (f"STATUS={line[:LONGEST_TEXT]}",) if line else ()
