"""Decides whether a file has finished arriving.

A copy that pauses, a preallocated file that is filled later and a slow link all look finished for a moment. So a file
counts as settled when nothing about it has changed for a quiet time and a fresh look shows the same size and time; a
file that keeps changing past a hard cap is given up for now, said so, and looked at again in the next run.
Invariant: a file whose last two looks differ is never settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from safelight.domain.frame import FileStamp

QUIET_S = 2.0
CAP_S = 20.0


@dataclass(frozen=True, slots=True)
class Look:
    """What a stat said, and when (seconds, any clock that does not go back)."""

    at_s: float
    stamp: FileStamp


class Verdict(StrEnum):
    """What to do with a file after a look."""

    SETTLED = "settled"
    WAIT = "wait"
    GIVEN_UP = "given up"


def judge(looks: Sequence[Look], *, quiet_s: float = QUIET_S, cap_s: float = CAP_S) -> Verdict:
    """Say whether the file of these looks (oldest first, at least one) has settled.

    Settled: the newest stamp has been seen unchanged for at least `quiet_s`. Given up: `cap_s` have passed since the
    first look without that.
    """
    newest = looks[-1]
    since = newest.at_s
    for look in reversed(looks):
        if look.stamp != newest.stamp:
            break
        since = look.at_s
    if len(looks) > 1 and newest.at_s - since >= quiet_s:
        return Verdict.SETTLED
    return Verdict.GIVEN_UP if newest.at_s - looks[0].at_s >= cap_s else Verdict.WAIT


def long_settled(stamp: FileStamp, now_s: float, *, quiet_s: float = QUIET_S) -> bool:
    """Tell whether a single look is enough: last written more than `quiet_s` ago by the wall clock `now_s`.

    A time in the future tells nothing (a camera's clock, a copy that kept it), so it asks for a second look.
    """
    age_s = now_s - stamp.mtime_ns / 1e9
    return age_s >= quiet_s
