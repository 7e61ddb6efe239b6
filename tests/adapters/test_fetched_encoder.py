"""The vision tower of a fetched bundle: unit vectors that no neighbour changes, a sentence for whatever is wrong."""

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import VisionGraph, read_fetched
from safelight.inference.fetched_encoder import open_vision
from safelight.inference.square_encoder import SquareEncoder, prepared
from safelight.models.prepare import packed, prepare, saved
from safelight.ports import VisionEncoder
from tests.fakes.bundles import NAME, tiny_bundle, tiny_manifest
from tests.fakes.graphs import HALF, LENGTH, SIDE, bundle, tower
from tests.fakes.runtime import FakeRuntime


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_bundle(tmp_path_factory.mktemp("bundles"))
    prepare(folder, tiny_manifest(), threads=1)
    return folder


@pytest.fixture(scope="module")
def encoder(tiny: Path) -> SquareEncoder:
    return open_vision(tiny)


def made(folder: Path) -> Path:
    """Prepare a bundle in its folder, as an installation does."""
    prepare(folder, read_fetched((folder / "manifest.toml").read_bytes(), folder / "manifest.toml"), threads=1)
    return folder


def squares(seed: int, count: int = 1, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_it_is_the_port(encoder: SquareEncoder) -> None:
    port: VisionEncoder = encoder
    assert (port.length, port.side_px, port.together) == (64, 32, 1)
    assert port.bundle.startswith(f"{NAME}:")
    assert port.bundle.endswith(":int8")


def test_one_line_says_what_it_runs_on_and_why(tiny: Path) -> None:
    said: list[str] = []
    open_vision(tiny, accelerator="cpu", say=said.append)
    assert said == ["cpu: The settings ask for the processor."]


@given(small=arrays.arrays(np.uint8, (2, 4, 4, 3)))
@settings(max_examples=25)
def test_every_picture_gives_a_finite_vector_of_length_one(encoder: SquareEncoder, small: NDArray[np.uint8]) -> None:
    said = encoder.embed(small.repeat(8, axis=1).repeat(8, axis=2))
    assert (said.shape, said.dtype) == ((2, 64), np.float32)
    assert np.allclose(np.linalg.norm(said, axis=1), 1, atol=1e-5)


@given(count=st.integers(1, 6), seed=st.integers(0, 99))
@settings(max_examples=10)
def test_no_neighbour_changes_what_is_said_of_a_picture(encoder: SquareEncoder, count: int, seed: int) -> None:
    several = squares(seed, count)
    alone = np.concatenate([encoder.embed(square[None]) for square in several])
    assert np.array_equal(encoder.embed(several), alone)


def test_nothing_gives_nothing(encoder: SquareEncoder) -> None:
    assert encoder.embed(squares(1, 0)).shape == (0, 64)


def test_several_threads_over_one_session_give_the_same(encoder: SquareEncoder) -> None:
    several = [squares(seed) for seed in range(12)]
    alone = [encoder.embed(square) for square in several]
    with ThreadPoolExecutor(4) as pool:
        assert all(map(np.array_equal, pool.map(encoder.embed, several), alone))


def test_more_threads_of_the_library_give_the_same_bits(tiny: Path, encoder: SquareEncoder) -> None:
    assert np.array_equal(open_vision(tiny, threads=2).embed(squares(4)), encoder.embed(squares(4)))


def test_views_and_read_only_pictures_are_taken(encoder: SquareEncoder) -> None:
    several = squares(5, 4)
    mirrored = several[::-1, :, ::-1]
    assert np.array_equal(encoder.embed(mirrored), encoder.embed(mirrored.copy()))
    several.flags.writeable = False
    assert np.isfinite(encoder.embed(several)).all()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((32, 32, 3), np.uint8), np.zeros((1, 32, 32, 4), np.uint8), np.zeros((1, 31, 32, 3), np.uint8),
        np.zeros((1, 3, 32, 32), np.uint8), np.zeros((1, 32, 32, 3), np.float32),
    ],
)  # fmt: skip
def test_squares_of_another_shape_are_refused(encoder: SquareEncoder, wrong: NDArray[Any]) -> None:
    with pytest.raises(BundleError, match="was given squares"):
        encoder.embed(wrong)


@given(
    values=arrays.arrays(np.uint8, (2, 16, 16, 3)),
    mean=st.floats(0, 255),
    deviation=st.floats(1, 255),
)
@settings(max_examples=25)
def test_squares_are_prepared_as_the_manifest_says(values: NDArray[np.uint8], mean: float, deviation: float) -> None:
    batch = prepared(values, VisionGraph(side_px=16, length=1, mean=mean, deviation=deviation))
    exact = (values.astype(np.float64) - mean) / deviation
    assert (batch.dtype, batch.shape, batch.flags.c_contiguous) == (np.float32, (2, 3, 16, 16), True)
    assert np.allclose(batch, exact.transpose(0, 3, 1, 2), rtol=1e-4, atol=1e-4)


def test_siglip_is_given_minus_one_to_one() -> None:
    ends = np.array([0, 255], np.uint8).repeat(16 * 16 * 3).reshape(2, 16, 16, 3)
    batch = prepared(ends, VisionGraph(side_px=16, length=1))
    assert (batch[0].min(), batch[1].max()) == (-1.0, 1.0)


# --- models that are not what the manifest says -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "model, said",
    [
        (b"", "vision_int8.onnx"),
        (b"this is no model" * 100, "vision_int8.onnx"),
        (tower()[:400], "vision_int8.onnx"),
        (tower(side=20), r"pictures of the shape \(3, 20, 20\) instead of \(3, 16, 16\)"),
        (tower(channels=1), r"pictures of the shape \(1, 16, 16\)"),
        (tower(length=10), "answers 10 numbers instead of 12"),
        (tower(given="image"), "takes image instead of pixel_values"),
        (tower(answers="features"), "answers features and no pooler_output"),
        (tower(batch=4), "in batches of 4"),
        (tower(wrong="rank"), "answers with numbers along 3 axes instead of 2"),
        (tower(wrong="nan"), "not finite or all zero"),
        (tower(wrong="zero"), "not finite or all zero"),
        (tower(wrong="external"), r"vision_int8\.onnx: The model keeps its weights in another file, which is not supp"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, model: bytes, said: str) -> None:
    folder = bundle(tmp_path / "b", {("int8", "cpu"): model or b"\0"})
    (folder / "made").mkdir()
    (folder / "made" / "golden_vision.npy").write_bytes(saved(np.ones(LENGTH, np.float16)))
    with pytest.raises(BundleError, match=said) as caught:
        open_vision(folder)
    assert "'stand-in' cannot be used: " in caught.value.summary
    assert caught.value.hint


def test_a_tower_that_takes_half_precision_is_given_it(tmp_path: Path) -> None:
    half, whole = (
        open_vision(made(bundle(tmp_path / name, {("fp32", ""): tower(kind=kind)})))
        for name, kind in (("half", HALF), ("whole", 1))
    )
    one, other = half.embed(squares(1, 2, SIDE)), whole.embed(squares(1, 2, SIDE))
    assert one.dtype == np.float32
    assert np.allclose(one, other, atol=5e-3)
    assert not np.array_equal(one, other)


def test_a_tower_for_one_picture_a_run_is_taken(tmp_path: Path) -> None:
    encoder = open_vision(made(bundle(tmp_path / "b", {("int8", ""): tower(batch=1)})))
    assert encoder.embed(squares(1, 3, SIDE)).shape == (3, LENGTH)


def test_a_tower_for_one_picture_a_run_is_given_one_on_a_gpu(tmp_path: Path) -> None:
    runtime = FakeRuntime()
    encoder = open_vision(made(bundle(tmp_path / "b", {("fp32", ""): tower(batch=1)})), runtime=runtime)
    assert (encoder.provider.name, encoder.together) == ("cuda", 1)


def test_a_model_that_fails_later_names_its_bundle(tmp_path: Path) -> None:
    runtime = FakeRuntime()
    encoder = open_vision(made(bundle(tmp_path / "b", {("fp32", ""): tower()})), runtime=runtime)
    runtime.fault = "CUDA failure 999: unknown error\nat line 7"
    with pytest.raises(BundleError, match=r"'stand-in' failed: .*unknown error") as caught:
        encoder.embed(squares(1, 1, SIDE))
    assert "line 7" not in caught.value.summary


# --- what was computed at install -------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return made(bundle(tmp_path / "own", {("int8", "cpu"): tower()}))


def golden(value: NDArray[Any]) -> Callable[[Path], object]:
    return lambda made: (made / "golden_vision.npy").write_bytes(saved(value))


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda made: (made / "golden_vision.npy").unlink(), "was not computed"),
        (lambda made: (made / "golden_vision.npy").write_bytes(b"rubbish"), "reference cannot be read"),
        (golden(np.ones(5, np.float16)), "does not fit"),
        (golden(np.full(LENGTH, np.nan, np.float16)), "comes out wrong"),
        (golden(np.ones(LENGTH, np.float16)), "comes out wrong"),
        (lambda made: (made / "directions.npz").write_bytes(b"rubbish"), "directions cannot be read"),
        (lambda made: (made / "directions.npz").write_bytes(packed({"quality": np.ones(12)})), "directions"),
        (
            lambda made: (made / "directions.npz").write_bytes(packed({"quality": np.ones(3), "appeal": np.ones(3)})),
            "do not fit",
        ),
        (
            lambda made: (made / "directions.npz").write_bytes(
                packed({"quality": np.ones(12), "appeal": np.full(12, np.nan)})
            ),
            "do not fit",
        ),
    ],
)
def test_what_was_computed_at_install_has_to_fit(own: Path, spoil: Callable[[Path], object], said: str) -> None:
    assert open_vision(own).length == LENGTH
    spoil(own / "made")
    with pytest.raises(BundleError, match=said):
        open_vision(own)


def test_a_pickle_in_place_of_the_directions_is_not_loaded(own: Path) -> None:
    content = io.BytesIO()
    np.savez(content, quality=np.array([object()]), appeal=np.zeros(12), allow_pickle=True)
    (own / "made" / "directions.npz").write_bytes(content.getvalue())
    with pytest.raises(BundleError, match="directions cannot be read"):
        open_vision(own)


def test_directions_come_with_the_encoder(tiny: Path, encoder: SquareEncoder, own: Path) -> None:
    assert {name: direction.shape for name, direction in encoder.directions.items()} == {
        "quality": (64,),
        "appeal": (64,),
    }
    assert open_vision(own).directions == {}


def test_a_folder_that_cannot_be_written_serves(own: Path) -> None:
    for path in (own, own / "made"):
        path.chmod(0o500)
    before = sorted(os.walk(own))
    assert open_vision(own).length == LENGTH
    assert sorted(os.walk(own)) == before
    for path in (own, own / "made"):
        path.chmod(0o700)
