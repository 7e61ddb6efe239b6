"""Watches one root by inotify through all that can befall it: absent, deleted, renamed, replaced, unmounted, back.

The kernel tells of a root only what happens to the folder itself, so the folders above it are watched too, for nothing
but their own going; where the root is missing, the nearest folder above waits for the next name on the way to it.
Whenever one of them speaks, or the mount table does, it is asked afresh whether the same folder still stands there.
Lost events are told of only when a walk has put every watch in its place again: a scan after that misses nothing.
Invariant: a root that moves away, is replaced or unmounted is told as Missed and never as the loss of its files.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from safelight.ports import Clock
from safelight.ports.watching import Missed, Sink, Why
from safelight.watching.inotify import CREATED, MOVED_TO, OVERFLOW, SELF_GONE, RawEvent, RawEvents
from safelight.watching.inotify_hints import Hints, spoken
from safelight.watching.inotify_watches import Watches
from safelight.watching.lane import Lane

_SPACING_S = 1.0  # between two walks, or as long as the last one took: a storm must find us reading, not walking
_FIRST_WALK_S = 1.0  # where folders were known, others are looked for when the program has started
_UNMOUNT_S = 0.2  # every folder of a volume tells of its unmount
_AGAIN_S = 60.0  # until a root is tried again that the system has no watch for
_JOIN_S = 2.0

Standing = tuple[int, int]  # device and inode


class InotifyRoot:
    """One root; `outside` names folders below it that are looked after by timed scans."""

    def __init__(self, *, root: Path, sink: Sink, clock: Clock, lane: Lane, outside: Callable[[str], bool]) -> None:
        self._root = root
        self._path = str(root)
        self._sink = sink
        self._clock = clock
        self._lane = lane
        self._outside = outside
        self._life = threading.RLock()
        self._closed = False
        self._kernel: RawEvents | None = None
        self._watches: Watches | None = None
        self._hints: Hints | None = None
        self._sentinels: dict[int, bytes | None] = {}
        self._standing: Standing | None = None
        self._astray = False
        self._unmounted = False
        self._told_short = False
        self._notes = threading.Lock()  # of what three threads write down below
        self._whys: dict[tuple[Path, Why], None] = {}
        self._next_walk_s = 0.0
        self._lost_volumes: set[Path] = set()

    def open(self, known: Iterable[Path | str], *, why: Why = Why.STARTED) -> None:
        """Watch the root and the folders that are known below it; the rest is looked for on the lane.

        `why` is what is told when all stands: STARTED, or what has happened to the volume.
        """
        paths = [str(path) for path in known]
        with self._life:
            self._stand()
            if self._watches is not None:
                self._watches.put_known(paths)
                self._again(self._root, why, after_s=_FIRST_WALK_S if paths else 0.0)
            elif _standing(self._path) is None:
                self._lane.put(lambda: self._tell(self._root, why if why is Why.UNMOUNTED else Why.ROOT_GONE))

    def close(self) -> None:
        """Stop watching."""
        with self._life:
            self._closed = True
            self._fall()

    def directories(self) -> int:
        """Return how many folders are watched."""
        watches = self._watches
        return 0 if watches is None else len(watches.tree)

    def mounts_changed(self, appeared: Sequence[Path], gone: Sequence[Path]) -> None:
        """Take note of what the mount table says of this root and of what is below it."""
        if any(self._root.is_relative_to(place) for place in (*appeared, *gone)):
            self._unmounted |= any(self._root.is_relative_to(place) for place in gone)
            self._lane.put(self._assess)
        inside = [place for place in gone if self._root in place.parents]
        if inside:
            self._volumes_lost(inside)
        for place in appeared:
            if self._root in place.parents:
                self._again(place, Why.MOUNTED)

    def _stand(self) -> None:
        """Open an instance and watch the root; where the root is not, wait for it."""
        self._astray = False
        self._sentinels = {}
        try:
            kernel = RawEvents(receive=self._receive)
        except OSError:  # no instance is left for this user
            self._fall_short()
            return
        self._kernel = kernel
        missing = _standing(self._path) is None
        self._guard(kernel, missing=missing)
        self._standing = _standing(self._path)  # again, now that no change goes unseen
        if self._standing is None and not missing:
            self._guard(kernel, missing=True)
            self._standing = _standing(self._path)
        if self._standing is not None:
            try:
                self._watches = Watches(root=self._path, kernel=kernel, outside=self._outside)
                self._hints = Hints(watches=self._watches, sentinels=self._sentinels)
            except OSError:
                self._fall_short()
        kernel.start()

    def _guard(self, kernel: RawEvents, *, missing: bool) -> None:
        """Watch the folders above the root for their own going; wait for the root where it is missing."""
        below = self._root
        for above in self._root.parents:
            mask = SELF_GONE | (CREATED | MOVED_TO if missing else 0)
            try:
                self._sentinels[kernel.add(str(above), mask)] = os.fsencode(below.name) if missing else None
            except OSError:  # missing itself, or not ours to read
                missing = missing and not above.is_dir()
            else:
                missing = False
            below = above

    def _fall(self) -> None:
        """Let go of all watches."""
        kernel, self._kernel, self._watches, self._hints = self._kernel, None, None, None
        if kernel is not None:
            kernel.stop()
            if kernel is not threading.current_thread():
                kernel.join(_JOIN_S)

    def _fall_short(self) -> None:
        self._standing = None
        self._tell_short()
        self._lane.put(self._assess, after_s=_AGAIN_S)

    def _receive(self, raw: Sequence[RawEvent]) -> None:
        """Read raw events; on the thread of the kernel's reader."""
        watches, hints = self._watches, self._hints
        if watches is None or hints is None:
            if any(mask & OVERFLOW or spoken(self._sentinels, watch, mask, name) for watch, mask, _, name in raw):
                self._lane.put(self._assess)
            return
        with watches.lock:
            reading = hints.read(raw, self._clock.now())
        if reading.astray:
            self._astray = True
            self._unmounted |= reading.root_unmounted
            self._lane.put(self._assess)
        for noticed in () if self._astray else reading.noticed:  # their paths are of a place that is another's now
            self._sink(noticed)
        if reading.unmounted:
            self._volumes_lost(map(Path, reading.unmounted))
        if reading.overflow:
            self._again(self._root, Why.OVERFLOW)
        if watches.short:
            self._tell_short()

    def _assess(self) -> None:
        """Ask whether what is watched is what stands at the path; stand there anew if it is not."""
        with self._life:
            before, now = self._standing, _standing(self._path)
            unmounted, self._unmounted = self._unmounted, False
            if self._closed or (now is not None and now == before and not self._astray and self._watches is not None):
                return
            self._fall()
            self._stand()
            if self._standing is None:
                if before is not None:
                    away = unmounted or _device_near(self._root) != before[0]
                    self._tell(self._root, Why.UNMOUNTED if away else Why.ROOT_GONE)
                return
            if before is not None and before[0] == self._standing[0]:
                self._tell(self._root, Why.ROOT_GONE)
            self._next_walk_s = 0.0  # another tree
            self._again(self._root, _why_back(before, self._standing, unmounted=unmounted))

    def _volumes_lost(self, places: Iterable[Path]) -> None:
        with self._notes:
            self._lost_volumes.update(places)
        self._lane.put(self._after_unmount, after_s=_UNMOUNT_S)

    def _after_unmount(self) -> None:
        """Tell of each volume that went, once, and watch what its mount point holds now."""
        with self._notes:
            lost, self._lost_volumes = self._lost_volumes, set()
        for place in lost:
            if lost.isdisjoint(place.parents):
                self._again(place, Why.UNMOUNTED)

    def _again(self, place: Path, why: Why, *, after_s: float = 0.0) -> None:
        """Walk the whole root on the lane, and then tell what was missed where."""
        with self._notes:
            first = not self._whys
            self._whys[place, why] = None
        if first or not after_s:
            self._lane.put(self._walk, after_s=max(after_s, self._next_walk_s - time.monotonic()))

    def _walk(self) -> None:
        with self._notes:
            whys, self._whys = self._whys, {}
        watches = self._watches
        if not whys or watches is None:
            return
        begun_s = time.monotonic()
        watches.walk(lambda: self._lane.closed or self._watches is not watches)
        now_s = time.monotonic()
        self._next_walk_s = now_s + max(_SPACING_S, now_s - begun_s)
        for place, why in whys:
            self._tell(place, why)
        self._told_short &= watches.short
        if watches.short:
            self._tell_short()

    def _tell_short(self) -> None:
        if not self._told_short:
            self._told_short = True
            self._tell(self._root, Why.NO_WATCHES)

    def _tell(self, place: Path, why: Why) -> None:
        if not self._closed:
            self._sink(Missed(place, why))


def _standing(path: str) -> Standing | None:
    """Return which folder is at a path, None when none is: nothing, a file, a link."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _device_near(path: Path) -> int | None:
    """Return the device of a path, or of the nearest folder above it that is there."""
    return next((found[0] for place in (path, *path.parents) if (found := _standing(str(place)))), None)


def _why_back(before: Standing | None, now: Standing, *, unmounted: bool) -> Why:
    """Say why a root has to be looked at that stands again, or another one in its place."""
    if before is None:
        return Why.ROOT_BACK
    if before[0] == now[0]:
        return Why.ROOT_BACK
    return Why.UNMOUNTED if unmounted else Why.MOUNTED
