"""What a click does: which command the daemon gets, what the desktop opens, and what is said when it fails."""

import os
import stat
import sys
import time
from pathlib import Path

import pytest

from safelight.control.client import Client
from safelight.control.messages import Answer, Request
from safelight.errors import StateError
from safelight.tray.clicks import Clicks, next_morning
from safelight.tray.entries import Ask, Open, Pause, Plain
from safelight.tray.menu import menu
from tests.control.served import Served
from tests.fakes.bus import until
from tests.fakes.clock import FakeClock
from tests.tray.statuses import NOW_S, busy
from tests.tray.test_menu import flat


class Clicked:
    """Clicks with a real socket behind them, and what came of them."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "safelight" / "control.sock"
        self.notes: list[str] = []
        self.left = 0
        self.asked: list[tuple[str, dict]] = []
        self.settings = folder / "settings.toml"
        self.clicks = Clicks(
            connect=lambda: Client.connect(self.socket),
            settings=self.settings,
            clock=FakeClock(NOW_S),
            note=self.notes.append,
            leave=self._leave,
        )

    def _leave(self) -> None:
        self.left += 1

    async def answer(self, request: Request) -> Answer:
        self.asked.append((request.command, request.arguments))
        if request.command == "eject":
            raise StateError("A program still uses the card: gthumb.", hint="Close it and try again.")
        if request.command == "undo":
            return Answer(text="There is nothing to take back.", status=1)
        return Answer(text="done")


@pytest.fixture
def clicked(short):
    return Clicked(short)


@pytest.fixture
def daemon(clicked, tmp_path):
    with Served(clicked.socket, tmp_path, answer=clicked.answer).running() as running:
        yield running


def test_every_entry_of_the_menu_asks_what_the_daemon_understands(clicked, daemon):
    acts = [entry.act for entry in flat(menu(busy(), now_s=NOW_S)) if isinstance(entry.act, Ask | Pause)]
    for act in acts:
        clicked.clicks.carry_out(act)
    assert len(clicked.asked) == len(acts)
    assert {command for command, _ in clicked.asked} == {"card", "eject", "rerate", "undo", "pause"}


def test_a_pause_begins_when_it_is_clicked(clicked, daemon, zone):
    zone("Europe/Berlin")
    clicked.clicks.carry_out(Pause.HOUR)
    clicked.clicks.carry_out(Pause.TOMORROW)
    clicked.clicks.carry_out(Ask("resume"))
    assert clicked.asked == [
        ("pause", {"until_s": NOW_S + 3600}),
        ("pause", {"until_s": NOW_S + 13 * 3600}),  # from 17:00 to 6:00 in Berlin
        ("resume", {}),
    ]
    assert clicked.notes == ["", "", ""]


@pytest.mark.parametrize(
    "now, morning",
    [
        ("2025-11-24 17:00", "2025-11-25 06:00"),
        ("2025-11-24 04:00", "2025-11-25 06:00"),
        ("2025-11-24 03:59", "2025-11-24 06:00"),
        ("2025-12-31 23:59", "2026-01-01 06:00"),
        ("2026-03-28 20:00", "2026-03-29 06:00"),  # the night in which clocks go on by an hour
        ("2026-10-24 20:00", "2026-10-25 06:00"),  # and back
    ],
)
def test_tomorrow_is_the_next_morning(now, morning, zone):
    zone("Europe/Berlin")
    form = "%Y-%m-%d %H:%M"
    ends_s = next_morning(time.mktime(time.strptime(now, form)))
    assert time.strftime(form, time.localtime(ends_s)) == morning


def test_what_the_daemon_refuses_is_said_in_its_words(clicked, daemon):
    clicked.clicks.carry_out(Ask("eject", (("root", "/media/x"),), failing="The card could not be ejected."))
    clicked.clicks.carry_out(Ask("undo", (("run", 3),), failing="The ratings were not taken back."))
    clicked.clicks.carry_out(Ask("no such", failing="It was not done."))
    assert clicked.notes[:2] == [
        "The card could not be ejected. A program still uses the card: gthumb. Close it and try again.",
        "The ratings were not taken back. There is nothing to take back.",
    ]
    assert clicked.notes[2].startswith("It was not done. There is no command 'no such'.")


def test_without_a_daemon_nothing_is_done_and_that_is_said(clicked):
    clicked.clicks.carry_out(Pause.HOUR)
    assert clicked.notes == ["Safelight is not running, so nothing was done."]


def test_quit_ends_the_daemon_and_then_the_tray(clicked, daemon):
    clicked.clicks.carry_out(Plain.QUIT)
    assert clicked.asked == [("quit", {})] and clicked.left == 1


def test_quit_without_a_daemon_ends_the_tray(clicked):
    clicked.clicks.carry_out(Plain.QUIT)
    assert clicked.left == 1


def test_a_note_is_taken_away(clicked):
    clicked.clicks.carry_out(Plain.DISMISS)
    assert clicked.notes == [""]


@pytest.fixture
def opener(short, monkeypatch):
    """Put a program in the place of xdg-open that writes down how it was called."""

    def put(body: str = "exit 0") -> Path:
        program, told = short / "bin" / "xdg-open", short / "told"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$#" "$@" >"{told}.new"; mv "{told}.new" "{told}"\n{body}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
        return told

    return put


def test_a_folder_is_opened_whatever_its_name_is(clicked, opener, short):
    told = opener()
    folder = short / os.fsdecode(b"k\xe4p; rm -rf $HOME `x` 'q' \"d\" %20\n-last")
    folder.mkdir()
    clicked.clicks.carry_out(Open(str(folder)))
    assert told.read_bytes().split(b"\0") == [b"1", os.fsencode(folder), b""]
    assert clicked.notes == [""]


def test_a_folder_that_is_gone_is_said(clicked, opener):
    opener()
    clicked.clicks.carry_out(Open("/pictures/gone"))
    assert clicked.notes == ["/pictures/gone is not there any more."]


def test_an_opener_that_fails_is_said(clicked, opener, short):
    opener("exit 3")
    clicked.clicks.carry_out(Open(str(short)))
    assert clicked.notes == [f"No program here opens {short}."]


def test_without_an_opener_its_package_is_named(clicked, short, monkeypatch):
    monkeypatch.setenv("PATH", str(short))
    clicked.clicks.carry_out(Open(str(short)))
    assert clicked.notes == ["Nothing here opens folders: xdg-open is missing (package xdg-utils)."]


def test_settings_are_opened_where_there_are_any(clicked, opener):
    told = opener()
    clicked.clicks.carry_out(Plain.SETTINGS)
    assert clicked.notes == ["There is no file of settings yet. 'safelight setup' asks three questions and writes it."]
    clicked.settings.write_text("")
    clicked.clicks.carry_out(Plain.SETTINGS)
    assert told.read_bytes().split(b"\0")[1] == os.fsencode(clicked.settings)


def test_the_daemon_is_started_by_the_service_manager_or_by_itself(clicked, short, monkeypatch):
    folder = short / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def put(name: str, status: int) -> None:
        (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >>"{short}/told"\nexit {status}\n')
        (folder / name).chmod(0o755)

    put("systemctl", 0)
    put("safelight", 0)
    clicked.clicks.carry_out(Plain.START)
    put("systemctl", 5)
    clicked.clicks.carry_out(Plain.START)
    put("safelight", 2)
    clicked.clicks.carry_out(Plain.START)
    assert (short / "told").read_text().splitlines() == [
        "systemctl --user start safelight.service",
        "systemctl --user start safelight.service",
        "safelight run",
        "systemctl --user start safelight.service",
        "safelight run",
    ]
    assert clicked.notes == ["", "", "Safelight does not start. 'safelight run' in a terminal shows why."]


def test_a_click_is_carried_out_beside_the_menu(clicked, daemon):
    clicked.clicks(Pause.HOUR)
    until(lambda: clicked.asked, told="the pause")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_program_that_stays_open_leaves_no_dead_one_behind(clicked, opener, short):
    opener(f'echo $$ >"{short}/new"; mv "{short}/new" "{short}/pid"; while [ ! -e "{short}/end" ]; do sleep 0.05; done')
    clicked.clicks(Open(str(short)))
    until((short / "pid").exists, told="the program")
    number = int((short / "pid").read_text())
    (short / "end").touch()
    until(lambda: not Path(f"/proc/{number}").exists(), told="its end")
