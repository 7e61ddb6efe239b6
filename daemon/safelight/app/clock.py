"""The real time, behind the Clock that services are given."""

import time


class SystemClock:
    """The Clock of the machine."""

    def now(self) -> float:
        """Return seconds since the epoch, UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        time.sleep(seconds)
