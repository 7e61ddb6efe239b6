"""Reads moments as people give them on the command line."""

from datetime import datetime

import click

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
