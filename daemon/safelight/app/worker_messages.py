"""What the daemon asks of its worker, and what comes back.

Plain values, so that both sides and the tests know the same shapes; nothing here loads numpy or a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from safelight.domain.withholding import SHARE
from safelight.services.index import WORTH_INDEXING

if TYPE_CHECKING:  # the worker starts sooner without what it does not need for most of its work
    from safelight.app.learning_run import Imported
    from safelight.app.settings import Settings
    from safelight.control.messages import Answer
    from safelight.services.learn import Learned

WARM_UP = "warm_up"  # the one request without an answer

Told = tuple[Path, str]  # a file, and a sentence about it


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of looking at frames."""

    frames: int = 0  # of those asked for and parted, looked at and understood
    parted: tuple[int, ...] = ()  # frames that were found to be of their own, looked at as well
    unreadable: tuple[Told, ...] = ()
    quarantined: tuple[int, ...] = ()  # of the unreadable ones, those that brought the worker down


@dataclass(frozen=True, slots=True)
class Delivered:
    """How the frames that were asked for stand after a delivery; frames are counted once, whenever they were rated."""

    run: int  # what `undo` takes back; 0: nothing was asked for
    frames: int = 0  # that have stars of ours, written or on a card
    written: int = 0  # of them, sidecars written by this very delivery
    stars: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)  # frames with one star, two, ... five
    bursts: int = 0
    kept: int = 0  # rated by their person, which stands
    derived: int = 0  # exports of other frames
    withheld: int = 0  # left unrated on purpose; their stars are not among `stars`
    on_card: int = 0  # rated, and without a sidecar because they lie on a card
    waiting: int = 0  # not assessed yet
    unreadable: tuple[Told, ...] = ()
    failed: tuple[Told, ...] = ()  # rated, and the sidecar could not be written
    seconds: float = 0.0  # what this delivery took

    @property
    def five(self) -> int:
        """Return how many frames have five stars."""
        return self.stars[4]

    @property
    def low(self) -> int:
        """Return how many frames have one star or two."""
        return self.stars[0] + self.stars[1]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the worker may be silent, how often it may die, and how long it is kept without work; seconds."""

    start_s: float = 60.0  # until the first sign of life, more than between two: libraries and model are loaded
    silence_s: float = 120.0  # between two signs of life; a decoder that hangs is ended after two times 30 s
    per_frame_s: float = 0.05  # more, for what is done to many frames at once, up to ...
    long_s: float = 220.0  # ... so long, as for learning, answers, vectors; below the unit's WatchdogSec with `start_s`
    deaths: int = 3  # so many ...
    within_s: float = 600.0  # ... in so long: it is not started again ...
    pause_s: float = 600.0  # ... until so long after the last
    idle_s: float = 180.0
    farewell_s: float = 3.0  # to end what it is at when it is told to end


@dataclass(frozen=True, slots=True)
class Program:
    """How the worker program is set up; tests put other parts into it."""

    niceness: int = 5  # its decode workers get 10 more
    memory_bytes: int = 6 << 30  # of addresses
    encoder: str = ""  # "module:function", Settings -> Encoder; empty: the bundle in use
    answers: str = "safelight.cli.answers:answer"  # "module:function", (name, parts, arguments) -> Answer
    python_path: tuple[Path, ...] = ()  # where to find these, beside the program's own


@dataclass(frozen=True, slots=True)
class Start:
    """What the worker program is told first."""

    settings: Settings
    program: Program


class Worker(Protocol):
    """Does what needs the model, the decode workers or the vectors, in a process of its own.

    Every call waits for its end. What it was asked for is done, or raises: WorkerError when the worker could not do it
    (ask again later, nothing is lost), otherwise what the services raise. Not for use from two threads, but for `stop`.
    """

    @property
    def alive(self) -> bool:
        """Tell whether the worker runs now, idle or not."""
        ...

    @property
    def degraded(self) -> str:
        """Return why nothing is asked of the worker for now, as one sentence; empty when all is well."""
        ...

    def warm_up(self) -> None:
        """Start the worker and let it load what judging needs, without waiting for it."""
        ...

    def judge(self, ids: Sequence[int]) -> Judged:
        """Look at the pixels of frames; a slice, so that what is more urgent can come between."""
        ...

    def open_run(self, to: Sequence[Path]) -> int:
        """Make a run for deliveries, noted with the folders that it is about.

        Who makes it before the first delivery still knows it when that delivery is cut short after some of its writes.
        """
        ...

    def deliver(self, ids: Sequence[int], *, run: int | None, to: Sequence[Path], withhold: float = SHARE) -> Delivered:
        """Rank the assessed frames among these and write the sidecars of all that are ranked.

        `run`: the run that it belongs to, None for a new one; `to`: the folders that a new run is noted with;
        `withhold`: the share of bursts, 0-1, left unrated until their shoot has been quiet for a day.
        """
        ...

    def reveal(self, *, withhold: float = SHARE) -> Delivered:
        """Write the sidecars of what was withheld and is due."""
        ...

    def learn(self, *, force: bool = False) -> Learned:
        """Learn when it is worth it and the person rests, or with `force` whatever is new."""
        ...

    def learn_from(self, folder: Path) -> Imported:
        """Learn from what was rated, picked and edited in a folder before."""
        ...

    def index(self, *, at_least: int = WORTH_INDEXING) -> bool:
        """Bring some vectors up to date, if at least so many wait; tell whether there is more to do."""
        ...

    def look_again(self) -> bool:
        """Let the fetched bundle in use look at some photographs that it has not seen; tell whether there is more."""
        ...

    def answer(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Answer a command of a client."""
        ...

    def idle(self) -> bool:
        """End a worker that has had nothing to do for long; tell whether there is none (any more)."""
        ...

    def stop(self) -> None:
        """From any thread: let the call that waits end within seconds, and every later one raise."""
        ...

    def close(self) -> None:
        """End the worker; a later call starts a new one."""
        ...
