"""Keeps what happened, in order, for ever: the single truth that later learning is computed from.

Append-only: no method changes or removes an entry. Entries are written in the caller's transaction, together with the
rows that they tell of, so that neither is ever there without the other.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from safelight.storage.database import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    seq: int
    at_s: float
    kind: str
    frame_id: int | None
    payload: dict[str, object]


class Journal:
    """The table `journal`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def append(self, kind: str, *, at_s: float, frame_id: int | None = None, **payload: object) -> None:
        """Write one entry."""
        self._database.connection.execute(
            "INSERT INTO journal (at_s, kind, frame_id, payload) VALUES (?, ?, ?, ?)",
            (at_s, kind, frame_id, json.dumps(payload, sort_keys=True)),
        )

    def last(self, frame_id: int, *kinds: str) -> tuple[str, dict[str, object]] | None:
        """Return kind and payload of the newest entry of these kinds about a frame, None without one."""
        marks = ",".join("?" * len(kinds))
        query = f"SELECT kind, payload FROM journal WHERE frame_id = ? AND kind IN ({marks}) ORDER BY seq DESC LIMIT 1"
        rows = self._database.rows(query, (frame_id, *kinds))
        return (rows[0]["kind"], json.loads(rows[0]["payload"])) if rows else None

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Yield the entries (of one kind) in the order in which they were written."""
        where, values = ("WHERE kind = ?", (kind,)) if kind else ("", ())
        for row in self._database.rows(f"SELECT * FROM journal {where} ORDER BY seq", values):
            yield Entry(row["seq"], row["at_s"], row["kind"], row["frame_id"], json.loads(row["payload"]))
