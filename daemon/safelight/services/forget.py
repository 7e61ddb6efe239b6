"""Forgets frames and everything that was learned from them, for real.

A person may want a picture gone from memory as well as from the disk. What is removed is gone from the catalog, the
journal, the vectors and the bytes that they leave behind; the one entry that stays says only how many frames it was.
The taste is then learned anew from what is left, as if those frames had never been.
Invariant: the pictures and their sidecars are not touched; whoever rates their folder again starts with them anew.
"""

from pathlib import Path

from safelight.domain.entries import Kind
from safelight.ports import Clock, Purge, Store


class Forget:
    """Removes evidence."""

    def __init__(self, *, store: Store, purge: Purge, clock: Clock) -> None:
        self._store = store
        self._purge = purge
        self._clock = clock

    def find(self, what: str, *, path: Path) -> frozenset[int]:
        """Return the frames that are meant: a file (also one that is gone), all below a folder, or those of a shoot.

        `what` is the name as it was given, `path` the place that it would be.
        """
        if (frame := self._store.catalog.frame_at(path)) is not None:
            return frozenset({frame.id})
        below = frozenset(self._store.catalog.below(path))
        return below or frozenset(self._of_shoot(what))

    def before(self, moment_s: float) -> frozenset[int]:
        """Return the frames that arrived before a moment, seconds since the epoch."""
        arrivals = self._store.journal.entries(Kind.FRAME_ARRIVED, Kind.FRAME_PARTED)
        return frozenset(entry.frame_id for entry in arrivals if entry.frame_id and entry.at_s < moment_s)

    def step(self, ids: frozenset[int]) -> None:
        """Forget these frames, and end what a process that was killed left of a forgetting."""
        if ids:
            with self._store.transaction():
                self._purge.frames(ids)
                self._store.journal.append(Kind.EVIDENCE_FORGOTTEN, at_s=self._clock.now(), frames=len(ids))
        self._purge.overwrite()

    def _of_shoot(self, name: str) -> set[int]:
        found = set(self._store.ratings.in_shoot(name))
        for entry in self._store.journal.entries(Kind.FRAME_RATED, Kind.FRAME_GROUPED):
            if entry.payload.get("shoot") == name and entry.frame_id is not None:
                found.add(entry.frame_id)
        return found
