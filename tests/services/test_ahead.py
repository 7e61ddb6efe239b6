"""Working ahead: in order, side by side, never far ahead, and no thread stays behind whatever goes wrong."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.services.ahead import ahead

WAIT_S = 20


def doubled(some: Sequence[int]) -> list[int]:
    return [2 * number for number in some]


def own_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@given(count=st.integers(0, 40), threads=st.integers(1, 4), together=st.integers(1, 7))
def test_everything_comes_out_once_in_order_with_its_result(count: int, threads: int, together: int) -> None:
    done = list(ahead(range(count), doubled, threads=threads, together=together))
    assert done == [(number, 2 * number) for number in range(count)]
    assert own_threads() == []


@given(count=st.integers(1, 40), together=st.integers(1, 7))
def test_batches_are_full_but_for_the_last(count: int, together: int) -> None:
    sizes: list[int] = []

    def noted(some: Sequence[int]) -> list[int]:
        sizes.append(len(some))
        return list(some)

    list(ahead(range(count), noted, together=together))
    assert sizes == [together] * (count // together) + [count % together] * (count % together > 0)


def test_threads_work_side_by_side_and_the_source_goes_on_meanwhile() -> None:
    three = threading.Barrier(3)
    main, asked_by = threading.get_ident(), set()

    def source() -> Iterator[int]:
        for number in range(4):
            asked_by.add(threading.get_ident())
            if number == 2:
                three.wait(WAIT_S)  # while the first two are worked on
            yield number

    def meets(some: Sequence[int]) -> list[int]:
        if some[0] < 2:
            three.wait(WAIT_S)
        return list(some)

    assert [number for number, _ in ahead(source(), meets, threads=2)] == [0, 1, 2, 3]
    assert asked_by == {main}


def test_only_a_few_are_under_way() -> None:
    pulled: list[int] = []

    def source() -> Iterator[int]:
        for number in range(1000):
            pulled.append(number)
            yield number

    most = 0
    for taken, _ in enumerate(ahead(source(), doubled, threads=2, together=3)):
        most = max(most, len(pulled) - taken)
    assert most <= 2 * 2 * 3 + 3


def test_what_work_raises_comes_out_after_what_was_done_before_it() -> None:
    def fails(some: Sequence[int]) -> list[int]:
        if some[0] == 2:
            raise ValueError("two")
        return list(some)

    results = ahead(range(10), fails, threads=2)
    assert [next(results), next(results)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert own_threads() == []


def test_what_the_source_raises_comes_out() -> None:
    def breaks() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(ahead(breaks(), doubled))
    assert own_threads() == []


def test_as_many_results_as_frames_are_asked_for() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(ahead(range(4), lambda some: list(some)[:-1], together=2))


def test_who_stops_taking_leaves_no_thread_behind() -> None:
    done = ahead(range(100), doubled, threads=3)
    assert next(done) == (0, 0)
    done.close()
    assert own_threads() == []
