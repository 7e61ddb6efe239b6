"""What services need to remember of what was learned, and to forget of what it was learned from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from safelight.domain.records import TasteLook, TasteVersion


class Tastes(Protocol):
    """Every version of what was learned."""

    def last(self) -> TasteVersion | None:
        """Return the newest version, None before the first."""
        ...

    def versions(self) -> tuple[TasteVersion, ...]:
        """Return all versions, the oldest first."""
        ...

    def next_version(self) -> int:
        """Return the number that the next version will have."""
        ...

    def put(self, made: TasteVersion) -> None:
        """Remember a version, in place of one with the same number."""
        ...

    def drop(self, versions: Sequence[int]) -> None:
        """Forget versions; their numbers are not given again."""
        ...

    def look(self) -> TasteLook | None:
        """Return what the last look into the journal came to, None before the first."""
        ...

    def put_look(self, made: TasteLook) -> None:
        """Remember a look into the journal, in place of the last one."""
        ...

    def forget_look(self) -> None:
        """Let the next step look into the journal, whatever the last one found."""
        ...


class Purge(Protocol):
    """Removes what is remembered of frames, for real."""

    def frames(self, ids: Collection[int]) -> int:
        """Remove every row about these frames, in the caller's transaction; return the first entry that told of one."""
        ...

    def overwrite(self) -> None:
        """Let nothing of what was removed stay in the file, its log or the vectors; outside any transaction."""
        ...
