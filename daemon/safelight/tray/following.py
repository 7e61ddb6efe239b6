"""Follows the daemon: hears how it stands whenever that changes, and finds it again when it has gone and come back.

A thread of its own waits on the socket. Where no daemon is, the folder of the socket is watched, so that a daemon is
found in the moment it starts and nothing runs until then; looking now and then, ever more seldom, is for a folder that
cannot be watched.
Invariant: `tell` is called from one thread only, and a daemon that ended is told of as None.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from safelight.control.messages import Status
from safelight.errors import SafelightError

PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # between two tries


class Conversation(Protocol):
    """What is used of control.client.Client."""

    def watch(self) -> Iterator[Status]:
        """Yield how the daemon stands, until it ends."""
        ...

    def close(self) -> None:
        """End it; may be called from any thread."""
        ...


class Waiting(Protocol):
    """What is used of Arrivals."""

    def wait(self, seconds: float) -> bool:
        """Return True as soon as a daemon may have come."""
        ...

    def close(self) -> None:
        """Let `wait` return from now on."""
        ...


class Following:
    """The thread that listens to the daemon."""

    def __init__(
        self,
        *,
        connect: Callable[[], Conversation | None],
        tell: Callable[[Status | None, str], None],
        arrivals: Waiting,
    ) -> None:
        """Prepare; `tell` is called with a status, or with None and, where it is known, why no daemon answers.

        `connect` returns None where no daemon is and may raise a SafelightError.
        """
        self._connect = connect
        self._tell = tell
        self._arrivals = arrivals
        self._ended = threading.Event()
        self._spoken: Conversation | None = None
        self._thread = threading.Thread(target=self._follow, name="follows the daemon", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening; `tell` is not called any more once this has returned."""
        self._ended.set()
        self._arrivals.close()
        if (spoken := self._spoken) is not None:
            spoken.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5.0)

    def _follow(self) -> None:
        tries = 0
        while not self._ended.is_set():
            tries = 0 if self._listen() else tries
            came = self._arrivals.wait(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries = 0 if came else tries + 1

    def _listen(self) -> bool:
        """Speak with the daemon until it ends; return whether there was one, and tell that there is none any more."""
        heard, why = False, ""
        try:
            self._spoken = self._connect()
            for status in self._spoken.watch() if self._spoken is not None else ():
                heard = True
                if self._ended.is_set():
                    break
                self._tell(status, "")
        except SafelightError as error:
            why = error.told
        finally:
            if self._spoken is not None:
                self._spoken.close()
                self._spoken = None
        if not self._ended.is_set():
            self._tell(None, why)
        return heard
