"""Breakers open, rest, and probe; slots are bounded and go to whoever waited longest."""

import asyncio

import msgspec
import pytest

from headgate.api.targets import merged
from headgate.config.http import Health as Said
from headgate.core.faults import Unavailable
from headgate.gateway.health import (
    FAILURE_CHARACTERS_MAX,
    FAILURES_TO_OPEN,
    OPEN_S,
    Breaker,
    Health,
    TargetHealth,
)


def test_a_breaker_opens_after_repeated_failures_and_lets_one_probe_through() -> None:
    breaker = Breaker()
    opened = [breaker.failed(now_s=0.0) for _ in range(FAILURES_TO_OPEN)]
    assert opened == [False] * (FAILURES_TO_OPEN - 1) + [True]
    assert not breaker.allow(now_s=OPEN_S - 0.1)
    assert breaker.state(OPEN_S) == "half-open"
    assert breaker.allow(now_s=OPEN_S)
    assert not breaker.allow(now_s=OPEN_S), "only one call may probe"
    breaker.succeeded()
    assert breaker.state(OPEN_S) == "closed"


def test_a_failed_probe_opens_it_for_twice_as_long() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(now_s=0.0)
    assert breaker.allow(now_s=OPEN_S)
    assert breaker.failed(now_s=OPEN_S)
    assert not breaker.allow(now_s=OPEN_S + 2 * OPEN_S - 0.1)
    assert breaker.allow(now_s=OPEN_S + 2 * OPEN_S)


def test_an_abandoned_probe_frees_the_next_one() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(now_s=0.0)
    assert breaker.allow(now_s=OPEN_S)
    breaker.abandoned()
    assert breaker.allow(now_s=OPEN_S)


def test_a_rise_of_latency_counts_at_once_and_a_fall_slowly() -> None:
    health = TargetHealth()
    health.observe(0.1)
    health.observe(2.0)
    assert health.latency_s == 2.0
    health.observe(0.1)
    assert health.latency_s is not None and 1.0 < health.latency_s < 2.0


async def test_slots_are_bounded_and_handed_on_in_order() -> None:
    health = TargetHealth()
    await health.enter(calls_max=1, queued_max=2)
    turns: list[str] = []

    async def wait_for_slot(name: str) -> None:
        await health.enter(calls_max=1, queued_max=2)
        turns.append(name)
        health.leave()

    waiting = [asyncio.create_task(wait_for_slot(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="2 wait already"):
        await health.enter(calls_max=1, queued_max=2)
    health.leave()
    await asyncio.gather(*waiting)
    assert turns == ["first", "second"]
    assert health.calls_in_flight == 0


async def test_a_call_that_gives_up_waiting_leaves_no_slot_taken() -> None:
    health = TargetHealth()
    await health.enter(calls_max=1, queued_max=5)
    waiting = asyncio.create_task(health.enter(calls_max=1, queued_max=5))
    await asyncio.sleep(0)
    health.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert health.calls_in_flight == 0
    await health.enter(calls_max=1, queued_max=5)


def test_what_is_known_of_targets_is_bounded() -> None:
    health = Health()
    for index in range(5000):
        health.of(f"p/m{index}")
    assert len(health.items()) == 4096


def test_a_target_that_limits_its_rate_rests_as_long_as_it_asks_but_a_minute_at_most() -> None:
    health = TargetHealth()
    health.cool(10.0, None)
    assert health.cool_until_s == 11.0
    health.cool(10.0, 5.0)
    assert health.cool_until_s == 15.0
    health.cool(10.0, 2.0)
    assert health.cool_until_s == 15.0, "a shorter wait does not take back a longer one"
    health.cool(10.0, 86_400.0)
    assert health.cool_until_s == 70.0


def test_a_target_says_since_when_it_rests_and_how_it_failed_last() -> None:
    one, other = Health(), Health()
    for number in range(FAILURES_TO_OPEN):
        one.of("p/m").fail(f"failure {number}", now_s=float(number), at_ms=1000 * number)
    other.of("p/m").fail("x" * 9000, now_s=1.0, at_ms=99_000)
    opened_ms = 1000 * (FAILURES_TO_OPEN - 1)
    seen = one.view(now_s=5.0)["p/m"]
    assert (seen.state, seen.since_ms, seen.failure) == ("open", opened_ms, f"failure {FAILURES_TO_OPEN - 1}")
    views = [
        msgspec.json.decode(msgspec.json.encode(each.view(now_s=5.0)), type=dict[str, Said])
        for each in (one, other)
    ]
    known = merged(views)["p"]
    assert (known.state, known.since_ms, known.failed_ms) == ("open", opened_ms, 99_000)
    assert (known.failed_target, len(known.failure)) == ("p/m", FAILURE_CHARACTERS_MAX)
    one.of("p/m").breaker.succeeded()
    assert one.view(now_s=9.0)["p/m"].since_ms is None
