"""Lets a notifier run as it does in the daemon: in a loop of its own thread, called from another."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from safelight.desktop.bus import Bus
from safelight.desktop.notifications import Notifier
from safelight.domain.notices import Notice
from tests.fakes.bus import until


class Notifying:
    """A notifier at work; `pressed` holds what a person pressed."""

    def __init__(self, address: str, *, icon: str, pace_s: float = 0.1) -> None:
        self.pressed: list[tuple[str, str]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.bus, self.notifier = self._within(self._make, address, icon, pace_s)

    def _make(self, address: str, icon: str, pace_s: float) -> tuple[Bus, Notifier]:
        bus = Bus(address=lambda: address, first_retry_s=0.05)
        notifier = Notifier(bus=bus, pressed=lambda *what: self.pressed.append(what), icon=icon, pace_s=pace_s)
        notifier.start()
        bus.start()
        return bus, notifier

    def _within(self, call: Callable[..., Any], *arguments: Any) -> Any:
        async def do() -> Any:
            return call(*arguments)

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(timeout=10)

    def show(self, notice: Notice) -> None:
        """Show a notice, and wait until the server has it."""
        self._within(self.notifier.show, notice)
        until(lambda: self._within(lambda: self.notifier.idle), told="the notice to be sent")

    def number(self, key: str) -> int:
        """Return the number that the server gave to a key."""
        return self._within(lambda: self.notifier._shown[key].number)

    def stop(self) -> None:
        async def end() -> None:
            await self.notifier.stop()
            await self.bus.close()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
