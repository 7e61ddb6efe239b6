"""Makes one comparison out of two verdicts: its weight, its unit, and what was shown when it was decided.

The weight is that of the kind, times the confidence of each action that it rests on, times a share (the gap between two
ratings, the half weight of a survivor, the part that a frame has in an act on many). It does not carry the rule that a
burst, or an act, counts as at most two comparisons: that is the fit's, which divides by the size of the `unit`.
Invariant: 0 < weight <= 1.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from safelight.domain.actions import Action
from safelight.domain.history import Past
from safelight.domain.judges import scale_of
from safelight.domain.preference import WEIGHT, Comparison, Kind
from safelight.domain.verdicts import Verdict

STARS_PER_UNIT = 1.1  # spread of shown stars: brings the difference of two to the scale that the fit knows


def comparison(
    winner: Verdict,
    loser: Verdict,
    kind: Kind,
    because: tuple[Action, ...],
    *,
    share: float = 1.0,
    unit: str | None = None,
) -> Comparison:
    """Return that `winner` was preferred, as the actions `because` say, the first of which speaks of its side."""
    weight = WEIGHT[kind] * share
    for action in because:
        weight *= action.confidence
    at_s = max(action.at_s for action in because)
    one, other = winner.past, loser.past
    return Comparison(
        winner=one.frame_id,
        loser=other.frame_id,
        kind=kind,
        weight=weight,
        unit=unit or _unit(one, other, because[0]),
        shoot=one.shoot or "",
        at_s=at_s,
        shown=_shown(one, other, at_s),
        blind=not one.seen_by(at_s) and not other.seen_by(at_s),
        actions=tuple(sorted({action.id for action in because})),
    )


def act_sizes(lows: Iterable[Action | None]) -> Mapping[str | None, int]:
    """Return how many of one frame's partners were put down in the same act: together they count as one."""
    return Counter(low.act for low in lows if low is not None and low.act is not None)


def mates(one: Past, other: Past) -> bool:
    """Tell whether two frames are of one burst or series."""
    return one.burst is not None and one.burst == other.burst


def comparable(one: Past, other: Past) -> bool:
    """Tell whether two frames may be held against each other: scored on one scale, not the same picture or series.

    Which bundle each was ranked by is all the same: whoever learns from the pair looks at both with one.
    """
    if (
        one.frame_id == other.frame_id
        or one.content == other.content
        or scale_of(one.judge or "") != scale_of(other.judge or "")
    ):
        return False
    return not (one.set_kind and mates(one, other))


def _unit(winner: Past, loser: Past, first: Action) -> str:
    """Name what stands or falls together: a burst, an act on several frames, or the choice of one frame."""
    if winner.burst is not None and mates(winner, loser):
        return winner.burst
    return f"act-{first.act}" if first.act else f"frame-{winner.frame_id}"


def _shown(winner: Past, loser: Past, at_s: float) -> float:
    high, low = winner.shown_at(at_s), loser.shown_at(at_s)
    return 0.0 if high is None or low is None else (high - low) / STARS_PER_UNIT
