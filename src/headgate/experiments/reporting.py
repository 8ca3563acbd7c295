"""A report of an experiment: read, worked out, and said in one sentence.

Read next: `experiments.reading`, `experiments.analysis`, `experiments.sentence`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from headgate.core.pages import format_datetime
from headgate.experiments.analysis import MISMATCH, ArmSums, SharesByEpoch, Traffic, compare, epoch_evidence
from headgate.experiments.meant import notes_of, what_is_meant
from headgate.experiments.model import Experiment, told
from headgate.experiments.reading import (
    RECENT,
    ArmUnits,
    Defined,
    LeftOut,
    View,
    read_sums,
    strays,
)
from headgate.experiments.received import received_by_name, with_received
from headgate.experiments.report import (
    ArmReport,
    Comparison,
    MetricReport,
    Received,
    Report,
    Running,
)
from headgate.experiments.sentence import sentence_of
from headgate.experiments.unpriced import without_costs
from headgate.store.database import Connection

DAY_S = 86400.0

SumsByMetric = dict[str, dict[str, ArmSums]]


async def report(
    connection: Connection,
    found: Defined,
    state: Running,
    *,
    now: datetime,
    project_ids: tuple[str, ...] | None,
) -> Report:
    """Return what is known of a version now, of the units in these projects (None: all)."""
    made, _ = await report_and_sums(connection, found, state, now=now, project_ids=project_ids)
    return made


async def report_and_sums(
    connection: Connection,
    found: Defined,
    state: Running,
    *,
    now: datetime,
    project_ids: tuple[str, ...] | None,
) -> tuple[Report, SumsByMetric]:
    """Return a report, and the sums of each metric and arm that it is made of."""
    experiment = found.experiment
    view = View(experiment=experiment, now=now, project_ids=project_ids)
    async with connection.transaction():
        read = await read_sums(connection, found, view)
        stray = await strays(connection, view)
        units = read.units
        first_at = min((each.first_at for each in units.values()), default=None)
        meant = await what_is_meant(connection, found, view)
        received: dict[str, Received] = {}
        if first_at is not None:
            began = min(found.started_at, first_at)
            received = await received_by_name(connection, view, began)
    evidence = epoch_evidence(experiment, read.shares, units_by_epoch(units, len(read.shares)))
    is_sound = evidence is None or evidence < MISMATCH
    metrics = compare(experiment, read.metrics, _traffic(experiment, units, now), read.shares)
    metrics = [
        with_received(metric, told, received, read.metrics[metric.name])
        for metric, told in zip(experiment.metrics, metrics, strict=True)
    ]
    metrics = [without_costs(experiment, metric, read.unpriced) for metric in metrics]
    metrics = [
        _checked(told, metric.reads, read.left_out.get(metric.name), is_sound=is_sound)
        for metric, told in zip(experiment.metrics, metrics, strict=True)
    ]
    arms = _arms(experiment, units, read.shares)
    sentence = sentence_of(experiment, arms, metrics, is_sound=is_sound, first_at=first_at)
    if found.expired_at is not None and not units:
        sentence = (
            "It was decided, and its units are gone by retention; the sealed decision has what was known."
        )
    made = Report(
        name=experiment.name,
        version=experiment.version,
        alias=experiment.alias,
        unit=experiment.unit,
        state=state,
        started_at=format_datetime(found.started_at),
        first_exposure_at=None if first_at is None else format_datetime(first_at),
        window_days=experiment.window_s / DAY_S,
        arrives_days=(experiment.complete_s - experiment.window_s) / DAY_S,
        error=experiment.error,
        arms=arms,
        strays=stray,
        ratio_evidence=evidence,
        is_sound=is_sound,
        metrics=metrics,
        notes=[*_notes(found, units, stray, now), *notes_of(experiment, meant)],
        sentence=sentence,
        decided=found.decided_at is not None,
        shares=read.shares if experiment.adaptive is not None else [],
        meant=meant,
    )
    return made, read.metrics


def sealed_report(sealed: Report, expired_at: datetime) -> Report:
    """Return what was sealed as what is known now: units are gone that it was made of."""
    note = f"units are gone by retention since {format_datetime(expired_at)}; this is what was sealed"
    return msgspec.structs.replace(sealed, notes=[note, *sealed.notes], decided=True)


def _traffic(experiment: Experiment, units: Mapping[str, ArmUnits], now: datetime) -> Traffic:
    first_at = min((each.first_at for each in units.values()), default=now)
    days = min(RECENT, max(now - first_at, timedelta(hours=1))).total_seconds() / DAY_S
    return Traffic(
        units=sum(each.units for each in units.values()),
        per_day=sum(each.recent for each in units.values()) / days,
        window_days=experiment.complete_s / DAY_S,
    )


def units_by_epoch(units: Mapping[str, ArmUnits], epochs: int) -> list[dict[str, int]]:
    """Return how many units of each arm came in each epoch."""
    return [
        {arm: each.epochs.get(epoch, (0, 0))[0] for arm, each in units.items()} for epoch in range(epochs)
    ]


def _arms(experiment: Experiment, units: Mapping[str, ArmUnits], shares: SharesByEpoch) -> list[ArmReport]:
    arms: list[ArmReport] = []
    for arm in experiment.arms:
        known = units.get(arm.name)
        arms.append(
            ArmReport(
                name=arm.name,
                share=arm.share if experiment.adaptive is None else shares[-1][arm.name],
                targets=arm.targets or experiment.alias_targets,
                units=known.units if known else 0,
                complete=known.complete if known else 0,
                calls=known.calls if known else 0,
                crossed=known.crossed if known else 0,
                serves=told(arm),
            )
        )
    return arms


def _checked(metric: MetricReport, feedback: str, missing: LeftOut | None, *, is_sound: bool) -> MetricReport:
    """Withhold the findings of arms that can't be compared, or of feedback that holds no numbers."""
    notes = [*metric.notes]
    reason = "" if is_sound else "the arms don't have the shares that were meant"
    if missing is not None:
        if missing.texts:
            notes.append(f"{missing.texts} texts named {feedback} don't count; say a number, yes or no")
        if missing.future:
            notes.append(
                f"{missing.future} values of {feedback} are dated after now and don't count: a clock errs"
            )
        if missing.infinite:
            reason = reason or (
                f"{missing.infinite} values of {feedback} are infinite or no numbers; delete them"
            )
    withheld = metric.comparisons
    if reason:
        withheld = [Comparison(arm=one.arm, finding="none", units=0, note=reason) for one in withheld]
    return msgspec.structs.replace(metric, comparisons=withheld, notes=notes)


def _notes(found: Defined, units: Mapping[str, ArmUnits], stray: int, now: datetime) -> list[str]:
    notes: list[str] = []
    experiment = found.experiment
    if found.changed_at is not None:
        notes.append(
            f"metrics or error were changed on {format_datetime(found.changed_at)}, after the start; "
            "what was seen before may have had a part in it"
        )
    crossed = sum(each.crossed for each in units.values())
    if crossed:
        notes.append(
            f"{crossed} calls were served by another arm than their unit's first; they count for that"
        )
    unknown = sorted(set(units) - {arm.name for arm in experiment.arms})
    if unknown:
        notes.append(f"units in arms that the experiment does not have: {', '.join(unknown)}")
    if stray:
        notes.append(f"{stray} calls said no {experiment.unit} and were in no arm")
    if any(each.unpriced for each in units.values()):
        count = sum(each.unpriced for each in units.values())
        notes.append(f"{count} calls have no known price; give one in [prices]")
    if any(each.last_at > now for each in units.values()):
        notes.append("some exposures are dated after now; the clock of a host is wrong")
    return notes
