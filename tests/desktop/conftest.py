"""Fixtures for tests on a desktop: a screen, a bus and a home of their own, real programs, pictures of what they show.

These tests are not part of `make test`: pytest does not enter this folder unless it is named (`make test-desktop`).
Pictures go into the folder that SAFELIGHT_SCREENSHOTS names, else into a temporary one.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.desktop.screen import Desktop, Screen
from tests.fakes.bus import missing


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for pictures of the screen."""
    named = os.environ.get("SAFELIGHT_SCREENSHOTS")
    folder = Path(named).resolve() if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """Return an X server, one for the run, or skip with the reason."""
    absent = missing("Xvfb", "dbus-daemon", "dbus-send", "xdotool", "import")
    if absent:
        pytest.skip(absent)
    started = Screen(tmp_path_factory.mktemp("screen"))
    yield started
    started.close()


@pytest.fixture
def make_desktop(screen: Screen, pictures: Path) -> Iterator[Callable[..., Desktop]]:
    """Return what makes a desktop; its programs end with the test.

    `services` are service files below /usr/share/dbus-1/services that the bus may start, such as "org.xfce.Xfconf".
    """
    made: list[Desktop] = []
    # A path of pytest's would be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="sl-") as folder:

        def make(*, services: tuple[str, ...] = ()) -> Desktop:
            own = Path(folder) / str(len(made))
            own.mkdir()
            made.append(Desktop(screen=screen, folder=own, pictures=pictures, services=services))
            return made[-1]

        yield make
        for desktop in made:
            desktop.close()


@pytest.fixture
def desktop(make_desktop: Callable[..., Desktop]) -> Desktop:
    """Return a desktop on which nothing runs yet."""
    return make_desktop()
