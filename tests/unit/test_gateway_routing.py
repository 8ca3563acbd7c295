"""The order of targets is a pure function; each strategy is checked for what users expect of it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.catalog.model import ModelFacts, Provider, Target
from headgate.config.snapshot import RetryRule, Strategy
from headgate.core.ports import Origin
from headgate.gateway.routing import backoff_s, order


def target(name: str, weight: float = 1.0) -> Target:
    provider = Provider(
        name=name,
        kind="mock",
        origin=Origin("mock", name, 0),
        path="",
        regions=frozenset(),
        endpoints=(),
        price_provider=None,
    )
    return Target(provider=provider, model="m", facts=ModelFacts(price=None), weight=weight)


def names(targets: list[Target]) -> list[str]:
    return [item.provider.name for item in targets]


STRATEGIES: list[Strategy] = ["fallback", "weighted", "fastest", "cheapest"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(count=st.integers(0, 6), seed=st.integers(0, 1000))
def test_every_strategy_tries_every_target_once(strategy: Strategy, count: int, seed: int) -> None:
    targets = [target(f"p{index}") for index in range(count)]
    ordered = order(strategy, targets, latencies_s={}, prices_pico_usd={}, random=Random(seed))
    assert sorted(names(ordered)) == sorted(names(targets))


def test_fallback_keeps_the_order_of_the_file() -> None:
    targets = [target("b"), target("a")]
    assert names(order("fallback", targets, latencies_s={}, prices_pico_usd={}, random=Random(1))) == [
        "b",
        "a",
    ]


def test_weighted_follows_the_weights_and_never_begins_with_weight_zero() -> None:
    targets = [target("a", 3.0), target("b", 1.0), target("never", 0.0)]
    random = Random(7)
    firsts = [
        names(order("weighted", targets, latencies_s={}, prices_pico_usd={}, random=random))[0]
        for _ in range(4000)
    ]
    assert firsts.count("never") == 0
    assert 0.70 < firsts.count("a") / len(firsts) < 0.80


def test_fastest_mostly_begins_with_a_fast_target_and_never_with_the_slowest() -> None:
    targets = [target("slow"), target("fast"), target("middle")]
    latencies = {"slow/m": 2.0, "fast/m": 0.1, "middle/m": 0.5}
    firsts = [
        names(order("fastest", targets, latencies_s=latencies, prices_pico_usd={}, random=Random(seed)))[0]
        for seed in range(200)
    ]
    assert "slow" not in firsts
    assert firsts.count("fast") > firsts.count("middle")


def test_cheapest_puts_unknown_prices_last() -> None:
    targets = [target("unknown"), target("dear"), target("cheap")]
    prices = {"unknown/m": None, "dear/m": 9, "cheap/m": 1}
    ordered = order("cheapest", targets, latencies_s={}, prices_pico_usd=prices, random=Random(1))
    assert names(ordered) == ["cheap", "dear", "unknown"]


@given(attempt=st.integers(1, 12), asked=st.none() | st.floats(0, 60), seed=st.integers(0, 99))
def test_backoff_is_jittered_capped_and_at_least_what_the_provider_asks(
    attempt: int, asked: float | None, seed: int
) -> None:
    rule = RetryRule(backoff_s=0.25, backoff_s_max=4.0)
    wait = backoff_s(rule, attempt, asked, Random(seed))
    assert wait >= (asked or 0.0)
    assert wait <= max(asked or 0.0, min(4.0, 0.25 * 2 ** (attempt - 1)))
