"""The daemon is followed through its comings and goings, over its real socket."""

import threading
import time
from pathlib import Path

import pytest

from safelight.control.client import Client
from safelight.control.messages import Status
from safelight.errors import ControlError
from safelight.tray.arrivals import Arrivals
from safelight.tray.following import Following
from tests.control.served import Served
from tests.fakes.bus import until


class Heard:
    """What was told, in order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []

    def __call__(self, status: Status | None, why: str) -> None:
        self.all.append((status.state if status else "gone", why))

    def last(self, state: str) -> bool:
        return bool(self.all) and self.all[-1][0] == state


@pytest.fixture
def socket(short: Path) -> Path:
    (short / "safelight").mkdir()
    return short / "safelight" / "control.sock"


@pytest.fixture
def heard(socket: Path) -> Heard:
    told = Heard()
    following = Following(connect=lambda: Client.connect(socket), tell=told, arrivals=Arrivals(socket.parent))
    following.start()
    yield told
    following.close()
    before = len(told.all)
    assert not following._thread.is_alive()
    assert len(told.all) == before


def test_a_daemon_is_followed_through_restarts(socket, heard, tmp_path):
    until(lambda: heard.last("gone"), told="that there is none")
    for _turn in range(3):
        with Served(socket, tmp_path).running() as daemon:
            until(lambda: heard.last("idle"), told="the daemon")
            daemon.set(Status(state="working"))
            until(lambda: heard.last("working"), told="that it works")
        until(lambda: heard.last("gone"), told="its end")


def test_a_daemon_that_starts_much_later_is_found_at_once(socket, tmp_path):
    waits: list[float] = []

    class Noting(Arrivals):
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            return super().wait(30.0 if len(waits) == 3 else seconds)  # as if it had waited for an hour

    told = Heard()
    following = Following(connect=lambda: Client.connect(socket), tell=told, arrivals=Noting(socket.parent))
    following.start()
    until(lambda: len(waits) > 2, told="the long wait")
    begun = time.monotonic()
    with Served(socket, tmp_path).running():
        until(lambda: told.last("idle"), told="the daemon")
        assert time.monotonic() - begun < 5.0
        following.close()


def test_without_a_daemon_it_looks_ever_more_seldom(socket):
    waits: list[float] = []
    enough = threading.Event()

    class Noting:
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            if len(waits) == 12:
                enough.set()
                following._ended.set()
            return False

        def close(self) -> None:
            pass

    following = Following(connect=lambda: Client.connect(socket), tell=Heard(), arrivals=Noting())
    following.start()
    assert enough.wait(10.0)
    following.close()
    assert waits == [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 60.0, 60.0]


def test_a_daemon_of_another_version_is_told_of(short):
    def refuse() -> Client | None:
        raise ControlError("The running daemon and this program are of different versions.", hint="Restart the daemon.")

    told = Heard()
    following = Following(connect=refuse, tell=told, arrivals=Arrivals(short))
    following.start()
    until(lambda: told.all, told="the reason")
    following.close()
    assert told.all[0] == ("gone", "The running daemon and this program are of different versions. Restart the daemon.")


def test_what_appears_is_noticed_and_what_does_not_is_not(short):
    arrivals = Arrivals(short)
    assert arrivals.wait(0.01) is False
    (short / "new").touch()
    assert arrivals.wait(10.0) is True
    (short / "new").write_text("more")
    assert arrivals.wait(0.01) is False
    (short / "new").rename(short / "other")
    assert arrivals.wait(10.0) is True
    arrivals.close()
    assert arrivals.wait(10.0) is False


def test_a_folder_that_is_made_anew_is_watched_again(short):
    folder = short / "a"
    folder.mkdir()
    arrivals = Arrivals(folder)
    folder.rmdir()
    arrivals.wait(0.01)
    folder.mkdir()
    arrivals.watch()
    (folder / "new").touch()
    assert arrivals.wait(10.0) is True
    arrivals.close()
