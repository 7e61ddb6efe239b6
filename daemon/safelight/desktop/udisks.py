"""Asks udisks2 what a mounted device is called, and to unmount it, which needs no privileges there.

udisks2 describes all devices in one answer; a device is found by where it is mounted, compared as bytes, since a label
may be anything. Ejecting means: unmount what is mounted at that place, then let the drive open where it can. A card is
safe to remove once it is unmounted, so a drive that does not open (a reader with a second slot in use) is no failure.
Invariant: a failure to unmount is told in a sentence that says what the person can do, and leaves the card as it was.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbus_fast import Variant

from safelight.desktop.bus import Bus, Refused, Unanswered
from safelight.errors import EjectError

SERVICE = "org.freedesktop.UDisks2"
PATH = "/org/freedesktop/UDisks2"
LOOK_S = 10.0
UNMOUNT_S = 300.0  # all that is not written yet has to reach the card first

_BLOCK = f"{SERVICE}.Block"
_FILESYSTEM = f"{SERVICE}.Filesystem"
_DRIVE = f"{SERVICE}.Drive"

_Objects = Mapping[str, Mapping[str, Mapping[str, Variant]]]

# What udisks2 calls a failure: what it says to a person, and what they can do. Names of its interface, `udisks2(8)`.
_TOLD = {
    "DeviceBusy": ("is still in use by another program.", "Close what shows its photographs, then eject it again."),
    "AlreadyUnmounting": ("is being ejected already.", "Wait until all is written to it."),
    "NotAuthorized": ("may not be ejected by you.", "Eject it as the user who plugged it in, or as administrator."),
    "NotAuthorizedCanObtain": ("may not be ejected without a password.", "Eject it in the file manager."),
    "NotAuthorizedDismissed": ("was not ejected: no password was given.", "Eject it again and give the password."),
    "UnmountTimeout": ("did not answer in time.", "Wait until all is written to it, then eject it again."),
    "Timedout": ("did not answer in time.", "Wait until all is written to it, then eject it again."),
}


@dataclass(frozen=True, slots=True)
class Device:
    """What is mounted at one place; empty texts where the device has none. `drive` is maker and model."""

    path: str  # of the object in udisks2
    device: str  # /dev/sdc1
    label: str = ""
    uuid: str = ""
    kind: str = ""  # of the file system: vfat, exfat
    drive: str = ""
    drive_path: str = ""
    removable: bool = False
    ejectable: bool = False
    read_only: bool = False


class Udisks:
    """The disks of the computer, as udisks2 knows them."""

    def __init__(self, *, bus: Bus) -> None:
        self._bus = bus

    async def device(self, root: Path) -> Device | None:
        """Return what is mounted at `root`; None where udisks2 is not there or knows nothing of it."""
        try:
            return _found(await self._objects(), root)
        except Refused:
            return None

    async def eject(self, root: Path, *, label: str = "") -> None:
        """Unmount what is mounted at `root`, and open the drive where it can be; `label` names it in errors.

        Raises EjectError; a card that is no longer mounted is ejected already.
        """
        name = f"The card {label}" if label else f"The card at {_printable(root)}"
        try:
            found = _found(await self._objects(), root)
        except Refused as error:
            raise EjectError(
                f"{name} cannot be ejected: the disk service of this computer (udisks2) does not answer.",
                hint="Eject it in the file manager.",
                path=root,
            ) from error
        if found is None:
            if not os.path.ismount(root):
                return
            raise EjectError(
                f"{name} is no disk that udisks2 knows.",
                hint="Eject it by the program that made it available.",
                path=root,
            )
        await self._unmount(found, name, root)
        await self._open(found)

    async def _unmount(self, found: Device, name: str, root: Path) -> None:
        try:
            await self._bus.call(
                SERVICE, found.path, _FILESYSTEM, "Unmount", "a{sv}", [{}], gives="", timeout_s=UNMOUNT_S
            )
        except Refused as error:
            failure = error.name.rpartition(".")[2]
            if failure == "NotMounted":
                return
            if isinstance(error, Unanswered):
                failure = "UnmountTimeout"
            told, hint = _TOLD.get(failure, ("could not be ejected.", "Eject it in the file manager."))
            raise EjectError(f"{name} {told}", hint=hint, path=root) from error

    async def _open(self, found: Device) -> None:
        if not (found.ejectable and found.drive_path):
            return
        try:
            await self._bus.call(SERVICE, found.drive_path, _DRIVE, "Eject", "a{sv}", [{}], gives="")
        except Refused:
            return  # it is unmounted, which is what makes it safe

    async def _objects(self) -> _Objects:
        interface = "org.freedesktop.DBus.ObjectManager"
        (told,) = await self._bus.call(
            SERVICE, PATH, interface, "GetManagedObjects", gives="a{oa{sa{sv}}}", timeout_s=LOOK_S
        )
        objects: _Objects = told
        return objects


def _found(objects: _Objects, root: Path) -> Device | None:
    wanted = os.fsencode(root)
    for path, interfaces in objects.items():
        places = _value(interfaces, _FILESYSTEM, "MountPoints", [])
        if wanted not in [bytes(place).rstrip(b"\0") for place in places]:
            continue
        drive_path = str(_value(interfaces, _BLOCK, "Drive", ""))
        drive = objects.get(drive_path, {})
        maker, model = (str(_value(drive, _DRIVE, name, "")) for name in ("Vendor", "Model"))
        return Device(
            path=path,
            device=os.fsdecode(bytes(_value(interfaces, _BLOCK, "PreferredDevice", b"")).rstrip(b"\0")),
            label=str(_value(interfaces, _BLOCK, "IdLabel", "")),
            uuid=str(_value(interfaces, _BLOCK, "IdUUID", "")),
            kind=str(_value(interfaces, _BLOCK, "IdType", "")),
            drive=f"{maker} {model}".strip(),
            drive_path=drive_path if drive else "",
            removable=bool(_value(drive, _DRIVE, "Removable", False)),
            ejectable=bool(_value(drive, _DRIVE, "Ejectable", False)),
            read_only=bool(_value(interfaces, _BLOCK, "ReadOnly", False)),
        )
    return None


def _value(interfaces: Mapping[str, Mapping[str, Variant]], interface: str, name: str, otherwise: Any) -> Any:
    held = interfaces.get(interface, {}).get(name)
    return otherwise if held is None else held.value


def _printable(root: Path) -> str:
    return os.fsencode(root).decode("utf-8", "backslashreplace")
