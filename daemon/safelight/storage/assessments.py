"""Remembers what was seen in the pixels.

Assessments belong to a content, not to a path: a renamed or copied file costs no second look. They name their judge
(bundle and version of the measures), so that what two judges said is never mixed.
"""

from collections.abc import Iterable

from safelight.domain.frame import CaptureFacts
from safelight.domain.judges import first_of, looks_alone, scale_of
from safelight.domain.records import Assessment
from safelight.storage.codecs import ASSESSMENT_COLUMNS, assessment, assessment_values, facts_text
from safelight.storage.database import Database

_COUNTS = (
    "judge = ?2 AND NOT EXISTS"
    " (SELECT 1 FROM passed_over WHERE passed_over.content = assessments.content AND passed_over.judge = ?2)"
)


class Assessments:
    """The table `assessments`, as one judge sees it."""

    def __init__(self, *, database: Database, judge: str) -> None:
        self._database = database
        self.judge = judge

    def assessment(self, content: bytes) -> Assessment | None:
        """Return what this judge saw in a content, or else who comes nearest to it; None: nobody has looked.

        Nearest is the judge that it looks beside, then the newest release of that one. A frame that is gone cannot be
        looked at again, and what was learned from it must stay. So must what was learned from one that was out of
        reach when this judge took over: what it sees of that one later is not counted.
        """
        for judge in dict.fromkeys((self.judge, first_of(self.judge))):
            rows = self._database.rows(f"SELECT * FROM assessments WHERE content = ?1 AND {_COUNTS}", (content, judge))
            if rows:
                return assessment(rows[0])
        rows = self._database.rows("SELECT * FROM assessments WHERE content = ? ORDER BY rowid DESC", (content,))
        scale = scale_of(self.judge)
        older = (row for row in rows if looks_alone(row["judge"]) and scale_of(row["judge"]) == scale)
        return next(map(assessment, older), None)

    def put_assessment(self, made: Assessment) -> None:
        """Remember one look at a content, in place of an older one."""
        self._database.connection.execute(
            f"INSERT OR REPLACE INTO assessments ({ASSESSMENT_COLUMNS}, indexed)"
            f" VALUES ({', '.join('?' * len(ASSESSMENT_COLUMNS.split()))}, 0)",
            assessment_values(made, self.judge),
        )

    def put_facts(self, content: bytes, facts: CaptureFacts) -> None:
        """Replace the capture facts of a content by fuller ones, for every judge: they are what a camera said."""
        self._database.connection.execute(
            "UPDATE assessments SET facts = ?, indexed = 0 WHERE content = ?", (facts_text(facts), content)
        )

    def to_index(self, limit: int) -> tuple[Assessment, ...]:
        """Return assessments that the vectors do not have yet, at most `limit`."""
        rows = self._database.rows(
            "SELECT * FROM assessments WHERE indexed = 0 AND judge = ? ORDER BY content LIMIT ?", (self.judge, limit)
        )
        return tuple(assessment(row) for row in rows)

    def count_to_index(self) -> int:
        """Return how many assessments the vectors do not have yet."""
        query = "SELECT count(*) FROM assessments WHERE indexed = 0 AND judge = ?"
        return int(self._database.rows(query, (self.judge,))[0][0])

    def count_indexed(self) -> int:
        """Return how many assessments the vectors should have."""
        query = "SELECT count(*) FROM assessments WHERE indexed = 1 AND judge = ?"
        return int(self._database.rows(query, (self.judge,))[0][0])

    def mark_indexed(self, contents: Iterable[bytes]) -> None:
        """Remember that the vectors have these contents."""
        self._database.connection.executemany(
            "UPDATE assessments SET indexed = 1 WHERE content = ? AND judge = ?",
            [(content, self.judge) for content in contents],
        )

    def unmark_indexed(self) -> None:
        """Remember that the vectors have nothing: they were lost and are to be filled again."""
        self._database.connection.execute("UPDATE assessments SET indexed = 0 WHERE judge = ?", (self.judge,))
