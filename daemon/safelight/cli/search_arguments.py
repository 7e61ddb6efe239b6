"""Reads what a search may be asked for: days by the camera's clock, and ranges of stars."""

import re
from datetime import UTC, datetime, timedelta

import click

from safelight.domain.wanted import MOST_STARS, Stars

_PERIOD = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_NUMBERS = "012345"
_RANGE = re.compile(r"(?P<least>[0-5])?(?P<sign>\.\.|-)(?P<most>[0-5])?", re.ASCII)


class CameraTime(click.ParamType[float]):
    """A year, a month, a day, or a day with a time, by the camera's own clock."""

    name = "date"

    def __init__(self, *, end: bool) -> None:
        """`end`: the first moment after it is meant, so that a day that is named last is a part of it."""
        self._end = end

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the camera's wall clock as seconds, as CaptureFacts has it; fails in a sentence for what is none."""
        text = str(value).strip()
        span = _period(text) or _moment(text)
        if span is None:
            self.fail(f"{text!r} is no date: give 2026, 2026-05, 2026-05-01 or 2026-05-01T18:30.", param, ctx)
        return span[1] if self._end else span[0]


class StarRange(click.ParamType[Stars]):
    """So many stars (5), at least so many (4..), at most so many (..2), or from one number to another (3-5)."""

    name = "stars"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Stars:
        """Return the range; fails in a sentence for what is none."""
        found = value if isinstance(value, Stars) else _range(str(value).strip())
        if found is None:
            self.fail(f"{str(value)!r} is no number of stars: give 5, 4.., ..2 or 3-5 (0: without stars).", param, ctx)
        return found


def _range(text: str) -> Stars | None:
    if len(text) == 1 and text in _NUMBERS:
        return Stars(int(text), int(text))
    found = _RANGE.fullmatch(text)
    if found is None or not (found["least"] or found["most"]):
        return None
    if found["sign"] == "-" and not (found["least"] and found["most"]):
        return None
    # Stars are asked for: what has none is meant only where 0 is said.
    stars = Stars(int(found["least"] or 1), int(found["most"] or MOST_STARS))
    return stars if stars.least <= stars.most else None


def _period(text: str) -> tuple[float, float] | None:
    """Return first moment and end of a year, a month or a day."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(each) if each else None for each in found.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
        if month is None:
            end = start.replace(year=start.year + 1)
        elif day is None:
            end = (start + timedelta(days=32)).replace(day=1)
        else:
            end = start + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return start.timestamp(), end.timestamp()


def _moment(text: str) -> tuple[float, float] | None:
    """Return a moment twice; a zone means nothing to a camera's clock."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    seconds = moment.replace(tzinfo=UTC).timestamp()
    return (seconds, seconds) if moment.tzinfo is None else None
