"""Remembers what frames were found to be worth, and why.

A rating names its judge, because scores on two scales (domain.judges) must not be placed among each other.
"""

from collections.abc import Collection, Iterator

from safelight.domain.judges import scale_of
from safelight.domain.records import Rating
from safelight.storage.codecs import rating, rating_values
from safelight.storage.database import Database

_MANY = 500  # values in one statement; SQLite takes at least 999


class Ratings:
    """The table `ratings`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def rating(self, frame_id: int) -> Rating | None:
        """Return what a frame was found to be worth, None when it has not been ranked."""
        rows = self._database.rows("SELECT * FROM ratings WHERE frame_id = ?", (frame_id,))
        return rating(rows[0]) if rows else None

    def ratings(self, ids: Collection[int]) -> Iterator[Rating]:
        """Yield the ratings of these frames, by id."""
        ordered = sorted(ids)
        for start in range(0, len(ordered), _MANY):
            some = ordered[start : start + _MANY]
            marks = ",".join("?" * len(some))
            query = f"SELECT * FROM ratings WHERE frame_id IN ({marks}) ORDER BY frame_id"
            yield from map(rating, self._database.rows(query, tuple(some)))

    def put_rating(self, made: Rating, *, judge: str) -> None:
        """Remember what a frame is worth, in place of an older finding."""
        self._database.connection.execute(
            "INSERT OR REPLACE INTO ratings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rating_values(made, judge)
        )

    def in_burst(self, burst: str) -> tuple[Rating, ...]:
        """Return the ratings of a burst's frames, best score first."""
        rows = self._database.rows("SELECT * FROM ratings WHERE burst = ? ORDER BY score DESC, frame_id", (burst,))
        return tuple(map(rating, rows))

    def in_shoot(self, shoot: str) -> tuple[int, ...]:
        """Return the ids of the frames that were ranked as one shoot."""
        rows = self._database.rows("SELECT frame_id FROM ratings WHERE shoot = ? ORDER BY frame_id", (shoot,))
        return tuple(row["frame_id"] for row in rows)

    def library_scores(self, judge: str, *, without: Collection[int] = ()) -> list[float]:
        """Return the scores of all keepers and lone frames on the scale of a judge, one per burst, oldest first.

        Frames whose id is in `without` do not count; a burst is as old as its oldest keeper, whose score it has.
        """
        rows = self._database.rows(
            "SELECT frame_id, judge, burst, score FROM ratings WHERE burst IS NULL OR keeper = 1 ORDER BY frame_id"
        )
        wanted = scale_of(judge)
        fits = {name: scale_of(name) == wanted for name in {row["judge"] for row in rows}}
        left_out = frozenset(without)
        scores: dict[object, float] = {}
        for row in rows:
            if fits[row["judge"]] and row["frame_id"] not in left_out:
                scores.setdefault(row["burst"] or row["frame_id"], row["score"])
        return list(scores.values())
