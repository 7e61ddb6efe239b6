"""Keeps every version of the taste, and how far the journal had been read when it was last looked into.

A version is computed from the journal alone; it is kept so that ranking need not compute it again, and so that a replay
has something to be compared with. The numbers of old versions are let go of: their digest is enough for that.
Invariant: the number of a version is never given to another one, even when the first has been forgotten.
"""

import sqlite3
import zlib
from collections.abc import Sequence

from safelight.domain.records import TasteLook, TasteVersion
from safelight.storage.codecs import whole
from safelight.storage.database import Database

KEPT = 20  # versions whose numbers are kept: about 55 KB each


class Tastes:
    """The tables `tastes` and `taste_look`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def last(self) -> TasteVersion | None:
        """Return the newest version, None before the first."""
        rows = self._database.rows("SELECT * FROM tastes ORDER BY version DESC LIMIT 1")
        return _version(rows[0]) if rows else None

    def versions(self) -> tuple[TasteVersion, ...]:
        """Return all versions, the oldest first."""
        return tuple(map(_version, self._database.rows("SELECT * FROM tastes ORDER BY version")))

    def next_version(self) -> int:
        """Return the number that the next version will have."""
        rows = self._database.rows("SELECT seq FROM sqlite_sequence WHERE name = 'tastes'")
        return int(rows[0]["seq"]) + 1 if rows else 1

    def put(self, made: TasteVersion) -> None:
        """Remember a version, in place of one with the same number."""
        self._database.connection.execute(
            "INSERT OR REPLACE INTO tastes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                made.version,
                made.made_s,
                made.through,
                made.judge,
                made.basis,
                made.comparisons,
                made.gate,
                made.evidence,
                made.digest,
                None if made.numbers is None else zlib.compress(made.numbers),
            ),
        )
        old = made.version - KEPT
        self._database.connection.execute("UPDATE tastes SET numbers = NULL WHERE version <= ?", (old,))

    def drop(self, versions: Sequence[int]) -> None:
        """Forget versions; their numbers are not given again."""
        self._database.connection.executemany(
            "DELETE FROM tastes WHERE version = ?", [(version,) for version in versions]
        )

    def look(self) -> TasteLook | None:
        """Return what the last look into the journal came to, None before the first."""
        rows = self._database.rows("SELECT * FROM taste_look")
        return _look(rows[0]) if rows else None

    def put_look(self, made: TasteLook) -> None:
        """Remember a look into the journal, in place of the last one."""
        self._database.connection.execute(
            "INSERT OR REPLACE INTO taste_look VALUES (1, ?, ?, ?)", (made.through, made.next_s, made.waiting)
        )

    def forget_look(self) -> None:
        """Let the next step look into the journal, whatever the last one found."""
        self._database.connection.execute("DELETE FROM taste_look")


@whole
def _version(row: sqlite3.Row) -> TasteVersion:
    return TasteVersion(
        version=row["version"],
        made_s=float(row["made_s"]),
        through=int(row["through"]),
        judge=row["judge"],
        basis=row["basis"],
        comparisons=int(row["comparisons"]),
        gate=float(row["gate"]),
        evidence=row["evidence"],
        digest=row["digest"],
        numbers=_numbers(row["numbers"]),
    )


def _numbers(stored: bytes | None) -> bytes | None:
    """Return the numbers of a version; None for damaged ones too, because the journal gives them again."""
    try:
        return None if stored is None else zlib.decompress(stored)
    except zlib.error:
        return None


@whole
def _look(row: sqlite3.Row) -> TasteLook:
    next_s = row["next_s"]
    return TasteLook(int(row["through"]), None if next_s is None else float(next_s), int(row["waiting"]))
