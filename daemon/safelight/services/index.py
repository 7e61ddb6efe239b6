"""Indexes assessed frames for search, when enough of them wait to be worth it.

The catalog holds the truth; the vectors are a cache beside it, and loading their library costs as much as judging
dozens of frames. So a small run leaves them for a later one, and nothing is lost by that.
Invariant: a content is marked as indexed only after its row is in the vectors.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from safelight.domain.records import Assessment
from safelight.ports import Assessments, Store

WORTH_INDEXING = 1000  # loading the library costs about 2.5 s of processor time: 2.5 ms a frame at this number
_TOGETHER = 1024


class Vectors(Protocol):
    """Where vectors are kept."""

    def count(self) -> int:
        """Return the number of rows."""
        ...

    def put(self, rows: Sequence[Assessment]) -> None:
        """Add rows, or replace those of the same content."""
        ...

    def compact(self) -> None:
        """Bring the folder down to about the size of its rows."""
        ...


class Index:
    """Fills the vectors from the catalog."""

    def __init__(self, *, store: Store, assessments: Assessments, open_vectors: Callable[[], Vectors]) -> None:
        self._store = store
        self._assessments = assessments
        self._open_vectors = open_vectors

    def step(self, *, at_least: int = WORTH_INDEXING, at_most: int | None = None) -> int:
        """Index what waits if it is at least that many, `at_most` about so many; return how many rows were written."""
        if self._assessments.count_to_index() < at_least:
            return 0
        vectors = self._open_vectors()
        if vectors.count() < self._assessments.count_indexed():  # a torn version was given up, or the folder removed
            with self._store.transaction():
                self._assessments.unmark_indexed()
        written = 0
        while (at_most is None or written < at_most) and (rows := self._assessments.to_index(_TOGETHER)):
            vectors.put(rows)
            with self._store.transaction():
                self._assessments.mark_indexed([row.content for row in rows])
            written += len(rows)
        vectors.compact()
        return written
