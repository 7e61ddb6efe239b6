"""Reads what a search needs from the catalog: embeddings some at a time, and the frames that show a content.

A search may run beside a worker that writes, so nothing here holds a snapshot open: rows come in pages by their number,
which SQLite gives anew to a row that is written again. Such a row may come twice and is never missed.
Invariant: nothing is written, and no more than one page of embeddings is in memory.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from safelight.domain.frame import CaptureFacts, Stage
from safelight.domain.wanted import MOST_STARS, Stars, stars_shown
from safelight.ports.search import Embedded, JudgeRows, Shown
from safelight.storage.codecs import blob, path_of, whole
from safelight.storage.database import Database, damaged

PAGE = 1024  # embeddings in memory at a time: 2.6 MB of the longest bundle's
_MANY = 500  # values in one statement; SQLite takes at least 999

# A frame is there if one of its files was there at the last look.
_THERE = "EXISTS (SELECT 1 FROM files WHERE files.frame_id = frames.id AND gone = 0{below})"
_BELOW = " AND (folder = ? OR (folder >= ? AND folder < ?))"
# The SQL of domain.wanted.stars_shown.
_STARS = (
    "CASE WHEN stage = 'kept' THEN max(coalesce(given, 0), 0) WHEN stage IN ('unreadable', 'derived') THEN 0"
    " ELSE coalesce(ratings.stars, 0) END BETWEEN ? AND ?"
)


class SearchRows:
    """The SearchRows of one judge."""

    def __init__(self, *, database: Database, judge: str) -> None:
        self._database = database
        self.judge = judge

    def count(self) -> int:
        """Return how many contents there are."""
        return self._number("SELECT count(*) FROM assessments WHERE judge = ?", self.judge)

    def count_indexed(self) -> int:
        """Return how many of them the vectors should have."""
        waiting = self._number("SELECT count(*) FROM assessments WHERE indexed = 0 AND judge = ?", self.judge)
        return self.count() - waiting

    def everything(self, *, facts: bool) -> Iterator[Embedded]:
        """Yield all contents, some at a time; with `facts` their capture facts as well."""
        return self._pages("judge = ?", facts=facts)

    def waiting(self, *, facts: bool) -> Iterator[Embedded]:
        """Yield the contents that the vectors do not have yet."""
        return self._pages("indexed = 0 AND judge = ?", facts=facts)

    def those(self, contents: Collection[bytes], *, facts: bool) -> Iterator[Embedded]:
        """Yield these contents, as far as they are known."""
        ordered = sorted(contents)  # as the index has them: the pages of the file are met in order
        for start in range(0, len(ordered), _MANY):
            some = ordered[start : start + _MANY]
            marks = ",".join("?" * len(some))
            query = f"SELECT content, embedding, facts FROM assessments WHERE content IN ({marks}) AND judge = ?"
            if rows := self._database.rows(query, (*some, self.judge)):
                yield _embedded(rows, facts=facts)

    def fitting(self, *, stars: Stars | None, below: Path | None) -> frozenset[bytes]:
        """Return the contents of frames that are there, with so many stars, at or below a folder."""
        there, values = _there(below)
        asked = stars or Stars(0, MOST_STARS)
        rows = self._database.rows(
            "SELECT DISTINCT content FROM frames LEFT JOIN ratings ON ratings.frame_id = frames.id"
            f" WHERE content IS NOT NULL AND {_STARS} AND {there}",
            (asked.least, asked.most, *values),
        )
        return frozenset(row[0] for row in rows)

    def shown(self, contents: Collection[bytes], *, below: Path | None = None) -> Iterator[Shown]:
        """Yield the frames that are there (at or below a folder) and show one of these contents, by id."""
        there, values = _there(below)
        ordered = sorted(contents)
        for start in range(0, len(ordered), _MANY):
            some = ordered[start : start + _MANY]
            rows = self._database.rows(
                "SELECT frames.id, frames.path, frames.stage, frames.given, frames.content, assessments.facts,"
                " ratings.stars, ratings.burst, ratings.keeper FROM frames"
                " JOIN assessments ON assessments.content = frames.content AND assessments.judge = ?"
                " LEFT JOIN ratings ON ratings.frame_id = frames.id"
                f" WHERE frames.content IN ({','.join('?' * len(some))}) AND {there} ORDER BY frames.id",
                (self.judge, *some, *values),
            )
            yield from map(_shown, rows)

    def burst_size(self, burst: str) -> int:
        """Return how many frames of a burst are there."""
        query = "SELECT count(*) FROM ratings JOIN frames ON frames.id = ratings.frame_id WHERE burst = ? AND "
        return self._number(query + _there(None)[0], burst)

    def _pages(self, where: str, *, facts: bool) -> Iterator[Embedded]:
        last = 0
        columns = "rowid, content, embedding" + (", facts" if facts else "")
        query = f"SELECT {columns} FROM assessments WHERE {where} AND rowid > ? ORDER BY rowid LIMIT {PAGE}"
        while rows := self._database.rows(query, (self.judge, last)):
            last = rows[-1]["rowid"]
            yield _embedded(rows, facts=facts)

    def _number(self, query: str, *values: object) -> int:
        return int(self._database.rows(query, values)[0][0])


def judge_rows(database: Database) -> tuple[JudgeRows, ...]:
    """Return every judge that looked at anything, the one with the youngest look first."""
    rows = database.rows("SELECT judge, count(*), max(rowid) FROM assessments GROUP BY judge ORDER BY max(rowid) DESC")
    return tuple(JudgeRows(*row) for row in rows)


def _there(below: Path | None) -> tuple[str, tuple[bytes, ...]]:
    """Return the condition that a frame is there, and its values."""
    if below is None:
        return _THERE.format(below=""), ()
    start = blob(below).rstrip(b"/") + b"/"
    return _THERE.format(below=_BELOW), (blob(below), start, start[:-1] + b"0")  # 0 comes after the slash


def _embedded(rows: Sequence[sqlite3.Row], *, facts: bool) -> Embedded:
    import numpy as np

    if len({len(row["embedding"]) for row in rows}) > 1:
        raise damaged()
    try:
        numbers = np.frombuffer(b"".join(row["embedding"] for row in rows), np.float16).reshape(len(rows), -1)
        told = tuple(CaptureFacts(**json.loads(row["facts"])) for row in rows) if facts else ()
    except (ValueError, TypeError) as error:  # no 16-bit numbers, or no object of JSON
        raise damaged() from error
    return Embedded(tuple(row["content"] for row in rows), numbers, told)


@whole
def _shown(row: sqlite3.Row) -> Shown:
    stage = Stage(row["stage"])
    return Shown(
        frame_id=row["id"],
        path=path_of(row["path"]),
        content=row["content"],
        facts=CaptureFacts(**json.loads(row["facts"])),
        stage=stage,
        stars=stars_shown(stage, given=row["given"], ours=row["stars"]),
        burst=row["burst"],
        keeper=bool(row["keeper"]),
    )
