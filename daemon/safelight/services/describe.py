"""Describes frames to people and programs: one record per frame, the same for every command.

Invariant: what is told comes from the catalog alone; describing changes nothing.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from safelight.domain.frame import Stage
from safelight.domain.records import KnownFrame, Rating
from safelight.domain.score import Part
from safelight.ports import Store

GONE = "It is not there any more."


@dataclass(frozen=True, slots=True)
class Description:
    """One frame as commands print it. `rating` is what Safelight finds, `stars` what stands (a person's, or ours)."""

    frame: KnownFrame
    companions: tuple[Path, ...]
    rating: Rating | None
    stars: int | None
    reason: str
    sidecars: tuple[Path, ...]

    def as_json(self) -> dict[str, object]:
        """Return the record of `rate --json`; bytes that are not UTF-8 are surrogate-escaped."""
        rating = self.rating
        return {
            "path": str(self.frame.path),
            "companions": [str(path) for path in self.companions],
            "stage": self.frame.stage.value,
            "stars": self.stars,
            "score": rating and rating.score,
            "technical": rating and rating.part(Part.TECHNICAL),
            "appeal": rating and rating.part(Part.APPEAL),
            "taste": rating and rating.part(Part.TASTE),
            "faces": rating and rating.part(Part.FACES),
            "burst": rating and rating.burst,
            "keeper": rating and rating.keeper,
            "set": rating.set_kind.value if rating and rating.set_kind else None,
            "reason": self.reason,
            "sidecar": str(self.sidecars[0]) if self.sidecars else None,
        }


class Describe:
    """Reads descriptions from the catalog."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def frames(self, ids: Collection[int]) -> Iterator[Description]:
        """Yield the descriptions of these frames, in the order of `ids`."""
        known = {frame.id: frame for frame in self._store.catalog.frames(ids)}
        ratings = {rating.frame_id: rating for rating in self._store.ratings.ratings(ids)}
        for frame_id in ids:
            if frame_id in known:
                yield self._describe(known[frame_id], ratings.get(frame_id))

    def frame(self, frame: KnownFrame) -> Description:
        """Return the description of one frame."""
        return self._describe(frame, self._store.ratings.rating(frame.id))

    def keeper(self, rating: Rating) -> Rating | None:
        """Return the rating of the keeper of a frame's burst, None for a lone frame and for a set kept whole."""
        if rating.burst is None or rating.set_kind is not None:
            return None
        if rating.keeper:  # a copy of the folder has bursts of the same names
            return rating
        return next((other for other in self._store.ratings.in_burst(rating.burst) if other.keeper), None)

    def _describe(self, frame: KnownFrame, rating: Rating | None) -> Description:
        files = self._store.catalog.files_of(frame.id)
        companions = tuple(file.path for file in files if file.path != frame.path)
        standing = self._store.receipts.stamps(frame.id) if frame.stage is Stage.PUBLISHED else ()
        sidecars = tuple(sorted(standing, key=lambda path: (path.stem != frame.path.name, path.name)))
        if frame.stage in (Stage.UNREADABLE, Stage.DERIVED):
            return Description(frame, companions, None, None, frame.reason, ())
        if frame.stage is Stage.KEPT:
            stars = frame.given if frame.given and frame.given > 0 else None
            return Description(frame, companions, rating, stars, frame.reason, ())
        told = (rating.reason if rating else "", frame.reason, "" if files else GONE)
        reason = " ".join(part for part in told if part)
        return Description(frame, companions, rating, rating.stars if rating else None, reason, sidecars)
