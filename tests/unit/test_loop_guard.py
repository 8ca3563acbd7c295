"""The loop guard: repeated calls and racing spend are stopped, per key and session, in bounded memory."""

import pytest
from tests.unit.test_rate import HandClock

from headgate.core.faults import Limited
from headgate.meters.loop import LoopDetector
from headgate.meters.model import LoopGuard

REPEATS = LoopGuard(identical_calls=3, identical_within_s=10)
SPEND = LoopGuard(spend_pico_usd=100, spend_within_s=10)


def test_identical_calls_are_stopped_until_the_first_is_old_enough() -> None:
    clock = HandClock()
    detector = LoopDetector(clock)
    for _ in range(3):
        detector.check(REPEATS, "key", "session", b"same")
        clock.at_s += 1
    with pytest.raises(Limited) as refused:
        detector.check(REPEATS, "key", "session", b"same")
    assert refused.value.code == "runaway_loop"
    assert refused.value.retry_after_s == pytest.approx(7)
    for other in (("key", "session", b"other"), ("key", "s2", b"same"), ("k2", "session", b"same")):
        detector.check(REPEATS, *other)
    clock.at_s += 7
    detector.check(REPEATS, "key", "session", b"same")


def test_spend_is_stopped_and_let_through_again() -> None:
    clock = HandClock()
    detector = LoopDetector(clock)
    for _ in range(4):
        detector.check(SPEND, "key", "session", b"")
        detector.spent(SPEND, "key", "session", 25)
        clock.at_s += 0.5
    with pytest.raises(Limited, match=r"spent 0\.0000000001 USD") as refused:
        detector.check(SPEND, "key", "session", b"")
    detector.check(SPEND, "key", "another", b"")
    wait_s = refused.value.retry_after_s
    assert wait_s is not None and 7 < wait_s <= 10
    clock.at_s += wait_s + 0.5
    detector.check(SPEND, "key", "session", b"")


def test_a_guard_that_is_off_stops_nothing() -> None:
    detector = LoopDetector(HandClock())
    for _ in range(100):
        detector.check(LoopGuard(), "key", "session", b"same")
        detector.spent(LoopGuard(), "key", "session", 10**15)


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    detector = LoopDetector(HandClock(), remembered_max=2)
    once = LoopGuard(identical_calls=1, spend_pico_usd=1)
    for session in ("a", "b", "c"):
        detector.check(once, "key", session, b"")
        detector.spent(once, "key", session, 5)
    detector.check(once, "key", "a", b"")
    for session in ("c",):
        with pytest.raises(Limited):
            detector.check(once, "key", session, b"")
