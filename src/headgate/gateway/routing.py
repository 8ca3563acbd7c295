"""In which order a call tries its targets. Pure: randomness and what was seen of targets are passed in.

Never excludes a target: that is for `policy` before, and for breaker, budget and slots after. Power of two
choices: Mitzenmacher, 2001.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import assert_never

from headgate.catalog.model import Target
from headgate.config.snapshot import RetryRule, Strategy
from headgate.core.call import Usage

UNSEEN_LATENCY_S = 0.0
"""A target not yet seen is tried first, so that it becomes known."""


def order(
    strategy: Strategy,
    targets: Sequence[Target],
    *,
    latencies_s: Mapping[str, float],
    prices_pico_usd: Mapping[str, int | None],
    random: Random,
) -> list[Target]:
    """Return the targets in the order in which they are to be tried."""
    if len(targets) < 2:
        return list(targets)
    match strategy:
        case "fallback":
            return list(targets)
        case "weighted":
            return _weighted(targets, random)
        case "fastest":
            return _fastest(targets, latencies_s, random)
        case "cheapest":
            return sorted(targets, key=lambda target: _price_rank(prices_pico_usd.get(target.name)))
        case _:
            assert_never(strategy)


def _weighted(targets: Sequence[Target], random: Random) -> list[Target]:
    """Draw without replacement, each time in proportion to weight (Efraimidis and Spirakis, 2006)."""
    keyed = [
        (random.random() ** (1.0 / target.weight) if target.weight > 0 else -1.0, target)
        for target in targets
    ]
    return [target for _, target in sorted(keyed, key=lambda pair: pair[0], reverse=True)]


def _fastest(targets: Sequence[Target], latencies_s: Mapping[str, float], random: Random) -> list[Target]:
    def latency(target: Target) -> float:
        return latencies_s.get(target.name, UNSEEN_LATENCY_S)

    first, second = random.sample(list(targets), 2)
    chosen = first if latency(first) <= latency(second) else second
    rest = sorted((target for target in targets if target is not chosen), key=latency)
    return [chosen, *rest]


def _price_rank(price: int | None) -> tuple[bool, int]:
    return (price is None, price or 0)


def typical_usage(body_bytes: int, max_output: int | None) -> Usage:
    """A rough guess of a call's tokens, good only for comparing targets by price."""
    return Usage(input=max(1, body_bytes // 4), output=min(max_output or 500, 500))


def backoff_s(rule: RetryRule, attempt: int, retry_after_s: float | None, random: Random) -> float:
    """How long to wait before retry `attempt` (from 1): full jitter, and at least what the provider asks.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
    """
    cap = min(rule.backoff_s_max, rule.backoff_s * 2 ** (attempt - 1))
    return max(random.uniform(0.0, cap), retry_after_s or 0.0)
