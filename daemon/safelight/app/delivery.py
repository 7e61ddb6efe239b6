"""Takes frames from their arrival to their stars: a slice at a time to the worker, a shoot at a time to its sidecars.

Frames gather by the folder that they lie in, or by the card that they come from; a gathering is ranked once all its
frames were looked at and no more are coming, because frames of one burst are compared with each other. What is
delivered to one watched folder within half an hour is one shoot to the person: one run to undo, one notification.
Invariant: what waits here is in the catalog as well; after a kill the same frames gather again.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from safelight.app.shoots_done import ShootsDone
from safelight.app.wiring import Parts
from safelight.app.worker_messages import Delivered, Worker
from safelight.domain.entries import Kind
from safelight.domain.frame import Stage
from safelight.domain.gathering import LONGEST_S, PATIENCE_S, has_arrived, is_overdue, pause_s
from safelight.domain.records import KnownFrame
from safelight.domain.withholding import HELD_BACK
from safelight.services.publish import ON_CARD
from safelight.services.withdraw import TAKEN_BACK

# Ranked frames whose sidecars are left alone on purpose: nobody tries again.
_SETTLED = (HELD_BACK, TAKEN_BACK, ON_CARD)

SLICE = 16  # frames judged before anything else is looked at: two or three seconds of two processors


@dataclass(slots=True)
class Gathering:
    """The frames of one folder on their way."""

    place: Path
    arrived_s: list[float] = field(default_factory=list)
    began_s: float = 0.0
    waiting: dict[int, None] = field(default_factory=dict)  # not looked at yet
    judged: dict[int, None] = field(default_factory=dict)  # waiting for their stars


class Delivery:
    """What is on its way to its stars. Used by the conductor's thread alone."""

    def __init__(
        self,
        *,
        parts: Parts,
        worker: Worker,
        shoots: ShootsDone,
        root_of: Callable[[Path], Path | None],
        card_ranked: Callable[[Path, Delivered], None],
        leaves: Callable[[Path], bool],
        withhold: float,
    ) -> None:
        """`leaves` tells of a file whether what was there before is left alone.

        `root_of` returns the watched folder, or the card, that a folder lies in; None: in none.

        `card_ranked` is told what the frames on a card were found to be worth, which nobody writes anywhere yet.
        """
        self._leaves = leaves
        self._card_ranked = card_ranked
        self._parts = parts
        self._worker = worker
        self._shoots = shoots
        self._root_of = root_of
        self._withhold = withhold
        self._gatherings: dict[Path, Gathering] = {}
        self._recent: dict[Path, list[float]] = {}  # when frames arrived in places that were delivered
        self._held: set[Path] = set()  # roots into which a card is being copied

    def renew(self, *, withhold: float) -> None:
        """Go on with another share of bursts that is left unrated for a while."""
        self._withhold = withhold

    def recall(self) -> None:
        """Gather what the catalog says is on its way below the watched folders and on the cards that are there."""
        self._gatherings.clear()
        catalog = self._parts.store.catalog
        stages = (Stage.ARRIVED, Stage.ASSESSED, Stage.RANKED)
        frames = [frame for stage in stages for frame in catalog.at_stage(stage)]
        self.gather([frame.id for frame in frames])

    def gather(self, ids: Iterable[int]) -> None:
        """Put frames on their way, each at the stage that it has."""
        now_s = self._parts.clock.now()
        for frame in self._parts.store.catalog.frames(list(ids)):
            if self._root_of(frame.path.parent) is None or self._is_past(frame):
                continue
            gathering = self._gathering(frame.path.parent, now_s)
            if frame.id in gathering.judged and frame.stage in (Stage.ASSESSED, Stage.RANKED):
                continue  # it is on its way
            if frame.stage is Stage.ARRIVED or (frame.stage is Stage.UNREADABLE and frame.passing):
                gathering.waiting[frame.id] = None
            elif frame.stage is Stage.ASSESSED or (frame.stage is Stage.RANKED and frame.reason not in _SETTLED):
                gathering.judged[frame.id] = None
            else:
                continue
            gathering.arrived_s = [*gathering.arrived_s[-9:], now_s]

    def _is_past(self, frame: KnownFrame) -> bool:
        """Tell whether a frame was only learned from, in a folder whose past is left alone."""
        if frame.stage not in (Stage.ARRIVED, Stage.ASSESSED) or not self._leaves(frame.path):
            return False
        told = self._parts.store.journal.last(frame.id, Kind.FRAME_ARRIVED)
        return told is not None and told[1].get("imported") is True

    def _gathering(self, place: Path, now_s: float) -> Gathering:
        """Return the gathering of a place; a new one knows how slowly frames came there a moment ago."""
        if place not in self._gatherings:
            self._recent = {key: times for key, times in self._recent.items() if now_s - times[-1] <= 2 * LONGEST_S}
            self._gatherings[place] = Gathering(place, list(self._recent.get(place, ())), now_s)
        return self._gatherings[place]

    def drop(self, root: Path) -> None:
        """Let go of what lies below a folder that is not there any more; the catalog still knows it."""
        for place in [place for place in self._gatherings if place.is_relative_to(root)]:
            del self._gatherings[place]

    def hold(self, root: Path, *, on: bool) -> None:
        """Rank nothing below a folder while more is being copied into it."""
        (self._held.add if on else self._held.discard)(root)

    def waits(self, root: Path) -> bool:
        """Tell whether anything below a folder is on its way."""
        return any(place.is_relative_to(root) for place in self._gatherings)

    @property
    def waiting(self) -> int:
        """How many frames are on their way."""
        return sum(len(each.waiting) + len(each.judged) for each in self._gatherings.values())

    @property
    def to_judge(self) -> int:
        """How many frames wait to be looked at."""
        return sum(len(each.waiting) for each in self._gatherings.values())

    def judge(self) -> bool:
        """Have one slice looked at, of the place that has waited longest; False when nothing waits."""
        gathering = next((each for each in self._gatherings.values() if each.waiting), None)
        if gathering is None:
            return False
        ids = list(gathering.waiting)[:SLICE]
        parted = self._worker.judge(ids).parted
        for frame_id in ids:
            del gathering.waiting[frame_id]
        self._sort([*ids, *parted], gathering)
        return True

    def _sort(self, ids: Collection[int], gathering: Gathering) -> None:
        """Keep of judged frames those that get stars; the others (unreadable, exports) have come to their end."""
        frames = self._parts.store.catalog.frames(list(ids), Stage.ASSESSED, Stage.RANKED)
        gathering.judged.update(dict.fromkeys(frame.id for frame in frames))

    def due_s(self, *, busy: Collection[Path]) -> float | None:
        """Return when a gathering will have arrived, by the clock; None: none waits for time alone."""
        now_s = self._parts.clock.now()
        times = [
            min(min(now_s, each.arrived_s[-1]) + pause_s(each.arrived_s), each.began_s + PATIENCE_S)
            for each in self._gatherings.values()
            if self._is_whole(each, busy) and each.arrived_s
        ]
        return min(times, default=None)

    def deliver(self, *, busy: Collection[Path]) -> Delivered | None:
        """Rank and publish what has arrived below one root; `busy` are folders into which more is coming."""
        ready: dict[Path, list[Gathering]] = {}
        for gathering in list(self._gatherings.values()):
            if not gathering.waiting and not gathering.judged:
                del self._gatherings[gathering.place]
            elif self._is_ready(gathering, busy) and (root := self._root_of(gathering.place)) is not None:
                ready.setdefault(root, []).append(gathering)
        if not ready:
            return None
        root, gatherings = next(iter(ready.items()))
        ids = [frame_id for gathering in gatherings for frame_id in gathering.judged]
        return self._delivered(root, gatherings, ids)

    def _delivered(self, root: Path, gatherings: Collection[Gathering], ids: Collection[int]) -> Delivered:
        card = self._parts.volumes.card_root(root) is not None
        now_s = self._parts.clock.now()
        # A run is opened before it is used: what a worker that dies has written can be taken back as well.
        run = None if card else self._shoots.run_of(root, now_s) or self._worker.open_run([root])
        done = self._worker.deliver(list(ids), withhold=self._withhold, run=run, to=() if card else (root,))
        for gathering in gatherings:
            del self._gatherings[gathering.place]
            if gathering.arrived_s:
                self._recent[gathering.place] = gathering.arrived_s
        began_s = min((each.began_s for each in gatherings), default=now_s)
        if card:
            self._card_ranked(root, done)
        else:
            self._shoots.add(root, done, places=[each.place for each in gatherings], began_s=began_s)
        return done

    def _is_ready(self, gathering: Gathering, busy: Collection[Path]) -> bool:
        now_s = self._parts.clock.now()
        arrived = has_arrived(gathering.arrived_s, now_s) or is_overdue(gathering.began_s, now_s)
        return self._is_whole(gathering, busy) and arrived

    def _is_whole(self, gathering: Gathering, busy: Collection[Path]) -> bool:
        """Tell whether nothing but time stands between a gathering and its stars."""
        is_busy = gathering.place in busy and not is_overdue(gathering.began_s, self._parts.clock.now())
        is_moving = is_busy or self._is_held(gathering.place)
        return bool(gathering.judged) and not gathering.waiting and not is_moving

    def _is_held(self, place: Path) -> bool:
        return any(place.is_relative_to(root) for root in self._held)
