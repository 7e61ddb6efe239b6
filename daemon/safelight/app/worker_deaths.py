"""Decides whether a worker that dies may be started again.

Three deaths in ten minutes mean that something is wrong which another start does not mend: then it rests, and that is
said. A death that was laid to one frame, which is left alone from then on, explains itself; it does not count, unless
no frame at all came through since the last one that was laid aside: then it is not the frames.
Invariant: without a death there is no rest.
"""

from collections.abc import Callable

from safelight.app.worker_messages import Limits


class Deaths:
    """Remembers the last deaths of the worker."""

    def __init__(self, *, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._at_s: list[float] = []
        self._proved = False

    def note(self) -> None:
        """Remember a death."""
        now_s = self._monotonic()
        self._at_s = [at_s for at_s in self._at_s if now_s - at_s < self._limits.within_s] + [now_s]

    def proved(self) -> None:
        """Remember that the worker came past a frame."""
        self._proved = True

    def explain(self, deaths: int) -> None:
        """Take back the last so many deaths: one frame was to blame, and is left alone from now on."""
        if self._proved:
            del self._at_s[len(self._at_s) - min(deaths, len(self._at_s)) :]
        self._proved = False

    @property
    def rests(self) -> bool:
        """Tell whether the worker is not to be started for now."""
        if len(self._at_s) < self._limits.deaths:
            return False
        if self._monotonic() - self._at_s[-1] < self._limits.pause_s:
            return True
        self._at_s.clear()
        return False
