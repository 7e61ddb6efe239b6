"""A desktop of the test's own: an X server without a monitor, a bus, a home; programs, clicks and pictures of it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.bus import PrivateBus, missing, until

SIZE = (1280, 720)
# Debian keeps programs that only the bus starts out of the PATH.
ELSEWHERE = (
    "/usr/lib/notification-daemon",
    "/usr/lib/x86_64-linux-gnu/xfce4/notifyd",
    "/usr/lib/aarch64-linux-gnu/xfce4/notifyd",
    "/usr/libexec",
    "/usr/libexec/udisks2",
    "/usr/sbin",
)


def program(name: str) -> str:
    """Return where a program lies, or skip the test with the reason."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *ELSEWHERE]))
    if found is None:
        pytest.skip(missing(name) or f"needs {name}: `make test-desktop` installs it")
    return found


class Screen:
    """An Xvfb on a display number that was free, one for a whole run of tests."""

    def __init__(self, folder: Path) -> None:
        self._log = (folder / "xvfb.log").open("wb")
        read, write = os.pipe()
        self._running = subprocess.Popen(
            [
                *(program("Xvfb"), "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"),
                *("-wr", "-noreset", "-nolisten", "tcp", "-dpi", "96"),
            ],
            pass_fds=(write,),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        os.close(write)
        with os.fdopen(read, "rb") as told:
            number = told.readline().decode().strip()
        if not number:
            self._running.wait(timeout=10)
            pytest.skip("needs Xvfb, which does not start here")
        self.display = f":{number}"
        self._paint(folder)

    def _paint(self, folder: Path) -> None:
        """Give the root window a plain colour, neither black nor white, so that edges of both kinds can be seen."""
        for command in (
            ["convert", "-size", f"{SIZE[0]}x{SIZE[1]}", "gradient:#5d7a92-#3b5266", str(folder / "background.png")],
            ["display", "-window", "root", str(folder / "background.png")],
        ):
            if shutil.which(command[0]):
                environ = os.environ | {"DISPLAY": self.display}
                subprocess.run(command, env=environ, check=False, stdout=self._log, stderr=self._log, timeout=20)

    def close(self) -> None:
        self._running.terminate()
        self._running.wait(timeout=10)
        self._log.close()


@dataclass(frozen=True, slots=True)
class Window:
    """A window that is shown, in pixels of the screen."""

    id: str
    x: int
    y: int
    width: int
    height: int

    @property
    def region(self) -> tuple[int, int, int, int]:
        return self.x, self.y, self.width, self.height


class Desktop:
    """A bus, a home and programs on a screen; all that was started ends with `close`."""

    def __init__(self, *, screen: Screen, folder: Path, pictures: Path, services: Sequence[str] = ()) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.pictures = pictures
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        for name in (".config", ".cache", ".local/share", ".local/state"):
            (self.home / name).mkdir(parents=True)
        self.environ = self._environment(screen.display, runtime)
        self.bus = PrivateBus(folder / "dbus", environ=self.environ, services=services).start()
        self.environ["DBUS_SESSION_BUS_ADDRESS"] = self.bus.address
        self._programs: list[subprocess.Popen[bytes]] = []

    def _environment(self, display: str, runtime: Path) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([os.environ.get("PATH", "/usr/bin:/bin"), *ELSEWHERE]),
            "DISPLAY": display,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "XDG_STATE_HOME": str(self.home / ".local/state"),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_SESSION_TYPE": "x11",
            "LANG": "C.UTF-8",
            "NO_AT_BRIDGE": "1",  # GTK would look for a bus of its own for screen readers
            "GTK_A11Y": "none",
            "GIO_USE_VFS": "local",
            "GSETTINGS_BACKEND": "memory",  # the settings of the one who runs the test are left alone
            "ORT_DISABLE_TELEMETRY": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }

    def start(self, name: str, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program on this desktop; skips the test where the program is missing. Its output is in NAME.log."""
        with (self.folder / f"{Path(name).name}.log").open("ab") as log:
            running = subprocess.Popen(
                [program(name), *arguments],
                env={**self.environ, **(environ or {})},
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._programs.append(running)
        return running

    def stop(self, running: subprocess.Popen[bytes], *, by: signal.Signals = signal.SIGTERM) -> None:
        """End a program that `start` started, and the programs that it started."""
        for sign in (by, signal.SIGKILL):
            try:
                os.killpg(running.pid, sign)
            except ProcessLookupError:
                break
            try:
                running.wait(timeout=5)
            except subprocess.TimeoutExpired:
                continue
        running.wait(timeout=5)

    def log(self, name: str) -> str:
        """Return what a program has said so far."""
        file = self.folder / f"{Path(name).name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def run(self, name: str, *arguments: str, check: bool = True) -> str:
        """Run a program to its end and return what it printed."""
        done = subprocess.run(
            [program(name), *arguments], env=self.environ, capture_output=True, check=False, timeout=30, cwd=self.home
        )
        if check and done.returncode:
            raise AssertionError(f"{name} failed: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def owned(self, bus_name: str) -> bool:
        """Return whether a program owns a name on the bus."""
        asked = ("--session", "--dest=org.freedesktop.DBus", "--print-reply=literal", "/org/freedesktop/DBus")
        answer = self.run("dbus-send", *asked, "org.freedesktop.DBus.NameHasOwner", f"string:{bus_name}", check=False)
        return "true" in answer

    def wait_for_name(self, bus_name: str) -> None:
        """Wait until a program owns a name on the bus."""
        until(lambda: self.owned(bus_name), told=f"the owner of {bus_name}")

    def windows(self, pattern: str = ".", *, by: str = "--class") -> list[Window]:
        """Return the windows that are shown and whose class (or `--name`) matches, in no order."""
        found = []
        for window in self.run("xdotool", "search", "--onlyvisible", by, pattern, check=False).split():
            shell = self.run("xdotool", "getwindowgeometry", "--shell", window, check=False)
            told = dict(line.split("=", 1) for line in shell.split() if "=" in line)
            if {"X", "Y", "WIDTH", "HEIGHT"} <= told.keys():
                sides = (int(told[side]) for side in ("X", "Y", "WIDTH", "HEIGHT"))
                found.append(Window(window, *sides))
        return found

    def click(self, x: int, y: int, *, button: int = 1) -> None:
        """Click at a point of the screen."""
        self.run("xdotool", "mousemove", str(x), str(y), "click", str(button))

    def point(self, x: int = SIZE[0] // 2, y: int = SIZE[1] - 2) -> None:
        """Move the pointer, by default out of the way."""
        self.run("xdotool", "mousemove", str(x), str(y))

    def screenshot(self, name: str, *, region: tuple[int, int, int, int] | None = None, margin: int = 24) -> Path:
        """Write NAME.png: the screen, or a region (x, y, width, height) of it with a margin around; return the file.

        Waits until the screen stands still, since most programs fade in.
        """
        file = self.pictures / f"{name}.png"
        crop: tuple[str, ...] = ()
        if region is not None:
            x, y, width, height = region
            left, top = max(0, x - margin), max(0, y - margin)
            right, bottom = min(SIZE[0], x + width + margin), min(SIZE[1], y + height + margin)
            crop = ("-crop", f"{right - left}x{bottom - top}+{left}+{top}", "+repage")
        before = b""

        def stands_still() -> bool:
            nonlocal before
            # Without its date, a picture of the same screen has the same bytes.
            without = ("+set", "date:create", "+set", "date:modify", "-define", "png:exclude-chunks=date,time")
            self.run("import", "-silent", "-window", "root", *crop, *without, str(file))
            last, before = before, file.read_bytes()
            return before == last

        until(stands_still, told="a screen that stands still")
        assert file.stat().st_size > 500
        return file

    def close(self) -> None:
        for running in reversed(self._programs):
            self.stop(running)
        self.bus.stop()
        until(lambda: not self._end_rest(), told="the end of what the bus started")

    def _end_rest(self) -> list[int]:
        """Kill what outlives the bus: it would go on writing into a folder that is removed."""
        own, left = os.fsencode(f"XDG_RUNTIME_DIR={self.environ['XDG_RUNTIME_DIR']}"), []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if own in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
                    left.append(int(process.name))
        return left
