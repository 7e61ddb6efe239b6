"""A worker that does its work at once in this process: it moves frames on in the catalog and writes no sidecar."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safelight.app import rating_steps
from safelight.app.learning_run import Imported
from safelight.app.worker_messages import Delivered, Judged
from safelight.control.messages import Answer
from safelight.domain.frame import Stage
from safelight.domain.withholding import HELD_BACK, SHARE, is_withheld
from safelight.errors import WorkerError
from safelight.ports import Clock, Store
from safelight.services.index import WORTH_INDEXING
from safelight.services.learn import Learned
from safelight.services.publish import ON_CARD
from safelight.services.withdraw import TAKEN_BACK


class FakeWorkerLink:
    """The Worker (app.worker_messages) of a test.

    `calls` holds what it was asked, in order: (name, ids or other argument). `unreadable` and `stars` say what it finds
    (three stars without a word), `failures` what its next calls raise (None: that one goes well), `on_cards` which
    folders lie on a card. `during` is called within each call, with its name, for what happens meanwhile.
    """

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.calls: list[tuple[str, Any]] = []
        self.failures: list[Exception | None] = []
        self.unreadable: dict[Path, str] = {}
        self.stars: dict[Path, int] = {}
        self.on_cards: list[Path] = []
        self.answers: dict[str, Answer] = {}
        self.during: Callable[[str], None] = lambda _: None
        self.more_to_index = 0
        self.more_to_see = 0
        self.degraded = ""
        self.alive = False
        self.stopped = False

    def warm_up(self) -> None:
        self.calls.append(("warm_up", None))
        self.alive = True

    def judge(self, ids: Sequence[int]) -> Judged:
        self._asked("judge", tuple(ids))
        waiting = rating_steps.to_judge(ids, store=self.store)
        with self.store.transaction():
            for frame in waiting:
                if reason := self.unreadable.get(frame.path):
                    self.store.catalog.set_stage(frame.id, Stage.UNREADABLE, reason)
                else:
                    self.store.catalog.set_content(frame.id, bytes(frame.path), embedded=None)
                    self.store.catalog.set_stage(frame.id, Stage.ASSESSED)
        frames = list(self.store.catalog.frames(ids))
        told = tuple((frame.path, frame.reason) for frame in frames if frame.stage is Stage.UNREADABLE)
        return Judged(len(frames) - len(told), unreadable=told)

    def open_run(self, to: Sequence[Path]) -> int:
        self.calls.append(("open_run", tuple(to)))
        return rating_steps.open_run(None, to, store=self.store, at_s=self.clock.now())

    def deliver(self, ids: Sequence[int], *, run: int | None, to: Sequence[Path], withhold: float = SHARE) -> Delivered:
        if not ids:
            return Delivered(run or 0)
        self._asked("deliver", tuple(ids))
        chosen = rating_steps.open_run(run, to, store=self.store, at_s=self.clock.now())
        written = 0
        for frame in self.store.catalog.frames(ids, Stage.ASSESSED, Stage.RANKED):
            if frame.reason == TAKEN_BACK:
                continue
            card = any(frame.path.is_relative_to(root) for root in self.on_cards)
            held = is_withheld((frame.content or b"").hex(), withhold)
            reason = ON_CARD if card else HELD_BACK if held else ""
            with self.store.transaction():
                self.store.catalog.set_stage(frame.id, Stage.RANKED if reason else Stage.PUBLISHED, reason)
            written += not reason
        return self._counted(ids, chosen, written)

    def reveal(self, *, withhold: float = SHARE) -> Delivered:
        self._asked("reveal", withhold)
        return Delivered(0)

    def learn(self, *, force: bool = False) -> Learned:
        self._asked("learn", force)
        return Learned(self.store.tastes.last())

    def learn_from(self, folder: Path) -> Imported:
        self._asked("learn_from", folder)
        return Imported(0, 0, Learned(None))

    def index(self, *, at_least: int = WORTH_INDEXING) -> bool:
        self._asked("index", at_least)
        self.more_to_index = max(0, self.more_to_index - 1)
        return self.more_to_index > 0

    def look_again(self) -> bool:
        self._asked("look_again", None)
        self.more_to_see = max(0, self.more_to_see - 1)
        return self.more_to_see > 0

    def answer(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        self._asked("answer", (name, dict(arguments)))
        return self.answers.get(name, Answer(text=name))

    def idle(self) -> bool:
        self.alive = False
        return True

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.alive = False

    def _asked(self, name: str, what: Any) -> None:
        self.calls.append((name, what))
        if self.stopped:
            raise WorkerError("Safelight is stopping.")
        if self.degraded:
            raise WorkerError(self.degraded)
        self.alive = True
        self.during(name)
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure

    def _counted(self, ids: Sequence[int], run: int, written: int) -> Delivered:
        frames = list(self.store.catalog.frames(ids))
        held = [frame for frame in frames if frame.reason == HELD_BACK]
        shown = [frame for frame in frames if frame.stage in (Stage.RANKED, Stage.PUBLISHED) and frame not in held]
        stars = Counter(self.stars.get(frame.path, 3) for frame in shown)
        stages = Counter(frame.stage for frame in frames)
        return Delivered(
            run=run,
            frames=len(shown),
            written=written,
            stars=(stars[1], stars[2], stars[3], stars[4], stars[5]),
            kept=stages[Stage.KEPT],
            derived=stages[Stage.DERIVED],
            withheld=len(held),
            on_card=sum(frame.reason == ON_CARD for frame in shown),
            waiting=stages[Stage.ARRIVED] + stages[Stage.ASSESSED],
            unreadable=tuple((frame.path, frame.reason) for frame in frames if frame.stage is Stage.UNREADABLE),
        )
