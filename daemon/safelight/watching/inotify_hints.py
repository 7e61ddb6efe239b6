"""Turns raw events of one tree into hints, and lets the watches follow the folders.

A folder that is renamed inside the tree keeps its watches: its two halves stand side by side in the kernel's queue.
One whose other half does not come in the same reading has left the tree and loses its watches at once, because they
would go on telling of a place that is no longer ours; should the other half come later, it is a folder that has come.
Files that lie in a new folder before its watch stands are told as started: nobody knows whether they were closed.
Invariant: a hint names a path at which a picture, a companion or a folder was when its event was read.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safelight.ports.watching import Hint, Noticed
from safelight.watching.folders import looked_at, looked_into
from safelight.watching.inotify import (
    CLOSED,
    CREATED,
    DELETED,
    IGNORED,
    IS_FOLDER,
    MOVED_FROM,
    MOVED_TO,
    OVERFLOW,
    SELF_GONE,
    UNMOUNTED,
    RawEvent,
)
from safelight.watching.inotify_tree import Branch
from safelight.watching.inotify_watches import Watches

_FILE_HINTS = (
    (CLOSED, Hint.CLOSED),
    (MOVED_TO, Hint.ARRIVED),
    (MOVED_FROM | DELETED, Hint.GONE),
    (CREATED, Hint.STARTED),
)
_MOST_NAMED = 2000  # files of one folder that came: more are not named one by one


@dataclass(slots=True)
class Reading:
    """What one reading of raw events tells."""

    noticed: list[Noticed] = field(default_factory=list)
    overflow: bool = False
    astray: bool = False  # the root, or a folder above it, is no longer where it was
    root_unmounted: bool = False
    unmounted: list[str] = field(default_factory=list)  # folders below the root


class Hints:
    """Reads for one tree; `sentinels` are watches outside it, each with the name that is awaited there, if any."""

    def __init__(self, *, watches: Watches, sentinels: Mapping[int, bytes | None]) -> None:
        self._watches = watches
        self._tree = watches.tree
        self._sentinels = sentinels

    def read(self, raw: Sequence[RawEvent], at_s: float) -> Reading:
        """Return what these raw events, in the order of the kernel, tell; the caller holds the lock of the watches."""
        reading = Reading()
        leaving: dict[int, Branch] = {}
        for watch, mask, cookie, name in raw:
            branch = self._tree.of(watch)
            if mask & OVERFLOW:
                reading.overflow = True
            elif branch is None:
                reading.astray |= spoken(self._sentinels, watch, mask, name)
            elif mask & (UNMOUNTED | IGNORED | SELF_GONE) and not name:
                self._self_gone(branch, mask, reading)
            elif mask & IS_FOLDER:
                self._folder(branch, mask, cookie, _text(name), reading, leaving, at_s)
            else:
                self._file(branch, mask, _text(name), reading, at_s)
        for branch in leaving.values():
            self._watches.forget(branch)
        return reading

    def _self_gone(self, branch: Branch, mask: int, reading: Reading) -> None:
        if branch is self._tree.root:
            reading.astray = True
            reading.root_unmounted |= bool(mask & UNMOUNTED)
            return
        if mask & UNMOUNTED:
            path = self._tree.path(branch)
            if path is not None:
                reading.unmounted.append(path)
        if mask & IGNORED and branch.over is not None:
            # The kernel took the watch; those below lose theirs by themselves, and their paths until then are wrong.
            self._watches.forget(branch)

    def _folder(
        self,
        over: Branch,
        mask: int,
        cookie: int,
        name: str,
        reading: Reading,
        leaving: dict[int, Branch],
        at_s: float,
    ) -> None:
        place = self._tree.path(over)
        if place is None or not looked_into(over.name.rpartition("/")[2], name):
            if mask & MOVED_TO and (moved := leaving.pop(cookie, None)) is not None:
                self._watches.forget(moved)  # renamed to what nobody looks into
            return
        path = Path(f"{place}/{name}")
        if mask & (MOVED_FROM | DELETED):
            reading.noticed.append(Noticed(path, Hint.FOLDER_GONE, at_s))
            branch = over.child(name)
            if branch is not None and mask & MOVED_FROM:
                self._tree.cut(branch)
                leaving[cookie] = branch
            elif branch is not None:
                self._watches.forget(branch)
        elif mask & (MOVED_TO | CREATED):
            self._come(over, name, path, leaving.pop(cookie, None) if mask & MOVED_TO else None, reading, at_s, mask)

    def _come(
        self, over: Branch, name: str, path: Path, moved: Branch | None, reading: Reading, at_s: float, mask: int
    ) -> None:
        if moved is not None:
            self._watches.move(moved, over, name)
            reading.noticed.append(Noticed(path, Hint.FOLDER, at_s))
            return
        branch = self._watches.put(over, name)
        found = [] if branch is None else self._watches.come(branch)
        if mask & MOVED_TO or self._watches.short or len(found) > _MOST_NAMED:
            reading.noticed.append(Noticed(path, Hint.FOLDER, at_s))
        else:
            reading.noticed.extend(Noticed(Path(file), Hint.STARTED, at_s) for file in found)

    def _file(self, over: Branch, mask: int, name: str, reading: Reading, at_s: float) -> None:
        if not name or not looked_at(name):
            return
        place = self._tree.path(over)
        hint = next((hint for bits, hint in _FILE_HINTS if mask & bits), None)
        if place is not None and hint is not None:
            reading.noticed.append(Noticed(Path(f"{place}/{name}"), hint, at_s))


def spoken(sentinels: Mapping[int, bytes | None], watch: int, mask: int, name: bytes) -> bool:
    """Tell whether a folder above the root has gone, or what is awaited in one has come."""
    if watch not in sentinels:
        return False
    awaited = sentinels[watch]
    return bool(mask & (SELF_GONE | UNMOUNTED)) or (awaited is not None and name == awaited)


def _text(name: bytes) -> str:
    return os.fsdecode(name)
