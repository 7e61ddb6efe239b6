"""Writes a tower in half precision, or with its weights in 8 bits.

fp16 by the converter in onnxruntime (MIT, kept up with the runtime; the stand-alone onnxconverter-common is the older
copy): all inside is fp16, what goes in and comes out stays float32, so whoever runs the graph need not know.

int8 is dynamic: weights are stored in 8 bits, the other side of each product is scaled while it runs, by the whole
batch. A picture would come out differently in other company (cosine down to 0.9997, measured), so the graph takes one
at a time, which also lets what depends on the number be computed beforehand. Weights use 7 of the 8 bits: processors
without VNNI add two products in 16 bits, and with all 8 bits that overflows unnoticed (cosine 0.92 instead of 0.9998
on an emulated Haswell, measured). The table of words is not left to the quantiser, which takes one scale for the whole
table and so rounds words with small vectors away: here each word has its own.
Invariant: input and output of every precision are the same, but for the number of pictures or texts.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from safelight.models.export.graphs import quiet, store

_PRODUCTS = ["MatMul", "Gemm"]  # a convolution in int8 is slower than in fp32 (measured), and there is one
_WORDS = "token_embedding.weight"  # how transformers calls the table of words; that of positions is small
_TOP = 127
_QUIET = 3


def write_fp32(source: Path, target: Path) -> None:
    """Copy the graph as it is."""
    store(onnx.load_model(str(source)), target)


def write_fp16(source: Path, target: Path) -> None:
    """Write the graph at `source` with half-precision weights and sums to `target`."""
    model = onnx.load_model(str(source))
    store(convert_float_to_float16(model, keep_io_types=True, disable_shape_infer=True), target)


def write_int8(source: Path, target: Path) -> None:
    """Write the graph at `source`, for one picture or text, with its weights in 8 bits to `target`."""
    model = onnx.load_model(str(source))
    for tensor in (model.graph.input[0], model.graph.output[0]):
        tensor.type.tensor_type.shape.dim[0].dim_value = 1
    _shrink_tables(model.graph)
    with tempfile.TemporaryDirectory(prefix=".steps-", dir=target.parent) as steps, quiet():
        single, folded = Path(steps) / "single.onnx", Path(steps) / "folded.onnx"
        store(model, single)
        del model
        _fold(single, folded)
        quantize_dynamic(
            str(folded),
            str(target),
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=_PRODUCTS,
        )
    store(_without_unused_domains(onnx.load_model(str(target))), target)


def rows_in_8_bits(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a table (rows, width) as whole numbers -127..127 and the scale of each row (rows, 1)."""
    scales = np.abs(table).max(axis=1, keepdims=True) / np.float32(_TOP)
    scales[scales == 0] = 1
    return np.rint(table / scales).astype(np.int8), scales.astype(np.float32)


def _shrink_tables(graph: Any) -> None:
    """Store every table of words in 8 bits a number and a scale a row, and look both up."""
    constants = {constant.name: constant for constant in graph.initializer}
    for place, node in reversed(list(enumerate(graph.node))):
        table = constants.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or not table.name.endswith(_WORDS):
            continue
        numbers, scales = rows_in_8_bits(numpy_helper.to_array(table))
        name, words, answer = table.name, node.input[1], node.output[0]
        graph.initializer.remove(table)
        graph.initializer.append(numpy_helper.from_array(numbers, f"{name}.numbers"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))
        graph.node.remove(node)
        lookup = [
            helper.make_node("Gather", [f"{name}.numbers", words], [f"{answer}.numbers"]),
            helper.make_node("Cast", [f"{answer}.numbers"], [f"{answer}.cast"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Gather", [f"{name}.scales", words], [f"{answer}.scales"]),
            helper.make_node("Mul", [f"{answer}.cast", f"{answer}.scales"], [answer]),
        ]
        for step, added in enumerate(lookup):
            graph.node.insert(place + step, added)


def _without_unused_domains(model: Any) -> Any:
    """Forget sets of operations that onnxruntime lists whether used or not: an older one may refuse them."""
    used = {node.domain for node in model.graph.node} | {""}
    for domain in [domain for domain in model.opset_import if domain.domain not in used]:
        model.opset_import.remove(domain)
    return model


def _fold(source: Path, target: Path) -> None:
    """Compute beforehand what depends on shapes only; a quantiser does not see weights that the graph cuts to size."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # standard operations only
    options.optimized_model_filepath = str(target)
    options.log_severity_level = _QUIET
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
