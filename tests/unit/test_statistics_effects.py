"""Differences of arms: right against what can be worked out by hand, and what must not change them."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from headgate.core.faults import InvalidRequest
from headgate.statistics.contrasts import Effect, against_margin
from headgate.statistics.effects import (
    adjusted_difference,
    bounded_difference,
    clustered_difference,
    clustered_mean,
    difference,
    paired_difference,
    ratio,
    ratio_difference,
    relative_difference,
)
from headgate.statistics.model import Looks, Sample
from headgate.statistics.sequences import apart, betting
from headgate.statistics.units import by_arm

# Rounded, so that a sample either varies visibly or is constant, which is refused.
VALUES = some.floats(-1000, 1000).map(lambda value: round(value, 2))
SAMPLES = some.integers(5, 40).flatmap(lambda size: arrays(np.float64, size, elements=VALUES))


def effect_of(estimate: float, error: float, n: int = 1000) -> Effect:
    return Effect(estimate=estimate, standard_error=error, n=n, freedom=n - 2, settled=True)


def same(one: Effect, other: Effect) -> None:
    scale = 1 + abs(one.estimate) + abs(other.estimate)
    assert one.estimate == pytest.approx(other.estimate, abs=1e-6 * scale)
    assert one.standard_error == pytest.approx(other.standard_error, rel=1e-5, abs=1e-9)


def told(one: Sample, other: Sample) -> Effect | None:
    try:
        return difference(one, other)
    except InvalidRequest:
        return None


@given(SAMPLES, SAMPLES)
def test_swapped_arms_have_the_opposite_difference(one: Sample, other: Sample) -> None:
    effect, swapped = told(one, other), told(other, one)
    if effect and swapped:
        same(effect, msgspec.structs.replace(swapped, estimate=-swapped.estimate))
        assert effect.freedom == pytest.approx(swapped.freedom)
    else:
        assert effect is swapped is None


@given(SAMPLES, SAMPLES, some.floats(-100, 100), some.floats(0.01, 100))
def test_units_of_measure_and_order_change_nothing(
    one: Sample, other: Sample, shift: float, scale: float
) -> None:
    effect = told(one, other)
    if effect is None:
        return
    moved = difference(one[::-1] * scale + shift, other * scale + shift)
    assert moved.estimate == pytest.approx(effect.estimate * scale, abs=1e-6 * (1 + abs(shift)) * (1 + scale))
    assert moved.standard_error == pytest.approx(effect.standard_error * scale, rel=1e-4)


@given(SAMPLES, some.sampled_from(["every", "planned", "one"]), some.floats(0.001, 0.4))
def test_intervals_hold_the_estimate_and_shrink_with_more_error(
    values: Sample, looks: Looks, alpha: float
) -> None:
    try:
        effect = msgspec.structs.replace(clustered_mean(values), settled=True)
    except InvalidRequest:
        return
    wide, narrow = (effect.interval(alpha=each, looks=looks) for each in (alpha, alpha * 2))
    assert wide.low <= narrow.low <= effect.estimate <= narrow.high <= wide.high
    lower, upper = (effect.interval(alpha=alpha, looks=looks, side=side) for side in ("lower", "upper"))
    assert lower.high == math.inf
    assert upper.low == -math.inf
    assert wide.low <= lower.low


@given(SAMPLES)
def test_clusters_of_one_are_no_clusters(values: Sample) -> None:
    try:
        plain = clustered_mean(values)
    except InvalidRequest:
        return
    same(plain, clustered_mean(values, list(range(len(values)))))


def test_copies_of_a_unit_bring_no_precision() -> None:
    values = np.random.default_rng(1).standard_normal(60)
    copied = clustered_mean(np.repeat(values, 5), np.repeat(np.arange(60), 5).tolist())
    same(clustered_mean(values), copied)
    assert copied.n == 60
    assert clustered_mean(np.repeat(values, 5)).standard_error < copied.standard_error / 2


def test_before_it_has_settled_only_one_look_has_an_interval() -> None:
    effect = difference([1.0, 2.0, 3.0] * 10, [1.0, 2.0, 4.0] * 10)
    assert not effect.settled
    assert effect.interval().low == -math.inf
    assert effect.interval(looks="planned", side="lower").high == math.inf
    assert math.isfinite(effect.interval(looks="one").high)
    assert difference([1.0, 2.0, 3.0] * 40, [1.0, 2.0, 4.0] * 40).settled


def test_one_look_at_a_difference_is_the_interval_of_welch() -> None:
    # Expected: scipy.stats.ttest_ind(equal_var=False) and its confidence_interval.
    effect = difference([27.5, 21, 19, 23.6, 17, 17.9], [27.1, 22, 20.8, 23.4, 23.4, 23.5])
    assert effect.estimate == pytest.approx(-2.366667, abs=1e-5)
    assert effect.freedom == pytest.approx(7.636562)
    assert effect.interval(looks="one").low == pytest.approx(-6.633846)
    assert effect.baseline == pytest.approx(23.366667, abs=1e-5)


def test_a_value_from_before_that_explains_half_of_it_takes_half_of_the_variance() -> None:
    rng = np.random.default_rng(2)
    before, other_before = rng.standard_normal((2, 4000))
    one = before + rng.standard_normal(4000) + 0.1
    other = other_before + rng.standard_normal(4000)
    plain = difference(one, other)
    adjusted = adjusted_difference(one, other, treatment_before=before, control_before=other_before)
    assert adjusted.standard_error / plain.standard_error == pytest.approx(0.5**0.5, abs=0.02)
    assert adjusted.estimate == pytest.approx(0.1, abs=4 * adjusted.standard_error)
    same(plain, adjusted_difference(one, other, treatment_before=[1.0] * 4000, control_before=[1.0] * 4000))


def test_adjusting_is_regression_on_arm_and_value_from_before() -> None:
    rng = np.random.default_rng(3)
    before = rng.exponential(size=300)
    arm = np.arange(300) % 2
    values = 2 + 0.4 * arm + 1.5 * before + rng.standard_normal(300)
    design = np.column_stack((np.ones(300), arm, before))
    expected = np.linalg.lstsq(design, values, rcond=None)[0][1]
    adjusted = adjusted_difference(
        values[arm == 1], values[arm == 0], treatment_before=before[arm == 1], control_before=before[arm == 0]
    )
    assert adjusted.estimate == pytest.approx(float(expected))


def test_ratios_have_the_error_that_resampling_users_has() -> None:
    rng = np.random.default_rng(4)
    calls = 1 + rng.poisson(5, 3000).astype(np.float64)
    cost = calls * rng.gamma(2, 0.01, 3000)
    effect = ratio(cost, calls)
    draws = rng.integers(3000, size=(2000, 3000))
    resampled = cost[draws].sum(axis=1) / calls[draws].sum(axis=1)
    assert effect.estimate == pytest.approx(cost.sum() / calls.sum())
    assert effect.standard_error == pytest.approx(float(resampled.std()), rel=0.06)
    both = ratio_difference((cost[:1500], calls[:1500]), (cost[1500:], calls[1500:]))
    assert abs(both.estimate) < 4 * both.standard_error
    same(ratio(cost, np.full(3000, 2.0)), clustered_mean(cost / 2))


def test_relative_differences_cover_the_truth() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(1000):
        effect = relative_difference(rng.normal(11, 5, 200), rng.normal(10, 5, 200))
        covered += not effect.interval(looks="one").excludes(0.1)
    assert covered / 1000 == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / 1000) ** 0.5)
    negative = relative_difference([-11.0, -12.0, -10.0], [-10.0, -10.1, -9.9])
    assert negative.estimate == pytest.approx(-0.1), "eleven below 0 is less than ten below 0"
    assert negative.standard_error > 0
    assert negative.baseline == pytest.approx(-10)


def test_pairs_that_move_together_are_told_apart_where_arms_are_not() -> None:
    rng = np.random.default_rng(6)
    case = rng.standard_normal(200) * 5
    one, other = case + 0.3 + rng.standard_normal(200) * 0.3, case + rng.standard_normal(200) * 0.3
    assert paired_difference(one, other).interval().low > 0
    assert difference(one, other).interval().low < 0
    assert paired_difference(one, other).baseline == pytest.approx(float(other.mean()))
    documents = (np.arange(200) // 4).tolist()
    assert paired_difference(one, other, documents).n == 50


def test_clustered_differences_cover_where_plain_ones_do_not() -> None:
    rng = np.random.default_rng(7)
    users = np.repeat(np.arange(40), 8)
    plain = clustered = 0
    for _ in range(500):
        one, other = (rng.standard_normal(40)[users] + rng.standard_normal(320) for _ in range(2))
        names = [f"user {user}" for user in users]
        effect = clustered_difference((one, names), (other, [f"other {name}" for name in names]))
        clustered += not effect.interval(looks="one").excludes(0)
        plain += not difference(one, other).interval(looks="one").excludes(0)
    assert clustered / 500 == pytest.approx(0.95, abs=0.03)
    assert plain / 500 < 0.75


def test_differences_of_bounded_values_need_no_variance() -> None:
    none_yes = bounded_difference([1.0] * 40, [0.0] * 40)
    assert 0.3 < none_yes.low < 1 == none_yes.high
    same_arms = bounded_difference([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], alpha=0.1)
    assert same_arms.low < -0.5 < 0.5 < same_arms.high
    one, other = betting([0.2] * 30, alpha=0.01), betting([0.4] * 30, alpha=0.02)
    assert apart(one, other).alpha == pytest.approx(0.03)
    assert apart(one, other).low == pytest.approx(one.low - other.high)


@pytest.mark.parametrize(
    ("estimate", "error", "worse", "verdict"),
    [
        (0.0, 0.01, "higher", "not worse"),
        (0.0, 0.01, "lower", "not worse"),
        (0.5, 0.01, "higher", "worse"),
        (-0.5, 0.01, "higher", "not worse"),
        (-0.5, 0.01, "lower", "worse"),
        (0.1, 0.01, "higher", "open"),
        (0.0, 1.0, "lower", "open"),
    ],
)
def test_a_margin_is_kept_passed_or_open(estimate: float, error: float, worse: str, verdict: str) -> None:
    direction = "higher" if worse == "higher" else "lower"
    assert against_margin(effect_of(estimate, error).ends(), 0.1, worse=direction) == verdict
    unsettled = msgspec.structs.replace(effect_of(estimate, error), settled=False)
    assert against_margin(unsettled.ends(), 0.1, worse=direction) == "open"


def test_an_arm_at_the_margin_is_called_not_worse_at_most_as_often_as_stated() -> None:
    rng = np.random.default_rng(8)
    called = 0
    for _ in range(400):
        one, other = rng.standard_normal((2, 600))
        called += any(
            against_margin(difference(one[:at] + 0.2, other[:at]).ends(), 0.2, worse="higher") == "not worse"
            for at in range(100, 601, 50)
        )
    assert called / 400 <= 0.05


def test_values_of_a_unit_are_added_up() -> None:
    arms = by_arm(["b", "a", "b", "a"], [1, 2, 1, 3], [1.0, 5.0, 2.0, 7.0])
    assert list(arms) == ["b", "a"]
    assert arms["b"].names == [1]
    assert arms["b"].sums.tolist() == [3.0]
    assert arms["b"].means.tolist() == [1.5]
    assert arms["a"].sums.tolist() == [5.0, 7.0]
    assert arms["a"].counts.tolist() == [1.0, 1.0]


def test_calls_taken_for_units_promise_what_they_do_not_have() -> None:
    """An A/A experiment on users, of ten calls each: by call it alarms far too often, by user as stated."""
    rng = np.random.default_rng(9)
    by_call = by_user = 0
    users = np.repeat(np.arange(200), 10)
    names = (users % 2).tolist()
    for _ in range(300):
        values = rng.standard_normal(200)[users] + rng.standard_normal(2000)
        arms = by_arm(names, users.tolist(), values)
        by_user += difference(arms[1].means, arms[0].means).interval(looks="one").excludes(0)
        by_call += (
            difference(values[users % 2 == 1], values[users % 2 == 0]).interval(looks="one").excludes(0)
        )
    assert by_user / 300 < 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
    assert by_call / 300 > 0.3
