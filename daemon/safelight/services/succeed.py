"""Decides whose looks count: those of a further bundle as soon as it has seen the whole library, else the first ones.

Until then the first judge rates on as before. When nothing is left to look at, what the taste starts from in the new
embeddings is made from the photographs that both have seen, once, and kept; from then on that judge counts, and says so
in the journal, so that the taste is learned again from the same evidence. A library that is too small for that stays
with the first judge. When a further bundle misses some photographs again (it was away for a while) the first judge
counts until it has caught up.

Photographs that are out of reach, as on a disk that is not plugged in, keep nobody waiting where they are few. They
stay as the first judge sees them, as do those that are gone, so that what is learned from them never changes. Where
they are many it is the person who says that they shall be left.
Invariant: what is journalled as the judge is whose looks are ranked by; nothing that was learned is dropped.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from safelight.domain.entries import Kind
from safelight.domain.judges import LEAST_FRAMES
from safelight.ports import Assessments, Clock, Store
from safelight.ports.successions import Successions
from safelight.services.evidence import JUDGED, judge_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from safelight.domain.features import Basis

_FEW = 0.1  # of the photographs that were seen
_LEFT = "It was gone or out of reach when the bundle began to judge."
_SAMPLE = 5000  # of the photographs: directions and bridge are known well enough from these


class Succeed:
    """Lets one judge follow another."""

    def __init__(
        self,
        *,
        store: Store,
        first: Assessments,
        second: Assessments | None,
        shipped: Callable[[], "Basis"],
        directions: Mapping[str, "NDArray[np.float32]"],
        clock: Clock,
        leave: bool = False,
    ) -> None:
        """`second` is None where no further bundle is in use; `shipped` loads the start of the first judge's taste.

        `leave`: photographs that are out of reach are to be left as they are, however many they are.
        """
        self._store = store
        self._first = first
        self._second = second
        self._load = shipped
        self._directions = directions
        self._clock = clock
        self._leave = leave

    def step(self) -> Assessments:
        """Return whose looks count now, after taking over where that is due, and journal it when it has changed."""
        chosen = self._second if self._second is not None and self._ready(self._second) else self._first
        newest = self._store.journal.newest(*JUDGED)
        before = judge_of(list(self._store.journal.entries(*JUDGED, after=newest - 1))) if newest else ""
        if before and before != chosen.judge:
            with self._store.transaction():
                if chosen is self._second:
                    self._store.successions.leave_unseen(chosen.judge, _LEFT)
                self._store.journal.append(Kind.JUDGE_CHANGED, at_s=self._clock.now(), judge=chosen.judge)
        return chosen

    def _ready(self, second: Assessments) -> bool:
        successions = self._store.successions
        if successions.count_unseen(second.judge):
            return False
        if successions.has(second.judge):
            return True
        return (self._leave or not waits(successions, second.judge)) and self._take_over(second)

    def _take_over(self, second: Assessments) -> bool:
        """Make what the taste starts from; tell whether there were photographs enough."""
        from safelight.domain.succession import succession

        successions = self._store.successions
        if successions.count_seen(second.judge) < LEAST_FRAMES:
            return False
        before, after = successions.pairs(second.judge, limit=_SAMPLE)
        if len(after) < LEAST_FRAMES:
            return False
        try:
            made = succession(self._load(), before.astype("float64"), after.astype("float64"), self._directions)
        except ValueError:  # the model answers the same for every photograph: it is no judge
            return False
        with self._store.transaction():
            successions.put(second.judge, made, at_s=self._clock.now())
            for content, embedding, quality, appeal in successions.heads(second.judge):
                successions.set_heads(
                    second.judge,
                    content,
                    quality=made.tilted("quality", quality, embedding),
                    appeal=made.tilted("appeal", appeal, embedding),
                )
        return True


def waits(successions: Successions, judge: str) -> bool:
    """Tell whether too many photographs are out of reach for a judge to take over that has seen enough others."""
    seen = successions.count_seen(judge)
    return seen >= LEAST_FRAMES and successions.count_out_of_reach(judge) > _FEW * seen
