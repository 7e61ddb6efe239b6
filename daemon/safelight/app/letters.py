"""What the conductor is told by the other threads: one small value a message, and the box that they are put into.

All that changes the catalog is done by one thread, the conductor's; whoever notices something (the watcher, the socket,
a timer, a card that is being copied) only leaves word of it here and goes on at once.
Invariant: letters are read in the order in which they were put in, each once; hints of watchers come after them.
"""

import queue
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from safelight.control.messages import Answer
from safelight.domain.cards import Card
from safelight.ports.watching import Missed, Noticed
from safelight.watching.inbox import Inbox

_AT_ONCE = 5000  # letters read before something else is done: a storm must not keep answers waiting


class Bell(StrEnum):
    """What time has come for."""

    RESCAN = "rescan"
    HOURLY = "hourly"  # confirm losses whose undo window has passed, show what was held back
    NIGHTLY = "nightly"  # learn from everything
    DESKTOP = "desktop"  # it is known by now whether there is one
    RESUMED = "resumed"  # the machine has slept
    POWER = "power"  # whether heavy work is allowed may have changed


@dataclass(frozen=True, slots=True)
class Asked:
    """A client asks for something; the answer goes into `answer`, an error as well."""

    command: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    answer: "Future[Answer]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class LeaseBegins:
    """A client wants to write the state folder itself; `free` is done when it may."""

    free: "Future[None]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class LeaseEnds:
    """Nobody else writes the state folder any more."""


@dataclass(frozen=True, slots=True)
class CardsChanged:
    """Cards were plugged in; volumes of any sort were unmounted, by their mount points."""

    appeared: tuple[Card, ...] = ()
    gone: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """How far copying from a card has come, in files."""

    card: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Copied:
    """Frames were copied from a card and verified: their files are complete."""

    card: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class CopyEnded:
    """Copying from a card has ended, well or not; `outcome` is what the import says of it."""

    card: str
    outcome: object
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a notification was pressed."""

    notice: str
    button: str


@dataclass(frozen=True, slots=True)
class Unshown:
    """A question could not be shown to anybody."""

    notice: str


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """The settings were read again."""

    configuration: object


Letter = (
    Noticed
    | Missed
    | Bell
    | Asked
    | LeaseBegins
    | LeaseEnds
    | CardsChanged
    | CopyProgress
    | Copied
    | CopyEnded
    | Pressed
    | Unshown
    | Reconfigured
)


class Letterbox:
    """Where letters wait; any thread may put one in, one thread takes them."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Letter | None] = queue.SimpleQueue()
        self.hints = Inbox(wake=self.wake)  # what watchers say, in bounded room

    def put(self, letter: Letter) -> None:
        """Leave a letter."""
        self._queue.put(letter)

    def wake(self) -> None:
        """Let whoever waits look around."""
        self._queue.put(None)

    def take(self, timeout_s: float | None) -> list[Letter]:
        """Return what has come, at once if anything has, else after at most `timeout_s` (None: without end)."""
        letters: list[Letter] = []
        try:
            first = (
                self._queue.get(timeout=timeout_s) if timeout_s is None or timeout_s > 0 else self._queue.get_nowait()
            )
            letters += [first] if first is not None else []
            while len(letters) < _AT_ONCE:
                letter = self._queue.get_nowait()
                letters += [letter] if letter is not None else []
        except queue.Empty:
            pass
        noticed, missed = self.hints.take()
        return [*letters, *noticed, *missed]
