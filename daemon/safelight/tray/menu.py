"""Decides what the menu says and offers: a function of how the daemon stands, and of nothing else.

Nothing is remembered here, so that every state of the daemon can be tested as an example and a lost status costs
nothing. What is most likely wanted stands at the top: what goes on, what needs an answer, the newest shoots.
Invariant: every text of the daemon passes `wording`; every path and number of an act is as the daemon gave it.
"""

from collections.abc import Iterator

from safelight.control.messages import CardSeen, ShootDone, Status
from safelight.tray.entries import Act, Ask, Entry, Open, Pause, Plain, separator
from safelight.tray.state import state_lines
from safelight.tray.wording import NAME, count, lines, moment, one_line, progress, took

SHOOTS = 3  # in the menu itself; older ones below one entry
_HOMELESS = "Safelight is not running"


def menu(status: Status | None, *, now_s: float, note: str = "") -> tuple[Entry, ...]:
    """Return the menu for a status; None: no daemon answers.

    `now_s` is the time in seconds since the epoch, for "today"; `note` is what went wrong on the last click.
    """
    parts = [_told(note)]
    if status is None:
        parts += [(Entry("state", _HOMELESS), Entry("start", "Start Safelight", Plain.START))]
    else:
        parts += [_head(status, now_s), _cards(status), _shoots(status, now_s), _pause(status), _taste(status)]
    parts += [_end(status)]
    return _divided(parts)


def _divided(parts: list[tuple[Entry, ...]]) -> tuple[Entry, ...]:
    """Return the parts that are not empty, with a line between each two."""
    found: list[Entry] = []
    for part in filter(None, parts):
        if found:
            found.append(separator(f"above:{part[0].key}"))
        found.extend(part)
    return tuple(found)


def _told(note: str) -> tuple[Entry, ...]:
    return tuple(Entry(f"note:{row}", text, Plain.DISMISS) for row, text in enumerate(lines(note)))


def _head(status: Status, now_s: float) -> tuple[Entry, ...]:
    """What goes on, and the worst that is wrong."""
    said = [Entry(f"state:{row}", text) for row, text in enumerate(state_lines(status, now_s=now_s))]
    return (*said, *_trouble(status))


def _trouble(status: Status) -> Iterator[Entry]:
    if not status.trouble:
        return
    worst = status.trouble[0]
    told = lines(worst.told) or ("Something is wrong",)
    below = [*(told if len(told) > 1 else ()), *lines(worst.hint)]
    if others := len(status.trouble) - 1:
        below.append(f"{count(others, 'more finding')}: 'safelight doctor' lists all")
    children = tuple(Entry(f"trouble:{row}", text) for row, text in enumerate(below))
    yield Entry("trouble", f"⚠ {told[0]}{' …' if len(told) > 1 else ''}", children=children)


def _cards(status: Status) -> tuple[Entry, ...]:
    return tuple(_card(card) for card in status.cards)


def card_name(card: CardSeen) -> str:
    """Return what a card is called: its label, else the last part of where it is mounted."""
    return one_line(card.label, NAME) or one_line(card.root.rstrip("/").rpartition("/")[2], NAME) or "Card"


def _card_state(card: CardSeen) -> str:
    far = progress(card.done, card.total)
    if card.state == "reading":
        return f"looking at {far} frames" if far else "being looked at"
    if card.state == "copying":
        return f"copying {far}" if far else "copying"
    if card.state == "done":
        return "done, safe to remove" if card.safe_to_remove else "done"
    return {"asking": "what should be done?", "ignored": "ignored", "failed": "failed"}.get(card.state, "waiting")


def _card(card: CardSeen) -> Entry:
    key = f"card:{card.card}:{card.root}"
    told = tuple(Entry(f"{key}:told:{row}", text) for row, text in enumerate(lines(card.told)))
    asked = card.state == "asking" or card.policy == "ask"
    choices = tuple(
        Entry(
            f"{key}:{policy}",
            label,
            Ask("card", (("card", card.card), ("policy", policy)), failing="The choice for the card was not taken."),
            chosen=None if asked else card.policy == policy,
        )
        for policy, label in (("import", "Import and rate"), ("rate", "Only rate"), ("ignore", "Ignore"))
    )
    eject = Ask("eject", (("root", card.root),), failing="The card could not be ejected.")
    ends = (
        Entry(f"{key}:open", "Open", _open(card.root)),
        Entry(f"{key}:eject", "Eject", eject if card.safe_to_remove else None),
    )
    parts = (*told, *([separator(f"{key}:told")] if told else []), *choices, separator(f"{key}:ends"), *ends)
    return Entry(key, f"{card_name(card)}: {_card_state(card)}", children=parts)


def _shoots(status: Status, now_s: float) -> tuple[Entry, ...]:
    found = [_shoot(shoot, now_s) for shoot in status.shoots]
    older = tuple(found[SHOOTS:])
    return (*found[:SHOOTS], *([Entry("shoots", "Earlier shoots", children=older)] if older else []))


def _shoot(shoot: ShootDone, now_s: float) -> Entry:
    key = f"shoot:{shoot.run}:{shoot.folder}"
    said = (
        f"Rated {moment(shoot.at_s, now_s=now_s)}, in {took(shoot.seconds)}",
        f"{shoot.five:,} five-star, {shoot.low:,} one- or two-star, {count(shoot.bursts, 'burst')}",
        *([f"{count(shoot.withheld, 'frame')} left unrated on purpose, to measure"] if shoot.withheld else []),
    )
    again = Ask("rerate", (("folder", shoot.folder),), failing="The shoot was not rated again.")
    undo = Ask("undo", (("run", shoot.run),), failing="The ratings were not taken back.")
    usable = shoot.folder.startswith("/")
    children = (
        *(Entry(f"{key}:{row}", text) for row, text in enumerate(said)),
        separator(key),
        Entry(f"{key}:open", "Open folder", _open(shoot.folder)),
        Entry(f"{key}:again", "Rate again", again if usable else None),
        Entry(f"{key}:undo", "Ratings were taken back" if shoot.undone else "Undo", None if shoot.undone else undo),
    )
    name = one_line(shoot.name, NAME) or "Shoot"
    return Entry(
        key, f"{name} · {count(shoot.frames, 'frame')}{' · undone' if shoot.undone else ''}", children=children
    )


def _open(path: str) -> Act | None:
    return Open(path) if path.startswith("/") else None


def _pause(status: Status) -> tuple[Entry, ...]:
    if status.state == "stopping":
        return ()
    resume = Entry("resume", "Resume", Ask("resume", failing="Work was not taken up again."))
    ways = (
        Entry("pause:hour", "Pause for an hour", Pause.HOUR),
        Entry("pause:tomorrow", "Pause until tomorrow", Pause.TOMORROW),
    )
    return (resume, *ways) if status.paused_until_s is not None else ways


def _taste(status: Status) -> tuple[Entry, ...]:
    return tuple(Entry(f"taste:{row}", text) for row, text in enumerate(lines(status.taste)))


def _end(status: Status | None) -> tuple[Entry, ...]:
    leave = "Hide this icon" if status is None else "Quit Safelight"
    return Entry("settings", "Settings", Plain.SETTINGS), Entry("quit", leave, Plain.QUIT)
