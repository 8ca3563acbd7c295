"""Adjusted, relative, ratio, clustered, paired and non-inferiority effects under continuous looking.

Each by some thousand experiments that are looked at after every pair of units, judged by what reports are
made with at the look that speaks most against them. A simulation that can't fail says nothing: faults are
planted below, and have to be seen.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from scipy.special import ndtr
from tests.unit import running_effects as running
from tests.unit.looking_paths import experiments
from tests.unit.running_effects import Arm, Effects
from tests.unit.test_experiments_analysis import experiment, traffic
from tests.unit.test_experiments_moments import moments
from tests.unit.test_rollouts_pairing import rollout

from headgate.experiments import analysis
from headgate.experiments.analysis import ArmSums, compare
from headgate.experiments.model import Amount, Experiment, Metric
from headgate.experiments.report import Comparison
from headgate.rollouts.pairing import Amounts, Seen, metrics_of
from headgate.statistics import contrasts
from headgate.statistics.contrasts import Effect
from headgate.statistics.model import Sample
from headgate.statistics.moments import Moments
from headgate.statistics.sequences import planned_radius, radius

COUNT = 4_000
UNITS = 500  # of each arm
ERROR = 0.05
MARGIN_OF_ERROR = 3 * (ERROR * (1 - ERROR) / COUNT) ** 0.5
"""Three standard errors of a share of five in a hundred, of so many experiments: 1.0 points."""

Draw = Callable[[np.random.Generator, tuple[int, int], float], Arm]
Judge = Callable[[Experiment, Arm, Arm], Comparison]


class Kind(NamedTuple):
    """One kind of effect: how units come out with a lift, what it is called, and how it is worked out."""

    metric: Metric
    draw: Draw
    effects: Effects
    lift: float
    truth: float
    """What the lift makes of it, in the report's scale."""
    scale: float = 1.0


def earlier(rng: np.random.Generator, shape: tuple[int, int], lift: float) -> Arm:
    """Values that go with what the same units did before: 0.8 of them."""
    before = rng.standard_exponential(shape)
    return Arm(0.8 * before + 0.6 * rng.standard_exponential(shape) + lift, before)


def spent(rng: np.random.Generator, shape: tuple[int, int], lift: float) -> Arm:
    y = rng.gamma(2.0, 1.0 + lift, shape)
    return Arm(y, np.zeros_like(y))


def waited(rng: np.random.Generator, shape: tuple[int, int], lift: float) -> Arm:
    """Each user has some calls, and is slow or fast in all of them."""
    calls = (1 + rng.poisson(2.0, shape)).astype(np.float64)
    return Arm(calls * rng.gamma(4.0, 25.0 * (1 + lift), shape), calls)


def failed(rng: np.random.Generator, shape: tuple[int, int], lift: float) -> Arm:
    """Each user has some calls, of which more fail for some users than for others."""
    calls = 1 + rng.poisson(9.0, shape)
    chance = rng.beta(0.8, 3.2, shape) + lift
    return Arm(rng.binomial(calls, np.minimum(chance, 1.0)).astype(np.float64), calls.astype(np.float64))


ADJUSTED = Kind(Metric(name="solved", kind="amount"), earlier, running.adjusted, 0.12, 0.12)
RELATIVE = Kind(
    Metric(name="spent", kind="amount", is_relative=True), spent, running.relative, 0.13, 13.0, scale=100.0
)
RATIO = Kind(Metric(name="latency", measure="latency"), waited, running.ratios(), 0.09, 9.0)
CLUSTERED = Kind(Metric(name="errors", measure="errors"), failed, running.ratios(), 0.035, 3.5, scale=100.0)
KINDS = {"adjusted": ADJUSTED, "relative": RELATIVE, "ratio": RATIO, "clustered": CLUSTERED}

LATENCY = Metric(
    name="latency",
    measure="latency",
    role="guardrail",
    better="lower",
    margin=Amount(value=0.1, is_relative=True),
)
ROLLOUT = rollout()
COST = msgspec.structs.replace(LATENCY, name="cost", measure="cost")


def judged(of: Experiment, one: Arm, other: Arm) -> Comparison:
    arms = {
        name: ArmSums(moments=moments(arm.y, arm.x), complete=len(arm.y))
        for name, arm in (("now", other), ("new", one))
    }
    (report,) = compare(of, {of.metrics[0].name: arms}, traffic())
    return report.comparisons[0]


def judged_as_pairs(of: Experiment, one: Arm, other: Arm) -> Comparison:
    """As the shadow of a rollout does: both arms answered the same calls."""
    amounts = Amounts(
        candidate=float(one.y.mean()), present=float(other.y.mean()), apart=moments(one.y - 1.1 * other.y)
    )
    seen = Seen(pairs=len(one.y), units=len(one.y), events={}, amounts={"cost": amounts}, agreed={})
    reports = {each.name: each for each in metrics_of(ROLLOUT, of, seen)}
    return reports["cost"].comparisons[0]


class Path(NamedTuple):
    """An experiment up to its worst look."""

    one: Arm
    other: Arm


def radii_of(of: Experiment, per_look: int = 2) -> Sample:
    counts = range(per_look, per_look * UNITS + 1, per_look)
    if of.metrics[0].role == "guardrail":
        return np.array([radius(n, tight_at=of.planned_units, side="lower") for n in counts])
    if of.looks == "planned":
        return np.array([planned_radius(n, planned=of.planned_units) for n in counts])
    return np.array([radius(n, tight_at=of.planned_units) for n in counts])


def worst(
    kind: Kind, radii: Sample, *, lift: float = 0.0, away_from: float = 0.0, side: int = 0, seed: int = 8
) -> Iterator[Path]:
    """Experiments at the look whose interval is furthest from a value; `side` 1 above it, -1 below."""
    rng = np.random.default_rng(seed)
    for rows in experiments(COUNT):
        one, other = kind.draw(rng, (rows, UNITS), lift), kind.draw(rng, (rows, UNITS), 0.0)
        if kind.effects is PAIRS.effects:
            one = Arm((1 + lift) * other.y * rng.gamma(20.0, 1 / 20.0, other.y.shape), other.x)
        found = kind.effects(one, other)
        away = (found.value - away_from) / (radii * np.maximum(found.error, 1e-12))
        looks: Sample = np.where(found.known, np.abs(away) if side == 0 else side * away, -np.inf)
        for row, at in enumerate(looks.argmax(axis=1)):
            yield Path(one.upto(row, int(at) + 1), other.upto(row, int(at) + 1))


PAIRS = Kind(COST, spent, running.paired(1.1), 0.1, 0.1)


def share_of(found: Iterator[bool]) -> float:
    return sum(found) / COUNT


@pytest.mark.parametrize("name", KINDS)
def test_arms_that_are_alike_are_called_different_at_most_as_often_as_stated(name: str) -> None:
    kind = KINDS[name]
    of = experiment(kind.metric)
    paths = worst(kind, radii_of(of))
    called = share_of(judged(of, *path).finding in ("better", "worse") for path in paths)
    print(f"{name}: {called:.2%} of {COUNT:,} A/A experiments, nominal {ERROR:.0%} ± {MARGIN_OF_ERROR:.1%}")
    assert 0.002 < called <= ERROR + MARGIN_OF_ERROR


@pytest.mark.parametrize("name", KINDS)
def test_intervals_hold_the_truth_at_every_look_at_least_as_often_as_stated(name: str) -> None:
    kind = KINDS[name]
    of = experiment(kind.metric)
    paths = worst(kind, radii_of(of), lift=kind.lift, away_from=kind.truth / kind.scale)
    missed = share_of(is_missed(judged(of, *path), kind.truth) for path in paths)
    print(f"{name}: {missed:.2%} of {COUNT:,} miss an effect of {kind.truth:g}, nominal {ERROR:.0%}")
    assert 0.002 < missed <= ERROR + MARGIN_OF_ERROR


def is_missed(one: Comparison, truth: float) -> bool:
    return one.low is not None and one.high is not None and not one.low <= truth <= one.high


@pytest.mark.parametrize("name", KINDS)
def test_power_at_the_planned_size_is_within_ten_percent_of_the_best_with_one_look(name: str) -> None:
    kind = KINDS[name]
    of = experiment(kind.metric, looks="planned", planned_units=2 * UNITS)
    paths = worst(kind, radii_of(of), lift=kind.lift)
    found = share_of(judged(of, *path).finding in ("better", "worse") for path in paths)
    best = one_look(kind)
    print(f"{name}: {found:.1%} find it by the plan, {best:.1%} with one look at it")
    assert 0.6 < best < 0.97
    assert found >= 0.9 * best - MARGIN_OF_ERROR


def one_look(kind: Kind) -> float:
    """How often the best test for one look finds the effect at the planned size, of the same experiments."""
    rng = np.random.default_rng(8)
    hits = 0
    for rows in experiments(COUNT):
        one, other = kind.draw(rng, (rows, UNITS), kind.lift), kind.draw(rng, (rows, UNITS), 0.0)
        found = kind.effects(one, other)
        hits += int((np.abs(found.value[:, -1]) > 1.96 * found.error[:, -1]).sum())
    return hits / COUNT


GUARDED: dict[str, tuple[Kind, Judge]] = {
    "not inferior": (Kind(LATENCY, waited, running.ratios(1.1), 0.1, 0.1), judged),
    "paired": (PAIRS, judged_as_pairs),
}


@pytest.mark.parametrize(("side", "finding"), [(-1, "holds"), (1, "broken")])
@pytest.mark.parametrize("name", GUARDED)
def test_an_arm_at_its_margin_is_judged_wrongly_at_most_as_often_as_stated(
    name: str, side: int, finding: str
) -> None:
    kind, judge = GUARDED[name]
    of = experiment(kind.metric)
    radii = radii_of(of, 1 if kind is PAIRS else 2)
    called = share_of(judge(of, *path).finding == finding for path in worst(kind, radii, lift=0.1, side=side))
    print(f"{name}: {called:.2%} of {COUNT:,} at the margin are called {finding}, nominal {ERROR:.0%}")
    assert 0.002 < called <= ERROR + MARGIN_OF_ERROR


@pytest.mark.parametrize("name", GUARDED)
def test_an_arm_that_is_no_worse_is_found_so(name: str) -> None:
    kind, judge = GUARDED[name]
    of = experiment(kind.metric)
    radii = radii_of(of, 1 if kind is PAIRS else 2)
    held = share_of(judge(of, *path).finding == "holds" for path in worst(kind, radii, side=-1))
    print(f"{name}: of arms that are alike {held:.1%} are known to be within the margin")
    assert held > 0.5


@pytest.mark.parametrize("name", [*KINDS, *GUARDED])
def test_the_looks_are_those_of_reports(name: str) -> None:
    """The arrays say at some looks what the report says there."""
    kind, judge = GUARDED.get(name) or (KINDS[name], judged)
    of = experiment(kind.metric)
    rng = np.random.default_rng(9)
    one, other = kind.draw(rng, (20, UNITS), kind.lift), kind.draw(rng, (20, UNITS), 0.0)
    found = kind.effects(one, other)
    radii = radii_of(of, 1 if kind is PAIRS else 2)
    for row in range(20):
        at = int(rng.integers(60, UNITS + 1))
        report = judge(of, one.upto(row, at), other.upto(row, at))
        if report.low is None or report.high is None or report.difference is None:
            assert not found.known[row, at - 1]
            continue
        half = kind.scale * radii[at - 1] * found.error[row, at - 1]
        assert report.high - report.low == pytest.approx(2 * half, rel=1e-4)
        assert found.known[row, at - 1]
        middle = (report.low + report.high) / 2
        moved = 0.1 * (report.baseline or 0.0) if kind.metric.role == "guardrail" else 0.0
        assert middle == pytest.approx(kind.scale * found.value[row, at - 1] + moved, rel=1e-4, abs=1e-9)


def by_call(arm: Moments) -> Effect:
    """A ratio whose calls were taken for units of their own."""
    found = contrasts.ratio_of(arm)
    spread = arm.y / arm.x * (1 - arm.y / arm.x) if arm.y < arm.x else (arm.y / arm.x) ** 2 / 4
    return msgspec.structs.replace(found, standard_error=(spread / (arm.n * arm.x)) ** 0.5)


def of_one_look(estimate: float, error: float, n: int, **_: object) -> float:
    return 2 * float(ndtr(-abs(estimate) / error)) if n else 1.0


FAULTS = {
    "one look": ("adjusted", contrasts, "always_valid_p", of_one_look),
    "one look at a share": ("relative", contrasts, "always_valid_p", of_one_look),
    "calls as units": ("clustered", analysis, "ratio_of", by_call),
    "waits as units": ("ratio", analysis, "ratio_of", by_call),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals for one look, and calls that count as if they were units, alarm far too often here."""
    name, place, attribute, planted = FAULTS[fault]
    kind = KINDS[name]
    of = experiment(kind.metric)
    paths = worst(kind, radii_of(of))
    monkeypatch.setattr(place, attribute, planted)
    called = share_of(judged(of, *path).finding in ("better", "worse") for path in paths)
    print(f"{fault}: {called:.1%} of {COUNT:,} A/A experiments")
    assert called > ERROR + 2 * MARGIN_OF_ERROR
