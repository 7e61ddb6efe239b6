"""Tells whether the machine has slept since the question was last asked.

Linux counts two times since the start: one stands still in suspend and one does not (clock_gettime(2)), so their
difference grows by the length of each sleep, whatever happens to the wall clock.
Invariant: a jump of the wall clock is no sleep.
"""

import time
from collections.abc import Callable

_JITTER_S = 0.5  # between the two readings; a suspend takes longer


def _with_sleep_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SuspendTeller:
    """`with_sleep` and `without_sleep` are clocks in seconds, one that counts suspend and one that does not."""

    def __init__(
        self, *, with_sleep: Callable[[], float] = _with_sleep_s, without_sleep: Callable[[], float] = time.monotonic
    ) -> None:
        self._with_sleep = with_sleep
        self._without_sleep = without_sleep
        self._asleep_s = with_sleep() - without_sleep()

    def slept(self) -> bool:
        """Tell whether the machine slept since the last question, or since this was made."""
        asleep_s = self._with_sleep() - self._without_sleep()
        before_s, self._asleep_s = self._asleep_s, asleep_s
        return asleep_s - before_s > _JITTER_S
