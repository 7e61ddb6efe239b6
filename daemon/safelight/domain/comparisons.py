"""Turns believed actions into comparisons: frame a was preferred to frame b, within one shoot.

Evidence lives inside bursts and shoots. Within a burst: what was kept over what was deleted or rejected. Within a
shoot: what was praised in so many words or by work (rated up, picked, exported, edited, selected) over lone frames that
were deleted or rejected, over frames that were rated down, and over the best frame of each burst that was dropped as a
whole; at half weight over frames of other moments of which nothing was said, where a burst speaks by its best frame;
and among the person's own ratings the higher over the lower.
Never across bursts: a frame thrown away beside a kept one of its moment. It lost to a mate that may be the best of the
shoot; on people's own ratings, four in ten of the comparisons made with such frames were ties or wrong. Nor what merely
survived over anything deleted elsewhere, for "still there" is not "liked" and taught a ranking to be wrong when it was
tried.
Invariants: winner and loser are two frames of one shoot, scored on one scale, with different pixels, not of one series;
the same history gives the same comparisons, and a veto only takes away those that rest on its action.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from safelight.domain.actions import Action, ActionKind, State
from safelight.domain.history import History, Past
from safelight.domain.partners import Ring, lot
from safelight.domain.pauses import QUIET_S, SETTLED_S, spoken_until
from safelight.domain.preference import Comparison, Kind
from safelight.domain.verdicts import EXPLICIT, KIND_OF_PRAISE, Verdict, verdicts
from safelight.domain.weighing import act_sizes, comparable, comparison, mates

LOSERS = 6  # deleted, rejected or rated-down frames that one praised frame is held against
SURVIVORS = 4  # frames of which nothing was said, likewise
LOWER_RATED = 6  # frames that the person rated lower, for one rated frame
KEPT = 3  # frames of the burst that one deleted frame is held against
PRAISED = 6  # frames that each of these two is held against
SURVIVOR_WEIGHT = 0.5
GAP_WEIGHT = (0.5, 0.75, 1.0)  # between ratings 1, 2, and 3 or more apart: neighbours are often told apart by mood


def compare(actions: Sequence[Action], history: History, *, now_s: float) -> tuple[Comparison, ...]:
    """Return every comparison that follows from the actions and may speak at `now_s`, oldest first.

    `actions` is what `read_actions` read from the same history; `now_s`: seconds since the epoch.
    """
    by_shoot: defaultdict[str, list[Action]] = defaultdict(list)
    for action in actions:
        if action.shoot is not None:
            by_shoot[action.shoot].append(action)
    speaking = {
        shoot for shoot, acted in by_shoot.items() if any(action.standing is State.BELIEVED for action in acted)
    }
    frames: defaultdict[str, list[Past]] = defaultdict(list)
    for past in history.frames.values():
        if past.shoot is not None and past.shoot in speaking and past.content is not None:
            frames[past.shoot].append(past)
    vetoed = {action.id for action in actions if action.state is State.VETOED}
    found = (
        each
        for shoot, pasts in frames.items()
        for each in _Shoot.of(pasts, by_shoot[shoot], now_s).comparisons()
        if vetoed.isdisjoint(each.actions)
    )
    return tuple(sorted(found, key=lambda each: (each.at_s, each.shoot, each.winner, each.loser, each.kind)))


@dataclass(frozen=True, slots=True)
class _Shoot:
    """One shoot with what was said of its frames."""

    verdicts: list[Verdict]
    bursts: dict[str, list[Verdict]]  # of two or more frames; series too
    lots: dict[int, int]  # by frame id
    spoken_s: float  # what was done up to then may speak
    settled_s: float  # likewise across bursts, where a deletion takes part

    @classmethod
    def of(cls, frames: Sequence[Past], actions: Sequence[Action], now_s: float) -> "_Shoot":
        by_frame: defaultdict[int, list[Action]] = defaultdict(list)
        for action in actions:
            for frame_id in action.frame_ids:
                by_frame[frame_id].append(action)
        said = verdicts(sorted(frames, key=lambda past: past.frame_id), by_frame)
        bursts: defaultdict[str, list[Verdict]] = defaultdict(list)
        for verdict in said:
            if verdict.past.burst is not None:
                bursts[verdict.past.burst].append(verdict)
        times = [action.at_s for action in actions]
        return cls(
            verdicts=said,
            bursts={burst: members for burst, members in bursts.items() if len(members) > 1},
            lots={past.frame_id: lot(past.content or "") for past in frames},
            spoken_s=spoken_until(times, QUIET_S, now_s=now_s),
            settled_s=spoken_until(times, SETTLED_S, now_s=now_s),
        )

    def comparisons(self) -> Iterator[Comparison]:
        """Yield what follows from all verdicts, each pair of frames once."""
        dropped = {burst for burst, members in self.bursts.items() if all(mate.loss for mate in members)}
        yield from self._among_ratings()
        for burst, members in self.bursts.items():
            if burst not in dropped:
                yield from self._within_burst(members)
        yield from self._over_dropped([self.bursts[burst] for burst in sorted(dropped)])
        beside_kept = {
            each.past.frame_id for burst in self.bursts.keys() - dropped for each in _left_behind(self.bursts[burst])
        }
        yield from self._over_losers(
            [
                each
                for each in self.verdicts
                if each.low and each.past.burst not in dropped and each.past.frame_id not in beside_kept
            ]
        )
        yield from self._over_survivors()

    def _among_ratings(self) -> Iterator[Comparison]:
        """Yield the person's own ratings against each other, the higher over the lower."""
        rated = [each for each in self.verdicts if each.rated and (each.loss is None or each.rated.value == -1)]
        below = {
            rating: self._ring(each for each in rated if _rating(each) < rating)
            for rating in {_rating(each) for each in rated}
        }
        for winner in rated:
            partners = self._chosen(winner, below[_rating(winner)], LOWER_RATED)
            sizes = act_sizes(each.rated for each in partners)
            for loser in partners:
                because = _both(winner.rated, loser.rated)
                gap = GAP_WEIGHT[min(_rating(winner) - _rating(loser), len(GAP_WEIGHT)) - 1]
                share = gap / sizes.get(because[-1].act, 1)
                yield comparison(winner, loser, Kind.RATING, because, share=share)

    def _within_burst(self, members: Sequence[Verdict]) -> Iterator[Comparison]:
        """Yield what was kept of a burst over what was deleted or rejected of it."""
        for loser in members:
            low = loser.low
            if low is None or low not in (loser.loss, loser.rejected) or low.at_s > self.spoken_s:
                continue
            kept = self._ring(each for each in members if _was_kept_over(each, loser, low))
            kind = Kind.LATE_DELETE if low.late else Kind.BURST_DELETE
            for winner in self._chosen(loser, kept, KEPT):
                yield comparison(winner, loser, kind, (low,))

    def _over_dropped(self, dropped: Iterable[Sequence[Verdict]]) -> Iterator[Comparison]:
        """Yield praised frames over the best frame of each burst that was dropped whole: even that was not liked."""
        praised = self._ring(each for each in self.verdicts if each.praise and each.praise.at_s <= self.settled_s)
        for members in dropped:
            if max(mate.loss.at_s for mate in members if mate.loss) > self.settled_s:
                continue
            loser = min(members, key=lambda mate: (not mate.past.keeper, self.lots[mate.past.frame_id]))
            for winner in self._chosen(loser, praised, PRAISED):
                kind = Kind.LATE_DELETE if loser.loss and loser.loss.late else Kind.DROP_BURST
                yield comparison(winner, loser, kind, _both(winner.praise, loser.loss), unit=loser.past.burst)

    def _over_losers(self, losers: Sequence[Verdict]) -> Iterator[Comparison]:
        """Yield praised frames over what was deleted, rejected or rated down in other bursts of the shoot."""
        said = self._ring(each for each in losers if each.low and each.low.kind is not ActionKind.DELETED)
        settled = self._ring(
            each
            for each in losers
            if each.low and (each.low.kind is not ActionKind.DELETED or each.low.at_s <= self.settled_s)
        )
        for winner, praise in self._praised():
            ring = settled if praise.at_s <= self.settled_s else said
            partners = self._chosen(winner, ring, LOSERS, able=partial(self._may_speak, winner, praise))
            sizes = act_sizes(each.low for each in partners)
            for loser in partners:
                low = loser.low or praise
                kind = Kind.LATE_DELETE if low.late else KIND_OF_PRAISE[praise.kind]
                yield comparison(winner, loser, kind, (praise, low), share=1.0 / sizes.get(low.act, 1))

    def _may_speak(self, winner: Verdict, praise: Action, loser: Verdict) -> bool:
        """Tell whether a praised frame may be held against a loser now, and is not by another rule."""
        low = loser.low
        if low is None or (winner.rated and low is loser.rated):
            return False
        if mates(winner.past, loser.past) and (loser.loss or loser.rejected):
            return False
        if low.kind is ActionKind.DELETED or (praise.kind in EXPLICIT and low.kind in EXPLICIT):
            return True  # of deletions, only those that may speak come here
        return max(praise.at_s, low.at_s) <= self.spoken_s

    def _over_survivors(self) -> Iterator[Comparison]:
        """Yield praised frames over frames of which nothing was said, at half weight; a burst speaks by its keeper."""
        survivors = self._ring(
            each for each in self.verdicts if not each.touched and each.past.set_kind is None and _stands_for(each.past)
        )
        for winner, praise in self._praised():
            if praise.kind not in EXPLICIT and praise.at_s > self.spoken_s:
                continue
            for loser in self._chosen(winner, survivors, SURVIVORS, able=partial(_was_passed_over, winner, praise)):
                yield comparison(winner, loser, KIND_OF_PRAISE[praise.kind], (praise,), share=SURVIVOR_WEIGHT)

    def _praised(self) -> Iterator[tuple[Verdict, Action]]:
        for each in self.verdicts:
            if each.praise is not None:
                yield each, each.praise

    def _ring(self, candidates: Iterable[Verdict]) -> Ring[Verdict]:
        return Ring(candidates, lot_of=lambda each: self.lots[each.past.frame_id])

    def _chosen(
        self, own: Verdict, ring: Ring[Verdict], count: int, *, able: Callable[[Verdict], bool] | None = None
    ) -> list[Verdict]:
        past = own.past
        lot_of_own = self.lots[past.frame_id]
        if able is None:
            return list(ring.chosen(lot_of_own, count, able=lambda each: comparable(past, each.past)))
        return list(ring.chosen(lot_of_own, count, able=lambda each: comparable(past, each.past) and able(each)))


def _both(first: Action | None, second: Action | None) -> tuple[Action, ...]:
    return tuple(action for action in (first, second) if action is not None)


def _rating(verdict: Verdict) -> int:
    """Return a person's rating on a scale without a hole: rejected is one below one star."""
    value = verdict.rated.value if verdict.rated else None
    return 0 if value == -1 else int(value or 0)


def _was_kept_over(mate: Verdict, loser: Verdict, low: Action) -> bool:
    """Tell whether a frame of a burst was left when another was thrown away."""
    if mate.rejected or not mate.was_there(low.at_s) or mate.past.arrived_s > low.noted_s:
        return False
    return not (mate.rated and low is loser.rated)  # told by their ratings


def _left_behind(members: Sequence[Verdict]) -> Iterator[Verdict]:
    """Yield the frames of a burst that were thrown away beside one that was kept.

    They were the worse ones of their moment, which may well be the best of the shoot: that they went says nothing of
    what they show.
    """
    thrown = [each for each in members if each.loss or each.rejected]
    if len(thrown) < len(members):
        yield from thrown


def _stands_for(past: Past) -> bool:
    """Tell whether a frame is the one that its moment is judged by."""
    return past.burst is None or past.keeper


def _was_passed_over(winner: Verdict, praise: Action, survivor: Verdict) -> bool:
    """Tell whether a frame of which nothing was said was there when one of another moment was praised above it.

    A rating praises above what stands lower: not above a frame that was left with as many stars.
    """
    if mates(winner.past, survivor.past):
        return False
    if survivor.past.arrived_s > praise.noted_s or not survivor.was_there(praise.at_s):
        return False
    if praise.kind is not ActionKind.RATED or not isinstance(praise.value, int):
        return True
    shown = survivor.past.shown_at(praise.at_s)
    return shown is None or shown < praise.value
