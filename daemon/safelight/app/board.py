"""Shows how the daemon stands: one status, put together from what the threads last said, read by everybody else.

Whoever knows something new says it here; whoever shows it (socket, tray, service manager) is told that it has changed
and reads it when it likes.
Invariant: a status that was handed out never changes.
"""

import threading
from collections.abc import Callable
from typing import Any

from safelight.control.messages import Doing, Status, Trouble

_WORST_FIRST = {"bad": 0, "note": 1}


class Board:
    """The one place where the status is kept; any thread may use it."""

    def __init__(self, *, first: Status, changed: Callable[[Status], None]) -> None:
        """`changed` is called with every new status, in the thread that changed it; it must return at once."""
        self._lock = threading.Lock()
        self._status = first
        self._doing: dict[str, Doing] = {}
        self._trouble: dict[str, Trouble] = {}
        self._changed = changed

    @property
    def status(self) -> Status:
        """Return the status as it is now."""
        return self._status

    def say(self, **fields: Any) -> None:
        """Replace fields of the status; saying what is there already tells nobody."""
        with self._lock:
            if all(getattr(self._status, name) == value for name, value in fields.items()):
                return
            self._status = self._status.model_copy(update=fields)
            status = self._status
        self._changed(status)

    def begin(self, what: str, done: int = 0, total: int = 0) -> None:
        """Show that something is being done, and how far it has come."""
        self._doing[what] = Doing(what=what, done=done, total=total)
        self.say(doing=tuple(self._doing.values()))

    def end(self, what: str) -> None:
        """Show that something is done."""
        if self._doing.pop(what, None) is not None:
            self.say(doing=tuple(self._doing.values()))

    def rest(self) -> None:
        """Show that nothing is being done."""
        self._doing.clear()
        self.say(doing=())

    def trouble(self, name: str, trouble: Trouble | None) -> bool:
        """Show something that a person should know of, or that it is over (None); tell whether that is new."""
        before = self._trouble.get(name)
        if trouble == before:
            return False
        if trouble is None:
            del self._trouble[name]
        else:
            self._trouble[name] = trouble
        worst_first = sorted(self._trouble.values(), key=lambda each: _WORST_FIRST[each.level])
        self.say(trouble=tuple(worst_first))
        return trouble is not None
