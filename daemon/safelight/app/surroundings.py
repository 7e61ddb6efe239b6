"""Speaks with the desktop from the main thread: notifications, removable disks, power, sleep.

D-Bus is loaded only after the daemon is ready. Other threads call `show`, `close` and `eject` here, which leave the
work to the main thread's loop and return at once.
Invariant: without a bus, or without a desktop, everything here is a quiet nothing and the daemon works on.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app.letters import Bell, Letterbox, Pressed, Unshown
from safelight.desktop.power import PowerSupply, Processors
from safelight.domain.notices import Notice, Topic
from safelight.domain.restraint import Leave, Rules, leave
from safelight.errors import EjectError, SafelightError

if TYPE_CHECKING:
    from safelight.desktop.bus import Bus
    from safelight.desktop.notifications import Notifier
    from safelight.desktop.power_bus import PowerBus
    from safelight.desktop.udisks import Udisks

_DESKTOP_TRIES, _DESKTOP_TRY_S = 30, 0.1  # a session that is starting has its notifications a little later
FILES = "org.freedesktop.FileManager1"


class Surroundings:
    """What the desktop and the machine offer."""

    def __init__(self, *, in_loop: Callable[[Callable[[], object]], None]) -> None:
        """`in_loop` has something done by the main thread."""
        self._in_loop = in_loop
        self._rules = Rules(processors=1)
        self._supply = PowerSupply()
        self._processors = Processors()
        self._leave: Leave | None = None
        self._session: Bus | None = None
        self._system: Bus | None = None
        self._notifier: Notifier | None = None
        self._power: PowerBus | None = None
        self._disks: Udisks | None = None
        self._silent: frozenset[Topic] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, environ: Mapping[str, str], box: Letterbox) -> None:
        """Connect to both buses, in the running loop; what is not there is waited for without an end."""
        from safelight.desktop.bus import Bus, session_address, system_address
        from safelight.desktop.notifications import Notifier
        from safelight.desktop.power_bus import PowerBus
        from safelight.desktop.udisks import Udisks

        self._session = Bus(address=lambda: session_address(environ))
        self._system = Bus(address=lambda: system_address(environ))
        self._notifier = Notifier(
            bus=self._session,
            pressed=lambda key, button: box.put(Pressed(key, button)),
            unshown=lambda key: box.put(Unshown(key)),
        )
        self._notifier.silence(self._silent)
        self._power = PowerBus(
            bus=self._system, changed=lambda: box.put(Bell.POWER), woke=lambda: box.put(Bell.RESUMED)
        )
        self._disks = Udisks(bus=self._system)
        self._notifier.start()
        self._session.start()
        self._system.start()
        self._keep(self._wait_for_desktop(box, hoped=session_address(environ) is not None))

    async def _wait_for_desktop(self, box: Letterbox, *, hoped: bool) -> None:
        """Say when it is known whether somebody can be asked, or when it has not been known for long enough."""
        assert self._notifier is not None
        for _ in range(_DESKTOP_TRIES if hoped else 0):
            if self._notifier.can_ask:
                break
            await asyncio.sleep(_DESKTOP_TRY_S)
        box.put(Bell.DESKTOP)

    async def close(self) -> None:
        """Disconnect."""
        if self._notifier is not None:
            await self._notifier.stop()
        for bus in (self._session, self._system):
            if bus is not None:
                await bus.close()

    def configure(self, *, rules: Rules, silent: frozenset[Topic]) -> None:
        """Take other settings; from any thread."""
        self._rules, self._silent = rules, silent
        notifier = self._notifier
        if notifier is not None:
            self._in_loop(lambda: notifier.silence(silent))

    def restraint(self) -> str:
        """Return why the machine should not be worked now, as one sentence; empty when it may. From one thread."""
        saver = self._power.saver if self._power is not None else None
        self._leave = leave(
            power=self._supply.read(saver=saver),
            load=self._processors.read(),
            rules=self._rules,
            now_s=time.monotonic(),
            before=self._leave,
        )
        return "" if self._leave.may else self._leave.why

    def slowly(self) -> bool:
        """Tell whether others need the machine and work goes on all the same."""
        return self._leave is not None and self._leave.may and bool(self._leave.why)

    def can_ask(self) -> bool:
        """Tell whether there is somebody who shows questions; from any thread."""
        return self._notifier is not None and self._notifier.can_ask and Topic.CARD not in self._silent

    def show(self, notice: Notice) -> None:
        """Show a notice; from any thread."""
        self._in_loop(lambda: self._notifier.show(notice) if self._notifier is not None else None)

    def take_away(self, key: str) -> None:
        """Take a notice away; from any thread."""
        self._in_loop(lambda: self._notifier.close(key) if self._notifier is not None else None)

    async def eject(self, root: Path, *, label: str) -> None:
        """Unmount a card. Raises EjectError."""
        if self._disks is None:
            raise EjectError("The card cannot be ejected yet.", hint="Try again in a moment.", path=root)
        await self._disks.eject(root, label=label)

    def eject_soon(self, root: Path, *, label: str, done: Callable[[str], None]) -> None:
        """Unmount a card, from any thread; `done` is told what went wrong, or nothing, by the main thread."""
        self._in_loop(lambda: self._keep(self._eject(root, label, done)))

    async def _eject(self, root: Path, label: str, done: Callable[[str], None]) -> None:
        try:
            await self.eject(root, label=label)
        except SafelightError as error:
            done(error.told)
        else:
            done("")

    def open_folder(self, folder: Path) -> None:
        """Let the file manager show a folder; from any thread. Without one, nothing happens."""
        self._in_loop(lambda: self._keep(self._open(folder)))

    async def _open(self, folder: Path) -> None:
        from safelight.desktop.bus import Refused

        if self._session is None:
            return
        address = "file://" + "".join(_quoted(byte) for byte in os.fsencode(folder))
        try:
            path = "/org/freedesktop/FileManager1"
            await self._session.call(FILES, path, FILES, "ShowFolders", "ass", [[address], ""], gives="")
        except Refused:
            return  # no file manager answers; the notice says where the folder is

    def _keep(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _quoted(byte: int) -> str:
    letter = chr(byte)
    return letter if letter.isascii() and (letter.isalnum() or letter in "/-._~") else f"%{byte:02X}"
