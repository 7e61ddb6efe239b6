"""Watches a folder whose file system tells of nothing, by looking at it from time to time.

What differs from the look before is told as if it had been noticed. A look that cannot be finished says nothing at all
about what it did not see: a server that is away, a folder that answers with an error and a volume that was unmounted
are no deletions. Every look is made on a thread of its own, because a server that hangs must hang nobody else.
Invariant: a file is told to be gone only when its folder was listed, on the same device as before.
"""

import os
import stat
import threading
import time
from dataclasses import dataclass, field
from errno import ENOENT, ENOTDIR
from pathlib import Path

from safelight.ports import Clock
from safelight.ports.watching import Hint, Missed, Noticed, Sink, Why
from safelight.watching.folders import looked_at, looked_into

_SHARE = 20.0  # a look takes at most a twentieth of the time, however slow the server is
_MOST_NAMED = 5000  # differences of one look that are told one by one
_JOIN_S = 1.0
_GONE = (ENOENT, ENOTDIR)


@dataclass(slots=True)
class _Folder:
    """One folder as it was seen; `marks` has a number for each file that changes when the file does."""

    device: int
    marks: dict[str, int] = field(default_factory=dict)
    below: list[str] = field(default_factory=list)


_Seen = dict[str, _Folder]


class TimedRoot:
    """One root that is looked at every `every_s` seconds, and when `soon` says so."""

    def __init__(self, *, root: Path, sink: Sink, clock: Clock, every_s: float) -> None:
        self._root = root
        self._path = str(root)
        self._sink = sink
        self._clock = clock
        self._every_s = every_s
        self._wake = threading.Event()
        self._closed = False
        self._unmounted = False
        self._seen: _Seen | None = None  # None: the root is not there
        self._lost = False
        self._why = Why.STARTED  # what is told when the root is there for the first time, or again
        self._thread = threading.Thread(target=self._run, name="safelight-timed", daemon=True)

    def open(self, *, why: Why = Why.STARTED) -> None:
        """Begin; the first look only remembers what there is, and tells `why`."""
        self._why = why
        self._thread.start()

    def close(self) -> None:
        """Stop looking; a look that hangs on its server is left to end by itself."""
        self._closed = True
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def soon(self, *, unmounted: bool = False) -> None:
        """Look now: the mount table has changed, or the machine has slept."""
        self._unmounted |= unmounted
        self._wake.set()

    def directories(self) -> int:
        """Return how many folders are looked at."""
        return len(self._seen or {})

    def _run(self) -> None:
        while not self._closed:
            begun_s = time.monotonic()
            self._look()
            took_s = time.monotonic() - begun_s
            self._wake.wait(pause_s(self._every_s, took_s))
            self._wake.clear()

    def _look(self) -> None:
        unmounted, self._unmounted = self._unmounted, False
        before = _device(self._path)
        found = None if before is None else self._scan()
        if found is None or self._closed or _device(self._path) != before:
            self._lose(unmounted=unmounted or before is not None)
            return
        seen, self._seen = self._seen, found
        if seen is None:
            self._lost = False
            self._tell(self._root, self._why)
        elif seen[self._path].device != found[self._path].device:
            self._tell(self._root, Why.UNMOUNTED if unmounted else Why.MOUNTED)
        else:
            self._tell_differences(seen, found)

    def _lose(self, *, unmounted: bool) -> None:
        """Tell once that the root is not there."""
        if self._closed or self._lost:
            return
        gone = Why.UNMOUNTED if unmounted or _unreachable(self._path, self._seen) else Why.ROOT_GONE
        self._why = Why.MOUNTED if gone is Why.UNMOUNTED else Why.ROOT_BACK
        self._lost, self._seen = True, None
        self._tell(self._root, gone)

    def _scan(self) -> _Seen | None:
        """Return what is at and below the root; None where the root itself cannot be listed."""
        found: _Seen = {}
        waiting = [self._path]
        while waiting and not self._closed:
            path = waiting.pop()
            try:
                found[path] = _listed(path)
            except OSError as error:
                if path == self._path:
                    return None
                if error.errno not in _GONE:
                    self._keep(path, found)
                continue
            waiting.extend(f"{path}/{name}" for name in found[path].below)
        return found

    def _keep(self, path: str, found: _Seen) -> None:
        """Take over what was known of a folder that does not answer, with all below it."""
        known = {} if self._seen is None else self._seen
        waiting = [path]
        while waiting:
            at = waiting.pop()
            if at in known:
                found[at] = known[at]
                waiting.extend(f"{at}/{name}" for name in known[at].below)

    def _tell_differences(self, seen: _Seen, found: _Seen) -> None:
        at_s = self._clock.now()
        told: list[Noticed | Missed] = []
        other = {path for path, now in found.items() if path in seen and seen[path].device != now.device}
        for path, now in found.items():
            if path not in other:
                told.extend(_differences(path, seen.get(path) or _Folder(now.device), now, at_s))
            elif _over(path) not in other:
                told.append(Missed(Path(path), Why.MOUNTED))  # one volume in another's place
        for path, before in seen.items():
            over = _over(path)
            if path not in found and over in found and over not in other:
                away = before.device != seen[over].device  # a volume that was mounted there
                told.append(Missed(Path(path), Why.UNMOUNTED) if away else Noticed(Path(path), Hint.FOLDER_GONE, at_s))
        if len(told) > _MOST_NAMED:
            told = [Missed(self._root, Why.TIMER)]
        for each in told:
            self._sink(each)

    def _tell(self, place: Path, why: Why) -> None:
        if not self._closed:
            self._sink(Missed(place, why))


def pause_s(every_s: float, took_s: float) -> float:
    """Return how long to wait for the next look when the last one took so long."""
    return max(every_s, _SHARE * took_s)


def _over(path: str) -> str:
    return path.rpartition("/")[0]


def _listed(path: str) -> _Folder:
    """List one folder; raises OSError when it cannot be listed to its end."""
    folder = _Folder(os.lstat(path).st_dev)
    name = path.rpartition("/")[2]
    with os.scandir(path) as listing:
        for entry in listing:
            if entry.is_dir(follow_symlinks=False):
                if looked_into(name, entry.name):
                    folder.below.append(entry.name)
            elif looked_at(entry.name):
                status = _status(entry)
                if status is not None and stat.S_ISREG(status.st_mode):
                    folder.marks[entry.name] = hash((status.st_size, status.st_mtime_ns, status.st_ino))
    return folder


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _differences(path: str, before: _Folder, now: _Folder, at_s: float) -> list[Noticed]:
    told = [
        Noticed(Path(f"{path}/{name}"), Hint.STARTED, at_s)
        for name, mark in now.marks.items()
        if before.marks.get(name) != mark
    ]
    told.extend(Noticed(Path(f"{path}/{name}"), Hint.GONE, at_s) for name in before.marks if name not in now.marks)
    return told


def _device(path: str) -> int | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev if stat.S_ISDIR(status.st_mode) else None


def _unreachable(path: str, seen: _Seen | None) -> bool:
    """Tell whether a root that was there is out of reach rather than deleted."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno not in _GONE:
            return True
    over = _device(os.path.dirname(path))
    return seen is not None and over != seen[path].device
