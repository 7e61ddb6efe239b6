"""What services need to remember of bundles that look beside the embedded one, and take over from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from safelight.domain.frame import FileStamp
    from safelight.domain.succession import Succession


@dataclass(frozen=True, slots=True)
class Unseen:
    """A content that a judge has not seen, and the files that hold it, as they were known."""

    content: bytes
    holders: tuple[tuple[Path, FileStamp], ...]


class Successions(Protocol):
    """What each judge beside the embedded bundle has seen of the library, and what it took to take over."""

    def get(self, judge: str) -> Succession | None:
        """Return what was made when this judge took over, None before that."""
        ...

    def has(self, judge: str) -> bool:
        """Tell whether this judge has ever taken over."""
        ...

    def put(self, judge: str, made: Succession, *, at_s: float) -> str:
        """Remember what was made and return its digest, hexadecimal."""
        ...

    def judges(self) -> tuple[str, ...]:
        """Return every judge that could not look at some content."""
        ...

    def unseen(self, judge: str, *, limit: int) -> tuple[Unseen, ...]:
        """Return contents that the first judge has seen and this one has not tried to, the newest taken first."""
        ...

    def count_unseen(self, judge: str) -> int:
        """Return how many these are."""
        ...

    def seen_before(self, content: bytes, judge: str) -> NDArray[np.float16] | None:
        """Return the embedding by the same model beside another release of the first bundle, None without one."""
        ...

    def out_of_reach(self, judge: str) -> Iterator[Unseen]:
        """Yield contents that this judge has not seen because no file that holds them could be reached."""
        ...

    def count_out_of_reach(self, judge: str) -> int:
        """Return how many these are."""
        ...

    def count_seen(self, judge: str) -> int:
        """Return how many contents this judge has seen, of files that are there or were."""
        ...

    def pass_over(self, content: bytes, judge: str, reason: str, *, passing: bool = False) -> None:
        """Remember that a content cannot be looked at: never, or (`passing`) while it is out of reach."""
        ...

    def leave_unseen(self, judge: str, reason: str) -> None:
        """Remember that all contents that this judge has not seen stay as the first judge saw them, here or gone."""
        ...

    def reached(self, content: bytes, judge: str) -> None:
        """Remember that a content is no longer out of reach, unless this judge took over without it."""
        ...

    def pairs(self, judge: str, *, limit: int) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Return embeddings by the first judge and by this one, of up to `limit` contents that both have seen.

        Which ones does not depend on when they were seen.
        """
        ...

    def heads(self, judge: str) -> Iterator[tuple[bytes, NDArray[np.float16], float, float]]:
        """Yield content, embedding by this judge, and quality and appeal by the first judge, for all it saw."""
        ...

    def set_heads(self, judge: str, content: bytes, *, quality: float, appeal: float) -> None:
        """Replace what this judge says of quality and appeal."""
        ...
