"""Tells of volumes that are mounted and unmounted, and which of them tell nothing of changes by themselves.

The kernel reports a change of its mount table to whoever polls it, without any privilege and without waking us
otherwise. What is mounted in one's place between two looks is told by the number that the kernel gives each mount.
Invariant: nothing here touches a volume; a server that does not answer harms nobody who asks only here.
"""

import os
import re
import select
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from safelight.watching.volumes import MOUNT_TABLE, Mount

_READ_BYTES = 1 << 16
_JOIN_S = 2.0
_ESCAPE = re.compile(rb"\\([0-7]{3})")

# Other computers change what is on these, and the kernel here hears nothing of it (inotify(7), "Limitations"). FUSE is
# whatever its program makes of it; fuseblk alone is a disk in this computer (ntfs-3g, exfat-fuse).
_TELL_NOTHING = frozenset(
    "9p afs beegfs ceph cifs coda davfs drvfs fuse gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs prl_fs "
    "smb3 smbfs vboxsf virtiofs vmhgfs".split()
)

MountKey = tuple[bytes, bytes]  # number of the mount, device


def tells_nothing(kind: str) -> bool:
    """Tell whether changes on a file system of this kind can happen without a raw event."""
    return kind in _TELL_NOTHING or kind.startswith("fuse.")


def mounted(table: Path = MOUNT_TABLE) -> dict[MountKey, Mount]:
    """Return what is mounted, in the order of the kernel (proc_pid_mountinfo(5)); empty if it cannot be read."""
    try:
        return _parsed(table.read_bytes())
    except OSError:
        return {}


def kind_at(path: Path, mounts: Mapping[MountKey, Mount]) -> str:
    """Return the kind of file system that a path lies on, by the table alone; empty when the table is."""
    by_root = {mount.root: mount.kind for mount in mounts.values()}  # a later one covers an earlier one
    return next((by_root[place] for place in (path, *path.parents) if place in by_root), "")


class MountTable:
    """Calls `changed` with what has appeared and what is gone, on a thread of its own that otherwise sleeps."""

    def __init__(
        self, *, changed: Callable[[tuple[Mount, ...], tuple[Mount, ...]], None], table: Path = MOUNT_TABLE
    ) -> None:
        self._changed = changed
        self._table = table
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="safelight-mounts", daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        """Begin; what is mounted already is not told. Returns when no later change can be missed."""
        self._thread.start()
        self._ready.wait()

    def close(self) -> None:
        """End the thread."""
        if self._thread.is_alive():
            os.write(self._wake_write, b"!")
            if self._thread is threading.current_thread():
                return
            self._thread.join(_JOIN_S)
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)

    def _run(self) -> None:
        try:
            descriptor = os.open(self._table, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # no such table on this system: nothing is ever told
            self._ready.set()
            return
        try:
            self._follow(descriptor)
        finally:
            os.close(descriptor)

    def _follow(self, descriptor: int) -> None:
        poller = select.poll()
        poller.register(descriptor, select.POLLPRI)  # POLLERR is always told, and is what the kernel says here
        poller.register(self._wake_read, select.POLLIN)
        known = _read(descriptor)
        self._ready.set()
        while self._wake_read not in [ready for ready, _ in poller.poll()]:
            found = _read(descriptor)
            appeared = tuple(mount for key, mount in found.items() if known.get(key) != mount)
            gone = tuple(mount for key, mount in known.items() if found.get(key) != mount)
            known = found
            if appeared or gone:
                self._changed(appeared, gone)


def _read(descriptor: int) -> dict[MountKey, Mount]:
    os.lseek(descriptor, 0, os.SEEK_SET)
    parts = []
    while part := os.read(descriptor, _READ_BYTES):
        parts.append(part)
    return _parsed(b"".join(parts))


def _parsed(table: bytes) -> dict[MountKey, Mount]:
    found = {}
    for line in table.splitlines():
        before, _, after = line.partition(b" - ")
        fields, told = before.split(), after.split()
        if len(fields) >= 5 and told:
            place = _ESCAPE.sub(lambda escape: bytes([int(escape[1], 8) & 0xFF]), fields[4])
            found[fields[0], fields[2]] = Mount(Path(os.fsdecode(place)), os.fsdecode(told[0]))
    return found
