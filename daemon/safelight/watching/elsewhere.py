"""Looks for vanished files where people file pictures by hand: beside their folder, and in the usual places.

A file that left every folder we know was deleted or moved; taking a move for a deletion would teach the opposite of
what was meant, since what is moved out is often the selection. So the folder around each known one, the desktop's own
folders and what is plugged in are searched for the same name and size, broadest first, up to so many names.
Invariant: no file is opened, no link followed, no other file system entered than the places themselves lie on, and
never more names looked at than allowed.
"""

import os
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from safelight.domain.frame import FileStamp
from safelight.domain.names import skipped_folder
from safelight.watching.reading import small_file
from safelight.watching.volumes import Mount

MOST_NAMES = 200_000  # about a second of looking on a disk that is awake

# Keys of user-dirs.dirs (xdg-user-dirs) and what the folders are called where it says nothing.
_PERSONAL = {
    "XDG_PICTURES_DIR": "Pictures",
    "XDG_DESKTOP_DIR": "Desktop",
    "XDG_DOCUMENTS_DIR": "Documents",
    "XDG_DOWNLOAD_DIR": "Downloads",
}
_ASSIGNMENT = re.compile(rb'^\s*(XDG_[A-Z]+_DIR)="(.*)"\s*$', re.MULTILINE)
_ESCAPED = re.compile(rb"\\(.)")
_CONFIG_BYTES = 65_536


def usual_places(environ: Mapping[str, str], mounts: Iterable[Mount]) -> tuple[Path, ...]:
    """Return the folders where a person files pictures: the desktop's own, and volumes that were plugged in."""
    home = environ.get("HOME", "")
    places = _personal(Path(home), environ) if home.startswith("/") else []
    user = environ.get("USER") or Path(home).name
    plugged = [Path("/media") / user, Path("/run/media") / user] if user else []
    places += [mount.root for mount in mounts if any(mount.root.is_relative_to(folder) for folder in plugged)]
    return tuple(dict.fromkeys(places))


def pictures_folder(environ: Mapping[str, str]) -> Path:
    """Return the person's folder of pictures, after user-dirs.dirs; it may not exist."""
    home = Path(environ.get("HOME") or "~").expanduser()
    named = _folder(_told(home, environ).get("XDG_PICTURES_DIR"), home)
    return named if named and named != home else home / "Pictures"  # the home folder itself: switched off


class UsualPlaces:
    """The Elsewhere of one person: `places`, and the folder around each known folder."""

    def __init__(self, *, places: Sequence[Path], most_names: int = MOST_NAMES) -> None:
        self._places = tuple(places)
        self._most_names = most_names

    def find(self, wanted: Mapping[Path, FileStamp], *, known: Collection[Path]) -> Mapping[Path, tuple[Path, ...]]:
        """Return for each wanted path the files of the same name and size outside the folders `known`.

        Paths without a candidate are left out; candidates come in the order of their paths' bytes.
        """
        if not wanted:
            return {}
        named: dict[str, list[tuple[Path, int]]] = {}
        for path, stamp in wanted.items():
            named.setdefault(path.name, []).append((path, stamp.size))
        found: dict[Path, list[Path]] = {}
        for entry in self._entries(frozenset(known)):
            for path, size in named.get(entry.name, ()):
                if _size(entry) == size:
                    found.setdefault(path, []).append(Path(entry.path))
        return {path: tuple(sorted(places, key=os.fsencode)) for path, places in found.items()}

    def _entries(self, known: frozenset[Path]) -> Iterator["os.DirEntry[str]"]:
        """Yield what lies in the places, nearest to their roots first, as far as is allowed."""
        around = [folder.parent for folder in sorted(known, key=os.fsencode) if folder.parent != Path("/")]
        left = self._most_names
        looked: set[tuple[int, int]] = set()
        waiting = deque((place, _device(place)) for place in dict.fromkeys((*around, *self._places)))
        while waiting and left > 0:
            folder, device = waiting.popleft()
            if device is None or any(each in known for each in (folder, *folder.parents)):
                continue
            for entry in _listed(folder, device, looked):
                left -= 1
                if left < 0:
                    return
                if entry.is_dir(follow_symlinks=False):
                    if skipped_folder(entry.name) is None:
                        waiting.append((folder / entry.name, device))
                else:
                    yield entry


def _listed(folder: Path, device: int, looked: set[tuple[int, int]]) -> list["os.DirEntry[str]"]:
    """List a folder once; nothing for one that cannot be listed or lies on another file system."""
    try:
        status = os.stat(folder, follow_symlinks=False)
        if status.st_dev != device or (status.st_dev, status.st_ino) in looked:
            return []
        looked.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:
        return []


def _device(place: Path) -> int | None:
    try:
        return os.stat(place, follow_symlinks=False).st_dev
    except OSError:
        return None


def _size(entry: "os.DirEntry[str]") -> int | None:
    try:
        return entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else None
    except OSError:
        return None


def _personal(home: Path, environ: Mapping[str, str]) -> list[Path]:
    """Return the person's own folders after user-dirs.dirs; one that is set to the home folder itself is off."""
    told = _told(home, environ)
    folders = [_folder(told.get(key), home) or home / name for key, name in _PERSONAL.items()]
    return [folder.resolve() for folder in folders if folder != home]


def _told(home: Path, environ: Mapping[str, str]) -> dict[str, bytes]:
    """Return what user-dirs.dirs says, by its keys; empty without one."""
    named = environ.get("XDG_CONFIG_HOME", "")
    config = Path(named) if named.startswith("/") else home / ".config"
    data = small_file(config / "user-dirs.dirs", limit=_CONFIG_BYTES) or b""
    return {key.decode(): value for key, value in _ASSIGNMENT.findall(data)}


def _folder(value: bytes | None, home: Path) -> Path | None:
    """Return the folder that a line of user-dirs.dirs names: absolute, or below $HOME."""
    if not value:
        return None
    plain = _ESCAPED.sub(rb"\1", value)
    if plain == b"$HOME" or plain.startswith(b"$HOME/"):
        return home / os.fsdecode(plain[6:])
    return Path(os.fsdecode(plain)) if plain.startswith(b"/") else None
