"""What compared calls came to, asked of the database, and the report of it. Sums alone leave it.

Read next: `rollouts.pairing`, `rollouts/queries.sql`.
"""

from datetime import datetime
from typing import Final

import msgspec

from headgate.core.pages import format_datetime
from headgate.experiments.margins import factor_of
from headgate.experiments.meant import notes_of, what_is_meant
from headgate.experiments.model import Experiment, Measure, Metric
from headgate.experiments.reading import Defined, View
from headgate.experiments.report import ArmReport, Report
from headgate.rollouts.model import CANDIDATE, PAIRED, PRESENT, Agreement, Rollout, Stage
from headgate.rollouts.pairing import Amounts, Events, Seen, metrics_of
from headgate.rollouts.unpriced import Unpriced
from headgate.statistics.moments import Moments
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.rollouts")

_AGREEMENTS: Final[tuple[Agreement, ...]] = ("finish", "tools", "text", "length", "form")
_EVENTS: Final[tuple[Measure, ...]] = ("errors", "refusals")


async def report_of_pairs(
    connection: Connection, rollout: Rollout, stage: Stage, found: Defined, *, now: datetime
) -> Report:
    """Return what is known of a stage whose calls are answered by both arms."""
    experiment = found.experiment
    seen, first_at = await _seen(connection, experiment)
    wrong, unmarked = await _marked(connection, rollout, experiment.version)
    seen = msgspec.structs.replace(seen, wrong=wrong)
    meant = await what_is_meant(connection, found, View(experiment=experiment, now=now, project_ids=None))
    arms = [
        ArmReport(
            name=arm.name,
            share=arm.share if arm.name == stage.shown else stage.sampled,
            targets=arm.targets or experiment.alias_targets,
            units=seen.units,
            complete=seen.units,
            calls=seen.pairs,
            crossed=0,
        )
        for arm in experiment.arms
    ]
    metrics = metrics_of(rollout, experiment, seen)
    return Report(
        name=experiment.name,
        version=experiment.version,
        alias=experiment.alias,
        unit=experiment.unit,
        state="running",
        started_at=format_datetime(found.started_at),
        first_exposure_at=None if first_at is None else format_datetime(first_at),
        window_days=0.0,
        error=experiment.error,
        arms=arms,
        strays=0,
        ratio_evidence=None,
        is_sound=True,
        metrics=metrics,
        notes=[
            *await _notes(connection, experiment.version, experiment.metrics, seen),
            *unmarked,
            *notes_of(experiment, meant),
        ],
        meant=meant,
        sentence=_sentence(stage, seen),
    )


async def count_pairs(connection: Connection, version: str) -> int:
    """Return how many calls of a stage were compared."""
    cursor = await connection.execute(QUERIES.count_pairs, {"version": version})
    row = await cursor.fetchone()
    return int(row[0]) if row is not None else 0


async def _seen(connection: Connection, experiment: Experiment) -> tuple[Seen, datetime | None]:
    version, metrics = experiment.version, experiment.metrics
    cursor = await connection.execute(QUERIES.pair_counts, {"version": version})
    row = await cursor.fetchone()
    assert row is not None
    units, first_at, *counts = row
    events: dict[Measure, Events] = {
        measure: Events(
            calls=units,
            candidate=counts[place],
            present=counts[place + 1],
            candidate_alone=counts[place + 2],
            present_alone=counts[place + 3],
        )
        for measure, place in zip(_EVENTS, (0, 4), strict=True)
    }
    agreed: dict[Agreement, tuple[int, int]] = {
        name: (counts[place], counts[place + 1])
        for name, place in zip(_AGREEMENTS, range(8, 18, 2), strict=True)
    }
    amounts: dict[str, Amounts] = {}
    for metric in metrics:
        known = await _amounts(connection, version, metric) if metric.measure in ("cost", "latency") else None
        if known is not None:
            amounts[metric.name] = known
    pairs = await count_pairs(connection, version)
    unpriced = await _unpriced(connection, experiment)
    seen = Seen(pairs=pairs, units=units, events=events, amounts=amounts, agreed=agreed, unpriced=unpriced)
    return seen, first_at


_WITHOUT: Final = {
    "exact": "the present failed",
    "schema": "its schema is no JSON schema that answers can be held against",
    "judge": "its judge gave no mark, or its budget of the day was spent",
    "semantic": "the present failed, its model gave no embeddings, or its budget of the day was spent",
}


async def _marked(
    connection: Connection, rollout: Rollout, version: str
) -> tuple[dict[str, Events], list[str]]:
    """How often answers were wrong, by scorer; and in words what could not be marked."""
    wrong: dict[str, Events] = {}
    notes: list[str] = []
    gone = 0
    for scorer in rollout.scorers:
        place = {"version": version, "key": scorer.key}
        row = await (await connection.execute(QUERIES.pair_scores, place)).fetchone()
        assert row is not None
        calls, candidate, present, candidate_alone, present_alone = row
        wrong[scorer.name] = Events(
            calls=calls,
            candidate=candidate,
            present=present,
            candidate_alone=candidate_alone,
            present_alone=present_alone,
        )
        row = await (await connection.execute(QUERIES.pairs_unmarked, place)).fetchone()
        assert row is not None
        gone, without = row
        if without:
            notes.append(
                f"{scorer.name} has no marks for {without} calls: {_WITHOUT.get(scorer.kind, 'no mark')}"
            )
    if gone:
        notes.append(
            f"{gone} compared calls can't be scored: their answers are not on record, as of projects whose "
            'record is not "full"'
        )
    return wrong, notes


async def _unpriced(connection: Connection, experiment: Experiment) -> dict[str, Unpriced]:
    cursor = await connection.execute(QUERIES.pairs_unpriced, {"version": experiment.version})
    row = await cursor.fetchone()
    assert row is not None
    calls, *lacking = row
    counts: dict[str, int] = dict(zip((CANDIDATE, PRESENT), lacking, strict=True))
    return {
        arm.name: Unpriced(
            calls=calls, unpriced=counts[arm.name], targets=arm.targets or experiment.alias_targets
        )
        for arm in experiment.arms
    }


async def _amounts(connection: Connection, version: str, metric: Metric) -> Amounts | None:
    parameters = {"version": version, "factor": factor_of(metric), "of_cost": metric.measure == "cost"}
    cursor = await connection.execute(QUERIES.pair_amounts, parameters)
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return None
    n, candidate, present, y, spread, cubes = row
    apart = Moments(n=n, y=y, x=1.0, yy=spread, xy=0.0, xx=0.0, yyy=cubes, yyx=0.0, yxx=y, xxx=1.0)
    return Amounts(candidate=candidate, present=present, apart=apart)


async def _notes(connection: Connection, version: str, metrics: tuple[Metric, ...], seen: Seen) -> list[str]:
    notes: list[str] = []
    cursor = await connection.execute(QUERIES.left_out, {"version": version})
    notes += [f"{calls} shadows were left out: {reason}" for reason, calls in await cursor.fetchall()]
    if seen.pairs > seen.units:
        notes.append(f"of {seen.pairs} compared calls the first of each unit counts: {seen.units}")
    for of_feedback, why in (
        (True, "can't be known of answers that nobody sees"),
        (False, "is not compared here"),
    ):
        later = [
            each.name
            for each in metrics
            if each.measure not in PAIRED and (each.measure == "feedback") == of_feedback
        ]
        if later:
            notes.append(f"{', '.join(later)} {why}; later stages look at it")
    return notes


def _sentence(stage: Stage, seen: Seen) -> str:
    if not seen.units:
        return "No call has been answered by both arms yet."
    served = "the present" if stage.shown == PRESENT else "the candidate"
    return f"{seen.units} calls that {served} served were answered by both arms."
