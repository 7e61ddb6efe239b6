"""Keeps in mind the few things that the daemon has to know after a restart: until when it is paused, the last shoots.

A name may tell of a folder, whose bytes need not be UTF-8: what is none is kept as it is printed.
Invariant: a memo is one text; what it means is known by whoever wrote it, and nothing that is true of a frame is here.
"""

from safelight.storage.codecs import words
from safelight.storage.database import Database


class Memos:
    """The table `memos`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str | None:
        """Return a memo, None when there is none of this name."""
        rows = self._database.rows("SELECT value FROM memos WHERE name = ?", (words(name),))
        return str(rows[0]["value"]) if rows else None

    def put(self, name: str, value: str | None) -> None:
        """Remember a memo in place of an older one, or forget it (None), in a transaction of its own."""
        with self._database.transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM memos WHERE name = ?", (words(name),))
            else:
                connection.execute("INSERT OR REPLACE INTO memos VALUES (?, ?)", (words(name), words(value)))
