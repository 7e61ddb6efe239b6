"""Publishes ratings: merges them into sidecars, and leaves alone what a person has rated.

Each write is planned in the catalog, then done on the disk, then noted as done, some at a time. A process killed
anywhere between leaves a plan that the next start checks against the disk. What cannot be written stays ranked, with
the reason, and is tried again in the next run.
Invariant: a sidecar whose rating is a person's is never written.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight import __version__
from safelight.domain.frame import FileStamp, Stage
from safelight.domain.opinion import Opinion, OurRating
from safelight.domain.records import KnownFrame, Rating
from safelight.errors import SidecarBusy, SidecarError
from safelight.ports import Clock, SidecarPlan, Sidecars, Store, Volumes
from safelight.services.recover import recover

_TOGETHER = 64  # frames whose writes are planned, done and noted together
_BUSY_WAIT_S = 1.0
_TOLD = ("person_rated", "rating_published", "rating_undone")  # what the journal tells of a frame's standing rating

ON_CARD = "It lies on a card, and cards are only ever read; copy it, and the rating goes with the copy."


@dataclass(frozen=True, slots=True)
class _Job:
    frame: KnownFrame
    image: Path
    stars: int
    plan: SidecarPlan


class Publish:
    """Writes the ratings of ranked frames."""

    def __init__(
        self,
        *,
        store: Store,
        sidecars: Sidecars,
        volumes: Volumes,
        clock: Clock,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._sidecars = sidecars
        self._volumes = volumes
        self._clock = clock
        self._progress = progress
        self._cards: dict[Path, bool] = {}

    def recover(self) -> None:
        """Find out which writes of a killed process reached the disk."""
        recover(store=self._store, sidecars=self._sidecars)

    def step(
        self, frames: Iterable[KnownFrame], *, seen: Mapping[Path, FileStamp], run_id: int, dry_run: bool = False
    ) -> None:
        """Publish ranked frames and look again at frames whose sidecars are not as we left them.

        `seen` holds the stamps of the sidecars that the scan found. With `dry_run` nothing is written to a sidecar.
        """
        busy: list[KnownFrame] = []
        self._pass(frames, seen=seen, run_id=run_id, dry_run=dry_run, busy=busy)
        if busy:
            # Another program was in the middle of saving: that takes moments, so one more try is worth the wait.
            self._clock.sleep(_BUSY_WAIT_S)
            again = list(self._store.catalog.frames([frame.id for frame in busy]))
            self._pass(again, seen={}, run_id=run_id, dry_run=dry_run, busy=[])

    def _pass(
        self,
        frames: Iterable[KnownFrame],
        *,
        seen: Mapping[Path, FileStamp],
        run_id: int,
        dry_run: bool,
        busy: list[KnownFrame],
    ) -> None:
        jobs: list[_Job] = []
        near = _by_stem(seen)
        for frame in frames:
            if frame.stage in (Stage.ARRIVED, Stage.ASSESSED, Stage.UNREADABLE) or self._as_left(frame, seen, near):
                continue
            job = self._job(frame, dry_run=dry_run, busy=busy)
            if job is not None:
                jobs.append(job)
            if len(jobs) >= _TOGETHER:
                self._write(jobs, run_id, busy)
        self._write(jobs, run_id, busy)

    def _as_left(
        self, frame: KnownFrame, seen: Mapping[Path, FileStamp], near: Mapping[Path, Collection[Path]]
    ) -> bool:
        """Tell whether a published frame's sidecars are as at our last look, and no other has come beside them."""
        if frame.stage is not Stage.PUBLISHED:
            return False
        stamps = self._store.receipts.stamps(frame.id)
        if not stamps or any(path not in stamps for path in near.get(frame.path.with_suffix(""), ())):
            return False
        return all(seen.get(path) == stamp for path, stamp in stamps.items())

    def _job(self, frame: KnownFrame, *, dry_run: bool, busy: list[KnownFrame]) -> _Job | None:
        """Decide what has to be written for a frame; None when nothing, or nothing may be."""
        images = [file.path for file in self._store.catalog.files_of(frame.id)]
        rating = self._store.ratings.rating(frame.id)
        if not images or rating is None:
            return None
        if frame.embedded is not None:
            words = f"The rating in the file itself stands: {_words(frame.embedded)}."
            self._stage(frame, Stage.KEPT, words, frame.embedded)
            return None
        try:
            plan = self._sidecars.plan(images, _ours(rating))
        except SidecarError as error:
            self._put_off(frame, error, busy)
            return None
        if self._is_a_persons(frame, plan) or self._is_held_back(frame, plan, images[0].parent, dry_run=dry_run):
            return None
        return _Job(frame, images[0], rating.stars, plan)

    def _is_a_persons(self, frame: KnownFrame, plan: SidecarPlan) -> bool:
        if plan.standing.opinion is Opinion.PERSON:
            given = plan.standing.rating
            told = "Your own choice stands: a flag, or a rating that was cleared."
            if given:
                told = f"Your own rating stands: {_words(given)}."
            self._stage(frame, Stage.KEPT, told, given)
            return True
        # It outlives its sidecar, which may not have moved along with the picture.
        return frame.stage is Stage.KEPT and frame.given is not None and not plan.found

    def _is_held_back(self, frame: KnownFrame, plan: SidecarPlan, folder: Path, *, dry_run: bool) -> bool:
        if dry_run and (plan.writes or frame.stage is not Stage.PUBLISHED):
            self._stage(frame, Stage.RANKED)
            return True
        if plan.writes and self._on_card(folder):
            self._stage(frame, Stage.RANKED, ON_CARD)
            return True
        return False

    def _stage(self, frame: KnownFrame, stage: Stage, reason: str = "", given: int | None = None) -> None:
        if (frame.stage, frame.reason, frame.given) == (stage, reason, given):
            return
        with self._store.transaction():
            self._store.catalog.set_stage(frame.id, stage, reason, given=given)
            if stage is Stage.KEPT:
                self._tell(frame, "person_rated", rating=given)

    def _tell(self, frame: KnownFrame, kind: str, **payload: object) -> None:
        """Write a journal entry about a frame's rating, unless the last one says the very same."""
        if self._store.journal.last(frame.id, *_TOLD) != (kind, payload):
            self._store.journal.append(kind, at_s=self._clock.now(), frame_id=frame.id, **payload)

    def _put_off(self, frame: KnownFrame, error: SidecarError, busy: list[KnownFrame]) -> None:
        if isinstance(error, SidecarBusy):
            busy.append(frame)
        with self._store.transaction():
            self._store.catalog.set_stage(frame.id, Stage.RANKED, error.told, passing=True)

    def _on_card(self, folder: Path) -> bool:
        if folder not in self._cards:
            self._cards[folder] = self._volumes.card_root(folder) is not None
        return self._cards[folder]

    def _write(self, jobs: list[_Job], run_id: int, busy: list[KnownFrame]) -> None:
        """Plan, do and note the writes of some frames; empties the list."""
        with self._store.transaction():
            planned = [
                [
                    self._store.receipts.plan(
                        run_id=run_id,
                        frame_id=job.frame.id,
                        path=write.path,
                        before=write.before,
                        digest=write.digest,
                        stars=job.stars,
                    )
                    for write in job.plan.writes
                ]
                for job in jobs
            ]
        done: list[tuple[_Job, list[tuple[int, FileStamp]]]] = []
        for job, receipts in zip(jobs, planned, strict=True):
            try:
                stamps = [self._sidecars.write(write, job.image) for write in job.plan.writes]
                done.append((job, list(zip(receipts, stamps, strict=True))))
            except SidecarError as error:
                self._put_off(job.frame, error, busy)
        try:
            self._sidecars.flush()
        except SidecarError as error:  # a folder vanished after the last rename in it; whose is not told
            for job, _ in done:
                self._put_off(job.frame, error, busy)
            done = []
        self._note(done)
        self.recover()  # what was planned and is not noted now could not be written, or only in part
        self._progress(len(jobs))
        jobs.clear()

    def _note(self, done: Sequence[tuple[_Job, Sequence[tuple[int, FileStamp]]]]) -> None:
        with self._store.transaction():
            for job, receipts in done:
                for receipt_id, stamp in receipts:
                    self._store.receipts.done(receipt_id, stamp)
                written = {write.path: stamp for write, (_, stamp) in zip(job.plan.writes, receipts, strict=True)}
                self._store.receipts.see(job.frame.id, {**job.plan.found, **written})
                self._store.catalog.set_stage(job.frame.id, Stage.PUBLISHED)
                self._tell(job.frame, "rating_published", stars=job.stars)


def _by_stem(sidecars: Iterable[Path]) -> Mapping[Path, Collection[Path]]:
    """Sort sidecars by the pictures they may speak of, without suffix: NAME.xmp and NAME.EXT.xmp both by NAME."""
    near: dict[Path, list[Path]] = {}
    for path in sidecars:
        bare = path.with_suffix("")
        for picture in {bare, bare.with_suffix("")}:
            near.setdefault(picture, []).append(path)
    return near


def _ours(rating: Rating) -> OurRating:
    return OurRating(rating=rating.stars, score=rating.score, reason=rating.reason, version=__version__)


def _words(rating: int) -> str:
    if rating < 0:
        return "rejected"
    return "1 star" if rating == 1 else f"{rating} stars"
