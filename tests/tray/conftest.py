"""Fixtures of the tray: a message bus of the test's own, and short paths for sockets."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.bus import PrivateBus, missing


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder whose path leaves room for a socket; that of pytest can be too long."""
    with tempfile.TemporaryDirectory(prefix="sl-") as folder:
        yield Path(folder)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return what moves the test to another time zone."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def bus(short: Path) -> Iterator[PrivateBus]:
    """Return a running message bus, or skip with the reason."""
    absent = missing("dbus-daemon")
    if absent:
        pytest.skip(absent)
    (short / "bus").mkdir()
    running = PrivateBus(short / "bus").start()
    yield running
    running.stop()
