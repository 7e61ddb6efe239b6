"""Reads tables out of a FlatBuffers file, and refuses every offset that leaves it.

The format is a heap of offsets that a file may point anywhere, so each one is checked against the length of the file
before it is followed. A reader that knows the schema goes down a fixed number of levels and follows no cycle; what a
file can still do is repeat one vector in thousands of places, therefore vectors have a limit that the caller names.
Source of the layout: the FlatBuffers "internals" page (a table begins with the distance back to its vtable; the vtable
holds its own size, the table's size, then the place of each field in the table, 0 for a field that is left out).
Invariant: nothing outside the given bytes is read, and every refusal is a Malformed.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_FORMATS = {
    "bool": struct.Struct("<?"),
    "byte": struct.Struct("<b"),
    "ubyte": struct.Struct("<B"),
    "ushort": struct.Struct("<H"),
    "int": struct.Struct("<i"),
    "uint": struct.Struct("<I"),
}


class Malformed(ValueError):
    """The bytes are no such file."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table at `place` in `content`; fields are read by their number in the schema."""

    content: bytes
    place: int
    vtable: int
    vtable_bytes: int

    @classmethod
    def root(cls, content: bytes, identifier: bytes) -> "Table":
        """Return the file's root table. Raises Malformed when the file does not carry the four-byte `identifier`."""
        if content[4:8] != identifier:
            raise Malformed("it does not begin like one")
        return cls.at(content, _number(content, 0, "uint"))

    @classmethod
    def at(cls, content: bytes, place: int) -> "Table":
        """Return the table at `place`."""
        vtable = place - _number(content, place, "int")
        size = _number(content, vtable, "ushort")
        if size < 4 or vtable + size > len(content):
            raise Malformed("a table has no list of its fields")
        return cls(content, place, vtable, size)

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """Return a scalar field, `default` where it is left out."""
        place = self._field(field)
        return default if place is None else _number(self.content, place, kind)

    def table(self, field: int) -> "Table | None":
        """Return a field that is a table, None where it is left out."""
        place = self._follow(field)
        return None if place is None else Table.at(self.content, place)

    def tables(self, field: int, *, most: int) -> Iterator["Table"]:
        """Yield the tables of a vector of tables."""
        start, count = self._vector(field, 4, most)
        for place in range(start, start + 4 * count, 4):
            yield Table.at(self.content, place + _number(self.content, place, "uint"))

    def numbers(self, field: int, kind: str, *, most: int) -> tuple[int, ...]:
        """Return a vector of scalars, empty where it is left out."""
        form = _FORMATS[kind]
        start, count = self._vector(field, form.size, most)
        return tuple(value for (value,) in form.iter_unpack(self.content[start : start + form.size * count]))

    def data(self, field: int) -> memoryview:
        """Return a vector of bytes without copying it."""
        start, count = self._vector(field, 1, len(self.content))
        return memoryview(self.content)[start : start + count]

    def text(self, field: int, *, most: int = 4096) -> str:
        """Return a string; what is no UTF-8 in it is replaced."""
        start, count = self._vector(field, 1, most)
        return self.content[start : start + count].decode("utf-8", "replace")

    def _field(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self.vtable_bytes:
            return None
        offset = _number(self.content, self.vtable + entry, "ushort")
        return self.place + offset if offset else None

    def _follow(self, field: int) -> int | None:
        place = self._field(field)
        return None if place is None else place + _number(self.content, place, "uint")

    def _vector(self, field: int, size: int, most: int) -> tuple[int, int]:
        """Return where the entries of a vector begin and how many there are."""
        place = self._follow(field)
        if place is None:
            return 0, 0
        count = _number(self.content, place, "uint")
        if count > most or place + 4 + size * count > len(self.content):
            raise Malformed(f"a list has {count} entries, which is too many")
        return place + 4, count


def _number(content: bytes, place: int, kind: str) -> int:
    form = _FORMATS[kind]
    if not 0 <= place <= len(content) - form.size:  # a negative place would count from the end
        raise Malformed("it is cut short or points outside of itself")
    return int(form.unpack_from(content, place)[0])
