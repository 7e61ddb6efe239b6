"""Parts what happened to a shoot at its pauses: a sitting, a campaign, the time after it was done with.

People work on a shoot in one go and come back to it another day. What they leave alone says something only after they
have stopped, and what happens after a long silence is tidying up rather than choosing.
Invariant: a pause that has once been long enough stays so; what is done later does not silence what has spoken.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

DAY_S = 86_400.0
QUIET_S = DAY_S  # a shoot speaks after this long without actions
SETTLED_S = 7 * DAY_S  # evidence across bursts that rests on deletions waits this long: a cull goes on for days
LATE_S = 30 * DAY_S  # a deletion after such a silence comes long after the shoot was done with


class Timed(Protocol):
    """Anything that happened at a time."""

    @property
    def at_s(self) -> float:
        """Seconds since the epoch."""
        ...


_T = TypeVar("_T", bound=Timed)


def stretches(happened: Sequence[_T], pause_s: float) -> list[list[_T]]:
    """Part what happened, sorted by time, wherever nothing happened for longer than `pause_s`."""
    parts: list[list[_T]] = []
    for each in happened:
        if parts and each.at_s - parts[-1][-1].at_s <= pause_s:
            parts[-1].append(each)
        else:
            parts.append([each])
    return parts


def spoken_until(times: Iterable[float], pause_s: float, *, now_s: float) -> float:
    """Return the last of these times that was followed by a pause of `pause_s`; minus infinity without one.

    Whatever was done up to then may speak. The time since the last one counts as a pause once it is long enough.
    """
    line = [*sorted(times), now_s]
    return max((early for early, later in pairwise(line) if later - early >= pause_s), default=float("-inf"))


def fell_quiet(times: Iterable[float]) -> float:
    """Return the time after which nothing happened for `LATE_S` for the first time; infinity if it never was so."""
    line = sorted(times)
    return next((early for early, later in pairwise(line) if later - early > LATE_S), float("inf"))
