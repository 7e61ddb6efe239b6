"""What the test of udisks2 does within a mount namespace of its own: a card in a file, real udevd and udisksd.

Run as root by `unshare --mount`; prints one JSON object of what was seen. Nothing of it is left when it ends.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safelight.desktop.bus import Bus
from safelight.desktop.udisks import Device, Udisks
from safelight.errors import EjectError
from tests.fakes.bus import PrivateBus, until

UDEVD = ("/lib/systemd/systemd-udevd", "/usr/lib/systemd/systemd-udevd")
UUID = "6f1c2a52-9a0e-4f0c-8b52-3f4f5d1d9c11"
UDISKSD = "/usr/libexec/udisks2/udisksd"


def command(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


@contextmanager
def running(*words: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    started = subprocess.Popen(words, env=environ, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=10)


@contextmanager
def card(folder: Path, label: str) -> Iterator[str]:
    """Attach a file with a file system as a loop device; ext4, as not every kernel has FAT."""
    image = folder / "card.img"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    command("mkfs.ext4", "-q", "-F", "-L", label, "-U", UUID, str(image))
    device = command("losetup", "--find", "--show", str(image))
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=False)


async def known(udisks: Udisks, root: Path) -> Device | None:
    for _ in range(200):
        found = await udisks.device(root)
        if found is not None and found.label:
            return found
        await asyncio.sleep(0.05)
    return None


async def story(address: str, device: str, root: Path) -> dict[str, Any]:
    """Mount a card, ask for it, eject it while it is in use, and again when it is not."""
    bus = Bus(address=lambda: address, first_retry_s=0.05)
    bus.start()
    udisks = Udisks(bus=bus)
    told: dict[str, Any] = {}
    command("mount", "-o", "ro", device, str(root))
    found = await known(udisks, root)
    told["found"] = found and {"label": found.label, "uuid": found.uuid, "kind": found.kind, "device": found.device}
    held = os.open(root, os.O_RDONLY)
    try:
        await udisks.eject(root, label="EOS_DIGITAL")
        told["busy"] = ""
    except EjectError as error:
        told["busy"] = error.told
    told["mounted_while_busy"] = os.path.ismount(root)
    os.close(held)
    await udisks.eject(root)
    told["mounted_after"] = os.path.ismount(root)
    await udisks.eject(root)  # it is ejected already
    await bus.close()
    return told


def main() -> None:
    command("mount", "--make-rprivate", "/")
    command("mount", "-t", "tmpfs", "none", "/run")
    with tempfile.TemporaryDirectory(prefix="sl-", dir="/run") as name:
        folder = Path(name)
        root = folder / "card"
        root.mkdir()
        private = PrivateBus(folder).start()
        environ = os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": private.address}
        udevd = next(program for program in UDEVD if Path(program).exists())
        try:
            with running(udevd, environ=environ), running(UDISKSD, "--no-debug", environ=environ):
                until(lambda: Path("/run/udev/control").exists(), told="udevd")
                with card(folder, "EOS_DIGITAL") as device:
                    command(shutil.which("udevadm") or "udevadm", "settle", "--timeout=10")
                    json.dump(asyncio.run(story(private.address, device, root)), sys.stdout)
        finally:
            private.stop()


if __name__ == "__main__":
    main()
