"""Heavy work keeps back on a low battery, in power-saver and beside busy programs, and says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.restraint import PATIENCE_S, Leave, Load, Power, Rules, leave

RULES = Rules(processors=8)
PLUGGED = Power()
IDLE = Load(others=0.0, pressed=0.0)
BUSY = Load(others=0.9, pressed=0.6)


def decided(power: Power = PLUGGED, load: Load = IDLE, rules: Rules = RULES, **more) -> Leave:
    return leave(power=power, load=load, rules=rules, now_s=more.pop("now_s", 0.0), **more)


def test_plugged_in_and_idle_all_processors_work():
    assert decided() == Leave(may=True, jobs=8)


def test_settings_say_how_many_jobs():
    assert decided(rules=Rules(processors=8, jobs=3)).jobs == 3


def test_low_battery_holds_work_back_and_says_until_when():
    told = decided(Power(on_battery=True, percent=24))
    assert (told.may, told.jobs) == (False, 0)
    assert told.why == "On battery at 24 %: work goes on above 30 %, or when the computer is plugged in."


@pytest.mark.parametrize(
    "power",
    [
        Power(on_battery=False, percent=5),
        Power(on_battery=True, percent=30),
        Power(on_battery=True, percent=None),
    ],
    ids=["plugged in", "at the limit", "no figure"],
)
def test_these_batteries_are_no_reason(power):
    assert decided(power).may


def test_work_does_not_flutter_at_the_limit_of_the_battery():
    low = decided(Power(on_battery=True, percent=29))
    still = decided(Power(on_battery=True, percent=31), before=low)
    assert not still.may
    assert decided(Power(on_battery=True, percent=34), before=still).may
    assert decided(Power(on_battery=False, percent=29), before=low).may


def test_battery_limit_of_nought_never_holds_back():
    assert decided(Power(on_battery=True, percent=0), rules=Rules(processors=8, battery_percent=0)).may


def test_saving_power_holds_back_unless_the_settings_say_work():
    saving = Power(saver=True)
    assert "saving power" in decided(saving).why
    assert decided(saving, rules=Rules(processors=8, pause_in_power_saver=False)).may


def test_busy_programs_go_first_unless_the_settings_say_work():
    assert not decided(load=BUSY).may
    assert "Other programs" in decided(load=BUSY).why
    assert decided(load=BUSY, rules=Rules(processors=8, yield_when_busy=False)).may


def test_others_that_use_much_while_nobody_waits_are_no_reason():
    assert decided(load=Load(others=0.9, pressed=0.0)).may


def test_pressure_that_we_make_ourselves_is_no_reason():
    assert decided(load=Load(others=0.1, pressed=0.9)).may


def test_kernel_without_pressure_counts_use_alone():
    assert not decided(load=Load(others=0.9, pressed=None)).may


def test_work_waits_until_others_are_calm_and_not_until_the_pressure_falls():
    """The pressure falls as soon as our own work stops: going by it, work would start and stop for ever."""
    resting = decided(load=BUSY)
    still = decided(load=Load(others=0.6, pressed=0.0), now_s=PATIENCE_S / 3, before=resting)
    assert not still.may
    assert decided(load=Load(others=0.2, pressed=0.0), now_s=PATIENCE_S / 2, before=still) == Leave(may=True, jobs=8)


def test_hours_of_a_busy_computer_do_not_starve_the_work():
    resting = decided(load=BUSY)
    slow = decided(load=BUSY, now_s=PATIENCE_S, before=resting)
    assert (slow.may, slow.jobs) == (True, 1)
    assert "slowly" in slow.why
    still = decided(load=BUSY, now_s=2 * PATIENCE_S, before=slow)
    assert (still.may, still.jobs) == (True, 1)
    assert decided(load=IDLE, now_s=2 * PATIENCE_S + 10, before=still).jobs == 8


powers = st.builds(
    Power, on_battery=st.booleans(), percent=st.none() | st.floats(0, 100, allow_nan=False), saver=st.booleans()
)
loads = st.builds(Load, others=st.floats(0, 1), pressed=st.none() | st.floats(0, 1))
rules = st.builds(
    Rules,
    processors=st.integers(1, 64),
    jobs=st.integers(0, 64),
    battery_percent=st.floats(0, 100),
    pause_in_power_saver=st.booleans(),
    yield_when_busy=st.booleans(),
)


@given(st.lists(st.tuples(powers, loads, st.floats(0, 300)), min_size=1, max_size=20), rules)
def test_decision_always_agrees_with_itself(looks, rules):
    before, now_s = None, 0.0
    for power, load, passed_s in looks:
        now_s += passed_s
        told = leave(power=power, load=load, rules=rules, now_s=now_s, before=before)
        assert told.may == (told.jobs > 0)
        assert told.jobs <= max(rules.jobs or rules.processors, 1)
        assert told.may or told.why
        assert not told.why or (told.why[0].isupper() and told.why.endswith("."))
        # Nothing is held back for more than its patience by other programs alone.
        if not told.may and not power.saver and not told.low:
            assert told.busy_since_s is not None and now_s - told.busy_since_s < PATIENCE_S
        before = told
