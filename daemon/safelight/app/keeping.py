"""The conductor's thread from its first line to its last: claims the state folder, watches, works a shift, lets go.

What is needed to watch is loaded first; the daemon is ready then, and loads the rest.
Invariants: the folders are watched before anything is looked for in them, so that nothing falls between the two; the
catalog is opened and closed in this thread, which alone uses it.
"""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from safelight.app.board import Board
from safelight.app.clock import SystemClock
from safelight.app.configuration import Configuration
from safelight.app.eyes import Eyes
from safelight.app.letters import Letterbox
from safelight.app.roots import Roots
from safelight.app.settings import Settings
from safelight.app.state_lock import StateLock
from safelight.storage.store import open_store

if TYPE_CHECKING:
    from safelight.app.shift import Shift
    from safelight.app.surroundings import Surroundings

BUSY = "Another command of yours is at work; Safelight begins when it has ended."
LONGEST_S = 100.0  # between two signs of life of a thread that has nothing to do
_ASK_S = 1.0


@dataclass(frozen=True, slots=True)
class MainThread:
    """What the main thread has for this one."""

    box: Letterbox
    board: Board
    surroundings: Callable[[], "Surroundings"]
    beat: Callable[[], None]
    longest_s: float  # how often a sign of life is wanted, at least


class Keeping:
    """What the conductor's thread does; made in the main thread."""

    def __init__(self, *, settings: Settings, chosen: Configuration, main: MainThread) -> None:
        self._settings = settings
        self._chosen = chosen
        self._main = main
        self._shift: Shift | None = None
        self._stopped = threading.Event()

    def run(self, *, ready: Callable[[], None]) -> None:
        """Work until `stop`; `ready` is called once the folders are watched. Raises CannotStart."""
        lock = StateLock(self._settings.state)
        with ExitStack() as stack:
            stack.callback(lock.release)
            if not self._claimed(lock, ready):
                return
            eyes = Eyes(box=self._main.box, clock=SystemClock(), network_s=self._chosen.watch.network_seconds)
            stack.callback(eyes.close)
            self._watch(eyes)
            ready()
            if not self._stopped.is_set():
                self._work(eyes, lock, stack)

    def stop(self) -> None:
        """End soon; from any thread."""
        self._stopped.set()
        if self._shift is not None:
            self._shift.stop()

    def _claimed(self, lock: StateLock, ready: Callable[[], None]) -> bool:
        """Hold the state folder, once the command that has it ends; False when told to stop before."""
        while not lock.try_claim():
            self._main.board.say(state="leased", why=BUSY)
            self._main.beat()
            ready()  # nothing is wrong: a command that was begun before us may take an hour
            if self._stopped.wait(_ASK_S):
                return False
        return not self._stopped.is_set()

    def _watch(self, eyes: Eyes) -> None:
        """Watch what is known, before anything else is loaded."""
        store = open_store(self._settings.state)
        try:
            roots = Roots(memory=store.memos, clock=SystemClock().now, cards=tuple, importing=store.cards.any_imported)
            roots.configure(self._chosen)
            eyes.watch(roots.all(), known=store.catalog.folder_names)
        finally:
            store.close()

    def _work(self, eyes: Eyes, lock: StateLock, stack: ExitStack) -> None:
        from safelight.app import wiring
        from safelight.app.shift import Outside, Shift

        main = self._main
        parts = replace(stack.enter_context(wiring.helping(self._settings)), lock=lock.descriptor)
        outside = Outside(main.box, main.board, main.surroundings(), main.beat, eyes, main.longest_s)
        self._shift = Shift(parts=parts, lock=lock, chosen=self._chosen, outside=outside)
        stack.callback(self._shift.close)
        if not self._stopped.is_set():
            self._shift.work()
