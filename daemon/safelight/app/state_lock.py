"""Holds the state folder for the daemon, and lends it to commands that write it in a process of their own.

Invariant: while the lock is lent, no process of the daemon holds it.
"""

from contextlib import ExitStack
from pathlib import Path

from safelight.errors import StateBusy
from safelight.storage import database


class StateLock:
    """The lock of one state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._held: ExitStack | None = None
        self.descriptor: int | None = None

    def claim(self) -> None:
        """Hold the folder. Raises StateError when another process does, or when it cannot be made."""
        stack = ExitStack()
        self.descriptor = stack.enter_context(database.writing(self._state))
        self._held = stack

    def try_claim(self) -> bool:
        """Hold the folder if nobody else does; tell whether it is held. Raises StateError when it cannot be used."""
        try:
            self.claim()
        except StateBusy:
            return False
        return True

    def release(self) -> None:
        """Let go of it."""
        held, self._held, self.descriptor = self._held, None, None
        if held is not None:
            held.close()
