"""What a menu is made of, and what a click on it means: plain values that every kind of tray can show.

The menu is described whole and anew for every status, never changed in place; what is shown differs from it by nothing
but the form. An entry is known by its key, which stays the same while its label counts on, so that a click on a menu
that was opened a moment ago still means what the person read.
Invariant: keys are unique in a menu; an entry that means nothing to click on has neither an act nor children.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


@dataclass(frozen=True, slots=True)
class Ask:
    """A command for the daemon; `failing` is what is said in front of the reason where it fails."""

    command: str
    arguments: tuple[tuple[str, str | int], ...] = ()
    failing: str = "That could not be done."


class Pause(StrEnum):
    """A command for the daemon whose argument is known only when it is clicked."""

    HOUR = "hour"
    TOMORROW = "tomorrow"


@dataclass(frozen=True, slots=True)
class Open:
    """A folder or file for the program that the desktop opens such things with; a path as `os.fsdecode` gives it."""

    path: str


class Plain(Enum):
    """What needs no further word."""

    SETTINGS = "open the file of settings"
    START = "start the daemon"
    DISMISS = "take the note away"
    QUIT = "end the daemon and the tray"


Act = Ask | Pause | Open | Plain


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a menu: with an act, with entries below it, or only to be read."""

    key: str
    label: str = ""
    act: Act | None = None
    children: tuple["Entry", ...] = ()
    chosen: bool | None = None  # one of several, of which one is chosen; None: no choice
    line: bool = False  # a separator

    @property
    def enabled(self) -> bool:
        """Return whether it can be clicked or opened."""
        return self.act is not None or bool(self.children)


def separator(key: str) -> Entry:
    """Return a line between entries."""
    return Entry(key=f"line:{key}", line=True)
