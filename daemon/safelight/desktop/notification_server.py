"""Speaks with the desktop's notification server, whichever it is, in the words of the notification specification 1.2.

Servers differ: some have no buttons, some read markup in the text, one hides the text when it is given a progress
value (so `value` is never sent), and each forgets all numbers when it ends. What a server can do is asked once for each
owner of the name. Markup is escaped only for a server that reads it, and only in the body: a title is never markup.
Invariant: what is sent is valid UTF-8 without control characters and of bounded length, whatever a name held.
"""

import html
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dbus_fast import Variant

from safelight.desktop.bus import CALL_S, Bus, Refused

SERVICE = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
LONGEST_TITLE = 200
LONGEST_BODY = 2000
BY_CLICK = "default"  # the key that the specification gives to a click beside the buttons
# Servers that show a button for such a click, too, so that it would stand there twice.
_CLICK_IS_A_BUTTON = ("Xfce Notify Daemon",)

# Where servers tell that nothing is to be shown now: the specification's later property (KDE), and dunst's own.
_QUIET = ((SERVICE, "Inhibited"), ("org.dunstproject.cmd0", "paused"))

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the server that is there can do."""

    name: str = ""
    buttons: bool = False
    markup: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be shown; `replaces` is the number of the notification whose place it takes, 0: none."""

    title: str
    body: str
    buttons: tuple[tuple[str, str], ...] = ()  # key and label
    by_click: str = ""  # the label of what a click beside the buttons does, for those who cannot see it
    instead: str = ""  # said in the body where the server has no buttons
    replaces: int = 0
    stays: bool = False  # until it is answered
    hints: tuple[tuple[str, str, Any], ...] = ()  # name, D-Bus type, value


class NotificationServer:
    """The server behind `org.freedesktop.Notifications`; numbers are those of its present owner."""

    def __init__(self, *, bus: Bus, icon: str, timeout_s: float = CALL_S) -> None:
        self._bus = bus
        self._icon = icon
        self._timeout_s = timeout_s
        self._abilities: Abilities | None = None

    def attach(
        self,
        *,
        owned: Callable[[str], None],
        pressed: Callable[[int, str], None],
        closed: Callable[[int, int], None],
    ) -> None:
        """Call back with a new owner ("" for none), with a press (number, key) and with an end (number, reason)."""

        def changed(owner: str) -> None:
            self._abilities = None
            owned(owner)

        self._bus.follow(SERVICE, changed)
        self._bus.listen(SERVICE, SERVICE, "ActionInvoked", lambda body: pressed(*_told(body, int, str)), path=PATH)
        self._bus.listen(SERVICE, SERVICE, "NotificationClosed", lambda body: closed(*_told(body, int, int)), path=PATH)

    async def abilities(self) -> Abilities:
        """Return what the server can do; raises Refused where there is none."""
        if self._abilities is None:
            (told,) = await self._call("GetCapabilities", gives="as")
            try:
                name = str((await self._call("GetServerInformation", gives="ssss"))[0])
            except Refused:
                name = ""
            self._abilities = Abilities(name=name, buttons="actions" in told, markup="body-markup" in told)
        return self._abilities

    async def quiet(self) -> bool:
        """Return whether the person wants to see no notifications now, as far as the server tells."""
        for interface, name in _QUIET:
            try:
                (told,) = await self._bus.call(
                    SERVICE,
                    PATH,
                    "org.freedesktop.DBus.Properties",
                    "Get",
                    "ss",
                    [interface, name],
                    gives="v",
                    timeout_s=self._timeout_s,
                    may_start=False,
                )
            except Refused:
                continue
            if told.value is True:
                return True
        return False

    async def show(self, letter: Letter) -> int:
        """Show a letter and return its number; raises Refused where that is not possible."""
        able = await self.abilities()
        pairs = letter.buttons if able.buttons else ()
        if pairs and letter.by_click and able.name not in _CLICK_IS_A_BUTTON:
            pairs = ((BY_CLICK, letter.by_click), *pairs)
        body = letter.body if able.buttons else f"{letter.body} {letter.instead}".strip()
        body = _clean(body, LONGEST_BODY)
        (number,) = await self._call(
            "Notify",
            "susssasa{sv}i",
            [
                "Safelight",
                letter.replaces,
                self._icon,
                _clean(letter.title, LONGEST_TITLE).replace("\n", " "),
                html.escape(body, quote=False) if able.markup else body,
                [_clean(part, LONGEST_TITLE) for pair in pairs for part in pair],
                _hints(letter),
                0 if letter.stays else -1,
            ],
            gives="u",
        )
        return int(number)

    async def close(self, number: int) -> None:
        """Take a notification away; raises Refused where the server does not."""
        await self._call("CloseNotification", "u", [number], gives="")

    async def _call(self, member: str, signature: str = "", body: Sequence[Any] = (), *, gives: str) -> list[Any]:
        return await self._bus.call(
            SERVICE, PATH, SERVICE, member, signature, body, gives=gives, timeout_s=self._timeout_s
        )


def _hints(letter: Letter) -> Mapping[str, Variant]:
    return {name: Variant(kind, value) for name, kind, value in letter.hints}


def _told(body: Sequence[Any], *kinds: type) -> Sequence[Any]:
    """Return the body of a signal; one of another form is answered by a number that no notification has."""
    if len(body) == len(kinds) and all(isinstance(part, kind) for part, kind in zip(body, kinds, strict=True)):
        return body
    _LOG.debug("A signal of the notification server has an unknown form: %r", body)
    return [kind() for kind in kinds]


def _clean(text: str, longest: int) -> str:
    """Return a text that D-Bus carries and a server shows as it is: no control characters but newlines."""
    valid = text.encode("utf-8", "backslashreplace").decode("utf-8")
    plain = "".join(each if each == "\n" or each.isprintable() else _escape(each) for each in valid)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
