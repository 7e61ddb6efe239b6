"""Remembers cards, what the person wants done with each, and every file that was copied from one.

A card is copied in a thread of its own, which opens a connection of its own here: SQLite lets several of one program
write in turn. A file is remembered by its content, so that it is known again when it was renamed on the card.
Invariant: a row of `imports` is written after its file stands on the disk for good, never before.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from safelight import paths
from safelight.domain.cards import Card, Policy
from safelight.ports.cards import Import, KnownCard
from safelight.storage.codecs import blob, path_of, whole, words
from safelight.storage.database import Database, open_database

_OWED = b""  # in place of the second copy's path: it was wanted and could not be made


class SqliteCards:
    """The table `cards` (ports.cards.Cards)."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def see(self, card: Card, *, at_s: float) -> KnownCard:
        """Remember that a card is here, and return what is known of it. Raises StateError."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO cards VALUES (?, ?, NULL, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET label = excluded.label, last_s = excluded.last_s",
                (words(card.id), words(card.label), at_s, at_s),
            )
        known = self.get(card.id)
        assert known is not None  # it was written a moment ago
        return known

    def get(self, card: str) -> KnownCard | None:
        """Return what is known of a card, None when it was never here."""
        rows = self._database.rows("SELECT * FROM cards WHERE id = ?", (words(card),))
        return _card(rows[0]) if rows else None

    def set_policy(self, card: str, policy: Policy | None) -> bool:
        """Remember what the person wants done with a card; tell whether it is known."""
        with self._database.transaction() as connection:
            told = policy.value if policy else None
            return connection.execute("UPDATE cards SET policy = ? WHERE id = ?", (told, words(card))).rowcount > 0

    def any_imported(self) -> bool:
        """Tell whether the person wants any card copied."""
        return bool(self._database.rows("SELECT 1 FROM cards WHERE policy = ? LIMIT 1", (Policy.IMPORT.value,)))

    def all(self) -> tuple[KnownCard, ...]:
        """Return all cards, the one that was here last first."""
        return tuple(map(_card, self._database.rows("SELECT * FROM cards ORDER BY last_s DESC, id")))


class SqliteImports:
    """The table `imports` (ports.cards.Imports)."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def sizes(self) -> frozenset[int]:
        """Return the sizes of all files that were imported or that the library has."""
        rows = self._database.rows("SELECT size FROM imports UNION SELECT size FROM files")
        return frozenset(row["size"] for row in rows)

    def get(self, content: bytes) -> Import | None:
        """Return what was imported with this content, None when nothing was."""
        rows = self._database.rows("SELECT * FROM imports WHERE content = ?", (content,))
        return _import(rows[0]) if rows else None

    def in_library(self, content: bytes, *, without: Path) -> bool:
        """Tell whether a file of this content was ever seen in a folder that is on no card and not below `without`."""
        cards = [path_of(row["folder"]) for row in self._database.rows("SELECT folder FROM volumes WHERE card = 1")]
        rows = self._database.rows("SELECT path FROM files WHERE content = ?", (content,))
        places = (path_of(row["path"]) for row in rows)
        return any(not any(place.is_relative_to(card) for card in (without, *cards)) for place in places)

    def put(self, made: Sequence[Import]) -> None:
        """Remember files, all or none, in place of what was known of the same contents. Raises StateError."""
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO imports VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_values, made))

    def forget(self, card: str) -> int:
        """Forget what was imported from a card, so that it is imported again; return how many files that were."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM imports WHERE card = ?", (words(card),)).rowcount


@contextmanager
def open_cards(state: Path) -> Iterator[tuple[SqliteCards, SqliteImports]]:
    """Open both tables with a connection of their own, to be used in the thread that opened it. Raises StateError."""
    database = open_database(paths.catalog_file(state))
    try:
        yield SqliteCards(database=database), SqliteImports(database=database)
    finally:
        database.close()


@whole
def _card(row: sqlite3.Row) -> KnownCard:
    policy = Policy(row["policy"]) if row["policy"] is not None else None
    return KnownCard(row["id"], row["label"], policy, row["first_s"], row["last_s"])


@whole
def _import(row: sqlite3.Row) -> Import:
    backup = row["backup"]
    return Import(
        content=row["content"],
        size=row["size"],
        digest=row["digest"],
        card=row["card"],
        source=path_of(row["source"]),
        path=path_of(row["path"]),
        backup=path_of(backup) if backup else None,
        backup_owed=backup == _OWED,
        at_s=row["at_s"],
    )


def _values(made: Import) -> tuple[object, ...]:
    backup = _OWED if made.backup_owed else blob(made.backup) if made.backup else None
    names = (words(made.card), blob(made.source), blob(made.path), backup)
    return (made.content, made.size, made.digest, *names, made.at_s)
