"""Puts the tables of one database together."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from safelight import paths
from safelight.ports.search import JudgeRows
from safelight.storage.assessments import Assessments
from safelight.storage.attempts import Attempts
from safelight.storage.cards import SqliteCards
from safelight.storage.catalog import Catalog
from safelight.storage.database import Database, open_database
from safelight.storage.journal import Journal
from safelight.storage.memos import Memos
from safelight.storage.purge import SqlitePurge
from safelight.storage.ratings import Ratings
from safelight.storage.receipts import Receipts
from safelight.storage.search_rows import SearchRows, judge_rows
from safelight.storage.sightings import Sightings
from safelight.storage.tastes import Tastes

if TYPE_CHECKING:
    from safelight.storage.successions import SqliteSuccessions


class SqliteStore:
    """The Store in a SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.catalog = Catalog(database=database)
        self.ratings = Ratings(database=database)
        self.receipts = Receipts(database=database)
        self.sightings = Sightings(database=database)
        self.journal = Journal(database=database)
        self.tastes = Tastes(database=database)
        self.memos = Memos(database=database)
        self.cards = SqliteCards(database=database)
        self.attempts = Attempts(database=database)

    def assessments(self, judge: str) -> Assessments:
        """Return what one judge saw; `judge` names the bundle and the version of the measures."""
        return Assessments(database=self._database, judge=judge)

    @property
    def successions(self) -> SqliteSuccessions:
        """What bundles beside the embedded one have seen."""
        # Imported here because a run with nothing to judge never needs numpy, a third of its start-up cost.
        from safelight.storage.successions import SqliteSuccessions

        return SqliteSuccessions(database=self._database)

    def judges(self) -> tuple[str, ...]:
        """Return every judge that has seen something, who saw something last first."""
        rows = self._database.rows("SELECT judge FROM assessments GROUP BY judge ORDER BY max(rowid) DESC")
        return tuple(str(row[0]) for row in rows)

    def count_assessed(self) -> int:
        """Return how many different pictures were looked at."""
        return int(self._database.rows("SELECT count(DISTINCT content) FROM assessments")[0][0])

    def count_to_index(self) -> int:
        """Return how many assessments wait for the vectors, whoever made them."""
        return int(self._database.rows("SELECT count(*) FROM assessments WHERE indexed = 0")[0][0])

    def search_rows(self, judge: str) -> SearchRows:
        """Return what one judge saw, as a search reads it."""
        return SearchRows(database=self._database, judge=judge)

    def judge_rows(self) -> tuple[JudgeRows, ...]:
        """Return how much every judge has seen, the one with the youngest look first."""
        return judge_rows(self._database)

    def forget_content(self, content: bytes) -> None:
        """Forget what any judge saw in a content, so that it is looked at again."""
        self._database.connection.execute("DELETE FROM assessments WHERE content = ?", (content,))

    def purge(self, *, vectors: Path) -> SqlitePurge:
        """Return what removes frames for real, from here and from the folder of the vectors."""
        return SqlitePurge(database=self._database, vectors=vectors)

    def transaction(self) -> AbstractContextManager[object]:
        """Do everything inside or nothing of it. Raises StateError when it cannot be remembered."""
        return self._database.transaction()

    def give_back(self) -> None:
        """Let go of the pages that SQLite keeps in memory; they are read again when they are needed."""
        self._database.rows("PRAGMA shrink_memory")

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def open_store(state: Path) -> SqliteStore:
    """Open the catalog of a state folder, which must exist. Raises StateError when it cannot be used."""
    return SqliteStore(open_database(paths.catalog_file(state)))
