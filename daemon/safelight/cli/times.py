"""Reads moments and spans of time as people give them on the command line."""

import re
from datetime import datetime, timedelta

import click

from safelight.app.clock import SystemClock

# The catalog keeps seconds as a number; this keeps it one that a date can be made of again.
_FIRST_S, _LAST_S = 0.0, 253_402_300_799.0  # 1970 to the end of the year 9999


class Moment(click.ParamType[float]):
    """A date, a date with a time (local unless it names a zone), or seconds since the epoch."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds since the epoch; fails in a sentence for what is no time."""
        text = str(value).strip()
        moment_s = _seconds(text)
        if moment_s is None or not _FIRST_S <= moment_s <= _LAST_S:
            self.fail(f"{text!r} is no time: give 2026-05-01, 2026-05-01T18:30 or seconds since 1970.", param, ctx)
        return moment_s


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


_SPAN = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)
_UNITS_S = (86_400, 3600, 60, 1)
_LONGEST_S = 366 * 86_400


class Duration(click.ParamType[float]):
    """A span of time: 30m, 1h, 1h30m, 2d; at most a year."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds; fails in a sentence for what is no span."""
        text = str(value).strip().lower()
        found = _SPAN.fullmatch(text)
        given = [int(each or 0) for each in found.groups()] if found else ()
        seconds = sum(number * unit_s for number, unit_s in zip(given, _UNITS_S, strict=False))
        if not 0 < seconds <= _LONGEST_S:
            self.fail(f"{text!r} is no span of time up to a year: give 30m, 1h, 1h30m or 2d.", param, ctx)
        return float(seconds)


class Until(click.ParamType[float]):
    """A moment to come: a time of day (the next one), `tomorrow` (its first minute), or what Moment takes."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds since the epoch; fails in a sentence for what is no time or has passed."""
        now_s = SystemClock().now()
        moment_s = coming(str(value).strip().lower(), now_s=now_s)
        if moment_s is None:
            moment_s = _seconds(str(value).strip())
        if moment_s is None or not _FIRST_S <= moment_s <= _LAST_S:
            self.fail(f"{str(value)!r} is no time: give 18:30, tomorrow, 2026-05-01 or 2026-05-01T18:30.", param, ctx)
        if moment_s <= now_s:
            self.fail(f"{str(value)!r} has passed already.", param, ctx)
        return moment_s


def coming(text: str, *, now_s: float) -> float | None:
    """Return when a time of day (18:30) comes next by the local clock, or tomorrow begins; None for another text."""
    now = datetime.fromtimestamp(now_s)  # noqa: DTZ006  # the clock on the wall is meant
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text == "tomorrow":
        return (midnight + timedelta(days=1)).timestamp()
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    if found is None:
        return None
    then = midnight.replace(hour=int(found[1]), minute=int(found[2]))
    return (then if then > now else then + timedelta(days=1)).timestamp()
