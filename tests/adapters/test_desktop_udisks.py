"""What udisks2 says of a card is read as it is, and each of its refusals becomes a sentence for a person."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, Variant

from safelight.desktop import udisks as module
from safelight.desktop.bus import Bus
from safelight.desktop.udisks import SERVICE, Udisks
from safelight.errors import EjectError
from tests.adapters.bus_scene import played, private_bus
from tests.fakes.bus import PrivateBus, missing
from tests.fakes.bus_services import NEVER, FakeService, Trouble

pytestmark = pytest.mark.skipif(bool(missing("dbus-daemon")), reason=missing("dbus-daemon"))

DRIVE = "/org/freedesktop/UDisks2/drives/Reader"
BLOCK = "/org/freedesktop/UDisks2/block_devices/sdc1"


@pytest.fixture
def private() -> Iterator[PrivateBus]:
    with private_bus() as bus:
        yield bus.start()


class FakeUdisks:
    """One card in a reader."""

    def __init__(self, root: bytes, *, label: str = "EOS_DIGITAL", ejectable: bool = True) -> None:
        self.root = root
        self.label = label
        self.ejectable = ejectable
        self.refuses: dict[str, str] = {}  # member: name of the error
        self.silent: set[str] = set()
        self.service = FakeService(SERVICE, self._answer)

    @property
    def members(self) -> list[str]:
        return [call.member for call in self.service.calls]

    def _answer(self, message: Message) -> Any:
        if message.member in self.silent:
            return NEVER
        if message.member in self.refuses:
            raise Trouble(f"org.freedesktop.UDisks2.Error.{self.refuses[message.member]}")
        if message.member == "GetManagedObjects":
            return "a{oa{sa{sv}}}", [self._objects()]
        return "", []

    def _objects(self) -> dict[str, Any]:
        block = {
            "IdLabel": Variant("s", self.label),
            "IdUUID": Variant("s", "1234-ABCD"),
            "IdType": Variant("s", "vfat"),
            "PreferredDevice": Variant("ay", b"/dev/sdc1\0"),
            "Drive": Variant("o", DRIVE),
            "ReadOnly": Variant("b", True),
        }
        drive = {
            "Vendor": Variant("s", "Generic"),
            "Model": Variant("s", "SD Reader"),
            "Removable": Variant("b", True),
            "Ejectable": Variant("b", self.ejectable),
        }
        return {
            "/org/freedesktop/UDisks2/block_devices/sda": {"org.freedesktop.UDisks2.Block": {}},
            BLOCK: {
                "org.freedesktop.UDisks2.Block": block,
                "org.freedesktop.UDisks2.Filesystem": {"MountPoints": Variant("aay", [self.root + b"\0"])},
            },
            DRIVE: {"org.freedesktop.UDisks2.Drive": drive},
        }


@asynccontextmanager
async def asking(private: PrivateBus, fake: FakeUdisks | None) -> AsyncIterator[Udisks]:
    if fake is not None:
        await fake.service.start(private.address)
    bus = Bus(address=lambda: private.address)
    bus.start()
    yield Udisks(bus=bus)
    await bus.close()


def test_device_is_found_by_where_it_is_mounted_whatever_bytes_that_has(private, tmp_path):
    root = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9 \n"))
    fake = FakeUdisks(bytes(root), label="<b>EOS\u202e</b>")

    async def scene() -> None:
        async with asking(private, fake) as udisks:
            found = await udisks.device(root)
            assert found is not None
            assert (found.label, found.uuid, found.kind, found.device) == (
                "<b>EOS\u202e</b>",
                "1234-ABCD",
                "vfat",
                "/dev/sdc1",
            )
            assert (found.drive, found.removable, found.ejectable, found.read_only) == (
                "Generic SD Reader",
                True,
                True,
                True,
            )
            assert await udisks.device(tmp_path) is None

    played(scene)


def test_ejecting_unmounts_and_then_opens_the_drive(private, tmp_path):
    fake = FakeUdisks(bytes(tmp_path))

    async def scene() -> None:
        async with asking(private, fake) as udisks:
            await udisks.eject(tmp_path)
            assert [(call.member, call.path) for call in fake.service.calls[-2:]] == [
                ("Unmount", BLOCK),
                ("Eject", DRIVE),
            ]

    played(scene)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("DeviceBusy", "is still in use by another program"),
        ("NotAuthorized", "may not be ejected by you"),
        ("NotAuthorizedDismissed", "no password was given"),
        ("AlreadyUnmounting", "is being ejected already"),
        ("Timedout", "did not answer in time"),
        ("SomethingNew", "could not be ejected"),
    ],
)
def test_refusal_is_told_in_plain_words_and_the_drive_is_left_alone(private, tmp_path, error, said):
    fake = FakeUdisks(bytes(tmp_path))
    fake.refuses["Unmount"] = error

    async def scene() -> None:
        async with asking(private, fake) as udisks:
            with pytest.raises(EjectError) as told:
                await udisks.eject(tmp_path, label="EOS_DIGITAL")
            assert said in told.value.summary
            assert told.value.summary.startswith("The card EOS_DIGITAL ") and told.value.hint
            assert "Eject" not in fake.members

    played(scene)


def test_card_that_is_unmounted_already_is_no_failure(private, tmp_path):
    fake = FakeUdisks(bytes(tmp_path))
    fake.refuses["Unmount"] = "NotMounted"

    async def scene() -> None:
        async with asking(private, fake) as udisks:
            await udisks.eject(tmp_path)
            await udisks.eject(tmp_path / "never mounted")

    played(scene)


def test_drive_that_does_not_open_is_no_failure(private, tmp_path):
    fake = FakeUdisks(bytes(tmp_path))
    fake.refuses["Eject"] = "Failed"

    async def scene() -> None:
        async with asking(private, fake) as udisks:
            await udisks.eject(tmp_path)
            assert fake.members[-1] == "Eject"

    played(scene)


def test_drive_that_cannot_open_is_not_asked_to(private, tmp_path):
    fake = FakeUdisks(bytes(tmp_path), ejectable=False)

    async def scene() -> None:
        async with asking(private, fake) as udisks:
            await udisks.eject(tmp_path)
            assert fake.members[-1] == "Unmount"

    played(scene)


def test_unmounting_that_never_ends_is_told(private, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "UNMOUNT_S", 0.1)
    fake = FakeUdisks(bytes(tmp_path))
    fake.silent.add("Unmount")

    async def scene() -> None:
        async with asking(private, fake) as udisks:
            with pytest.raises(EjectError, match="did not answer in time"):
                await udisks.eject(tmp_path)

    played(scene)


def test_without_udisks_a_card_has_no_name_and_ejecting_says_what_to_do(private, tmp_path):
    async def scene() -> None:
        async with asking(private, None) as udisks:
            assert await udisks.device(tmp_path) is None
            with pytest.raises(EjectError) as told:
                await udisks.eject(tmp_path)
            assert "file manager" in told.value.hint

    played(scene)


def test_without_a_bus_ejecting_says_so_at_once(tmp_path):
    async def scene() -> None:
        udisks = Udisks(bus=Bus(address=lambda: None))
        async with asyncio.timeout(1):
            assert await udisks.device(tmp_path) is None
            with pytest.raises(EjectError):
                await udisks.eject(tmp_path)

    played(scene)
