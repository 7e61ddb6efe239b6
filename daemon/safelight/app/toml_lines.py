"""Finds the line of every key in a TOML text, so that a message can say where the mistake is.

The standard library's reader gives values without places. This walks the same text and notes only where each key and
each element of an array begins. It is given nothing but text that tomllib has read, so it needs to follow the grammar
(TOML 1.0.0) only as far as to know what is a string, a comment, a bracket or a key.
Invariant: never raises for a text that tomllib reads, and every key path of the value read has a line.
"""

import re
import tomllib
from collections.abc import Mapping

Place = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_STRING = re.compile(r""""{3}(?:[^\\]|\\.)*?"{3,5}(?!")|'{3}.*?'{3,5}(?!')|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'""", re.DOTALL)
_PLAIN = re.compile(r"[^,\]}#\n]+")


def lines(text: str) -> Mapping[Place, int]:
    """Return the line (from 1) on which each key path begins; elements of arrays are counted from 0."""
    reader = _Reader(text)
    reader.document()
    return reader.found


class _Reader:
    """Walks one text from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counts: dict[Place, int] = {}  # tables of each array of tables so far
        self.found: dict[Place, int] = {}

    def document(self) -> None:
        """Walk the whole text."""
        table: Place = ()
        self._skip(_GAP)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                self._at += 2
                table = self._next_table(self._keys(()))
                self._at += 2
            elif self._text[self._at] == "[":
                self._at += 1
                table = self._keys(())
                self._at += 1
            else:
                self._pair(table)
            self._skip(_GAP)

    def _next_table(self, named: Place) -> Place:
        number = self._counts.get(named, 0)
        self._counts[named] = number + 1
        self._note((*named, number))
        return (*named, number)

    def _pair(self, table: Place) -> None:
        place = self._keys(table)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(place)

    def _keys(self, table: Place) -> Place:
        """Read a dotted key below a table up to what follows it, and note each of its parts."""
        place = table
        while True:
            self._skip(_SPACE)
            token = self._take(_KEY)
            name = tomllib.loads(f"{token} = 0").popitem()[0]
            place = (*place, name)
            if place in self._counts:  # a table below an array of tables belongs to the last of them
                place = (*place, self._counts[place] - 1) if self._dotted() else place
            self._note(place)
            self._skip(_SPACE)
            if not self._dotted():
                return place
            self._at += 1

    def _dotted(self) -> bool:
        self._skip(_SPACE)
        return self._text.startswith(".", self._at)

    def _value(self, place: Place) -> None:
        match self._text[self._at]:
            case "[":
                self._array(place)
            case "{":
                self._inline(place)
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_PLAIN)

    def _array(self, place: Place) -> None:
        self._at += 1
        number = 0
        self._skip(_GAP)
        while self._text[self._at] != "]":
            self._note((*place, number))
            self._value((*place, number))
            number += 1
            self._separated()
        self._at += 1

    def _inline(self, place: Place) -> None:
        self._at += 1
        self._skip(_GAP)
        while self._text[self._at] != "}":
            self._pair(place)
            self._separated()
        self._at += 1

    def _separated(self) -> None:
        self._skip(_GAP)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_GAP)

    def _note(self, place: Place) -> None:
        self.found.setdefault(place, self._text.count("\n", 0, self._at) + 1)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if found := pattern.match(self._text, self._at):
            self._at = found.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None, "the text was read by tomllib"
        self._at = found.end()
        return found.group()
