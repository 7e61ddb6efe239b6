"""Reads DxO PhotoLab's NAME.EXT.dop: rating, and what a person has set beyond the preset.

The file is one table in the notation of Lua. PhotoLab writes it for every picture of a folder it has opened, with its
default preset as `Base`; what was changed by hand stands in `Overrides`. Virtual copies are further entries of
`Items`; the first is the picture itself, and the settings of all are one digest.
Invariant: pure; nothing is executed, depth and number of words are bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from safelight.errors import SidecarBusy
from safelight.ports import TraceKind
from safelight.sidecars.findings import CONFIDENCE_RATING, CONFIDENCE_UNSURE, Finding, digest, number, stars

PROGRAM = "dxo"
CONFIDENCE_OVERRIDES = 0.6

_WORD = re.compile(
    r"""\s+|--[^\n]*|(?P<sign>[{}=,;\[\]])|"(?P<text>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<word>[^\s{}=,;\[\]"']+)""",
    re.DOTALL,
)
_MOST_WORDS = 400_000
_MOST_DEPTH = 64
_SIGNS = frozenset("{}=,;[]")


@dataclass(slots=True)
class _Table:
    """A table that is open: its name in the one around it, and the place of the entry that comes next."""

    name: str
    place: int = 0


# A value of the table: its path of names, and its text.
Value = tuple[tuple[str, ...], str]


def findings(data: bytes) -> tuple[Finding, ...]:
    """Return what a .dop says; nothing for what is no such table. Raises SidecarBusy for one that breaks off."""
    text = data.decode("utf-8", "replace")
    if not text.strip():
        raise _breaks_off()
    values = [(path, value) for path, value in _values(text) if "Items" in path]
    ratings = [value for path, value in values if path[-1] == "Rating"]
    overrides = [("/".join(path), value) for path, value in values if "Overrides" in path]
    found = []
    if ratings and (rating := stars(number(ratings[0]))):
        found.append(Finding(PROGRAM, TraceKind.RATING, rating, CONFIDENCE_RATING))
    if overrides:
        found.append(Finding(PROGRAM, TraceKind.DEVELOP, digest(overrides), CONFIDENCE_OVERRIDES))
    elif settings := _old_settings(values):
        found.append(Finding(PROGRAM, TraceKind.DEVELOP, digest(settings), CONFIDENCE_UNSURE))
    return tuple(found)


def _old_settings(values: list[Value]) -> list[tuple[str, str]]:
    """Return the settings of a file that does not keep base and overrides apart, so that defaults are among them."""
    if any("Base" in path for path, _ in values):
        return []
    return [("/".join(path), value) for path, value in values if "Settings" in path and path[-1] != "Version"]


def _values(text: str) -> Iterator[Value]:
    """Yield every value of nested tables. Raises SidecarBusy where a brace stays open at the end."""
    tables: list[_Table] = []
    path: tuple[str, ...] = ()
    pending: list[str] = []  # a name, "=", a value, as far as they have been read
    for word, quoted in _words(text):
        if quoted or word not in _SIGNS:
            pending.append(word)
        elif word == "=":
            pending = [*pending[-1:], word]
        elif word == "{":
            place = tables[-1].place if tables else 0
            tables.append(_Table(pending[0] if "=" in pending else str(place)))
            path, pending = tuple(table.name for table in tables), []
        elif word in "},;":
            if pending:
                named = len(pending) == 3
                yield (*path, pending[0] if named else str(tables[-1].place if tables else 0)), pending[-1]
            pending = []
            path = _after(word, tables)
        if len(tables) > _MOST_DEPTH:
            return
    if tables:
        raise _breaks_off()


def _after(sign: str, tables: list[_Table]) -> tuple[str, ...]:
    """Close the innermost table, or go on to its next place; return the path from here on."""
    if tables and sign == "}":
        tables.pop()
    elif tables:
        tables[-1].place += 1
    return tuple(table.name for table in tables)


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Yield words and signs, and whether a word stood in quotes. Raises SidecarBusy where a quote stays open."""
    place = count = 0
    while place < len(text) and count < _MOST_WORDS:
        found = _WORD.match(text, place)
        if found is None:
            raise _breaks_off()
        place = found.end()
        quoted = found["text"] if found["text"] is not None else found["single"]
        if quoted is not None:
            yield quoted, True
        elif plain := found["sign"] or found["word"]:
            yield plain, False
        count += 1


def _breaks_off() -> SidecarBusy:
    return SidecarBusy("The settings are not whole.", hint="PhotoLab may be writing them; they are looked at again.")
