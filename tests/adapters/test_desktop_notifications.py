"""Notices reach whatever notification server there is, and never harm the one who sends them."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from dbus_fast import Message

from safelight.desktop import bus as bus_module
from safelight.desktop.bus import Bus
from safelight.desktop.notifications import KEPT, Notifier
from safelight.domain import notices
from safelight.domain.notices import Notice, Press, Rated, Topic
from tests.adapters.bus_scene import played, private_bus, reached
from tests.fakes.bus import PrivateBus, missing
from tests.fakes.bus_services import NEVER, SERVER, SERVER_PATH, FakeNotifications, FakeService, Trouble

pytestmark = pytest.mark.skipif(bool(missing("dbus-daemon")), reason=missing("dbus-daemon"))

PACE_S = 0.2
TITLE, BODY, ACTIONS, HINTS, EXPIRES = 3, 4, 5, 6, 7


@pytest.fixture
def private() -> Iterator[PrivateBus]:
    with private_bus() as bus:
        yield bus


@dataclass
class Set:
    """A notifier, its bus, and what was pressed."""

    notifier: Notifier
    bus: Bus
    pressed: list[tuple[str, str]] = field(default_factory=list)
    unshown: list[str] = field(default_factory=list)

    async def sent(self) -> None:
        await reached(lambda: self.notifier.idle)


@asynccontextmanager
async def notifying(private: PrivateBus, *, timeout_s: float = 5.0) -> AsyncIterator[Set]:
    bus = Bus(address=lambda: private.address, first_retry_s=0.02)
    pressed: list[tuple[str, str]] = []
    unshown: list[str] = []
    notifier = Notifier(
        bus=bus,
        pressed=lambda *what: pressed.append(what),
        unshown=unshown.append,
        pace_s=PACE_S,
        timeout_s=timeout_s,
    )
    notifier.start()
    bus.start()
    try:
        yield Set(notifier, bus, pressed, unshown)
    finally:
        await notifier.stop()
        await bus.close()


def shoot(key: str = "shoot:1", name: str = "2026-11-21") -> Notice:
    return notices.shoot_done(key=key, name=name, rated=Rated(412, 180, five=37, low=118, bursts=64))


def growing(done: int, key: str = "shoot:1") -> Notice:
    return notices.shoot_growing(key=key, name="2026-11-21", done=done, total=412)


def question(key: str = "card:1") -> Notice:
    return notices.card_question(key=key, label="EOS_DIGITAL", frames=412)


def test_shoot_is_shown_with_its_buttons_and_a_press_is_told(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(shoot())
            await us.sent()
            ((number, shown),) = server.shown.items()
            assert shown[TITLE] == "Rated: 2026-11-21"
            assert shown[BODY].startswith("412 frames rated in 3 min: 37 five-star, 118 one- or two-star, 64 bursts.")
            assert shown[ACTIONS] == [
                *("default", "Open folder"),
                *("open", "Open folder"),
                *("undo", "Undo"),
                *("pause", "Pause"),
            ]
            assert shown[HINTS]["desktop-entry"].value == "safelight"
            assert shown[EXPIRES] == -1
            await server.press(number, "undo")
            await reached(lambda: us.pressed)
            assert us.pressed == [("shoot:1", "undo")]

    played(scene)


def test_click_beside_the_buttons_opens_the_folder(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(shoot())
            await us.sent()
            await server.press(1, "default")
            await reached(lambda: us.pressed)
            assert us.pressed == [("shoot:1", Press.OPEN)]

    played(scene)


def test_shoot_that_grows_stays_one_notification(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications(first=40).start(private.address)
        async with notifying(private) as us:
            for notice in (growing(10), shoot(), shoot("shoot:2", "2026-11-22"), shoot()):
                us.notifier.show(notice)
                await us.sent()
            assert sorted(server.shown) == [40, 41]
            assert [body[1] for body in server.history] == [0, 40, 0, 40]

    played(scene)


def test_no_value_hint_is_ever_sent(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            for number, notice in enumerate((growing(1), shoot(), question(), growing(3, "shoot:9"))):
                us.notifier.show(notice)
                await us.sent()
                assert len(server.history) == number + 1
            assert all("value" not in body[HINTS] for body in server.history)

    played(scene)


def test_progress_keeps_its_pace_and_its_newest_word(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(growing(1))
            await us.sent()
            for done in range(2, 400):
                us.notifier.show(growing(done))
                await asyncio.sleep(0)
            await us.sent()
            assert [body[BODY] for body in server.history] == ["1 of 412 frames.", "399 of 412 frames."]

    played(scene)


def test_outcome_does_not_wait_for_the_pace_and_is_not_followed_by_held_progress(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(growing(1))
            await us.sent()
            us.notifier.show(growing(2))
            us.notifier.show(shoot())
            await us.sent()
            assert len(server.history) == 2
            await asyncio.sleep(2 * PACE_S)
            assert len(server.history) == 2
            assert server.shown[1][TITLE].startswith("Rated")

    played(scene)


def test_progress_that_was_put_away_does_not_come_back_but_the_outcome_does(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(growing(1))
            await us.sent()
            await server.end(1, 2)
            await reached(lambda: us.notifier._shown["shoot:1"].ended)
            await asyncio.sleep(PACE_S)
            us.notifier.show(growing(2))
            await us.sent()
            assert not server.shown
            us.notifier.show(shoot())
            await us.sent()
            assert list(server.shown) == [2]

    played(scene)


def test_nothing_but_outcomes_in_do_not_disturb(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        server.inhibited = True
        async with notifying(private) as us:
            us.notifier.show(growing(1))
            await us.sent()
            assert not server.history
            us.notifier.show(shoot())
            await us.sent()
            assert len(server.history) == 1
            server.inhibited = False
            us.notifier.show(growing(2, "shoot:2"))
            await us.sent()
            assert len(server.history) == 2

    played(scene)


def test_silenced_topics_are_neither_shown_nor_left_standing(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(shoot())
            us.notifier.show(question())
            await us.sent()
            us.notifier.silence([Topic.SHOOT])
            await us.sent()
            assert [body[TITLE] for body in server.shown.values()] == ["New card: EOS_DIGITAL"]
            us.notifier.show(shoot())
            await us.sent()
            assert len(server.shown) == 1
            us.notifier.silence([])
            us.notifier.show(shoot())
            await us.sent()
            assert len(server.shown) == 2

    played(scene)


def test_markup_is_escaped_only_for_a_server_that_reads_it(private):
    private.start()
    told = notices.trouble(key="t", summary="<b>Tom & Jerry</b>.jpg cannot be read.")

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(told)
            await us.sent()
            assert server.shown[1][BODY] == "&lt;b&gt;Tom &amp; Jerry&lt;/b&gt;.jpg cannot be read."
            await server.stop()
            plain = await FakeNotifications(abilities=["body", "actions"]).start(private.address)
            await reached(lambda: us.bus.owner(SERVER))
            us.notifier.show(told)
            await us.sent()
            assert plain.shown[1][BODY] == "<b>Tom & Jerry</b>.jpg cannot be read."

    played(scene)


@pytest.mark.parametrize(
    "name",
    [
        os.fsdecode(b"caf\xe9 \xff"),
        "a\nb\tc",
        "\x00nul",
        "\x1b[31mred",
        "\u202egpj.exe",
        "x" * 255,
        "<img src=x>&amp;",
        "\U0001f4f7 写真",
        "\ud800",
        "",
    ],
    ids=["no UTF-8", "newline", "nul", "terminal", "direction", "long", "markup", "wide", "half a pair", "none"],
)
def test_odd_names_arrive_readable(private, name):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(shoot(name=name))
            us.notifier.show(notices.trouble(key="raw", summary=f"{name} cannot be read."))
            await us.sent()
            assert len(server.shown) == 2
            for body in server.shown.values():
                title, text = body[TITLE], body[BODY]
                assert all(letter.isprintable() for letter in title)
                assert all(letter.isprintable() or letter == "\n" for letter in text)
                assert len(title) <= 200 and "<img" not in text

    played(scene)


def test_server_without_buttons_says_what_to_do_instead(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications(abilities=["body"]).start(private.address)
        async with notifying(private) as us:
            us.notifier.show(question())
            await us.sent()
            assert server.shown[1][ACTIONS] == []
            assert server.shown[1][BODY].endswith("safelight cards")

    played(scene)


def test_without_a_bus_notices_are_dropped_and_later_ones_arrive(private):
    async def scene() -> None:
        async with notifying(private) as us:
            us.notifier.show(shoot())
            await us.sent()
            assert not us.bus.connected
            private.start()
            server = await FakeNotifications().start(private.address)
            await reached(lambda: us.bus.connected)
            us.notifier.show(shoot("shoot:2"))
            await us.sent()
            assert len(server.shown) == 1

    played(scene)


def test_bus_that_dies_and_comes_back_is_found_again(private):
    private.start()

    async def scene() -> None:
        await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(shoot())
            await us.sent()
            private.stop(roughly=True)
            await reached(lambda: not us.bus.connected)
            us.notifier.show(shoot())
            await us.sent()
            private.start()
            again = await FakeNotifications(first=7).start(private.address)
            await reached(lambda: us.bus.owner(SERVER))
            us.notifier.show(shoot())
            await us.sent()
            assert list(again.shown) == [7]
            assert again.shown[7][1] == 0  # numbers of the server before mean nothing here

    played(scene)


def test_question_comes_back_from_a_new_server_until_it_is_answered(private):
    private.start()

    async def scene() -> None:
        async with notifying(private) as us:
            us.notifier.show(question())  # nobody there to show it
            us.notifier.show(shoot())
            await us.sent()
            await reached(lambda: us.unshown == ["card:1"])
            assert not us.notifier.can_ask
            server = await FakeNotifications().start(private.address)
            await reached(lambda: server.shown)
            await us.sent()
            assert [body[TITLE] for body in server.shown.values()] == ["New card: EOS_DIGITAL"]
            assert us.notifier.can_ask
            await server.stop()
            await reached(lambda: not us.bus.owner(SERVER))
            second = await FakeNotifications(first=9).start(private.address)
            await reached(lambda: second.shown)
            assert second.shown[9][EXPIRES] == 0
            await second.press(9, "import")
            await reached(lambda: us.pressed)
            await second.stop()
            third = await FakeNotifications().start(private.address)
            await reached(lambda: us.bus.owner(SERVER))
            await us.sent()
            assert us.pressed == [("card:1", "import")]
            assert not third.history

    played(scene)


def test_question_that_was_closed_meanwhile_is_not_asked_later(private):
    private.start()

    async def scene() -> None:
        async with notifying(private) as us:
            us.notifier.show(question())
            await us.sent()
            us.notifier.close("card:1")
            await us.sent()
            server = await FakeNotifications().start(private.address)
            await reached(lambda: us.notifier.can_ask)
            us.notifier.show(shoot())
            await us.sent()
            assert [body[TITLE] for body in server.history] == ["Rated: 2026-11-21"]

    played(scene)


def test_question_that_was_put_away_is_not_asked_again_by_a_new_server(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(question())
            await us.sent()
            await server.end(1, 2)
            await reached(lambda: us.notifier._shown["card:1"].question is None)
            await server.stop()
            await reached(lambda: not us.notifier.can_ask)
            second = await FakeNotifications().start(private.address)
            await reached(lambda: us.notifier.can_ask)
            us.notifier.show(shoot())
            await us.sent()
            assert [body[TITLE] for body in second.history] == ["Rated: 2026-11-21"]

    played(scene)


def test_server_that_shows_a_click_as_a_button_gets_no_button_twice(private):
    private.start()

    def xfce(member: str) -> Any:
        return ("ssss", ["Xfce Notify Daemon", "Xfce", "0.6", "1.2"]) if member == "GetServerInformation" else None

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        server.behaves = xfce
        async with notifying(private) as us:
            us.notifier.show(shoot())
            await us.sent()
            assert server.shown[1][ACTIONS] == ["open", "Open folder", "undo", "Undo", "pause", "Pause"]

    played(scene)


def test_closing_takes_it_away_and_an_answered_question_too(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(question())
            await us.sent()
            us.notifier.close("card:1")
            us.notifier.close("never shown")
            await us.sent()
            await reached(lambda: not server.shown)

    played(scene)


def test_press_that_is_told_after_the_end_still_counts(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            us.notifier.show(question())
            await us.sent()
            await server.end(1, 2)
            await server.press(1, "rate", closes=False)
            await reached(lambda: us.pressed)
            assert us.pressed == [("card:1", "rate")]

    played(scene)


def test_presses_of_others_are_not_ours(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        stranger = await FakeService("org.example.Stranger", lambda _message: NEVER).start(private.address)
        async with notifying(private) as us:
            us.notifier.show(question())
            await us.sent()
            await server.press(2, "import", closes=False)  # a notification of another program
            forged = Message.new_signal(SERVER_PATH, SERVER, "ActionInvoked", "us", [1, "import"])
            forged.destination = us.bus._link.unique_name
            await stranger.send(forged)
            await stranger.signal(SERVER_PATH, SERVER, "ActionInvoked", "us", [1, "import"])
            await server.service.signal(SERVER_PATH, SERVER, "ActionInvoked", "s", ["of another form"])
            await server.press(1, "ignore", closes=False)
            await reached(lambda: us.pressed)
            assert us.pressed == [("card:1", "ignore")]

    played(scene)


def test_server_that_answers_an_error_harms_nothing(private):
    private.start()

    def refuses(member: str) -> Any:
        if member == "Notify":
            raise Trouble("org.freedesktop.DBus.Error.LimitsExceeded")

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        server.behaves = refuses
        async with notifying(private) as us:
            us.notifier.show(shoot())
            await us.sent()
            server.behaves = None
            us.notifier.show(shoot())
            await us.sent()
            assert len(server.shown) == 1

    played(scene)


def test_server_that_never_answers_harms_nothing(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        server.behaves = lambda member: NEVER
        async with notifying(private, timeout_s=0.1) as us:
            us.notifier.show(shoot())
            us.notifier.show(question())
            await us.sent()
            server.behaves = None
            us.notifier.show(shoot())
            await us.sent()
            assert len(server.shown) == 1

    played(scene)


@pytest.mark.parametrize("answer", [("s", ["no number"]), ("", []), ("uu", [1, 2])], ids=["text", "nothing", "two"])
def test_server_that_answers_nonsense_harms_nothing(private, answer):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        server.behaves = lambda member: answer
        async with notifying(private) as us:
            us.notifier.show(shoot())
            await us.sent()
            server.behaves = None
            us.notifier.show(shoot())
            await us.sent()
            assert len(server.shown) == 1

    played(scene)


def test_months_of_shoots_are_not_all_remembered(private):
    private.start()

    async def scene() -> None:
        server = await FakeNotifications().start(private.address)
        async with notifying(private) as us:
            for number in range(KEPT + 50):
                us.notifier.show(shoot(f"shoot:{number}"))
            await us.sent()
            assert len(us.notifier._shown) == KEPT
            assert len(server.history) == KEPT

    played(scene)


def test_bus_that_dies_again_and_again_leaves_no_descriptor_behind(private):
    async def scene() -> None:
        async with notifying(private) as us:
            counts = []
            for _ in range(12):
                private.start()
                await reached(lambda: us.bus.connected)
                us.notifier.show(shoot())
                await us.sent()
                counts.append(len(os.listdir("/proc/self/fd")))
                private.stop(roughly=True)
                await reached(lambda: not us.bus.connected)
            assert max(counts[2:]) <= counts[1]

    played(scene)


def test_bus_that_takes_connections_and_never_answers_is_given_up(private, monkeypatch):
    monkeypatch.setattr(bus_module, "CONNECT_S", 0.2)

    async def scene() -> None:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(private.socket))
            deaf.listen()
            async with notifying(private) as us:
                us.notifier.show(question())
                await us.sent()
                await reached(lambda: us.unshown == ["card:1"])
                assert not us.bus.connected

    played(scene)


def test_ending_meanwhile_leaves_nothing_open(private):
    private.start()

    async def scene() -> None:
        before = len(os.listdir("/proc/self/fd"))
        for moment in range(30):
            async with notifying(private) as us:
                us.notifier.show(shoot())
                for _ in range(moment):
                    await asyncio.sleep(0)
        assert len(os.listdir("/proc/self/fd")) <= before

    played(scene)


def test_address_that_means_nothing_is_no_bus():
    async def scene() -> None:
        for address in ("autolaunch:", "disabled:", "nonsense", "unix:path=/nonexistent/bus", None):
            bus = Bus(address=lambda address=address: address)
            notifier = Notifier(bus=bus, pressed=lambda *_: None)
            notifier.start()
            bus.start()
            notifier.show(shoot())
            await reached(lambda notifier=notifier: notifier.idle)
            await notifier.stop()
            await bus.close()

    played(scene)
