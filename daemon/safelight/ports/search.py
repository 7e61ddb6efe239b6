"""What a search needs: vectors that find the nearest, the rows behind them, and the frames that show a content."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from safelight.domain.frame import CaptureFacts, Stage

if TYPE_CHECKING:  # a command that fails at its arguments never needs numpy
    import numpy as np
    from numpy.typing import NDArray

    from safelight.domain.wanted import Stars, Wanted


@dataclass(frozen=True, slots=True)
class Near:
    """A content and how near it is: the cosine of two embeddings, -1 to 1."""

    content: bytes
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Some contents with their embeddings (n, length) and, if they were asked for, capture facts."""

    contents: Sequence[bytes]
    embeddings: NDArray[np.float16]
    facts: Sequence[CaptureFacts] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame that is there and shows a content; `taken` with these facts, `burst` as the catalog names it."""

    frame_id: int
    path: Path
    content: bytes
    facts: CaptureFacts
    stage: Stage
    stars: int | None  # a person's own, else ours
    burst: str | None
    keeper: bool


@dataclass(frozen=True, slots=True)
class JudgeRows:
    """How many contents a judge has looked at, and the number of the newest look: a larger one is younger."""

    judge: str
    rows: int
    newest: int


class NearestVectors(Protocol):
    """Finds the nearest among very many without looking at each."""

    def count(self) -> int:
        """Return the number of rows."""
        ...

    def nearest(self, query: NDArray[np.float32], *, limit: int, wanted: Wanted) -> list[Near]:
        """Return the nearest rows whose capture facts fit, best first; fewer than `limit` only if there are no more.

        Raises StateError when they cannot be read.
        """
        ...


class SearchRows(Protocol):
    """What one judge saw, for a search; everything only reads."""

    judge: str

    def count(self) -> int:
        """Return how many contents there are."""
        ...

    def count_indexed(self) -> int:
        """Return how many of them the vectors should have."""
        ...

    def everything(self, *, facts: bool) -> Iterator[Embedded]:
        """Yield all contents, some at a time; with `facts` their capture facts as well."""
        ...

    def waiting(self, *, facts: bool) -> Iterator[Embedded]:
        """Yield the contents that the vectors do not have yet."""
        ...

    def those(self, contents: Collection[bytes], *, facts: bool) -> Iterator[Embedded]:
        """Yield these contents, as far as they are known."""
        ...

    def fitting(self, *, stars: Stars | None, below: Path | None) -> frozenset[bytes]:
        """Return the contents of frames that are there, with so many stars, at or below a folder."""
        ...

    def shown(self, contents: Collection[bytes], *, below: Path | None = None) -> Iterator[Shown]:
        """Yield the frames that are there (at or below a folder) and show one of these contents, by id."""
        ...

    def burst_size(self, burst: str) -> int:
        """Return how many frames of a burst are there."""
        ...
