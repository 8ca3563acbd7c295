"""Comparisons that end early: rarely wrong, and with fewer calls where there is a difference."""

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from tests.unit.checks_by_hand import cases_of, check_of

from headgate.checks.stopping import LOOKS_ERROR, difference_so_far, in_rounds
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case
from headgate.statistics.sequences import betting


def test_rounds_grow_to_all_cases_and_keep_clusters_whole() -> None:
    check = check_of(seed=3)
    rounds = list(in_rounds(check, cases_of(100)))
    assert [len(each) for each in rounds] == [20, 30, 45, 68, 100]
    assert all(later[: len(earlier)] == earlier for earlier, later in pairwise(rounds))
    assert [len(each) for each in in_rounds(check, cases_of(15))] == [15]
    clustered = [Case(id=f"{n:03}", input=f"{n}?", cluster=f"c{n % 30}") for n in range(90)]
    first, *_, last = in_rounds(check, clustered)
    assert (len(first), len(last)) == (60, 90)
    assert {sum(case.cluster == one.cluster for case in first) for one in first} == {3}


def decided(one: Sequence[float], other: Sequence[float], rounds: Sequence[int]) -> int | None:
    """At which round the interval excludes 0, if ever."""
    for count in rounds:
        found = difference_so_far(one[:count], other[:count], None, 1)
        if found.excludes(0):
            return count
    return None


def test_looks_on_the_way_are_wrong_at_most_as_often_as_they_may() -> None:
    wrong, early = 0, 0
    rounds = (20, 30, 45, 68, 102, 153, 230)
    for seed in range(300):
        rng = random.Random(seed)
        same, alike = ([float(rng.random() < 0.7) for _ in range(230)] for _ in range(2))
        wrong += decided(same, alike, rounds) is not None
        better = [float(rng.random() < 0.95) for _ in range(230)]
        worse = [float(rng.random() < 0.6) for _ in range(230)]
        early += (decided(better, worse, rounds) or 230) <= 102
    assert wrong <= 300 * LOOKS_ERROR + 3 * (300 * LOOKS_ERROR) ** 0.5
    assert early > 240


def test_a_cluster_counts_for_as_many_cases_as_it_has() -> None:
    # Of 40 small clusters the first target is worse, of 10 large ones it is better: over cases it is better.
    clusters: list[str] = []
    one: list[float] = []
    other: list[float] = []
    rng = random.Random(1)
    names = [("small", number) for number in range(200)] + [("large", number) for number in range(50)]
    rng.shuffle(names)
    for kind, number in names:
        size = 1 if kind == "small" else 12
        clusters += [f"{kind} {number}"] * size
        one += [float(kind == "large")] * size
        other += [float(kind == "small")] * size
    found = difference_so_far(one, other, clusters, 12)
    assert found.estimate == sum(one) / len(one) - sum(other) / len(other) == 0.5
    assert found.low > 0
    assert found.low <= 0.5 <= found.high < 1


def test_clusters_may_come_in_the_order_of_their_sizes() -> None:
    sizes = sorted((1 + number % 12 for number in range(240)), reverse=True)
    clusters = [f"c{number}" for number, size in enumerate(sizes) for _ in range(size)]
    found = difference_so_far([0.75] * len(clusters), [0.25] * len(clusters), clusters, 12)
    assert found.estimate == 0.5
    assert 0.35 < found.low < 0.5 < found.high < 0.55


def test_clusters_of_one_size_are_told_like_cases() -> None:
    rng = random.Random(2)
    cases = [rng.choice((-1.0, 0.0, 0.0, 0.5, 1.0)) for _ in range(80)]
    plain = betting(cases, bounds=(-1.0, 1.0), alpha=LOOKS_ERROR)
    clusters = [f"c{number}" for number in range(80) for _ in range(4)]
    found = difference_so_far([each for each in cases for _ in range(4)], [0.0] * 320, clusters, 4)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-5)


def test_clusters_whose_difference_moved_have_no_interval_rather_than_a_wrong_one() -> None:
    for late in range(50, 4001, 150):
        one = [*[1.0] * 50, *[0.0] * late]
        clusters = [f"c{number // 2}" for number in range(len(one))]
        try:
            found = difference_so_far(one, [1 - each for each in one], clusters, 2)
        except InvalidRequest as fault:
            assert "moved while they came" in fault.message
            return
        assert found.low <= found.high
    raise AssertionError("it was explained however it moved")
