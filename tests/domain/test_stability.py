"""When a file has finished arriving."""

from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.frame import FileStamp
from safelight.domain.stability import (
    CAP_S,
    LONG_AGO_S,
    QUIET_S,
    Ending,
    Look,
    Verdict,
    ending,
    judge,
    long_settled,
    patience,
)


def look(at_s: float, size: int = 1, mtime_ns: int = 0) -> Look:
    return Look(at_s, FileStamp(size=size, mtime_ns=mtime_ns, inode=1, device=1))


def test_one_look_settles_nothing() -> None:
    assert judge([look(0.0)]) is Verdict.WAIT


def test_unchanged_for_the_quiet_time_is_settled() -> None:
    assert judge([look(0.0), look(QUIET_S)]) is Verdict.SETTLED


def test_a_copy_that_pauses_and_goes_on_is_not_settled_by_the_pause_before() -> None:
    assert judge([look(0.0), look(1.0), look(1.0 + QUIET_S, size=2)]) is Verdict.WAIT


def test_a_preallocated_file_that_is_filled_later_changes_its_time() -> None:
    assert judge([look(0.0, mtime_ns=1), look(QUIET_S, mtime_ns=2)]) is Verdict.WAIT


def test_a_file_that_never_rests_is_given_up_at_the_cap() -> None:
    looks = [look(at, size=int(at)) for at in range(int(CAP_S) + 1)]
    assert judge(looks) is Verdict.GIVEN_UP


def test_a_time_in_the_future_asks_for_a_second_look() -> None:
    stamp = FileStamp(size=1, mtime_ns=int(2000e9), inode=1, device=1)
    assert not long_settled(stamp, now_s=1000.0)
    assert long_settled(stamp, now_s=2000.0 + QUIET_S)


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.integers(1, 3)), min_size=2, max_size=12))
def test_what_settles_was_seen_unchanged_at_least_for_the_quiet_time(steps: list[tuple[float, int]]) -> None:
    at_s, looks = 0.0, []
    for step, size in steps:
        at_s += step
        looks.append(look(at_s, size=size))
    if judge(looks) is Verdict.SETTLED:
        resting = [each for each in looks if looks[-1].at_s - each.at_s <= QUIET_S - 1e-9]
        assert {each.stamp for each in resting} == {looks[-1].stamp}
        assert looks[-1].stamp == looks[-2].stamp


def test_how_patient_to_be_follows_from_what_is_known() -> None:
    stamp = look(0.0).stamp
    assert ending(told=True, writing=None, stamp=stamp, noticed_s=1.0) is Ending.TOLD
    assert ending(told=True, writing=True, stamp=stamp, noticed_s=1.0) is Ending.OPEN  # another has it open still
    assert ending(told=False, writing=False, stamp=stamp, noticed_s=1.0) is Ending.TOLD
    assert ending(told=False, writing=None, stamp=stamp, noticed_s=1.0) is Ending.UNTOLD
    assert ending(told=False, writing=None, stamp=stamp, noticed_s=LONG_AGO_S) is Ending.TOLD


def test_a_pause_of_two_minutes_is_outlasted_and_a_closed_file_rests_under_half_a_second() -> None:
    def seconds(each: Ending) -> float:
        return (patience(each).looks - 1) * patience(each).gap_s

    assert seconds(Ending.TOLD) <= 0.5
    assert 120.0 < seconds(Ending.UNTOLD) < seconds(Ending.OPEN)
