"""Looks at the folders that the settings name for `doctor`: whether they can be watched, rated in and copied into.

A disk that is not plugged in is no fault, a server that does not answer must not keep doctor waiting, and what is
wrong with one folder says nothing of the next.
Invariant: nothing is written, not even to try whether that is possible.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

from safelight.app.configuration import Configuration
from safelight.app.configuration_sections import Watched
from safelight.app.finding import Finding, Level
from safelight.app.folder_contents import contents
from safelight.app.folder_standing import Standing, nearest, on_card, resolved, standing
from safelight.watching.mount_table import kind_at, mounted, tells_nothing
from safelight.watching.volumes import MOUNT_TABLE

WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
ANSWER_S = 3.0  # a disk that sleeps needs longer to wake, but tells its folders from memory
_SPARE = 2  # other programs watch as well, and libraries grow
_USUAL_LIMIT = 524_288  # what distributions set where they set more than the kernel's default


class FolderHealth:
    """Looks at the folders of one configuration."""

    def __init__(self, configuration: Configuration, *, table: Path = MOUNT_TABLE, limit: Path = WATCH_LIMIT) -> None:
        self._configuration = configuration
        self._mounts = mounted(table)
        self._limit = limit
        self._found = {each.path: _answered(each.path) for each in configuration.watched()}

    def findings(self) -> Iterator[Finding]:
        """Look at each folder, and at what all of them need together."""
        for each in self._configuration.watched():
            yield self._watched(each)
        if not self._configuration.watch.folders:
            hint = "'safelight setup' or 'safelight watch add FOLDER' changes that."
            yield Finding("Watched folders", Level.OK, "none is set; cards are looked after", hint)
        yield from self._watches()
        yield from self._import()

    def _watched(self, each: Watched) -> Finding:
        name = f"Folder {each.path}"
        match self._found[each.path]:
            case None:
                return Finding(name, Level.BAD, "its disk or server does not answer", "Check the network or the disk.")
            case Standing.MISSING:
                return self._absent(name, each)
            case Standing.FILE:
                return Finding(name, Level.BAD, "is a file, not a folder", "Name the folder it lies in.")
            case Standing.CLOSED | Standing.OUT_OF_REACH:
                told = "may not be read, so nothing in it is rated"
                return Finding(name, Level.BAD, told, "Give yourself the right to read it.")
        wrong = self._wrong(each.path)
        return Finding(name, *wrong) if wrong else Finding(name, Level.OK, f"{self._way(each.path)}; {_existing(each)}")

    def _absent(self, name: str, each: Watched) -> Finding:
        if each not in self._configuration.watch.folders:
            return Finding(name, Level.OK, "is not there yet; the first import makes it")
        hint = f"Connect its disk, or take it back with 'safelight watch remove {each.path}'."
        return Finding(name, Level.NOTE, "is not there; it is watched as soon as it is", hint)

    def _wrong(self, folder: Path) -> tuple[Level, str, str] | None:
        """Return what is wrong with a folder that can be read, the worst first."""
        if on_card(folder):
            hint = "Cards are seen by themselves when they are plugged in; take it out of the folders to watch."
            return Level.BAD, "is on a memory card, which is only read: no sidecar can be written there", hint
        if not os.access(folder, os.W_OK):
            lost = "may not be written to: photographs are rated, but their sidecars cannot be written"
            return Level.NOTE, lost, "Give yourself the right to write there, if the disk is not read-only."
        around = self._around(folder)
        if around is not None:
            return Level.NOTE, f"is a part of {around}, which is watched as well", "One of the two is enough."
        return None

    def _around(self, folder: Path) -> Path | None:
        """Return another watched folder that a folder lies in; of two names of one folder the first."""
        place = resolved(folder)
        before = self._answering()
        for number, other in enumerate(before):
            around = resolved(other)
            if other != folder and (place != around or number < before.index(folder)) and place.is_relative_to(around):
                return other
        return None

    def _answering(self) -> list[Path]:
        """Return the watched folders that can be asked without waiting for ever."""
        return [folder for folder, found in self._found.items() if found is not None]

    def _way(self, folder: Path) -> str:
        kind = kind_at(resolved(folder), self._mounts)
        if not tells_nothing(kind):
            return "its changes are seen at once"
        seconds = self._configuration.watch.network_seconds
        return f"on {kind}, which does not tell of changes: looked at every {seconds:g} s"

    def _watches(self) -> Iterator[Finding]:
        """Compare the directories with what the system lets one person watch (inotify(7), max_user_watches)."""
        try:
            limit = int(self._limit.read_text(encoding="ascii"))
        except (OSError, ValueError):  # another system, or a sandbox that hides it
            return
        places = [resolved(folder) for folder in self._answering()]
        local = {place for place in places if not tells_nothing(kind_at(place, self._mounts))}
        inner = {each for each in local if any(each != other and each.is_relative_to(other) for other in local)}
        silent = {str(mount.root) for mount in self._mounts.values() if tells_nothing(mount.kind)}
        found = [contents(each, outside=silent) for each in local - inner if standing(each) is Standing.FOLDER]
        needed = sum(each.directories for each in found)
        more = "" if all(each.whole for each in found) else "at least "
        told = f"{more}{needed:,} directories to watch, {limit:,} allowed"
        if needed < limit:
            yield Finding("Watches", Level.OK, told)
            return
        enough = max(_USUAL_LIMIT, 1 << (needed * _SPARE).bit_length())
        yield Finding(
            "Watches",
            Level.NOTE,
            f"{told}: what happens in the rest is seen only every {self._configuration.watch.rescan_minutes:g} min",
            f"As root: echo fs.inotify.max_user_watches={enough} > /etc/sysctl.d/60-safelight.conf && sysctl --system",
        )

    def _import(self) -> Iterator[Finding]:
        cards = self._configuration.cards
        targets = {"Import folder": cards.import_folder, "Backup folder": cards.backup_folder}
        found = {name: _target(name, folder) for name, folder in targets.items() if folder is not None}
        yield from found.values()
        if cards.backup_folder is None or any(each.level is Level.BAD for each in found.values()):
            return
        place = resolved(cards.backup_folder)
        around = next((each for each in self._answering() if place.is_relative_to(resolved(each))), None)
        if around is not None:
            told = f"lies in {around}, which is watched: every photograph would be rated twice"
            yield Finding("Backup folder", Level.BAD, told, "Put it elsewhere, best on another disk.")
        elif _device(cards.backup_folder) == _device(cards.import_folder):
            told = "is on the same disk as the import folder, so both can be lost at once"
            yield Finding("Backup folder", Level.NOTE, told, "Name one on another disk.")


def _target(name: str, folder: Path) -> Finding:
    """Say whether copies can be put into a folder, which the first import makes."""
    if _answered(folder) is None:
        return Finding(name, Level.BAD, f"the disk or server of {folder} does not answer", "Check the network.")
    place = nearest(folder)
    if standing(place) is Standing.FILE:
        return Finding(name, Level.BAD, f"{folder} cannot be made: {place} is a file", "Name another.")
    if on_card(place):
        return Finding(name, Level.BAD, f"{folder} is on a memory card, where nothing is written", "Name another.")
    if not os.access(place, os.W_OK | os.X_OK):
        return Finding(name, Level.BAD, f"{place} may not be written to", "Give yourself that right, or name another.")
    return Finding(name, Level.OK, str(folder))


def _existing(each: Watched) -> str:
    return "all of it is rated" if each.existing == "rate" else "only what arrives is rated"


def _device(folder: Path) -> int | None:
    try:
        return nearest(folder).stat().st_dev
    except OSError:
        return None


def _answered(folder: Path) -> Standing | None:
    """Return what stands at a path, None when that is not said in time: a lost server never answers."""
    answers: list[Standing] = []
    asking = threading.Thread(target=lambda: answers.append(standing(folder)), daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    return answers[0] if answers else None
