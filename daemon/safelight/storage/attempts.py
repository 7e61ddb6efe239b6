"""Remembers in whose hands a worker died, so that a frame that kills one again and again is left alone at last.

Kept on the disk, because the same frame may bring down the daemon's worker today and, after a restart, tomorrow.
Invariant: a frame that was judged, or is not to be judged any more, has no row.
"""

from collections.abc import Collection

from safelight.storage.database import Database

_MANY = 500  # values in one statement; SQLite takes at least 999


class Attempts:
    """The table `attempts`."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def kills(self, ids: Collection[int]) -> dict[int, int]:
        """Return how often a worker died over each of these frames; those over which none did are left out."""
        found: dict[int, int] = {}
        for some in _parts(ids):
            marks = ",".join("?" * len(some))
            rows = self._database.rows(f"SELECT frame_id, kills FROM attempts WHERE frame_id IN ({marks})", some)
            found |= {int(row["frame_id"]): int(row["kills"]) for row in rows}
        return found

    def add(self, frame_id: int) -> int:
        """Count one more death over a frame, in the caller's transaction; return how many there were."""
        self._database.connection.execute(
            "INSERT INTO attempts VALUES (?, 1) ON CONFLICT (frame_id) DO UPDATE SET kills = kills + 1", (frame_id,)
        )
        return self.kills([frame_id])[frame_id]

    def clear(self, ids: Collection[int]) -> None:
        """Forget the deaths over these frames, in the caller's transaction."""
        for some in _parts(ids):
            marks = ",".join("?" * len(some))
            self._database.connection.execute(f"DELETE FROM attempts WHERE frame_id IN ({marks})", some)


def _parts(ids: Collection[int]) -> list[tuple[int, ...]]:
    ordered = sorted(ids)
    return [tuple(ordered[start : start + _MANY]) for start in range(0, len(ordered), _MANY)]
