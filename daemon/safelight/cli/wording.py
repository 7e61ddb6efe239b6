"""Small words that every command uses the same way."""

from pathlib import Path


def counted(number: int, noun: str) -> str:
    """Return "1 frame", "2 frames", "1,200 frames"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(share: float) -> str:
    """Return a share 0-1 as "38 %"."""
    return f"{round(100 * share)} %"


def printable(what: Path | str) -> str:
    """Return a path or a text that is safe to print: control characters and bytes that are not UTF-8 are escaped.

    A file name may hold a terminal's control sequences; printed raw, it could rewrite what the person sees.
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(what))
