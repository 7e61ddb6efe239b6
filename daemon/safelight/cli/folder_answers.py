"""Reads the name of a folder as a person types it, and says in a sentence why one cannot be watched."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.app.folder_contents import contents
from safelight.app.folder_names import folder_of
from safelight.app.folder_standing import Standing, nearest, on_card, resolved, standing
from safelight.cli.wording import counted, printable

NONE = ("", "-")


@dataclass(frozen=True, slots=True)
class FolderAnswers:
    """What answers may mean: `taken` folders are chosen already, `kept` may be named although it is not there now."""

    home: Path
    taken: Sequence[Path] = ()
    kept: Path | None = None

    def read(self, answer: str) -> Path | None:
        """Return the folder to watch, None for none. Raises ValueError with a sentence."""
        if answer in NONE:
            return None
        folder = typed(answer, home=self.home)
        if folder != self.kept:
            refuse_unwatchable(folder)
        for taken in self.taken:
            if folder.is_relative_to(taken):
                raise ValueError(f"{printable(folder)} is watched already{_as_part(folder, taken)}.")
        return folder

    def place(self, answer: str) -> Path:
        """Return a folder to copy into, which need not exist yet. Raises ValueError with a sentence."""
        folder = typed(answer, home=self.home)
        there = nearest(folder)
        if standing(there) is Standing.FILE:
            raise ValueError(f"{printable(there)} is a file, not a folder.")
        if not os.access(there, os.W_OK | os.X_OK):
            raise ValueError(f"{printable(there)} may not be written to.")
        refuse_card(there)
        return folder


def typed(answer: str, *, home: Path) -> Path:
    """Return the folder that a person typed, as a whole path. Raises ValueError with a sentence."""
    if not answer.startswith(("/", "~", "file:///")):
        answer = f"{Path.cwd()}/{answer}"
    return whole(folder_of(answer, home))


def whole(folder: Path) -> Path:
    """Return a folder as a whole path; links in it stay, but where `..` would lead elsewhere without them."""
    return resolved(folder) if ".." in folder.parts else folder.absolute()


def refuse_unwatchable(folder: Path) -> None:
    """Raise ValueError with a sentence for what is no folder that can be watched."""
    match standing(folder):
        case Standing.MISSING:
            raise ValueError(f"There is no folder {printable(folder)}.")
        case Standing.FILE:
            raise ValueError(f"{printable(folder)} is a file, not a folder.")
        case Standing.CLOSED | Standing.OUT_OF_REACH:
            raise ValueError(f"{printable(folder)} may not be read.")
    if resolved(folder) == Path("/"):
        raise ValueError("All of the disk cannot be watched; name the folders that hold photographs.")
    refuse_card(folder)


def refuse_card(folder: Path) -> None:
    """Raise ValueError with a sentence for a folder on a memory card."""
    if on_card(folder):
        raise ValueError(f"{printable(folder)} is on a memory card; cards are only read, and seen when plugged in.")


def already_there(folder: Path) -> str:
    """Return how many photographs a folder holds, in words; nothing when there are none."""
    found = contents(folder)
    if not found.photographs:
        return ""
    return f"{'' if found.whole else 'at least '}{counted(found.photographs, 'photograph')}"


def _as_part(folder: Path, taken: Path) -> str:
    return "" if folder == taken else f", as a part of {printable(taken)}"
