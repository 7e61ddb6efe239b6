"""Gathers what people left beside a frame in any program: ratings, flags, labels, develop settings.

Each format has a reader of its own; here the files are opened safely, and statements that are one decision are made
one: programs take a rating over from the sidecar, so a rating of theirs that equals the stars Safelight put there says
nothing, and the same rating in two files is told once.
A file that is not whole is a file being written, until it has lain still for ten minutes; from then on it is a damaged
file, which says nothing and holds nothing up.
Invariant: nothing is written, no link is followed, and no content of a file makes this raise.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.errors import SidecarBusy, SidecarError
from safelight.ports import Clock, Trace, TraceKind, TraceReading
from safelight.sidecars import traces_captureone, traces_dxo, traces_rawtherapee, traces_xmp, xmp
from safelight.sidecars.files import load, opened_folder
from safelight.sidecars.findings import CONFIDENCE_RATING, Finding, number, stars

# Of a program that writes in place nobody has seen more than seconds between the first and the last byte.
DAMAGED_AFTER_S = 600.0

Reader = Callable[[bytes], Sequence[Finding]]

_READERS: dict[str, Reader] = {
    ".pp3": traces_rawtherapee.findings,
    ".arp": traces_rawtherapee.marks,  # ART, a fork whose tools are on and off by other rules
    ".dop": traces_dxo.findings,
    ".cos": traces_captureone.findings,
}
_CAPTURE_ONE = "captureone"
_SETTINGS = "settings"
_COS = ".cos"

# KDE's file manager and viewers: KFileMetaData::UserMetaData keeps 0-10, two for a star. GNOME keeps none, and the
# attributes that freedesktop.org lists (user.xdg.*) have no rating.
_FILE_RATING = "user.baloo.rating"
_FILE_MANAGER = "file manager"


@dataclass(frozen=True, slots=True)
class _Seen:
    """One file that was looked at."""

    path: Path
    stamp: FileStamp | None  # None: it is gone, or nothing that may be opened
    traces: tuple[Trace, ...] = ()
    shown: str | None = None  # the stars that stand there as ours
    busy: bool = False
    unread: bool = False  # it is there, and cannot be read


class TracesBeside:
    """The Traces of real files. Holds the listing of one CaptureOne folder at a time: frames come folder by folder."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._folder: Path | None = None
        self._settings: dict[str, list[Path]] = {}

    def read(self, images: Sequence[Path], companions: Collection[Path]) -> TraceReading:
        """Read the traces of a frame with these image files; see ports.Traces."""
        paths = [path for path in companions if path.suffix.lower() != _COS] + self._capture_one(images)
        seen = [self._look(path) for path in sorted(dict.fromkeys(paths), key=os.fsencode)]
        shown = {each.shown for each in seen if each.shown is not None}
        traces = [trace for each in seen for trace in each.traces]
        traces += [trace for image in images for trace in _file_rating(image)]
        return TraceReading(
            traces=tuple(_told_once(traces, shown)),
            files={each.path: each.stamp for each in seen if each.stamp is not None},
            busy=any(each.busy for each in seen),
            unread=frozenset(each.path for each in seen if each.unread),
        )

    def _look(self, path: Path) -> _Seen:
        try:
            loaded = load(path)
        except SidecarBusy:
            return _Seen(path, None, busy=True)
        except SidecarError:
            return _Seen(path, None, unread=True)
        if loaded.data is None or loaded.stamp is None:
            return _Seen(path, None)
        changed_s = loaded.stamp.mtime_ns / 1e9
        try:
            found, shown = _read(path, loaded.data)
        except SidecarBusy:
            fresh = abs(self._clock.now() - changed_s) < DAMAGED_AFTER_S
            return _Seen(path, loaded.stamp, busy=fresh, unread=True)
        except SidecarError:
            return _Seen(path, loaded.stamp, unread=True)
        made = tuple(Trace(each.program, each.kind, each.value, each.confidence, path, changed_s) for each in found)
        return _Seen(path, loaded.stamp, made, shown)

    def _capture_one(self, images: Sequence[Path]) -> list[Path]:
        """Return the newest settings that a Capture One session keeps for each image, whichever version wrote them."""
        newest = []
        for image in images:
            if image.parent != self._folder:
                self._folder, self._settings = image.parent, _session(image.parent)
            versions = self._settings.get((image.name + _COS).lower(), ())
            if versions:
                newest.append(max(versions, key=_changed))
        return newest


def _read(path: Path, data: bytes) -> tuple[Sequence[Finding], str | None]:
    """Return what a file says, and which stars stand there as ours."""
    suffix = path.suffix.lower()
    if suffix in _READERS:
        return _READERS[suffix](data), None
    if suffix != ".xmp":
        return (), None
    sidecar = xmp.parse(data)
    ours = sidecar.facts.ours
    shown = str(ours.rating) if ours is not None and ours.rating is not None else None
    return traces_xmp.findings(sidecar), shown


def _told_once(traces: Iterable[Trace], shown: Collection[str]) -> list[Trace]:
    """Return the traces without ratings that echo ours, and of equal statements the surest, else the earliest made."""
    best: dict[tuple[TraceKind, str], Trace] = {}
    for trace in traces:
        if trace.kind is TraceKind.RATING and trace.value in shown and trace.path.suffix.lower() != ".xmp":
            continue
        key = (trace.kind, trace.value)
        known = best.get(key)
        if known is None or (-trace.confidence, trace.changed_s) < (-known.confidence, known.changed_s):
            best[key] = trace
    return list(best.values())


def _session(folder: Path) -> dict[str, list[Path]]:
    """Return the .cos files of the CaptureOne folder beside images, by their lower-case names."""
    found: dict[str, list[Path]] = {}
    for session in _below(folder, lambda name: name == _CAPTURE_ONE):
        for settings in _below(session, lambda name: name.startswith(_SETTINGS)):
            for path in _below(settings, lambda name: name.endswith(_COS), folders=False):
                found.setdefault(path.name.lower(), []).append(path)
    return found


def _below(folder: Path, wanted: Callable[[str], bool], *, folders: bool = True) -> list[Path]:
    """Return the folders, or the files, whose lower-case name is wanted; none where nothing can be listed."""
    try:
        with opened_folder(folder) as opened, os.scandir(opened) as listing:
            named = [entry for entry in listing if wanted(entry.name.lower())]
            right = [entry.name for entry in named if _is_kind(entry, folders=folders)]
    except OSError:
        return []
    return [folder / name for name in sorted(right, key=os.fsencode)]


def _is_kind(entry: "os.DirEntry[str]", *, folders: bool) -> bool:
    return entry.is_dir(follow_symlinks=False) if folders else entry.is_file(follow_symlinks=False)


def _changed(path: Path) -> int:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return 0


def _file_rating(image: Path) -> list[Trace]:
    """Return the rating that a file manager put on the file itself, at the time of the inode's last change."""
    try:
        value = os.getxattr(image, _FILE_RATING, follow_symlinks=False)
        changed_s = os.lstat(image).st_ctime_ns / 1e9
    except (OSError, ValueError):
        return []
    halves = number(value[:8].decode("ascii", "replace").strip())
    rating = stars((halves + 1) // 2) if halves in range(1, 11) else None  # half a star more is rounded up
    if rating is None:
        return []
    return [Trace(_FILE_MANAGER, TraceKind.RATING, rating, CONFIDENCE_RATING, image, changed_s)]
