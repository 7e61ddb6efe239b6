"""Decides which shoot and burst a frame's decisions belong to, when its group has changed since.

Shoots and bursts are named after their first frame and formed anew when frames arrive late. A frame that is gone is not
grouped again: once the first frame of a burst is deleted and a late one arrives, the deleted frame and the one that was
kept in its place would bear different names, and a choice within one moment would look like a whole moment thrown away.
So a burst is the one in which something was last decided, and a shoot without living frames is the one to which most
of its frames went. Invariant: frames whose group never changed belong where they were put.
"""

import itertools
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a frame stood from the journal entry `seq` on."""

    seq: int
    shoot: str
    burst: str | None
    set_kind: str | None
    keeper: bool
    order: int  # in its shoot


def belongings(placed: Mapping[int, Sequence[Placement]], losses: Mapping[int, int]) -> dict[int, Placement]:
    """Return for each frame the placement that its decisions belong to.

    `placed`: by frame id, oldest first, at least one each; `losses`: the entry that told of the loss, of frames that
    are gone.
    """
    shoots = _shoots(placed, losses)
    lost_from = _losses_by_burst(placed, losses)
    settled: dict[int, Placement] = {}
    for frame_id, places in placed.items():
        last = places[-1]
        if frame_id in losses:
            last = _at(places, losses[frame_id])
        elif len(places) > 1:
            last = _decided(places, lost_from)
        shoot = shoots.get(last.shoot, last.shoot)
        settled[frame_id] = last if shoot == last.shoot else replace(last, shoot=shoot)
    return settled


def _at(places: Sequence[Placement], seq: int) -> Placement:
    return next((place for place in reversed(places) if place.seq < seq), places[0])


def _losses_by_burst(placed: Mapping[int, Sequence[Placement]], losses: Mapping[int, int]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for frame_id, seq in losses.items():
        if frame_id in placed and (burst := _at(placed[frame_id], seq).burst):
            found[burst].append(seq)
    return {burst: sorted(seqs) for burst, seqs in found.items()}


def _decided(places: Sequence[Placement], lost_from: Mapping[str, Sequence[int]]) -> Placement:
    """Return the newest placement, with the burst of the newest one during which a mate was lost."""
    last = places[-1]
    for place, following in zip(reversed(places[:-1]), reversed(places[1:]), strict=True):
        seqs = lost_from.get(place.burst or "", ())
        first = bisect_left(seqs, place.seq)
        if first < len(seqs) and seqs[first] < following.seq:
            return replace(last, burst=place.burst, set_kind=place.set_kind, keeper=place.keeper)
    return last


def _shoots(placed: Mapping[int, Sequence[Placement]], losses: Mapping[int, int]) -> dict[str, str]:
    """Return, for shoots that no living frame bears any more, the shoot that most of their frames went to."""
    living = {places[-1].shoot for frame_id, places in placed.items() if frame_id not in losses}
    went: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for places in placed.values():
        for before, after in itertools.pairwise(places):
            if before.shoot not in living and before.shoot != after.shoot:
                went[before.shoot][after.shoot] += 1
    return {shoot: _followed(shoot, went) for shoot in went}


def _followed(shoot: str, went: Mapping[str, Counter[str]]) -> str:
    seen = {shoot}
    while shoot in went:
        shoot = max(went[shoot], key=lambda name: (went[shoot][name], name))
        if shoot in seen:
            break
        seen.add(shoot)
    return shoot
