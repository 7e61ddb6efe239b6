"""The encoder: finite, of length 1, the same for the same picture, and silent about nothing that is wrong."""

import io
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.bundle import Bundle
from safelight.inference.encoder import BundleEncoder, open_encoder
from safelight.inference.golden import check_golden, read_golden, reference_picture
from safelight.inference.heads import SOFT_LIMIT, Heads, read_heads, write_heads
from safelight.inference.manifest import read_manifest
from safelight.inference.session import describe_runtime, open_session
from safelight.models.embedded import embedded_bundle, open_embedded
from safelight.models.shipped import EMBEDDED
from safelight.ports import Encoder

NUMBERS = 1280 + 744


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def bundle(cache: Path) -> Bundle:
    return embedded_bundle(cache=cache)


@pytest.fixture(scope="module")
def encoder(cache: Path) -> BundleEncoder:
    return open_embedded(cache=cache)


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (224, 224, 3), dtype=np.uint8)


class Says:
    """A session that answers what it is told to."""

    def __init__(
        self, *, embedding: float = 1.0, tap: float = 1.0, lengths: Mapping[str, int | None] | None = None
    ) -> None:
        told = read_manifest(EMBEDDED).outputs
        self.sizes = dict(zip((told.embedding, *told.taps), (told.length, *told.tap_lengths), strict=True))
        self.outputs: dict[str, int | None] = dict(lengths if lengths is not None else self.sizes)
        self.embedding, self.tap = embedding, tap

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        del inputs
        values = [self.embedding] + [self.tap] * (len(outputs) - 1)
        return [np.full((1, self.sizes[name]), value, np.float32) for name, value in zip(outputs, values, strict=True)]


def encoder_over(session: Says) -> BundleEncoder:
    heads = Heads(np.zeros((2, NUMBERS)), np.zeros(2))
    return BundleEncoder(session=session, manifest=read_manifest(EMBEDDED), bundle="b", heads=heads)


def test_it_is_the_port(encoder: BundleEncoder) -> None:
    port: Encoder = encoder
    assert port.length == 1280
    assert port.bundle.startswith("embedded:")
    assert port.bundle.endswith(":fp32")
    assert len(port.bundle) == len("embedded:123456789012:fp32")


@given(small=arrays.arrays(np.uint8, (7, 7, 3)))
@settings(max_examples=15, deadline=None)
def test_every_picture_gives_a_finite_unit_vector_and_bounded_numbers(
    encoder: BundleEncoder, small: NDArray[np.uint8]
) -> None:
    said = encoder.encode(np.ascontiguousarray(small.repeat(32, axis=0).repeat(32, axis=1)))
    assert said.embedding.shape == (1280,)
    assert said.embedding.dtype == np.float32
    assert np.isclose(np.linalg.norm(said.embedding), 1, atol=1e-5)
    assert -SOFT_LIMIT <= said.quality <= SOFT_LIMIT
    assert -SOFT_LIMIT <= said.appeal <= SOFT_LIMIT


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_uniform_picture_is_encoded_like_any_other(encoder: BundleEncoder, level: int) -> None:
    said = encoder.encode(np.full((224, 224, 3), level, np.uint8))
    assert np.isfinite(said.embedding).all()
    assert np.isfinite([said.quality, said.appeal]).all()


def test_the_same_picture_gives_the_same_bits_whatever_came_before(encoder: BundleEncoder, cache: Path) -> None:
    first = encoder.encode(noise(1))
    encoder.encode(noise(2))
    for other in (encoder.encode(noise(1)), open_embedded(cache=cache).encode(noise(1))):
        assert np.array_equal(first.embedding, other.embedding)
        assert (first.quality, first.appeal) == (other.quality, other.appeal)


def test_an_answer_is_not_changed_by_the_next_one(encoder: BundleEncoder) -> None:
    first = encoder.encode(noise(1))
    before = first.embedding.copy()
    encoder.encode(noise(2))
    assert np.array_equal(first.embedding, before)


def test_a_mirrored_view_is_encoded_as_its_copy(encoder: BundleEncoder) -> None:
    view = noise(3)[:, ::-1]
    assert np.array_equal(encoder.encode(view).embedding, encoder.encode(view.copy()).embedding)


def test_a_read_only_picture_is_encoded(encoder: BundleEncoder) -> None:
    picture = noise(3)
    picture.flags.writeable = False
    assert np.isfinite(encoder.encode(picture).quality)


@pytest.mark.parametrize(
    "thumb",
    [
        np.zeros((224, 224), np.uint8), np.zeros((224, 224, 4), np.uint8), np.zeros((223, 224, 3), np.uint8),
        np.zeros((1, 224, 224, 3), np.uint8), np.zeros((224, 224, 3), np.float32),
    ],
)  # fmt: skip
def test_a_picture_of_another_shape_is_refused(encoder: BundleEncoder, thumb: NDArray[Any]) -> None:
    with pytest.raises(BundleError, match="was given a picture"):
        encoder.encode(thumb)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf"), 0.0])
def test_an_embedding_that_is_not_finite_or_is_nothing_is_refused(wrong: float) -> None:
    with pytest.raises(BundleError, match="not finite"):
        encoder_over(Says(embedding=wrong)).encode(noise(1))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_an_inner_output_that_is_not_finite_is_refused(wrong: float) -> None:
    with pytest.raises(BundleError, match="not finite"):
        encoder_over(Says(tap=wrong)).encode(noise(1))


def test_the_session_of_those_tests_is_taken_when_nothing_is_wrong() -> None:
    assert np.isclose(np.linalg.norm(encoder_over(Says()).encode(noise(1)).embedding), 1)


@pytest.mark.parametrize("lengths", [{}, {"features": 1280}, {"features": 768}])
def test_a_model_without_the_outputs_of_its_manifest_is_refused(lengths: dict[str, int | None]) -> None:
    with pytest.raises(BundleError, match="outputs"):
        encoder_over(Says(lengths=lengths))


def test_a_damaged_model_is_refused(bundle: Bundle) -> None:
    for content in (b"", b"not a model", bundle.model[: len(bundle.model) // 2]):
        with pytest.raises(BundleError):
            open_session(content)


def test_a_provider_that_is_not_there_is_named(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="NoSuchProvider"):
        open_session(bundle.model, providers=["NoSuchProvider"])


def test_an_input_of_the_wrong_name_or_type_ends_in_our_error(bundle: Bundle) -> None:
    session = open_session(bundle.model)
    with pytest.raises(BundleError):
        session.run(["features"], {"other": noise(1)[None]})
    with pytest.raises(BundleError):
        session.run(["features"], {"image": noise(1)[None].astype(np.float32)})
    with pytest.raises(BundleError):
        session.run(["no such output"], {"image": noise(1)[None]})


# --- the reference picture: swapped colours, a wrong scale, a shifted grid and NaN are all noticed --------------------


def golden_of(bundle: Bundle) -> NDArray[np.float32]:
    return read_golden(bundle.golden, length=1280)


def test_the_reference_picture_never_changes() -> None:
    picture = reference_picture(224)
    weighted = (picture.astype(np.int64) * (np.arange(picture.size).reshape(picture.shape) % 251 + 1)).sum()
    assert picture.shape == (224, 224, 3)
    assert int(weighted) == 2_026_076_987


@pytest.mark.parametrize(
    "wrong",
    [
        lambda picture: picture[:, :, ::-1],
        lambda picture: picture // 2,
        lambda picture: 255 - picture,
        lambda picture: picture[::-1],
        lambda picture: np.roll(picture, 16, axis=1),
    ],
    ids=["channels swapped", "half the scale", "negative", "upside down", "shifted"],
)
def test_a_session_that_sees_it_wrongly_is_refused(encoder: BundleEncoder, bundle: Bundle, wrong: Any) -> None:
    answer = encoder.encode(wrong(reference_picture(224))).embedding
    with pytest.raises(BundleError, match="cannot be trusted"):
        check_golden(answer, golden_of(bundle), min_cosine=0.99)


def test_a_bundle_with_the_golden_file_of_another_model_is_refused(bundle: Bundle) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(1280, np.float16))
    with pytest.raises(BundleError, match="cannot be trusted"):
        open_encoder(Bundle(bundle.manifest, bundle.model, bundle.model_sha256, bundle.heads, buffer.getvalue()))


def test_a_golden_answer_of_nan_is_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError):
        check_golden(np.full(1280, np.nan, np.float32), golden_of(bundle), min_cosine=0.99)


def test_the_right_answer_is_far_above_the_limit(encoder: BundleEncoder, bundle: Bundle) -> None:
    check_golden(encoder.encode(reference_picture(224)).embedding, golden_of(bundle), min_cosine=0.9999)


@pytest.mark.parametrize("content", [b"", b"rubbish", pickle.dumps([1.0] * 1280)])
def test_a_golden_file_that_is_rubbish_or_a_pickle_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError):
        read_golden(content, length=1280)


# --- heads ------------------------------------------------------------------------------------------------------------


def test_heads_come_back_from_their_file() -> None:
    rng = np.random.default_rng(0)
    heads = Heads(rng.normal(size=(2, 9)), rng.normal(size=2))
    back = read_heads(write_heads(heads), numbers=9)
    assert np.allclose(back.weights, heads.weights, rtol=1e-6)
    assert write_heads(back) == write_heads(heads)


def hostile_heads() -> dict[str, bytes]:
    fine = Heads(np.zeros((2, 9)), np.zeros(2))
    pickled = io.BytesIO()
    np.savez(pickled, weights=np.array([object()]), bias=np.zeros(2), allow_pickle=True)
    lacking = io.BytesIO()
    np.savez(lacking, weights=np.zeros((2, 9)))
    return {
        "empty": b"",
        "text": b"rubbish",
        "cut short": write_heads(fine)[:-30],
        "pickled": pickled.getvalue(),
        "without a bias": lacking.getvalue(),
        "of another model": write_heads(Heads(np.zeros((2, 8)), np.zeros(2))),
        "one head": write_heads(Heads(np.zeros((1, 9)), np.zeros(1))),
        "not finite": write_heads(Heads(np.full((2, 9), np.nan), np.zeros(2))),
    }


@pytest.mark.parametrize("kind", list(hostile_heads()))
def test_heads_that_are_anything_else_are_refused(kind: str) -> None:
    with pytest.raises(BundleError):
        read_heads(hostile_heads()[kind], numbers=9)


@given(arrays.arrays(np.float32, 9, elements=st.floats(-1e6, 1e6, width=32)))
@settings(max_examples=50, deadline=None)
def test_heads_end_softly(outputs: NDArray[np.float32]) -> None:
    heads = Heads(np.stack([np.ones(9), -np.ones(9)]), np.zeros(2))
    up, down = heads.score(outputs[None])
    assert -SOFT_LIMIT <= up <= SOFT_LIMIT
    assert np.isclose(up, -down)


def test_a_small_score_is_left_as_it_is() -> None:
    said = Heads(np.eye(2), np.zeros(2)).score(np.array([[0.1, -0.1]], np.float32))
    assert np.allclose(said, (0.1, -0.1), atol=1e-3)


def test_quality_is_the_mean_of_the_views_and_appeal_that_of_the_whole() -> None:
    heads = Heads(np.array([[1.0, 0.0], [1.0, 0.0]]), np.zeros(2))
    quality, appeal = heads.score(np.array([[0.1, 9.0], [0.3, -9.0]], np.float32))
    assert np.allclose((quality, appeal), (0.2, 0.1), atol=2e-3)


def test_a_closer_look_changes_the_quality_and_nothing_else(encoder: BundleEncoder) -> None:
    whole, closer = encoder.encode(noise(1)), encoder.encode(noise(1), noise(2) // 4)
    assert closer.quality != whole.quality
    assert closer.appeal == whole.appeal
    assert np.array_equal(closer.embedding, whole.embedding)
    twice = encoder.encode(noise(1), noise(1))
    assert (twice.quality, twice.appeal) == (whole.quality, whole.appeal)


def test_a_closeup_of_another_shape_is_refused(encoder: BundleEncoder) -> None:
    with pytest.raises(BundleError, match="was given a picture"):
        encoder.encode(noise(1), np.zeros((100, 100, 3), np.uint8))


# --- the library that runs models -------------------------------------------------------------------------------------


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_importing_us_loads_neither_onnxruntime_nor_onnx() -> None:
    code = "import sys, safelight.models.embedded, safelight.inference.encoder, safelight.inference.session; "
    code += "print([name for name in ('onnxruntime', 'onnx') if name in sys.modules])"
    assert run(code) == "[]"


def test_a_cached_model_needs_no_onnx(cache: Path, bundle: Bundle) -> None:
    code = "import sys; sys.modules['onnx'] = None; from pathlib import Path; "
    code += "from safelight.models.embedded import open_embedded; print(open_embedded(cache=Path(sys.argv[1])).bundle)"
    assert run(code, str(cache)) == bundle.id


def test_without_onnxruntime_it_says_what_to_install(cache: Path) -> None:
    code = """
import sys
sys.modules["onnxruntime"] = None
from pathlib import Path
from safelight.errors import BundleError
from safelight.inference.session import describe_runtime
from safelight.models.embedded import open_embedded
try:
    open_embedded(cache=Path(sys.argv[1]))
except BundleError as error:
    print(error.summary, error.hint, describe_runtime().problem)
"""
    said = run(code, str(cache))
    assert said.count("onnxruntime, cannot be loaded") == 2
    assert "pip install onnxruntime" in said


def test_without_onnx_it_says_what_to_install(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["onnx"] = None
from pathlib import Path
from safelight.errors import BundleError
from safelight.models.embedded import open_embedded
try:
    open_embedded(cache=Path(sys.argv[1]))
except BundleError as error:
    print(error.summary, error.hint)
"""
    said = run(code, str(tmp_path))
    assert "onnx, cannot be loaded" in said
    assert "pip install onnx" in said


def installed(site: Path, name: str, version: str) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_both_packages_of_onnxruntime_at_once_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert describe_runtime().problem == ""
    installed(tmp_path, "onnxruntime", "9.9.9")
    installed(tmp_path, "onnxruntime-gpu", "9.9.8")
    monkeypatch.syspath_prepend(str(tmp_path))
    runtime = describe_runtime()
    assert runtime.packages["onnxruntime-gpu"] == "9.9.8"
    assert "onnxruntime and onnxruntime-gpu" in runtime.problem
    assert "CPUExecutionProvider" in runtime.providers
    assert runtime.version
