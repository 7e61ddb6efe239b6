"""Knows the watched folders: which there are, which one a file lies in, and what in them was there before.

A folder may be watched with `existing = "leave"`: then what lay in it at that moment is nobody's business, told by the
moment at which the file system last changed each file's entry, which no copy and no move can set back. The folder that
cards are imported into is watched like that where the settings do not name it.
Invariant: no watched folder lies within another, and none has a link in its path.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safelight.app.configuration import Configuration
from safelight.app.folder_standing import resolved
from safelight.domain.frame import FoundFile
from safelight.ports.memos import Memos


@dataclass(frozen=True, slots=True)
class Root:
    """One watched folder; of what is new in it, files from before `since_s` are left alone."""

    path: Path
    since_s: float = 0.0


class Roots:
    """The watched folders, and the cards that are looked at."""

    def __init__(
        self,
        *,
        memory: Memos,
        clock: Callable[[], float],
        cards: Callable[[], tuple[Path, ...]],
        importing: Callable[[], bool] = lambda: False,
    ) -> None:
        """`cards` returns where the cards are that are looked at just now, `importing` whether any is to be copied."""
        self._importing = importing
        self._memory = memory
        self._clock = clock
        self._cards = cards
        self._roots: tuple[Root, ...] = ()

    def configure(self, chosen: Configuration) -> None:
        """Take the folders that the settings name."""
        folders = chosen.watched(importing=self._importing())
        wanted = {resolved(each.path): each.existing == "leave" for each in folders}
        outer = [path for path in wanted if not any(other in path.parents for other in wanted)]
        self._roots = tuple(
            Root(path, self._since_s(path) if wanted[path] else 0.0) for path in sorted(outer, key=bytes)
        )

    def all(self) -> tuple[Path, ...]:
        """Return the watched folders."""
        return tuple(root.path for root in self._roots)

    def of(self, folder: Path) -> Path | None:
        """Return the watched folder, or the card, that a folder lies in; None: in none."""
        return next((root for root in (*self.all(), *self._cards()) if folder.is_relative_to(root)), None)

    def wants(self, file: FoundFile) -> bool:
        """Tell whether a file that is not known is to be rated: not if it was there before its folder was watched."""
        root = next((each for each in self._roots if file.path.is_relative_to(each.path)), None)
        return root is None or not root.since_s or file.changed_ns / 1e9 >= root.since_s

    def _since_s(self, path: Path) -> float:
        """Return since when a folder is watched, from now on if it was not before."""
        name = f"watched since:{path}"
        if (told := self._memory.get(name)) is None:
            told = repr(self._clock())
            self._memory.put(name, told)
        return float(told)
