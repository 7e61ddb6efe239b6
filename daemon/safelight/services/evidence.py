"""Gathers what the journal tells of a person's choices, as comparisons and as the table that a taste is fitted to.

Everything is computed anew from the journal up to one entry, as of one moment, and from what was seen in the pixels:
the same entries, moment and looks give the same table to the last bit, whatever was learned before. That is what makes
a veto reach back, and a replay possible.
Invariant: gathering changes nothing.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safelight.domain.actions import Action, read_actions
from safelight.domain.comparisons import compare
from safelight.domain.entries import Entry, Kind
from safelight.domain.frame import SetKind
from safelight.domain.history import FACTS, History, Past, read
from safelight.domain.pauses import QUIET_S, SETTLED_S

if TYPE_CHECKING:  # whoever only wants to know what was done never needs numpy: it is a third of the start-up cost
    from safelight.domain.features import Basis, Floats
    from safelight.domain.preference import Comparison
    from safelight.domain.records import Assessment, TasteVersion
    from safelight.domain.taste_table import Table
    from safelight.ports import Assessments

JUDGED = (Kind.FRAME_RATED, Kind.JUDGE_CHANGED)  # entries that name a judge
_PAUSES_S = (QUIET_S, SETTLED_S)  # what an action has to wait for before it, or others beside it, may speak


@dataclass(frozen=True, slots=True)
class Told:
    """What the journal tells, up to one entry and as of one moment."""

    history: History  # without the facts that a roll-back took out
    actions: tuple[Action, ...]  # all of them
    comparisons: tuple[Comparison, ...]
    through: int
    now_s: float

    @property
    def next_s(self) -> float | None:
        """Return when time alone may let more of it speak, seconds since the epoch; None: never."""
        times = {action.at_s + pause_s for action in self.actions for pause_s in _PAUSES_S}
        return min((at_s for at_s in times if at_s > self.now_s), default=None)

    @property
    def digest(self) -> str:
        """Return a digest of the comparisons, hexadecimal: the same as long as there is nothing new to learn."""
        digest = hashlib.sha256()
        for each in self.comparisons:
            digest.update(repr((*key(each), each.weight, each.unit, each.shoot, each.shown, each.blind)).encode())
        return digest.hexdigest()


def key(each: Comparison) -> tuple[int, int, str]:
    """Return what tells two comparisons apart."""
    return (each.winner, each.loser, each.kind.value)


def told(entries: Iterable[Entry], *, now_s: float) -> Told:
    """Read journal entries, oldest first, as of a moment (seconds since the epoch)."""
    listed = entries if isinstance(entries, Sequence) else list(entries)
    history = read(listed)
    actions = believed = read_actions(history, now_s=now_s)
    if history.rolled_back:
        # As if it had not happened: else what was done since would still take back what was done before.
        history = read([entry for entry in listed if entry.kind not in FACTS or history.counts(entry.seq)])
        believed = read_actions(history, now_s=now_s)
    comparisons = tuple(compare(believed, history, now_s=now_s))
    return Told(history, actions, comparisons, listed[-1].seq if listed else 0, now_s)


def reached(last: TasteVersion | None, clock_s: float) -> float:
    """Return now, seconds since the epoch, which is never before the newest version was made.

    A clock that is set back, or a look into the future that was learned from, must not unlearn what is known.
    """
    return max(clock_s, last.made_s) if last else clock_s


def judge_of(entries: Sequence[Entry]) -> str:
    """Return the judge that frames were last ranked with, or that has taken over since; empty when there is none."""
    told_by = (entry.payload.get("judge") for entry in reversed(entries) if entry.kind in JUDGED)
    return next((judge for judge in told_by if isinstance(judge, str)), "")


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The comparisons of frames that one judge has seen, and the table of their features, row by row."""

    comparisons: tuple[Comparison, ...]
    table: Table


def evidence(found: Told, *, assessments: Assessments, basis: Basis) -> Evidence:
    """Return the table of the comparisons; those with a frame that this judge has not seen are left out."""
    import numpy as np

    from safelight.domain.taste_table import KINDS, Table

    compared = {frame_id for each in found.comparisons for frame_id in (each.winner, each.loser)}
    seen = features_of(compared, found.history.frames, assessments=assessments, basis=basis)
    rows = tuple(each for each in found.comparisons if each.winner in seen and each.loser in seen)
    place_of = {kind: place for place, kind in enumerate(KINDS)}
    units: dict[str, int] = {}
    shoots = _shoot_order(rows)
    size = len(basis.mean)
    differences = [seen[each.winner] - seen[each.loser] for each in rows]
    table = Table(
        differences=np.stack(differences) if rows else np.zeros((0, size)),
        shown=np.array([each.shown for each in rows], np.float64),
        kind=np.array([place_of[each.kind] for each in rows], np.int64),
        weight=np.array([each.weight for each in rows], np.float64),
        unit=np.array([units.setdefault(each.unit, len(units)) for each in rows], np.int64),
        shoot=np.array([shoots[each.shoot] for each in rows], np.int64),
    )
    return Evidence(rows, table)


def _shoot_order(rows: Sequence[Comparison]) -> dict[str, int]:
    """Number the shoots that were compared in, from the oldest (0): by when something was first decided in each."""
    first: dict[str, float] = {}
    for each in rows:
        first[each.shoot] = min(each.at_s, first.get(each.shoot, each.at_s))
    ordered = sorted(first, key=lambda shoot: (first[shoot], shoot))
    return {shoot: number for number, shoot in enumerate(ordered)}


def features_of(
    frame_ids: Collection[int], pasts: Mapping[int, Past], *, assessments: Assessments, basis: Basis
) -> dict[int, Floats]:
    """Return the features of frames, scored among those of their burst as the journal tells it.

    Frames that nobody has seen, or whose embedding the basis cannot read, are left out.
    """
    from safelight.domain.features import features_of_look
    from safelight.domain.moment import generic, weighed

    found: dict[int, Floats] = {}
    for group in _groups(frame_ids, pasts):
        looks = _looks(group, assessments)
        kind = SetKind(group[0].set_kind) if group[0].set_kind else None
        told_of = weighed(generic(list(looks.values()), kind), kind) if looks else ()
        by_content = dict(zip(looks, told_of, strict=True))
        for past in group:
            if past.frame_id in frame_ids and past.content in looks:
                made = features_of_look(basis, by_content[past.content], looks[past.content])
                if made is not None:
                    found[past.frame_id] = made
    return found


def _groups(frame_ids: Collection[int], pasts: Mapping[int, Past]) -> list[list[Past]]:
    """Return the bursts of these frames, whole, and those of them that are in no burst, each alone."""
    wanted = {pasts[frame_id].burst for frame_id in frame_ids if frame_id in pasts}
    mates: defaultdict[str, list[Past]] = defaultdict(list)
    for past in pasts.values():
        if past.burst is not None and past.burst in wanted:
            mates[past.burst].append(past)
    alone = [[pasts[each]] for each in sorted(frame_ids) if each in pasts and pasts[each].burst is None]
    return [sorted(group, key=lambda past: (past.order, past.frame_id)) for _, group in sorted(mates.items())] + alone


def _looks(group: Sequence[Past], assessments: Assessments) -> dict[str, Assessment]:
    """Return what was seen by content: a copy of a frame is no further frame of its burst."""
    looks = {}
    for past in group:
        if past.content and past.content not in looks:
            look = assessments.assessment(bytes.fromhex(past.content))
            if look is not None:
                looks[past.content] = look
    return looks
