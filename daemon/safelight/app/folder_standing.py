"""Tells what stands where a folder should be, without ever failing: a folder, nothing, or something else."""

import os
import stat
from enum import Enum
from pathlib import Path

from safelight.watching.volumes import CardVolumes


class Standing(Enum):
    """What was found at a path."""

    FOLDER = "folder"
    CLOSED = "closed"  # a folder that may not be listed
    MISSING = "missing"
    FILE = "file"  # or anything else that is no folder
    OUT_OF_REACH = "out of reach"  # no permission on the way there, a failing disk, a link that goes in a circle


def standing(folder: Path) -> Standing:
    """Look at a path, links followed."""
    try:
        mode = folder.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return Standing.MISSING
    except (OSError, ValueError):
        return Standing.OUT_OF_REACH
    if not stat.S_ISDIR(mode):
        return Standing.FILE
    return Standing.FOLDER if os.access(folder, os.R_OK | os.X_OK) else Standing.CLOSED


def nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one around it that is there."""
    return next((each for each in (folder, *folder.parents) if standing(each) is not Standing.MISSING), Path("/"))


def resolved(folder: Path) -> Path:
    """Return a path without links, or as it is where they go in a circle."""
    try:
        return folder.resolve()
    except (OSError, RuntimeError):
        return folder


def on_card(folder: Path) -> bool:
    """Tell whether a folder lies on a memory card."""
    return CardVolumes().card_root(resolved(folder)) is not None
