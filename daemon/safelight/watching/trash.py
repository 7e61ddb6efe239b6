"""Finds what this user has thrown away, in every trash can of the desktop.

After the FreeDesktop.org trash specification 1.0: the home can, and on other volumes $topdir/.Trash/$uid (only where
.Trash is a sticky folder and no link, or it MUST NOT be used) and $topdir/.Trash-$uid. Beside each trashed file or
folder lies a .trashinfo with its old path, percent-encoded bytes, and the local time of the deletion.
A .trashinfo on a stick is a stranger's: it speaks only of files below its own volume, and never climbs out by "..".
Invariant: nothing is changed, no link is followed, and a hostile can costs at most the names that are allowed.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from safelight.ports import Trashed
from safelight.watching.reading import small_file
from safelight.watching.volumes import file_mounts

# A path has at most 4,096 bytes, three letters each when all are escaped; the rest of the file is a date.
_INFO_BYTES = 32_768
_INFO_SUFFIX = ".trashinfo"
_MOST_NAMES = 200_000  # looked at in all cans together, in one look

# Appendix of the specification: YYYY-MM-DDThh:mm:ss in the local time of whoever deleted; some write a fraction too.
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class _Can:
    place: Path  # holds files/ and info/
    beside: Path  # what a relative path starts from
    home: bool  # only the home can may speak of any file


class _Budget:
    """How many names may still be looked at."""

    def __init__(self, names: int) -> None:
        self._left = names

    def take(self) -> bool:
        """Tell whether one more is allowed, and count it."""
        self._left -= 1
        return self._left >= 0


def mounted_roots() -> tuple[Path, ...]:
    """Return the roots of the volumes that are mounted now and can hold a person's files."""
    return tuple(dict.fromkeys(mount.root for mount in file_mounts()))


class XdgTrash:
    """The Trash of one user: `environ` names the home can, `volumes` the roots of all volumes at the time of a look."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        uid: int,
        volumes: Callable[[], tuple[Path, ...]] = mounted_roots,
        most_names: int = _MOST_NAMES,
    ) -> None:
        self._environ = environ
        self._uid = uid
        self._volumes = volumes
        self._most_names = most_names

    def files(self) -> Mapping[Path, Trashed]:
        """Return every trashed file by its original path, also those inside a trashed folder; the newest of a path.

        Where the way to the original leads through a link, it is found under the resolved path too, because that is
        the path under which a scan knew it.
        """
        budget = _Budget(self._most_names)
        found: dict[Path, Trashed] = {}
        folders: dict[Path, Path] = {}
        for can in self._cans():
            for trashed in _inside(can, budget):
                for original in dict.fromkeys((trashed.original, _resolved(trashed.original, folders))):
                    known = found.get(original)
                    if known is None or (trashed.deleted_s or 0.0) >= (known.deleted_s or 0.0):
                        found[original] = Trashed(original, trashed.path, trashed.deleted_s)
        return found

    def _cans(self) -> Iterator[_Can]:
        home = self._home()
        if home is not None and _is_folder(home):
            yield _Can(home, home.parent, home=True)
        for root in self._volumes():
            shared = root / ".Trash"
            if _is_folder(shared, sticky=True) and _is_folder(shared / str(self._uid), owners=(self._uid, 0)):
                yield _Can(shared / str(self._uid), root, home=False)
            own = root / f".Trash-{self._uid}"
            if _is_folder(own, owners=(self._uid, 0)):  # FAT has no owners; such a stick may show root's
                yield _Can(own, root, home=False)

    def _home(self) -> Path | None:
        named = self._environ.get("XDG_DATA_HOME", "")
        if named.startswith("/"):  # a relative one is to be ignored (XDG base directory specification)
            return Path(named) / "Trash"
        home = self._environ.get("HOME", "")
        return Path(home) / ".local/share/Trash" if home.startswith("/") else None


def _inside(can: _Can, budget: _Budget) -> Iterator[Trashed]:
    """Yield the files of one can, in the order of their names there."""
    info = can.place / "info"
    if not _is_folder(info) or not _is_folder(can.place / "files"):
        return
    for name in _names(info, budget):
        if not name.endswith(_INFO_SUFFIX):
            continue
        told = _told(info / name, can)
        if told is None:
            continue
        original, deleted_s = told
        for below, path in _files_at(can.place / "files" / name.removesuffix(_INFO_SUFFIX), budget):
            yield Trashed(original / below, path, deleted_s)


def _told(info: Path, can: _Can) -> tuple[Path, float | None] | None:
    """Return the original path and the time of deletion that a .trashinfo tells, None where it tells no path."""
    data = small_file(info, limit=_INFO_BYTES)
    if data is None:
        return None
    lines = [line.strip() for line in data.split(b"\n")]
    if b"[Trash Info]" not in lines:
        return None
    keys: dict[bytes, bytes] = {}
    for line in lines[lines.index(b"[Trash Info]") + 1 :]:
        if line.startswith(b"["):
            break
        key, equals, value = line.partition(b"=")
        if equals:
            keys.setdefault(key.strip(), value.strip())  # where a key stands twice the first counts
    original = _original(unquote_to_bytes(keys.get(b"Path", b"")), can)
    return None if original is None else (original, _local_time(keys.get(b"DeletionDate", b"")))


def _original(named: bytes, can: _Can) -> Path | None:
    path = PurePosixPath(os.fsdecode(named))
    if not named or b"\0" in named or ".." in path.parts or path in (PurePosixPath(), PurePosixPath("/")):
        return None
    whole = can.beside / path  # an absolute path stays itself
    return whole if can.home or whole.is_relative_to(can.beside) else None


def _local_time(value: bytes) -> float | None:
    found = _DATE.match(value.decode("ascii", "replace"))
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        return None
    try:
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
    except (OverflowError, ValueError):
        return None


def _files_at(place: Path, budget: _Budget) -> Iterator[tuple[PurePosixPath, Path]]:
    """Yield (path below `place`, path) of the regular file there, or of all that lie in the folder there."""
    try:
        mode = os.lstat(place).st_mode
    except (OSError, ValueError):
        return  # its .trashinfo has outlived it
    if stat.S_ISREG(mode):
        yield PurePosixPath(), place
    waiting = [place] if stat.S_ISDIR(mode) else []
    while waiting:
        folder = waiting.pop()
        for entry in _entries(folder, budget):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(folder / entry.name)
            elif entry.is_file(follow_symlinks=False):
                path = folder / entry.name
                yield PurePosixPath(path.relative_to(place)), path


def _names(folder: Path, budget: _Budget) -> list[str]:
    return sorted((entry.name for entry in _entries(folder, budget)), key=os.fsencode)


def _entries(folder: Path, budget: _Budget) -> list["os.DirEntry[str]"]:
    """List a folder as far as the budget goes; nothing for one that cannot be listed."""
    try:
        with os.scandir(folder) as listing:
            return [entry for entry in listing if budget.take()]
    except OSError:
        return []


def _is_folder(place: Path, *, sticky: bool = False, owners: tuple[int, ...] = ()) -> bool:
    """Tell whether a real folder, no link to one, is there, and has the mark or one of the owners asked for."""
    try:
        status = os.lstat(place)
    except OSError:
        return False
    if not stat.S_ISDIR(status.st_mode) or (owners and status.st_uid not in owners):
        return False
    return bool(status.st_mode & stat.S_ISVTX) or not sticky


def _resolved(original: Path, folders: dict[Path, Path]) -> Path:
    folder = original.parent
    if folder not in folders:
        folders[folder] = Path(os.path.realpath(folder))
    return folders[folder] / original.name
