"""Decides whether heavy work may be done: not while its person has paused it, nor while the machine needs its power.

Watching, taking in and remembering go on in any case; what waits is what costs: decoding, judging, learning. A pause
outlives a restart.
Invariant: `why` is cheap; the machine is asked at most every half minute.
"""

from collections.abc import Callable
from typing import Protocol

PAUSED = "Paused until you resume it."
_ASK_S = 30.0


class Memory(Protocol):
    """Where a pause is kept over a restart."""

    def get(self, name: str) -> str | None:
        """Return a memo, None when there is none of this name."""
        ...

    def put(self, name: str, value: str | None) -> None:
        """Remember a memo, or forget it (None)."""
        ...


class Pausing:
    """Whether heavy work may be done."""

    def __init__(
        self, *, memory: Memory, clock: Callable[[], float], machine: Callable[[], str], words: Callable[[float], str]
    ) -> None:
        """`machine` says why the machine should not be worked now (empty: it may), `words` says a moment."""
        self._memory = memory
        self._clock = clock
        self._machine = machine
        self._words = words
        self._until_s = _seconds(memory.get("paused_until_s"))
        self._asked_s = -_ASK_S
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
        if not 0.0 <= now_s - self._asked_s < _ASK_S:
            self._asked_s, self._told = now_s, self._machine()
        return self._told

    def ask_again(self) -> None:
        """Ask the machine anew the next time: the charger may have been plugged in."""
        self._asked_s = -_ASK_S


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
