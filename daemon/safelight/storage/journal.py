"""Keeps what happened, in order, for ever: the single truth that later learning is computed from.

Append-only: no method changes or removes an entry. Entries are written in the caller's transaction, together with the
rows that they tell of, so that neither is ever there without the other.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator

from safelight.domain.entries import Entry
from safelight.storage.codecs import payload, whole
from safelight.storage.database import Database


class Journal:
    """The table `journal`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def append(self, kind: str, *, at_s: float, frame_id: int | None = None, **payload: object) -> int:
        """Write one entry and return its number."""
        cursor = self._database.connection.execute(
            "INSERT INTO journal (at_s, kind, frame_id, payload) VALUES (?, ?, ?, ?)",
            (at_s, kind, frame_id, json.dumps(payload, sort_keys=True)),
        )
        return int(cursor.lastrowid or 0)

    def last(self, frame_id: int, *kinds: str) -> tuple[str, dict[str, object]] | None:
        """Return kind and payload of the newest entry of these kinds about a frame, None without one."""
        marks = ",".join("?" * len(kinds))
        query = f"SELECT kind, payload FROM journal WHERE frame_id = ? AND kind IN ({marks}) ORDER BY seq DESC LIMIT 1"
        rows = self._database.rows(query, (frame_id, *kinds))
        return (rows[0]["kind"], payload(rows[0])) if rows else None

    def newest(self, *kinds: str) -> int:
        """Return the number of the newest entry (of these kinds, if any are named), 0 without one."""
        if not kinds:
            return int(self._database.rows("SELECT coalesce(max(seq), 0) FROM journal")[0][0])
        query = "SELECT coalesce(max(seq), 0) FROM journal WHERE kind = ?"  # one by one: each is a step down the index
        return max(int(self._database.rows(query, (kind,))[0][0]) for kind in kinds)

    def last_s(self, frame_ids: Collection[int], *kinds: str) -> float | None:
        """Return when the newest entry of these kinds about any of these frames was written, None without one."""
        chosen, found = ",".join("?" * len(kinds)), []
        for frame_id in frame_ids:
            query = f"SELECT max(at_s) FROM journal WHERE frame_id = ? AND kind IN ({chosen})"
            found.append(self._database.rows(query, (frame_id, *kinds))[0][0])
        return max((at_s for at_s in found if at_s is not None), default=None)

    def entries(self, *kinds: str, after: int = 0) -> Iterator[Entry]:
        """Yield the entries (of these kinds, if any are named) with a number above `after`, oldest first."""
        chosen = f"AND kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        query = f"SELECT * FROM journal WHERE seq > ? {chosen} ORDER BY seq"
        for row in self._database.rows(query, (after, *kinds)):
            yield _entry(row)


@whole
def _entry(row: sqlite3.Row) -> Entry:
    return Entry(row["seq"], float(row["at_s"]), row["kind"], row["frame_id"], payload(row))
