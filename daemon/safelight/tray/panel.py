"""Serves the lamp and its menu to whatever panel shows such things, and outlives it.

    panel = Panel(address=..., look=look, chosen=..., patience_s=60.0)
    panel.show(look)            # from any thread, as often as you like
    served = panel.run()        # in the main thread; False: there is nobody to serve

Panels keep a list of lamps at one name on the bus, the watcher. It may not be there yet when the desktop starts, and
goes and comes back with the panel, so that its coming is waited for by a signal of the bus, and the lamp is registered
anew each time. Looks are shown at most four times a second, the newest always.
A connection that is lost is made anew, unless the bus is gone, and that is the end of the session.
Invariant: nothing is done while nothing changes; no failure of a panel or of the bus leaves this module.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from safelight.tray.connection import REFUSALS, connected, ended
from safelight.tray.dbusmenu import MenuOnBus
from safelight.tray.entries import Act
from safelight.tray.lamps import Lamps
from safelight.tray.look import Look
from safelight.tray.sni import MENU_PATH, PATH, LampOnBus

WATCHER = "org.kde.StatusNotifierWatcher"
_WATCHER_PATH = "/StatusNotifierWatcher"
_SHOWN_S = 0.25  # between two looks; a count that runs faster cannot be read
_AGAIN_S = 0.5  # until a connection that was lost is made anew; at the end of a session there is no bus any more
_BUS = "org.freedesktop.DBus"


class Panel:
    """The tray as a panel shows it that speaks StatusNotifierItem."""

    def __init__(self, *, address: str, look: Look, chosen: Callable[[Act], None], patience_s: float) -> None:
        """Prepare; `address` is that of the session's bus, `patience_s` how long the first watcher is waited for."""
        self._address = address
        self._patience_s = patience_s
        self._look = look
        self._chosen = chosen
        self._lamps = Lamps()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shown: _Shown | None = None
        self._left = asyncio.Event()
        self._waits: asyncio.TimerHandle | None = None
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
        return asyncio.run(self._run())

    def _soon(self, what: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(what)

    def _plan(self) -> None:
        if self._waits is None and self._loop is not None and self._shown is not None:
            self._shown.show(self._look)
            self._waits = self._loop.call_later(_SHOWN_S, self._again, self._look)

    def _again(self, shown: Look) -> None:
        self._waits = None
        if self._look != shown:
            self._plan()

    async def _run(self) -> bool:
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():  # only there Python hears signals
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self.leave)
        if self._gone:  # before there was a loop to be told
            self._left.set()
        served = False
        try:
            while not self._left.is_set():
                ended = await self._serve(first=not served)
                if ended is not _End.LOST:
                    return served or ended is _End.LEFT
                served = True
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._left.wait(), _AGAIN_S)
            return True
        finally:
            self._loop = None

    async def _serve(self, *, first: bool) -> "_End":
        """Serve over one connection; return how that ended."""
        try:
            bus = await connected(self._address)
        except REFUSALS:
            return _End.NOBODY
        self._shown = _Shown(bus, look=self._look, lamps=self._lamps, chosen=self._chosen)
        try:
            return await self._stay(bus, self._shown, patience_s=self._patience_s if first else None)
        except REFUSALS:
            return _End.LOST
        finally:
            self._shown = None
            bus.disconnect()

    async def _stay(self, bus: MessageBus, shown: "_Shown", *, patience_s: float | None) -> "_End":
        await shown.begin()
        left, lost = asyncio.create_task(self._left.wait()), asyncio.create_task(ended(bus))
        seen = asyncio.create_task(shown.seen.wait())
        try:
            await asyncio.wait([seen, left, lost], timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            if shown.seen.is_set():
                await asyncio.wait([left, lost], return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                return _End.LEFT
            return _End.LOST if lost.done() else _End.NOBODY
        finally:
            for task in (seen, left, lost):
                task.cancel()


class _End(Enum):
    """How serving over one connection ended."""

    LEFT = "told to leave"
    LOST = "the connection ended"
    NOBODY = "nobody was there"


class _Shown:
    """The lamp and its menu on one connection, and its registering."""

    def __init__(self, bus: MessageBus, *, look: Look, lamps: Lamps, chosen: Callable[[Act], None]) -> None:
        self._bus = bus
        self._name = f"org.kde.StatusNotifierItem-{os.getpid()}-1"
        self._lamp = LampOnBus(look, lamps=lamps)
        self._menu = MenuOnBus(chosen=chosen)
        self._menu.show(look.entries)
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen = asyncio.Event()  # a watcher knows of the lamp

    def show(self, look: Look) -> None:
        """Show a look, and tell of what in it is new."""
        self._lamp.show(look)
        self._menu.show(look.entries)

    async def begin(self) -> None:
        """Put both on the bus, and register now and whenever a watcher comes."""
        self._bus.export(PATH, self._lamp)
        self._bus.export(MENU_PATH, self._menu)
        self._bus.add_message_handler(self._heard)
        await self._bus.request_name(self._name)
        await self._bus.call(
            Message(
                destination=_BUS,
                path="/org/freedesktop/DBus",
                interface=_BUS,
                member="AddMatch",
                signature="s",
                body=[f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{WATCHER}'"],
            )
        )
        await self._register()

    def _heard(self, message: Message) -> None:
        if _watcher_came(message):
            task = asyncio.create_task(self._register())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _register(self) -> None:
        message = Message(
            destination=WATCHER,
            path=_WATCHER_PATH,
            interface=WATCHER,
            member="RegisterStatusNotifierItem",
            signature="s",
            body=[self._name],
            flags=MessageFlag.NO_AUTOSTART,
        )
        with suppress(*REFUSALS):
            reply = await self._bus.call(message)
            if reply.message_type is MessageType.METHOD_RETURN:
                self.seen.set()


def _watcher_came(message: Message) -> bool:
    if message.member != "NameOwnerChanged" or message.signature != "sss":
        return False
    name, _before, now = message.body
    return bool(name == WATCHER and now)
