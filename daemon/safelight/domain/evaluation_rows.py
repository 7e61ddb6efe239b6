"""Turns comparisons into rows that can be foretold: what each shows, which decision it belongs to, when it was made.

A decision is what a person did with one unit: those who stayed over those who went. A burst of ten in which one frame
stayed is nine comparisons but one decision; each of its comparisons counts a ninth, so a long burst weighs no more than
a pair. Comparisons inside a burst and across bursts, blind and shown, are never of one decision.
Invariant: rows are in the order in which they were decided, and the weights of a decision's rows add up to 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safelight.domain.features import NAMES
from safelight.domain.preference import Comparison
from safelight.domain.taste_table import KINDS, Table

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is known of a frame that was compared."""

    features: Floats  # (k,), see `domain.features`
    burst: str | None  # None: a lone frame
    order: int  # its place in the shoot, by capture time
    sharpness: float  # focus and detail of the measures, in octaves


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Comparisons as columns, oldest first."""

    table: Table
    at_s: Floats  # (n,) when it was decided
    later: Floats  # (n,) 1: the winner was taken after the loser, -1: before, 0: neither
    sharper: Floats  # (n,) sharpness of the winner minus that of the loser
    within: Flags  # (n,) both of one burst
    blind: Flags  # (n,)
    decision: Numbers  # (n,) number of the decision; numbers grow with time
    unit: Numbers  # (n,) what stands or falls together: the burst, or for decisions across bursts the shoot
    weight: Floats  # (n,) share of its decision

    def __len__(self) -> int:
        return len(self.at_s)


def rows_of(comparisons: Iterable[Comparison], frames: Mapping[int, Seen]) -> Rows:
    """Return the comparisons both of whose frames are in `frames`, in the order in which they were decided."""
    known = [each for each in comparisons if each.winner in frames and each.loser in frames]
    known.sort(key=lambda each: (each.at_s, each.shoot, each.unit, each.winner, each.loser))
    pairs = [(frames[each.winner], frames[each.loser]) for each in known]
    within = np.array([one.burst is not None and one.burst == other.burst for one, other in pairs], bool)
    blind = np.array([each.blind for each in known], bool)
    decision = _numbers([(each.unit, *flags) for each, *flags in zip(known, within, blind, strict=True)])
    units = [
        one.burst if inside else ("shoot", each.shoot)
        for each, (one, _), inside in zip(known, pairs, within, strict=True)
    ]
    return Rows(
        table=_table(known, pairs),
        at_s=np.array([each.at_s for each in known], np.float64),
        later=np.sign(np.array([one.order - other.order for one, other in pairs], np.float64)),
        sharper=np.array([one.sharpness - other.sharpness for one, other in pairs], np.float64),
        within=within,
        blind=blind,
        decision=decision,
        unit=_numbers(units),
        weight=1 / np.bincount(decision)[decision] if known else np.zeros(0),
    )


def _table(known: Sequence[Comparison], pairs: Sequence[tuple[Seen, Seen]]) -> Table:
    return Table(
        differences=np.array([one.features - other.features for one, other in pairs]).reshape(len(pairs), len(NAMES)),
        shown=np.array([each.shown for each in known], np.float64),
        kind=np.array([KINDS.index(each.kind) for each in known], np.int64),
        weight=np.array([each.weight for each in known], np.float64),
        unit=_numbers([each.unit for each in known]),
        shoot=_numbers([each.shoot for each in known]),
    )


def _numbers(names: Sequence[object]) -> Numbers:
    """Return a number for each name, in the order in which the names first come."""
    places: dict[object, int] = {}
    return np.array([places.setdefault(name, len(places)) for name in names], np.int64)
