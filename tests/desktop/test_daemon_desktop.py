"""The real daemon on a real desktop: a card is asked about, copied, rated and ejected by what a person can click."""

import asyncio
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, Variant

from tests.desktop.screen import Desktop
from tests.desktop.test_notifications import ICONS, buttons, dunst, shown_by_dunst, standing, xfce
from tests.end_to_end.card_places import (
    CARDS,
    Slots,
    own_mounts,
    pictures,
    rated,
    run,
    shoot,
    status,
    until_card,
    until_quiet,
)
from tests.end_to_end.daemons import Home, running, until
from tests.fakes.bus import PrivateBus, missing
from tests.fakes.bus_services import FakeService

BLOCK = "/org/freedesktop/UDisks2/block_devices/sdc1"


class Disks:
    """A udisks2 that knows one card, in a loop of its own thread; to unmount it unmounts."""

    def __init__(self, address: str, root: Path) -> None:
        self._root = root
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._service = FakeService("org.freedesktop.UDisks2", self._answer)
        asyncio.run_coroutine_threadsafe(self._service.start(address), self._loop).result(timeout=10)

    def _answer(self, message: Message) -> Any:
        if message.member == "Unmount":
            subprocess.run(["umount", str(self._root)], check=True)
            return "", []
        places = {"MountPoints": Variant("aay", [os.fsencode(self._root) + b"\0"])}
        return "a{oa{sa{sv}}}", [{BLOCK: {"org.freedesktop.UDisks2.Filesystem": places}}]

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._service.stop(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


class Seat:
    """A person's seat: a home, a desktop of theirs, and slots for cards."""

    def __init__(self, place: Path, desktop: Desktop) -> None:
        self.desktop = desktop
        shutil.copytree(ICONS, Path(desktop.environ["XDG_DATA_HOME"]) / "icons" / "hicolor")
        self.home = Home(place)
        self.home.settings(CARDS)
        self.album = self.home.home / "Pictures"
        self.slots = Slots(place)
        (desktop.folder / "system").mkdir()
        self.system = PrivateBus(desktop.folder / "system").start()
        self.home.environment |= {
            "DBUS_SESSION_BUS_ADDRESS": desktop.bus.address,
            "DBUS_SYSTEM_BUS_ADDRESS": self.system.address,
            "DISPLAY": desktop.environ["DISPLAY"],
        }
        told = "interface='org.freedesktop.Notifications',member='Notify'"
        desktop.start("dbus-monitor", "--session", told)
        until(lambda: desktop.log("dbus-monitor"))

    def said(self, *words: str) -> bool:
        """Tell whether some notice so far had all of these words."""
        notices = self.desktop.log("dbus-monitor").split("member=Notify")
        return any(all(word in notice for word in words) for notice in notices)

    def close(self) -> None:
        self.system.stop()
        self.home.tidy()


@pytest.fixture
def sit(tmp_path: Path) -> Iterator[Callable[[Desktop], Seat]]:
    if absent := missing("dbus-monitor"):
        pytest.skip(absent)
    made: list[Seat] = []
    with own_mounts():

        def at(desktop: Desktop) -> Seat:
            made.append(Seat(tmp_path, desktop))
            return made[-1]

        yield at
        for seat in made:
            seat.close()


def press(seat: Seat, place: int, *, of: int, shown: int = 1, window: str = "") -> None:
    """Click at a button of a notification, by its window's id or the only one, when so many stand."""
    wanted = next(each for each in standing(seat.desktop, xfce, shown) if each.id == (window or each.id))
    found = buttons(seat.desktop, wanted, gap=5)
    assert len(found) == of
    seat.desktop.click(*found[place])
    seat.desktop.point()


def test_a_new_card_is_asked_about_imported_rated_and_ejected(make_desktop, sit):
    seat = sit(xfce(make_desktop))
    seat.slots.filled("EOS_DIGITAL", 12)
    with running(seat.home):
        root = seat.slots.put_in("EOS_DIGITAL")
        until_card(seat.home, "EOS_DIGITAL", "asking")
        until_quiet(seat.home)
        assert not pictures(seat.album)
        seat.desktop.screenshot("daemon-card-question", region=standing(seat.desktop, xfce)[0].region)
        press(seat, 0, of=3)
        until(lambda: rated(seat.album, 12))
        assert until_card(seat.home, "EOS_DIGITAL", "done").policy == "import"
        until(lambda: seat.said("Card EOS_DIGITAL is done", "12 frames rated in", "Safe to remove."))
        seat.desktop.screenshot("daemon-card-done", region=standing(seat.desktop, xfce)[0].region)
        disks = Disks(seat.system.address, root)
        try:
            press(seat, 1, of=3)
            until(lambda: seat.said("It can be taken out now."))
            until(lambda: not status(seat.home).cards)
        finally:
            disks.stop()
        assert not os.path.ismount(root)


def test_an_editors_import_while_the_question_stands_is_enough(make_desktop, sit):
    seat = sit(xfce(make_desktop))
    seat.slots.filled("EOS_DIGITAL", 6)
    with running(seat.home):
        root = seat.slots.put_in("EOS_DIGITAL")
        until_card(seat.home, "EOS_DIGITAL", "asking")
        until_quiet(seat.home)
        (question,) = standing(seat.desktop, xfce)
        run("cp", "-r", root / "DCIM/100SAFE", seat.home.pictures / "by editor")
        until(lambda: rated(seat.home.pictures, 6))
        until(lambda: seat.said("Rated: by editor"))
        press(seat, 0, of=3, shown=2, window=question.id)
        assert until_card(seat.home, "EOS_DIGITAL", "done").told == "Nothing new: 6 files had been imported before."
        until(lambda: seat.said("Card EOS_DIGITAL holds nothing new", "Safe to remove."))
        assert not pictures(seat.album)
        until_quiet(seat.home)
    assert rated(seat.home.pictures, 6)


def test_a_shoot_grows_in_one_notice_and_undo_takes_it_back(make_desktop, sit):
    seat = sit(xfce(make_desktop))
    with running(seat.home):
        shoot(seat.home.pictures, 4, folder="sunday")
        until(lambda: seat.said("Rated: sunday", "4 frames rated in"))
        shoot(seat.home.pictures, 4, first=5, folder="sunday")
        until(lambda: seat.said("Rated: sunday", "8 frames rated in"))
        (window,) = standing(seat.desktop, xfce)
        seat.desktop.screenshot("daemon-shoot", region=window.region)
        press(seat, 1, of=3)
        until(lambda: not any(seat.home.stars()))
        until(lambda: seat.said("Undone: sunday", "8 frames were taken back"))
        until_quiet(seat.home)
        assert not any(seat.home.stars())


def test_in_dunst_a_shoot_has_one_notice_while_it_grows(make_desktop, sit):
    seat = sit(dunst(make_desktop))
    with running(seat.home):
        shoot(seat.home.pictures, 3, folder="sunday")
        until(lambda: seat.said("3 frames rated in"))
        shoot(seat.home.pictures, 3, first=4, folder="sunday")
        until(lambda: seat.said("6 frames rated in"))
        assert shown_by_dunst(seat.desktop) == 1
        seat.desktop.screenshot("daemon-shoot-dunst", region=standing(seat.desktop, dunst)[0].region)
