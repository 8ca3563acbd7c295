"""A report of an experiment: read, worked out, and said in one sentence.

Read next: `experiments.reading`, `experiments.analysis`, `experiments.sentence`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.pages import format_datetime
from headgate.experiments.analysis import (
    DAY_S,
    MISMATCH,
    ArmSums,
    SharesByEpoch,
    Traffic,
    compare,
    epoch_evidence,
)
from headgate.experiments.lacking import with_lacking
from headgate.experiments.meant import notes_of, what_is_meant
from headgate.experiments.model import Adaptive, Experiment, told
from headgate.experiments.ratios import read_sums
from headgate.experiments.reading import (
    RECENT,
    ArmUnits,
    Defined,
    LeftOut,
    Sums,
    View,
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
from headgate.statistics.allocation import mismatch_at_one_look
from headgate.store.database import Connection

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
    ratio_p = ratio_p_at_one_look(experiment, units) if state == "stopped" else None
    metrics = _metrics(experiment, read, received, now=now, is_sound=is_sound)
    arms = _arms(experiment, units, read.shares)
    sentence = sentence_of(
        experiment, arms, metrics, is_sound=is_sound, first_at=first_at, epochs=len(read.shares)
    )
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
        arrives_days=experiment.waits_s[0] / DAY_S,
        error=experiment.error,
        arms=arms,
        strays=stray,
        ratio_evidence=evidence,
        ratio_p=ratio_p,
        is_sound=is_sound,
        metrics=metrics,
        notes=[
            *_notes(found, units, stray, now),
            *_of_split(ratio_p, evidence),
            *notes_of(experiment, meant),
        ],
        sentence=sentence,
        decided=found.decided_at is not None,
        shares=read.shares if experiment.adaptive is not None else [],
        shares_at=[format_datetime(at) for at in (found.started_at, *read.shares_at)]
        if experiment.adaptive is not None
        else [],
        parts=1 if experiment.adaptive is None else experiment.adaptive.parts,
        meant=meant,
    )
    return made, read.metrics


def _metrics(
    experiment: Experiment, read: Sums, received: Mapping[str, Received], *, now: datetime, is_sound: bool
) -> list[MetricReport]:
    """Return what is known of each metric, withheld where it can't be trusted."""
    metrics = compare(experiment, read.metrics, _traffic(experiment, read.units, now), read.shares)
    metrics = [
        with_received(metric, told, received, read.metrics[metric.name])
        for metric, told in zip(experiment.metrics, metrics, strict=True)
    ]
    metrics = [with_lacking(experiment, metric, read.lacking.get(metric.name, ())) for metric in metrics]
    metrics = [_awaited(experiment, metric, read.units) for metric in metrics]
    return [
        _checked(told, metric.reads, read.left_out.get(metric.name), is_sound=is_sound)
        for metric, told in zip(experiment.metrics, metrics, strict=True)
    ]


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
        window_days=experiment.window_s / DAY_S,
    )


def units_by_epoch(units: Mapping[str, ArmUnits], epochs: int) -> list[dict[str, int]]:
    """Return how many units of each arm came in each epoch."""
    return [{arm: each.epochs.get(epoch, 0) for arm, each in units.items()} for epoch in range(epochs)]


def _arms(experiment: Experiment, units: Mapping[str, ArmUnits], shares: SharesByEpoch) -> list[ArmReport]:
    arms: list[ArmReport] = []
    for arm in experiment.arms:
        known = units.get(arm.name)
        arms.append(
            ArmReport(
                name=arm.name,
                share=arm.share
                if experiment.adaptive is None
                else _share_now(experiment.adaptive, shares, arm.name),
                targets=arm.targets or experiment.alias_targets,
                units=known.units if known else 0,
                complete=known.complete if known else 0,
                calls=known.calls if known else 0,
                crossed=known.crossed if known else 0,
                serves=told(arm),
            )
        )
    return arms


def _share_now(adaptive: Adaptive, shares: SharesByEpoch, arm: str) -> float:
    """What an arm gets of units that come new: of all parts that are open, where these keep theirs."""
    now = shares if adaptive.parts > 1 else shares[-1:]
    return sum(each[arm] for each in now) / len(now)


def _awaited(experiment: Experiment, metric: MetricReport, units: Mapping[str, ArmUnits]) -> MetricReport:
    """Say when a metric that waits for what comes late has its first units."""
    if not metric.arrives_days or not units or any(metric.complete.values()):
        return metric
    first_at = min(each.first_at for each in units.values())
    when = first_at + timedelta(seconds=experiment.window_s, days=metric.arrives_days)
    note = f"{metric.name} waits for what comes late, and has its first units on {when:%Y-%m-%d at %H:%M} UTC"
    return msgspec.structs.replace(
        metric,
        comparisons=[
            Comparison(arm=one.arm, finding="none", units=0, note=note) for one in metric.comparisons
        ],
    )


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


def ratio_p_at_one_look(experiment: Experiment, units: Mapping[str, ArmUnits]) -> float | None:
    """Return the p-value of the shares' test for one look, that of the decision; None if it can't be told.

    It sees a smaller mismatch than the sequence that is looked at all the time.
    """
    if experiment.adaptive is not None or not all(arm.share for arm in experiment.arms):
        return None
    counts = [units[arm.name].units if arm.name in units else 0 for arm in experiment.arms]
    try:
        return mismatch_at_one_look(counts, [arm.share for arm in experiment.arms])
    except InvalidRequest:
        return None  # too few units for it


def _of_split(p: float | None, evidence: float | None) -> list[str]:
    if p is None or p >= 1 / MISMATCH or evidence is None or evidence >= MISMATCH:
        return []
    return [
        f"at the decision, arms as unequal as these come by chance in {p:.1g} of such experiments: "
        "look for what made them so before you trust it"
    ]


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
