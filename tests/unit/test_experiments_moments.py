"""Ten numbers an arm say the same as all its values: against `headgate.statistics`, value by value."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headgate.core.faults import InvalidRequest
from headgate.statistics.contrasts import Effect, contrast, mean_of, ratio_of, slope_of
from headgate.statistics.effects import adjusted_difference, difference, ratio_difference
from headgate.statistics.moments import NOTHING, Moments

Sample = NDArray[np.float64]


def moments(y: Sample, x: Sample | None = None) -> Moments:
    """What the database makes of values."""
    other = np.zeros_like(y) if x is None else x
    return Moments(
        n=len(y),
        y=float(y.mean()),
        x=float(other.mean()),
        yy=float(((y - y.mean()) ** 2).sum()),
        xy=float(((y - y.mean()) * (other - other.mean())).sum()),
        xx=float(((other - other.mean()) ** 2).sum()),
        yyy=float((y**3).mean()),
        yyx=float((y * y * other).mean()),
        yxx=float((y * other * other).mean()),
        xxx=float((other**3).mean()),
    )


def assert_same(one: Effect, other: Effect) -> None:
    for name in ("estimate", "standard_error", "freedom", "baseline"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9), name
    assert (one.n, one.settled) == (other.n, other.settled)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(8)


def test_a_difference_of_means_is_the_same(random: np.random.Generator) -> None:
    for size in (30, 400):
        one, other = random.normal(5, 2, size), random.normal(4, 3, size + 50)
        assert_same(contrast(mean_of(moments(one)), mean_of(moments(other))), difference(one, other))


def test_a_skewed_arm_is_unsettled_in_both(random: np.random.Generator) -> None:
    rare = (random.random(500) < 0.01).astype(np.float64)
    usual = random.normal(0, 1, 500)
    found = contrast(mean_of(moments(rare)), mean_of(moments(usual)))
    assert_same(found, difference(rare, usual))
    assert not found.settled


def test_an_adjusted_difference_is_the_same(random: np.random.Generator) -> None:
    before, other_before = random.normal(3, 1, 300), random.normal(3, 1, 250)
    one, other = before + random.normal(0.2, 0.5, 300), other_before + random.normal(0, 0.5, 250)
    arms = [moments(one, before), moments(other, other_before)]
    slope, middle = slope_of(arms)
    treatment, control = [mean_of(arm, slope=slope, middle=middle) for arm in arms]
    found = contrast(treatment, control)
    whole = adjusted_difference(one, other, treatment_before=before, control_before=other_before)
    assert_same(found, whole)
    assert found.standard_error < 0.6 * difference(one, other).standard_error


def test_a_difference_of_ratios_is_the_same(random: np.random.Generator) -> None:
    calls, other_calls = random.integers(1, 9, 400).astype(float), random.integers(1, 9, 300).astype(float)
    one, other = calls * random.normal(100, 20, 400), other_calls * random.normal(110, 20, 300)
    found = contrast(ratio_of(moments(one, calls)), ratio_of(moments(other, other_calls)))
    assert_same(found, ratio_difference((one, calls), (other, other_calls)))


def test_units_that_are_silent_count_as_zeros(random: np.random.Generator) -> None:
    told, before = random.normal(5, 1, 200), random.normal(2, 1, 200)
    silent = np.zeros(800)
    whole = moments(np.concatenate((told, silent)), np.concatenate((before, silent)))
    found = moments(told, before).with_zeros(800)
    for name in Moments.__struct_fields__:
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=1e-9), name
    assert NOTHING.with_zeros(3).n == 3
    assert NOTHING.with_zeros(0) is NOTHING


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.array([]), "no units with a value yet"),
        (np.array([3.0]), "one unit with a value"),
        (np.full(1000, 7.3), "all units have the same value"),
        (np.zeros(1000), "all units have the same value"),
        (np.array([1.0, np.inf, 2.0]), "too large"),
    ],
)
def test_what_tells_nothing_is_refused_in_words(values: Sample, says: str) -> None:
    with np.errstate(invalid="ignore"):
        arm = moments(values) if len(values) else NOTHING
    with pytest.raises(InvalidRequest, match=says):
        mean_of(arm)


def test_a_ratio_of_no_calls_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="too near 0 for a ratio"):
        ratio_of(moments(np.ones(50), np.zeros(50)))


def test_groups_of_units_are_merged(random: np.random.Generator) -> None:
    """Units that said nothing before have one second value, put in afterwards."""
    told, before, silent = random.normal(5, 1, 200), random.normal(2, 1, 200), random.normal(4, 2, 70)
    whole = moments(np.concatenate((told, silent)), np.concatenate((before, np.full(70, 1.5))))
    found = moments(told, before).joined(moments(silent).with_x(1.5))
    for name in Moments.__struct_fields__:
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=1e-9), name
    assert found.joined(NOTHING) is found
    assert NOTHING.joined(found) is found
    assert NOTHING.with_x(3).n == 0
