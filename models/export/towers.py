"""Turns a tower of torch into an ONNX graph in full precision.

The vision tower goes through optimum. The text tower cannot: optimum-onnx 0.1 describes it under `siglip-text`, while
transformers calls it `siglip_text_model`, so it is refused as unknown; handed over by hand, that description leaves the
number of tokens open, although SigLIP was trained on full length only. Plain torch.onnx fixes the number, by its
tracing exporter, as the newer one needs a further package. Both graphs end up alike: one input, one output
`pooler_output`, and only the number of pictures or texts left open.
Invariant: what the graph is given has exactly one shape per picture or text.
"""

from pathlib import Path
from typing import Any

import onnx
import torch
from optimum.exporters.onnx import onnx_export_from_model

from safelight.models.export.graphs import OUTPUT, quiet, store

OPSET = 17  # has LayerNormalization as one operation; read by every onnxruntime since 1.12
_BATCH = "batch"
_OUTPUTS = ["last_hidden_state", OUTPUT]  # in the order in which transformers returns them


def trace_vision(tower: Any, scratch: Path, *, side_px: int, length: int) -> Path:
    """Write the vision tower as an ONNX file below `scratch` and return its path."""
    with quiet():
        onnx_export_from_model(tower, output=scratch, task="feature-extraction", opset=OPSET, do_validation=False)
    return _tidied(scratch / "model.onnx", [3, side_px, side_px], length)


def trace_text(tower: Any, scratch: Path, *, tokens: int, length: int) -> Path:
    """Write the text tower as an ONNX file below `scratch` and return its path."""
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "model.onnx"
    axes = {name: {0: _BATCH} for name in ("input_ids", *_OUTPUTS)}
    with quiet(), torch.no_grad():
        torch.onnx.export(
            tower,
            (torch.zeros((2, tokens), dtype=torch.int64),),
            str(path),
            input_names=["input_ids"],
            output_names=_OUTPUTS,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return _tidied(path, [tokens], length)


def _tidied(path: Path, given: list[int], length: int) -> Path:
    """Leave the one output that is used, and say all sizes but the number of pictures or texts."""
    model = onnx.load_model(str(path))
    graph = model.graph
    for output in [output for output in graph.output if output.name != OUTPUT]:
        graph.output.remove(output)
    for tensor, sizes in ((graph.input[0], given), (graph.output[0], [length])):
        del tensor.type.tensor_type.shape.dim[:]
        tensor.type.tensor_type.shape.dim.add().dim_param = _BATCH
        for size in sizes:
            tensor.type.tensor_type.shape.dim.add().dim_value = size
    tidy = path.with_name("tidy.onnx")
    store(model, tidy)
    return tidy
