"""Costs, latency and errors adjusted by what units' calls came to before: narrower, and never biased."""

from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.test_experiments_analysis import experiment, traffic

from headgate.experiments.analysis import ArmSums, compare
from headgate.experiments.model import Amount, Metric
from headgate.experiments.reading import imputed, middle_of
from headgate.experiments.report import Comparison
from headgate.statistics.model import Sample
from headgate.statistics.moments import Moments, moments_of

COST = Metric(name="cost", measure="cost", better="lower")
LATENCY = Metric(name="latency", measure="latency", better="lower")
ERRORS = Metric(name="errors", measure="errors", better="lower")
SPEND = Metric(
    name="spend",
    measure="cost",
    role="guardrail",
    better="lower",
    margin=Amount(value=0.1, is_relative=True),
)
SLOWER = Metric(
    name="slower",
    measure="latency",
    role="guardrail",
    better="lower",
    margin=Amount(value=0.1, is_relative=True),
)
NAMES = ["cost", "latency", "errors"]
UNITS = 900
EXPERIMENTS = 300
LOOKS = (150, 250, 450, 900)


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """What units of an arm came to, and what is known of them from before."""

    y: Sample
    calls: Sample
    past: Sample
    is_known: Any


def users(rng: np.random.Generator, metric: Metric, *, lift: float = 1.0, persists: float = 1.0) -> Units:
    """Users who are slow, dear or unlucky by themselves, which lasts or does not; four of ten are new, and
    behave otherwise."""
    own: Sample = np.exp(rng.normal(0, 0.4, UNITS))
    before: Sample = own**persists * np.exp(rng.normal(0, 0.4, UNITS)) ** (1 - persists)
    is_known = rng.random(UNITS) < 0.6
    own = np.where(is_known, own, own * 1.3)
    calls: Sample = 1 + rng.poisson(6, UNITS).astype(np.float64)
    calls_before: Sample = 1 + rng.poisson(6, UNITS).astype(np.float64)
    y: Sample
    past: Sample
    if metric.measure == "errors":
        y = rng.binomial(calls.astype(int), np.minimum(0.9, 0.2 * own * lift)).astype(np.float64)
        past = rng.binomial(calls_before.astype(int), np.minimum(0.9, 0.2 * before)) / calls_before
    else:
        y = lift * own * rng.gamma(4 * calls, 0.25)
        past = before * rng.gamma(4 * calls_before, 0.25)
        past = past if metric.measure == "cost" else past / calls_before
    return Units(y=y, calls=calls, past=past, is_known=is_known)


def summed(metric: Metric, units: Units, count: int, *, has_past: bool) -> list[tuple[bool, Moments]]:
    """The moments of units that have a past, and of others, as they are read."""
    found: list[tuple[bool, Moments]] = []
    for known in (True, False):
        rows = np.flatnonzero((units.is_known & has_past)[:count] == known)
        y, calls, past = units.y[rows], units.calls[rows], units.past[rows] * known
        if not metric.is_ratio:
            found.append((known, moments_of(y, past)))
            continue
        z = past - past.mean() if len(past) else past
        third: dict[str, float] = {}
        if len(rows):
            third = {
                "z": float(past.mean()),
                "zz": float(z @ z),
                "yz": float((y - y.mean()) @ z),
                "xz": float((calls - calls.mean()) @ z),
                "zzz": float((past**3).mean()),
            }
        found.append((known, msgspec.structs.replace(moments_of(y, calls), **third)))
    return found


def compared(
    metric: Metric, arms: dict[str, Units], count: int = UNITS, *, has_past: bool = True
) -> Comparison:
    parts = {arm: summed(metric, units, count, has_past=has_past) for arm, units in arms.items()}
    middle = middle_of(metric, [each for told in parts.values() for known, each in told if known])
    sums = {
        arm: ArmSums(
            moments=told[0][1].joined(imputed(metric, told[1][1], middle)) if told[1][1].n else told[0][1],
            complete=count,
        )
        for arm, told in parts.items()
    }
    (report,) = compare(experiment(metric, planned_units=UNITS), {metric.name: sums}, traffic())
    assert report.adjusted == has_past
    return report.comparisons[0]


def width(one: Comparison) -> float:
    assert one.low is not None and one.high is not None
    return one.high - one.low


def pairs(metric: Metric, count: int = EXPERIMENTS, **of: Any) -> list[dict[str, Units]]:
    rng = np.random.default_rng(20261123)
    lift = of.pop("lift", 1.0)
    return [
        {"now": users(rng, metric, **of), "new": users(rng, metric, lift=lift, **of)} for _ in range(count)
    ]


@pytest.mark.parametrize(("metric", "most"), [(COST, 0.97), (LATENCY, 0.9), (ERRORS, 0.99)], ids=NAMES)
def test_intervals_are_narrower_where_the_past_foretells(metric: Metric, most: float) -> None:
    found = pairs(metric, 40)
    ratios = [width(compared(metric, arms)) / width(compared(metric, arms, has_past=False)) for arms in found]
    print(f"{metric.name}: {np.mean(ratios):.2f} of the width, {np.mean(ratios) ** 2:.2f} of the units")
    assert np.mean(ratios) < most


@pytest.mark.parametrize("metric", [COST, LATENCY, ERRORS], ids=NAMES)
@pytest.mark.parametrize("persists", [1.0, 0.0])
def test_nothing_is_biased_whether_it_foretells_or_not(metric: Metric, persists: float) -> None:
    """Estimates with and without the past have the same mean, of arms that differ."""
    found = pairs(metric, persists=persists, lift=1.1)
    apart: list[float] = []
    ratios: list[float] = []
    for arms in found:
        one, plain = compared(metric, arms), compared(metric, arms, has_past=False)
        assert one.difference is not None and plain.difference is not None
        apart.append(one.difference - plain.difference)
        ratios.append(width(one) / width(plain))
    assert abs(np.mean(apart)) < 3.5 * np.std(apart) / np.sqrt(len(apart))
    if not persists:
        assert np.mean(ratios) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("metric", [COST, LATENCY, ERRORS], ids=NAMES)
def test_a_a_experiments_call_a_difference_at_most_as_often_as_stated(metric: Metric) -> None:
    called = sum(
        any(compared(metric, arms, count).finding in ("better", "worse") for count in LOOKS)
        for arms in pairs(metric)
    )
    print(f"{metric.name}: {called / EXPERIMENTS:.2%} of {EXPERIMENTS} A/A experiments, nominal 5 %")
    assert called / EXPERIMENTS <= 0.05


@pytest.mark.parametrize("metric", [SPEND, SLOWER], ids=["cost", "latency"])
def test_guardrails_at_their_margin_hold_or_break_at_most_as_often_as_stated(metric: Metric) -> None:
    """The baseline counts 1.1 times there, and what it is adjusted by does not."""
    found = [{compared(metric, arms, count).finding for count in LOOKS} for arms in pairs(metric, lift=1.1)]
    assert sum("holds" in each for each in found) / EXPERIMENTS <= 0.05
    assert sum("broken" in each for each in found) / EXPERIMENTS <= 0.05
    harmful = [compared(metric, arms) for arms in pairs(metric, 40, lift=1.6)]
    assert all(one.finding == "broken" for one in harmful)
