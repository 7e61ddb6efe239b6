"""Turns a TensorFlow Lite network into an ONNX model, without TensorFlow.

TensorFlow Lite keeps channels last, ONNX convolutions want them first. Each tensor exists in the order in which it was
made and is turned over when somebody wants the other one; convolution after convolution then needs no turning, and what
works number by number is done in whichever order its inputs are there. Weights that fit into half precision are kept in
it, as in the file, and widened when the model is loaded.
The graph has the inputs and outputs of the network under their own names, channels last, one picture at a time.
Invariant: the outputs have the shapes that the network declares, or there is no model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from safelight.models.build.flatbuffer import Malformed
from safelight.models.build.tflite import Network, Operation, read_tflite

OPSET = 17
_WORTH_HALVING = 64  # numbers
_WIDEST_WINDOW = 64  # pixels
IR_VERSION = 8  # what opset 17 was released with; old onnxruntimes read it

_TO_PLANES, _TO_PLAIN = (0, 3, 1, 2), (0, 2, 3, 1)
_MISFITS = (
    KeyError, IndexError, TypeError, ValueError, OverflowError,
    onnx.checker.ValidationError, onnx.shape_inference.InferenceError,
)  # fmt: skip
# One to one: the operation and what ONNX calls it.
_BY_NUMBER = {"RELU": "Relu", "LOGISTIC": "Sigmoid", "NEG": "Neg", "SQRT": "Sqrt"}
_PAIRWISE = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div"}


@dataclass(slots=True)
class _Graph:
    """Nodes so far. `plain` and `planes` hold the names of tensors with channels last and first."""

    network: Network
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)
    constants: dict[int, NDArray[Any]] = field(default_factory=dict)
    plain: dict[int, str] = field(default_factory=dict)
    planes: dict[int, str] = field(default_factory=dict)
    count: int = 0

    def fresh(self) -> str:
        """Return a name that is not taken."""
        self.count += 1
        return f"t{self.count}"

    def apply(self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = output or self.fresh()
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def keep(self, values: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        name = self.fresh()
        kept = np.asarray(values, order="C")
        halved = kept.dtype == np.float32 and kept.size >= _WORTH_HALVING
        if halved:
            with np.errstate(over="ignore"):
                half = kept.astype(np.float16)
            halved = np.array_equal(half.astype(np.float32), kept)
            kept = half if halved else kept
        self.initializers.append(numpy_helper.from_array(kept, name))
        return self.apply("Cast", [name], to=TensorProto.FLOAT) if halved else name

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return the declared shape, channels last."""
        return self.network.tensors[tensor].shape

    def constant(self, tensor: int) -> NDArray[Any]:
        """Return the values of a constant; raises Malformed when the network computes them."""
        if tensor not in self.constants:
            raise Malformed("an operation wants a constant and is given a result")
        return self.constants[tensor]

    def floats(self, tensor: int) -> NDArray[np.float32]:
        """Return the values of a constant as float32."""
        return np.asarray(self.constant(tensor), np.float32)

    def as_plain(self, tensor: int) -> str:
        """Return the name of a tensor with channels last."""
        if tensor not in self.plain:
            if tensor in self.constants:
                self.plain[tensor] = self.keep(self.constants[tensor])
            else:
                self.plain[tensor] = self.apply("Transpose", [self.planes[tensor]], perm=_TO_PLAIN)
        return self.plain[tensor]

    def as_planes(self, tensor: int) -> str:
        """Return the name of a tensor of four axes with channels first."""
        if tensor not in self.planes:
            if len(self.shape(tensor)) != 4:
                raise Malformed("a picture does not have four axes")
            self.planes[tensor] = self.apply("Transpose", [self.as_plain(tensor)], perm=_TO_PLANES)
        return self.planes[tensor]

    def follows_planes(self, tensor: int) -> bool:
        """Tell whether a tensor is there with channels first only."""
        return tensor in self.planes and tensor not in self.plain

    def activated(self, name: str, code: int) -> str:
        """Add the activation that is fused into an operation."""
        if code == 0:
            return name
        if code == 1:
            return self.apply("Relu", [name])
        if code == 3:
            return self.apply("Clip", [name, self.keep(_scalar(0)), self.keep(_scalar(6))])
        raise Malformed("an operation ends in an activation that face models do not have")


def to_onnx(content: bytes) -> bytes:
    """Return the ONNX model for the content of a .tflite file; raises Malformed when it cannot be turned into one."""
    network = read_tflite(content)
    graph = _Graph(network, constants=dict(network.constants))
    try:
        for tensor in network.inputs:
            graph.plain[tensor] = network.tensors[tensor].name
        for operation in network.operations:
            _BUILDERS[operation.kind](graph, operation)
        model = _model(graph)
        # In full, it works out every shape and compares the outputs' with those declared: a wrong padding shows here.
        onnx.checker.check_model(model, full_check=True)
    except _MISFITS as error:
        raise Malformed(str(error) or type(error).__name__) from error
    return bytes(model.SerializeToString(deterministic=True))


def _model(graph: _Graph) -> onnx.ModelProto:
    tensors = graph.network.tensors
    ends = {}
    for side in ("inputs", "outputs"):
        numbers = getattr(graph.network, side)
        ends[side] = [_described(tensors[number].name, tensors[number].shape) for number in numbers]
    for number in graph.network.outputs:
        graph.apply("Identity", [graph.as_plain(number)], tensors[number].name)
    body = helper.make_graph(graph.nodes, "tflite", ends["inputs"], ends["outputs"], graph.initializers)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _described(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _scalar(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


def _steps(*values: int) -> list[int]:
    """Return strides, sizes or distances of a window. Raises Malformed for what no window has."""
    if not all(1 <= value <= _WIDEST_WINDOW for value in values):
        raise Malformed("a window is moved or spread in a way that face models do not have")
    return list(values)


def _padding(code: int) -> str:
    return "SAME_UPPER" if code == 0 else "VALID"


def _conv(graph: _Graph, operation: Operation) -> None:
    """Filter a picture; each channel by itself in a depthwise convolution."""
    depthwise = operation.kind == "DEPTHWISE_CONV_2D"
    source, weights = operation.inputs[:2]
    kernel = graph.floats(weights).transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
    inputs = [graph.as_planes(source), graph.keep(kernel)]
    if len(operation.inputs) > 2 and operation.inputs[2] >= 0:
        inputs.append(graph.keep(graph.floats(operation.inputs[2])))
    after = 4 if depthwise else 3  # a depthwise convolution has one more option before these
    name = graph.apply(
        "Conv", inputs,
        kernel_shape=_steps(*kernel.shape[2:]),
        strides=_steps(operation.option(2, "int"), operation.option(1, "int")),
        dilations=_steps(operation.option(after + 2, "int", 1), operation.option(after + 1, "int", 1)),
        group=graph.shape(source)[3] if depthwise else 1,
        auto_pad=_padding(operation.option(0, "byte")),
    )  # fmt: skip
    graph.planes[operation.outputs[0]] = graph.activated(name, operation.option(after, "byte"))


def _pool(graph: _Graph, operation: Operation) -> None:
    name = graph.apply(
        "MaxPool", [graph.as_planes(operation.inputs[0])],
        kernel_shape=_steps(operation.option(4, "int"), operation.option(3, "int")),
        strides=_steps(operation.option(2, "int"), operation.option(1, "int")),
        auto_pad=_padding(operation.option(0, "byte")),
    )  # fmt: skip
    graph.planes[operation.outputs[0]] = graph.activated(name, operation.option(5, "byte"))


def _by_number(graph: _Graph, operation: Operation) -> None:
    """Add what treats every number by itself, in the order of axes that is there."""
    (source,) = operation.inputs
    names, take = (graph.planes, graph.as_planes) if graph.follows_planes(source) else (graph.plain, graph.as_plain)
    name = take(source)
    if operation.kind == "RELU6":
        made = graph.activated(name, 3)
    elif operation.kind == "RSQRT":
        made = graph.apply("Reciprocal", [graph.apply("Sqrt", [name])])
    else:
        made = graph.apply(_BY_NUMBER[operation.kind], [name])
    names[operation.outputs[0]] = made


def _pairwise(graph: _Graph, operation: Operation) -> None:
    """Add what joins two tensors number by number."""
    target, inputs = operation.outputs[0], operation.inputs
    computed = [number for number in inputs if number not in graph.constants]
    if computed and all(graph.follows_planes(number) for number in computed):
        names, made = graph.planes, [_broadcast_planes(graph, number) for number in inputs]
    else:
        names, made = graph.plain, [graph.as_plain(number) for number in inputs]
    if operation.kind == "SQUARED_DIFFERENCE":
        gap = graph.apply("Sub", made)
        names[target] = graph.apply("Mul", [gap, gap])
    else:
        names[target] = graph.activated(graph.apply(_PAIRWISE[operation.kind], made), operation.option(0, "byte"))


def _broadcast_planes(graph: _Graph, tensor: int) -> str:
    """Return a tensor with channels first; a constant of fewer axes is filled up with axes of one in front."""
    if tensor not in graph.constants:
        return graph.as_planes(tensor)
    values = graph.constants[tensor]
    return graph.keep(values.reshape((1,) * (4 - values.ndim) + values.shape).transpose(_TO_PLANES))


def _prelu(graph: _Graph, operation: Operation) -> None:
    """Add a slope of its own for what is negative in each channel: slope * x + (1 - slope) * max(x, 0).

    Both products are convolutions of one pixel. ONNX has an operation for it, but onnxruntime leaves the order of
    channels it computes convolutions in for that, there and back each time: the landmarks took three times as long.
    """
    source, slopes = operation.inputs
    channels = graph.shape(source)[-1]
    slope = np.broadcast_to(graph.floats(slopes).reshape(-1), (channels,)).reshape(channels, 1, 1, 1)
    name = graph.as_planes(source)
    positive = graph.apply("Relu", [name])
    whole = graph.apply("Conv", [name, graph.keep(slope)], kernel_shape=[1, 1], group=channels)
    above = graph.apply("Conv", [positive, graph.keep(1 - slope)], kernel_shape=[1, 1], group=channels)
    graph.planes[operation.outputs[0]] = graph.apply("Add", [above, whole])


def _pad(graph: _Graph, operation: Operation) -> None:
    source, amounts = operation.inputs[:2]
    sizes = np.asarray(graph.constant(amounts), np.int64)
    if sizes.shape != (len(graph.shape(source)), 2) or sizes.min() < 0 or sizes.max() > 4096:
        raise Malformed("a border is wider than any picture")
    if graph.follows_planes(source):
        sizes = sizes[list(_TO_PLANES)]
        graph.planes[operation.outputs[0]] = graph.apply("Pad", [graph.as_planes(source), graph.keep(sizes.T.ravel())])
    else:
        graph.plain[operation.outputs[0]] = graph.apply("Pad", [graph.as_plain(source), graph.keep(sizes.T.ravel())])


def _resize(graph: _Graph, operation: Operation) -> None:
    before, after = graph.shape(operation.inputs[0]), graph.shape(operation.outputs[0])
    if operation.option(2, "bool"):
        mode = "align_corners"
    else:
        mode = "half_pixel" if operation.option(3, "bool") else "asymmetric"
    sizes = np.array([1, before[3], after[1], after[2]], np.int64)
    graph.planes[operation.outputs[0]] = graph.apply(
        "Resize", [graph.as_planes(operation.inputs[0]), "", "", graph.keep(sizes)],
        mode="linear", coordinate_transformation_mode=mode,
    )  # fmt: skip


def _depth_to_space(graph: _Graph, operation: Operation) -> None:
    name = graph.as_planes(operation.inputs[0])
    (block,) = _steps(operation.option(0, "int"))
    graph.planes[operation.outputs[0]] = graph.apply("DepthToSpace", [name], blocksize=block, mode="DCR")


def _reshape(graph: _Graph, operation: Operation) -> None:
    sizes = np.array(graph.shape(operation.outputs[0]), np.int64)
    graph.plain[operation.outputs[0]] = graph.apply("Reshape", [graph.as_plain(operation.inputs[0]), graph.keep(sizes)])


def _transpose(graph: _Graph, operation: Operation) -> None:
    order = [int(axis) for axis in graph.constant(operation.inputs[1]).ravel()]
    graph.plain[operation.outputs[0]] = graph.apply("Transpose", [graph.as_plain(operation.inputs[0])], perm=order)


def _concatenate(graph: _Graph, operation: Operation) -> None:
    names = [graph.as_plain(number) for number in operation.inputs]
    joined = graph.apply("Concat", names, axis=operation.option(0, "int"))
    graph.plain[operation.outputs[0]] = graph.activated(joined, operation.option(1, "byte"))


def _reduce(graph: _Graph, operation: Operation) -> None:
    source, axes = operation.inputs
    keep = operation.option(0, "bool")
    chosen = np.asarray(graph.constant(axes), np.int64).ravel()
    if operation.kind == "MEAN":  # in opset 17 the axes of a mean are an attribute, those of a sum an input
        name = graph.apply("ReduceMean", [graph.as_plain(source)], axes=chosen.tolist(), keepdims=keep)
    else:
        name = graph.apply("ReduceSum", [graph.as_plain(source), graph.keep(chosen)], keepdims=keep)
    graph.plain[operation.outputs[0]] = name


def _slice(graph: _Graph, operation: Operation) -> None:
    """Cut a part out; an axis that the options call shrunk keeps one place and goes with the reshape at the end."""
    source, *bounds = operation.inputs
    first, last, step = (np.asarray(graph.constant(number), np.int64).ravel() for number in bounds)
    begin_mask, end_mask, ellipsis, new_axes, shrunk = (operation.option(number, "int") for number in range(5))
    sizes = np.asarray(graph.shape(source), np.int64)
    if ellipsis or new_axes or not len(first) == len(last) == len(step) == len(sizes) or (step < 1).any():
        raise Malformed("a part is cut out in a way that face models do not have")
    bits = 1 << np.arange(len(sizes))
    first = np.where(begin_mask & bits, 0, first)
    last = np.where(end_mask & bits, sizes, last)
    last = np.where(shrunk & bits, np.where(first == -1, sizes, first + 1), last)
    inputs = [graph.as_plain(source), *(graph.keep(part) for part in (first, last, np.arange(len(sizes)), step))]
    target = operation.outputs[0]
    sizes_after = graph.keep(np.array(graph.shape(target), np.int64))
    graph.plain[target] = graph.apply("Reshape", [graph.apply("Slice", inputs), sizes_after])


def _widen(graph: _Graph, operation: Operation) -> None:
    """Take a constant in half precision, or one that was sparse, as the constant it stands for."""
    graph.constants[operation.outputs[0]] = graph.constant(operation.inputs[0])
    if operation.kind == "DEQUANTIZE":
        if graph.constant(operation.inputs[0]).dtype != np.float16:
            raise Malformed("its weights are whole numbers, which face models do not have")
        graph.constants[operation.outputs[0]] = graph.floats(operation.inputs[0])


_BUILDERS: Mapping[str, Callable[[_Graph, Operation], None]] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _conv),
    **dict.fromkeys((*_BY_NUMBER, "RELU6", "RSQRT"), _by_number),
    **dict.fromkeys((*_PAIRWISE, "SQUARED_DIFFERENCE"), _pairwise),
    **dict.fromkeys(("MEAN", "SUM"), _reduce),
    **dict.fromkeys(("DEQUANTIZE", "DENSIFY"), _widen),
    "MAX_POOL_2D": _pool,
    "PRELU": _prelu,
    "PAD": _pad,
    "RESIZE_BILINEAR": _resize,
    "DEPTH_TO_SPACE": _depth_to_space,
    "RESHAPE": _reshape,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concatenate,
    "STRIDED_SLICE": _slice,
}
