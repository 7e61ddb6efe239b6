"""What the worker does when it is asked: each duty runs services over what it keeps loaded.

The model and the decode workers are loaded by the first duty that needs them and stay until the worker ends. What it
is at is said before it is done, so that the daemon knows which frame a sudden end is to be laid to.
Invariant: a duty that is done twice, because the first time was cut short, leaves what one time would have left.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app import learning_run, rating_steps, wiring
from safelight.app.learning_run import Imported
from safelight.app.wiring import Parts
from safelight.app.worker_messages import Delivered, Start
from safelight.decoding.worker import examiner_of as named
from safelight.domain.frame import Stage
from safelight.domain.records import KnownFrame, Rating
from safelight.domain.withholding import HELD_BACK
from safelight.errors import SafelightError
from safelight.services.learn import Learned
from safelight.services.publish import ON_CARD
from safelight.services.withdraw import TAKEN_BACK

if TYPE_CHECKING:
    from safelight.app.judging import Judging
    from safelight.control.messages import Answer

Say = Callable[[tuple[str, Any]], None]

_INDEXED_TOGETHER = 4096  # rows in one request: a second or two


class Saying:
    """Progress that is said to the daemon."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._what, self._done, self._total = "", 0, 0

    def begin(self, what: str, total: int) -> None:
        """Start a part of the work with `total` frames."""
        self._what, self._done, self._total = what, 0, total
        self._tell()

    def advance(self, frames: int) -> None:
        """Tell that `frames` more are done."""
        self._done += frames
        self._tell()

    def _tell(self) -> None:
        self._say(("progress", (self._what, self._done, self._total)))


class Kept:
    """The model and the decode workers, loaded at their first use and kept from one request to the next."""

    def __init__(self, open_judging: Callable[[], Judging]) -> None:
        self._open = open_judging
        self._judging: Judging | None = None

    @contextlib.contextmanager
    def judging(self, _frames: int) -> Iterator[Judging]:
        """Lend it; what went wrong meanwhile is not kept. Raises BundleError without a usable bundle."""
        if self._judging is None:
            self._judging = self._open()
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            yield self._judging
            stack.pop_all()

    def close(self) -> None:
        """Let go of it."""
        judging, self._judging = self._judging, None
        if judging is not None:
            judging.close()


class Duties:
    """Everything that the daemon may ask of its worker."""

    def __init__(self, *, parts: Parts, kept: Kept, say: Say, answers: str) -> None:
        self._say = say
        self._progress = Saying(say)
        self._parts = replace(parts, kept=kept.judging, told=self._progress)
        self._answers = answers

    @classmethod
    @contextlib.contextmanager
    def opened(cls, start: Start, *, say: Say) -> Iterator[Duties]:
        """Open what every duty needs; the model comes later."""
        with wiring.helping(start.settings) as parts:
            kept = Kept(lambda: _judging(start, parts, say))
            try:
                yield cls(parts=parts, kept=kept, say=say, answers=start.program.answers)
            finally:
                kept.close()

    def warm_up(self) -> None:
        """Load what judging needs; what is wrong with it is told to who needs it."""
        with contextlib.suppress(SafelightError), self._parts.judging(0):
            pass

    def judge(self, ids: Collection[int]) -> None:
        """Look at the pixels of frames that have arrived, and find exports and edits among them."""
        waiting = rating_steps.to_judge(ids, store=self._parts.store)
        with self._parts.judging(len(waiting)) as judging:
            self._say(("at", None))
            rating_steps.judge(waiting, ids, judging=judging, progress=self._progress)

    def deliver(self, ids: Collection[int], *, run: int, withhold: float) -> Delivered:
        """Rank what is assessed and write the sidecars of all that is ranked, but what was taken back by its person."""
        parts = self._parts
        started_s = parts.clock.now()
        publish = rating_steps.publisher(parts=parts, progress=self._progress, withhold=withhold)
        publish.recover()
        if any(parts.store.catalog.frames(ids, Stage.ASSESSED)):
            learn = learning_run.learner(parts)
            if learning_run.rested(parts):
                learn.step(as_of=parts.settings.as_of_s)
            with parts.judging(0) as judging:
                self._progress.begin("Rating", 0)
                rating_steps.rank(ids, judging=judging, learn=learn, store=parts.store)
        absent = rating_steps.read_past(ids, parts=parts)
        ranked = parts.store.catalog.frames(ids, Stage.RANKED)
        frames = [frame for frame in ranked if frame.id not in absent and frame.reason != TAKEN_BACK]
        if frames:
            rating_steps.publish(frames, publish=publish, run=run, parts=parts, progress=self._progress)
        return self._counted(ids, frames, run=run, seconds=parts.clock.now() - started_s)

    def reveal(self, *, withhold: float) -> Delivered:
        """Write the sidecars of frames that were withheld and are due, as far as they can be reached."""
        parts = self._parts
        started_s = parts.clock.now()
        publish = rating_steps.publisher(parts=parts, progress=self._progress, withhold=withhold)
        publish.recover()
        held = held_back(parts)
        due = [frame for frame in publish.due(held) if parts.scanner.look(frame.path) is not None]
        if not due:
            return Delivered(0, withheld=len(held))
        folders = sorted({frame.path.parent for frame in due})
        run = rating_steps.open_run(None, folders, store=parts.store, at_s=started_s)
        absent = rating_steps.read_past([frame.id for frame in due], parts=parts)
        frames = [frame for frame in parts.store.catalog.frames([each.id for each in due]) if frame.id not in absent]
        rating_steps.publish(frames, publish=publish, run=run, parts=parts, progress=self._progress)
        return self._counted([frame.id for frame in held], frames, run=run, seconds=parts.clock.now() - started_s)

    def learn(self, *, force: bool) -> Learned:
        """Learn what is new, without `force` only when it is worth it and the person rests."""
        self._progress.begin("Learning", 0)
        if not force and not learning_run.rested(self._parts):
            return Learned(self._parts.store.tastes.last())
        return learning_run.learn(self._parts, force=force)

    def learn_from(self, folder: Path) -> Imported:
        """Learn from what was rated, picked and edited in a folder before Safelight."""
        return learning_run.learn_from(folder, parts=self._parts, progress=self._progress)

    def index(self, *, at_least: int) -> bool:
        """Bring vectors up to date, some of them; tell whether there is more to do."""
        with self._parts.judging(0) as judging:
            tables = judging.tables
        return any(self._indexed(judge, length, at_least=at_least) for judge, length in tables)

    def look_again(self, *, at_most: int) -> bool:
        """Let the fetched bundle in use look at some photographs that it has not seen; tell whether there is more."""
        with self._parts.judging(at_most) as judging:
            self._say(("at", None))
            self._progress.begin("Getting to know the library", at_most)
            look = self._parts.scanner.look
            return judging.look_again(stamp=look, at_most=at_most, progress=self._progress.advance)

    def _indexed(self, judge: str, length: int, *, at_least: int) -> bool:
        assessments = self._parts.store.assessments(judge)
        waiting = assessments.count_to_index()
        self._progress.begin("Indexing", waiting)
        if waiting < at_least:
            return False
        written = self._parts.index(judge=judge, length=length).step(at_least=at_least, at_most=_INDEXED_TOGETHER)
        self._progress.advance(written)
        return assessments.count_to_index() >= at_least

    def answer(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Answer a command of a client, as it would be answered without a daemon."""
        answer: Answer = named(self._answers)(name, self._parts, arguments)
        return answer

    def _counted(self, ids: Collection[int], tried: Sequence[KnownFrame], *, run: int, seconds: float) -> Delivered:
        frames = list(self._parts.store.catalog.frames(ids))
        ratings = {made.frame_id: made for made in self._parts.store.ratings.ratings(ids)}
        return counted(frames, ratings, tried={frame.id for frame in tried}, run=run, seconds=seconds)


def held_back(parts: Parts) -> list[KnownFrame]:
    """Return the frames that are left unrated on purpose."""
    ids = parts.store.catalog.all_ids(Stage.RANKED)
    return [frame for frame in parts.store.catalog.frames(ids) if frame.reason == HELD_BACK]


def counted(
    frames: Sequence[KnownFrame],
    ratings: Mapping[int, Rating],
    *,
    tried: Collection[int],
    run: int,
    seconds: float,
) -> Delivered:
    """Count how frames stand; `tried` are those whose sidecars were to be written just now."""
    withheld = {frame.id for frame in frames if frame.stage is Stage.RANKED and frame.reason == HELD_BACK}
    ours = [frame for frame in frames if frame.stage in (Stage.RANKED, Stage.PUBLISHED) and frame.id not in withheld]
    shown = [ratings[frame.id] for frame in ours if frame.id in ratings]
    stars = Counter(rating.stars for rating in shown)
    stages = Counter(frame.stage for frame in frames)
    left = [frame for frame in ours if frame.stage is Stage.RANKED and frame.reason != TAKEN_BACK]
    return Delivered(
        run=run,
        frames=len(shown),
        written=sum(frame.stage is Stage.PUBLISHED and frame.id in tried for frame in frames),
        stars=(stars[1], stars[2], stars[3], stars[4], stars[5]),
        bursts=len({rating.burst for rating in shown if rating.burst}),
        kept=stages[Stage.KEPT],
        derived=stages[Stage.DERIVED],
        withheld=len(withheld),
        on_card=sum(frame.reason == ON_CARD for frame in left),
        waiting=stages[Stage.ARRIVED] + stages[Stage.ASSESSED],
        unreadable=tuple((frame.path, frame.reason) for frame in frames if frame.stage is Stage.UNREADABLE),
        failed=tuple((frame.path, frame.reason) for frame in left if frame.reason and frame.reason != ON_CARD),
        seconds=seconds,
    )


def _judging(start: Start, parts: Parts, say: Say) -> Judging:
    from safelight.app.judging import Judging

    return Judging(
        settings=start.settings,
        store=parts.store,
        clock=parts.clock,
        frames=start.settings.jobs,
        at=lambda key: say(("at", key)),
        encoder=named(start.program.encoder) if start.program.encoder else None,
        told=_into_log,
    )


def _into_log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
