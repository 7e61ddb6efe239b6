"""The alarm that a person has changed: it comes when they have, and not by chance."""

import numpy as np

from safelight.domain.evaluation_drift import BEFORE, RECENT, drift

COUNT = BEFORE + RECENT


def told(hits, *, seed=0, kind=None):
    number = np.arange(len(hits))
    every = np.ones(len(hits), bool) if kind is None else kind
    return drift(
        np.asarray(hits, float), kind=every, decision=number, unit=number, weight=np.ones(len(hits)),
        rng=np.random.default_rng(seed),
    )  # fmt: skip


def choices(share, count, seed):
    return (np.random.default_rng(seed).random(count) < share).astype(float)


def test_a_person_who_turned_around_is_noticed():
    found = told([*choices(0.8, BEFORE, 1), *choices(0.3, RECENT, 2)])
    assert found is not None
    assert found.recent.share < 0.5 < found.before.share
    assert "foretold less often" in found.words


def test_a_steady_person_raises_no_alarm():
    alarms = [told(choices(0.7, COUNT, seed)) for seed in range(100)]
    assert sum(each is not None for each in alarms) <= 5


def test_a_person_who_is_foretold_better_raises_no_alarm():
    assert told([*choices(0.5, BEFORE, 3), *choices(0.95, RECENT, 4)]) is None


def test_fewer_decisions_than_two_stretches_raise_no_alarm():
    assert told([*([1.0] * (BEFORE - 1)), *([0.0] * RECENT)]) is None


def test_only_the_decisions_that_are_looked_at_count():
    hits = [*([1.0] * BEFORE), *([0.0] * RECENT)]
    assert told(hits) is not None
    assert told(hits, kind=np.arange(COUNT) < COUNT - 1) is None
