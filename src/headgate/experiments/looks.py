"""An experiment as it would have read at some moments since its first units were complete.

Units count as in the report of that moment: only those that were complete for a metric, whose sums stay
what they were. So all moments are one pass over the units, and the last of them is the report of now.
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
from headgate.experiments.analysis import MISMATCH, ArmSums, Traffic, compare, epoch_evidence, scale_of
from headgate.experiments.definitions import QUERIES
from headgate.experiments.lacking import Lacking
from headgate.experiments.model import Better, Experiment, Metric, Role
from headgate.experiments.ratios import lacking_by_metric, ratio_rows
from headgate.experiments.reading import (
    Defined,
    View,
    divisor_of,
    epochs_in_order,
    imputed,
    kinds_of_feedback,
    middle_of,
    moments_in,
    named,
    out_of,
    shares_by_epoch,
    units_by_arm,
    with_parts,
)
from headgate.experiments.report import PERCENT, Comparison, Finding, MetricReport
from headgate.statistics.moments import NOTHING, Moments, pooled
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
        self.known: dict[int, Moments] = {}
        self.unknown: dict[int, Moments] = {}
        self.ends: list[float] = []

    def add(self, row: Sequence[Any], *, is_known: bool) -> None:
        epoch, low, high, *sums = row
        self.ends.extend((low, high))
        told = self.known if is_known else self.unknown
        told[epoch] = told.get(epoch, NOTHING).joined(moments_in(sums))

    def by_epoch(self, metric: Metric, middle: float) -> dict[int, Moments]:
        """The moments of each epoch, where who said nothing before has this for it."""
        epochs = dict(self.known)
        for epoch, moments in self.unknown.items():
            epochs[epoch] = epochs.get(epoch, NOTHING).joined(imputed(metric, moments, middle))
        return epochs


Rows = Mapping[str, Mapping[int, list[tuple[str, bool, Sequence[Any]]]]]
"""What a question gave: by metric and moment an arm, whether its second value is known, epoch and sums."""

GrowingRows = dict[str, dict[int, list[tuple[str, bool, Sequence[Any]]]]]

Counts = dict[str, dict[int, list[int]]]
"""How many units there are by arm and epoch, up to each moment."""


async def looks(
    connection: Connection, found: Defined, *, now: datetime, project_ids: tuple[str, ...] | None
) -> Looks:
    """Return what is known over time of a version, of the units in these projects (None: all)."""
    experiment = found.experiment
    end = min(now, found.decided_at or now)
    view = View(experiment=experiment, now=end, project_ids=project_ids)
    units = await units_by_arm(connection, view)
    first_at = min((each.first_at for each in units.values()), default=end)
    moments = _moments(first_at + timedelta(seconds=experiment.window_s), end)
    exposed = await _counts(connection, view, moments)
    complete: dict[float, Counts] = {}
    rows: GrowingRows = {}
    lacking = await lacking_by_metric(connection, view, units)
    withheld = {(name, arm) for name, told in lacking.items() for each in told for arm in each.unequal}
    for wait_s in experiment.waits_s:
        matured = [moment - timedelta(seconds=experiment.window_s + wait_s) for moment in moments]
        complete[wait_s] = await _counts(connection, view, matured)
        metrics = [each for each in experiment.metrics if each.arrives_s == wait_s]
        of_these, infinite = await _rows(connection, found, view, (metrics, lacking), matured)
        rows |= of_these
        withheld |= {(name, arm.name) for name in infinite for arm in experiment.arms}
    # Some hundred intervals: longer than others should wait.
    shares, _ = await shares_by_epoch(connection, experiment)
    asked = _Asked(experiment=experiment, moments=moments, shares=shares, exposed=exposed, complete=complete)
    return await asyncio.to_thread(_looks, asked, rows, withheld)


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of an answer is the same for all metrics."""

    experiment: Experiment
    moments: Sequence[datetime]
    shares: list[dict[str, float]]
    exposed: Counts
    complete: dict[float, Counts]
    """By how long one waits beyond the window for what comes late."""

    def units(self, counts: Counts, arm: str, place: int) -> int:
        """Those of all epochs."""
        return sum(each[place] for each in counts[arm].values())


def _moments(begin: datetime, end: datetime) -> list[datetime]:
    if end <= begin:
        return []
    step = (end - begin) / LOOKS_MAX
    return [begin + step * number for number in range(1, LOOKS_MAX)] + [end]


async def _counts(connection: Connection, view: View, cuts: Sequence[datetime]) -> Counts:
    """Return how many units each arm has up to each time."""
    counts: Counts = {arm.name: {} for arm in view.experiment.arms}
    if not cuts:
        return counts
    parameters = {**view.parameters(), "cuts": list(cuts[:-1]), "until": cuts[-1]}
    cursor = await connection.execute(QUERIES.units_over_time, parameters)
    for arm, epoch, place, count in await cursor.fetchall():
        if arm in counts:
            counts[arm].setdefault(epoch, [0] * len(cuts))[place] += count
    return {
        arm: {epoch: list(accumulate(each)) for epoch, each in epochs.items()}
        for arm, epochs in counts.items()
    }


async def _rows(
    connection: Connection,
    found: Defined,
    view: View,
    of: tuple[Sequence[Metric], Mapping[str, Sequence[Lacking]]],
    matured: Sequence[datetime],
) -> tuple[GrowingRows, set[str]]:
    """Ask for the sums of metrics between these times, and for names that hold no numbers."""
    rows: GrowingRows = {}
    if not matured:
        return rows, set()
    metrics, lacking = of
    parameters = {**view.parameters(), "cuts": list(matured[:-1]), "until": matured[-1]}
    measured = sorted({(each.measure, divisor_of(each)) for each in metrics if each.is_of_records})
    if measured:
        asked = {
            **parameters,
            **out_of([one for each in metrics if each.is_of_records for one in lacking.get(each.name, ())]),
            "measures": [one for one, _ in measured],
            "divisors": [by for _, by in measured],
        }
        cursor = await connection.execute(with_parts(QUERIES.calls_over_time, ""), asked)
        for measure, per, arm, place, has_past, *sums in await cursor.fetchall():
            for metric in metrics:
                if metric.is_of_records and (metric.measure, divisor_of(metric)) == (measure, per):
                    rows.setdefault(metric.name, {}).setdefault(place, []).append((arm, has_past, sums))
    for metric in metrics:
        if metric.per and not metric.is_of_records:
            asked = parameters | out_of(lacking.get(metric.name, ()))
            found_rows, _ = await ratio_rows(connection, found, view, metric, asked)
            for arm, place, *sums in found_rows:
                rows.setdefault(metric.name, {}).setdefault(place, []).append((arm, True, sums))
    told = [each for each in metrics if each.measure == "feedback" and not each.per]
    said, missing = await kinds_of_feedback(connection, view, told, found.started_at)
    if said:
        cursor = await connection.execute(
            with_parts(QUERIES.feedback_over_time, said), parameters | named(view, told), prepare=False
        )
        for name, arm, place, is_known, *sums in await cursor.fetchall():
            rows.setdefault(name, {}).setdefault(place, []).append((arm, is_known, sums))
    return rows, {name for name, each in missing.items() if each.infinite}


def _looks(asked: _Asked, rows: Rows, withheld: set[tuple[str, str]]) -> Looks:
    experiment = asked.experiment
    growing: dict[str, dict[str, _Sums]] = {each.name: {} for each in experiment.metrics}
    evidence: list[float | None] = []
    reports: list[list[MetricReport] | None] = []
    scales: dict[str, tuple[str, float]] = {}
    for place in range(len(asked.moments)):
        for name, arms in growing.items():
            for arm, is_known, sums in rows.get(name, {}).get(place, []):
                arms.setdefault(arm, _Sums()).add(sums, is_known=is_known)
        came = [
            {arm: each[epoch][place] if epoch in each else 0 for arm, each in asked.exposed.items()}
            for epoch in range(len(asked.shares))
        ]
        against = epoch_evidence(experiment, asked.shares, came)
        evidence.append(against)
        summed = {
            metric.name: _summed(asked, metric, growing[metric.name], place) for metric in experiment.metrics
        }
        scales = {metric.name: scale_of(metric, summed[metric.name]) for metric in experiment.metrics}
        is_sound = against is None or against < MISMATCH
        reports.append(compare(experiment, summed, NO_FORECAST, asked.shares) if is_sound else None)
    lines = [
        _line(experiment, metric, arm.name, reports, scales[metric.name] if scales else ("", 1.0))
        for metric in experiment.metrics
        for arm in experiment.arms[1:]
        if (metric.name, arm.name) not in withheld
    ]
    return Looks(
        name=experiment.name,
        version=experiment.version,
        at=[format_datetime(each) for each in asked.moments],
        arms=[_arm(asked, arm.name, arm.share) for arm in experiment.arms],
        ratio_evidence=evidence,
        lines=lines,
    )


def _arm(asked: _Asked, name: str, share: float) -> ArmOverTime:
    places = range(len(asked.moments))
    return ArmOverTime(
        name=name,
        share=share,
        units=[asked.units(asked.exposed, name, place) for place in places],
        complete=[asked.units(asked.complete[0.0], name, place) for place in places],
    )


def _summed(asked: _Asked, metric: Metric, arms: Mapping[str, _Sums], place: int) -> dict[str, ArmSums]:
    """Return what a metric has come to, as `reading.sums_of` reads it of one moment."""
    middle = middle_of(metric, [moments for each in arms.values() for moments in each.known.values()])
    found: dict[str, ArmSums] = {}
    for arm in asked.experiment.arms:
        sums = arms.get(arm.name, _Sums())
        epochs = sums.by_epoch(metric, middle)
        if metric.measure == "feedback" and metric.kind != "answer" and not metric.per:
            for epoch, complete in asked.complete[metric.arrives_s][arm.name].items():
                moments = epochs.get(epoch, NOTHING)
                epochs[epoch] = moments.with_zeros(complete[place] - moments.n)
        low, high = (min(sums.ends), max(sums.ends)) if sums.ends else (None, None)
        found[arm.name] = ArmSums(
            moments=pooled(epochs.values()),
            complete=asked.units(asked.complete[metric.arrives_s], arm.name, place),
            epochs=epochs_in_order(asked.experiment, epochs),
            low=low,
            high=high,
        )
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
        shown.append(
            _rescaled(one, factor, report[place].scale, is_relative=metric.is_relative) if report else one
        )
    if metric.is_relative:
        name = PERCENT
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


def _rescaled(one: Comparison, factor: float, scale: str, *, is_relative: bool) -> Comparison:
    here = 100.0 if scale == "points" else 1.0
    if here == factor:
        return one
    moving = ("mean", "baseline") if is_relative else ("mean", "baseline", "difference", "low", "high")
    values = {name: getattr(one, name) for name in moving}
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
    if metric.effect.is_relative == metric.is_relative:
        return metric.effect.value * (100.0 if metric.is_relative else factor)
    baseline = shown[-1].baseline if shown else None
    if not baseline:
        return None
    if metric.is_relative:
        return 100.0 * metric.effect.value * factor / abs(baseline)
    return metric.effect.value * abs(baseline)
