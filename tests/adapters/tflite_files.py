"""Writes TensorFlow Lite files by hand, byte by byte, for the tests of their reader."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FORMATS = {"byte": "<b", "ubyte": "<B", "bool": "<?", "ushort": "<H", "int": "<i", "uint": "<I"}
DTYPES = {"<f4": 0, "<f2": 1, "<i4": 2, "|u1": 3, "<i8": 4}


@dataclass(frozen=True)
class Scalar:
    kind: str
    value: int


@dataclass(frozen=True)
class Vector:
    """Raw entries, or the text of a string."""

    content: bytes
    count: int


@dataclass(frozen=True)
class Tables:
    entries: Sequence["Node"]


@dataclass(frozen=True)
class Node:
    fields: Mapping[int, "Scalar | Vector | Tables | Node"] = field(default_factory=dict)


def ints(*values: int) -> Vector:
    return Vector(struct.pack(f"<{len(values)}i", *values), len(values))


def raw(content: bytes) -> Vector:
    return Vector(content, len(content))


def file_of(root: Node, identifier: bytes = b"TFL3") -> bytes:
    """Lay a tree of tables out: every table behind its own list of fields, what it points to behind it."""
    out = bytearray(struct.pack("<I", 0) + identifier)
    struct.pack_into("<I", out, 0, _node(out, root))
    return bytes(out)


def _aligned(out: bytearray) -> None:
    out += b"\0" * (-len(out) % 4)


def _node(out: bytearray, node: Node) -> int:
    _aligned(out)
    count = max(node.fields, default=-1) + 1
    vtable = len(out)
    places = {number: 4 + 4 * at for at, number in enumerate(sorted(node.fields))}
    size = 4 + 4 * len(places)
    out += struct.pack("<HH", 4 + 2 * count, size)
    out += b"".join(struct.pack("<H", places.get(number, 0)) for number in range(count))
    _aligned(out)
    start = len(out)
    out += struct.pack("<i", start - vtable) + b"\0" * (size - 4)
    for number, value in node.fields.items():
        place = start + places[number]
        if isinstance(value, Scalar):
            struct.pack_into(FORMATS[value.kind], out, place, value.value)
        else:
            struct.pack_into("<I", out, place, _pointed(out, value) - place)
    return start


def _pointed(out: bytearray, value: Vector | Tables | Node) -> int:
    if isinstance(value, Node):
        return _node(out, value)
    _aligned(out)
    start = len(out)
    if isinstance(value, Vector):
        out += struct.pack("<I", value.count) + value.content + b"\0"
        return start
    out += struct.pack("<I", len(value.entries)) + b"\0" * (4 * len(value.entries))
    for at, entry in enumerate(value.entries):
        place = start + 4 + 4 * at
        struct.pack_into("<I", out, place, _node(out, entry) - place)
    return start


class Writer:
    """Gathers tensors and operations; `content` is the file."""

    def __init__(self) -> None:
        self.tensors: list[Node] = []
        self.buffers: list[Node] = [Node()]  # the first is empty by convention
        self.operators: list[Node] = []
        self.codes: list[Node] = []

    def tensor(self, name: str, shape: Sequence[int], *, dtype: str = "<f4", more: Mapping[int, Node] = {}) -> int:
        fields = {0: ints(*shape), 1: Scalar("byte", DTYPES[dtype]), 2: Scalar("uint", 0), 3: raw(name.encode())}
        self.tensors.append(Node({**fields, **more}))
        return len(self.tensors) - 1

    def constant(
        self, values: NDArray[np.generic], *, shape: Sequence[int] | None = None, more: Mapping[int, Node] = {}
    ) -> int:
        self.buffers.append(Node({0: raw(values.tobytes())}))
        number = self.tensor(f"c{len(self.buffers)}", shape or values.shape, dtype=values.dtype.str, more=more)
        fields = self.tensors[number].fields
        self.tensors[number] = Node({**fields, 2: Scalar("uint", len(self.buffers) - 1)})
        return number

    def operation(self, code: int, inputs: Sequence[int], output: int, options: Node | None = None) -> int:
        self.codes.append(Node({0: Scalar("byte", min(code, 127)), 3: Scalar("int", code)}))
        fields: dict[int, Scalar | Vector | Tables | Node] = {
            0: Scalar("uint", len(self.codes) - 1),
            1: ints(*inputs),
            2: ints(output),
        }
        self.operators.append(Node(fields | ({4: options} if options else {})))
        return output

    def content(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        graph = Node(
            {0: Tables(self.tensors), 1: ints(*inputs), 2: ints(*outputs), 3: Tables(self.operators), 4: raw(b"main")}
        )
        model = {0: Scalar("uint", 3), 1: Tables(self.codes), 2: Tables([graph]), 4: Tables(self.buffers)}
        return file_of(Node(model))
