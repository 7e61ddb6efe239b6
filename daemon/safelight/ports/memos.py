"""Where a program keeps the few things that it has to know after a restart."""

from typing import Protocol


class Memos(Protocol):
    """Texts by their names."""

    def get(self, name: str) -> str | None:
        """Return a memo, None when there is none of this name."""
        ...

    def put(self, name: str, value: str | None) -> None:
        """Remember a memo in place of an older one, or forget it (None). Raises StateError."""
        ...
