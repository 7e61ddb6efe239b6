import numpy as np
import pytest

from safelight.domain.features import (
    COMPONENTS,
    OF_CAPTURE,
    OF_GENERIC,
    OF_SUBJECT,
    features,
    features_of_look,
    subject,
)
from safelight.domain.frame import CaptureFacts
from safelight.domain.judges import LEAST_FRAMES
from safelight.domain.records import Assessment
from safelight.domain.succession import succession
from tests.fakes.pictures import PLAIN
from tests.fakes.taste import fake_basis

LENGTH, OTHER = 588, 96


def two_views(count, rng, *, hidden=12, other=OTHER):
    """Return how two bundles see the same photographs, which differ in `hidden` ways."""
    said = rng.normal(size=(count, hidden)) * np.linspace(2.0, 0.5, hidden)
    turns = np.random.default_rng(1)
    return tuple(
        said @ turns.normal(size=(hidden, length)) + 0.1 * rng.normal(size=(count, length))
        for length in (LENGTH, other)
    )


def look(embedding, judge):
    return Assessment(
        b"content", CaptureFacts(), PLAIN, embedding.astype(np.float16), np.zeros(8, np.uint8), 0.0, 0.0, 3, 2, judge
    )


def test_a_frame_that_only_the_old_bundle_saw_is_read_as_the_new_one_would_have_seen_it():
    rng = np.random.default_rng(2)
    before, after = two_views(600, rng)
    made = succession(fake_basis(LENGTH), before[:500], after[:500], {}).basis
    bridged = np.array([subject(made, row, bridged=True) for row in before[500:]])
    seen = np.array([subject(made, row) for row in after[500:]])
    strong = seen.var(axis=0).argsort()[::-1][:10]
    assert np.corrcoef(bridged[:, strong].ravel(), seen[:, strong].ravel())[0, 1] > 0.95


def test_components_of_the_library_have_squares_that_average_one_in_sum():
    before, after = two_views(400, np.random.default_rng(3))
    made = succession(fake_basis(LENGTH), before, after, {}).basis
    seen = np.array([subject(made, row) for row in after])
    assert 0.9 < float((seen**2).sum(axis=1).mean()) <= 1.0 + 1e-9
    assert np.allclose(made.ordinary[OF_SUBJECT, OF_SUBJECT], np.cov(seen, rowvar=False, bias=True))


def test_what_the_taste_starts_from_stays_as_it_was_shipped():
    shipped = fake_basis(LENGTH)
    before, after = two_views(LEAST_FRAMES, np.random.default_rng(4))
    made = succession(shipped, before, after, {}).basis
    assert np.array_equal(made.mean, shipped.mean) and np.array_equal(made.covariance, shipped.covariance)
    assert np.array_equal(made.ordinary[OF_GENERIC, OF_GENERIC], shipped.ordinary[OF_GENERIC, OF_GENERIC])
    assert np.array_equal(made.ordinary[OF_CAPTURE, OF_CAPTURE], shipped.ordinary[OF_CAPTURE, OF_CAPTURE])
    assert np.linalg.eigvalsh(made.covariance)[0] > 0


def test_the_judge_of_a_look_says_how_its_embedding_is_read_even_if_both_are_of_one_length():
    before, after = two_views(300, np.random.default_rng(5), other=LENGTH)
    made = succession(fake_basis(LENGTH), before, after, {}).basis
    new = features_of_look(made, (), look(after[0], "other:1:int8+fake:2:fp32/m1"))
    old = features_of_look(made, (), look(before[0], "fake:2:fp32/m1"))
    assert new is not None and old is not None
    assert np.allclose(new[OF_SUBJECT], subject(made, after[0].astype(np.float16)))
    assert np.allclose(old[OF_SUBJECT], subject(made, before[0].astype(np.float16), bridged=True))
    assert features_of_look(made, (), look(np.ones(7), "fake:2:fp32/m1")) is None
    assert features_of_look(fake_basis(LENGTH), (), look(np.ones(OTHER), "other:1:int8+fake:2:fp32/m1")) is None


def test_an_embedding_shorter_than_the_components_leaves_the_rest_at_zero():
    before, after = two_views(300, np.random.default_rng(6), other=16)
    made = succession(fake_basis(LENGTH), before, after, {}).basis
    assert made.directions.shape == (COMPONENTS, 16)
    assert not subject(made, after[0])[16:].any()
    assert np.isfinite(features(made, (), before[0], CaptureFacts(), bridged=True)).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda before, after: (before[:-1], after),
        lambda before, after: (before[: LEAST_FRAMES - 1], after[: LEAST_FRAMES - 1]),
        lambda before, after: (before, np.ones_like(after)),
    ],
)
def test_rows_that_do_not_belong_together_or_say_nothing_are_refused(spoil):
    before, after = two_views(LEAST_FRAMES, np.random.default_rng(7))
    with pytest.raises(ValueError):
        succession(fake_basis(LENGTH), *spoil(before, after), {})


def test_words_are_brought_to_the_deviation_of_the_library_and_cannot_outweigh_the_heads():
    before, after = two_views(400, np.random.default_rng(8))
    direction = np.random.default_rng(9).normal(size=OTHER)
    made = succession(fake_basis(LENGTH), before, after, {"appeal": direction})
    told = np.array([made.tilts["appeal"].z(row) for row in after])
    assert abs(told.mean()) < 0.02 and 0.95 < told.std() <= 1.001
    heads = np.random.default_rng(10).normal(size=400)
    both = np.array([made.tilted("appeal", head, row) for head, row in zip(heads, after, strict=True)])
    assert np.corrcoef(both, heads)[0, 1] > np.corrcoef(both, told)[0, 1] > 0.2
    assert 0.8 < both.std() < 1.1 and np.abs(both).max() <= 3
    assert made.tilted("quality", 1.25, after[0]) == 1.25


def test_a_direction_in_which_all_photographs_are_alike_says_nothing():
    before, after = two_views(300, np.random.default_rng(11))
    assert succession(fake_basis(LENGTH), before, after, {"appeal": np.zeros(OTHER)}).tilts == {}


def test_the_same_rows_give_the_same_succession():
    before, after = two_views(300, np.random.default_rng(12))
    one, other = (succession(fake_basis(LENGTH), before, after, {}).basis for _ in range(2))
    assert np.array_equal(one.directions, other.directions)
    assert np.array_equal(one.bridge.directions, other.bridge.directions)
