"""Says what a comparison is: frame a preferred to frame b, how surely, and how it was decided.

Invariant: winner and loser are two frames of one shoot, both seen by the same judge.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a preference was shown."""

    RATING = "rating"
    EXPORT = "export"
    BURST_DELETE = "burst_delete"  # kept over deleted, of one moment
    EDIT = "edit"
    SELECT = "select"  # moved alone or with few others into a folder
    DROP_BURST = "drop_burst"  # a whole burst was deleted
    LATE_DELETE = "late_delete"  # long after the shoot was done with


# How far one comparison of a kind counts, and how often such an act means nothing (lapse), before the person's own
# lapses are known. From the design's table; measured there on simulated photographers.
WEIGHT = {
    Kind.RATING: 1.0, Kind.EXPORT: 0.8, Kind.BURST_DELETE: 0.7, Kind.EDIT: 0.6, Kind.SELECT: 0.6,
    Kind.DROP_BURST: 0.5, Kind.LATE_DELETE: 0.3,
}  # fmt: skip
PRIOR_LAPSE = {
    Kind.RATING: 0.03, Kind.EXPORT: 0.05, Kind.BURST_DELETE: 0.06, Kind.EDIT: 0.08, Kind.SELECT: 0.08,
    Kind.DROP_BURST: 0.10, Kind.LATE_DELETE: 0.20,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """The person preferred `winner` to `loser`."""

    winner: int  # frame id
    loser: int
    kind: Kind
    weight: float  # 0-1: weight of the kind x confidence of the actions x share of its unit; ageing comes on top
    unit: str  # decisions of one unit (a burst, an act) stand or fall together: what is resampled for intervals
    shoot: str
    at_s: float  # when it was decided
    shown: float  # (star of the winner - star of the loser) / 1.1 as the person saw them; 0 where either was not shown
    blind: bool  # neither frame's star was shown when it was decided
    actions: tuple[int, ...]  # ids of the actions it follows from: what a veto takes out
