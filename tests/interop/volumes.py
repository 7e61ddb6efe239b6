"""Disks that a test puts in and takes out: file systems in a file or in memory, mounted for real.

Mounting needs root; a computer without a file system's driver skips what needs it, and says so. FAT and exFAT through
the kernel or, for exFAT, through exfat-fuse. Whatever happens, nothing stays mounted after the test.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interop.library import need, run

SIZE = 40 << 20
FORMATS = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "vfat": ["mkfs.vfat"],
    "exfat": ["mkfs.exfat"],
}
KINDS = ("tmpfs", *FORMATS)
_SBIN = "/usr/sbin:/sbin"


def _mount(*arguments: "str | Path") -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if "unknown filesystem type" in done.stderr:
        pytest.skip(f"this kernel cannot mount it: {done.stderr.splitlines()[0].strip()}")
    assert done.returncode == 0, done.stderr


@dataclass
class Disk:
    """One disk: `insert` mounts it at a place, `remove` unmounts it."""

    kind: str
    base: Path
    name: str
    loop: str | None = None  # the loop device to use, if it must be a certain one
    place: Path | None = field(default=None, init=False)
    used: str | None = field(default=None, init=False)  # the loop device it was last put in as

    @property
    def image(self) -> Path:
        """Return the file, or the hidden mount, that holds the disk's content."""
        return self.base / f"{self.name}.{self.kind}"

    def format(self) -> "Disk":
        """Make an empty file system."""
        if self.kind == "tmpfs":
            self.image.mkdir(exist_ok=True)
            _mount("-t", "tmpfs", "-o", f"size={SIZE}", self.name, self.image)
            return self
        maker = FORMATS[self.kind][0]
        path = os.environ["PATH"] + ":" + _SBIN
        if shutil.which(maker, path=path) is None:
            pytest.skip(f"{maker} not installed here: packaging/interop.sh installs what these tests drive")
        with self.image.open("wb") as file:
            file.truncate(SIZE)
        run(*FORMATS[self.kind], self.image, environment=os.environ | {"PATH": path})
        return self

    def insert(self, place: Path) -> Path:
        """Mount the disk and return where it is."""
        assert self.place is None
        place.mkdir(parents=True, exist_ok=True)
        if self.kind == "tmpfs":
            _mount("--bind", self.image, place)
        else:
            self._insert_image(place)
        self.place = place
        return place

    def _insert_image(self, place: Path) -> None:
        if self.loop is None:
            self.used = run("losetup", "-f", "--show", self.image).strip()
        else:
            run("losetup", self.loop, self.image)
            self.used = self.loop
        try:
            if _kernel_knows(self.kind) or self.kind != "exfat" or not shutil.which("mount.exfat-fuse"):
                _mount("-t", self.kind, self.used, place)
            else:
                run("mount.exfat-fuse", self.used, place)
        except BaseException:
            run("losetup", "-d", self.used)
            raise

    def remove(self) -> None:
        """Unmount the disk."""
        assert self.place is not None
        run("umount", self.place)
        self.place = None
        if self.kind != "tmpfs":
            assert self.used is not None
            run("losetup", "-d", self.used)

    def destroy(self) -> None:
        """Leave nothing mounted."""
        if self.place is not None:
            self.remove()
        if self.kind == "tmpfs" and os.path.ismount(self.image):
            run("umount", self.image)


def _kernel_knows(kind: str) -> bool:
    return any(line.split()[-1] == kind for line in Path("/proc/filesystems").read_text().splitlines())


@contextmanager
def disks(base: Path, kind: str, *names: str) -> Iterator[tuple[Disk, ...]]:
    """Make empty disks of one kind; whatever is still mounted in the end is unmounted."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount disks")
    need("mount", "umount", "losetup")
    made: list[Disk] = []
    try:
        for name in names:
            disk = Disk(kind, base, name)
            made.append(disk)
            disk.format()
        yield tuple(made)
    finally:
        for disk in made:
            disk.destroy()


@contextmanager
def memory_volume(place: Path) -> Iterator[Path]:
    """Mount another volume at a place, for as long as the test needs it."""
    with disks(place.parent, "tmpfs", "memory") as (disk,):
        yield disk.insert(place)
