"""Intervals, calibration and the sentences made of them."""

from dataclasses import replace

import numpy as np
import pytest

from safelight.domain.evaluation import Measured
from safelight.domain.evaluation_calibration import calibration
from safelight.domain.evaluation_intervals import Agreement, Draws
from safelight.domain.evaluation_words import verdict


def drawn(unit, weight=None, seed=0):
    weight = np.ones(len(unit)) if weight is None else weight
    return Draws(np.asarray(unit), weight, rng=np.random.default_rng(seed))


def test_rows_of_one_unit_are_one_piece_of_evidence():
    rng = np.random.default_rng(1)
    right = (rng.random(100) < 0.7).astype(float)
    single = drawn(np.arange(100)).mean(right)
    repeated = drawn(np.repeat(np.arange(100), 9), np.full(900, 1 / 9)).mean(np.repeat(right, 9))
    assert repeated.share == pytest.approx(single.share)
    assert repeated.high - repeated.low == pytest.approx(single.high - single.low, abs=0.01)


def test_the_interval_covers_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    held = 0
    for seed in range(200):
        reached = drawn(np.arange(120), seed=seed).mean((rng.random(120) < 0.6).astype(float))
        held += reached.low <= 0.6 <= reached.high
    assert 0.95 * 200 <= held < 200


def test_an_interval_lies_around_its_share():
    reached = drawn(np.arange(80)).mean((np.arange(80) % 4 > 0).astype(float))
    assert reached.low < reached.share == 0.75 < reached.high


def calibrated(probability, right, seed=0):
    """`right`: whether what was foretold came true; told from the winner's side, as the report does."""
    from_winner = np.where(right, probability, 1 - probability)
    number = np.arange(len(probability))
    rng = np.random.default_rng(seed)
    return calibration(from_winner, decision=number, unit=number, weight=np.ones(len(number)), rng=rng)


def test_a_perfect_prophet_has_no_more_error_than_chance():
    rng = np.random.default_rng(3)
    certainty = rng.uniform(0.5, 1, 3000)
    found = calibrated(certainty, rng.random(3000) < certainty)
    assert found.error < 0.03
    assert found.error == pytest.approx(found.by_chance, abs=0.015)


def test_a_boaster_is_found_out():
    rng = np.random.default_rng(4)
    found = calibrated(np.full(2000, 0.95), rng.random(2000) < 0.6)
    assert found.error == pytest.approx(0.35, abs=0.03)
    assert found.error > 10 * found.by_chance
    (only,) = found.bins
    assert only.expected == pytest.approx(0.95) and only.observed.high < 0.7


def test_few_decisions_have_much_error_by_chance():
    rng = np.random.default_rng(5)
    certainty = rng.uniform(0.5, 1, 2000)
    many = calibrated(certainty, rng.random(2000) < certainty)
    few = calibrated(certainty[:50], rng.random(50) < certainty[:50])
    assert few.by_chance > 3 * many.by_chance


def test_bins_hold_all_decisions_and_ties_count_half():
    found = calibrated(np.repeat([0.5, 0.64, 0.75, 0.85, 1.0], 20), np.repeat([True, False, True, True, True], 20))
    assert sum(each.decisions for each in found.bins) == 100
    assert [each.observed.share for each in found.bins] == [0.5, 0.0, 1.0, 1.0, 1.0]


SOME = Agreement(0.66, 0.58, 0.73)
LINES = {"personal": SOME, "generic": Agreement(0.55, 0.47, 0.62)}
LED = Measured(412, 200, LINES, Agreement(0.11, 0.04, 0.18))


def test_a_lead_is_claimed_only_where_it_is_more_than_chance():
    assert "better by more than chance" in verdict(LED)
    assert "66 %" in verdict(LED).replace("\N{NO-BREAK SPACE}", " ")
    level = verdict(replace(LED, lead=Agreement(0.05, -0.02, 0.12)))
    assert "not yet distinguishable" in level and "better" not in level
    assert "worse by more than chance" in verdict(replace(LED, lead=Agreement(-0.11, -0.18, -0.04)))


@pytest.mark.parametrize("found", [0, 1, 49])
def test_too_little_is_said_to_be_too_little(found):
    said = verdict(Measured(found, 0, {}, None))
    assert "Too early" in said and "50" in said and (str(found) if found else "none") in said
    assert "%" not in said
