"""Decides how names, numbers and times are written where there is little room: in menus and beside the icon.

A folder's name is whatever bytes somebody gave it. What cannot be shown, or would turn the line around it over (control
characters, marks of writing direction, bytes that are no UTF-8), is shown as a sign for it: a message bus refuses text
that is no UTF-8, and ends the connection of whoever sends some.
Invariant: what is returned is one line of printable text that encodes as UTF-8, no longer than was asked for.
"""

import textwrap
import time

NAME = 40  # characters of a name in a line that says more than the name
LINE = 56  # characters of a line; wider menus leave a small screen
_JOINERS = "\u200c\u200d"  # hold letters and emoji together; harmless
_UNKNOWN = "\ufffd"


def one_line(text: str, limit: int = LINE) -> str:
    """Return a text as one printable line of at most `limit` characters, cut in its middle."""
    shown = "".join(_shown(sign) for sign in text)
    shown = " ".join(shown.split())
    if len(shown) <= limit:
        return shown
    head = (limit - 1) // 2
    return f"{shown[:head].rstrip()}…{shown[len(shown) - (limit - 1 - head) :].lstrip()}"


def _shown(sign: str) -> str:
    if sign.isprintable() or sign in _JOINERS:
        return sign
    return " " if sign.isspace() else _UNKNOWN


def lines(text: str, limit: int = LINE) -> tuple[str, ...]:
    """Return a text as lines of at most `limit` characters, broken between words."""
    return tuple(textwrap.wrap(one_line(text, limit=2000), limit))


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: "1 frame", "1,204 frames"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def progress(done: int, total: int) -> str:
    """Return how far something has come; nothing where that is not known."""
    if total > 0:
        return f"{min(done, total):,} of {total:,}"
    return f"{done:,}" if done > 0 else ""


def moment(at_s: float, *, now_s: float) -> str:
    """Return a moment in local time: "14:05" today, else "Sat 06:00" within six days, else "22 Nov 06:00".

    Both in seconds since the epoch; a moment that the calendar does not have is "?".
    """
    try:
        then, today = time.localtime(at_s), time.localtime(now_s)
    except (OverflowError, ValueError, OSError):
        return "?"
    clock = time.strftime("%H:%M", then)
    if then[:3] == today[:3]:
        return clock
    # English whatever the locale, as all else here.
    if abs(at_s - now_s) < 6 * 86400:
        return f"{_DAYS[then.tm_wday]} {clock}"
    return f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]} {clock}"


def took(seconds: float) -> str:
    """Return a duration: "40 s", "3 min", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
