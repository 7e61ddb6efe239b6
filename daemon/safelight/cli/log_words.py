"""Says in plain words what entries of the journal tell: what `log` shows to a person.

`journal` prints the same entries as they were written down. Kinds that tell a person nothing (which frames are one
group) have no words here and are left out.
Invariant: every sentence is made of what its entry says, and of nothing else.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safelight.cli.wording import counted, printable
from safelight.domain.entries import Entry, Kind

_Told = Mapping[str, Any]


def line(entry: Entry, name: str) -> str | None:
    """Return one entry as a line, with the name of its file where it is about one; None for what says nothing."""
    words = _WORDS.get(Kind(entry.kind)) if entry.kind in set(Kind) else None
    if words is None:
        return None
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.at_s))
    return printable(f"{when}  {name + '  ' if name else ''}{words(entry.payload)}")


def _stars(number: object) -> str:
    return "no stars" if not isinstance(number, int) or number < 1 else counted(number, "star")


def _rated(told: _Told) -> str:
    return (
        "looked at and not rated: only its past counts"
        if told.get("stars") is None
        else f"is worth {_stars(told['stars'])}"
    )


def _by_you(told: _Told) -> str:
    rating, program = told.get("rating"), told.get("program")
    given = "rejected it" if rating == -1 else f"gave it {_stars(rating)}" if rating else "took its rating away"
    return f"you {given}{f' in {program}' if program not in (None, 'file', 'xmp') else ''}"


def _flagged(told: _Told) -> str:
    return {1: "you picked it", -1: "you rejected it"}.get(told.get("flag", 0), "you took its flag back")


def _lost(told: _Told) -> str:
    ignored = f" {told['ignored']}" if told.get("ignored") else ""
    return f"is gone. {told.get('reason', '')}{ignored}".strip()


def _named(told: _Told) -> str:
    return Path(str(told.get("path", ""))).name


_WORDS: Mapping[Kind, Callable[[_Told], str]] = {
    Kind.FRAME_ARRIVED: lambda _: "arrived",
    Kind.FRAME_IMPORTED: lambda told: f"was copied from a card to {told.get('path')}",
    Kind.FRAME_CHANGED: lambda _: "was written again, and is looked at again",
    Kind.FRAME_RATED: _rated,
    Kind.RATING_PUBLISHED: lambda told: f"{_stars(told.get('stars'))} written",
    Kind.RATING_UNDONE: lambda _: "stars taken back",
    Kind.FRAME_LOST: _lost,
    Kind.LOSS_CONFIRMED: lambda _: "is still gone, and counts as deleted",
    Kind.FRAME_RETURNED: lambda told: str(told.get("reason") or "is back"),
    Kind.FRAME_MOVED: lambda told: f"is at {told.get('path')} now",
    Kind.FRAME_DEVELOPED: lambda told: f"edited in {told.get('program')}",
    Kind.FRAME_EXPORTED: lambda told: f"exported as {_named(told)}",
    Kind.PERSON_RATED: _by_you,
    Kind.PERSON_FLAGGED: _flagged,
    Kind.PERSON_LABELLED: lambda told: (
        f"you labelled it {told.get('label')}" if told.get("label") else "you took its label back"
    ),
    Kind.ACTION_VETOED: lambda told: f"you took action {told.get('action')} out of what is learned from",
    Kind.TASTE_LEARNED: lambda told: (
        f"learned your taste from {counted(int(told.get('comparisons', 0)), 'comparison')}"
    ),
    Kind.TASTE_ROLLED_BACK: lambda told: f"your taste went back to version {told.get('to')}",
    Kind.EVIDENCE_FORGOTTEN: lambda told: f"{counted(int(told.get('frames', 0)), 'frame')} forgotten",
}
