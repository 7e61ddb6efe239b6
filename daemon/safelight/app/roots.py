"""Knows the watched folders: which there are, which one a file lies in, and what in them was there before.

A folder may be watched with `existing = "leave"`: then what lay in it at that moment is nobody's business, told by the
moment at which the file system last changed each file's entry, which no copy and no move can set back. The folder that
cards are imported into is watched like that where the settings do not name it. Of folders that lie in each other the
inner one decides for what is in it.
Invariant: no watched folder lies within another, and none has a link in its path.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from safelight.app.configuration import Configuration
from safelight.app.folder_standing import resolved
from safelight.domain.frame import FoundFile
from safelight.ports.memos import Memos

_SINCE = "watched since"


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
        self._named: tuple[Root, ...] = ()  # with those that lie in others, the innermost first

    def configure(self, chosen: Configuration) -> None:
        """Take the folders that the settings name. Raises StateError."""
        folders = chosen.watched(importing=self._importing())
        wanted = {resolved(each.path): each.existing == "leave" for each in folders}
        since_s = self._since_s({path for path, leaves in wanted.items() if leaves})
        named = [Root(path, since_s.get(str(path), 0.0)) for path in sorted(wanted, key=bytes)]
        self._roots = tuple(each for each in named if not any(other in each.path.parents for other in wanted))
        self._named = tuple(sorted(named, key=lambda each: -len(each.path.parts)))

    def all(self) -> tuple[Path, ...]:
        """Return the watched folders."""
        return tuple(root.path for root in self._roots)

    def of(self, folder: Path) -> Path | None:
        """Return the watched folder, or the card, that a folder lies in; None: in none."""
        return next((root for root in (*self.all(), *self._cards()) if folder.is_relative_to(root)), None)

    def wants(self, file: FoundFile) -> bool:
        """Tell whether a file that is not known is to be rated: not if it was there before its folder was watched."""
        root = next((each for each in self._named if file.path.is_relative_to(each.path)), None)
        return root is None or not root.since_s or file.changed_ns / 1e9 >= root.since_s

    def leaves(self, path: Path) -> bool:
        """Tell whether a file lies in a folder of which what was there before is left alone."""
        return any(bool(each.since_s) for each in self._roots if path.is_relative_to(each.path))

    def _since_s(self, leaving: Collection[Path]) -> Mapping[str, float]:
        """Return since when each of these is watched; what is watched no longer is forgotten."""
        try:
            before: dict[str, float] = json.loads(self._memory.get(_SINCE) or "{}")
        except ValueError:
            before = {}
        now_s = self._clock()
        since_s = {str(path): float(before.get(str(path), now_s)) for path in leaving}
        if since_s != before:
            self._memory.put(_SINCE, json.dumps(since_s))
        return since_s
