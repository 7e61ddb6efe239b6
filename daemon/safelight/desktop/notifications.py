"""Shows notices on the desktop: one for each key, replaced in place, and none where there is nobody to show them.

A shoot grows for minutes, so what tells only of progress is held back to a slow pace, is not shown while the person
wants quiet, and is not shown again once it was put away or has expired: only the outcome is. A question waits: it comes
back when the server is replaced, until it is answered or put away.
Sending goes through one task, so a server that is slow, answers an error or never answers delays notices and nothing
else; the newest notice of a key takes the place of one that was not sent yet.
Invariant: no method raises or waits; what cannot be shown is dropped. All runs in the loop that `start` was called in.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from safelight.desktop.bus import CALL_S, Bus, Refused
from safelight.desktop.notification_server import BY_CLICK, SERVICE, Letter, NotificationServer
from safelight.domain.notices import Notice, Topic, Urgency

PACE_S = 2.0  # between two updates of progress of one key
KEPT = 200  # keys that are remembered; a shoot of months ago cannot be pressed any more
_URGENCY = {Urgency.LOW: 0, Urgency.NORMAL: 1}
_CATEGORY = {Topic.SHOOT: "transfer.complete", Topic.CARD: "device", Topic.TROUBLE: "device.error"}

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Shown:
    """What is known of a key: its number at the server, and whether it is still to be seen there."""

    topic: Topic
    by_click: str = ""
    number: int = 0
    up: bool = False
    ended: bool = False  # put away or expired, so that mere progress does not come back
    next_s: float = 0.0  # the loop's clock: no update of progress before
    question: Notice | None = None  # not answered yet


class Notifier:
    """Shows, replaces and closes notices; `pressed` is called with the key of a notice and of its button.

    `unshown` is called with the key of a question that nobody could show, so that it is not waited for in vain; should
    a server come later, it is asked after all, unless it was closed.
    `icon` is the name of an icon of the theme, or the address of a file (file://).
    """

    def __init__(
        self,
        *,
        bus: Bus,
        pressed: Callable[[str, str], None],
        unshown: Callable[[str], None] = lambda _key: None,
        icon: str = "safelight",
        desktop_entry: str = "safelight",
        pace_s: float = PACE_S,
        timeout_s: float = CALL_S,
    ) -> None:
        self._server = NotificationServer(bus=bus, icon=icon, timeout_s=timeout_s)
        self._bus = bus
        self._pressed = pressed
        self._unshown = unshown
        self._entry = desktop_entry
        self._pace_s = pace_s
        self._silent: frozenset[Topic] = frozenset()
        self._shown: dict[str, _Shown] = {}
        self._queue: dict[str, Notice | None] = {}  # None: close it
        self._held: dict[str, Notice] = {}  # progress whose time has not come
        self._sending = ""
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._server.attach(owned=self._owned, pressed=self._button, closed=self._closed)

    def start(self) -> None:
        """Begin to send, in the running loop; the bus is started by whoever made it, afterwards."""
        self._task = asyncio.get_running_loop().create_task(self._send_all(), name="notices")

    async def stop(self) -> None:
        """Stop sending; what is shown stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def can_ask(self) -> bool:
        """Return whether there is likely someone to ask: a server, or one that can be started. Any thread may ask."""
        return self._bus.reachable(SERVICE)

    @property
    def idle(self) -> bool:
        """Return whether nothing waits to be sent."""
        return not (self._queue or self._held or self._sending)

    def silence(self, topics: Iterable[Topic]) -> None:
        """Show nothing of these topics from now on; what of them is shown is taken away."""
        self._silent = frozenset(topics)
        for key, shown in list(self._shown.items()):
            if shown.topic in self._silent:
                self.close(key)

    def show(self, notice: Notice) -> None:
        """Show a notice in place of the one with its key; returns at once."""
        self._held.pop(notice.key, None)
        if notice.topic in self._silent:
            return
        shown = self._known(notice)
        if notice.progress:
            if shown.ended:
                return
            early_s = shown.next_s - asyncio.get_running_loop().time()
            if early_s > 0:
                self._held[notice.key] = notice
                asyncio.get_running_loop().call_later(early_s, self._release, notice)
                return
        self._put(notice.key, notice)

    def close(self, key: str) -> None:
        """Take the notice of a key away, if it is still to be seen."""
        self._held.pop(key, None)
        if key in self._shown:
            self._shown[key].question = None
            self._put(key, None)

    def _known(self, notice: Notice) -> _Shown:
        shown = self._shown.pop(notice.key, None) or _Shown(notice.topic)
        self._shown[notice.key] = shown  # the newest last
        while len(self._shown) > KEPT:
            self._shown.pop(next(iter(self._shown)))
        shown.question = notice if notice.waits else None
        shown.ended = shown.ended and notice.progress
        return shown

    def _release(self, notice: Notice) -> None:
        if self._held.get(notice.key) is notice:
            self.show(notice)

    def _put(self, key: str, notice: Notice | None) -> None:
        self._queue[key] = notice
        self._woken.set()

    async def _send_all(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._queue:
                key = next(iter(self._queue))
                self._sending, notice = key, self._queue.pop(key)
                try:
                    await self._send(key, notice)
                except Refused as error:  # no bus, no server, or one that does not want it
                    _LOG.debug("A notice could not be shown or closed: %s", error)
                    if notice is not None and notice.waits:
                        asyncio.get_running_loop().call_soon(self._unshown, key)
                finally:
                    self._sending = ""

    async def _send(self, key: str, notice: Notice | None) -> None:
        shown = self._shown.get(key)
        if shown is None:
            return
        if notice is None:
            del self._shown[key]
            if shown.up:
                await self._server.close(shown.number)
            return
        if notice.progress:
            shown.next_s = asyncio.get_running_loop().time() + self._pace_s
            if await self._server.quiet():
                return
        shown.by_click = notice.by_click or ""
        number = await self._server.show(self._letter(notice, replaces=shown.number if shown.up else 0))
        shown.number, shown.up = number, True

    def _letter(self, notice: Notice, *, replaces: int) -> Letter:
        buttons = [(button.press.value, button.label) for button in notice.buttons]
        hints: list[tuple[str, str, Any]] = [
            ("urgency", "y", _URGENCY[notice.urgency]),
            ("category", "s", "transfer" if notice.progress else _CATEGORY[notice.topic]),
            ("desktop-entry", "s", self._entry),
        ]
        if notice.progress:
            # Neither kept in a list of past notifications nor heard.
            hints += [("transient", "b", True), ("suppress-sound", "b", True)]
        return Letter(
            title=notice.title,
            body=notice.body,
            buttons=tuple(buttons),
            by_click=next((label for press, label in buttons if press == notice.by_click), ""),
            instead=notice.instead,
            replaces=replaces,
            stays=notice.waits,
            hints=tuple(hints),
        )

    def _owned(self, owner: str) -> None:
        """Forget the numbers of a server that is gone; ask again, of a new one, what was not answered."""
        for key, shown in self._shown.items():
            shown.number, shown.up = 0, False
            if owner and shown.question is not None and key not in self._queue and key != self._sending:
                self._put(key, shown.question)

    def _button(self, number: int, button: str) -> None:
        key = self._key(number)
        if key is None:
            return
        shown = self._shown[key]
        press = shown.by_click if button == BY_CLICK else button
        shown.question = None
        if press:
            self._pressed(key, press)

    def _closed(self, number: int, _reason: int) -> None:
        key = self._key(number)
        if key is not None:
            # The number stays known: some servers tell of the end first, and of the press that caused it afterwards.
            self._shown[key].up = False
            self._shown[key].ended = True
            self._shown[key].question = None

    def _key(self, number: int) -> str | None:
        return next((key for key, shown in self._shown.items() if number and shown.number == number), None)
