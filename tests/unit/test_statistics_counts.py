"""Shares that hold at every look, from counts: simulated under continuous looking, and closed forms."""

import math
from random import Random

import pytest

from headgate.core.faults import InvalidRequest
from headgate.statistics.counts import share_at_every_look

RUNS = 1500
LOOKS = 250


@pytest.mark.parametrize("share", [0.005, 0.05, 0.5, 0.97])
def test_an_interval_looked_at_after_every_case_misses_at_most_as_often_as_stated(
    share: float,
) -> None:
    random, alpha = Random(7), 0.05
    outside = _excluding(share, alpha)
    below = above = 0
    for _ in range(RUNS):
        successes, high_missed, low_missed = 0, False, False
        for cases in range(1, LOOKS + 1):
            successes += random.random() < share
            if (successes, cases) in outside:
                is_low = successes / cases < share
                high_missed, low_missed = high_missed or is_low, low_missed or not is_low
        below, above = below + high_missed, above + low_missed
    margin = 3 * math.sqrt(alpha * (1 - alpha) / RUNS)
    assert below / RUNS <= alpha + margin
    assert above / RUNS <= alpha + margin
    assert (below + above) / RUNS <= alpha + margin, "both sides together, too"


def _excluding(share: float, alpha: float) -> set[tuple[int, int]]:
    """All counts whose interval leaves a share out: worked out once, looked up often."""
    found: set[tuple[int, int]] = set()
    for cases in range(1, LOOKS + 1):
        for successes in range(cases + 1):
            likely = abs(successes / cases - share) < 1.0 * math.sqrt(share * (1 - share) / cases)
            if not likely and share_at_every_look(successes, cases, alpha=alpha).excludes(share):
                found.add((successes, cases))
    return found


def test_what_never_happened_is_bounded_as_tightly_as_a_bet_on_it_can() -> None:
    none = share_at_every_look(0, 300, alpha=0.01)
    assert (none.low, none.estimate) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - (0.01 / 4) ** (1 / 300), rel=0.12)
    all_of = share_at_every_look(300, 300, alpha=0.01)
    assert (all_of.low, all_of.high) == (pytest.approx(1 - none.high), 1.0)


def test_it_closes_in_and_knows_nothing_at_first() -> None:
    assert share_at_every_look(0, 0).low == 0.0 and share_at_every_look(0, 0).high == 1.0
    spans = [share_at_every_look(cases // 4, cases) for cases in (40, 400, 4000, 400_000)]
    widths = [each.high - each.low for each in spans]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.01
    assert all(each.low < 0.25 < each.high for each in spans)


@pytest.mark.parametrize(("successes", "cases", "alpha"), [(3, 2, 0.05), (-1, 2, 0.05), (1, 2, 1.5)])
def test_what_are_no_counts_is_refused(successes: int, cases: int, alpha: float) -> None:
    with pytest.raises(InvalidRequest):
        share_at_every_look(successes, cases, alpha=alpha)
