"""Keeps imports that run at the same time out of each other's way.

Two cards may hold the same frames (a camera that writes to both slots) or different frames of one name (two cameras of
one model). So a thread holds the contents of the frame that it copies, and whoever has the same content waits and then
finds it imported; and it holds the stem that it chose, so that no two frames mix under one name.
Names in a folder are read once for each import and kept, because to list a folder for each frame adds up.
Invariant: contents are held all at once or not at all, so no two threads can wait for each other.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from safelight.errors import CopyStopped
from safelight.ports.cards import Stop

_ASK_AGAIN_S = 0.2  # how often a waiting thread asks whether it is to stop

ListNames = Callable[[Path], Sequence[str]]


class Underway:
    """What all imports of this program are at; one for all of them."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._contents: set[bytes] = set()
        self._stems: set[tuple[Path, str]] = set()
        self._names: dict[Path, dict[str, dict[str, str]]] = {}  # by folder and stem: names by their lower case

    def begin(self) -> None:
        """Forget which names were found: other programs may have changed them since the last import."""
        with self._changed:
            self._names.clear()

    @contextmanager
    def holding(self, contents: Collection[bytes], stop: Stop) -> Iterator[None]:
        """Hold contents while a frame is copied; waits while another import has one. Raises CopyStopped."""
        wanted = set(contents)
        with self._changed:
            while wanted & self._contents:
                if stop():
                    raise CopyStopped("Copying was stopped.", hint="The rest follows the next time.")
                self._changed.wait(_ASK_AGAIN_S)
            self._contents |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._contents -= wanted
                self._changed.notify_all()

    def claim(self, folder: Path, stem: str) -> bool:
        """Hold a stem in a folder; tell whether nobody else had it."""
        key = (folder, stem.casefold())
        with self._changed:
            if key in self._stems:
                return False
            self._stems.add(key)
            return True

    def release(self, folder: Path, stem: str) -> None:
        """Let go of a stem."""
        with self._changed:
            self._stems.discard((folder, stem.casefold()))

    def with_stem(self, folder: Path, stem: str, names: ListNames) -> dict[str, str]:
        """Return the names in a folder that begin with a stem and a dot, or are it: by how they look without case."""
        with self._changed:
            if folder not in self._names:
                self._names[folder] = {}
                for name in names(folder):
                    self._add(folder, name)
            return dict(self._names[folder].get(stem.casefold(), {}))

    def add(self, folder: Path, name: str) -> None:
        """Remember that a name is taken."""
        with self._changed:
            if folder in self._names:
                self._add(folder, name)

    def _add(self, folder: Path, name: str) -> None:
        folded = name.casefold()
        at = len(folded)
        while at > 0:
            self._names[folder].setdefault(folded[:at], {})[folded] = name
            at = folded.rfind(".", 0, at)
