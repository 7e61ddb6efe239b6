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
from safelight.domain.entries import Kind
from safelight.domain.frame import FileStamp, Stage
from safelight.domain.history import FACTS
from safelight.domain.opinion import Opinion, OurRating
from safelight.domain.records import KnownFrame, Rating
from safelight.domain.told import standing_reason, stars_in_words
from safelight.domain.withholding import HELD_BACK, is_due, is_withheld
from safelight.errors import SidecarBusy, SidecarError
from safelight.ports import Clock, SidecarPlan, Sidecars, Store, TraceKind, Volumes
from safelight.services.recover import recover

_TOGETHER = 64  # frames whose writes are planned, done and noted together
_BUSY_WAIT_S = 1.0
_NOT_YET = (Stage.ARRIVED, Stage.ASSESSED, Stage.UNREADABLE, Stage.DERIVED)  # or never
_SURE = 0.95  # a changed rating is a person's; from the table of the design
_TOLD = (Kind.PERSON_RATED, Kind.RATING_PUBLISHED, Kind.RATING_UNDONE)  # what is told of a rating that stands

_DONE = (*sorted(FACTS), Kind.FRAME_ARRIVED, Kind.FRAME_CHANGED)  # what shows that somebody is still busy with a shoot

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
        withhold: float = 0.0,
    ) -> None:
        """`withhold`: the share of bursts, 0-1, that stay unrated until their shoot has been quiet for a day."""
        self._withhold = withhold
        self._due: dict[str, bool] = {}
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
        self._due.clear()
        self._pass(frames, seen=seen, run_id=run_id, dry_run=dry_run, busy=busy)
        if busy:
            # Another program was in the middle of saving: that takes moments, so one more try is worth the wait.
            self._clock.sleep(_BUSY_WAIT_S)
            again = list(self._store.catalog.frames([frame.id for frame in busy]))
            self._pass(again, seen={}, run_id=run_id, dry_run=dry_run, busy=[])

    def due(self, frames: Iterable[KnownFrame]) -> list[KnownFrame]:
        """Return those of these ranked frames that are not, or no longer, to be held back."""
        self._due.clear()
        pairs = [(frame, self._store.ratings.rating(frame.id)) for frame in frames]
        return [frame for frame, rating in pairs if rating is not None and not self._is_withheld(frame, rating)]

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
            if frame.stage in _NOT_YET or self._as_left(frame, seen, near):
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
            if frame.stage is not Stage.KEPT:  # else it stands already, or the person has said something else since
                words = f"The rating in the file itself stands: {stars_in_words(frame.embedded)}."
                self._keep(frame, words, frame.embedded, program="file")
            return None
        try:
            plan = self._sidecars.plan(images, _ours(rating))
        except SidecarError as error:
            self._put_off(frame, error, busy)
            return None
        if self._is_a_persons(frame, plan) or self._is_held_back(frame, plan, images[0].parent, dry_run=dry_run):
            return None
        if self._is_withheld(frame, rating):
            self._stage(frame, Stage.RANKED, HELD_BACK)
            return None
        return _Job(frame, images[0], rating.stars, plan)

    def _is_a_persons(self, frame: KnownFrame, plan: SidecarPlan) -> bool:
        if plan.standing.opinion is Opinion.PERSON:
            given = plan.standing.rating
            self._keep(frame, standing_reason(given), given, program="xmp")
            return True
        if frame.stage is Stage.KEPT and frame.given is not None and not plan.found:
            return True  # it outlives its sidecar, which may not have moved along with the picture
        return self._stands_elsewhere(frame, plan)

    def _stands_elsewhere(self, frame: KnownFrame, plan: SidecarPlan) -> bool:
        """Keep a frame that its person has rated or flagged where no sidecar of ours is: another program's settings."""
        traces = [each for each in self._store.sightings.traces(frame.id) if each.path not in plan.found]
        if not any(each.value and each.kind in (TraceKind.RATING, TraceKind.FLAG) for each in traces):
            return False
        rating = next((int(each.value) for each in traces if each.value and each.kind is TraceKind.RATING), None)
        self._keep(frame, standing_reason(rating), rating, program="")
        return True

    def _is_held_back(self, frame: KnownFrame, plan: SidecarPlan, folder: Path, *, dry_run: bool) -> bool:
        if dry_run and (plan.writes or frame.stage is not Stage.PUBLISHED):
            self._stage(frame, Stage.RANKED)
            return True
        if plan.writes and self._on_card(folder):
            self._stage(frame, Stage.RANKED, ON_CARD)
            return True
        return False

    def _is_withheld(self, frame: KnownFrame, rating: Rating) -> bool:
        """Tell whether a frame is one of those that are decided on unseen, and its shoot is still worked on."""
        name = rating.burst or (frame.content or b"").hex()
        if not is_withheld(name, self._withhold) or self._store.journal.last(frame.id, Kind.RATING_PUBLISHED):
            return False
        if rating.shoot not in self._due:
            since_s = self._store.journal.last_s(self._store.ratings.in_shoot(rating.shoot), *_DONE)
            self._due[rating.shoot] = is_due(since_s, self._clock.now())
        return not self._due[rating.shoot]

    def _stage(self, frame: KnownFrame, stage: Stage, reason: str = "", given: int | None = None) -> None:
        if (frame.stage, frame.reason, frame.given) == (stage, reason, given):
            return
        with self._store.transaction():
            self._store.catalog.set_stage(frame.id, stage, reason, given=given)

    def _keep(self, frame: KnownFrame, reason: str, given: int | None, *, program: str) -> None:
        """Let a person's rating stand, and tell of it where nobody has read it with more care before."""
        if (frame.stage, frame.reason, frame.given) == (Stage.KEPT, reason, given):
            return
        with self._store.transaction():
            self._store.catalog.set_stage(frame.id, Stage.KEPT, reason, given=given)
            if program == "file" or not self._store.sightings.has_looked(frame.id):
                self._tell_persons(frame, given, program)

    def _tell_persons(self, frame: KnownFrame, rating: int | None, program: str) -> None:
        """Write down a person's rating, unless the last entry about the frame's rating says the same."""
        last = self._store.journal.last(frame.id, *_TOLD)
        if last is not None and last[0] == Kind.PERSON_RATED and last[1].get("rating") == rating:
            return
        blind = {"imported": True} if self._store.journal.last(frame.id, Kind.RATING_PUBLISHED) is None else {}
        self._store.journal.append(
            Kind.PERSON_RATED,
            at_s=self._clock.now(),
            frame_id=frame.id,
            rating=rating,
            program=program,
            confidence=_SURE,
            reason="It came with this rating." if blind else "Its rating was changed.",
            **blind,
        )

    def _tell_published(self, frame: KnownFrame, stars: int) -> None:
        """Write down that our stars stand, unless the last entry about the frame's rating says the same."""
        if self._store.journal.last(frame.id, *_TOLD) != (Kind.RATING_PUBLISHED, {"stars": stars}):
            self._store.journal.append(Kind.RATING_PUBLISHED, at_s=self._clock.now(), frame_id=frame.id, stars=stars)

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
                self._tell_published(job.frame, job.stars)


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
