"""Counts what lies below a folder, by names alone: how many photographs, and how many directories would be watched.

Asked before a folder is watched, when a person waits for the next question, so it opens nothing and stops at a bound.
Invariant: the same folders are entered and the same names counted as by the watcher, and no link is followed.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from safelight.domain.frame import Role
from safelight.domain.names import role_of
from safelight.watching.folders import looked_at, looked_into

MOST_NAMES = 1_000_000  # a few seconds of looking on a disk that is awake


@dataclass(frozen=True, slots=True)
class Contents:
    """What was counted; `whole` is False when there is more than was looked at."""

    photographs: int = 0  # RAW and JPEG of one name are one
    directories: int = 0  # with the folder itself
    whole: bool = True


def contents(folder: Path, *, outside: Collection[str] = (), most_names: int = MOST_NAMES) -> Contents:
    """Count below a folder; what cannot be listed counts as empty, and folders `outside` are not entered."""
    photographs = directories = names = 0
    waiting = [os.fspath(folder)]
    while waiting:
        here = waiting.pop()
        directories += 1
        stems = set()
        for entry in _listed(here):
            names += 1
            if entry.is_dir(follow_symlinks=False):
                if looked_into(here.rpartition("/")[2], entry.name) and entry.path not in outside:
                    waiting.append(entry.path)
            elif role_of(entry.name) in (Role.RAW, Role.IMAGE) and looked_at(entry.name):
                stems.add(entry.name.rpartition(".")[0])
        photographs += len(stems)
        if names > most_names:
            return Contents(photographs, directories, whole=False)
    return Contents(photographs, directories)


def _listed(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:
        return []
