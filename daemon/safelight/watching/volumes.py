"""Tells volumes apart: which one a path lies on, and whether it is a card, which Safelight only ever reads.

A card is a mounted volume with a DCIM folder at its root (the DCF standard, JEITA CP-3461: cameras write below DCIM).
A DCIM folder inside a home folder is an ordinary copy and may get sidecars.
A volume is told by where it is mounted, its device, the id that its file system gives itself and its kind, all asked
afresh each time: after an unmount the same path lies on another volume, and nothing on the missing one was deleted.
Invariant: nothing here touches an automount point, and an unreadable mount table never raises.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safelight.ports import VolumeIdentity
from safelight.watching.reading import small_file

MOUNT_TABLE = Path("/proc/self/mountinfo")
_MOST_BYTES = 4 << 20  # a machine with thousands of containers has a few hundred KB

# What the kernel shows as mounted and holds nobody's files; autofs would mount something by being looked at.
_NO_FILES = frozenset(
    (
        "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue "
        "nsfs proc pstore ramfs rpc_pipefs securityfs selinuxfs sysfs tracefs fuse.gvfsd-fuse fuse.portal "
        "fuse.lxcfs fuse.snapfuse squashfs"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the mount table."""

    root: Path
    kind: str


@dataclass(frozen=True, slots=True)
class _Line:
    """One mount in proc_pid_mountinfo(5): its ids, its device, which folder of that is shown, where, and the kind."""

    number: bytes
    above: bytes
    device: bytes
    shown: Path
    root: Path
    kind: str


def mounts(table: Path = MOUNT_TABLE) -> tuple[Mount, ...]:
    """Return what is mounted, in the order of the kernel; where two share a root, the later one covers the other.

    Left out is a mount that shows just what would be there without it. A sandbox makes such ones, to write in one place
    and not in another: a folder is on the same volume inside and outside of it.
    """
    lines = tuple(_lines(small_file(table, limit=_MOST_BYTES) or b""))
    by_number = {line.number: line for line in lines}
    return tuple(Mount(line.root, line.kind) for line in lines if not _shows_the_same(line, by_number.get(line.above)))


def _shows_the_same(line: _Line, above: _Line | None) -> bool:
    if above is None or line is above or line.device != above.device or not line.root.is_relative_to(above.root):
        return False
    return line.shown == above.shown / line.root.relative_to(above.root)


def _lines(table: bytes) -> Iterator[_Line]:
    for line in table.splitlines():
        before, _, after = line.partition(b" - ")
        fields, told = before.split(), after.split()
        if len(fields) >= 5 and told:
            shown, root = (Path(os.fsdecode(_unescaped(field))) for field in fields[3:5])
            yield _Line(fields[0], fields[1], fields[2], shown, root, os.fsdecode(told[0]))


def file_mounts(table: Path = MOUNT_TABLE) -> tuple[Mount, ...]:
    """Return the mounted volumes that can hold a person's files."""
    return tuple(mount for mount in mounts(table) if mount.kind not in _NO_FILES)


def mount_root(path: Path) -> Path:
    """Return the root of the mounted volume that `path` (absolute) lies on."""
    return next((parent for parent in (path, *path.parents) if os.path.ismount(parent)), Path("/"))


class CardVolumes:
    """The Volumes of this machine's mounts."""

    def card_root(self, path: Path) -> Path | None:
        """Return the root of the card that `path` (absolute) lies on, None when it lies on no card."""
        root = mount_root(path)
        if root == Path("/"):
            return None
        return root if any((root / name).is_dir() for name in ("DCIM", "dcim")) else None


class MountedVolumes:
    """The Mounts of this machine.

    `f_fsid` is the file system's own id on ext4, btrfs and f2fs; XFS, FAT and exFAT make it from the device number,
    so it may differ after the stick was put in again; NFS and many FUSE file systems say 0, which tells nothing.
    """

    def __init__(self, *, table: Path = MOUNT_TABLE) -> None:
        self._table = table

    def identity(self, path: Path) -> VolumeIdentity | None:
        """Return the identity of the volume `path` (absolute) lies on or would lie on; None if it cannot be told."""
        for place in (path, *path.parents):
            try:
                status, system = os.stat(place), os.statvfs(place)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, ValueError):  # an I/O error or a lost server: gone is not what that says
                return None
            mount = self._mount_of(Path(os.path.realpath(place)))
            return VolumeIdentity(mount.root, status.st_dev, system.f_fsid, mount.kind)
        return None

    def _mount_of(self, place: Path) -> Mount:
        by_root = {mount.root: mount for mount in mounts(self._table)}
        around = (by_root[each] for each in (place, *place.parents) if each in by_root)
        return next(around, None) or Mount(mount_root(place), "")


def _unescaped(field: bytes) -> bytes:
    for code, letter in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        field = field.replace(code, letter)
    return field
