"""Decides whether a file has finished arriving.

A copy that pauses, a preallocated file that is filled later and a slow link all look finished for a moment. So a file
counts as settled when nothing about it has changed for a quiet time and a fresh look shows the same size and time; a
file that keeps changing past a hard cap is given up for now, said so, and looked at again in the next run.
A watcher can know more: whether whoever wrote a file has closed it, or whether somebody has it open still. Then a short
rest is enough in the first case, and no pause is long enough in the second, up to a cap. Where nobody can know, a long
quiet decides. Patience is counted in looks that agree, one after another, so that a clock that jumps ahead is one look.
Invariant: a file whose last two looks differ is never settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from safelight.domain.frame import FileStamp

QUIET_S = 2.0
CAP_S = 20.0

REST_S = 0.3  # after the closing: many programs set a file's times when they have closed it
UNTOLD_QUIET_S = 150.0  # a copy may pause for a minute, and for two
OPEN_CAP_S = 600.0  # some programs never close what they have opened
LONG_AGO_S = (
    600.0  # older than this by its time when it came: linked or moved here whole, whatever a server's clock says
)
_QUIET_LOOKS = 5  # looks into which a long quiet is divided


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


class Ending(StrEnum):
    """What is known of whether a file is whole."""

    TOLD = "told"  # closed, renamed to its name, or known to be open nowhere
    OPEN = "open"  # somebody has it open for writing
    UNTOLD = "untold"  # nobody knows


@dataclass(frozen=True, slots=True)
class Patience:
    """How many looks in a row must agree, and how far apart they are (seconds)."""

    looks: int
    gap_s: float


def patience(
    ending: Ending, *, rest_s: float = REST_S, quiet_s: float = UNTOLD_QUIET_S, open_cap_s: float = OPEN_CAP_S
) -> Patience:
    """Return how long a file has to stay the same before it counts as settled."""
    if ending is Ending.TOLD:
        return Patience(2, rest_s)
    whole_s = open_cap_s if ending is Ending.OPEN else quiet_s
    return Patience(_QUIET_LOOKS + 1, whole_s / _QUIET_LOOKS)


def ending(*, told: bool, writing: bool | None, stamp: FileStamp, noticed_s: float) -> Ending:
    """Say what is known of a file: `told` that it was closed or renamed, `writing` None if nobody knows.

    A file whose time is long before the moment at which it was noticed was not written here just then.
    """
    if writing is not None:
        return Ending.OPEN if writing else Ending.TOLD
    long_ago = noticed_s - stamp.mtime_ns / 1e9 >= LONG_AGO_S
    return Ending.TOLD if told or long_ago else Ending.UNTOLD


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
