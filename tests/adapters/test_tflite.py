"""A TensorFlow Lite file becomes an ONNX model that computes the same, or is refused; nothing in a file can do harm."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.inference.session import open_session
from safelight.models.build.flatbuffer import Malformed, Table
from safelight.models.build.tflite import read_tflite
from safelight.models.build.tflite_onnx import to_onnx
from tests.adapters.tflite_files import Node, Scalar, Tables, Writer, file_of, ints, raw

ADD, CONCATENATION, CONV, DEPTHWISE, DEPTH_TO_SPACE, DEQUANTIZE = 0, 2, 3, 4, 5, 6
MAX_POOL, RELU, RESHAPE, RESIZE, PAD, MEAN, SLICE, PRELU, SUM = 17, 19, 22, 23, 34, 40, 45, 54, 74
RSQRT, SQUARED_DIFFERENCE, DENSIFY, TRANSPOSE = 76, 99, 124, 39


def conv_options(*, same: bool = True, stride: int = 1, active: int = 0) -> Node:
    return Node(
        {
            0: Scalar("byte", int(not same)),
            1: Scalar("int", stride),
            2: Scalar("int", stride),
            3: Scalar("byte", active),
        }
    )


def run(content: bytes, **inputs: np.ndarray) -> np.ndarray:
    """Run a converted model whose output is called `out`."""
    (answer,) = open_session(to_onnx(content)).run(["out"], inputs)
    return answer


def small() -> bytes:
    """A picture of 6 x 6, a convolution of stride 2 with weights in half precision, slopes, and a sum over all."""
    made = Writer()
    picture = made.tensor("picture", (1, 6, 6, 3))
    rng = np.random.default_rng(0)
    half = made.constant(rng.normal(size=(4, 3, 3, 3)).astype("<f2"))
    kernel = made.operation(DEQUANTIZE, [half], made.tensor("kernel", (4, 3, 3, 3)))
    bias = made.constant(rng.normal(size=4).astype("<f4"))
    seen = made.operation(CONV, [picture, kernel, bias], made.tensor("seen", (1, 3, 3, 4)), conv_options(stride=2))
    slopes = made.constant(np.array([0.1, 0.2, -0.3, 2.0], "<f4").reshape(1, 1, 4))
    bent = made.operation(PRELU, [seen, slopes], made.tensor("bent", (1, 3, 3, 4)))
    out = made.operation(RESHAPE, [bent], made.tensor("out", (1, 36)))
    return made.content([picture], [out])


def convolved(picture: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """Filter (1, h, w, c) with (out, kh, kw, c) as TensorFlow does with padding "same": more of it below and right."""
    high, wide = (-(-size // stride) for size in picture.shape[1:3])
    sizes = zip((high, wide), kernel.shape[1:3], picture.shape[1:3], strict=True)
    pads = [max((count - 1) * stride + reach - size, 0) for count, reach, size in sizes]
    wider = np.pad(picture, [(0, 0), *((pad // 2, pad - pad // 2) for pad in pads), (0, 0)])
    made = np.zeros((1, high, wide, len(kernel)))
    for row in range(high):
        for column in range(wide):
            top, left = row * stride, column * stride
            window = wider[0, top : top + kernel.shape[1], left : left + kernel.shape[2]]
            made[0, row, column] = (kernel * window).sum(axis=(1, 2, 3)) + bias
    return made


def test_convolution_in_half_precision_with_slopes_computes_what_is_expected() -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 3, 3, 3)).astype("<f2").astype(np.float64)
    bias = rng.normal(size=4).astype("<f4")
    picture = np.random.default_rng(1).random((1, 6, 6, 3)).astype(np.float32)
    seen = convolved(picture, kernel, bias, 2)
    expected = np.where(seen > 0, seen, seen * np.array([0.1, 0.2, -0.3, 2.0]))
    assert np.abs(run(small(), picture=picture) - expected.reshape(1, 36)).max() < 1e-5


def test_depthwise_pool_pad_resize_and_concatenation_compute_what_is_expected() -> None:
    made = Writer()
    picture = made.tensor("picture", (1, 4, 4, 2))
    kernel = made.constant(np.array([2.0, -3.0], "<f4").reshape(1, 1, 1, 2))
    each = Node({1: Scalar("int", 1), 2: Scalar("int", 1), 3: Scalar("int", 1), 4: Scalar("byte", 1)})
    scaled = made.operation(DEPTHWISE, [picture, kernel], made.tensor("scaled", (1, 4, 4, 2)), each)
    window = Node({number: Scalar("int", 2) for number in (1, 2, 3, 4)})
    pooled = made.operation(MAX_POOL, [scaled], made.tensor("pooled", (1, 2, 2, 2)), window)
    border = made.constant(np.array([[0, 0], [0, 0], [0, 0], [0, 1]], "<i4"))
    padded = made.operation(PAD, [pooled, border], made.tensor("padded", (1, 2, 2, 3)))
    size = made.constant(np.array([4, 4], "<i4"))
    larger = made.operation(RESIZE, [padded, size], made.tensor("larger", (1, 4, 4, 3)), Node({3: Scalar("bool", 1)}))
    joined = made.operation(
        CONCATENATION, [larger, picture], made.tensor("out", (1, 4, 4, 5)), Node({0: Scalar("int", 3)})
    )
    shown = np.random.default_rng(2).random((1, 4, 4, 2)).astype(np.float32)
    answer = run(made.content([picture], [joined]), picture=shown)

    relu = np.maximum(shown * np.array([2.0, -3.0]), 0)
    means = relu.reshape(1, 2, 2, 2, 2, 2).max(axis=(2, 4))
    rows = np.array([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]])  # half-pixel centres, two to four
    grown = np.einsum("ij,bjkc,lk->bilc", rows, means, rows)
    assert np.abs(answer[..., :2] - grown).max() < 1e-6
    assert (answer[..., 2] == 0).all()
    assert np.array_equal(answer[..., 3:], shown)


def test_a_mean_a_slice_and_arithmetic_compute_what_is_expected() -> None:
    made = Writer()
    points = made.tensor("points", (1, 3, 2))
    axes = made.constant(np.array([1], "<i4"))
    middle = made.operation(MEAN, [points, axes], made.tensor("m", (1, 1, 2)), Node({0: Scalar("bool", 1)}))
    squares = made.operation(SQUARED_DIFFERENCE, [points, middle], made.tensor("s", (1, 3, 2)))
    total = made.operation(SUM, [squares, axes], made.tensor("t", (1, 2)), Node({0: Scalar("bool", 0)}))
    inverse = made.operation(RSQRT, [total], made.tensor("i", (1, 2)))
    begin, end, step = (made.constant(np.array(part, "<i4")) for part in ([0, 1], [0, 2], [1, 1]))
    cut = made.operation(
        SLICE, [inverse, begin, end, step], made.tensor("out", (1,)), Node({1: Scalar("int", 1), 4: Scalar("int", 2)})
    )
    shown = np.array([[[1, 5], [2, 9], [6, 1]]], np.float32)
    spread = ((shown - shown.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    assert run(made.content([points], [cut]), points=shown) == pytest.approx(spread[0, 1] ** -0.5)


def test_sparse_weights_are_filled_up() -> None:
    """Rows dense, columns compressed: [[0, 5, 0], [7, 0, 0]]; the same with blocks of one by one would be refused."""
    listed = Node(
        {
            0: Scalar("byte", 1), 2: Scalar("ubyte", 1), 3: Node({0: ints(0, 1, 2)}),
            4: Scalar("ubyte", 1), 5: Node({0: ints(1, 0)}),
        }
    )  # fmt: skip
    dense = Node({0: Scalar("byte", 0), 1: Scalar("int", 2)})
    sparsity = Node({0: ints(0, 1), 2: Tables([dense, listed])})
    made = Writer()
    weights = made.constant(np.array([5, 7], "<f4"), shape=(2, 3), more={6: sparsity})
    full = made.operation(DENSIFY, [weights], made.tensor("full", (2, 3)))
    given_ = made.tensor("given", (2, 3))
    out = made.operation(ADD, [given_, full], made.tensor("out", (2, 3)))
    content = made.content([given_], [out])
    assert run(content, given=np.zeros((2, 3), np.float32)).tolist() == [[0, 5, 0], [7, 0, 0]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({0: ints(0, 2), 2: Tables([])}, "how it is stored"),
        ({0: ints(0, 1), 2: Tables([Node({1: Scalar("int", 2)}), Node({1: Scalar("int", 3)})])}, "number of numbers"),
        ({0: ints(0, 1), 2: Tables([Node({1: Scalar("int", 2)}), Node({0: Scalar("byte", 1)})])}, "lists nothing"),
        ({0: ints(0, 1), 2: Tables([Node({1: Scalar("int", -2)}), Node({1: Scalar("int", 1)})])}, "without a length"),
        ({0: ints(0, 1), 2: Tables([Node({1: Scalar("int", 2**24)})] * 2)}, "larger than its numbers"),
    ],
)
def test_sparse_weights_that_lie_about_themselves_are_refused(change: dict[int, Node], told: str) -> None:
    made = Writer()
    weights = made.constant(np.array([5, 7], "<f4"), shape=(2, 3), more={6: Node(change)})
    out = made.operation(DENSIFY, [weights], made.tensor("out", (2, 3)))
    with pytest.raises(Malformed, match=told):
        read_tflite(made.content([out], [out]))


def test_a_sparse_number_outside_of_its_tensor_is_refused() -> None:
    listed = Node(
        {
            0: Scalar("byte", 1), 2: Scalar("ubyte", 1), 3: Node({0: ints(0, 1, 2)}),
            4: Scalar("ubyte", 1), 5: Node({0: ints(1, 3)}),
        }
    )  # fmt: skip
    sparsity = Node({0: ints(0, 1), 2: Tables([Node({1: Scalar("int", 2)}), listed])})
    made = Writer()
    weights = made.constant(np.array([5, 7], "<f4"), shape=(2, 3), more={6: sparsity})
    out = made.operation(DENSIFY, [weights], made.tensor("out", (2, 3)))
    with pytest.raises(Malformed, match="outside of itself"):
        read_tflite(made.content([out], [out]))


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 8, b"\x08\0\0\0TFL3", b"\xff" * 64, b"\x08\0\0\0ABCD" * 9])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(Malformed):
        to_onnx(content)


def test_a_table_that_is_its_own_child_ends() -> None:
    """Every pointer leads back to the root: the reader goes down a fixed number of levels, never round."""
    content = bytearray(b"\x1c\0\0\0TFL3" + struct.pack("<10H", 14, 24, 4, 8, 12, 16, 20, 0, 0, 0) + b"\0" * 40)
    struct.pack_into("<i", content, 28, 20)
    for place in range(32, 52, 4):
        struct.pack_into("<I", content, place, (28 - place) % 2**32)
    with pytest.raises(Malformed):
        to_onnx(bytes(content))


def test_a_thousand_views_of_one_buffer_are_refused() -> None:
    """A small file can name a large buffer in every tensor; what all constants hold together has a limit."""
    made = Writer()
    first = made.constant(np.zeros(2**20, "<f2"))
    made.tensors += [made.tensors[first]] * 64
    out = made.tensor("out", (1,))
    with pytest.raises(Malformed, match="far too large"):
        read_tflite(made.content([out], [out]))


@pytest.mark.parametrize("shape", [(0, 3), (-1, 3), (2**30, 2**30), (1, 1, 1, 1, 1, 1, 1)])
def test_a_tensor_of_an_impossible_shape_is_refused(shape: tuple[int, ...]) -> None:
    made = Writer()
    out = made.tensor("out", shape)
    with pytest.raises(Malformed):
        read_tflite(made.content([out], [out]))


@pytest.mark.parametrize("stride", [0, -1, 2**31 - 1])
def test_a_window_that_cannot_be_moved_is_refused(stride: int) -> None:
    made = Writer()
    picture = made.tensor("picture", (1, 6, 6, 1))
    kernel = made.constant(np.ones((1, 3, 3, 1), "<f4"))
    out = made.operation(CONV, [picture, kernel], made.tensor("out", (1, 3, 3, 1)), conv_options(stride=stride))
    with pytest.raises(Malformed, match="window"):
        to_onnx(made.content([picture], [out]))


def test_outputs_of_another_shape_than_declared_are_refused() -> None:
    made = Writer()
    picture = made.tensor("picture", (1, 6, 6, 1))
    kernel = made.constant(np.ones((1, 3, 3, 1), "<f4"))
    out = made.operation(CONV, [picture, kernel], made.tensor("out", (1, 9, 9, 1)), conv_options(stride=2))
    with pytest.raises(Malformed, match="shape differ"):
        to_onnx(made.content([picture], [out]))


def test_an_operation_that_is_not_known_is_refused() -> None:
    made = Writer()
    picture = made.tensor("picture", (1, 2))
    out = made.operation(32, [picture], made.tensor("out", (1, 2)))  # 32: an operation of the file's own making
    with pytest.raises(Malformed, match="operation"):
        to_onnx(made.content([picture], [out]))


def test_a_file_of_another_kind_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="begin"):
        Table.root(file_of(Node({0: raw(b"x")}), identifier=b"ABCD"), b"TFL3")
    with pytest.raises(Malformed, match="too large"):
        read_tflite(b"\0" * (64 * 1024**2 + 1))


WHOLE = small()


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_cut_short_is_converted_or_refused(length: int) -> None:
    refused_or_converted(WHOLE[:length])


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_file_with_wrong_bytes_is_converted_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    refused_or_converted(bytes(content))


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE) // 4 - 1), st.sampled_from([0, 1, 4, 2**16, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1]))
def test_a_file_with_a_wild_number_is_converted_or_refused(place: int, value: int) -> None:
    content = bytearray(WHOLE)
    struct.pack_into("<I", content, 4 * place, value)
    refused_or_converted(bytes(content))


def refused_or_converted(content: bytes) -> None:
    try:
        made = to_onnx(content)
    except Malformed:
        return
    assert len(made) < 10 * len(WHOLE)
