"""Runs the tray: one process beside the daemon, which needs neither it nor any panel.

Where a panel speaks StatusNotifierItem, that is used (no toolkit is loaded, about half of the memory); else pystray, if
it is installed; else this says so and ends well, because a desktop without a tray is no fault.
Invariant: one tray for a person and session; it changes nothing but by asking the daemon.
"""

import fcntl
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from safelight import __version__, paths
from safelight.app.clock import SystemClock
from safelight.control.client import Client
from safelight.control.messages import Status
from safelight.ports import Clock
from safelight.tray import pystray_icon
from safelight.tray.arrivals import Arrivals
from safelight.tray.clicks import Clicks
from safelight.tray.entries import Act
from safelight.tray.following import Following
from safelight.tray.look import Look, look

PATIENCE_S = 60.0  # a panel may start long after what the session starts by itself
_USAGE = """Usage: safelight-tray [--wait SECONDS] [--version] [--help]

Shows in the panel what Safelight does. It looks for a panel for 60 seconds, or as long as --wait says."""
_NO_TRAY = (
    "No panel here shows icons of programs, so there is nothing to do; Safelight works without. "
    "Panels with a tray: KDE Plasma, Xfce, Cinnamon, MATE, LXQt, GNOME with the extension AppIndicator. "
    "For older ones, install Safelight with its extra 'tray'."
)


class Shown(Protocol):
    """One way to show the tray."""

    def show(self, look: Look) -> None:
        """Show a look; may be called from any thread."""
        ...

    def leave(self) -> None:
        """End `run`; may be called from any thread."""
        ...

    def run(self) -> bool:
        """Serve until told to leave; return False where there is nobody to serve."""
        ...


class Tray:
    """What the daemon last said and what the last click came to, and the one who shows it."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._status: Status | None = None
        self._fault = ""
        self._note = ""
        self._shown: Shown | None = None
        self._left = False

    def tell(self, status: Status | None, why: str) -> None:
        """Take how the daemon stands, or why it does not answer."""
        with self._lock:
            self._status, self._fault = status, why
        self._show()

    def note(self, text: str) -> None:
        """Take what the person should know of their last click; nothing takes it away."""
        with self._lock:
            self._note = text
        self._show()

    def leave(self) -> None:
        """End the tray."""
        self._left = True
        if self._shown is not None:
            self._shown.leave()

    def look(self) -> Look:
        """Return what is to be shown."""
        with self._lock:
            told = self._note or self._fault
            return look(self._status, now_s=self._clock.now(), note=told)

    def serve(self, make: Callable[[Look], Shown]) -> bool:
        """Let one show it until the tray is to end; return False where it has nobody to show it to."""
        self._shown = make(self.look())
        self._show()  # what was told meanwhile
        return self._left or self._shown.run()

    def _show(self) -> None:
        if self._shown is not None:
            self._shown.show(self.look())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tray until it is told to end; the exit status is 0 unless it was called with what it does not know."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    patience_s = PATIENCE_S
    if asked[:1] == ["--version"]:
        sys.stdout.write(f"safelight-tray {__version__}\n")
        return 0
    if asked[:1] == ["--wait"] and len(asked) == 2 and asked[1].replace(".", "", 1).isdecimal():
        patience_s = float(asked[1])
    elif asked:
        sys.stderr.write(f"{_USAGE}\n")
        return 0 if asked[0] in ("--help", "-h") else 2
    return run(os.environ, patience_s=patience_s)


def run(environ: Mapping[str, str], *, patience_s: float) -> int:
    """Run the tray of the person whose environment this is."""
    socket = paths.socket_file(environ)
    lock = _alone(socket.parent)
    if lock is None:
        sys.stderr.write("The tray of Safelight is running already.\n")
        return 0
    clock = SystemClock()
    tray = Tray(clock=clock)
    clicks = Clicks(
        connect=lambda: Client.connect(socket),
        settings=paths.settings_file(environ),
        clock=clock,
        note=tray.note,
        leave=tray.leave,
    )
    following = Following(connect=lambda: Client.connect(socket), tell=tray.tell, arrivals=Arrivals(socket.parent))
    following.start()
    try:
        if not _served(tray, environ, clicks, patience_s):
            sys.stderr.write(f"{_NO_TRAY}\n")
        return 0
    finally:
        following.close()
        os.close(lock)


def _served(tray: Tray, environ: Mapping[str, str], chosen: Callable[[Act], None], patience_s: float) -> bool:
    """Show the tray in the first way there is; return False where there is none."""
    address = bus_address(environ)
    if address and tray.serve(_panel(address, chosen, patience_s)):
        return True
    pystray = pystray_icon.load(environ)
    if pystray is None:
        return False
    return tray.serve(lambda now: pystray_icon.PystrayIcon(pystray, look=now, chosen=chosen, patience_s=patience_s))


def _panel(address: str, chosen: Callable[[Act], None], patience_s: float) -> Callable[[Look], Shown]:
    # asyncio works without ssl, as in a Python that was built without it; nothing here speaks to a network, and not
    # loading it saves 1.4 MB of the 40 that the tray may have.
    sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
    from safelight.tray.panel import Panel

    return lambda now: Panel(address=address, look=now, chosen=chosen, patience_s=patience_s)


def bus_address(environ: Mapping[str, str]) -> str:
    """Return where the message bus of the session listens, nothing where there is none."""
    named = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    usual = Path(environ.get("XDG_RUNTIME_DIR", "")) / "bus"
    return named or (f"unix:path={usual}" if usual.is_absolute() and usual.exists() else "")


def _alone(folder: Path) -> int | None:
    """Return the lock of the one tray that runs, None where another holds it; the folder is made, for us alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "tray.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


if __name__ == "__main__":
    sys.exit(main())
