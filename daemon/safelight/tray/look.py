"""Puts together all that a tray shows for one status, so that every kind of tray shows the same.

Invariant: a function of what it is given; two equal looks are shown alike and need not be shown twice.
"""

from dataclasses import dataclass

from safelight.control.messages import Status
from safelight.tray.entries import Entry
from safelight.tray.menu import menu
from safelight.tray.state import Light, light, tooltip

TITLE = "Safelight"


@dataclass(frozen=True, slots=True)
class Look:
    """The lamp, what is said beside it, and the menu."""

    light: Light
    said: str  # lines of plain text
    entries: tuple[Entry, ...]


def look(status: Status | None, *, now_s: float, note: str = "") -> Look:
    """Return what is shown for a status (None: no daemon answers), the time in seconds since the epoch, and a note."""
    return Look(
        light=light(status, note=note),
        said=tooltip(status, now_s=now_s, note=note),
        entries=menu(status, now_s=now_s, note=note),
    )
