"""The probability of a technical failure: bounded, monotone, and made to mean what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.score import lone_score, spread
from safelight.domain.technical import measure
from safelight.domain.technical_failure import (
    FAILED_OPINION,
    failure_probability,
    technical_failure,
    technical_failure_probability,
)
from safelight.domain.technical_terms import technical_score, technical_terms
from safelight.models.build.fit_failure import cross_fitted, logistic, report
from safelight.models.build.reliability import reliability
from tests.bench.degradations import defocused, to_picture
from tests.domain.pictures import fog, moon, scene, sunset

scores = st.floats(-50, 50)


@given(st.floats())
def test_it_is_a_probability_whatever_the_score(score: float) -> None:
    told = technical_failure_probability(score)
    assert np.isfinite(told) and 0 <= told <= 1


@given(scores, scores)
def test_a_better_score_never_raises_it(one: float, other: float) -> None:
    worse, better = sorted((one, other))
    assert technical_failure_probability(better) <= technical_failure_probability(worse)


def test_an_ordinary_frame_is_no_failure_and_a_dreadful_one_is() -> None:
    assert technical_failure_probability(0.0) < 0.01
    assert technical_failure_probability(-2.5) > 0.95
    assert 0 < FAILED_OPINION < 1


def test_not_a_number_condemns_nobody() -> None:
    assert technical_failure_probability(float("nan")) == 0


@pytest.mark.parametrize("quality", [0.0, 1.0])
def test_moon_fog_and_sunset_are_unlikely_failures_where_the_head_says_nothing_bad(quality: float) -> None:
    for picture in (moon(), fog(), sunset()):
        told = technical_failure_probability(technical_score(technical_terms(measure(picture), quality)))
        assert told < 0.5
        assert technical_failure(measure(picture)) is None


def test_a_blurred_frame_is_likelier_to_fail_than_the_sharp_one() -> None:
    photo = scene()
    soft = to_picture(defocused((photo / 255.0) ** 2.2, 6.0))
    sharp, blurred = (
        technical_failure_probability(technical_score(technical_terms(measure(picture), quality)))
        for picture, quality in ((photo, 0.5), (soft, -1.5))
    )
    assert blurred > 10 * sharp


def made_up(number: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    score = rng.normal(size=number)
    return score, rng.random(number) < 1 / (1 + np.exp(2 + 3 * score))


def test_the_fit_finds_what_made_the_data() -> None:
    bias, slope = logistic(*made_up())
    assert bias == pytest.approx(-2, abs=0.25)
    assert slope == pytest.approx(-3, abs=0.35)


def test_the_fit_ends_where_score_and_failure_part_without_an_error() -> None:
    score = np.linspace(-1, 1, 50)
    assert np.isfinite(logistic(score, score < 0)).all()


def test_a_true_probability_is_reliable_and_a_bold_one_is_not() -> None:
    score, failed = made_up()
    true = 1 / (1 + np.exp(2 + 3 * score))
    honest, bold = reliability(true, failed), reliability(np.where(true > 0.5, 1.0, 0.0), failed)
    assert honest.number == len(score) and len(honest.bins) == 10
    assert honest.error < 0.02 < bold.error
    assert honest.brier < bold.brier < honest.brier_of_mean
    assert sum(each.number * each.observed for each in honest.bins) == pytest.approx(failed.sum())


def test_nothing_cannot_be_compared_and_little_can() -> None:
    with pytest.raises(ValueError, match="no probabilities"):
        reliability(np.zeros(0), np.zeros(0, np.bool_))
    assert reliability(np.array([0.2, 0.9]), np.array([False, True])).number == 2


def test_what_was_told_of_a_picture_did_not_see_its_group() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 5)
    score = np.repeat(rng.normal(size=40), 5)
    failed = np.repeat(rng.random(40) < 0.5, 5)
    told = cross_fitted(score, failed, groups)
    assert float(np.corrcoef(told, failed)[0, 1]) < 0.2, "there is nothing to be known, so nothing may be remembered"
    held, lines = report(score, failed, groups)
    assert held.number == 200
    assert any("_BIAS, _SLOPE" in line for line in lines)


def test_an_unlikely_failure_is_held_back_and_a_likely_one_is_not() -> None:
    white = measure(np.full((300, 400, 3), 255, dtype=np.uint8))
    assert technical_failure(white, probability=0.009) is None
    condemned = technical_failure(white, probability=0.011)
    assert condemned is not None and condemned.name == "burnt"
    assert technical_failure(measure(scene()), probability=1.0) is None, "a probability is no reason by itself"


def test_a_rating_tells_the_same_from_its_contributions_whatever_its_burst() -> None:
    terms = [technical_terms(measure(picture), quality) for picture, quality in ((scene(), 0.4), (fog(), -1.6))]
    lone = [lone_score([(term.name, term.value) for term in own], 1.5) for own in terms]
    for own, score in zip(terms, spread(lone, [1.0, -1.0]), strict=True):
        told = failure_probability(score.contributions)
        assert told == pytest.approx(technical_failure_probability(technical_score(own)), abs=2e-3)
