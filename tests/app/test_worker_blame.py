"""Which frame a death is laid to, and when a worker that keeps dying is left alone: decided without any worker."""

from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.app.worker_blame import QUARANTINED, Blame
from safelight.app.worker_deaths import Deaths
from safelight.app.worker_messages import Limits
from safelight.domain.frame import Stage
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore


class Case:
    """A few frames, a worker that dies over some of them, and the time."""

    def __init__(self, frames: int, killers: frozenset[int] = frozenset()) -> None:
        self.store = SqliteStore(open_database(":memory:"))
        self.now_s = 1000.0
        self.deaths = Deaths(limits=Limits(), monotonic=lambda: self.now_s)
        self.blame = Blame(store=self.store, deaths=self.deaths)
        self.killers = killers
        self.judged: list[int] = []
        self.aside: list[int] = []
        with self.store.transaction():
            self.ids = [self.store.catalog.add_frame(Path(f"/{n}.jpg"), arrived_s=0.0) for n in range(frames)]

    def run(self) -> None:
        todo = deque(self.blame.slices(self.ids))
        while todo and not self.deaths.rests:
            some = todo.popleft()
            killer = next((each for each in some if each in self.killers), None)
            for each in some[: some.index(killer)] if killer else some:
                self.deaths.proved()
                self.judged.append(each)
            if killer is None:
                self.blame.passed(some)
                continue
            self.deaths.note()
            more, aside = self.blame.died(some, killer)
            todo.extendleft(reversed(more))
            self.aside.extend(aside)


def test_the_frame_it_was_at_is_tried_alone_before_the_rest() -> None:
    case = Case(4)
    one, two, three, four = case.ids
    assert case.blame.died((one, two, three, four), three) == ([(three,), (one, two, four)], ())
    assert case.blame.died((three,), three) == ([], (three,))
    assert case.store.catalog.frame(three).reason == QUARANTINED
    assert case.store.catalog.frame(three).stage is Stage.UNREADABLE


def test_without_a_frame_to_blame_each_is_tried_alone() -> None:
    case = Case(3)
    assert case.blame.died(tuple(case.ids), None) == ([(each,) for each in case.ids], ())
    assert not case.store.attempts.kills(case.ids)
    assert case.blame.died((case.ids[0],), None) == ([(case.ids[0],)], ())  # alone it is to blame
    assert case.store.attempts.kills(case.ids) == {case.ids[0]: 1}


def test_a_second_death_in_company_is_no_proof() -> None:
    case = Case(2)
    some = tuple(case.ids)
    case.blame.died(some, some[0])
    more, aside = case.blame.died(some, some[0])
    assert (more, aside) == ([(some[0],), (some[1],)], ())


def test_a_frame_that_passes_is_cleared_of_suspicion() -> None:
    case = Case(2)
    case.blame.died(tuple(case.ids), case.ids[1])
    assert case.blame.slices(case.ids) == [(case.ids[1],), (case.ids[0],)]  # a suspect goes alone and first
    case.blame.passed((case.ids[1],))
    assert not case.store.attempts.kills(case.ids)
    assert case.blame.slices(case.ids) == [tuple(case.ids)]


@given(frames=st.integers(1, 12), data=st.data())
def test_all_that_kill_are_found_and_all_others_judged(frames: int, data: st.DataObject) -> None:
    killers = frozenset(data.draw(st.sets(st.integers(2, frames + 1), max_size=4)) & set(range(2, frames + 1)))
    case = Case(frames, killers)
    case.run()
    while case.deaths.rests:  # so many of them in a row may let the worker rest
        case.now_s += 601.0
        case.run()
    assert set(case.aside) == killers
    assert set(case.judged) == set(case.ids) - killers
    assert not case.store.attempts.kills(case.ids)


def test_one_bad_frame_after_another_lets_no_worker_rest_as_long_as_good_ones_come_between() -> None:
    case = Case(9, frozenset({2, 4, 6, 8}))
    case.run()
    assert set(case.aside) == {2, 4, 6, 8} and not case.deaths.rests


def test_a_worker_that_dies_over_every_frame_condemns_few_and_rests() -> None:
    """Where nothing comes through it is not the photographs: a broken library must not condemn a whole one."""
    case = Case(50, frozenset(range(1, 51)))
    case.run()
    assert case.deaths.rests
    assert len(case.aside) == 1


@pytest.mark.parametrize("apart_s, rests", [(299.0, True), (301.0, False)])
def test_three_deaths_in_ten_minutes_are_too_many(apart_s: float, rests: bool) -> None:
    case = Case(1)
    for _ in range(3):
        case.deaths.note()
        case.now_s += apart_s
    case.now_s -= apart_s
    assert case.deaths.rests is rests


def test_the_rest_ends_after_its_pause_and_all_is_forgotten() -> None:
    case = Case(1)
    for _ in range(3):
        case.deaths.note()
    case.now_s += 599.0
    assert case.deaths.rests
    case.now_s += 2.0
    assert not case.deaths.rests
    case.deaths.note()
    assert not case.deaths.rests
