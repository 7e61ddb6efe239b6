"""Watches every folder that it is given, each in the way that its file system allows.

Local file systems tell of every change by inotify; network ones, FUSE and 9p know nothing of what others do there and
are looked at on a timer. Which is which is read from the mount table alone, so that a server that hangs is touched by
nobody but the thread that looks after it. What is mounted inside a watched folder may be of the other sort: it is left
out there and looked after by itself.
Invariant: every folder below a root belongs to exactly one of inotify or a timed scan at any time.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from safelight.ports import Clock
from safelight.ports.watching import Sink, Why
from safelight.watching.inotify_root import InotifyRoot
from safelight.watching.lane import Lane
from safelight.watching.mount_table import MountKey, MountTable, kind_at, mounted, tells_nothing
from safelight.watching.timed import TimedRoot
from safelight.watching.volumes import MOUNT_TABLE, Mount


@dataclass(slots=True)
class _Watched:
    """What looks after one root: inotify or a timed scan, and a timed scan for each silent volume inside."""

    whole: InotifyRoot | TimedRoot
    inside: dict[Path, TimedRoot] = field(default_factory=dict)


class FolderWatcher:
    """The Watcher of this machine. A root is absolute and without links in its path, as Scanner.root returns it."""

    def __init__(
        self,
        *,
        sink: Sink,
        clock: Clock,
        table: Path = MOUNT_TABLE,
        network_s: float = 60.0,
        silent: Callable[[str], bool] = tells_nothing,
    ) -> None:
        """`network_s`: seconds between two timed scans; `silent` tells which kinds of file system need them."""
        self._sink = sink
        self._clock = clock
        self._table = table
        self._network_s = network_s
        self._silent = silent
        self._lock = threading.RLock()
        self._roots: dict[Path, _Watched] = {}
        self._lane = Lane(name="safelight-watching")
        self._mounts = MountTable(changed=self._mounts_changed, table=table)
        self._mounts.start()
        self._silent_places = self._silent_in(mounted(table))

    def watch(self, root: Path, *, known: Iterable[Path | str] = ()) -> None:
        """Watch a folder; see ports.Watcher."""
        with self._lock:
            if root not in self._roots:
                self._roots[root] = self._begin(root, mounted(self._table), known, Why.STARTED)

    def unwatch(self, root: Path) -> None:
        """Watch a folder no longer."""
        with self._lock:
            watched = self._roots.pop(root, None)
        if watched is not None:
            _end(watched)

    def directories(self, root: Path) -> int:
        """Return how many directories are watched at and below a root."""
        with self._lock:
            watched = self._roots.get(root)
            parts = [] if watched is None else [watched.whole, *watched.inside.values()]
            return sum(part.directories() for part in parts)

    def close(self) -> None:
        """Stop watching and end all threads."""
        self._mounts.close()
        self._lane.close()
        with self._lock:
            ended, self._roots = list(self._roots.values()), {}
        for watched in ended:
            _end(watched)

    def _begin(self, root: Path, mounts: Mapping[MountKey, Mount], known: Iterable[Path | str], why: Why) -> _Watched:
        if self._silent(kind_at(root, mounts)):
            return _Watched(self._timed(root, why))
        whole = InotifyRoot(
            root=root, sink=self._sink, clock=self._clock, lane=self._lane, outside=self._is_silent_place
        )
        watched = _Watched(whole)
        whole.open(known, why=why)
        self._look_after_inside(root, watched)
        return watched

    def _timed(self, root: Path, why: Why) -> TimedRoot:
        timed = TimedRoot(root=root, sink=self._sink, clock=self._clock, every_s=self._network_s)
        timed.open(why=why)
        return timed

    def _silent_in(self, mounts: Mapping[MountKey, Mount]) -> frozenset[str]:
        kinds = {mount.root: mount.kind for mount in mounts.values()}
        return frozenset(str(root) for root, kind in kinds.items() if self._silent(kind))

    def _is_silent_place(self, path: str) -> bool:
        return path in self._silent_places

    def _mounts_changed(self, appeared: tuple[Mount, ...], gone: tuple[Mount, ...]) -> None:
        """Follow the mount table; on its thread."""
        mounts = mounted(self._table)
        came, went = [mount.root for mount in appeared], [mount.root for mount in gone]
        with self._lock:
            self._silent_places = self._silent_in(mounts)
            for root, watched in list(self._roots.items()):
                if isinstance(watched.whole, TimedRoot) is self._silent(kind_at(root, mounts)):
                    self._tell_of_mounts(root, watched, came, went)
                    continue
                gone_from = any(root.is_relative_to(place) for place in went)
                why = Why.UNMOUNTED if gone_from else Why.MOUNTED
                self._lane.put(partial(self._change_ways, root, why))

    def _tell_of_mounts(self, root: Path, watched: _Watched, came: list[Path], went: list[Path]) -> None:
        if isinstance(watched.whole, TimedRoot):
            if any(_touches(root, place) for place in (*came, *went)):
                watched.whole.soon(unmounted=any(root.is_relative_to(place) for place in went))
            return
        self._look_after_inside(root, watched)
        watched.whole.mounts_changed(came, went)

    def _look_after_inside(self, root: Path, watched: _Watched) -> None:
        """Look after each silent volume inside a root, and no longer after those that are gone."""
        wanted = {Path(place) for place in self._silent_places if root in Path(place).parents}
        for place in set(watched.inside) - wanted:
            self._lane.put(watched.inside.pop(place).close)
        for place in wanted - set(watched.inside):
            watched.inside[place] = self._timed(place, Why.MOUNTED)

    def _change_ways(self, root: Path, why: Why) -> None:
        """Watch a root in the other way: a volume of another sort is mounted there now, or is not any more."""
        with self._lock:
            watched = self._roots.pop(root, None)
            if watched is not None:
                _end(watched)
                self._roots[root] = self._begin(root, mounted(self._table), (), why)


def _end(watched: _Watched) -> None:
    for part in (watched.whole, *watched.inside.values()):
        part.close()


def _touches(root: Path, place: Path) -> bool:
    return root.is_relative_to(place) or place.is_relative_to(root)
