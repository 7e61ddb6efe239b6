"""A tower that answers something else than torch is noticed, whatever way it is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from safelight.errors import BundleError
from safelight.models.export.agreement import LEAST_COSINE, compare, refuse_strangers
from safelight.models.export.samples import planes, sample_squares, sample_texts

KNOWN = np.random.default_rng(3).normal(size=(8, 64)).astype(np.float32)


def test_the_same_agrees_in_every_precision():
    agreement = compare(KNOWN, KNOWN)
    assert agreement.largest_difference == 0
    assert agreement.least_cosine == pytest.approx(1)
    for precision in LEAST_COSINE:
        refuse_strangers(agreement, precision)


@pytest.mark.parametrize(
    "wrong",
    [KNOWN[::-1], -KNOWN, np.roll(KNOWN, 1, axis=1), np.abs(KNOWN), np.zeros_like(KNOWN)],
    ids=["other rows", "sign", "shifted", "no sign", "nothing"],
)
def test_a_broken_tower_is_refused_in_every_precision(wrong):
    for precision in LEAST_COSINE:
        with pytest.raises(BundleError, match="cosine to torch"):
            refuse_strangers(compare(wrong, KNOWN), precision)


def test_one_wrong_answer_of_many_is_enough():
    wrong = KNOWN.copy()
    wrong[5] = -wrong[5]
    with pytest.raises(BundleError):
        refuse_strangers(compare(wrong, KNOWN), "int8")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_answers_that_are_no_numbers_are_refused(value):
    wrong = KNOWN.copy()
    wrong[0, 0] = value
    with pytest.raises(BundleError, match="not numbers"):
        compare(wrong, KNOWN)
    with pytest.raises(BundleError, match="not numbers"):
        compare(KNOWN, wrong)


def test_answers_of_another_shape_are_refused():
    for wrong in (KNOWN[:1], KNOWN[:, :32], KNOWN[None]):
        with pytest.raises(BundleError, match="shape"):
            compare(wrong, KNOWN)


def test_without_the_mean_a_difference_shows_that_the_plain_cosine_hides():
    far = KNOWN + 100
    near = KNOWN[::-1] + 100
    agreement = compare(near, far)
    assert agreement.least_cosine > 0.999
    assert agreement.least_centred < 0.5


@given(arrays.arrays(np.float32, (4, 8), elements=st.floats(-100, 100, width=32)), st.floats(0.5, 2))
def test_cosines_stay_cosines(known, scale):
    agreement = compare(known * np.float32(scale), known)
    assert -1.000001 <= agreement.least_centred <= 1.000001
    assert agreement.least_cosine > 0.99
    assert agreement.largest_difference >= 0


def test_samples_are_the_same_pictures_every_time_and_differ_from_each_other():
    squares = sample_squares(32, 8)
    assert squares.shape == (8, 32, 32, 3)
    assert squares.dtype == np.uint8
    assert np.array_equal(squares, sample_squares(32, 8))
    assert len({square.tobytes() for square in squares}) == 8
    assert min(square.std() for square in squares) > 10
    assert np.array_equal(sample_squares(30, 3)[:, ::2].shape, (3, 15, 30, 3))  # a side that 4 does not divide


def test_planes_are_what_a_siglip_tower_takes():
    squares = np.zeros((1, 2, 2, 3), np.uint8)
    squares[0, 0, 1] = (255, 51, 0)
    taken = planes(squares)
    assert taken.shape == (1, 3, 2, 2)
    assert taken.dtype == np.float32
    assert taken[0, :, 0, 1] == pytest.approx([1, -0.6, -1])
    assert taken[0, :, 1, 0] == pytest.approx([-1, -1, -1])


def test_sample_texts_end_and_are_padded():
    rows = sample_texts(6, tokens=16, vocabulary=500, pad_id=0, eos_id=1)
    assert rows.shape == (6, 16)
    assert rows.dtype == np.int64
    assert rows.max() < 500
    ends = [int(np.flatnonzero(row == 1)[-1]) for row in rows]
    assert ends[0] == 1
    assert ends[-1] == 15
    assert all((row[end + 1 :] == 0).all() for row, end in zip(rows, ends, strict=True))
