"""Whole rollouts, simulated: units come one after the other, and each look decides as the job does.

The real configuration, reports and decisions; only the database is left out. Read next:
`tests/unit/test_rollouts_simulated.py`, `tests/attack/test_attack_rollouts.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from headgate.experiments.analysis import ArmSums, Traffic, compare
from headgate.experiments.margins import factor_of
from headgate.experiments.report import ArmReport, MetricReport, Report
from headgate.rollouts.deciding import decide
from headgate.rollouts.model import CANDIDATE, PRESENT, Rollout, Stage, Standing
from headgate.rollouts.pairing import Amounts, Events, Seen, metrics_of
from headgate.statistics.model import Sample
from headgate.statistics.moments import Moments
from tests.rollout_settings import SMALLER, only_rollout

CONFIG: Final = (
    SMALLER
    + """
shadow = {{ share = 0.2, agree = {{ tools = 0.8 }} }}
shares = [0.1, 0.5]
units = 200
error = {error}
guardrails = [
    {{ name = "errors", measure = "errors", margin = "0.05" }},
    {{ name = "cost", measure = "cost", margin = "20%" }},
]
"""
)
INTERNAL: Final = (
    CONFIG.replace("shadow = {{ share = 0.2, agree = {{ tools = 0.8 }} }}\n", "")
    + """
users = ["ann"]
internal_share = 0.5
"""
)
SCORED: Final = CONFIG.replace(
    "agree =", 'scorers = [{{ name = "right", kind = "regex", pattern = "x", margin = 0.05 }}], agree ='
)
UNITS_MAX: Final = 8_000
"""Of a stage: one that knows nothing by then is left where it stands."""
NO_FORECAST: Final = Traffic(units=0, per_day=0.0, window_days=0.0)
SPREAD: Final = 0.8
"""Of the logarithm of a call's cost: the largest tenth is some eight times the smallest."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of both arms, which no look can know. `hidden`: harm that shadows don't show."""

    errors: tuple[float, float] = (0.03, 0.03)
    """The present's and the candidate's."""
    dearer: float = 1.0
    agree: float = 0.95
    wrong: tuple[float, float] = (0.03, 0.03)
    """How often a scorer says so, of the present and of the candidate."""
    hidden: bool = False


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rollout ended, and how many units each stage took of all and of the candidate."""

    stage: str
    passed: tuple[str, ...]
    units: int
    """Of the stage that it fell back from, or stands at."""
    served: int
    """Of those, who was served by the candidate."""


def rollout(error: float, config: str = CONFIG) -> Rollout:
    """Return the rollout that is simulated."""
    return only_rollout(config.format(error=error))


def end_of(of: Rollout, world: World, rng: np.random.Generator) -> Ended:
    """Return how one rollout ends."""
    standing = Standing(version=of.version, stage=0)
    passed: list[str] = []
    while True:
        stage = standing.stage_of(of)
        assert stage is not None
        if stage.kind == "all":
            return Ended(stage=stage.name, passed=tuple(passed), units=0, served=0)
        step, units, served = _stage(of, standing, stage, world, rng)
        if step == "back":
            return Ended(stage="back", passed=tuple(passed), units=units, served=served)
        if step == "wait":
            return Ended(stage=stage.name, passed=tuple(passed), units=units, served=served)
        passed.append(stage.name)
        standing = msgspec.structs.replace(standing, stage=standing.stage + 1)


def _stage(
    of: Rollout, standing: Standing, stage: Stage, world: World, rng: np.random.Generator
) -> tuple[str, int, int]:
    looks = _paired(of, stage, world, rng) if stage.sampled else _apart(stage, world, rng)
    units = served = 0
    for units, served, report in looks:
        step = decide(of, standing, report).step
        if step != "wait":
            return step, units, served
    return "wait", units, served


def _looks() -> Iterator[int]:
    """After how many units one looks: all the time, as far as that makes a difference."""
    units = 10
    while units <= UNITS_MAX:
        yield units
        units = max(units + 5, round(units * 1.03))


def _costs(rng: np.random.Generator, factor: float) -> Sample:
    costs: Sample = factor * np.exp(SPREAD * rng.standard_normal(UNITS_MAX))
    return costs


def _paired(
    of: Rollout, stage: Stage, world: World, rng: np.random.Generator
) -> Iterator[tuple[int, int, Report]]:
    harm = World(agree=world.agree) if world.hidden else world
    present, candidate = (rng.random(UNITS_MAX) < share for share in harm.errors)
    costs = _costs(rng, 1.0)
    dearer = costs * harm.dearer * rng.uniform(0.8, 1.2, UNITS_MAX)
    agreed = np.cumsum(rng.random(UNITS_MAX) < world.agree)
    counts = [np.cumsum(each) for each in (candidate, present, candidate & ~present, present & ~candidate)]
    bad, worse = (rng.random(UNITS_MAX) < share for share in harm.wrong)
    marked = [np.cumsum(each) for each in (worse, bad, worse & ~bad, bad & ~worse)]
    metric = next(each for each in stage.experiment.metrics if each.measure == "cost")
    growing = _Growing(dearer - factor_of(metric) * costs)
    mean_of = [np.cumsum(each) for each in (dearer, costs)]
    for units in _looks():
        at = units - 1
        numbers = [int(each[at]) for each in counts]
        seen = Seen(
            pairs=units,
            units=units,
            events={
                "errors": Events(
                    calls=units,
                    candidate=numbers[0],
                    present=numbers[1],
                    candidate_alone=numbers[2],
                    present_alone=numbers[3],
                )
            },
            amounts={
                "cost": Amounts(
                    candidate=float(mean_of[0][at]) / units,
                    present=float(mean_of[1][at]) / units,
                    apart=growing.at(units),
                )
            },
            agreed={"tools": (int(agreed[at]), units)},
            wrong={"right": _events(units, [int(each[at]) for each in marked])},
        )
        yield units, 0, _report(stage, metrics_of(of, stage.experiment, seen), units, units)


def _events(calls: int, counts: list[int]) -> Events:
    candidate, present, candidate_alone, present_alone = counts
    return Events(
        calls=calls,
        candidate=candidate,
        present=present,
        candidate_alone=candidate_alone,
        present_alone=present_alone,
    )


def _apart(stage: Stage, world: World, rng: np.random.Generator) -> Iterator[tuple[int, int, Report]]:
    share = next(arm.share for arm in stage.experiment.arms if arm.name == CANDIDATE)
    reached = np.cumsum(rng.random(UNITS_MAX) < share)
    errors = [_Growing((rng.random(UNITS_MAX) < each).astype(np.float64)) for each in world.errors]
    costs = [_Growing(_costs(rng, factor)) for factor in (1.0, world.dearer)]
    for units in _looks():
        served = int(reached[units - 1])
        sums: dict[str, Mapping[str, ArmSums]] = {}
        for metric, both in (("errors", errors), ("cost", costs)):
            sums[metric] = {
                name: ArmSums(moments=growing.at(count), complete=count)
                for name, growing, count in zip(
                    (PRESENT, CANDIDATE), both, (units - served, served), strict=True
                )
            }
        yield (
            units,
            served,
            _report(stage, compare(stage.experiment, sums, NO_FORECAST), units - served, served),
        )


class _Growing:
    """The moments of the first so many of some values, each of one call."""

    def __init__(self, values: Sample) -> None:
        self._sums = [np.cumsum(values**power) for power in (1, 2, 3)]

    def at(self, units: int) -> Moments:
        if not units:
            return Moments(n=0, y=0, x=0, yy=0, xy=0, xx=0, yyy=0, yyx=0, yxx=0, xxx=0)
        one, two, three = (float(each[units - 1]) / units for each in self._sums)
        spread = units * max(0.0, two - one * one)
        return Moments(n=units, y=one, x=1.0, yy=spread, xy=0.0, xx=0.0, yyy=three, yyx=two, yxx=one, xxx=1.0)


def _report(stage: Stage, metrics: Sequence[MetricReport], present: int, candidate: int) -> Report:
    counts = {PRESENT: present, CANDIDATE: candidate}
    return Report(
        name=stage.experiment.name,
        version=stage.experiment.version,
        alias=stage.experiment.alias,
        unit=stage.experiment.unit,
        state="running",
        started_at="",
        first_exposure_at=None,
        window_days=0.0,
        error=stage.experiment.error,
        arms=[
            ArmReport(
                name=arm.name,
                share=arm.share,
                targets=(),
                units=counts[arm.name],
                complete=counts[arm.name],
                calls=counts[arm.name],
                crossed=0,
            )
            for arm in stage.experiment.arms
        ],
        strays=0,
        ratio_evidence=None,
        is_sound=True,
        metrics=list(metrics),
        notes=[],
        sentence="",
    )
