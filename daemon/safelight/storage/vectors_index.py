"""Decides when the vectors want an index, when it is built anew, and how it is asked.

Up to 50,000 rows LanceDB looks at every vector, which is fast enough and exact. Above, an IVF_SQ index keeps a byte a
number in partitions of about 8,000 rows. So few and large partitions are meant: 20 of them are all rows of a library
of 160,000 frames, and the best candidates are compared once more by their full vectors, so that next to nothing is
missed, whatever the vectors are like. With 64 partitions, of which 16 are asked, a query takes two thirds of the time
and finds 0.4 of the nearest of random vectors. IVF_PQ loses too much, and an HNSW graph takes minutes to build.
Rows that came after the index was built are looked at one by one, and indexed by the next compaction as a part of their
own; every part is one more place to ask, so that many parts are built anew as one.
Invariant: nothing here opens or closes a table; a row is found whether it is in the index or not.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.domain.wanted import Wanted, words_of
from safelight.ports.search import Near

VECTOR = "vector"
INDEXED_FROM = 50_000  # rows; without an index a query of so many takes 0.15 s, and 0.3 s of twice as many
MOST_PARTS = 12
PROBES = 20  # partitions that are asked, of each part
REFINED = 4  # times as many rows as are wanted are compared by their full vectors


def to_build(table: Any, *, indexed_from: int) -> bool:
    """Tell whether an index has to be built over all rows, for the first time or anew."""
    if table.count_rows() < indexed_from:
        return False
    for index in table.list_indices():
        if index.columns == [VECTOR]:
            told = table.index_stats(index.name)
            return told is None or (told.num_indices or 1) > MOST_PARTS
    return True


def nearest_rows(table: Any, query: NDArray[np.float32], *, limit: int, wanted: Wanted) -> list[Near]:
    """Return the rows nearest to `query` (length,) whose capture facts fit, best first, at most `limit`."""
    asked = table.search(query, vector_column_name=VECTOR).distance_type("cosine").limit(limit)
    asked = asked.select(["content", "_distance"]).nprobes(PROBES).refine_factor(REFINED)
    if (condition := condition_of(wanted)) is not None:
        asked = asked.where(condition, prefilter=True)
    told = asked.to_arrow()
    pairs = zip(told["content"].to_pylist(), told["_distance"].to_pylist(), strict=True)
    return [Near(bytes.fromhex(content), 1.0 - distance) for content, distance in pairs]


def condition_of(wanted: Wanted) -> str | None:
    """Return the capture facts that are asked for as a condition in LanceDB's SQL, None without any."""
    parts = []
    if wanted.since_s is not None:
        parts.append(f"taken_s >= {float(wanted.since_s)!r}")
    if wanted.until_s is not None:
        parts.append(f"taken_s < {float(wanted.until_s)!r}")
    camera = "lower(concat(coalesce(make, ''), ' ', coalesce(camera, '')))"
    parts += [f"contains({camera}, {quoted(word)})" for word in words_of(wanted.camera or "")]
    parts += [f"contains(lower(coalesce(lens, '')), {quoted(word)})" for word in words_of(wanted.lens or "")]
    return " AND ".join(parts) or None


def quoted(text: str) -> str:
    """Return a text as a literal of SQL: only the single quote means anything in one."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
