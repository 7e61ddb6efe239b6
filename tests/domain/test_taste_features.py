"""What of a frame a taste can weigh."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.features import CAPTURE, GENERIC, NAMES, OF_CAPTURE, OF_SUBJECT, capture, features
from safelight.domain.frame import CaptureFacts
from safelight.domain.score import Contribution, Part
from tests.fakes.taste import fake_basis

VALUES = st.floats(-3, 3)
ANY = st.none() | st.floats()


@given(st.dictionaries(st.sampled_from(GENERIC), VALUES))
def test_the_first_block_adds_up_to_the_generic_score(values: dict[str, float]) -> None:
    basis = fake_basis()
    entries = [Contribution(Part.TECHNICAL, name, value) for name, value in values.items()]
    entries.append(Contribution(Part.TASTE, "subject", 2.0))  # of an earlier taste: no part of what is weighed
    made = features(basis, entries, np.ones(588, np.float16), CaptureFacts())
    assert abs(made @ basis.generic - sum(values.values())) < 1e-9


def test_a_contribution_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="smell"):
        features(fake_basis(), [Contribution(Part.TECHNICAL, "smell", 1.0)], np.ones(588), CaptureFacts())


def test_the_length_of_an_embedding_does_not_matter_but_its_direction() -> None:
    basis, rng = fake_basis(), np.random.default_rng(1)
    embedding = rng.normal(size=588)
    one, longer, other = (
        features(basis, [], each, CaptureFacts())[OF_SUBJECT] for each in (embedding, 7 * embedding, embedding[::-1])
    )
    assert np.allclose(one, longer)
    assert not np.allclose(one, other)
    assert np.isfinite(features(basis, [], np.zeros(588), CaptureFacts())).all()
    with pytest.raises(ValueError, match="embedding"):
        features(basis, [], np.ones(12), CaptureFacts())


def test_what_a_camera_did_not_tell_is_ordinary() -> None:
    assert not capture(CaptureFacts()).any()
    assert not capture(CaptureFacts(focal_mm=35, aperture_f=4, iso=400, shutter_s=1 / 125), aspect=1.0).any()


def test_capture_facts_are_counted_in_octaves() -> None:
    told = dict(
        zip(CAPTURE, capture(CaptureFacts(focal_mm=280, iso=1600, taken_s=6 * 3600.0), aspect=0.67), strict=True)
    )
    assert told["focal"] == pytest.approx(2.0)
    assert told["iso"] == pytest.approx(1.0)
    assert told["upright"] == 1
    assert (told["hour_sin"], told["hour_cos"]) == (pytest.approx(1.0), pytest.approx(0.0))
    assert capture(CaptureFacts(orientation=6))[CAPTURE.index("upright")] == 1


@settings(max_examples=60)
@given(ANY, ANY, ANY, ANY, ANY, ANY)
def test_nonsense_from_a_camera_stays_within_bounds(
    focal: float | None, f: float | None, iso: float | None, s: float | None, at: float | None, aspect: float | None
) -> None:
    facts = CaptureFacts(focal_mm=focal, aperture_f=f, iso=iso, shutter_s=s, taken_s=at)
    made = features(fake_basis(), [], np.ones(588), facts, aspect=aspect)
    assert made.shape == (len(NAMES),)
    assert np.isfinite(made).all()
    assert np.abs(made[OF_CAPTURE]).max() <= 2.5
