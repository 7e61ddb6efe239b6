"""Compares what a file held before it was written again with what it holds now.

A program that writes a rating into the picture itself leaves the pixels alone; one that edits in place does not. Both
are told apart by the two looks at them, which are kept by content. What is still to be compared is remembered from the
moment a change is taken in, so that a kill between the two costs nothing.
Invariant: each change of a file is compared at most once.
"""

from safelight.domain.derivation import another_exposure, same_pixels
from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.domain.records import KnownFile, Reread
from safelight.domain.told import stars_in_words
from safelight.ports import Assessments, Clock, Store

_PROGRAM = "file"
_SURE_RATED, _SURE_EDITED = 0.95, 0.6  # from the table of the design; an edit in place may be a rotation


class Rereading:
    """Tells what changed in files that were written again, once they are assessed."""

    def __init__(self, *, store: Store, assessments: Assessments, clock: Clock) -> None:
        self._store = store
        self._assessments = assessments
        self._clock = clock

    def step(self) -> None:
        """Compare all that can be compared; what is not assessed yet waits."""
        for reread in self._store.sightings.rereads():
            if self._store.catalog.frame(reread.frame_id).stage is Stage.ARRIVED:
                continue
            files = self._store.catalog.files_of(reread.frame_id)
            file = next((each for each in files if each.path == reread.path), None)
            with self._store.transaction():
                self._store.sightings.end_reread(reread)
                if file is not None:
                    self._compare(reread, file)

    def _compare(self, reread: Reread, file: KnownFile) -> None:
        before, now = self._assessments.assessment(reread.before), self._assessments.assessment(file.content)
        if before is None or now is None or another_exposure(before, now):
            return
        if not same_pixels(before, now):
            reason, value = "Its picture was edited in place.", file.content.hex()
            self._tell(Kind.FRAME_DEVELOPED, file, value=value, confidence=_SURE_EDITED, reason=reason)
        if before.facts.rating != now.facts.rating:
            rating = now.facts.rating
            words = f"It was rated {stars_in_words(rating)}" if rating else "Its rating was cleared"
            reason = f"{words} in the file itself." if rating != -1 else "It was rejected in the file itself."
            self._tell(Kind.PERSON_RATED, file, rating=rating, confidence=_SURE_RATED, reason=reason)

    def _tell(self, kind: Kind, file: KnownFile, **payload: object) -> None:
        self._store.journal.append(
            kind,
            at_s=self._clock.now(),
            frame_id=file.frame_id,
            program=_PROGRAM,
            happened_s=file.stamp.mtime_ns / 1e9,
            **payload,
        )
