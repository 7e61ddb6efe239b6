"""Serves the lamp and its menu to whatever panel shows such things, and outlives it.

    panel = Panel(address=..., look=look, chosen=..., patience_s=60.0)
    panel.show(look)            # from any thread, as often as you like
    served = panel.run()        # in the main thread; False: there is nobody to serve

Panels keep a list of lamps at one name on the bus, the watcher. It may not be there yet when the desktop starts, and
goes and comes back with the panel, so that its coming is waited for by a signal of the bus, and the lamp is registered
anew each time. Looks are shown at most four times a second, the newest always.
Invariant: nothing is done while nothing changes; no failure of a panel or of the bus leaves this module.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError

from safelight.tray.dbusmenu import MenuOnBus
from safelight.tray.entries import Act
from safelight.tray.lamps import Lamps
from safelight.tray.look import Look
from safelight.tray.sni import MENU_PATH, PATH, LampOnBus

WATCHER = "org.kde.StatusNotifierWatcher"
_WATCHER_PATH = "/StatusNotifierWatcher"
_SHOWN_S = 0.25  # between two looks; a count that runs faster cannot be read
_REFUSALS = (OSError, EOFError, ValueError, AuthError, DBusError)  # of a bus that is not there or not for us


class Panel:
    """The tray as a panel shows it that speaks StatusNotifierItem."""

    def __init__(
        self, *, address: str, look: Look, chosen: Callable[[Act], None], patience_s: float, lamps: Lamps | None = None
    ) -> None:
        """Prepare; `address` is that of the session's bus, `patience_s` how long the first watcher is waited for."""
        self._address = address
        self._patience_s = patience_s
        self._look = look
        self._lamp = LampOnBus(look, lamps=lamps or Lamps(), opened=lambda: None)
        self._menu = MenuOnBus(chosen=chosen)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._left = asyncio.Event()
        self._seen = asyncio.Event()
        self._waits: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = False

    def show(self, look: Look) -> None:
        """Show a look, now or a moment later with what has come until then."""
        self._look = look
        self._soon(self._plan)

    def leave(self) -> None:
        """End `run`."""
        self._gone = True
        self._soon(self._left.set)

    def run(self) -> bool:
        """Serve until told to leave, by `leave`, SIGTERM or SIGINT, or by the end of the session.

        Return False when there is no bus, or when no watcher has come within the patience.
        """
        return asyncio.run(self._serve())

    def _soon(self, what: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(what)

    def _plan(self) -> None:
        if self._waits is None and self._loop is not None:
            self._show()
            self._waits = self._loop.call_later(_SHOWN_S, self._again, self._look)

    def _again(self, shown: Look) -> None:
        self._waits = None
        if self._look != shown:
            self._plan()

    def _show(self) -> None:
        self._lamp.show(self._look)
        self._menu.show(self._look.entries)

    async def _serve(self) -> bool:
        try:
            bus = await MessageBus(bus_address=self._address).connect()
        except _REFUSALS:
            return False
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():  # only there Python hears signals
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.leave)
        bus.export(PATH, self._lamp)
        bus.export(MENU_PATH, self._menu)
        self._loop = loop
        self._show()
        if self._gone:  # before there was a loop to be told
            self._left.set()
        try:
            return await self._stay(bus)
        except _REFUSALS:
            return self._seen.is_set()
        finally:
            self._loop = None
            bus.disconnect()

    async def _stay(self, bus: MessageBus) -> bool:
        """Register now and whenever a watcher comes, until told to leave or the bus ends."""
        name = f"org.kde.StatusNotifierItem-{os.getpid()}-1"
        bus.add_message_handler(lambda message: self._heard(bus, name, message))
        await bus.request_name(name)
        await _call(bus, "AddMatch", f"type='signal',member='NameOwnerChanged',arg0='{WATCHER}'")
        await self._register(bus, name)
        seen = asyncio.create_task(self._seen.wait())
        ends = [asyncio.create_task(self._left.wait()), asyncio.create_task(_ended(bus))]
        try:
            await asyncio.wait([seen, *ends], timeout=self._patience_s, return_when=asyncio.FIRST_COMPLETED)
            if self._seen.is_set():
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return self._seen.is_set() or any(end.done() for end in ends)
        finally:
            for task in (seen, *ends):
                task.cancel()

    def _heard(self, bus: MessageBus, name: str, message: Message) -> None:
        if _watcher_came(message):
            task = asyncio.create_task(self._register(bus, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _register(self, bus: MessageBus, name: str) -> None:
        message = Message(
            destination=WATCHER,
            path=_WATCHER_PATH,
            interface=WATCHER,
            member="RegisterStatusNotifierItem",
            signature="s",
            body=[name],
            flags=MessageFlag.NO_AUTOSTART,
        )
        with suppress(*_REFUSALS):
            reply = await bus.call(message)
            if reply.message_type is MessageType.METHOD_RETURN:
                self._seen.set()


def _watcher_came(message: Message) -> bool:
    if message.member != "NameOwnerChanged" or message.signature != "sss":
        return False
    name, _before, now = message.body
    return bool(name == WATCHER and now)


async def _ended(bus: MessageBus) -> None:
    with suppress(*_REFUSALS):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


async def _call(bus: MessageBus, member: str, text: str) -> None:
    name = "org.freedesktop.DBus"
    await bus.call(
        Message(
            destination=name, path="/org/freedesktop/DBus", interface=name, member=member, signature="s", body=[text]
        )
    )
