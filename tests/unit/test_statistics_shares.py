"""Shares and their differences, repeatability: coverage, published examples, invariances."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.special import xlog1py, xlogy

from headgate.statistics.model import Interval
from headgate.statistics.proportions import (
    clustered_share,
    difference_of_shares,
    exact,
    paired_shares,
    wilson,
)
from headgate.statistics.repeatability import flip_rate, passes_of, variances
from headgate.statistics.sequences import betting, is_larger

COUNTS = some.integers(1, 300).flatmap(lambda n: some.tuples(some.integers(0, n), some.just(n)))
METHODS: dict[str, Callable[[int, int], Interval]] = {"wilson": wilson, "exact": exact}


@pytest.mark.parametrize("method", METHODS)
@given(counts=COUNTS)
def test_no_and_yes_mirror_each_other(method: str, counts: tuple[int, int]) -> None:
    yes, cases = counts
    interval, mirrored = METHODS[method](yes, cases), METHODS[method](cases - yes, cases)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    assert interval.low < interval.high
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-9)


def coverage(method: Callable[[int, int], Interval], cases: int, share: float) -> float:
    """The exact chance that an interval of so many cases covers the share."""
    counts = np.arange(cases + 1)
    log_ways = np.array([math.log(math.comb(cases, int(count))) for count in counts])
    chances = np.exp(log_ways + xlogy(counts, share) + xlog1py(cases - counts, -share))
    covers = [not method(int(count), cases).excludes(share) for count in counts]
    return float(chances[covers].sum())


@pytest.mark.parametrize("cases", [5, 20, 60])
def test_exact_intervals_cover_every_share_and_wilsons_on_average(cases: int) -> None:
    shares = np.linspace(0.01, 0.99, 99)
    assert min(coverage(exact, cases, float(share)) for share in shares) >= 0.95
    assert np.mean([coverage(wilson, cases, float(share)) for share in shares]) > 0.945


def test_published_differences_of_shares() -> None:
    # Newcombe, Statistics in Medicine 17, 1998, 873-890, table II, method 10: 56/70 - 48/80.
    interval = difference_of_shares((56, 70), (48, 80))
    assert interval.low == pytest.approx(0.0524, abs=2e-4)
    assert interval.high == pytest.approx(0.3339, abs=2e-4)


def test_paired_shares_cover_their_difference() -> None:
    rng = np.random.default_rng(3)
    chances = np.array([0.6, 0.2, 0.1, 0.1])
    covered = sum(
        not paired_shares(*(int(count) for count in row)).excludes(0.1)
        for row in rng.multinomial(60, chances, size=2000)
    )
    assert covered / 2000 > 0.95 - 3 * (0.95 * 0.05 / 2000) ** 0.5


@given(*(some.integers(0, 40) for _ in range(4)))
def test_swapped_pairs_have_the_opposite_difference(both: int, one: int, other: int, neither: int) -> None:
    if both + one + other + neither == 0:
        return
    interval, swapped = paired_shares(both, one, other, neither), paired_shares(both, other, one, neither)
    assert interval.low <= interval.estimate <= interval.high
    assert interval.low == pytest.approx(-swapped.high, abs=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_clustered_shares_cover_where_counting_every_try_does_not(share: float) -> None:
    """30 cases of 6 tries; a case's own chance is drawn from a Beta distribution."""
    rng = np.random.default_rng(4)
    cases = np.repeat(np.arange(30), 6).tolist()
    clustered = plain = 0
    for _ in range(600):
        chances = rng.beta(share, 1 - share, 30)
        tries = (rng.random((30, 6)) < chances[:, None]).astype(np.float64)
        clustered += not clustered_share(tries.ravel(), cases).excludes(share)
        plain += not wilson(int(tries.sum()), 180).excludes(share)
    assert clustered / 600 >= 0.95 - 3 * (0.95 * 0.05 / 600) ** 0.5
    assert plain / 600 < 0.85


def test_where_all_are_right_each_cluster_counts_once() -> None:
    interval = clustered_share([1.0] * 40, [case // 4 for case in range(40)])
    assert (interval.low, interval.high) == (exact(10, 10).low, 1.0)
    assert clustered_share([0.0] * 10).high == exact(0, 10).high
    with_error = clustered_share([1.0, 0.0, 1.0, 1.0])
    assert (with_error.low, with_error.high) == pytest.approx((exact(3, 4).low, exact(3, 4).high), abs=0.2)


@given(some.lists(some.floats(0, 1), min_size=1, max_size=60))
def test_bets_hold_the_mean_and_mirror(values: list[float]) -> None:
    interval, mirrored = betting(values), betting([1 - value for value in values])
    assert 0 <= interval.low <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-6)
    scaled = betting([10 * value - 5 for value in values], bounds=(-5, 5))
    assert scaled.low == pytest.approx(10 * interval.low - 5, abs=1e-5)


@given(some.lists(some.floats(0, 1), min_size=1, max_size=60), some.floats(0.001, 0.999))
def test_bets_on_one_mean_end_where_the_interval_does(values: list[float], mean: float) -> None:
    low, high = betting(values).low, betting(values).high
    if abs(mean - low) > 1e-6:
        assert is_larger(values, mean, bounds=(0.0, 1.0)) == (mean < low)
    if abs(mean - high) > 1e-6:
        mirrored = [1 - value for value in values]
        assert is_larger(mirrored, 1 - mean, bounds=(0.0, 1.0)) == (mean > high)


def test_bets_find_where_the_mean_is() -> None:
    rng = np.random.default_rng(5)
    interval = betting((rng.random(2000) < 0.02).astype(np.float64))
    assert 0.008 < interval.low < 0.02 < interval.high < 0.045
    assert betting([1.0]).low == 0.0
    assert betting([1.0] * 200).low > 0.95


def test_all_k_tries_right_is_as_rare_as_published() -> None:
    # pass^1 is the mean; two tries of (4, 2, 0) right of 4: C(4,2) + C(2,2) + 0 over C(4,2) each.
    assert passes_of([4, 2, 0], 4, 1).estimate == pytest.approx(0.5)
    assert passes_of([4, 2, 0], 4, 2).estimate == pytest.approx((1 + 1 / 6 + 0) / 3)
    assert passes_of([4, 2, 0], 4, 4).estimate == pytest.approx(1 / 3)
    always = passes_of([4] * 30, 4, 4)
    assert (always.estimate, always.high) == (1.0, 1.0)
    assert always.low == exact(30, 30).low


def test_pass_of_k_is_unbiased_and_covered() -> None:
    rng = np.random.default_rng(6)
    estimates = list[float]()
    covered = 0
    for _ in range(800):
        chances = rng.beta(1, 1, 40)
        interval = passes_of(rng.binomial(4, chances).tolist(), 4, 2)
        estimates.append(interval.estimate)
        covered += not interval.excludes(1 / 3)  # the mean of chance squared
    assert np.mean(estimates) == pytest.approx(1 / 3, abs=0.01)
    assert covered / 800 >= 0.95 - 3 * (0.95 * 0.05 / 800) ** 0.5


def test_flips_are_counted_between_pairs_of_answers() -> None:
    assert flip_rate([["a", "a"], ["a", "b"]]).estimate == 0.5
    assert flip_rate([["a", "a", "b"]] * 3 + [["a", "a", "a"]]).estimate == pytest.approx(0.5)
    never = flip_rate([["a", "a"]] * 20)
    assert never.estimate == 0
    assert 0.1 < never.high < 0.2


def test_variance_is_split_as_it_was_made() -> None:
    rng = np.random.default_rng(7)
    case = rng.normal(0, 2, (400, 1, 1))
    answer = rng.normal(0, 1, (400, 5, 1))
    judgement = rng.normal(0, 0.5, (400, 5, 3))
    split = variances((case + answer + judgement).tolist())
    assert split.between == pytest.approx(float(case.var(ddof=1)), rel=0.05)
    assert split.within == pytest.approx(1, rel=0.15)
    assert split.judge == pytest.approx(0.25, rel=0.1)
    assert split.total == split.between + split.within + split.judge
    once = variances((case + answer + judgement[:, :, :1]).tolist())
    assert once.judge == 0
    assert once.within == pytest.approx(1.25, rel=0.15)
    alike = variances([[[1.0], [0.0]], [[0.0], [1.0]]])
    assert alike.between == 0
