"""Writes ONNX files, and keeps quiet the libraries that make them.

ONNX is protobuf, and a protobuf message ends at 2 GiB: what is larger on the way keeps its weights in a second file. A
bundle has one file for a tower, so whoever writes into a bundle looks whether there is a second one.
Invariant: a file written here is complete with what lies beside it.
"""

import contextlib
import io
import logging
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx

OUTPUT = "pooler_output"  # what both towers answer, the embedding before it is normalised
_ONE_FILE_BYTES = 2**31 - 2**25  # 32 MiB for what is no weight; of a large tower that is under 2 MiB


def store(model: Any, path: Path) -> None:
    """Write a graph; weights that do not fit into one file go into `beside(path)`."""
    if weight_bytes(model) < _ONE_FILE_BYTES:
        onnx.save_model(model, str(path))
    else:
        beside(path).unlink(missing_ok=True)
        onnx.save_model(model, str(path), save_as_external_data=True, location=beside(path).name)


def weight_bytes(model: Any) -> int:
    """Return how much room the weights take; protobuf's own count fails on what is too large to be written."""
    return sum(
        math.prod(tensor.dims) * int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
        for tensor in model.graph.initializer
    )


def beside(path: Path) -> Path:
    """Return the file for what does not fit into the graph at `path`."""
    return path.with_suffix(".data")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporters' notes to their own developers from the person's terminal; their errors still come through."""
    level = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(level)
