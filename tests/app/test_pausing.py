"""When heavy work may be done: what a person said, and how often the machine is asked."""

from safelight.app.pausing import PAUSED, SOON_S, Pausing
from tests.app.conducting import Memory
from tests.fakes.clock import FakeClock

BUSY = "Other programs need the computer."


class Machine:
    """A machine that says yes or no, and counts how often it was asked."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = Memory()
        self.why = ""
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        return self.why

    def pausing(self) -> Pausing:
        return Pausing(memory=self.memory, clock=self.clock.now, machine=self, words=lambda _: "then")


def test_a_machine_that_may_be_used_is_asked_every_half_minute() -> None:
    machine = Machine()
    pausing = machine.pausing()
    for _ in range(60):
        assert pausing.why() == ""
        machine.clock.sleep(1.0)
    assert machine.asked == 2
    assert pausing.changes_s() is None


def test_a_machine_that_is_busy_for_a_moment_is_asked_again_within_seconds() -> None:
    machine = Machine()
    pausing = machine.pausing()
    machine.why = BUSY
    assert pausing.why() == BUSY
    assert pausing.changes_s() == machine.clock.now() + SOON_S
    machine.clock.sleep(SOON_S)
    machine.why = ""
    assert pausing.why() == ""


def test_a_machine_that_stays_busy_is_asked_ever_less_often() -> None:
    machine = Machine()
    machine.why = BUSY
    pausing = machine.pausing()
    for _ in range(600):
        assert pausing.why() == BUSY
        machine.clock.sleep(1.0)
    assert machine.asked <= 600 / 30 + 4


def test_a_pause_ends_by_itself_and_says_when() -> None:
    machine = Machine()
    pausing = machine.pausing()
    end_s = machine.clock.now() + 3600.0
    pausing.set(end_s)
    assert (pausing.why(), pausing.changes_s()) == ("Paused until then.", end_s)
    machine.clock.sleep(3600.0)
    assert (pausing.why(), pausing.changes_s(), pausing.until_s) == ("", None, None)


def test_a_pause_without_an_end_outlives_a_restart_and_wakes_nobody() -> None:
    machine = Machine()
    machine.pausing().set(0.0)
    again = machine.pausing()
    assert (again.why(), again.changes_s()) == (PAUSED, None)
