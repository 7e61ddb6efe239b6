"""What every Decoder and Encoder keeps to, the scripted ones and the real ones."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from safelight.app.judging import open_encoder
from safelight.app.settings import settings
from safelight.decoding.workers import WorkerPool
from safelight.errors import BundleError, Unreadable
from safelight.ports import Decoder, Encoder, Examined, Refused, Request
from tests.fakes.pictures import FakeDecoder, FakeEncoder
from tests.faults.shoot import make_shoot


@pytest.fixture(params=["scripted", "workers"])
def decoder(request: pytest.FixtureRequest) -> Iterator[Decoder]:
    scripted = FakeDecoder(refuses={"gone.jpg": Unreadable("It is gone.")})
    made: Decoder = scripted if request.param == "scripted" else WorkerPool(jobs=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_shoot(tmp_path_factory.mktemp("shoot"), scenes=3, frames_each=2)


def test_every_request_is_answered_once(decoder: Decoder, photographs: list[Path]) -> None:
    requests = [Request(key, (path,)) for key, path in enumerate(photographs)]
    answers = list(decoder.examine(requests))
    assert sorted(answer.key for answer in answers) == list(range(len(photographs)))
    assert all(isinstance(answer, Examined) for answer in answers)


def test_what_is_examined_is_a_thumb_with_finite_measures(decoder: Decoder, photographs: list[Path]) -> None:
    (answer,) = decoder.examine([Request(7, (photographs[0],))])
    assert isinstance(answer, Examined)
    assert (answer.key, answer.source) == (7, photographs[0])
    assert (answer.thumb.shape, answer.thumb.dtype) == ((224, 224, 3), np.uint8)
    assert all(np.isfinite(value) for value in answer.measures.as_dict().values())


def test_a_missing_file_is_refused_and_the_others_are_answered(decoder: Decoder, photographs: list[Path]) -> None:
    gone = photographs[0].with_name("gone.jpg")
    answers = {answer.key: answer for answer in decoder.examine([Request(1, (gone,)), Request(2, (photographs[0],))])}
    assert isinstance(answers[1], Refused)
    assert answers[1].error.summary
    assert isinstance(answers[2], Examined)


def test_requests_are_pulled_a_few_ahead_only(decoder: Decoder, photographs: list[Path]) -> None:
    pulled = []

    def requests() -> Iterator[Request]:
        for key in range(40):
            pulled.append(key)
            yield Request(key, (photographs[key % len(photographs)],))

    next(iter(decoder.examine(requests())))
    assert len(pulled) <= 8


@pytest.fixture(scope="module", params=["scripted", "bundle"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    if request.param == "scripted":
        return FakeEncoder()
    cache = str(tmp_path_factory.mktemp("cache"))
    return open_encoder(settings({**os.environ, "XDG_CACHE_HOME": cache}))


def random_thumb(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (224, 224, 3), dtype=np.uint8)


def test_embeddings_have_length_one_and_repeat_to_the_bit(encoder: Encoder) -> None:
    one, again = encoder.encode(random_thumb(1)), encoder.encode(random_thumb(1))
    assert one.embedding.shape == (encoder.length,)
    assert abs(float(np.linalg.norm(one.embedding)) - 1) < 1e-5
    assert np.array_equal(one.embedding, again.embedding)
    assert np.isfinite([one.quality, one.appeal]).all()


def test_a_bundle_names_itself_with_sum_and_precision(encoder: Encoder) -> None:
    name, checksum, precision = encoder.bundle.split(":")
    assert name
    assert len(checksum) == 12
    assert precision in {"fp32", "fp16", "int8"}


def test_the_bundle_refuses_a_thumb_of_another_shape(tmp_path: Path) -> None:
    encoder = open_encoder(settings({**os.environ, "XDG_CACHE_HOME": str(tmp_path)}))
    with pytest.raises(BundleError):
        encoder.encode(np.zeros((100, 100, 3), np.uint8))
