"""Cards that come and go in a mount table of the test's own: no other program sees them, nor the cards of others.

A card is a tmpfs, or a file with a file system in it. Photographs on it are small and differ from each other.
"""

import ctypes
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from safelight.cards.presence import cards_among
from safelight.control.client import Client
from safelight.control.messages import CardSeen, Status
from safelight.watching.volumes import file_mounts
from tests.end_to_end.daemons import Home, until
from tests.faults.shoot import jpeg, put

CARDS = '[work]\nwhen_busy = "work"\n[learn]\nblind_share = 0.0\n[cards]\n'
SBIN = os.environ["PATH"] + ":/usr/sbin:/sbin"
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS of unshare(2)


def run(*command: str | Path) -> str:
    """Run a program as root, or skip the test where that is not possible here."""
    environ = os.environ | {"PATH": SBIN}
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, env=environ)
    refused = r"permission denied|not permitted|unknown filesystem|no such device|fuse device not found"
    if done.returncode and re.search(refused, done.stderr, re.I):
        pytest.skip(f"{command[0]} is not possible here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def own_mounts() -> Iterator[None]:
    """Give this thread, and what it starts, a mount table of its own, without any card in it."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount disks")
    library, here = ctypes.CDLL(None, use_errno=True), Path.cwd()
    before = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if library.unshare(_NEW_MOUNTS):
            pytest.skip(f"a mount table of one's own is not possible here: {os.strerror(ctypes.get_errno())}")
        try:
            run("mount", "--make-rprivate", "/")
            for card in cards_among(file_mounts()):
                run("umount", "-l", card.root)
            yield
        finally:
            assert library.setns(before, _NEW_MOUNTS) == 0
            os.chdir(here)
    finally:
        os.close(before)


class Slots:
    """Where cards are put in below a folder."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.place = place / "media"
        self.place.mkdir()

    def at(self, name: str) -> Path:
        """Return where a card of this name is seen."""
        return self.place / name

    def prepared(self, name: str, *, kind: str = "ext4", megabytes: int = 64) -> Path:
        """Return the file of a new card that is not put in yet."""
        image = self._place / f"{name}.img"
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        makers = {"ext4": ("mkfs.ext4", "-q", "-F", "-L", name), "exfat": ("mkfs.exfat", "-L", name)}
        if shutil.which(makers[kind][0], path=SBIN) is None:
            pytest.skip(f"needs {makers[kind][0]}")
        run(*makers[kind], image)
        return image

    def put_in(self, name: str, *options: str, kind: str = "ext4") -> Path:
        """Mount the card of this name."""
        image, root = self._place / f"{name}.img", self.at(name)
        root.mkdir(exist_ok=True)
        if kind == "exfat":
            device = run("losetup", "--find", "--show", image).strip()
            try:
                run("mount.exfat-fuse", *options, device, root)
            finally:
                run("losetup", "--detach", device)  # done by the kernel once it is unmounted
        else:
            run("mount", "-o", ",".join(("loop", *options)), image, root)
        return root

    def filled(self, name: str, frames: int = 6, *, kind: str = "ext4", first: int = 1, films: int = 0) -> Path:
        """Make a card with photographs on it and take it out again; return its file."""
        image = self.prepared(name, kind=kind, megabytes=64 + 40 * films)
        root = self.put_in(name, kind=kind)
        shoot(root, frames, first=first)
        for number in range(films):
            film(root, number)
        self.take_out(name)
        return image

    def take_out(self, name: str) -> None:
        """Unmount a card; whoever has something open there is waited for."""
        root = self.at(name)
        until(
            lambda: subprocess.run(["umount", str(root)], capture_output=True, check=False).returncode == 0,
            most_s=30.0,
            why=f"{root} stays busy",
        )

    def pull(self, name: str) -> None:
        """Take a card out while it is being used."""
        run("umount", "-l", self.at(name))

    def memory(self, name: str, megabytes: int = 64, *options: str) -> Path:
        """Put in an empty volume that is held in memory."""
        root = self.at(name)
        root.mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", ",".join((f"size={megabytes}m", *options)), "none", root)
        return root


def shoot(root: Path, frames: int, *, first: int = 1, folder: str = "100SAFE") -> list[Path]:
    """Write photographs onto a card as a camera does."""
    (root / "DCIM" / folder).mkdir(parents=True, exist_ok=True)
    names = ((number, root / "DCIM" / folder / f"IMG_{number:04d}.JPG") for number in range(first, first + frames))
    return [put(path, jpeg(number, second=number * 7 + 60, side=240)) for number, path in names]


def film(root: Path, number: int, *, megabytes: int = 40) -> Path:
    """Write a film onto a card."""
    folder = root / "DCIM/100SAFE"
    folder.mkdir(parents=True, exist_ok=True)
    block = os.urandom(1 << 20)
    return put(folder / f"MVI_{number:04d}.MP4", b"".join(bytes([n]) + block[1:] for n in range(megabytes)))


def pictures(folder: Path) -> list[Path]:
    """Return the photographs below a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".jpg" and not path.name.startswith("."))


def rated(folder: Path, number: int) -> bool:
    """Tell whether there are so many photographs below a folder, each with its sidecar."""
    found = pictures(folder)
    return len(found) == number and all(path.with_name(path.name + ".xmp").exists() for path in found)


def status(home: Home) -> Status:
    """Return what the daemon says of itself."""
    client = Client.connect(home.runtime / "safelight/control.sock")
    assert client is not None, "no daemon answers"
    with client:
        return client.status()


def card(home: Home, name: str) -> CardSeen | None:
    """Return what is said of the card of this name, None when it is not here."""
    return next((each for each in status(home).cards if Path(each.root).name == name), None)


def until_card(home: Home, name: str, state: str, *, most_s: float = 90.0) -> CardSeen:
    """Wait until a card is in a state, and return what is said of it."""
    seen: list[CardSeen | None] = [None]

    def there() -> bool:
        seen[0] = card(home, name)
        return seen[0] is not None and seen[0].state == state

    try:
        until(there, most_s=most_s)
    except AssertionError:
        raise AssertionError(f"{name} is not {state}: {seen[0]}; {status(home)}") from None
    assert seen[0] is not None
    return seen[0]


def until_quiet(home: Home, *, most_s: float = 60.0) -> Status:
    """Wait until the daemon has nothing to do, and return what it says."""
    try:
        return until(lambda: (now := status(home)).state == "idle" and not now.waiting and now, most_s=most_s)
    except AssertionError:
        raise AssertionError(f"it is not idle: {status(home)}") from None
