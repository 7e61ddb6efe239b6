"""Reads a TensorFlow Lite model into plain values, without TensorFlow: its tensors, its constants and its operations.

Only what a converter needs is read. Weights that are stored sparse are filled up here, so that what comes out is an
ordinary network. Such a file may come from anywhere, so counts and sizes have limits far above those of a face model
and far below what would hurt; every index is checked here, once.
Source of the field numbers: tensorflow/lite/schema/schema.fbs, version 3.
Invariant: in a Network every operation names tensors that exist, and every constant has the shape its tensor declares.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from safelight.models.build.flatbuffer import Malformed, Table

IDENTIFIER = b"TFL3"
MAX_BYTES = 64 * 1024**2
_MOST_PARTS = 8192  # tensors, operations, buffers: the largest face model has 723 tensors
_MOST_ENDS = 64  # inputs or outputs of one operation
_MOST_AXES = 6
_MOST_NUMBERS = 2**25  # in all constants together: 128 MiB as float32
_MOST_SEGMENTS = 2**22

TYPES: Mapping[int, np.dtype[np.generic]] = {
    0: np.dtype("<f4"), 1: np.dtype("<f2"), 2: np.dtype("<i4"), 3: np.dtype("u1"), 4: np.dtype("<i8"),
    9: np.dtype("i1"),
}  # fmt: skip

# Number of a built-in operation -> name. The builders of the converter know the same names.
OPERATIONS: Mapping[int, str] = {
    0: "ADD", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 5: "DEPTH_TO_SPACE", 6: "DEQUANTIZE",
    14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 21: "RELU6", 22: "RESHAPE", 23: "RESIZE_BILINEAR",
    34: "PAD", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB", 42: "DIV", 45: "STRIDED_SLICE", 54: "PRELU", 59: "NEG",
    74: "SUM", 75: "SQRT", 76: "RSQRT", 99: "SQUARED_DIFFERENCE", 124: "DENSIFY",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a tensor is declared to be. `dtype` is None for a type that no face model computes with."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One step: tensors by number (-1: left out) and the table of its options."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None

    def option(self, number: int, kind: str, default: int = 0) -> int:
        """Return a scalar option, `default` where it or the whole table is left out."""
        return default if self.options is None else self.options.number(number, kind, default)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A model of one graph."""

    tensors: tuple[Tensor, ...]
    constants: Mapping[int, NDArray[np.generic]]
    operations: tuple[Operation, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(slots=True)
class _Budget:
    """How many numbers constants may still hold: a small file can name one buffer a thousand times."""

    left: int = field(default=_MOST_NUMBERS)

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise Malformed("its weights are far too large")


def read_tflite(content: bytes) -> Network:
    """Return the network in the content of a .tflite file; raises Malformed when it is none or is not understood."""
    if len(content) > MAX_BYTES:
        raise Malformed("it is far too large")
    model = Table.root(content, IDENTIFIER)
    graphs = list(model.tables(2, most=16))
    if len(graphs) != 1:
        raise Malformed(f"it has {len(graphs)} graphs instead of one")
    buffers = list(model.tables(4, most=_MOST_PARTS))
    tables = list(graphs[0].tables(0, most=_MOST_PARTS))
    tensors = tuple(_tensor(table) for table in tables)
    budget, constants = _Budget(), {}
    for number, (table, tensor) in enumerate(zip(tables, tensors, strict=True)):
        values = _constant(table, tensor, buffers, budget)
        if values is not None:
            constants[number] = values
    return Network(
        tensors=tensors,
        constants=constants,
        operations=_operations(model, graphs[0], len(tensors)),
        inputs=_ends(graphs[0].numbers(1, "int", most=_MOST_ENDS), len(tensors)),
        outputs=_ends(graphs[0].numbers(2, "int", most=_MOST_ENDS), len(tensors)),
    )


def _tensor(table: Table) -> Tensor:
    shape = table.numbers(0, "int", most=_MOST_AXES)
    if any(size < 1 for size in shape) or prod(shape) > _MOST_NUMBERS:
        raise Malformed(f"a tensor is declared to be of shape {shape}")
    return Tensor(table.text(3), shape, TYPES.get(table.number(1, "byte")))


def _operations(model: Table, graph: Table, tensors: int) -> tuple[Operation, ...]:
    # The number outgrew a byte: it stands in a newer field, and the old one holds it or 127.
    codes = [max(code.number(3, "int"), code.number(0, "byte")) for code in model.tables(1, most=_MOST_PARTS)]
    found = []
    for table in graph.tables(3, most=_MOST_PARTS):
        index = table.number(0, "uint")
        if index >= len(codes) or codes[index] not in OPERATIONS:
            raise Malformed("it asks for an operation that face models do not have")
        inputs = _ends(table.numbers(1, "int", most=_MOST_ENDS), tensors, lowest=-1)
        outputs = _ends(table.numbers(2, "int", most=_MOST_ENDS), tensors)
        if not inputs or len(outputs) != 1:
            raise Malformed("an operation has no input, or not one output")
        found.append(Operation(OPERATIONS[codes[index]], inputs, outputs, table.table(4)))
    return tuple(found)


def _ends(numbers: tuple[int, ...], tensors: int, *, lowest: int = 0) -> tuple[int, ...]:
    if not all(lowest <= number < tensors for number in numbers):
        raise Malformed("it names a tensor that it does not have")
    return numbers


def _constant(table: Table, tensor: Tensor, buffers: list[Table], budget: _Budget) -> NDArray[np.generic] | None:
    """Return the values of a tensor that has a buffer with data, else None."""
    number = table.number(2, "uint")
    if number >= len(buffers):
        raise Malformed("it names a buffer that it does not have")
    data = buffers[number].data(0)
    if not data or tensor.dtype is None:
        return None
    count = prod(tensor.shape)
    budget.take(count)
    sparsity = table.table(6)
    if len(data) % tensor.dtype.itemsize:
        raise Malformed("a buffer ends within a number")
    stored = np.frombuffer(data, tensor.dtype)
    if sparsity is not None:
        return _filled(stored, tensor.shape, sparsity)
    if stored.size != count:
        raise Malformed(f"a tensor of shape {tensor.shape} has {stored.size} numbers")
    return stored.reshape(tensor.shape)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of a sparse tensor in the order it is stored: dense, or segments of indices (compressed rows)."""

    size: int
    segments: tuple[int, ...] | None
    indices: tuple[int, ...]


def _filled(stored: NDArray[np.generic], shape: tuple[int, ...], sparsity: Table) -> NDArray[np.generic]:
    """Return a dense tensor of `shape` from its stored numbers.

    Axes are stored in `order`; those past the last true axis count within blocks, of which `blocked` names the true
    axis. Source: tensorflow/lite/kernels/internal/utils/sparsity_format_converter.h.
    """
    order = sparsity.numbers(0, "int", most=2 * _MOST_AXES)
    blocked = sparsity.numbers(1, "int", most=_MOST_AXES)
    axes = [_axis(table) for table in sparsity.tables(2, most=2 * _MOST_AXES)]
    if sorted(order) != list(range(len(shape) + len(blocked))) or len(axes) != len(order):
        raise Malformed("a sparse tensor does not say how it is stored")
    if any(not 0 <= axis < len(shape) for axis in blocked):
        raise Malformed("a sparse tensor has blocks along an axis that it does not have")
    places = _places(axes, stored.size)
    sizes = dict(zip(order, (axis.size for axis in axes), strict=True))
    coordinates = dict(zip(order, places, strict=True))
    for number, axis in enumerate(blocked):
        within = len(shape) + number
        coordinates[axis] = coordinates[axis] * sizes[within] + coordinates[within]
    where = tuple(coordinates[axis] for axis in range(len(shape)))
    if any(at.size and int(at.max()) >= size for at, size in zip(where, shape, strict=True)):
        raise Malformed("a sparse tensor has a number outside of itself")
    dense = np.zeros(shape, stored.dtype)
    dense[where] = stored
    return dense


def _axis(table: Table) -> _Axis:
    size = table.number(1, "int")
    if table.number(0, "byte") == 0:
        if not 1 <= size <= _MOST_NUMBERS:
            raise Malformed("a sparse tensor has an axis without a length")
        return _Axis(size, None, ())
    segments, indices = _whole_numbers(table, 2), _whole_numbers(table, 4)
    falling = any(later < earlier for earlier, later in pairwise(segments))
    if len(segments) < 2 or segments[0] != 0 or segments[-1] != len(indices) or falling:
        raise Malformed("a sparse tensor's rows do not fit their numbers")
    if min(indices, default=0) < 0:
        raise Malformed("a sparse tensor has a number before its beginning")
    return _Axis(max(indices, default=0) + 1, segments, indices)


def _whole_numbers(table: Table, field_number: int) -> tuple[int, ...]:
    """Return a vector of whole numbers, of which the file names the width beside it."""
    kinds = {1: "int", 2: "ushort", 3: "ubyte"}
    kind = kinds.get(table.number(field_number, "ubyte"))
    vector = table.table(field_number + 1)
    if kind is None or vector is None:
        raise Malformed("a sparse tensor lists nothing")
    return vector.numbers(0, kind, most=_MOST_SEGMENTS)


def _places(axes: list[_Axis], count: int) -> list[NDArray[np.intp]]:
    """Return for each stored axis the coordinate of every stored number, `count` of them."""
    levels: list[NDArray[np.intp]] = []
    rows = 1
    for axis in axes:
        if axis.segments is None:
            if rows * axis.size > max(count, 1) * 4096:  # more rows than numbers are of no use later
                raise Malformed("a sparse tensor is larger than its numbers")
            repeats = np.full(rows, axis.size, np.intp)
            added = np.tile(np.arange(axis.size, dtype=np.intp), rows)
        else:
            if len(axis.segments) != rows + 1:
                raise Malformed("a sparse tensor's rows do not fit each other")
            edges = np.asarray(axis.segments, np.intp)
            repeats = edges[1:] - edges[:-1]
            added = np.asarray(axis.indices, np.intp)
        levels = [np.repeat(level, repeats) for level in levels] + [added]
        rows = added.size
        if rows > _MOST_NUMBERS:
            raise Malformed("a sparse tensor is larger than its numbers")
    if rows != count:
        raise Malformed("a sparse tensor has another number of numbers than it says")
    return levels
