"""Decides when a shoot that is arriving has arrived, so that it can be ranked as a whole.

Frames of one burst are compared with each other, so ranking has to wait for the last of them; but a person who copies
a single picture should not wait for company. The pauses between arrivals tell the two apart: a copy that brings a
frame every few seconds is over when nothing has come for three such pauses.
Invariant: a shoot that stays quiet is ranked after `LONGEST_S` at the latest.
"""

from collections.abc import Sequence
from itertools import pairwise

SHORTEST_S = 0.7  # a burst written by one program lands within it; of the two seconds that a single frame may take
LONGEST_S = 30.0
_PAUSES = 3.0  # of the longest recent one: a slow link varies that much
_RECENT = 10  # arrivals

PATIENCE_S = 300.0  # frames that come one by one for hours (a tethered camera) get their stars in between

GROWING_S = 1800.0  # what arrives in one place within half an hour of the last delivery is told of together with it


def pause_s(arrived_s: Sequence[float]) -> float:
    """Return for how long nothing more must have come, in seconds, after arrivals at these moments (ascending)."""
    recent = arrived_s[-_RECENT:]
    longest = max((later - earlier for earlier, later in pairwise(recent)), default=0.0)
    return min(LONGEST_S, max(SHORTEST_S, _PAUSES * longest))


def has_arrived(arrived_s: Sequence[float], now_s: float) -> bool:
    """Tell whether nothing more is to be waited for; a clock that was set back lets nobody wait for hours."""
    return not arrived_s or not 0.0 <= now_s - arrived_s[-1] < pause_s(arrived_s)


def is_overdue(began_s: float, now_s: float) -> bool:
    """Tell whether a shoot that began to arrive at `began_s` has been waited for long enough, though more is coming."""
    return now_s - began_s >= PATIENCE_S


def grows(last_s: float, now_s: float) -> bool:
    """Tell whether what is delivered now still belongs to what was delivered to the same place at `last_s`."""
    return 0.0 <= now_s - last_s <= GROWING_S
