"""The real time, and a time that a person names, behind the Clock that services are given."""

import time


class SystemClock:
    """The Clock of the machine."""

    def now(self) -> float:
        """Return seconds since the epoch, UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)


class FixedClock:
    """A Clock that stands at the moment a person named; sleeping moves it on and takes as long as it says.

    The wait is real because it is other programs that are waited for, and they do not know of our clock.
    """

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s

    def now(self) -> float:
        """Return seconds since the epoch, UTC."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)
        self._now_s += seconds
