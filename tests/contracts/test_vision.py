"""What every VisionEncoder keeps to, the scripted one and those over a bundle's tower, on a processor and on a GPU."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from safelight.inference.fetched_encoder import open_vision
from safelight.models.prepare import prepare
from safelight.ports import VisionEncoder
from tests.fakes.bundles import tiny_bundle, tiny_manifest
from tests.fakes.runtime import FakeRuntime
from tests.fakes.vision import FakeVision


@pytest.fixture(scope="module", params=["scripted", "processor", "gpu"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VisionEncoder:
    if request.param == "scripted":
        return FakeVision()
    folder = tiny_bundle(tmp_path_factory.mktemp("bundles"))
    prepare(folder, tiny_manifest(), threads=1)
    return open_vision(folder, runtime=FakeRuntime() if request.param == "gpu" else None)


def squares(encoder: VisionEncoder, count: int, seed: int = 0) -> NDArray[Any]:
    side = encoder.side_px
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 5])
def test_as_many_unit_vectors_come_out_as_squares_go_in(encoder: VisionEncoder, count: int) -> None:
    said = encoder.embed(squares(encoder, count))
    assert (said.shape, said.dtype) == ((count, encoder.length), np.float32)
    assert np.allclose(np.linalg.norm(said, axis=1), 1, atol=1e-5)


def test_the_same_square_gives_the_same_bits(encoder: VisionEncoder) -> None:
    assert np.array_equal(encoder.embed(squares(encoder, 2)), encoder.embed(squares(encoder, 2)))


def test_another_square_gives_another_vector(encoder: VisionEncoder) -> None:
    one, other = encoder.embed(np.stack([squares(encoder, 1)[0], np.zeros_like(squares(encoder, 1)[0])]))
    assert not np.array_equal(one, other)


def test_neighbours_hardly_matter(encoder: VisionEncoder) -> None:
    many = squares(encoder, 4)
    alone = np.concatenate([encoder.embed(square[None]) for square in many])
    assert np.einsum("ij,ij->i", encoder.embed(many), alone).min() > 0.9999


def test_it_says_which_bundle_it_is(encoder: VisionEncoder) -> None:
    name, checksum, precision = encoder.bundle.split(":")
    assert name
    assert len(checksum) == 12
    assert precision in {"int8", "fp16", "fp32"}
    assert encoder.together >= 1
    assert all(direction.shape == (encoder.length,) for direction in encoder.directions.values())
