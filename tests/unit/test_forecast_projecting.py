"""Projections of spend: exact where days are alike, honest where they differ, else silent."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.records.forecast.projecting import DAYS_MIN, SHARES, project

STEADY = [[10, 20, 30, 40]] * 5


def test_days_alike_lead_to_one_line() -> None:
    found = project(STEADY, 6, spent=1000, limit=1110, first_part=0.5)
    assert found is not None
    assert set(found.quantiles) == {(1005, 1025, 1055, 1095, 1105, 1125)}
    assert found.ends == (5, 5, 5)
    assert found.passing == 1


def test_what_is_never_reached_has_no_end() -> None:
    found = project(STEADY, 4, spent=0, limit=101, first_part=1.0)
    assert found is not None
    assert found.quantiles[0] == (10, 30, 60, 100)
    assert found.ends == (None, None, None)
    assert found.passing == 0


def test_too_little_is_known_of_two_days() -> None:
    assert project(STEADY[: DAYS_MIN - 1], 6, spent=0, limit=10, first_part=1.0) is None
    assert project(STEADY, 0, spent=0, limit=10, first_part=1.0) is None
    assert project([], 6, spent=0, limit=10, first_part=1.0) is None


def test_some_projections_reach_the_limit_and_some_do_not() -> None:
    found = project([[0], [100]] * 3, 4, spent=0, limit=200, first_part=1.0)
    assert found is not None
    assert 0.5 < found.passing < 0.9
    earliest, middle, latest = found.ends
    assert earliest == 1
    assert middle in (1, 2, 3)
    assert latest is None


DAYS = st.lists(st.lists(st.integers(0, 10**15), min_size=4, max_size=4), min_size=3, max_size=28)


@settings(max_examples=50)
@given(past=DAYS, ahead=st.integers(1, 40), spent=st.integers(0, 10**15), first_part=st.floats(0, 1))
def test_fans_rise_and_keep_their_order(
    past: list[list[int]], ahead: int, spent: int, first_part: float
) -> None:
    found = project(past, ahead, spent=spent, limit=10**18, first_part=first_part)
    assert found is not None
    assert found == project(past, ahead, spent=spent, limit=10**18, first_part=first_part)
    assert [len(each) for each in found.quantiles] == [ahead] * len(SHARES)
    for amounts in found.quantiles:
        assert list(amounts) == sorted(amounts)
        assert amounts[0] >= spent
    for column in zip(*found.quantiles, strict=True):
        assert list(column) == sorted(column)


def covered(days: int, trials: int) -> float:
    """How often what ten days come to lies between the outer quantiles, of days that are drawn alike."""
    source = random.Random(3)
    inside = 0
    for _ in range(trials):
        past = [[int(source.lognormvariate(10, 0.6))] for _ in range(days)]
        found = project(past, 10, spent=0, limit=10**18, first_part=1.0)
        assert found is not None
        truth = sum(int(source.lognormvariate(10, 0.6)) for _ in range(10))
        inside += found.quantiles[0][-1] <= truth <= found.quantiles[-1][-1]
    return inside / trials


def test_the_fan_holds_what_it_says_it_does() -> None:
    """Nominally 80 %; two weeks tell a little less, as tails show in longer times. Margin: 7 points."""
    assert 0.65 <= covered(14, 120) <= 0.88
    assert 0.70 <= covered(28, 120) <= 0.88
