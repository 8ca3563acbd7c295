"""What may be concluded from sums by arm, and the sentence that says it: simulated, and misled."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.test_experiments_moments import moments

from headgate.experiments.analysis import MISMATCH, ArmSums, Traffic, compare, ratio_evidence
from headgate.experiments.model import Adaptive, Amount, Arm, Experiment, Metric
from headgate.experiments.reading import ArmUnits
from headgate.experiments.report import ArmReport, MetricReport
from headgate.experiments.reporting import ratio_p_at_one_look
from headgate.experiments.sentence import number, sentence_of
from headgate.statistics.moments import NOTHING
from headgate.statistics.multiplicity import harmonic

Sample = NDArray[np.float64]
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
SOLVED = Metric(name="solved", kind="event", effect=Amount(value=0.02))
LATENCY = Metric(
    name="latency",
    measure="latency",
    role="guardrail",
    better="lower",
    margin=Amount(value=0.1, is_relative=True),
)
ERRORS = Metric(name="errors", measure="errors", role="guardrail", better="lower", margin=Amount(value=0.01))


def experiment(*metrics: Metric, arms: tuple[str, ...] = ("now", "new"), **changes: Any) -> Experiment:
    return Experiment(
        name="tiny",
        alias="assistant",
        arms=tuple([Arm(name=name, share=1) for name in arms]),
        metrics=metrics or (SOLVED,),
        **changes,
    )


def sums(values: Sample, x: Sample | None = None, complete: int | None = None) -> ArmSums:
    if not len(values):
        return ArmSums(moments=NOTHING, complete=complete or 0)
    return ArmSums(
        moments=moments(values, x),
        complete=complete or len(values),
        low=float(values.min()),
        high=float(values.max()),
    )


def traffic(units: int = 1000, per_day: float = 100.0) -> Traffic:
    return Traffic(units=units, per_day=per_day, window_days=7.0)


def judged(of: Experiment, **arms: dict[str, Sample]) -> tuple[list[MetricReport], str]:
    """Each metric's report and the sentence, from each arm's values by metric."""
    by_metric = {
        metric.name: {arm: sums(values[metric.name]) for arm, values in arms.items()} for metric in of.metrics
    }
    for metric in of.metrics:
        if metric.measure in ("latency", "errors"):
            for arm, values in arms.items():
                each = values[metric.name]
                by_metric[metric.name][arm] = sums(each, np.ones_like(each))
    reports = compare(of, by_metric, traffic())
    return reports, told(
        of, reports, {arm: max(1, len(values[of.metrics[0].name])) for arm, values in arms.items()}
    )


def told(of: Experiment, reports: list[MetricReport], counts: dict[str, int], **changes: Any) -> str:
    arms = [
        ArmReport(
            name=arm.name,
            share=arm.share,
            targets=(),
            units=counts[arm.name],
            complete=changes.get("complete", counts[arm.name]),
            calls=0,
            crossed=0,
        )
        for arm in of.arms
    ]
    return sentence_of(of, arms, reports, is_sound=changes.get("is_sound", True), first_at=NOW)


def yes(random: np.random.Generator, share: float, count: int) -> Sample:
    return (random.random(count) < share).astype(np.float64)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(8)


def test_a_lift_is_found_with_its_size_and_safe_to_stop(random: np.random.Generator) -> None:
    (solved,), sentence = judged(
        experiment(), now={"solved": yes(random, 0.5, 8000)}, new={"solved": yes(random, 0.6, 8000)}
    )
    (one,) = solved.comparisons
    assert one.finding == "better"
    assert one.low is not None and one.high is not None
    assert 0 < one.low < 10 < one.high < 20
    assert solved.scale == "points"
    assert sentence == (
        f"new is better on solved by {number(one.low)} to {number(one.high)} points than now; safe to stop."
    )


def test_harm_is_said_and_safe_to_stop(random: np.random.Generator) -> None:
    _, sentence = judged(
        experiment(), now={"solved": yes(random, 0.6, 8000)}, new={"solved": yes(random, 0.5, 8000)}
    )
    assert sentence.startswith("new is worse on solved by")
    assert sentence.endswith("; safe to stop.")


def test_what_is_not_known_says_how_long_it_takes(random: np.random.Generator) -> None:
    (solved,), sentence = judged(
        experiment(), now={"solved": yes(random, 0.5, 500)}, new={"solved": yes(random, 0.5, 500)}
    )
    (one,) = solved.comparisons
    assert (one.finding, one.more_days is not None and one.more_days > 100) == ("open", True)
    assert "days more at this traffic: solved differs from now by" in sentence


def test_arms_that_differ_by_less_than_matters_are_the_same(random: np.random.Generator) -> None:
    metric = Metric(name="solved", kind="event", effect=Amount(value=0.2))
    values = yes(random, 0.5, 8000)
    _, sentence = judged(experiment(metric), now={"solved": values}, new={"solved": values[::-1]})
    assert sentence.startswith("new and now differ by less than matters")


def test_a_guardrail_is_broken_by_a_margin_of_the_baseline_and_said_first(
    random: np.random.Generator,
) -> None:
    (_, latency), sentence = judged(
        experiment(SOLVED, LATENCY),
        now={"solved": yes(random, 0.5, 8000), "latency": random.normal(100, 20, 8000)},
        new={"solved": yes(random, 0.6, 8000), "latency": random.normal(130, 20, 8000)},
    )
    (one,) = latency.comparisons
    assert one.finding == "broken"
    assert one.difference == pytest.approx(30, abs=2)
    assert sentence.startswith("new breaks the guardrail latency: at least 2")
    assert sentence.endswith("ms more than now; stop it.")


def test_a_guardrail_that_is_not_known_yet_keeps_one_from_stopping(random: np.random.Generator) -> None:
    reports, sentence = judged(
        experiment(SOLVED, LATENCY),
        now={"solved": yes(random, 0.3, 600), "latency": random.normal(100, 60, 600)},
        new={"solved": yes(random, 0.7, 600), "latency": random.normal(107, 60, 600)},
    )
    assert [report.comparisons[0].finding for report in reports] == ["better", "open"]
    assert "its guardrail latency is not known yet; about" in sentence


def test_errors_that_never_happen_hold_once_enough_units_had_none(random: np.random.Generator) -> None:
    for count, finding in ((200, "none"), (400, "holds")):
        solved = yes(random, 0.5, count)
        (_, errors), _ = judged(
            experiment(SOLVED, ERRORS),
            now={"solved": solved, "errors": np.zeros(count)},
            new={"solved": solved[::-1], "errors": np.zeros(count)},
        )
        assert errors.comparisons[0].finding == finding, "3 / 0.01 units, at an error of 5 %"


def test_refusals_that_should_be_are_missed_where_none_happens() -> None:
    kept = Metric(
        name="refusals", measure="refusals", role="guardrail", better="higher", margin=Amount(value=0.05)
    )
    calls = np.ones(400)
    for refused, finding in ((np.zeros(400), "broken"), (np.ones(400), "holds")):
        arms = {"now": sums(np.ones(400), calls), "new": sums(refused, calls)}
        (report,) = compare(experiment(kept), {"refusals": arms}, traffic())
        assert report.comparisons[0].finding == finding


@pytest.mark.parametrize(
    ("now", "new", "says"),
    [
        (np.array([]), np.array([]), "no units with a value yet"),
        (np.array([]), np.ones(5), "no units with a value yet"),
        (np.ones(5000), np.zeros(5000), "all units have the same value"),
        (np.ones(5000), np.ones(5000), "all units have the same value"),
        (np.arange(40.0), np.arange(40.0) + 9, "too few units"),
        (np.array([1.0] * 9000 + [1e6]), np.arange(9001.0), "too few units for how unevenly"),
    ],
)
def test_data_that_can_not_answer_gives_no_number(now: Sample, new: Sample, says: str) -> None:
    of = experiment(Metric(name="solved", kind="amount"))
    (solved,), sentence = judged(of, now={"solved": now}, new={"solved": new})
    (one,) = solved.comparisons
    assert (one.finding, one.low, one.high, one.p) == ("none", None, None, None)
    assert says in one.note
    assert says in sentence


def test_nothing_is_concluded_from_arms_that_do_not_have_their_shares() -> None:
    of = experiment()
    assert ratio_evidence(of, {}) is None
    assert (ratio_evidence(of, {"now": 5000, "new": 5050}) or 0) < 1000
    assert (ratio_evidence(of, {"now": 50_000, "new": 52_000}) or 0) > 1000
    sentence = told(of, [], {"now": 50_000, "new": 52_000}, is_sound=False)
    assert sentence.startswith("The arms don't have the shares that were meant (50000 in now, 52000 in new")


def test_before_the_first_window_is_over_the_sentence_says_when() -> None:
    sentence = told(experiment(), [], {"now": 5, "new": 5}, complete=0)
    assert sentence.endswith("on 2026-11-29 at 08:00 UTC.")


def test_a_survey_answered_unequally_is_flagged() -> None:
    of = experiment(Metric(name="solved"))
    answers = np.array([1.0, 0.0] * 1000)
    arms = {"now": sums(answers, complete=10_000), "new": sums(answers, complete=8000)}
    (report,) = compare(of, {"solved": arms}, traffic())
    assert report.answered == {"now": 0.2, "new": 0.25}
    assert report.notes[0].startswith("solved is answered unequally: 25.0% of new against 20.0% of now")
    equal = {"now": sums(answers, complete=10_000), "new": sums(answers, complete=10_050)}
    (report,) = compare(of, {"solved": equal}, traffic())
    assert report.notes == []


def test_several_decisions_are_judged_together(random: np.random.Generator) -> None:
    """A difference that would do by itself does not among ten that are none."""
    other = random.normal(0, 1, 2000)
    one = random.permutation(other) + 3.7 * float(other.std()) / 1000**0.5
    alone = experiment(Metric(name="m0", kind="amount"))
    (report,), _ = judged(alone, now={"m0": other}, new={"m0": one})
    assert report.comparisons[0].finding == "better"
    names = [f"m{place}" for place in range(12)]
    many = experiment(*[Metric(name=name, kind="amount") for name in names])
    noise: dict[str, Sample] = {name: random.normal(0, 1, 2000) for name in names}
    reports, _ = judged(
        many,
        now={**noise, "m0": other},
        new={**{name: random.permutation(values) for name, values in noise.items()}, "m0": one},
    )
    assert reports[0].comparisons[0].finding == "open"


def looked_at(make: Callable[[np.random.Generator], tuple[Sample, Sample]], runs: int) -> float:
    """The share of experiments that some look, of twenty, calls better or worse."""
    called = 0
    of = experiment(Metric(name="solved", kind="amount"))
    for seed in range(runs):
        now, new = make(np.random.default_rng(seed))
        for units in range(100, len(now) + 1, len(now) // 20):
            (report,), _ = judged(of, now={"solved": now[:units]}, new={"solved": new[:units]})
            if report.comparisons[0].finding in ("better", "worse"):
                called += 1
                break
    return called / runs


def test_looking_all_the_time_at_arms_that_are_alike_seldom_alarms() -> None:
    """A/A: 300 experiments of 20 looks each; at most 5 % may alarm, and 300 say so to within 3 %."""

    def alike(random: np.random.Generator) -> tuple[Sample, Sample]:
        return random.exponential(1, 2000), random.exponential(1, 2000)

    assert looked_at(alike, 300) <= 0.08


def test_an_injected_lift_is_found() -> None:
    def apart(random: np.random.Generator) -> tuple[Sample, Sample]:
        return random.exponential(1, 2000), random.exponential(1, 2000) + 0.15

    assert looked_at(apart, 60) >= 0.8


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (2.1049, "2.1"), (4.8, "4.8"), (-1.23456, "-1.23"), (12345.6, "12,346"), (0.00012, "0.00012")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_relative_metric_says_how_many_percent() -> None:
    rng = np.random.default_rng(31)
    shorter = Metric(
        name="length", kind="amount", better="lower", is_relative=True, effect=Amount(value=0.02)
    )
    now, new = rng.normal(500, 100, 4000), rng.normal(450, 100, 4000)
    reports, sentence = judged(experiment(shorter), now={"length": now}, new={"length": new})
    (one,) = reports[0].comparisons
    assert reports[0].differs_in == "%"
    assert one.difference == pytest.approx(100 * (new.mean() / now.mean() - 1))
    assert one.low is not None and one.high is not None and one.low < -10 < one.high < -8
    assert (one.mean, one.baseline) == pytest.approx((new.mean(), now.mean())), "in their own unit"
    assert "better on length by" in sentence and "% than now" in sentence


@pytest.mark.parametrize(("effect", "finding"), [(5.0, "open"), (25.0, "same")])
def test_what_matters_may_be_an_amount_where_differences_are_relative(effect: float, finding: str) -> None:
    rng = np.random.default_rng(34)
    values = {"length": rng.normal(500, 100, 4000)}, {"length": rng.normal(500, 100, 4000)}
    metric = Metric(name="length", kind="amount", is_relative=True, effect=Amount(value=effect))
    reports, _ = judged(experiment(metric), now=values[0], new=values[1])
    (one,) = reports[0].comparisons
    assert one.finding == finding
    assert one.low is not None and one.high is not None and -4 < one.low < one.high < 4


def test_a_relative_metric_of_a_baseline_near_nothing_has_no_number() -> None:
    rng = np.random.default_rng(32)
    metric = Metric(name="balance", kind="amount", is_relative=True)
    values = {"balance": rng.normal(0, 1, 500)}
    reports, _ = judged(experiment(metric), now=values, new=values)
    (one,) = reports[0].comparisons
    assert (one.finding, one.low) == ("none", None)
    assert one.note.startswith("now: the baseline is") and "too near 0 for a ratio" in one.note


@pytest.mark.parametrize(("looks", "late_s"), [("every", 0.0), ("planned", 0.0), ("every", 86400.0)])
def test_exploratory_metrics_are_called_together_and_their_intervals_say_the_same(
    looks: Any, late_s: float
) -> None:
    """Also where one of them waits longer for its units than the others, which costs a harmonic number."""
    rng = np.random.default_rng(33)
    metrics = [
        Metric(
            name=f"seen {place}",
            kind="amount",
            role="exploratory",
            arrives_s=0.0 if place else late_s,
        )
        for place in range(6)
    ]
    lifts = np.array([[0.3]] * 2 + [[0.0]] * 4)
    now, new = rng.normal(0, 1, (6, 2000)), rng.normal(0, 1, (6, 2000)) + lifts
    arms = {
        name: {"solved": (values[0] > 0).astype(float)} | {f"seen {at}": values[at] for at in range(6)}
        for name, values in (("now", now), ("new", new))
    }
    of = experiment(SOLVED, *metrics, looks=looks, planned_units=4000)
    reports, _ = judged(of, **arms)
    called = {each.name for each in reports[1:] if each.comparisons[0].finding == "better"}
    assert called == {"seen 0", "seen 1"}
    for each in reports[1:]:
        (one,) = each.comparisons
        assert one.p is not None and one.low is not None and one.high is not None
        assert (one.p <= of.error) == (one.low > 0 or one.high < 0), "the interval says the same"
    if late_s:
        metrics = [msgspec.structs.replace(metric, arrives_s=0.0) for metric in metrics]
        of = experiment(SOLVED, *metrics, looks=looks, planned_units=4000)
        alike, _ = judged(of, **arms)
        p, p_alike = (each[1].comparisons[0].p for each in (reports, alike))
        assert p == pytest.approx((p_alike or 0.0) * harmonic(6))


def arm_units(count: int) -> ArmUnits:
    known = dict.fromkeys(("calls", "crossed", "unpriced", "recent"), 0)
    return ArmUnits(
        arm="",
        units=count,
        **known,
        first_at=NOW,
        last_at=NOW,
        lacking={},
        epochs={0: count},
        matured={},
    )


def test_the_split_is_tested_once_more_at_the_decision() -> None:
    """Which sees what a sequence that is looked at all the time does not take for a mismatch yet."""
    of = experiment()
    units = {"now": 50_560, "new": 49_440}
    known = {name: arm_units(count) for name, count in units.items()}
    evidence = ratio_evidence(of, units)
    assert evidence is not None and evidence < MISMATCH
    p = ratio_p_at_one_look(of, known)
    assert p is not None and p < 1 / MISMATCH
    assert ratio_p_at_one_look(of, {"now": arm_units(3)}) is None, "too few for the test"
    assert ratio_p_at_one_look(experiment(adaptive=Adaptive()), known) is None, "shares moved"
