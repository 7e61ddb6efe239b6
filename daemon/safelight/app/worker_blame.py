"""Decides which frame is to blame when the worker dies while it judges, and what is tried next.

The frame that the worker was at is tried again alone, before the rest: when the worker dies again, it was that one, and
it is left alone from then on. When the worker was at no single frame, each is tried alone.
Invariant: every frame of a slice is judged, or left unrated with a reason; a frame is left alone only after two deaths
over it, the second of which it was alone in.
"""

from collections.abc import Sequence

from safelight.app.worker_deaths import Deaths
from safelight.domain.frame import Stage
from safelight.storage.store import SqliteStore

QUARANTINED = (
    "Safelight ended unexpectedly over this file, twice, and leaves it alone from now on. It is damaged or unusual; try"
    " to open it in an editor."
)
_CHANCES = 2

Slice = tuple[int, ...]


class Blame:
    """Lays deaths of the worker to frames."""

    def __init__(self, *, store: SqliteStore, deaths: Deaths) -> None:
        self._store = store
        self._deaths = deaths

    def slices(self, ids: Sequence[int]) -> list[Slice]:
        """Return these frames as they are to be asked for: each over which a worker once died alone, then the rest."""
        suspects = sorted(self._store.attempts.kills(ids))
        rest = tuple(sorted(set(ids).difference(suspects)))
        return [*((each,) for each in suspects), *([rest] if rest else [])]

    def died(self, some: Slice, at: int | None) -> tuple[list[Slice], Slice]:
        """Take note of a death over a slice, `at` one frame or (None) none in particular.

        Returns the slices to ask for next, and the frames that are left alone from now on.
        """
        if at is None and len(some) > 1:
            return [(each,) for each in some], ()
        blamed = some[0] if at is None else at
        rest = tuple(each for each in some if each != blamed)
        with self._store.transaction():
            kills = self._store.attempts.add(blamed)
            if aside := kills >= _CHANCES and not rest:
                self._store.catalog.set_stage(blamed, Stage.UNREADABLE, QUARANTINED)
                self._store.attempts.clear([blamed])
        if aside:
            self._deaths.explain(_CHANCES)
            return [], (blamed,)
        return [(blamed,), *([rest] if rest else [])], ()

    def passed(self, some: Slice) -> None:
        """Take note that a slice was judged: no frame of it is to blame for anything."""
        if cleared := self._store.attempts.kills(some):
            with self._store.transaction():
                self._store.attempts.clear(cleared)
