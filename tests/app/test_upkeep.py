"""What the daemon does in quiet moments: one thing at a time, and never without a reason."""

import pytest

from safelight.app.upkeep import INDEX_REST_S, LEARN_REST_S, Upkeep
from tests.fakes.clock import FakeClock
from tests.fakes.worker import FakeWorkerLink
from tests.services.studio import Studio

LOOKS = "Getting to know the library"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def worker(clock: FakeClock) -> FakeWorkerLink:
    return FakeWorkerLink(store=Studio().store, clock=clock)


def everything(upkeep: Upkeep) -> list[str]:
    """Do what is due and return it."""
    done = []
    while what := upkeep.step():
        done.append(what)
    return done


def rest(upkeep: Upkeep, clock: FakeClock, seconds: float = INDEX_REST_S) -> list[str]:
    clock.sleep(seconds)
    return everything(upkeep)


def test_a_fetched_bundle_looks_some_at_a_time_until_it_has_seen_everything(worker, clock):
    worker.more_to_see = 3
    upkeep = Upkeep(worker=worker, clock=clock.now, closer=True)
    assert everything(upkeep) == [] and upkeep.due_s() == clock.now() + INDEX_REST_S
    assert rest(upkeep, clock) == [LOOKS] * 3
    assert upkeep.due_s() is None


def test_at_night_it_looks_whether_a_disk_is_back(worker, clock):
    upkeep = Upkeep(worker=worker, clock=clock.now, closer=True)
    rest(upkeep, clock)
    upkeep.nightly()
    assert everything(upkeep) == ["Learning"]
    assert rest(upkeep, clock) == [LOOKS]


def test_without_a_fetched_bundle_nothing_is_looked_at_again(worker, clock):
    upkeep = Upkeep(worker=worker, clock=clock.now)
    upkeep.nightly()
    upkeep.delivered()
    upkeep.person_acted()
    assert rest(upkeep, clock, LEARN_REST_S) == ["Learning", "Filling the index"]
    assert ("look_again", None) not in worker.calls


def test_learning_waits_until_the_person_rests(worker, clock):
    upkeep = Upkeep(worker=worker, clock=clock.now)
    upkeep.person_acted()
    clock.sleep(LEARN_REST_S - 1)
    upkeep.person_acted()
    assert rest(upkeep, clock, LEARN_REST_S - 1) == []
    assert rest(upkeep, clock, 1) == ["Learning"]


def test_a_clock_that_was_set_back_keeps_nothing_waiting_for_longer(worker, clock):
    upkeep = Upkeep(worker=worker, clock=clock.now, closer=True)
    clock.sleep(-86_400)
    assert upkeep.due_s() == clock.now() + INDEX_REST_S
    assert rest(upkeep, clock) == [LOOKS]
