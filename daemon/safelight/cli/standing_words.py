"""Says in words how the daemon stands; the same for `status` and `status --watch`.

Pure: a status in, lines out, names made safe to print.
"""

import time
from collections.abc import Iterator

from safelight.cli.wording import counted, printable
from safelight.control.messages import CardSeen, Doing, ShootDone, Status, Watched

_STATES = {
    "starting": "is starting",
    "idle": "is watching; there is nothing to do",
    "working": "is at work",
    "paused": "is paused",
    "waiting": "is watching and lets work wait",
    "leased": "waits for another command to end",
    "degraded": "is watching, but can rate nothing at the moment",
    "stopping": "is stopping",
}
_GATHERING = "is watching and waits for the rest of a shoot"  # frames wait, and nothing but time is missing
_WATCHED = {
    "watched": "",
    "scanned": "looked at now and then, as its file system does not tell of changes",
    "absent": "not there at the moment",
    "trouble": "not watched as it should be",
}
_CARDS = {
    "waiting": "waits",
    "asking": "waits for your answer",
    "reading": "is being looked at",
    "copying": "is being copied",
    "done": "is done",
    "ignored": "is ignored",
    "failed": "could not be done",
}


def headline(status: Status) -> str:
    """Return what the daemon is doing in one line."""
    state = _GATHERING if status.state == "idle" and status.waiting else _STATES[status.state]
    parts = [f"Safelight {state}{_until(status)}"]
    parts += [_doing(each) for each in status.doing]
    if status.waiting:
        parts.append(f"{counted(status.waiting, 'frame')} waiting")
    return f"{parts[0]}{': ' if parts[1:] else ''}{', '.join(parts[1:])}.{_why(status)}"


def paragraphs(status: Status) -> list[str]:
    """Return all that the daemon says of itself, a line each."""
    return [
        headline(status),
        *_listed("Watched:", map(_watched, status.watched)),
        *_listed("Cards:", map(_card, status.cards)),
        *_listed("Last shoots:", map(_shoot, status.shoots)),
        *([printable(status.taste)] if status.taste else []),
        *(printable(f"{each.told} {each.hint}".strip()) for each in status.trouble),
    ]


def _why(status: Status) -> str:
    if not status.why or (status.state == "paused" and status.paused_until_s is not None):  # it is said already
        return ""
    return f" {printable(status.why)}"


def _until(status: Status) -> str:
    if status.state != "paused" or status.paused_until_s is None:
        return ""
    if not status.paused_until_s:
        return " until 'safelight resume'"
    return time.strftime(" until %Y-%m-%d %H:%M", time.localtime(status.paused_until_s))


def _doing(doing: Doing) -> str:
    if not doing.total:
        return printable(doing.what) + (f" {doing.done:,}" if doing.done else "")
    return f"{printable(doing.what)} {doing.done:,} of {doing.total:,}"


def _listed(heading: str, lines: Iterator[str]) -> list[str]:
    found = [f"  {line}" for line in lines]
    return [heading, *found] if found else []


def _watched(watched: Watched) -> str:
    told = printable(watched.told) or _WATCHED[watched.state]
    size = f" ({counted(watched.directories, 'folder')})"
    return f"{printable(watched.folder)}{size if watched.directories else ''}{f': {told}' if told else ''}"


def _card(card: CardSeen) -> str:
    far = f", {card.done:,} of {card.total:,}" if card.total and card.state in ("reading", "copying") else ""
    safe = "" if card.safe_to_remove else "; do not remove it"
    told = f". {printable(card.told)}" if card.told else ""
    return f"{printable(card.label or card.card)} {_CARDS[card.state]}{far}{safe}{told}"


def _shoot(shoot: ShootDone) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(shoot.at_s))
    told = f"{when}  {printable(shoot.name)}: {counted(shoot.frames, 'frame')}, {shoot.five:,} five-star,"
    told += f" {shoot.low:,} one- or two-star, {counted(shoot.bursts, 'burst')}"
    return told + (" (taken back)" if shoot.undone else f" (run {shoot.run})")
