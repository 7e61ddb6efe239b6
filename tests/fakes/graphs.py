"""Small ONNX models for tests, and bundles made of them: a tower of one matrix, right or wrong in one respect."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, LENGTH = 16, 12
FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def tower(
    *,
    kind: int = FLOAT,
    batch: int | str = "batch",
    channels: int = 3,
    side: int = SIDE,
    length: int = LENGTH,
    given: str = "pixel_values",
    answers: str = "pooler_output",
    wrong: str = "",
) -> bytes:
    """Return a model that multiplies the flattened picture by a fixed matrix.

    `wrong`: "nan", "zero", "constant", "rank" (an answer with an axis too many), "external" (weights in another file).
    """
    numpy_kind = np.float32 if kind == FLOAT else np.float16
    matrix = np.random.default_rng(3).normal(size=(channels * side * side, length)).astype(numpy_kind)
    if wrong == "zero":
        matrix[:] = 0
    steps = [
        helper.make_node("Flatten", [given], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "matrix"], ["product"]),
    ]
    last = {"nan": "Sqrt", "constant": "Sign", "rank": "Unsqueeze"}.get(wrong, "Identity")
    if wrong == "nan":
        steps += [helper.make_node("Abs", ["product"], ["size"]), helper.make_node("Neg", ["size"], ["mended"])]
    elif wrong == "constant":
        steps += [helper.make_node("Abs", ["product"], ["mended"])]
    else:
        steps += [helper.make_node("Identity", ["product"], ["mended"])]
    more = ["axis"] if wrong == "rank" else []
    steps.append(helper.make_node(last, ["mended", *more], [answers]))
    shape = [batch, length, 1] if wrong == "rank" else [batch, length]
    weights = [numpy_helper.from_array(matrix, "matrix")]
    weights += [numpy_helper.from_array(np.array([2], np.int64), "axis")] if wrong == "rank" else []
    graph = helper.make_graph(
        steps,
        "tower",
        [helper.make_tensor_value_info(given, kind, [batch, channels, side, side])],
        [helper.make_tensor_value_info(answers, kind, shape)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if wrong == "external":
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights.bin")
    return bytes(model.SerializeToString())


def words_tower(*, tokens: int = 8, length: int = LENGTH, kind: int = TensorProto.INT64, wrong: str = "") -> bytes:
    """Return a model that sums a row of numbers for each token; `wrong` "constant": the same for every text."""
    table = np.random.default_rng(5).normal(size=(512, length)).astype(np.float32)
    if wrong == "constant":
        table[:] = 1
    steps = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "axis"], ["pooler_output"], keepdims=0),
    ]
    graph = helper.make_graph(
        steps,
        "words",
        [helper.make_tensor_value_info("input_ids", kind, ["batch", tokens])],
        [helper.make_tensor_value_info("pooler_output", FLOAT, ["batch", length])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1], np.int64), "axis")],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


def bundle(
    folder: Path,
    towers: dict[tuple[str, str], bytes],
    *,
    words: tuple[bytes, bytes] | None = None,
    tokens: int = 8,
    pad_id: int = 0,
    extra: str = "",
) -> Path:
    """Lay out a bundle "stand-in": `towers` by (precision, device), `words`: a text tower and its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {f"vision_{each[0]}.onnx": ("vision", each, model) for each, model in towers.items()}
    if words is not None:
        files["text.onnx"] = ("text", ("int8", ""), words[0])
        files["tokenizer.json"] = ("tokenizer", ("", ""), words[1])
    parts = [_HEAD, f"[vision]\nside_px = {SIDE}\nlength = {LENGTH}\n{extra}"]
    parts += [f"[text]\ntokens = {tokens}\npad_id = {pad_id}\neos_id = 1"] if words is not None else []
    receipt = []
    for path, (role, (precision, device), content) in files.items():
        checksum = hashlib.sha256(content).hexdigest()
        (folder / path).write_bytes(content)
        lines = [f'role = "{role}"', f'path = "{path}"', f"size_bytes = {len(content)}", f'sha256 = "{checksum}"']
        lines += [f'precision = "{precision}"'] if precision else []
        lines += [f'device = "{device}"'] if device else []
        parts.append("\n".join(["[[files]]", *lines]))
        receipt.append(
            {"path": path, "size_bytes": len(content), "sha256": checksum, "confirmed": True, "accepted": False}
        )
    (folder / "manifest.toml").write_text("\n\n".join(parts) + "\n")
    (folder / "receipt.json").write_text(json.dumps({"format": 1, "installed_s": 1.0, "files": receipt}))
    return folder


def checked(model: bytes) -> onnx.ModelProto:
    """Return a model that the onnx library finds nothing wrong with."""
    read = onnx.load_model_from_string(model)
    onnx.checker.check_model(read)
    return read


_HEAD = """format = 1
name = "stand-in"
kind = "embedding"
summary = "A stand-in."

[source]
title = "made by the tests"
licence = "Apache-2.0"
home = "https://example.org"
local = true"""
