"""How many units an experiment takes: as many as then find the effect, shared as reports share the error."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.test_experiments_moments import moments

from headgate.core.faults import InvalidRequest
from headgate.experiments.analysis import ArmSums, Traffic, compare
from headgate.experiments.model import Arm, Experiment, Metric
from headgate.experiments.planning import PlanLine, PlanRequest, Recorded, plan
from headgate.statistics.effects import ratio, ratio_difference
from headgate.statistics.model import Looks
from headgate.statistics.power import detectable_effect, units_for_every_look, units_for_one_look
from headgate.statistics.power import units_for_planned_looks as planned_looks

NONE = Recorded(units=0, complete=0, measured=0, per_day=0.0, mean=None, deviation=None)
SOME = Recorded(units=2800, complete=2000, measured=2000, per_day=100.0, mean=0.4, deviation=0.49)


def lines(asked: PlanRequest, recorded: Recorded = SOME) -> dict[str, PlanLine]:
    return {line.looks: line for line in plan(asked, recorded).lines}


def test_a_rate_has_its_own_deviation_and_days_are_those_of_the_traffic() -> None:
    found = lines(PlanRequest(effect=0.05, rate=0.4))
    deviation = (0.4 * 0.6) ** 0.5
    assert found["one"].units == units_for_one_look(0.05, deviation)
    assert found["planned"].units == planned_looks(0.05, deviation)
    assert found["every"].units == units_for_every_look(0.05, deviation)
    for line in found.values():
        assert line.units == line.units_in_all
        assert line.days == pytest.approx(line.units / 100 + 7)
    assert found["one"].units < found["planned"].units < found["every"].units


@pytest.mark.parametrize("looks", ["one", "planned", "every"])
def test_what_shows_now_takes_the_units_that_came(looks: str) -> None:
    now = lines(PlanRequest(effect=0.05, rate=0.4))[looks].detectable
    assert now is not None
    assert lines(PlanRequest(effect=now, rate=0.4))[looks].units == pytest.approx(2800, abs=2)


def test_arms_share_the_error_and_the_units() -> None:
    asked = PlanRequest(effect=0.05, rate=0.4, arms=4)
    two, four = lines(PlanRequest(effect=0.05, rate=0.4, error=0.05 / 3)), lines(asked)
    assert plan(asked, SOME).alpha == pytest.approx(0.05 / 3)
    assert four["planned"].units == two["planned"].units
    assert four["planned"].units_in_all == pytest.approx(2 * two["planned"].units, abs=1)
    uneven = lines(PlanRequest(effect=0.05, rate=0.4, share=0.1))
    assert uneven["one"].units == units_for_one_look(0.05, (0.4 * 0.6) ** 0.5, share=0.1)


def test_clusters_and_the_silent_take_more() -> None:
    plain = lines(PlanRequest(effect=0.05, rate=0.4))["planned"].units
    clustered = lines(PlanRequest(effect=0.05, rate=0.4, units_per_cluster=5, likeness=0.25))["planned"]
    assert clustered.units == pytest.approx(2 * plain, abs=1)
    quiet = Recorded(units=2800, complete=2000, measured=500, per_day=100.0, mean=3.9, deviation=1.1)
    answers = lines(PlanRequest(effect=0.2, metric="csat", kind="answer"), quiet)["one"]
    assert answers.units_in_all == pytest.approx(4 * answers.units, abs=1), "one in four answers"


def test_an_effect_in_percent_is_of_the_mean_that_was_measured() -> None:
    found = plan(PlanRequest(effect=0.05, is_relative=True, metric="solved"), SOME)
    assert (found.effect, found.deviation, found.source) == (pytest.approx(0.02), 0.49, "recorded")


def test_without_traffic_there_are_units_but_no_days() -> None:
    line = lines(PlanRequest(effect=0.05, rate=0.4), NONE)["every"]
    assert (line.days, line.detectable) == (None, None)
    assert lines(PlanRequest(effect=0.05, rate=0.4, per_day=50.0), NONE)["every"].days is not None


def test_no_interval_is_planned_before_it_closes() -> None:
    found = lines(PlanRequest(effect=5.0, deviation=1.0, share=0.1))
    assert (found["every"].units, found["planned"].units) == (1000, 1000), "100 units in the smaller arm"
    assert found["one"].units < 100


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (PlanRequest(effect=0.1), "the baseline is given by nothing"),
        (PlanRequest(effect=0.1, rate=0.4, metric="solved"), "given by rate and metric"),
        (PlanRequest(effect=0.1, rate=0.4, mean=0.4), "given by rate"),
        (PlanRequest(effect=0.1, deviation=1.0, is_relative=True), "which is not given"),
        (PlanRequest(effect=0.1, metric="solved"), "of 0 units of the last 28 days"),
        (PlanRequest(effect=0.7, rate=0.4), "can't move by 0.7"),
        (PlanRequest(effect=0.1, rate=0.4, arms=3, share=0.5), "leave nothing for the baseline"),
        (PlanRequest(effect=0.1, rate=0.4, power=0.05), "no more than alpha"),
    ],
)
def test_what_can_not_be_planned_is_refused_in_words(asked: PlanRequest, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        plan(asked, NONE)


def test_feedback_that_is_all_the_same_plans_nothing() -> None:
    same = Recorded(units=9, complete=9, measured=9, per_day=1.0, mean=1.0, deviation=0.0)
    with pytest.raises(InvalidRequest, match="9 have a value of 'solved', all the same"):
        plan(PlanRequest(effect=0.1, metric="solved"), same)


@pytest.mark.parametrize("looks", ["planned", "every"])
def test_an_experiment_of_the_planned_size_finds_the_effect_as_often_as_planned(looks: str) -> None:
    """Through the analysis that reports rest on, with three arms, looked at once at the planned size."""
    asked = PlanRequest(effect=0.3, deviation=1.0, arms=3, power=0.8)
    units = lines(asked)[looks].units
    of = Experiment(
        name="tiny",
        alias="assistant",
        arms=tuple(Arm(name=name, share=1) for name in ("now", "new", "newer")),
        metrics=(Metric(name="spent", kind="amount"),),
        planned_units=units,
        looks="planned" if looks == "planned" else "every",
    )
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(500):
        arms = {
            arm.name: ArmSums(moments=moments(rng.normal(lift, 1, units // 2)), complete=units // 2)
            for arm, lift in zip(of.arms, (0.0, 0.3, 0.0), strict=True)
        }
        (report,) = compare(of, {"spent": arms}, Traffic(units=units, per_day=1, window_days=7))
        (new, _) = report.comparisons
        found += new.low is not None and new.low > 0
    # By the last look alone; any earlier one adds to it for a planned sequence.
    assert found / 500 == pytest.approx(0.8 if looks == "every" else 0.74, abs=0.06)


@pytest.mark.parametrize(("looks", "power"), [("one", 0.8), ("every", 0.8), ("planned", 0.74)])
def test_a_ratio_of_the_planned_size_is_found_as_often_as_planned(looks: Looks, power: float) -> None:
    """By the delta method, with sums that go together: who makes more calls spends more on each."""
    rng = np.random.default_rng(6)

    def units_of(count: int, lift: float) -> tuple[np.ndarray, np.ndarray]:
        calls = 1.0 + rng.poisson(2, count)
        return calls * (0.5 + 0.1 * calls + lift + rng.normal(0, 0.4, count)), calls

    past = ratio(*units_of(40_000, 0.0))
    recorded = Recorded(
        units=40_000,
        complete=40_000,
        measured=40_000,
        per_day=100.0,
        mean=past.estimate,
        deviation=past.standard_error * 40_000**0.5,
    )
    asked = PlanRequest(effect=0.1, is_relative=True, measure="cost", per="calls")
    effect, units = plan(asked, recorded).effect, lines(asked, recorded)[looks].units
    found = 0
    for _ in range(500):
        difference = ratio_difference(units_of(units // 2, effect), units_of(units // 2, 0.0))
        found += difference.interval(looks=looks, tight_at=units).low > 0
    assert found / 500 == pytest.approx(power, abs=0.06)


def test_the_detectable_effect_is_what_the_units_are_for() -> None:
    searches: dict[Looks, Callable[..., int]] = {
        "one": units_for_one_look,
        "planned": planned_looks,
        "every": units_for_every_look,
    }
    for looks, search in searches.items():
        units = search(0.1, 1.3, alpha=0.02, power=0.9, share=0.3)
        effect = detectable_effect(units, 1.3, alpha=0.02, power=0.9, share=0.3, looks=looks)
        assert effect == pytest.approx(0.1, rel=1e-3)
