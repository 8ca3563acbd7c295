"""What is shown and what is decided: an interval leaves out 0 just where its p-value is within the error."""

from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.unit.test_experiments_moments import moments

from headgate.experiments.analysis import ArmSums, Traffic, compare
from headgate.experiments.model import Amount, Arm, Experiment, Metric, Plan, Role
from headgate.experiments.report import Comparison
from headgate.statistics.contrasts import Effect
from headgate.statistics.model import Sample

TRAFFIC = Traffic(units=1000, per_day=100.0, window_days=7.0)
KINDS = {
    "event": Metric(name="solved", kind="event", effect=Amount(value=0.02)),
    "answer": Metric(name="stars"),
    "amount": Metric(name="spent", kind="amount", better="lower"),
    "ratio": Metric(name="dear", measure="cost", per="solved", kind="event", better="lower"),
}


class Looking(msgspec.Struct, frozen=True):
    """By which error, and when, one means to decide."""

    alpha: float
    looks: Plan
    tight_at: int


HOW = some.builds(
    Looking,
    alpha=some.floats(0.001, 0.4),
    looks=some.sampled_from(["every", "planned"]),
    tight_at=some.sampled_from([300, 1000, 5000]),
)
CONFIDENT: tuple[Role, ...] = ("decision", "exploratory")


def drawn(kind: str, rng: np.random.Generator, lift: float, units: int) -> tuple[Sample, Sample]:
    """Values of a kind, and the second value of each unit: said before, or what a cost is divided by."""
    if kind == "event":
        return (rng.random(units) < 0.5 + lift / 2).astype(np.float64), np.zeros(units)
    if kind == "ratio":
        below = (rng.random(units) < 0.8).astype(np.float64)
        return rng.gamma(9, 1, units) * (1 + lift / 2), below
    before = rng.normal(0, 1, units)
    values = before / 2 + rng.normal(0, 1, units) + lift
    return (values if kind == "answer" else np.exp(values / 3)), before


def agree(one: Comparison, error: float) -> None:
    """Hold the interval that is shown against the p-value and the finding."""
    if one.finding == "none":
        return
    assert one.low is not None and one.high is not None and one.p is not None
    if one.p <= error:
        assert one.finding in ("better", "worse")
        assert one.low >= 0 or one.high <= 0, one
    else:
        assert one.finding in ("open", "same")
        assert one.low <= 0 <= one.high, one


@settings(max_examples=60, deadline=None)
@given(
    seed=some.integers(0, 2**32 - 1),
    arms=some.integers(2, 4),
    how=HOW,
    kinds=some.lists(some.sampled_from([*product(KINDS, CONFIDENT)]), min_size=1, max_size=5),
)
def test_the_sentence_and_the_numbers_agree_at_every_look(
    seed: int, arms: int, how: Looking, kinds: list[tuple[str, Role]]
) -> None:
    """Over paths of ten looks, with effects about as large as what can just be seen."""
    rng = np.random.default_rng(seed)
    metrics = tuple(
        msgspec.structs.replace(KINDS[kind], name=f"{kind}-{place}", role=role)
        for place, (kind, role) in enumerate(kinds)
    )
    of = Experiment(
        name="tiny",
        alias="assistant",
        arms=tuple(Arm(name=f"arm-{place}", share=1) for place in range(arms)),
        metrics=metrics,
        error=how.alpha,
        planned_units=how.tight_at,
        looks=how.looks,
    )
    values = {
        metric.name: {arm.name: drawn(kind, rng, float(rng.normal(0, 0.15)), 1500) for arm in of.arms}
        for metric, (kind, _) in zip(metrics, kinds, strict=True)
    }
    for count in range(150, 1501, 150):
        sums = {
            name: {
                arm: ArmSums(moments=moments(y[:count], x[:count]), complete=count)
                for arm, (y, x) in of_arms.items()
            }
            for name, of_arms in values.items()
        }
        for report in compare(of, sums, TRAFFIC):
            for one in report.comparisons:
                agree(one, how.alpha)


@settings(max_examples=300, deadline=None)
@given(estimate=some.floats(-5, 5), n=some.integers(2, 20_000), mixed_for=some.floats(1e-6, 0.6), how=HOW)
def test_p_is_at_most_alpha_exactly_where_the_interval_leaves_out_zero(
    estimate: float, n: int, mixed_for: float, how: Looking
) -> None:
    effect = Effect(estimate=estimate, standard_error=1.0, n=n, freedom=n - 1, settled=True)
    p = effect.p_value(looks=how.looks, tight_at=how.tight_at, mixed_for=mixed_for)
    interval = effect.interval(alpha=how.alpha, looks=how.looks, tight_at=how.tight_at, mixed_for=mixed_for)
    if abs(p - how.alpha) > 1e-9 * how.alpha:
        assert (p <= how.alpha) == interval.excludes(0)


@pytest.mark.parametrize(("error", "metrics", "units"), [(0.2, 1, 4000), (0.05, 2, 400)])
def test_what_is_just_not_known_says_so_in_numbers_too(error: float, metrics: int, units: int) -> None:
    """Estimates in steps over the narrow band where a mixture made for another error would contradict."""
    of = Experiment(
        name="tiny",
        alias="assistant",
        arms=(Arm(name="now", share=1), Arm(name="new", share=1)),
        metrics=tuple(Metric(name=f"solved-{place}", kind="amount") for place in range(metrics)),
        error=error,
    )
    rng = np.random.default_rng(3)
    base = rng.normal(0, 1, units)
    findings: set[str] = set()
    for step in range(401):
        lift = step / 40 / units**0.5
        arms = {
            "now": ArmSums(moments=moments(base), complete=units),
            "new": ArmSums(moments=moments(base[::-1] + lift), complete=units),
        }
        for report in compare(of, {metric.name: arms for metric in of.metrics}, TRAFFIC):
            (one,) = report.comparisons
            agree(one, error)
            findings.add(one.finding)
    assert findings == {"open", "better"}
