"""The lamp and its menu on a real message bus, asked by a panel that has no screen."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus

from safelight.control.messages import Doing, Status
from safelight.tray.connection import connected
from safelight.tray.entries import Open, Pause, Plain
from safelight.tray.look import Look, look
from safelight.tray.panel import Panel
from tests.fakes.bus import PrivateBus, until
from tests.fakes.watcher import Refused, WatcherWithoutScreen
from tests.tray.statuses import NOW_S, ODD_NAME, busy, shoot


def rating(done: int) -> Look:
    return look(Status(state="working", doing=(Doing(what="Rating", done=done, total=9000),)), now_s=NOW_S)


class Running:
    """A panel's counterpart in a thread, and what was clicked."""

    def __init__(self, address: str, patience_s: float = 20.0, first: Look | None = None) -> None:
        self.chosen: list[object] = []
        self.result: list[bool] = []
        first = first or look(busy(), now_s=NOW_S)
        self.panel = Panel(address=address, look=first, chosen=self.chosen.append, patience_s=patience_s)
        self.thread = threading.Thread(target=lambda: self.result.append(self.panel.run()), daemon=True)

    def ended(self) -> bool:
        self.thread.join(10.0)
        assert not self.thread.is_alive()
        return self.result[0]


@contextmanager
def running(address: str, **how) -> Iterator[Running]:
    made = Running(address, **how)
    made.thread.start()
    try:
        yield made
    finally:
        made.panel.leave()
        made.ended()


@pytest.fixture
def watcher(bus: PrivateBus) -> Iterator[WatcherWithoutScreen]:
    with WatcherWithoutScreen(bus.address) as made:
        yield made


@pytest.fixture
def tray(bus: PrivateBus, watcher: WatcherWithoutScreen) -> Iterator[Running]:
    with running(bus.address) as made:
        until(lambda: watcher.registered, told="the icon")
        yield made


def test_the_lamp_says_what_it_is(tray, watcher):
    lamp = watcher.lamp()
    assert (lamp["Id"], lamp["Title"], lamp["Category"]) == ("safelight", "Safelight", "ApplicationStatus")
    assert lamp["Status"] == "NeedsAttention" and lamp["ItemIsMenu"] is True
    assert [(width, height, len(pixels)) for width, height, pixels in lamp["IconPixmap"]] == [
        (size, size, size * size * 4) for size in (16, 22, 24, 32, 48, 64)
    ]
    assert lamp["AttentionIconPixmap"] == lamp["IconPixmap"]
    assert list(lamp["ToolTip"][2:]) == [
        "Safelight",
        "\n".join(
            [
                "Copying from EOS_DIGITAL: 300 of 412",
                "Rating: 120 of 300",
                "180 frames to be rated",
                "The disk of /archive is not here.",
            ]
        ),
    ]


def test_the_menu_is_laid_out_as_it_was_made(tray, watcher):
    assert watcher.labels()[:6] == [
        "Copying from EOS__DIGITAL: 300 of 412",
        "Rating: 120 of 300",
        "180 frames to be rated",
        "⚠ The disk of /archive is not here.",
        "—",
        "EOS__DIGITAL: what should be done?",
    ]
    card = watcher.layout()["children"][5]
    assert card["children-display"] == "submenu"
    assert [child.get("label") for child in card["children"][:3]] == ["Import and rate", "Only rate", "Ignore"]
    assert watcher.layout()["children"][0]["enabled"] is False


def test_a_panel_gets_only_the_depth_and_the_properties_that_it_asks_for(tray, watcher):
    shallow = watcher.layout(depth=1, names=("label",))
    assert shallow["children"] and not any(child["children"] for child in shallow["children"])
    assert {name for child in shallow["children"] for name in child} == {"label", "number", "children"}
    assert watcher.layout(depth=0)["children"] == []
    number = shallow["children"][0]["number"]
    assert watcher.menu("GetProperty", "is", number, "label")[0].value == "Copying from EOS__DIGITAL: 300 of 412"
    found = watcher.menu("GetGroupProperties", "aias", [number, 9999], ["enabled"])[0]
    assert [(at, {name: value.value for name, value in values.items()}) for at, values in found] == [
        (number, {"enabled": False})
    ]


def test_a_click_does_what_the_entry_says(tray, watcher):
    watcher.click("Pause for an hour")
    watcher.click("Settings")
    until(lambda: len(tray.chosen) == 2, told="the clicks")
    assert tray.chosen == [Pause.HOUR, Plain.SETTINGS]
    both = [watcher.layout()["children"][-1]["number"], 9999]
    missing = watcher.menu("EventGroup", "a(isvu)", [[number, "clicked", Variant("s", ""), 0] for number in both])
    assert missing == [[9999]]
    assert tray.chosen[2:] == [Plain.QUIT]


def test_what_is_no_click_does_nothing(tray, watcher):
    number = watcher.layout()["children"][-1]["number"]
    for kind in ("hovered", "opened", "closed", "x-unknown"):
        watcher.menu("Event", "isvu", number, kind, Variant("s", ""), 0)
    disabled = watcher.layout()["children"][0]["number"]
    watcher.menu("Event", "isvu", disabled, "clicked", Variant("i", 1), 0)
    assert tray.chosen == []


def test_nonsense_is_answered_with_an_error_and_harms_nothing(tray, watcher):
    for member, signature, body in (
        ("GetLayout", "iias", (9999, -1, [])),
        ("GetLayout", "iias", (-1, -1, [])),
        ("GetProperty", "is", (0, "no-such")),
        ("AboutToShow", "i", (-7,)),
        ("NoSuchMember", "", ()),
        ("GetLayout", "s", ("0",)),
    ):
        with pytest.raises(Refused):
            watcher.menu(member, signature, *body)
    assert watcher.menu("AboutToShow", "i", 0) == [False]
    assert watcher.menu("AboutToShowGroup", "ai", [0, 9999]) == [[], [9999]]
    assert watcher.menu("GetGroupProperties", "aias", [], [])[0]


def test_a_click_on_what_is_gone_does_nothing(tray, watcher):
    (old,) = [one for one in watcher.layout()["children"] if one.get("label") == "Shoot 1 · 412 frames"]
    undo = old["children"][-1]
    assert undo["label"] == "Undo"
    tray.panel.show(look(Status(state="idle", shoots=(shoot(99),)), now_s=NOW_S))
    until(lambda: "Shoot 99 · 412 frames" in watcher.labels(), told="the new menu")
    watcher.menu("Event", "isvu", undo["number"], "clicked", Variant("s", ""), 0)
    assert tray.chosen == []


def test_odd_names_arrive(tray, watcher):
    folder = f"/pictures/{ODD_NAME}"
    tray.panel.show(look(Status(state="idle", shoots=(shoot(name=ODD_NAME, folder=folder),)), now_s=NOW_S))
    shown = "k\ufffdppchen__01 <b>R&D</b> \ufffdgpj\ufffd[31m · 412 frames"
    until(lambda: shown in watcher.labels(), told="the odd name")
    watcher.click("Open folder")
    until(lambda: tray.chosen, told="the click")
    assert tray.chosen == [Open(folder)]


def test_what_looks_like_markup_is_escaped_beside_the_lamp(tray, watcher):
    tray.panel.show(look(Status(state="working", doing=(Doing(what="Copying from <b>R&D</b>"),)), now_s=NOW_S))
    until(lambda: watcher.lamp()["ToolTip"][3] == "Copying from &lt;b&gt;R&amp;D&lt;/b&gt;", told="the text")


def test_a_count_that_runs_changes_labels_only(bus, watcher):
    with running(bus.address, first=rating(1)) as tray:
        until(lambda: watcher.registered, told="the icon")
        before = watcher.layout()
        watcher.signals.clear()
        tray.panel.show(rating(2))
        until(watcher.heard("ItemsPropertiesUpdated"), told="the new label")
        until(watcher.heard("NewToolTip"), told="the new text")
        assert {name for name, _body in watcher.signals} == {"ItemsPropertiesUpdated", "NewToolTip"}
        (changed,) = [body[0] for name, body in watcher.signals if name == "ItemsPropertiesUpdated"]
        assert [(number, values["label"].value) for number, values in changed] == [
            (before["children"][0]["number"], "Rating: 2 of 9,000")
        ]


def test_a_storm_of_statuses_is_shown_a_few_times_and_ends_with_the_last(bus, watcher):
    with running(bus.address, first=rating(0)) as tray:
        until(lambda: watcher.registered, told="the icon")
        watcher.signals.clear()
        begun = time.monotonic()
        for done in range(1, 5001):
            tray.panel.show(rating(done))
        took_s = time.monotonic() - begun
        until(lambda: watcher.labels()[0] == "Rating: 5,000 of 9,000", told="the last count")
        told = [name for name, _body in watcher.signals].count("ItemsPropertiesUpdated")
        assert told <= took_s / 0.25 + 3


def test_the_lamp_changes_when_work_ends(tray, watcher):
    lit = watcher.lamp()["IconPixmap"]
    watcher.signals.clear()
    tray.panel.show(look(Status(state="idle"), now_s=NOW_S))
    until(watcher.heard("LayoutUpdated"), told="the new menu")
    assert {name for name, _body in watcher.signals} == {"NewIcon", "NewStatus", "NewToolTip", "LayoutUpdated"}
    lamp = watcher.lamp()
    assert lamp["Status"] == "Active" and lamp["IconPixmap"] != lit and lamp["AttentionIconPixmap"] == []
    watcher.signals.clear()
    tray.panel.show(look(Status(state="idle"), now_s=NOW_S))
    tray.panel.show(look(Status(state="paused"), now_s=NOW_S))
    until(watcher.heard("NewIcon"), told="the lamp that is off")
    assert [name for name, _body in watcher.signals].count("NewIcon") == 1


def test_a_panel_that_restarts_gets_the_lamp_again(bus):
    with running(bus.address) as tray:
        for _turn in range(3):
            with WatcherWithoutScreen(bus.address) as watcher:
                until(lambda watcher=watcher: watcher.registered, told="the icon, again")
                assert watcher.lamp()["Id"] == "safelight"
        assert tray.thread.is_alive()


def test_a_panel_that_starts_later_is_waited_for(bus):
    with running(bus.address), WatcherWithoutScreen(bus.address) as watcher:
        until(lambda: watcher.registered, told="the icon")


def test_without_a_panel_it_gives_up_after_its_patience(bus):
    tray = Running(bus.address, patience_s=0.2)
    tray.thread.start()
    assert tray.ended() is False


def test_without_a_bus_it_gives_up_at_once(short):
    for address in (f"unix:path={short / 'none'}", "", "nonsense", "unix:path=", "tcp:host=localhost"):
        tray = Running(address)
        tray.thread.start()
        assert tray.ended() is False, address


def test_a_connection_that_is_lost_is_made_anew(tray, watcher):
    until(lambda: tray.panel._shown is not None, told="the connection")
    tray.panel._shown._bus._sock.shutdown(socket.SHUT_RDWR)
    until(lambda: len(watcher.registered) == 2, told="the icon, again")
    assert watcher.labels()[1] == "Rating: 120 of 300"
    watcher.click("Settings")
    until(lambda: tray.chosen == [Plain.SETTINGS], told="the click")


async def flood(bus: MessageBus, number: int) -> None:
    """Send far more than the buffer of the socket holds while the bus reads nothing."""
    for at in range(number):
        bus.send(Message.new_signal("/flood", "org.safelight.Flood", "Drop", "us", [at, "x" * 20_000]))


def test_the_library_ends_a_connection_whose_bus_is_busy(bus):
    """Why there is `connection`; when this fails, the library was mended and that may go."""

    async def lost() -> type | None:
        plain = await MessageBus(bus_address=bus.address).connect()
        os.kill(bus._running.pid, signal.SIGSTOP)
        try:
            await flood(plain, 50)
        except OSError:
            pass
        finally:
            os.kill(bus._running.pid, signal.SIGCONT)
        try:
            await asyncio.wait_for(plain.wait_for_disconnect(), 5.0)
        except OSError as error:
            return type(error)
        return None

    assert asyncio.run(lost()) is BlockingIOError


def test_a_busy_bus_gets_all_in_order_once_it_reads(bus):
    async def sent() -> list[int]:
        got: list[int] = []
        every = asyncio.Event()

        def heard(message: Message) -> None:
            if message.member == "Drop":
                got.append(message.body[0])
                if len(got) == 50:
                    every.set()

        reader = await connected(bus.address)
        reader.add_message_handler(heard)
        rule = Message(
            destination="org.freedesktop.DBus", path="/org/freedesktop/DBus", interface="org.freedesktop.DBus",
            member="AddMatch", signature="s", body=["interface='org.safelight.Flood'"],
        )  # fmt: skip
        await reader.call(rule)
        writer = await connected(bus.address)
        os.kill(bus._running.pid, signal.SIGSTOP)
        try:
            await flood(writer, 50)
            await asyncio.sleep(0)
        finally:
            os.kill(bus._running.pid, signal.SIGCONT)
        await asyncio.wait_for(every.wait(), 10.0)
        for each in (reader, writer):
            each.disconnect()
        return got

    assert asyncio.run(sent()) == list(range(50))


def test_the_end_of_the_session_ends_it(bus):
    with WatcherWithoutScreen(bus.address) as watcher:
        tray = Running(bus.address)
        tray.thread.start()
        until(lambda: watcher.registered, told="the icon")
        bus.stop(roughly=True)
        assert tray.ended() is True


def test_told_to_leave_before_it_runs_it_leaves(bus):
    tray = Running(bus.address)
    tray.panel.leave()
    tray.thread.start()
    assert tray.ended() is True
