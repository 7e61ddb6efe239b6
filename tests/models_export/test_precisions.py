"""Smaller weights still answer what they answered: on every processor, for every word, through the same door."""

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from safelight.inference.session import open_session
from safelight.models.export.agreement import compare
from safelight.models.export.graphs import beside, store, weight_bytes
from safelight.models.export.samples import planes, sample_squares
from tests.fakes.bundles import SOURCE

FULL = SOURCE / "vision_fp32.onnx"
WORDS, WIDTH = 300, 32


@pytest.fixture(scope="module")
def write():
    """The writers; importing the quantiser takes a second, and only these tests need it."""
    from safelight.models.export import precisions

    return precisions


def seen_by(path):
    taken = planes(sample_squares(32, 4))
    session = open_session(path.read_bytes())
    rows = [session.run(["pooler_output"], {"pixel_values": taken[n : n + 1]})[0] for n in range(4)]
    return np.concatenate(rows)


def whole_numbers(path):
    """Every weight stored in 8 bits with a sign, by name."""
    constants = onnx.load(path).graph.initializer
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in constants if tensor.data_type == TensorProto.INT8}


def small_text_tower(path):
    """Write a table of words, looked up and multiplied once; some words have vectors a thousand times smaller."""
    drawn = np.random.default_rng(1)
    table = (drawn.normal(size=(WORDS, WIDTH)) * np.logspace(-3, 0, WORDS)[:, None]).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["tower.token_embedding.weight", "input_ids"], ["looked_up"]),
            helper.make_node("MatMul", ["looked_up", "straight"], ["multiplied"]),
            helper.make_node("ReduceSum", ["multiplied", "along"], ["pooler_output"], keepdims=0),
        ],
        "text",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", 1])],
        [helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["batch", WIDTH])],
        [
            numpy_helper.from_array(table, "tower.token_embedding.weight"),
            numpy_helper.from_array(np.eye(WIDTH, dtype=np.float32), "straight"),
            numpy_helper.from_array(np.array([1]), "along"),
        ],
    )
    store(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return table


def test_half_precision_answers_alike_and_takes_what_full_precision_takes(tmp_path, write):
    write.write_fp16(FULL, tmp_path / "half.onnx")
    assert compare(seen_by(tmp_path / "half.onnx"), seen_by(FULL)).least_cosine > 0.9999
    graph = onnx.load(tmp_path / "half.onnx").graph
    assert {tensor.type.tensor_type.elem_type for tensor in (*graph.input, *graph.output)} == {TensorProto.FLOAT}
    assert (tmp_path / "half.onnx").stat().st_size < 0.6 * FULL.stat().st_size


def test_full_precision_is_left_as_it_is(tmp_path, write):
    write.write_fp32(FULL, tmp_path / "full.onnx")
    assert np.array_equal(seen_by(tmp_path / "full.onnx"), seen_by(FULL))


def test_eight_bits_answer_alike_and_keep_standard_operations(tmp_path, write):
    write.write_int8(FULL, tmp_path / "small.onnx")
    agreement = compare(seen_by(tmp_path / "small.onnx"), seen_by(FULL))
    assert agreement.least_cosine > 0.998
    assert agreement.least_centred > 0.998
    assert [(domain.domain, domain.version) for domain in onnx.load(tmp_path / "small.onnx").opset_import] == [("", 17)]
    assert (tmp_path / "small.onnx").stat().st_size < 0.5 * FULL.stat().st_size


def test_no_sum_of_two_products_overflows_on_a_processor_without_vnni(tmp_path, write):
    """Such a processor adds two products of 0..255 with a weight in 16 bits, and ends at 32,767 without a word."""
    write.write_int8(FULL, tmp_path / "small.onnx")
    weights = whole_numbers(tmp_path / "small.onnx")
    assert len(weights) > 10
    assert all(2 * 255 * int(np.abs(values.astype(int)).max()) <= 32_767 for values in weights.values())


def test_the_tiny_bundle_overflows_nowhere():
    for name in ("vision_int8.onnx", "text_int8.onnx"):
        weights = {key: values for key, values in whole_numbers(SOURCE / name).items() if not key.endswith(".numbers")}
        assert len(weights) > 10
        assert all(2 * 255 * int(np.abs(values.astype(int)).max()) <= 32_767 for values in weights.values())


def test_weights_that_the_graph_cuts_to_size_are_made_small_too(tmp_path, write):
    write.write_int8(FULL, tmp_path / "small.onnx")
    left = [tensor for tensor in onnx.load(tmp_path / "small.onnx").graph.initializer if len(tensor.dims) == 2]
    floats = [tensor.name for tensor in left if tensor.data_type == TensorProto.FLOAT and min(tensor.dims) > 16]
    assert not floats


def test_words_with_small_vectors_keep_their_direction(tmp_path, write):
    table = small_text_tower(tmp_path / "full.onnx")
    write.write_int8(tmp_path / "full.onnx", tmp_path / "small.onnx")
    session = open_session((tmp_path / "small.onnx").read_bytes())
    rows = [session.run(["pooler_output"], {"input_ids": np.array([[word]])})[0][0] for word in range(WORDS)]
    cosines = [
        float(row @ known / (np.linalg.norm(row) * np.linalg.norm(known)))
        for row, known in zip(rows, table, strict=True)
    ]
    assert min(cosines) > 0.999
    assert "tower.token_embedding.weight.numbers" in whole_numbers(tmp_path / "small.onnx")


@given(arrays.arrays(np.float32, (5, 7), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)))
def test_every_row_comes_back_within_half_a_step(write, table):
    numbers, scales = write.rows_in_8_bits(table)
    assert numbers.dtype == np.int8
    assert np.abs(numbers * scales - table).max() <= (scales * 0.5001).max()
    assert (np.abs(numbers * scales - table) <= scales * 0.5001).all()


@pytest.mark.parametrize("name", ["vision_fp32.onnx", "vision_int8.onnx", "text_int8.onnx"])
def test_weights_are_counted_as_they_are_stored(name):
    model = onnx.load(SOURCE / name)
    assert weight_bytes(model) == sum(numpy_helper.to_array(tensor).nbytes for tensor in model.graph.initializer)


def test_what_fits_into_one_file_is_written_into_one(tmp_path):
    store(onnx.load(FULL), tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert beside(tmp_path / "model.onnx").name == "model.data"
