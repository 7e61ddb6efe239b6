"""Decides what happened to each path, from raw events or from two looks at a folder.

However many events a program's way of saving makes, what counts is the difference they leave: at most one change per
path. A disappearance and an appearance of the same file are one move. Deletions come last, so that whoever reads the
changes in order has seen every file's new place before he hears that its old one is empty.
Invariant: folding is independent of how the events were cut into batches.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safelight.domain.frame import FileStamp


@dataclass(frozen=True, slots=True)
class Appeared:
    """A file is where none was."""

    path: Path
    stamp: FileStamp


@dataclass(frozen=True, slots=True)
class Modified:
    """A file's size, time or inode is another than before."""

    path: Path
    stamp: FileStamp


@dataclass(frozen=True, slots=True)
class Moved:
    """The file that was at `source` is at `path` now, the same inode, unchanged."""

    source: Path
    path: Path
    stamp: FileStamp


@dataclass(frozen=True, slots=True)
class Vanished:
    """No file is where one was; `stamp` is what was last seen of it."""

    path: Path
    stamp: FileStamp


Change = Appeared | Modified | Moved | Vanished


def differences(known: Mapping[Path, FileStamp], found: Mapping[Path, FileStamp]) -> tuple[Change, ...]:
    """Return the folded changes that lead from what was known to what is found."""
    raw: list[Change] = []
    for path, stamp in found.items():
        before = known.get(path)
        if before is None:
            raw.append(Appeared(path, stamp))
        elif before != stamp:
            raw.append(Modified(path, stamp))
    raw.extend(Vanished(path, stamp) for path, stamp in known.items() if path not in found)
    return fold(raw)


def fold(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Reduce changes, oldest first, to at most one per path; moves are paired, deletions come last.

    A path that appeared and vanished leaves nothing. A path that vanished and appeared again is modified, or nothing
    at all if the same stamp came back.
    """
    first: dict[Path, FileStamp | None] = {}  # what was there before the batch, None for nothing
    last: dict[Path, FileStamp | None] = {}
    for change in changes:
        for path, before, after in _effects(change, last):
            first.setdefault(path, before)
            last[path] = after
    return _paired({path: (first[path], last[path]) for path in first})


def _effects(
    change: Change, now: Mapping[Path, FileStamp | None]
) -> tuple[tuple[Path, FileStamp | None, FileStamp | None], ...]:
    """Return (path, what was there, what is there) for each path that a change concerns."""
    match change:
        case Appeared(path, stamp):
            return ((path, None, stamp),)
        case Modified(path, stamp):
            # What it was before is not told; any other stamp will do to say that it was something else.
            before = now.get(path) or FileStamp(size=-1, mtime_ns=-1, inode=-1, device=-1)
            return ((path, before, stamp),)
        case Moved(source, path, stamp):
            return ((source, stamp, None), (path, None, stamp))
        case Vanished(path, stamp):
            return ((path, stamp, None),)


def _paired(effects: Mapping[Path, tuple[FileStamp | None, FileStamp | None]]) -> tuple[Change, ...]:
    """Turn net effects into changes in a fixed order, pairing each vanished stamp with one appeared path."""
    appeared = {path: after for path, (before, after) in effects.items() if before is None and after is not None}
    vanished = {path: before for path, (before, after) in effects.items() if before is not None and after is None}
    modified = [
        Modified(path, after)
        for path, (before, after) in effects.items()
        if before is not None and after is not None and before != after
    ]
    moves = _moves(appeared, vanished)
    sources, targets = {move.source for move in moves}, {move.path for move in moves}
    arrivals = [Appeared(path, stamp) for path, stamp in sorted(appeared.items(), key=_by_bytes) if path not in targets]
    losses = [Vanished(path, stamp) for path, stamp in sorted(vanished.items(), key=_by_bytes) if path not in sources]
    return (*arrivals, *sorted(modified, key=lambda change: bytes(change.path)), *moves, *losses)


def _moves(appeared: Mapping[Path, FileStamp], vanished: Mapping[Path, FileStamp]) -> list[Moved]:
    """Pair each appeared path with one vanished path of the same stamp, in the order of their names.

    The whole stamp counts (size, time, inode, device): an inode number alone is reused at once by ext4.
    """
    sources: dict[FileStamp, list[Path]] = {}
    for path, stamp in sorted(vanished.items(), key=_by_bytes):
        sources.setdefault(stamp, []).append(path)
    return [
        Moved(sources[stamp].pop(0), path, stamp)
        for path, stamp in sorted(appeared.items(), key=_by_bytes)
        if sources.get(stamp)
    ]


def _by_bytes(entry: tuple[Path, FileStamp]) -> bytes:
    return bytes(entry[0])
