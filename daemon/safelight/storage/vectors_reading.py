"""Finds the nearest vectors in the LanceDB folder, beside a worker that may write there at the same time.

A worker that compacts deletes the files of older versions, `forget` removes the whole folder, and a power cut leaves a
table that cannot be opened until its owner has healed it. So a query that fails is asked once more of the table as it
is then; after that it is a StateError, and the catalog, which has all embeddings, answers instead.
Invariant: nothing is written and no folder is made.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from safelight.domain.wanted import Wanted
from safelight.errors import StateError
from safelight.ports.search import Near
from safelight.storage.vectors import FAILURES, opened_table
from safelight.storage.vectors_index import nearest_rows

CACHE_BYTES = 512 << 20  # the index of 100,000 frames takes 130 MB; read anew for every query, it would take seconds

Answer = TypeVar("Answer")


class VectorsReader:
    """The vectors of one judge, only read (ports.NearestVectors); opened when they are first asked."""

    def __init__(self, folder: Path, *, judge: str) -> None:
        self._folder = folder
        self._judge = judge
        self._table: Any = None

    def count(self) -> int:
        """Return the number of rows. Raises StateError when they cannot be read."""
        return int(self._asked(lambda table: table.count_rows()))

    def nearest(self, query: NDArray[np.float32], *, limit: int, wanted: Wanted) -> list[Near]:
        """Return the nearest rows whose capture facts fit, best first. Raises StateError when they cannot be read."""
        return self._asked(lambda table: nearest_rows(table, query, limit=limit, wanted=wanted))

    def _asked(self, ask: Callable[[Any], Answer]) -> Answer:
        with suppress(*FAILURES):  # its files may be deleted by whoever compacts it meanwhile
            return ask(self._opened())
        self._table = None
        try:
            return ask(self._opened())
        except FAILURES as error:
            raise _unreadable(self._folder) from error

    def _opened(self) -> Any:
        if self._table is None:
            self._table = opened_table(self._folder, self._judge, cache_bytes=CACHE_BYTES)
        return self._table


def _unreadable(folder: Path) -> StateError:
    return StateError(
        f"The vectors in {folder} cannot be read just now.",
        hint="They are only a cache: the next rating, or the daemon, fills them again.",
        path=folder,
    )
