"""Tells which files are known ones that have left their old places.

A frame is known by its content, so whoever renames or moves it keeps its rating. A whole row of names may have moved
on by one, or two files changed places: that is told only from all of them together, before any of it is remembered.
A frame that was looked at on a card goes along when it is copied from there: cards are emptied, the copy stays.
Invariant: a known file is found again at one place at most; any other copy, whose original is still there, is no move.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from safelight.domain.frame import FoundFile
from safelight.domain.framing import Draft
from safelight.domain.records import KnownFile
from safelight.errors import OutOfReach
from safelight.ports import Identifier, Scanner, Store


class Moves:
    """Looks for known files at new places."""

    def __init__(
        self,
        *,
        scanner: Scanner,
        identifier: Identifier,
        store: Store,
        on_card: Callable[[Path], bool] = lambda _: False,
    ) -> None:
        """`on_card` tells whether a path lies on a card, be it plugged in or not."""
        self._on_card = on_card
        self._scanner = scanner
        self._identifier = identifier
        self._store = store

    def find(
        self, files: Sequence[FoundFile], known: Mapping[Path, KnownFile], contents: Mapping[Path, bytes]
    ) -> dict[Path, KnownFile]:
        """Return which of `files` was which known file, by the new place.

        `known` are the files known in their folder and `contents` what is in each file now, b"" where that cannot be
        told.
        """
        changed = [file for file in files if file.path in known and contents[file.path] != known[file.path].content]
        displaced = {known[file.path].content: known[file.path] for file in changed if contents[file.path]}
        fresh = [file for file in files if file.path not in known]
        found: dict[Path, KnownFile] = {}
        claimed: set[Path] = set()
        for file in (*changed, *fresh):
            candidates = self._candidates(file, contents[file.path], displaced)
            if old := next((each for each in candidates if each.path not in claimed), None):
                found[file.path] = old
                claimed.add(old.path)
        return found

    def stays_whole(self, frame_id: int, draft: Draft) -> bool:
        """Tell whether a frame has no file left but those of the draft: else it stays with the others."""
        here = {file.path for file in draft.files}
        files = self._store.catalog.files_of(frame_id)
        return all(file.path in here or self._is_free(file, draft.main.path) for file in files)

    def _candidates(self, file: FoundFile, content: bytes, displaced: Mapping[bytes, KnownFile]) -> Iterator[KnownFile]:
        """Yield the known files that this one may have been, the likeliest first."""
        if not content:
            return
        if (old := displaced.get(content)) is not None and old.role is file.role:
            yield old
        for known in self._store.catalog.with_content(content):
            if known.role is file.role and (known.path == file.path or self._is_free(known, file.path)):
                yield known

    def _is_free(self, known: KnownFile, now: Path) -> bool:
        """Tell whether a frame need not stay with a known file when it is found at `now`."""
        return (self._on_card(known.path) and not self._on_card(now)) or self.has_left(known)

    def has_left(self, file: KnownFile) -> bool:
        """Tell whether what was at a place is there no more; another file may have taken it."""
        now = self._scanner.look(file.path)
        if now is None or now == file.stamp:
            return now is None
        try:
            return self._identifier.content(file.path) != file.content
        except OutOfReach:
            return False
