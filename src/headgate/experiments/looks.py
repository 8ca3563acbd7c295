"""An experiment as it would have read at some moments since its first units were complete.

Units count as in the report of that moment: only those that were watched for their whole window, whose sums
stay what they were. So all moments are one pass over the units, and the last of them is the report of now.
Feedback that came late, and what was erased, counts as it does now. Read next: `experiments.reporting`,
`experiments.analysis`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

import msgspec

from headgate.core.pages import format_datetime
from headgate.experiments.analysis import MISMATCH, ArmSums, Traffic, compare, ratio_evidence, scale_of
from headgate.experiments.definitions import QUERIES
from headgate.experiments.model import Better, Experiment, Metric, Role
from headgate.experiments.moments import NOTHING
from headgate.experiments.reading import (
    Defined,
    View,
    kinds_of_feedback,
    moments_of,
    named,
    units_by_arm,
    unpriced_by_arm,
    with_parts,
)
from headgate.experiments.report import Comparison, Finding, MetricReport
from headgate.store.database import Connection

LOOKS_MAX: Final = 60
NO_FORECAST: Final = Traffic(units=0, per_day=0.0, window_days=0.0)


class ArmOverTime(msgspec.Struct, frozen=True, kw_only=True):
    """How many units an arm had at each moment, and how many of them were complete."""

    name: str
    share: float
    units: list[int]
    complete: list[int]


class LookLine(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one arm over time; a list has a value for each moment, null where there was none.

    `bound` is what the interval has to be clear of: 0, or what a guardrail may lose. `least` is the
    smallest difference that matters, where one is named.
    """

    metric: str
    role: Role
    better: Better
    scale: str
    arm: str
    difference: list[float | None]
    low: list[float | None]
    high: list[float | None]
    bound: list[float | None]
    least: float | None
    finding: list[Finding]


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """What reports would have said at the moments `at`, the last of which is now or the decision."""

    name: str
    version: str
    at: list[str]
    arms: list[ArmOverTime]
    ratio_evidence: list[float | None]
    lines: list[LookLine]


class _Sums:
    """One arm's moments of one metric as they grow; `low` and `high` are the ends of all values."""

    def __init__(self) -> None:
        self.known = NOTHING
        self.unknown = NOTHING
        self.ends: list[float] = []

    def add(self, row: Sequence[Any], *, is_known: bool) -> None:
        low, high, *sums = row
        moments = moments_of(sums)
        self.ends.extend((low, high))
        if is_known:
            self.known = self.known.joined(moments)
        else:
            self.unknown = self.unknown.joined(moments)


Rows = Mapping[str, Mapping[int, list[tuple[str, bool, Sequence[Any]]]]]
"""What a question gave: by metric and moment, an arm, whether its second value is known, and its sums."""


async def looks(
    connection: Connection, found: Defined, *, now: datetime, project_ids: tuple[str, ...] | None
) -> Looks:
    """Return what is known over time of a version, of the units in these projects (None: all)."""
    experiment = found.experiment
    end = min(now, found.decided_at or now)
    view = View(experiment=experiment, now=end, project_ids=project_ids)
    units = await units_by_arm(connection, view)
    first_at = min((each.first_at for each in units.values()), default=end)
    window = timedelta(seconds=experiment.complete_s)
    moments = _moments(first_at + window, end)
    exposed = await _counts(connection, view, moments)
    matured = [moment - window for moment in moments]
    complete = await _counts(connection, view, matured)
    rows, withheld = await _rows(connection, found, view, matured)
    for lacking in (await unpriced_by_arm(connection, view, units)).values():
        withheld |= {metric.name for metric in experiment.metrics if lacking.lacking(metric.measure)}
    # Some hundred intervals: longer than others should wait.
    return await asyncio.to_thread(_looks, experiment, moments, (exposed, complete), rows, withheld)


def _moments(begin: datetime, end: datetime) -> list[datetime]:
    if end <= begin:
        return []
    step = (end - begin) / LOOKS_MAX
    return [begin + step * number for number in range(1, LOOKS_MAX)] + [end]


async def _counts(connection: Connection, view: View, cuts: Sequence[datetime]) -> dict[str, list[int]]:
    """Return how many units each arm has up to each time."""
    arms = [arm.name for arm in view.experiment.arms]
    counts = {arm: [0] * len(cuts) for arm in arms}
    if not cuts:
        return counts
    parameters = {**view.parameters(), "cuts": list(cuts[:-1]), "until": cuts[-1]}
    cursor = await connection.execute(QUERIES.units_over_time, parameters)
    for arm, place, count in await cursor.fetchall():
        if arm in counts:
            counts[arm][place] += count
    return {arm: list(accumulate(each)) for arm, each in counts.items()}


async def _rows(
    connection: Connection, found: Defined, view: View, matured: Sequence[datetime]
) -> tuple[Rows, set[str]]:
    """Ask for the sums of all metrics between these times, and for names that hold no numbers."""
    rows: dict[str, dict[int, list[tuple[str, bool, Sequence[Any]]]]] = {}
    if not matured or view.experiment.adaptive is not None:  # whose lines aren't shown
        return rows, set()
    parameters = {**view.parameters(), "cuts": list(matured[:-1]), "until": matured[-1]}
    metrics = view.experiment.metrics
    measured = {each.measure for each in metrics if not each.reads}
    if measured:
        asked = {**parameters, "measures": sorted(measured)}
        cursor = await connection.execute(with_parts(QUERIES.calls_over_time, ""), asked)
        for measure, arm, place, *sums in await cursor.fetchall():
            for metric in metrics:
                if not metric.reads and metric.measure == measure:
                    rows.setdefault(metric.name, {}).setdefault(place, []).append((arm, True, sums))
    told = [each for each in metrics if each.measure == "feedback"]
    said, missing = await kinds_of_feedback(connection, view, told, found.started_at)
    if said:
        cursor = await connection.execute(
            with_parts(QUERIES.feedback_over_time, said), parameters | named(told), prepare=False
        )
        for name, arm, place, is_known, *sums in await cursor.fetchall():
            rows.setdefault(name, {}).setdefault(place, []).append((arm, is_known, sums))
    return rows, {name for name, each in missing.items() if each.infinite}


def _looks(
    experiment: Experiment,
    moments: Sequence[datetime],
    counts: tuple[dict[str, list[int]], dict[str, list[int]]],
    rows: Rows,
    withheld: set[str],
) -> Looks:
    exposed, complete = counts
    growing: dict[str, dict[str, _Sums]] = {each.name: {} for each in experiment.metrics}
    evidence: list[float | None] = []
    reports: list[list[MetricReport] | None] = []
    scales: dict[str, tuple[str, float]] = {}
    for place in range(len(moments)):
        for name, arms in growing.items():
            for arm, is_known, sums in rows.get(name, {}).get(place, []):
                arms.setdefault(arm, _Sums()).add(sums, is_known=is_known)
        against = None
        if experiment.adaptive is None:
            against = ratio_evidence(experiment, {arm: each[place] for arm, each in exposed.items()})
        evidence.append(against)
        now = {arm: each[place] for arm, each in complete.items()}
        summed = {
            metric.name: _summed(experiment, metric, growing[metric.name], now)
            for metric in experiment.metrics
        }
        scales = {metric.name: scale_of(metric, summed[metric.name]) for metric in experiment.metrics}
        is_sound = against is None or against < MISMATCH
        shown = is_sound and experiment.adaptive is None  # what was known by epoch isn't read over time
        reports.append(compare(experiment, summed, NO_FORECAST) if shown else None)
    lines = [
        _line(experiment, metric, arm.name, reports, scales[metric.name] if scales else ("", 1.0))
        for metric in experiment.metrics
        if metric.name not in withheld and not metric.per and experiment.adaptive is None
        for arm in experiment.arms[1:]
    ]
    return Looks(
        name=experiment.name,
        version=experiment.version,
        at=[format_datetime(each) for each in moments],
        arms=[
            ArmOverTime(name=arm.name, share=arm.share, units=exposed[arm.name], complete=complete[arm.name])
            for arm in experiment.arms
        ],
        ratio_evidence=evidence,
        lines=lines,
    )


def _summed(
    experiment: Experiment, metric: Metric, arms: Mapping[str, _Sums], complete: Mapping[str, int]
) -> dict[str, ArmSums]:
    """Return what a metric has come to, as `reading.sums_of` reads it of one moment."""
    spoken = sum(each.known.n for each in arms.values())
    middle = sum(each.known.n * each.known.x for each in arms.values()) / spoken if spoken else 0.0
    found: dict[str, ArmSums] = {}
    for arm in experiment.arms:
        sums = arms.get(arm.name, _Sums())
        moments = sums.known.joined(sums.unknown.with_x(middle))
        if metric.measure == "feedback" and metric.kind != "answer":
            moments = moments.with_zeros(complete[arm.name] - moments.n)
        low, high = (min(sums.ends), max(sums.ends)) if sums.ends else (None, None)
        found[arm.name] = ArmSums(moments=moments, complete=complete[arm.name], low=low, high=high)
    return found


def _line(
    experiment: Experiment,
    metric: Metric,
    arm: str,
    reports: Sequence[list[MetricReport] | None],
    scale: tuple[str, float],
) -> LookLine:
    name, factor = scale
    place = [each.name for each in experiment.metrics].index(metric.name)
    shown: list[Comparison] = []
    for report in reports:
        (one,) = [each for each in report[place].comparisons if each.arm == arm] if report else [UNSOUND]
        # A survey's values may leave 0 to 1 later on, and its numbers are points no more.
        shown.append(_rescaled(one, factor, report[place].scale) if report else one)
    return LookLine(
        metric=metric.name,
        role=metric.role,
        better=metric.better,
        scale=name,
        arm=arm,
        difference=[one.difference for one in shown],
        low=[one.low for one in shown],
        high=[one.high for one in shown],
        bound=[_bound(metric, one, factor) for one in shown],
        least=_least(metric, shown, factor),
        finding=[one.finding for one in shown],
    )


UNSOUND: Final = Comparison(arm="", finding="none", units=0)


def _rescaled(one: Comparison, factor: float, scale: str) -> Comparison:
    here = 100.0 if scale == "points" else 1.0
    if here == factor:
        return one
    values = {name: getattr(one, name) for name in ("mean", "baseline", "difference", "low", "high")}
    moved = {name: None if value is None else value * factor / here for name, value in values.items()}
    return msgspec.structs.replace(one, **moved)


def _bound(metric: Metric, one: Comparison, factor: float) -> float | None:
    if metric.margin is None:
        return 0.0
    sign = 1 if metric.better == "lower" else -1
    if not metric.margin.is_relative:
        return sign * metric.margin.value * factor
    return None if one.baseline is None else sign * metric.margin.value * one.baseline


def _least(metric: Metric, shown: Sequence[Comparison], factor: float) -> float | None:
    if metric.effect is None:
        return None
    if not metric.effect.is_relative:
        return metric.effect.value * factor
    baseline = shown[-1].baseline if shown else None
    return None if baseline is None else metric.effect.value * abs(baseline)
