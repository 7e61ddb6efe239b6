"""A message bus of the test's own: a real dbus-daemon that starts nothing by itself, in a folder of the test."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

# Nothing is activated unless the test names its service file: the usual configuration would start whichever
# notification server this computer has.
_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="service_start_timeout">8000</limit>
</busconfig>
"""


def missing(*programs: str) -> str:
    """Return why a test cannot run here for want of programs, or nothing."""
    absent = [program for program in programs if shutil.which(program) is None and not Path(program).exists()]
    return f"needs {', '.join(absent)}: `make test-desktop` installs it" if absent else ""


def until(condition: Callable[[], object], *, seconds: float = 10.0, told: str = "what the test waits for") -> object:
    """Return what `condition` gives as soon as it is true; fail where that takes longer than `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{told} did not come within {seconds:g} s")
        time.sleep(0.02)


class PrivateBus:
    """A dbus-daemon; `address` is what D-Bus libraries and programs connect to."""

    def __init__(self, folder: Path, *, environ: Mapping[str, str] | None = None, services: Iterable[str] = ()) -> None:
        """Make the bus in an empty or new folder (its path is short enough for a socket); `services` may be activated.

        A service is named by its file below /usr/share/dbus-1/services, without ".service".
        """
        self._folder = folder
        self._environ = dict(os.environ if environ is None else environ)
        self._running: subprocess.Popen[bytes] | None = None
        wanted = folder / "services"
        wanted.mkdir(parents=True, exist_ok=True)
        for service in services:
            file = Path("/usr/share/dbus-1/services") / f"{service}.service"
            if file.exists():
                shutil.copy(file, wanted)
        self._configuration = folder / "bus.conf"
        self._configuration.write_text(_CONFIGURATION.format(socket=self.socket, services=wanted))

    @property
    def socket(self) -> Path:
        return self._folder / "bus"

    @property
    def address(self) -> str:
        return f"unix:path={self.socket}"

    def start(self) -> "PrivateBus":
        """Start the daemon and wait until its socket answers; may be called again after `stop`."""
        self.socket.unlink(missing_ok=True)
        self._running = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self._configuration}", "--nofork", "--nopidfile", "--nosyslog"],
            env=self._environ | {"DBUS_SESSION_BUS_ADDRESS": self.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, told="the private bus")
        return self

    def _answers(self) -> bool:
        # The socket is there a moment before it takes connections.
        with socket.socket(socket.AF_UNIX) as tried:
            return tried.connect_ex(str(self.socket)) == 0

    def stop(self, *, roughly: bool = False) -> None:
        """End the daemon, with a kill where `roughly`."""
        if self._running is None:
            return
        (self._running.kill if roughly else self._running.terminate)()
        self._running.wait(timeout=10)
        self._running = None
