"""Keeps what a person did to the pictures of a soak: the truth that catalog, sidecars and disk are held against.

Every picture has bytes of its own and a name that is never used twice, so that each can be told in whatever the program
writes down. Nothing here looks at the program.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

RATING = re.compile(rb'(xmp:Rating=")(-?\d)(")')


@dataclass
class Picture:
    """One picture file. `places` are all paths that it ever had, the last is where it is or was."""

    places: list[Path]
    digest: str
    readable: bool = True
    alive: bool = True
    given: int | None = None  # what its person rated it
    trashed: Path | None = None  # where it lies in the trash
    copied: int = 0  # how often it went to another disk, which is a copy and a deletion
    deleted: int = 0  # how often it was deleted or thrown away

    @property
    def path(self) -> Path:
        """Return where it is, or was last."""
        return self.places[-1]


@dataclass
class Ledger:
    """All pictures that there ever were, and the folders that cannot be reached just now."""

    pictures: list[Picture] = field(default_factory=list)
    away: set[Path] = field(default_factory=set)
    told: list[str] = field(default_factory=list)  # everything that was done, in order

    def add(self, path: Path, data: bytes, *, readable: bool = True) -> Picture:
        """Note a picture that has come whole."""
        picture = Picture([path], sha256(data).hexdigest(), readable)
        self.pictures.append(picture)
        return picture

    def alive(self, *, below: Path | None = None, away: bool = False) -> list[Picture]:
        """Return the pictures that exist; without `away` only those that can be reached."""
        return [
            each
            for each in self.pictures
            if each.alive
            and (below is None or each.path.is_relative_to(below))
            and (away or not self.is_away(each.path))
        ]

    def is_away(self, path: Path) -> bool:
        """Tell whether a path lies on a disk that is not there now."""
        return any(path.is_relative_to(place) for place in self.away)

    def by_place(self) -> dict[str, Picture]:
        """Return the pictures by every path that they ever had."""
        return {str(place): each for each in self.pictures for place in each.places}


def sidecar_of(path: Path) -> Path:
    """Return the sidecar that Safelight and darktable write beside a picture."""
    return path.with_name(path.name + ".xmp")


def rating_in(data: bytes) -> int | None:
    """Return the rating that a sidecar of this soak holds."""
    found = RATING.search(data)
    return None if found is None else int(found[2])


def pictures_below(folder: Path) -> Iterator[Path]:
    """Yield the picture files at and below a folder, as a program finds them: hidden ones are nobody's."""
    for path in folder.rglob("*.jpg"):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
