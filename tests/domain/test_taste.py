"""A taste: what it learns, what it says of a frame, and that both are exact."""

from dataclasses import replace
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.features import NAMES, OF_GENERIC, OF_SUBJECT, Basis
from safelight.domain.preference import WEIGHT, Kind
from safelight.domain.taste import Taste, fit
from safelight.domain.taste_table import HALF_LIFE, KINDS, Table
from safelight.models.taste import open_basis

RATING, BURST, LATE = (KINDS.index(kind) for kind in (Kind.RATING, Kind.BURST_DELETE, Kind.LATE_DELETE))


@pytest.fixture(scope="module")
def basis() -> Basis:
    return open_basis()


def frames(basis: Basis, rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw frames that vary as ordinary photographs do."""
    return rng.multivariate_normal(basis.ordinary_mean, basis.ordinary, count, method="eigh")


def decided(
    basis: Basis,
    rng: np.random.Generator,
    count: int,
    liking: np.ndarray | None,
    *,
    per_shoot: int = 20,
    pull: float = 0.0,
    kind: int = RATING,
) -> Table:
    """Make comparisons of somebody who weighs features by `liking` (None: tosses a coin) and follows shown stars."""
    apart = frames(basis, rng, count) - frames(basis, rng, count)
    shown = rng.normal(size=count) if pull else np.zeros(count)
    odds = np.zeros(count) if liking is None else apart @ liking
    sign = np.where(odds + pull * shown + rng.logistic(size=count) > 0, 1.0, -1.0)
    number = np.arange(count)
    return Table(
        differences=apart * sign[:, None],
        shown=shown * sign,
        kind=np.full(count, kind),
        weight=np.full(count, WEIGHT[KINDS[kind]]),
        unit=number,
        shoot=number // per_shoot,
    )


def landscapes(basis: Basis, strength: float = 4.0) -> np.ndarray:
    """Return the weights of somebody who agrees with the generic score and likes one direction of the subject too."""
    liking = basis.slope * basis.generic
    liking[OF_SUBJECT][0] = strength
    return liking


def nothing() -> Table:
    none = np.zeros(0, np.int64)
    return Table(np.zeros((0, len(NAMES))), np.zeros(0), none, np.zeros(0), none, none)


def test_without_comparisons_the_generic_score_is_shown_to_the_last_digit(basis: Basis) -> None:
    taste = fit(nothing(), basis)
    x = frames(basis, np.random.default_rng(1), 1)[0]
    assert taste.gate == 0
    assert taste.terms(x) == ()
    assert taste.learned(x) == 0
    assert taste.because(x, nothing()) == ()


def test_a_taste_is_found_and_leaned_on(basis: Basis) -> None:
    rng, liking = np.random.default_rng(2), landscapes(basis)
    taste = fit(decided(basis, rng, 600, liking), basis)
    x = frames(basis, rng, 500)
    personal, generic = (np.corrcoef(x @ each, x @ liking)[0, 1] for each in (taste.displayed, basis.generic))
    assert taste.gate > 0.9
    assert personal > generic + 0.03
    assert taste.weights[OF_SUBJECT][0] > 1.0


@pytest.mark.parametrize("seed", range(6))
def test_a_coin_is_not_taken_for_a_taste(basis: Basis, seed: int) -> None:
    taste = fit(decided(basis, np.random.default_rng(seed), 800, None), basis)
    assert taste.gate < 0.1


def test_who_agrees_with_the_generic_score_gets_about_that(basis: Basis) -> None:
    rng = np.random.default_rng(3)
    taste = fit(decided(basis, rng, 600, 2 * basis.slope * basis.generic), basis)
    x = frames(basis, rng, 500)
    assert np.corrcoef(x @ taste.displayed, x @ basis.generic)[0, 1] > 0.98


def test_a_taste_of_long_ago_is_foretold_by_its_own_past(basis: Basis) -> None:
    # 400 shoots: seen from today the first half counts nothing, but then it was fresh
    rng = np.random.default_rng(4)
    taste = fit(decided(basis, rng, 1600, landscapes(basis), per_shoot=4), basis)
    assert taste.gate > 0.9


def test_a_new_taste_outgrows_the_old(basis: Basis) -> None:
    rng = np.random.default_rng(5)
    old, new = (decided(basis, rng, 800, landscapes(basis, strength), per_shoot=5) for strength in (5.0, -5.0))
    columns = zip(
        (old.differences, old.shown, old.kind, old.weight, old.unit, old.shoot),
        (new.differences, new.shown, new.kind, new.weight, new.unit + 800, new.shoot + 160),
        strict=True,
    )
    taste = fit(Table(*(np.concatenate(pair) for pair in columns)), basis)
    assert taste.weights[OF_SUBJECT][0] < -1.0


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 120))
def test_terms_add_up_and_shares_add_up(seed: int, count: int) -> None:
    basis = open_basis()
    rng = np.random.default_rng(seed)
    table = decided(basis, rng, count, landscapes(basis), pull=0.5)
    taste = fit(table, basis)
    x = frames(basis, rng, 1)[0]
    added = fsum(value for _, value in taste.terms(x))
    exact = (taste.displayed - basis.generic) @ (x - basis.ordinary_mean)
    assert abs(added - exact) <= 0.5e-4 * len(NAMES)
    assert all(abs(value * 1e4 - round(value * 1e4)) < 1e-6 for _, value in taste.terms(x))
    assert abs(taste.shares(x, table).sum() - taste.learned(x)) < 1e-7


def test_the_named_reasons_are_the_largest_shares(basis: Basis) -> None:
    rng = np.random.default_rng(6)
    table = decided(basis, rng, 80, landscapes(basis))
    taste = fit(table, basis)
    x = frames(basis, rng, 1)[0]
    shares = taste.shares(x, table)
    named = taste.because(x, table, count=3)
    assert len({each.row for each in named}) == 3
    assert all(each.value == shares[each.row] for each in named)
    assert min(abs(each.value) for each in named) >= np.sort(np.abs(shares))[-3]
    with pytest.raises(ValueError, match="79 rows"):
        taste.because(x, table.only(slice(79)))


def test_scores_keep_their_spread_while_taste_grows(basis: Basis) -> None:
    rng = np.random.default_rng(7)
    taste = fit(decided(basis, rng, 500, landscapes(basis, 8.0)), basis)
    spreads = [float(weights @ basis.ordinary @ weights) ** 0.5 for weights in (taste.displayed, basis.generic)]
    assert taste.gate > 0.9
    assert abs(spreads[0] - spreads[1]) < 1e-9


def test_the_star_shown_is_told_from_taste(basis: Basis) -> None:
    rng = np.random.default_rng(8)
    anchored = fit(decided(basis, rng, 1500, landscapes(basis), pull=1.5), basis)
    free = fit(replace(table := decided(basis, rng, 1500, landscapes(basis)), shown=rng.normal(size=len(table))), basis)
    assert anchored.anchor > 1.0
    assert abs(free.anchor) < 0.3


def test_a_kind_of_act_that_means_nothing_is_learned_to_mean_nothing(basis: Basis) -> None:
    rng = np.random.default_rng(9)
    meant = decided(basis, rng, 600, 3 * landscapes(basis))
    blank = decided(basis, rng, 600, None, kind=LATE)
    columns = zip(
        (meant.differences, meant.shown, meant.kind, meant.weight, meant.unit, meant.shoot),
        (blank.differences, blank.shown, blank.kind, np.ones(600), blank.unit + 600, blank.shoot),
        strict=True,
    )
    taste = fit(Table(*(np.concatenate(pair) for pair in columns)), basis)
    assert taste.lapses["late_delete"] > 0.3
    assert taste.lapses["rating"] < 0.08


def test_a_probability_has_two_sides_and_grows_with_what_is_liked(basis: Basis) -> None:
    rng = np.random.default_rng(10)
    taste = fit(decided(basis, rng, 400, landscapes(basis)), basis)
    one, other = frames(basis, rng, 2)
    assert abs(taste.probability(one, other) + taste.probability(other, one) - 1) < 1e-12
    liked = one.copy()
    liked[OF_SUBJECT][0] += 1.0
    assert taste.probability(liked, one) > 0.6


def test_probabilities_are_kept(basis: Basis) -> None:
    rng, liking = np.random.default_rng(11), landscapes(basis)
    told, came = [], []
    for _ in range(12):
        taste = fit(decided(basis, rng, 60, liking), basis)
        ahead = decided(basis, rng, 150, liking)
        sides = rng.random(150) < 0.5
        for apart, side in zip(ahead.differences, sides, strict=True):
            told.append(taste.probability(apart if side else -apart, np.zeros(len(NAMES))))
        came.extend(sides)
    bins = np.minimum((np.array(told) * 10).astype(int), 9)
    error = sum(
        (bins == each).mean() * abs(np.array(told)[bins == each].mean() - np.array(came)[bins == each].mean())
        for each in np.unique(bins)
    )
    assert error < 0.05


def test_a_burst_counts_as_at_most_two_comparisons(basis: Basis) -> None:
    table = decided(basis, np.random.default_rng(12), 12, None, per_shoot=12, kind=BURST)
    alone = table.counts()
    together = replace(table, unit=np.zeros(12, np.int64)).counts()
    assert np.allclose(alone, WEIGHT[Kind.BURST_DELETE])
    assert abs(together.sum() - 2 * WEIGHT[Kind.BURST_DELETE]) < 1e-12
    pair = replace(table.only(slice(2)), unit=np.zeros(2, np.int64)).counts()
    assert np.allclose(pair, WEIGHT[Kind.BURST_DELETE])


def test_evidence_counts_half_after_forty_shoots(basis: Basis) -> None:
    table = decided(basis, np.random.default_rng(13), 2, None)
    counts = replace(table, shoot=np.array([0, int(HALF_LIFE)])).counts()
    assert abs(counts[0] / counts[1] - 0.5) < 1e-12


def test_the_same_table_gives_the_same_bits(basis: Basis) -> None:
    first, again = (fit(decided(basis, np.random.default_rng(14), 300, landscapes(basis)), basis) for _ in range(2))
    other = fit(decided(basis, np.random.default_rng(15), 300, landscapes(basis)), basis)
    assert first.digest() == again.digest()
    assert first.digest() != other.digest()


def test_a_packed_taste_comes_back_whole(basis: Basis) -> None:
    rng = np.random.default_rng(16)
    taste = fit(decided(basis, rng, 90, landscapes(basis), pull=0.5), basis)
    back = Taste.unpack(taste.pack(), basis)
    one, other = frames(basis, rng, 2)
    assert back.digest() == taste.digest()
    assert back.terms(one) == taste.terms(one)
    assert back.probability(one, other) == taste.probability(one, other)
    for damaged in (b"", taste.pack()[:-8], taste.pack()[:-1], np.full(len(taste.pack()) // 8, np.nan).tobytes()):
        with pytest.raises(ValueError):
            Taste.unpack(damaged, basis)


def test_the_prior_starts_at_the_generic_score_or_near(basis: Basis) -> None:
    x = frames(basis, np.random.default_rng(17), 2000)
    assert np.corrcoef(x @ basis.mean, x @ basis.generic)[0, 1] > 0.9
    assert not basis.mean[OF_SUBJECT].any()
    assert (basis.mean[OF_GENERIC] > 0).all()
