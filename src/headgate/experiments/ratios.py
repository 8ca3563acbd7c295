"""Ratios of a unit's sums, with feedback or sessions in them; and all sums of a report together.

What the records of calls have of both is in the scan of all measures (`experiments.reading`); each of these
takes one more. Read next: `experiments.reporting`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString

import msgspec

from headgate.experiments.analysis import ArmSums
from headgate.experiments.definitions import QUERIES
from headgate.experiments.lacking import Lack, Lacking, lacking_of, lacks_of, step_s
from headgate.experiments.model import SESSIONS, Metric
from headgate.experiments.reading import (
    ArmUnits,
    Defined,
    LeftOut,
    Sums,
    View,
    epochs_in_order,
    is_known,
    kinds_of_feedback,
    moments_in,
    named,
    of_feedback,
    of_records,
    out_of,
    shares_by_epoch,
    with_parts,
)
from headgate.statistics.moments import Moments, pooled
from headgate.store.database import Connection

_OF_UNIT: Final[dict[str, LiteralString]] = {
    "feedback": "coalesce(said.above, 0)::float8",
    "calls": "u.calls::float8",
    "cost": "u.cost_usd_float",
    "latency": "u.duration_ms",
    "errors": "u.errors::float8",
    "refusals": "u.refusals::float8",
    "tokens": "u.tokens::float8",
    "output_tokens": "u.output_tokens::float8",
    SESSIONS: "coalesce(held.sessions, 0)::float8",
}
"""The sums of a unit that ratios are made of."""


async def read_sums(connection: Connection, found: Defined, view: View) -> Sums:
    """Return what all metrics come to in each arm."""
    await connection.execute(QUERIES.have_room)
    metrics = [each for each in view.experiment.metrics if each.is_of_records]
    units, sums = await of_records(connection, view, metrics)
    lacking = await lacking_by_metric(connection, view, units)
    with_out = [each for each in metrics if any(one.stretches for one in lacking.get(each.name, ()))]
    if with_out:
        out = [one for metric in with_out for one in lacking[metric.name]]
        _, without = await of_records(connection, view, with_out, out)
        sums |= without
    said, missing = await of_feedback(connection, found, view, units)
    for metric in view.experiment.metrics:
        if metric.per and not metric.is_of_records:
            out = lacking.get(metric.name, ())
            sums[metric.name], of_name = await _of_ratios(connection, found, view, metric, (units, out))
            missing |= of_name
    shares, shares_at = await shares_by_epoch(connection, view.experiment)
    return Sums(
        units=units,
        metrics=sums | said,
        left_out=missing,
        shares=shares,
        shares_at=shares_at,
        lacking=lacking,
    )


async def lacking_by_metric(
    connection: Connection, view: View, units: Mapping[str, ArmUnits]
) -> dict[str, Sequence[Lacking]]:
    """Return what of each metric's units is left out, since calls have no price, or no tokens."""
    known: dict[tuple[Lack, float], Lacking] = {}
    found: dict[str, Sequence[Lacking]] = {}
    for metric in view.experiment.metrics:
        lacks: list[Lack] = [
            lack for lack in lacks_of(metric) if any(each.lacking.get(lack) for each in units.values())
        ]
        for lack in lacks:
            place = lack, metric.arrives_s
            if place not in known:
                known[place] = await _lacking(connection, view, units, place)
        if lacks:
            found[metric.name] = [known[lack, metric.arrives_s] for lack in lacks]
    return found


async def _lacking(
    connection: Connection, view: View, units: Mapping[str, ArmUnits], of: tuple[Lack, float]
) -> Lacking:
    lack, wait_s = of
    step = step_s(min(each.first_at for each in units.values()), max(each.last_at for each in units.values()))
    asked = view.parameters() | {"step_s": step, "until": view.matured(wait_s)}
    came: dict[str, dict[int, tuple[int, int]]] = {}
    cursor = await connection.execute(QUERIES.units_lacking, asked)
    for arm, place, count, *without in await cursor.fetchall():
        came.setdefault(arm, {})[place] = count, without[lack == "tokens"]
    targets: dict[str, tuple[str, ...]] = {}
    if lack == "price":
        cursor = await connection.execute(QUERIES.targets_unpriced, view.parameters())
        for arm, target in await cursor.fetchall():
            targets[arm] = (*targets.get(arm, ()), target)
    return lacking_of(view.experiment, lack, came, step, targets)


async def _of_ratios(
    connection: Connection,
    found: Defined,
    view: View,
    metric: Metric,
    of: tuple[Mapping[str, ArmUnits], Sequence[Lacking]],
) -> tuple[dict[str, ArmSums], dict[str, LeftOut]]:
    """What units have of one sum, beside what divides it; of feedback, who said nothing has 0 there."""
    units, lacking = of
    cuts: list[datetime] = []
    parameters = {**view.parameters(), "cuts": cuts, "until": view.matured(metric.arrives_s)}
    rows, left_out = await ratio_rows(connection, found, view, metric, parameters | out_of(lacking))
    arms: dict[str, dict[int, Moments]] = {}
    ends: dict[str, list[float]] = {}
    for arm, _, epoch, low, high, *row in rows:
        arms.setdefault(arm, {})[epoch] = moments_in(row)
        ends.setdefault(arm, []).extend((low, high))
    sums: dict[str, ArmSums] = {}
    for arm in view.experiment.arms:
        epochs = arms.get(arm.name, {})
        sums[arm.name] = ArmSums(
            moments=pooled(epochs.values()),
            complete=units[arm.name].complete_after(metric.arrives_s) if arm.name in units else 0,
            epochs=epochs_in_order(view.experiment, epochs),
            low=min(ends.get(arm.name, []), default=None),
            high=max(ends.get(arm.name, []), default=None),
        )
    return sums, left_out


async def ratio_rows(
    connection: Connection, found: Defined, view: View, metric: Metric, parameters: Mapping[str, Any]
) -> tuple[Sequence[Sequence[Any]], dict[str, LeftOut]]:
    """Return the sums of a ratio by arm, time and epoch, of units that lack nothing it reads; and what of the
    feedback in it doesn't count."""
    above = msgspec.structs.replace(metric, name="above", per="", feedback=metric.feedback or metric.name)
    below = msgspec.structs.replace(metric, name="below", per="", measure="feedback", feedback=metric.per)
    said_of = [above] if metric.measure == "feedback" else []
    said_of += [below] if metric.per in metric.feedbacks else []
    joins: list[LiteralString] = []
    asked = dict(parameters)
    left_out: dict[str, LeftOut] = {}
    if said_of:
        said, missing = await kinds_of_feedback(connection, view, said_of, found.started_at)
        if missing:
            left_out[metric.name] = _together(missing.values())
        if not said:
            return [], left_out
        asked |= named(view, said_of)
        joins.append(with_parts(QUERIES.with_feedback, said))
    if metric.per == SESSIONS:
        joins.append(QUERIES.with_sessions)
    space: LiteralString = " "
    statement = with_parts(QUERIES.ratios, "").replace("[joins]", space.join(joins))
    statement = statement.replace("[known]", is_known(metric) or "true")
    statement = statement.replace("[numerator]", _OF_UNIT[metric.measure])
    divisor = _OF_UNIT.get(metric.per, "coalesce(said.below, 0)::float8")
    cursor = await connection.execute(statement.replace("[denominator]", divisor), asked, prepare=False)
    return await cursor.fetchall(), left_out


def _together(each: Iterable[LeftOut]) -> LeftOut:
    """What of several names does not count."""
    known = list(each)
    return LeftOut(
        texts=sum(one.texts for one in known),
        infinite=sum(one.infinite for one in known),
        future=sum(one.future for one in known),
    )
