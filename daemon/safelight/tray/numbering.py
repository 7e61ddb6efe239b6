"""Gives the entries of a menu the numbers by which a panel knows them, and says what has changed since the last menu.

A panel shows a menu for as long as it is open and sends back a number, when the menu may long be another. So a number
belongs to the key of an entry and is never given to another one: a click on what is gone does nothing, and a click on a
line that counts on while it is read does what the line said.
Invariant: within one run a number stands for one key; 0 is the menu itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from safelight.tray.entries import Act, Entry

ROOT = 0
Values = dict[str, str | bool | int]  # properties of one entry, as com.canonical.dbusmenu names them


@dataclass(frozen=True, slots=True)
class Row:
    """One entry with its number."""

    number: int
    values: Values
    act: Act | None
    children: tuple["Row", ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a panel has to be told: that the menu has another shape, or which entries say something else."""

    shape: bool
    values: tuple[tuple[int, Values], ...] = ()

    def __bool__(self) -> bool:
        return self.shape or bool(self.values)


class Numbering:
    """The menu as it stands, by numbers."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._given = ROOT
        self._rows: dict[int, Row] = {}
        self.root = Row(ROOT, {"children-display": "submenu"}, None, ())
        self._keep(self.root)

    def take(self, entries: Sequence[Entry]) -> Difference:
        """Take a menu as the one that stands now; return how it differs from the one before."""
        before, old = self._rows, self.root
        self.root = Row(ROOT, dict(old.values), None, tuple(self._row(entry) for entry in entries))
        self._rows = {}
        self._keep(self.root)
        known = {row.number for row in self._rows.values()}
        self._numbers = {key: number for key, number in self._numbers.items() if number in known}
        if _shape(self.root) != _shape(old):
            return Difference(shape=True)
        changed = ((number, row.values) for number, row in self._rows.items() if row.values != before[number].values)
        return Difference(shape=False, values=tuple(changed))

    def row(self, number: int) -> Row | None:
        """Return the entry of a number, None where no such entry stands any more."""
        return self._rows.get(number)

    def rows(self) -> Iterator[Row]:
        """Yield all entries, the menu itself first."""
        yield from self._rows.values()

    def _row(self, entry: Entry) -> Row:
        if entry.key not in self._numbers:
            self._given += 1
            self._numbers[entry.key] = self._given
        children = tuple(self._row(child) for child in entry.children)
        return Row(self._numbers[entry.key], _values(entry), entry.act, children)

    def _keep(self, row: Row) -> None:
        self._rows[row.number] = row
        for child in row.children:
            self._keep(child)


def _shape(row: Row) -> tuple[object, ...]:
    return (row.number, "children-display" in row.values, tuple(_shape(child) for child in row.children))


def _values(entry: Entry) -> Values:
    if entry.line:
        return {"type": "separator", "visible": True}
    # An underscore marks the letter to press; doubled it is an underscore.
    values: Values = {"label": entry.label.replace("_", "__"), "enabled": entry.enabled, "visible": True}
    if entry.children:
        values["children-display"] = "submenu"
    if entry.chosen is not None:
        values |= {"toggle-type": "radio", "toggle-state": int(entry.chosen)}
    return values
