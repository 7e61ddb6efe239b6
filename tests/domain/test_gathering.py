"""When a shoot that is arriving has arrived."""

from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.gathering import GROWING_S, LONGEST_S, SHORTEST_S, grows, has_arrived, pause_s


def test_a_single_frame_waits_for_less_than_a_second():
    assert pause_s([0.0]) == SHORTEST_S < 1.0
    assert not has_arrived([0.0], SHORTEST_S - 0.01)
    assert has_arrived([0.0], SHORTEST_S)


def test_a_slow_link_is_waited_for_three_of_its_pauses():
    arrived = [0.0, 4.0, 9.0]
    assert pause_s(arrived) == 15.0
    assert not has_arrived(arrived, 9.0 + 14.9)
    assert has_arrived(arrived, 9.0 + 15.0)


def test_an_old_pause_is_forgotten():
    assert pause_s([0.0, 100.0, *(100.1 + number / 10 for number in range(12))]) == SHORTEST_S


def test_nothing_is_waited_for_longer_than_half_a_minute():
    assert pause_s([0.0, 3600.0]) == LONGEST_S


def test_an_hour_later_is_another_shoot_and_a_clock_set_back_too():
    assert grows(0.0, GROWING_S)
    assert not grows(0.0, GROWING_S + 1)
    assert not grows(10.0, 0.0)


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted))
def test_whatever_came_it_is_over_after_the_longest_pause(arrived: list[float]):
    assert SHORTEST_S <= pause_s(arrived) <= LONGEST_S
    assert has_arrived(arrived, arrived[-1] + LONGEST_S)
