"""Decides what is said of the daemon in one line or a few, and how the lamp burns.

The lamp is lit while there is work, dim while there is none, and off while the person has paused it or no daemon runs;
a mark is laid over it where somebody has to do something, whatever it is doing.
Invariant: a function of the status; the same words stand in the menu and beside the icon.
"""

from dataclasses import dataclass
from enum import StrEnum

from safelight.control.messages import Status
from safelight.tray.wording import count, lines, moment, one_line, progress

DOINGS = 4  # lines about what is being done; two cards and their rating are three


class Lamp(StrEnum):
    """How the lamp burns; the value names its pictures."""

    LIT = "lit"
    DIM = "dim"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Light:
    """How the lamp burns, and whether it is marked."""

    lamp: Lamp
    marked: bool = False

    @property
    def name(self) -> str:
        """Return the name of its pictures."""
        return f"{self.lamp.value}-marked" if self.marked else self.lamp.value


def light(status: Status | None, *, note: str = "") -> Light:
    """Return how the lamp burns for a status (None: no daemon answers) and a note of what went wrong on a click."""
    if status is None:
        return Light(Lamp.OFF, marked=bool(note))
    return Light(_lamp(status), marked=bool(note) or needs_attention(status))


def _lamp(status: Status) -> Lamp:
    if status.state in ("paused", "stopping"):
        return Lamp.OFF
    return Lamp.LIT if status.doing or status.state in ("working", "leased") else Lamp.DIM


def needs_attention(status: Status) -> bool:
    """Return whether a person has to do something: a card asks, something is bad, or the daemon has given up on it."""
    return (
        status.state == "degraded"
        or any(card.state in ("asking", "failed") for card in status.cards)
        or any(found.level == "bad" for found in status.trouble)
    )


def state_lines(status: Status, *, now_s: float) -> tuple[str, ...]:
    """Return what the daemon does, in lines; never none. `now_s` in seconds since the epoch, for "until 14:05"."""
    doing = [_doing(what.what, what.done, what.total) for what in status.doing[:DOINGS]]
    why = () if status.state in ("idle", "working") else lines(status.why)
    said: list[str] = []
    if not doing or status.state in ("paused", "waiting", "degraded", "stopping"):
        headline = _headline(status, now_s=now_s)
        # "Paused until Sunday 06:00." says it already.
        said = [] if why and why[0].startswith(headline.split()[0]) else [headline]
    rest = [f"{count(status.waiting, 'frame')} to be rated"] if status.waiting else []
    return (*said, *why, *doing, *rest)


def _doing(what: str, done: int, total: int) -> str:
    far = progress(done, total)
    told = one_line(what) or "Working"
    return f"{told}: {far}" if far else told


def _headline(status: Status, *, now_s: float) -> str:
    if status.state == "paused":
        until = status.paused_until_s
        return f"Paused until {moment(until, now_s=now_s)}" if until else "Paused"
    if status.state == "idle":
        folders = sum(watched.state != "absent" for watched in status.watched)
        return f"Idle, watching {count(folders, 'folder')}" if status.watched else "Idle, no folder is watched yet"
    return _HEADLINES.get(status.state, "Safelight")


_HEADLINES = {
    "starting": "Starting",
    "working": "Working",
    "waiting": "Waiting",
    "leased": "Another Safelight command is at work",
    "degraded": "Not all is working",
    "stopping": "Stopping",
}


def tooltip(status: Status | None, *, now_s: float, note: str = "") -> str:
    """Return what is shown beside the icon under its title: a few lines of plain text."""
    said = [*lines(note)]
    if status is None:
        return "\n".join([*said, "Not running"])
    said += state_lines(status, now_s=now_s)
    if status.trouble:
        said += lines(status.trouble[0].told)
    return "\n".join(said)
