"""Scores that add up, and the stars they are worth."""

from math import fsum

from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.rating import (
    CUTS,
    FAILED_BELOW,
    HYSTERESIS,
    Library,
    Reference,
    beside_keeper,
    stars,
)
from safelight.domain.score import Part, level, lone_score, spread

REFERENCE = Reference(tuple(float(each) for each in range(-10, 11)))
VALUES = st.floats(-3.0, 3.0)
TERMS = st.lists(st.tuples(st.sampled_from(["focus", "noise", "exposure"]), VALUES), min_size=1, max_size=5)


@given(TERMS, VALUES)
def test_contributions_add_up_to_the_score(terms: list[tuple[str, float]], appeal: float) -> None:
    score = lone_score(terms, appeal)
    assert abs(score.value - fsum(entry.value for entry in score.contributions)) < 1e-12
    parts = fsum(score.of(part) for part in Part)
    assert abs(parts - score.value) < 1e-12


@given(st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=8))
def test_the_keeper_stands_above_every_other_frame_of_its_burst(frames: list[tuple[float, float]]) -> None:
    lone = [lone_score([("focus", value)], 0.0) for value, _ in frames]
    standing = [own for _, own in frames]
    placed = spread(lone, standing)
    best = standing.index(max(standing))
    assert all(placed[best].value > each.value for position, each in enumerate(placed) if position != best)
    assert abs(placed[best].value - max(score.value for score in lone)) < 1e-3


def test_a_set_is_judged_as_one() -> None:
    placed = level([lone_score([("exposure", value)], 0.0) for value in (-2.0, 0.5, -1.0)])
    assert max(each.value for each in placed) - min(each.value for each in placed) < 1e-3


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_more_score_never_means_fewer_stars(one: float, other: float, failed: bool) -> None:
    low, high = sorted((one, other))
    assert stars(low, failed=failed) <= stars(high, failed=failed)


@given(st.floats(0, 1), st.one_of(st.none(), st.integers(1, 5)))
def test_one_star_needs_a_technical_reason(place: float, given_: int | None) -> None:
    fresh = stars(place, failed=False, given=given_ if given_ != 1 else None)
    assert 2 <= fresh <= 5
    assert stars(FAILED_BELOW / 2, failed=True) == 1


@given(st.floats(0, 1), st.floats(-HYSTERESIS * 0.99, HYSTERESIS * 0.99), st.booleans())
def test_a_star_does_not_flicker_within_the_hysteresis(place: float, drift: float, failed: bool) -> None:
    given_ = stars(place, failed=failed)
    assert stars(place + drift, failed=failed, given=given_) == given_


def test_a_star_moves_when_the_place_has_moved_far_enough() -> None:
    assert stars(CUTS[1] - 2 * HYSTERESIS, failed=False, given=4) == 3
    assert stars(CUTS[1] + 2 * HYSTERESIS, failed=False, given=3) == 4


@given(st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_beside_a_keeper_there_is_room_below_or_none(own: int, keeper: int, failed: bool) -> None:
    granted = beside_keeper(own, keeper, failed=failed)
    assert 1 <= granted <= max(own, 2)
    assert granted < keeper or granted == (1 if failed else 2)


@given(st.lists(VALUES, max_size=50), VALUES, VALUES)
def test_the_place_in_a_library_is_monotone_and_within_bounds(scores: list[float], one: float, other: float) -> None:
    library = Library.of(REFERENCE, scores)
    low, high = sorted((one, other))
    assert 0.0 <= library.place(low) <= library.place(high) <= 1.0


def test_a_first_folder_is_placed_by_the_reference_and_a_large_library_by_itself() -> None:
    first = Library.of(REFERENCE, [])
    assert abs(first.place(0.0) - 0.5) < 0.01
    large = Library.of(REFERENCE, [5.0 + number / 1000 for number in range(4000)])
    assert large.place(5.0) < 0.2
    assert large.place(9.5) > 0.95


def test_only_the_newest_frames_of_a_library_count() -> None:
    library = Library.of(REFERENCE, [9.0] * 1000 + [0.0] * 4000)
    assert set(library.scores) == {0.0}
