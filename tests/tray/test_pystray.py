"""pystray where no panel speaks the newer way: late, optional, and never a reason to fail."""

import logging
import os
import subprocess
import sys
import threading
import types
from typing import ClassVar

import pytest

from safelight.control.messages import Status
from safelight.tray import pystray_icon, pystray_x
from safelight.tray.entries import Open, Plain
from safelight.tray.look import look
from safelight.tray.pystray_icon import PystrayIcon, default_of
from tests.fakes.bus import until
from tests.tray.statuses import NOW_S, busy, card, shoot


def load_with(**environ: str) -> str:
    """Return what `load` gives in a program of its own: pystray looks for its display while it is imported."""
    code = "import os; from safelight.tray import pystray_icon; print(pystray_icon.load(os.environ))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin"} | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_without_a_display_it_is_not_even_tried():
    assert load_with() == "None"


def test_a_display_that_is_not_there_is_no_error_although_pystray_raises_one():
    pytest.importorskip("Xlib", reason="needs pystray (the extra 'tray')")
    raised = subprocess.run(
        [sys.executable, "-c", "import pystray"], env={"DISPLAY": ":4711"}, capture_output=True, text=True, check=False
    )
    assert raised.returncode != 0 and "ImportError" not in raised.stderr.splitlines()[-1]
    assert load_with(DISPLAY=":4711") == "None"
    assert load_with(DISPLAY="nonsense") == "None"


def test_pystray_that_is_not_installed_is_an_answer(monkeypatch):
    monkeypatch.setitem(sys.modules, "pystray", None)
    assert pystray_icon.load({"DISPLAY": ":0"}) is None


class FakeMenuItem:
    """What pystray.MenuItem takes, kept."""

    def __init__(self, text, action, checked=None, radio=False, default=False, enabled=True):
        self.text, self.action, self.radio, self.default, self.enabled = text, action, radio, default, enabled
        self.checked = checked


class FakeMenu:
    """What pystray.Menu takes, kept."""

    SEPARATOR = "—"

    def __init__(self, *items):
        self.items = items


class FakeIcon:
    """An icon that is told to stop from outside, and remembers what it showed."""

    HAS_MENU = True
    made: ClassVar[list["FakeIcon"]] = []

    def __init__(self, name, icon=None, title=None, menu=None):
        self.name, self.icon, self.title, self.menu, self.visible, self.stopped = name, icon, title, menu, False, False
        self.made.append(self)

    def run(self, setup):
        setup(self)

    def stop(self):
        self.stopped = True


@pytest.fixture
def fake():
    FakeIcon.made = []
    return types.SimpleNamespace(Icon=FakeIcon, Menu=FakeMenu, MenuItem=FakeMenuItem)


def test_the_same_menu_is_shown(fake):
    chosen = []
    shown = PystrayIcon(fake, look=look(busy(), now_s=NOW_S), chosen=chosen.append)
    assert shown.run() is True
    (icon,) = FakeIcon.made
    assert icon.visible and icon.icon.size == (64, 64)
    texts = [one if one == "—" else one.text for one in icon.menu.items]
    assert texts[:2] == ["Copying from EOS_DIGITAL: 300 of 412", "Rating: 120 of 300"]
    assert not icon.menu.items[0].enabled
    icon.menu.items[-1].action()
    assert chosen == [Plain.QUIT]
    first = next(one for one in icon.menu.items if one != "—" and one.text.startswith("Shoot 1"))
    next(one for one in first.action.items if one != "—" and one.text == "Open folder").action()
    assert chosen[1] == Open("/pictures/shoot 1")


def test_a_new_look_is_shown_and_the_picture_only_when_it_is_another(fake):
    shown = PystrayIcon(fake, look=look(Status(state="idle"), now_s=NOW_S), chosen=print)
    shown.run()
    (icon,) = FakeIcon.made
    before = icon.icon
    shown.show(look(Status(state="waiting"), now_s=NOW_S))
    assert icon.title == "Safelight: Waiting" and icon.icon is before
    shown.show(look(Status(state="working"), now_s=NOW_S))
    assert icon.icon is not before
    shown.leave()
    assert icon.stopped


def test_a_choice_shows_what_was_chosen(fake):
    shown = PystrayIcon(fake, look=look(Status(state="idle", cards=(card(policy="rate"),)), now_s=NOW_S), chosen=print)
    shown.run()
    below = next(one for one in FakeIcon.made[0].menu.items if one != "—" and one.text.startswith("EOS")).action.items
    assert [(one.text, one.radio, one.checked(one)) for one in below[:3]] == [
        ("Import and rate", True, False),
        ("Only rate", True, True),
        ("Ignore", True, False),
    ]


def test_told_to_leave_before_it_is_shown_it_leaves(fake):
    shown = PystrayIcon(fake, look=look(None, now_s=NOW_S), chosen=print)
    shown.leave()
    shown.run()
    assert FakeIcon.made[0].stopped


def test_where_no_menu_can_be_shown_a_click_does_the_most_likely(fake, monkeypatch):
    monkeypatch.setattr(FakeIcon, "HAS_MENU", False)
    chosen = []
    PystrayIcon(fake, look=look(Status(state="idle", shoots=(shoot(4),)), now_s=NOW_S), chosen=chosen.append).run()
    (default,) = [one for one in FakeIcon.made[0].menu.items if one != "—" and one.default]
    default.action()
    assert chosen == [Open("/pictures/shoot 4")]
    assert default_of(look(None, now_s=NOW_S).entries).act is Plain.START
    assert default_of(look(Status(state="idle"), now_s=NOW_S).entries).act is Plain.SETTINGS


def test_an_icon_that_cannot_be_made_is_an_answer(fake, monkeypatch):
    def refuse(*_args, **_named):
        raise OSError("no tray")

    monkeypatch.setattr(fake, "Icon", refuse)
    refuse.HAS_MENU = True
    assert PystrayIcon(fake, look=look(None, now_s=NOW_S), chosen=print).run() is False


class FakeDisplay:
    """A connection to X on which nothing comes."""

    def __init__(self):
        self._read, self._write = os.pipe()

    def fileno(self):
        return self._read

    def pending_events(self):
        return 0

    def set_error_handler(self, handler):
        self.handler = handler


class FakeIconOnX(FakeIcon):
    """An icon that is served as pystray serves one on X: by the events that its loop is given."""

    HAS_MENU = False

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self._window = types.SimpleNamespace(change_attributes=lambda event_mask: None, query_tree=self._tree)
        self._log = logging.getLogger("a fake icon")
        self.docked = False
        self._display = FakeDisplay()
        self._systray_manager = None
        self.looks = self.shows = 0
        self.by: set[int] = set()

    def __setattr__(self, name, value):
        if name in ("visible", "icon", "title", "menu") and hasattr(self, "by"):
            self.by.add(threading.get_ident())
        super().__setattr__(name, value)

    def _get_systray_manager(self):
        self.looks += 1
        return "a tray" if self.looks > 2 else None

    def _tree(self):
        return types.SimpleNamespace(parent="the tray" if self.docked else "the root", root="the root")

    def _show(self):
        self._systray_manager = "a tray"
        self.shows += 1
        self.docked = self.shows > 1  # the first tray dies before it has taken the icon in

    def run(self, setup):
        beginning = threading.Thread(target=setup, args=(self,))
        beginning.start()
        for _event in self._events():
            raise AssertionError("nothing comes here")

    def stop(self):
        super().stop()
        self.by.add(threading.get_ident())
        raise ConnectionAbortedError("the window is gone")  # pystray ends its loop when its window is destroyed


def test_on_x_one_thread_does_everything_and_waits_for_a_tray_that_comes_late(fake, monkeypatch):
    monkeypatch.setattr(fake, "Icon", FakeIconOnX)
    monkeypatch.setattr(pystray_x, "LOOK_S", 0.01)
    shown = PystrayIcon(fake, look=look(Status(state="idle"), now_s=NOW_S), chosen=print, patience_s=5.0)
    serving = threading.Thread(target=shown.run)
    serving.start()
    until(lambda: FakeIcon.made and FakeIcon.made[0].visible, told="the icon")
    shown.show(look(Status(state="working"), now_s=NOW_S))
    (icon,) = FakeIcon.made
    until(lambda: icon.title == "Safelight: Working", told="the new look")
    until(lambda: icon.docked, told="the icon in a tray that lives")
    shown.leave()
    serving.join(timeout=10)
    assert not serving.is_alive() and icon.stopped and icon.by == {serving.ident}


def test_on_x_without_a_tray_it_gives_up_when_patience_ends_or_it_is_told_to_leave(fake, monkeypatch):
    monkeypatch.setattr(fake, "Icon", FakeIconOnX)
    monkeypatch.setattr(FakeIconOnX, "_get_systray_manager", lambda icon: None)
    monkeypatch.setattr(pystray_x, "LOOK_S", 0.01)
    assert PystrayIcon(fake, look=look(None, now_s=NOW_S), chosen=print, patience_s=0.05).run() is False
    patient = PystrayIcon(fake, look=look(None, now_s=NOW_S), chosen=print, patience_s=3600.0)
    serving = threading.Thread(target=patient.run)
    serving.start()
    until(lambda: len(FakeIcon.made) == 2, told="the second icon")
    patient.leave()
    serving.join(timeout=10)
    assert not serving.is_alive()
