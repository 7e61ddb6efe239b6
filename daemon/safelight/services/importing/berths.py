"""Finds the place for a frame among what is there already, and puts its verified copies into it.

A frame gets a stem that no other file in the folder begins with: beside a stranger's IMG_0001.JPG our IMG_0001.CR3
would pass for the same frame, so it becomes "IMG_0001 (2)". What stands there with the very same bytes is this frame,
copied before by a person or by an import that was killed: it is taken for done.
Invariant: nothing that is there is touched; the files of one frame share folder and stem.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from safelight.domain.card_template import numbered
from safelight.domain.cards import CardFile
from safelight.ports.cards import Copier, Copy, Stop
from safelight.services.importing.underway import Underway


@dataclass(frozen=True, slots=True)
class Placed:
    """One file in its place."""

    path: Path
    digest: bytes


@dataclass(frozen=True, slots=True)
class Berth:
    """A place for a frame: `found` are its files that stand there already."""

    folder: Path
    stem: str
    found: Mapping[CardFile, Placed]


class Berths:
    """Chooses places in one folder tree."""

    def __init__(self, *, copier: Copier, underway: Underway, stop: Stop) -> None:
        self._copier = copier
        self._underway = underway
        self._stop = stop

    @contextmanager
    def berth(self, folder: Path, stem: str, tails: Mapping[CardFile, str], *, beside: bool = False) -> Iterator[Berth]:
        """Yield a place for the files of a frame, held until the end; `tails` are what their names end in.

        `beside`: files of this frame stand there under this stem already, so it is not a stranger's.
        """
        longest = max(tails.values(), key=lambda tail: len(tail.encode("utf-8", "surrogateescape")))
        for number in count(1):
            tried = stem if beside and number == 1 else numbered(stem, number, tail=longest)
            if not self._underway.claim(folder, tried):
                continue
            try:
                found = self._fitting(folder, tried, tails, own=beside and number == 1)
                if found is not None:
                    yield Berth(folder, tried, found)
                    return
            finally:
                self._underway.release(folder, tried)

    def put(
        self, berth: Berth, copies: Mapping[CardFile, Copy], tails: Mapping[CardFile, str]
    ) -> dict[CardFile, Placed]:
        """Give copies their names and make the names durable; return where each file is.

        A name that another program took in this very moment is evaded by a number for this one file.
        """
        placed = dict(berth.found)
        for file, copy in copies.items():
            placed[file] = Placed(self._place(copy, berth, tails[file]), copy.digest)
            self._underway.add(berth.folder, placed[file].path.name)
        self._copier.flush(berth.folder)
        return placed

    def _place(self, copy: Copy, berth: Berth, tail: str) -> Path:
        for number in count(1):
            try:
                return self._copier.place(copy, numbered(berth.stem, number, tail=tail) + tail)
            except FileExistsError:
                continue
        raise AssertionError  # numbers have no end

    def _fitting(
        self, folder: Path, stem: str, tails: Mapping[CardFile, str], *, own: bool
    ) -> dict[CardFile, Placed] | None:
        """Return which of the files stand under a stem already, None when the stem is a stranger's."""
        names = self._underway.with_stem(folder, stem, self._copier.names)
        found: dict[CardFile, Placed] = {}
        for file, tail in tails.items():
            name = names.get((stem + tail).casefold())
            if name is None:
                continue
            digest = self._copier.same(file.path, folder / name, stop=self._stop)
            if digest is None:
                return None
            found[file] = Placed(folder / name, digest)
        return found if found or own or not names else None


def tails(files: Sequence[CardFile], stem: str) -> dict[CardFile, str]:
    """Return what each file's name has behind a stem."""
    return {file: file.path.name[len(stem) :] for file in files}
