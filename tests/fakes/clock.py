"""A clock that moves only when it is told to, or slept on."""


class FakeClock:
    """The Clock of a test; sleeping takes no time and moves it on."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self._now_s = now_s
        self.slept_s = 0.0

    def now(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        self._now_s += seconds
        self.slept_s += seconds
