"""Work is done several pieces at a time, as long as it may be begun, and none that is done is lost."""

import threading
from collections.abc import Callable

import pytest

from headgate.checks.answering import Halted
from headgate.checks.working import work


def always(under_way: int) -> bool:
    return under_way < 100


def test_all_is_done_so_many_at_once() -> None:
    together = threading.Barrier(4, timeout=20)

    def meet(number: int) -> int:
        together.wait()
        return number * 2

    assert sorted(work(range(8), meet, always, at_once=4)) == [0, 2, 4, 6, 8, 10, 12, 14]


def test_none_is_begun_once_it_may_not_and_what_is_under_way_is_handed_over() -> None:
    begun: list[int] = []

    def may_begin(under_way: int) -> bool:
        assert under_way < 3
        return len(begun) < 5

    def begin(number: int) -> int:
        begun.append(number)
        return number

    first = threading.Event()

    def slow(number: int) -> int:
        begin(number)
        if number == 0:
            assert first.wait(20)
        return number

    done: list[int] = []
    for number in work(range(100), slow, may_begin, at_once=3):
        done.append(number)
        first.set()
    assert sorted(done) == sorted(begun)
    assert 5 <= len(begun) <= 7, "of those at once each may have been begun before the last was seen"


def test_nobody_is_asked_whether_to_begin_what_is_not_there() -> None:
    asked: list[int] = []

    def may_begin(under_way: int) -> bool:
        asked.append(under_way)
        return True

    assert list(work([1, 2], lambda number: number, may_begin, at_once=1)) == [1, 2]
    assert asked == [0, 0]


def halting(number: int) -> int:
    if number == 2:
        raise Halted("no more", "wait")
    return number


def test_what_halts_is_raised_when_the_others_are_handed_over() -> None:
    barrier = threading.Barrier(3, timeout=20)

    def meet(number: int) -> int:
        barrier.wait()
        return halting(number)

    done: list[int] = []
    with pytest.raises(Halted, match="no more"):
        for number in work(range(100), meet, always, at_once=3):
            done.append(number)
    assert sorted(done) == [0, 1]


@pytest.mark.parametrize("leave", [lambda: None, KeyboardInterrupt])
def test_who_leaves_waits_for_nothing(leave: Callable[[], BaseException | None]) -> None:
    held = threading.Event()
    begun: list[int] = []

    def wait_long(number: int) -> int:
        begun.append(number)
        if number:
            assert held.wait(20)
        return number

    working = work(range(100), wait_long, always, at_once=2)
    assert next(working) == 0
    error = leave()
    if error is None:
        working.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            working.throw(error)
    held.set()
    assert len(begun) <= 2
