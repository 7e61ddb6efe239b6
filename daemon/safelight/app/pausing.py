"""Decides whether heavy work may be done: not while its person has paused it, nor while the machine needs its power.

Watching, taking in and remembering go on in any case; what waits is what costs: decoding, judging, learning. A pause
outlives a restart.
A machine that says no is asked again within seconds, then ever less often: others may need it for a moment only.
Invariant: `why` is cheap, because the machine is asked every half minute, and never twice within `SOON_S`.
"""

from collections.abc import Callable

from safelight.ports.memos import Memos

PAUSED = "Paused until you resume it."
_ASK_S = 30.0
SOON_S = 4.0  # after the first no; a little longer than domain.restraint is patient with others


class Pausing:
    """Whether heavy work may be done."""

    def __init__(
        self, *, memory: Memos, clock: Callable[[], float], machine: Callable[[], str], words: Callable[[float], str]
    ) -> None:
        """`machine` says why the machine should not be worked now (empty: it may), `words` says a moment."""
        self._memory = memory
        self._clock = clock
        self._machine = machine
        self._words = words
        self._until_s = _seconds(memory.get("paused_until_s"))
        self._asked_s = -_ASK_S
        self._again_s = _ASK_S  # how long after that it is asked again
        self._told = ""

    @property
    def until_s(self) -> float | None:
        """Until when the person has paused it: None not at all, 0 until resumed, else seconds since the epoch."""
        if self._until_s and self._until_s <= self._clock():
            self.set(None)
        return self._until_s

    @property
    def waits_for_machine(self) -> bool:
        """Tell whether nothing but the machine stands in the way."""
        return self.until_s is None and bool(self._told)

    def set(self, until_s: float | None) -> None:
        """Pause until a moment (0: until resumed), or resume (None)."""
        self._until_s = until_s
        self._memory.put("paused_until_s", None if until_s is None else repr(until_s))

    def why(self) -> str:
        """Return why heavy work has to wait, as one sentence; empty when it may be done."""
        if (until_s := self.until_s) is not None:
            return f"Paused until {self._words(until_s)}." if until_s else PAUSED
        now_s = self._clock()
        if not 0.0 <= now_s - self._asked_s < self._again_s:
            before, self._told = self._told, self._machine()
            later_s = min(_ASK_S, 2 * self._again_s) if before else SOON_S
            self._asked_s, self._again_s = now_s, later_s if self._told else _ASK_S
        return self._told

    def changes_s(self) -> float | None:
        """Return when `why` may say something else, by the clock; None: not by time alone."""
        if (until_s := self.until_s) is not None:
            return until_s or None
        return self._asked_s + self._again_s if self._told else None

    def ask_again(self) -> None:
        """Ask the machine anew the next time: the charger may have been plugged in."""
        self._asked_s = -_ASK_S


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
