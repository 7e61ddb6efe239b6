"""Hears from the system's bus whether power is to be saved, and when the computer sleeps and wakes.

The desktop's switch for saving power belongs to power-profiles-daemon, which has had two names on the bus; whichever
answers counts. Both it and logind send signals, so nothing is asked twice and an idle computer stays idle. Neither
service is started for this.
Invariant: without them, `saver` is None and no sleep is ever told; both are known by other means (`desktop.power`,
and clocks).
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dbus_fast import Variant

from safelight.desktop.bus import Bus, Refused

LOGIND = "org.freedesktop.login1"
PROFILES = (
    ("org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles"),
    ("net.hadess.PowerProfiles", "/net/hadess/PowerProfiles"),  # its name until version 0.20
)
_PROPERTIES = "org.freedesktop.DBus.Properties"
_ACTIVE = "ActiveProfile"
_SAVING = "power-saver"
ASK_S = 5.0


class PowerBus:
    """What the system's bus tells of power; attached to a bus before that is started."""

    def __init__(
        self,
        *,
        bus: Bus,
        changed: Callable[[], None] = lambda: None,
        slept: Callable[[], None] = lambda: None,
        woke: Callable[[], None] = lambda: None,
    ) -> None:
        """Call `changed` when the profile changes, `slept` before the computer sleeps and `woke` after it."""
        self._bus = bus
        self._changed = changed
        self._slept = slept
        self._woke = woke
        self._profiles: dict[str, str] = {}
        self._asking: set[asyncio.Task[None]] = set()
        for service, path in PROFILES:
            bus.follow(service, partial(self._owned, service, path))
            bus.listen(service, _PROPERTIES, "PropertiesChanged", partial(self._told, service), path=path)
        bus.listen(LOGIND, f"{LOGIND}.Manager", "PrepareForSleep", self._sleeps, path="/org/freedesktop/login1")

    @property
    def saver(self) -> bool | None:
        """Return whether power is to be saved; None where no service tells."""
        return _SAVING in self._profiles.values() if self._profiles else None

    def _owned(self, service: str, path: str, owner: str) -> None:
        if not owner:
            self._keep(service, "")
            return
        task = asyncio.get_running_loop().create_task(self._ask(service, path))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, service: str, path: str) -> None:
        try:
            (told,) = await self._bus.call(
                service, path, _PROPERTIES, "Get", "ss", [service, _ACTIVE], gives="v", timeout_s=ASK_S, may_start=False
            )
        except Refused:
            return
        self._keep(service, _profile(told))

    def _told(self, service: str, body: Sequence[Any]) -> None:
        if len(body) > 1 and isinstance(body[1], dict) and _ACTIVE in body[1]:
            self._keep(service, _profile(body[1][_ACTIVE]))

    def _keep(self, service: str, profile: str) -> None:
        before = self.saver
        self._profiles.pop(service, None)
        if profile:
            self._profiles[service] = profile
        if self.saver != before:
            self._changed()

    def _sleeps(self, body: Sequence[Any]) -> None:
        if list(body) == [True]:
            self._slept()
        elif list(body) == [False]:
            self._woke()


def _profile(told: Any) -> str:
    return told.value if isinstance(told, Variant) and isinstance(told.value, str) else ""
