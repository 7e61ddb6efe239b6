"""The tray as a program: alone, small, at rest, and content with a desktop that has no place for it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.control.messages import Status
from tests.control.served import Served
from tests.fakes.bus import PrivateBus, until
from tests.fakes.watcher import WatcherWithoutScreen
from tests.tray.statuses import busy

LARGEST_KB = 40_000_000 // 1024
MODULE = (sys.executable, "-m", "safelight.tray.main")


class Session:
    """The environment of a person, and what was started in it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            **variables,
        }

    @property
    def socket(self) -> Path:
        return self.folder / "safelight" / "control.sock"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        self.started.append(
            subprocess.Popen(
                [*MODULE, *arguments],
                env=self.environ | variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return self.started[-1]

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        running = self.start(*arguments, **variables)
        out, err = running.communicate(timeout=30)
        return running.returncode, out, err

    def close(self) -> None:
        for running in self.started:
            if running.poll() is None:
                running.kill()
            running.communicate(timeout=10)


@pytest.fixture
def session(short):
    made = Session(short)
    yield made
    made.close()


@pytest.fixture
def on_bus(session, bus: PrivateBus):
    session.environ["DBUS_SESSION_BUS_ADDRESS"] = bus.address
    with WatcherWithoutScreen(bus.address) as watcher:
        yield watcher


def memory_kb(number: int) -> dict[str, int]:
    lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def used_ticks(number: int) -> int:
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def switches(number: int) -> int:
    """Return how often the threads of a program have slept and been woken."""
    told = [file.read_text() for file in Path(f"/proc/{number}/task").glob("*/status")]
    lines = [line for text in told for line in text.splitlines() if "ctxt_switches" in line]
    return sum(int(line.split()[1]) for line in lines)


def test_without_a_bus_and_a_display_it_says_so_and_ends_well(session):
    status, out, err = session.run()
    assert status == 0 and out == ""
    assert err.startswith("No panel here shows icons of programs, so there is nothing to do")
    assert "Traceback" not in err


def test_a_display_that_is_not_there_is_no_fault(session):
    status, _, err = session.run(DISPLAY=":4711")
    assert status == 0 and "No panel here" in err and "Traceback" not in err


def test_a_bus_without_a_panel_is_waited_on_as_long_as_asked(session, bus):
    status, _, err = session.run("--wait", "0.2", DBUS_SESSION_BUS_ADDRESS=bus.address)
    assert status == 0 and "No panel here" in err


def test_the_bus_is_found_where_it_usually_is(short):
    from safelight.tray.main import bus_address

    assert bus_address({}) == ""
    assert bus_address({"XDG_RUNTIME_DIR": str(short)}) == ""
    (short / "bus").touch()
    assert bus_address({"XDG_RUNTIME_DIR": str(short)}) == f"unix:path={short}/bus"
    assert bus_address({"XDG_RUNTIME_DIR": str(short), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}) == "unix:path=/x"


def test_it_says_what_it_can_be_asked(session):
    assert session.run("--help")[0] == 0
    assert session.run("--version")[1].startswith("safelight-tray ")
    status, _, err = session.run("--nonsense")
    assert status == 2 and err.startswith("Usage: safelight-tray")
    assert session.run("--wait", "soon")[0] == 2


def test_a_second_tray_says_so_and_ends(session, on_bus):
    first = session.start()
    until(lambda: on_bus.registered, told="the icon")
    assert session.run() == (0, "", "The tray of Safelight is running already.\n")
    assert first.poll() is None
    assert (session.folder / "safelight").stat().st_mode & 0o777 == 0o700
    first.send_signal(signal.SIGTERM)
    out, err = first.communicate(timeout=10)
    assert (first.returncode, out, err) == (0, "", "")


def test_a_killed_tray_leaves_room_for_the_next(session, on_bus):
    first = session.start()
    until(lambda: len(on_bus.registered) == 1, told="the icon")
    first.kill()
    first.wait(10)
    session.start()
    until(lambda: len(on_bus.registered) == 2, told="the icon of the next")


def test_it_follows_a_daemon_that_comes_and_goes(session, on_bus, tmp_path):
    session.start()
    until(lambda: on_bus.registered, told="the icon")
    until(lambda: "Safelight is not running" in on_bus.labels(), told="that there is none")
    for _turn in range(2):
        with Served(session.socket, tmp_path, status=busy()).running() as daemon:
            until(lambda: "Rating: 120 of 300" in on_bus.labels(), told="the daemon")
            on_bus.click("Pause for an hour")
            daemon.set(Status(state="paused", paused_until_s=0.0))
            until(lambda: "Paused" in on_bus.labels(), told="the pause")
        until(lambda: "Safelight is not running" in on_bus.labels(), told="its end")


def test_quit_in_the_menu_ends_both(session, on_bus, tmp_path):
    running = session.start()
    with Served(session.socket, tmp_path, status=busy()).running():
        until(lambda: on_bus.registered and "Quit Safelight" in on_bus.labels(), told="the menu")
        on_bus.click("Quit Safelight")
        assert running.wait(10) == 0


def test_a_click_that_fails_is_told_in_the_menu(session, on_bus, tmp_path):
    session.start()
    until(lambda: on_bus.registered and "Settings" in on_bus.labels(), told="the menu")
    on_bus.click("Settings")
    told = "There is no file of settings yet. 'safelight setup' asks"
    until(lambda: on_bus.labels()[0] == told, told="the note")
    assert on_bus.lamp()["Status"] == "NeedsAttention"
    on_bus.click(told)
    until(lambda: on_bus.labels()[0] != told, told="the end of the note")
    assert on_bus.lamp()["Status"] == "Active"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_is_small_and_loads_neither_pillow_nor_pystray_nor_what_the_daemon_needs(session, on_bus, tmp_path):
    running = session.start()
    with Served(session.socket, tmp_path, status=busy()).running():
        until(lambda: on_bus.registered and "Rating: 120 of 300" in on_bus.labels(), told="the menu")
        on_bus.lamp()
        found = memory_kb(running.pid)
    assert found["Pss"] <= found["Rss"] <= LARGEST_KB, found
    maps = Path(f"/proc/{running.pid}/maps").read_text()
    assert "dbus_fast" in maps
    for unwanted in ("PIL", "numpy", "pyarrow", "onnxruntime", "lancedb", "gtk", "_ssl."):
        assert unwanted not in maps, unwanted


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("daemon", [True, False], ids=["beside a daemon", "without a daemon"])
def test_at_rest_it_does_nothing(session, on_bus, tmp_path, daemon):
    running = session.start()
    until(lambda: on_bus.registered and on_bus.labels(), told="the menu")

    def rested(seconds: float = 1.0) -> bool:
        before = used_ticks(running.pid), switches(running.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(seconds)
        return (used_ticks(running.pid), switches(running.pid)) == before

    if daemon:
        with Served(session.socket, tmp_path, status=busy()).running():
            until(lambda: "Rating: 120 of 300" in on_bus.labels(), told="the menu")
            until(rested, told="rest")
    else:
        until(rested, seconds=20.0, told="rest")  # it looks a few times more, ever more seldom
