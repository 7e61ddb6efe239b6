"""Finds the photographs below a folder with one stat each, in an order that is the same on every machine.

The disk is the truth, so a scan is the base of everything: it follows no link, opens no file, and says what it passed
over. Invariant: what is yielded is a regular file inside the folder that was asked for.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safelight.domain.frame import FileStamp, FoundFile, Role
from safelight.domain.names import SETTINGS_FOLDER, role_of, skipped_file, skipped_folder
from safelight.errors import FolderError
from safelight.ports import Listing, NotLooked


class DiskScanner:
    """The Scanner of real folders."""

    def scan(self, folder: Path) -> Iterator[Listing]:
        """Yield one Listing a folder, depth first, names in the order of their bytes.

        `folder` may itself be a link. Raises FolderError when it is missing, no folder, or may not be listed; a folder
        below it that cannot be listed is said in its Listing.
        """
        root = _resolved(folder)
        waiting = [root]
        while waiting:
            listing, below = self._one(waiting.pop())
            if listing.path == root and listing.failure:
                raise _cannot_list(root, listing.failure)
            yield listing
            waiting.extend(reversed(below))

    def listing(self, folder: Path) -> Listing:
        """Return one folder with its files, without what lies below it; where it cannot be listed, why."""
        return self._one(folder)[0]

    def root(self, folder: Path) -> Path:
        """Return a folder to be scanned without links in its path. Raises FolderError as `scan`."""
        root = _resolved(folder)
        try:
            os.scandir(root).close()
        except OSError as error:
            raise _cannot_list(root, error.strerror or "it cannot be read") from error
        return root

    def look(self, path: Path) -> FileStamp | None:
        """Look at one file afresh; None when it is gone or no regular file any more."""
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError:
            return None
        return FileStamp.of(status) if stat.S_ISREG(status.st_mode) else None

    def _one(self, folder: Path) -> tuple[Listing, list[Path]]:
        try:
            with _opened(folder) as opened, os.scandir(opened) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
                return self._found(folder, entries)
        except OSError as error:
            return Listing(folder, failure=error.strerror or "it cannot be read"), []

    def _found(self, folder: Path, entries: "list[os.DirEntry[str]]") -> tuple[Listing, list[Path]]:
        files: list[FoundFile] = []
        refused: list[NotLooked] = []
        below: list[Path] = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if skipped_folder(entry.name) is None:
                    below.append(folder / entry.name)
                elif entry.name.lower() == SETTINGS_FOLDER:
                    files.extend(_settings(folder / entry.name))
                continue
            match _file(folder, entry):
                case FoundFile() as found:
                    files.append(found)
                case NotLooked(path, _) as passed if role_of(path.name) in (Role.RAW, Role.IMAGE):
                    refused.append(passed)  # of a sidecar its frame will tell
        return Listing(folder, files=tuple(files), not_looked=tuple(refused)), below


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Open a folder without moving the time of its last access, where the system allows that: a card stays as it is."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        descriptor = os.open(folder, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # another's folder
        descriptor = os.open(folder, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _file(folder: Path, entry: "os.DirEntry[str]") -> FoundFile | NotLooked | None:
    """Return the file, why it is not looked at, or None for what is nobody's photograph."""
    role = role_of(entry.name)
    if role is None or skipped_file(entry.name):
        return None
    path = folder / entry.name
    try:
        if entry.is_symlink():
            return NotLooked(path, _about_link(path))
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return NotLooked(path, f"It cannot be looked at: {error.strerror}.")
    if not stat.S_ISREG(status.st_mode):
        return NotLooked(path, "It is no regular file (a pipe, a socket or a device).")
    hollow = status.st_size > 0 and status.st_blocks == 0
    return FoundFile(path, role, FileStamp.of(status), status.st_ctime_ns, hollow)


def _settings(folder: Path) -> list[FoundFile]:
    """Return what Capture One keeps of the pictures beside its folder; nothing where it cannot be listed."""
    found: list[FoundFile] = []
    for below in sorted(folder.glob("[Ss]ettings*"), key=os.fsencode):
        try:
            with os.scandir(below) as listing:
                files = [_file(below, entry) for entry in sorted(listing, key=lambda entry: os.fsencode(entry.name))]
        except OSError:
            continue
        found.extend(file for file in files if isinstance(file, FoundFile) and file.role is Role.SETTINGS)
    return found


def _about_link(path: Path) -> str:
    if not path.exists():
        return "It is a link to a file that does not exist."
    return "It is a link; the file it points to is rated where it lies, if its folder is given."


def _cannot_list(folder: Path, why: str) -> FolderError:
    return FolderError(f"{folder} cannot be listed: {why}.", hint="See that you may read it.", path=folder)


def _resolved(folder: Path) -> Path:
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise FolderError(
            f"There is no folder {folder}.", hint="Check the spelling, and that the disk is connected.", path=folder
        ) from error
    if not root.is_dir():
        raise FolderError(f"{folder} is a file, not a folder.", hint="Give the folder it lies in.", path=folder)
    return root
