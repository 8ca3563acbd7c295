"""What a report is made of, asked of the database: sums by arm, of units that are complete for each metric.

Units and all measures of the records take one scan, all feedback another: a further metric adds none. Every
question takes project_ids: who sees a project sees its units alone. Read next: `experiments.ratios`,
`experiments.reporting`, `experiments/queries.sql`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString, TypeVar, cast

import msgspec

from headgate.experiments.analysis import ArmSums
from headgate.experiments.definitions import QUERIES
from headgate.experiments.lacking import Lack, Lacking, lacks_of
from headgate.experiments.model import Experiment, Measure, Metric, UnitKind
from headgate.statistics.moments import LARGEST, NOTHING, Moments, pooled
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

RECENT: Final = timedelta(days=7)
Counted = TypeVar("Counted", bound="int | Lack")

OWN: Final[dict[UnitKind, tuple[str, ...]]] = {
    "user": ("user",),
    "session": ("session",),
    "trace": ("trace", "span", "business_id"),
    "call": ("request",),
}
"""Subjects of feedback that name a unit themselves."""

_ELSEWHERE: Final[tuple[tuple[frozenset[str], LiteralString], ...]] = (
    (frozenset({"request"}), QUERIES.said_of_calls),
    (frozenset({"trace", "span", "business_id"}), QUERIES.said_of_traces),
    (frozenset({"session"}), QUERIES.said_of_sessions),
)
"""Subjects that name what belongs to a unit, and how it is found."""

_COLUMNS: Final[dict[Measure, LiteralString]] = {
    "cost": "cost_usd_float",
    "latency": "duration_ms",
    "errors": "errors::float8",
    "refusals": "refusals::float8",
    "tokens": "tokens::float8",
    "output_tokens": "output_tokens::float8",
}
"""What is summed up of each unit; its calls are the other value."""

_IS_KNOWN: Final[dict[Lack, LiteralString]] = {
    "price": "unpriced = 0",
    "tokens": "uncounted = 0 and tokens is not null",
}
"""Which units have what a metric reads; those that came before tokens were kept have none."""

_IS_IN: Final[dict[Lack, LiteralString]] = {
    "price": "not first_at <@ %(out_price)s::tstzmultirange",
    "tokens": "not first_at <@ %(out_tokens)s::tstzmultirange",
}
"""Which of them came when not all were left out."""

_PAST_BY_CALL: Final[dict[Measure, LiteralString]] = {
    "cost": "past_cost_usd / past_calls",
    "latency": "past_call_ms",
    "errors": "past_error_rate",
}
"""What is known by call of the time before a unit's first exposure."""

_COUNTS: Final = 9
_MOMENTS: Final = 10
_PAST_MOMENTS: Final = 5
"""How many columns units, moments and those of a third value have in a row."""


class Defined(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it was written down."""

    experiment: Experiment
    started_at: datetime
    changed_at: datetime | None
    decided_at: datetime | None
    expired_at: datetime | None
    """Since when some of its units are gone, by the retention of their project."""


class ArmUnits(msgspec.Struct, frozen=True, kw_only=True):
    """The units of an arm. `recent` are of the last seven days."""

    arm: str
    units: int
    calls: int
    crossed: int
    unpriced: int
    recent: int
    first_at: datetime
    last_at: datetime
    lacking: Mapping[Lack, int]
    """How many of its complete units have calls without a price, or without tokens."""
    epochs: dict[int, int]
    """How many units came in each epoch."""
    matured: dict[float, dict[int, int]]
    """How many of each epoch are complete, by how long one waits beyond the window for what comes late."""

    @property
    def complete(self) -> int:
        """Those whose window is over."""
        return self.complete_after(0.0)

    def complete_after(self, wait_s: float) -> int:
        """Return how many are complete for metrics that wait so long."""
        return sum(self.matured.get(wait_s, {}).values())


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback of a name that does not count: texts, what has no finite size, what is of the future."""

    texts: int
    infinite: int
    future: int


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report needs: units by arm, sums by metric and arm, and what of a metric doesn't count."""

    units: dict[str, ArmUnits]
    metrics: dict[str, dict[str, ArmSums]]
    left_out: dict[str, LeftOut]
    shares: list[dict[str, float]] = []
    """Those of each epoch so far; one of them where they do not move."""
    shares_at: list[datetime] = []
    """When each epoch after the first began."""
    lacking: Mapping[str, Sequence[Lacking]] = {}
    """By metric, what of its units is left out."""


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an arm by one metric, of which something is known from before or is not."""

    name: str
    arm: str
    epoch: int
    is_known: bool
    moments: Moments
    low: float | None = None
    high: float | None = None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at: a version, as it was at a time, in some projects (None: all)."""

    experiment: Experiment
    now: datetime
    project_ids: tuple[str, ...] | None

    @property
    def projects(self) -> list[str] | None:
        """The projects that it can have calls of, and that are looked at; None: all."""
        of_experiment = self.experiment.projects
        if of_experiment is None or self.project_ids is None:
            both = self.project_ids if of_experiment is None else of_experiment
            return None if both is None else list(both)
        return [each for each in of_experiment if each in self.project_ids]

    def matured(self, wait_s: float) -> datetime:
        """Return when units came at the latest that are complete for metrics that wait so long."""
        return self.now - timedelta(seconds=self.experiment.window_s + wait_s)

    def parameters(self) -> dict[str, Any]:
        """Return them as the statements take them."""
        experiment = self.experiment
        return {
            "version": experiment.version,
            "project_ids": None if self.project_ids is None else list(self.project_ids),
            "over": self.matured(0.0),
            "recent": self.now - RECENT,
            "now": self.now,
            "unit": experiment.unit,
            "own": list(OWN[experiment.unit]),
            "window_s": experiment.window_s,
            "largest": LARGEST,
        }


async def defined(connection: Connection, name: str | None = None) -> list[Defined]:
    """Return the versions that there ever were, of one name or of all; the last of each first."""
    cursor = await connection.execute(QUERIES.list_experiments, {"name": name})
    return [
        Defined(
            experiment=msgspec.json.decode(definition, type=Experiment),
            started_at=started_at,
            changed_at=changed_at,
            decided_at=decided_at,
            expired_at=expired_at,
        )
        for _, _, definition, started_at, changed_at, decided_at, expired_at in await cursor.fetchall()
    ]


async def shares_by_epoch(
    connection: Connection, experiment: Experiment
) -> tuple[list[dict[str, float]], list[datetime]]:
    """Return each epoch's shares, as parts of 1, and when those after the first (of the file) began."""
    total = sum(arm.share for arm in experiment.arms)
    found = [{arm.name: arm.share / total for arm in experiment.arms}]
    moved: list[datetime] = []
    if experiment.adaptive is not None:
        cursor = await connection.execute(QUERIES.list_epochs, {"version": experiment.version})
        for _, shares, at in await cursor.fetchall():
            found.append(shares)
            moved.append(at)
    return found, moved


async def strays(connection: Connection, view: View) -> int:
    """Return how many calls were in no arm, since their unit was not known."""
    cursor = await connection.execute(QUERIES.strays, view.parameters())
    row = await cursor.fetchone()
    return int(row[0]) if row is not None else 0


async def units_by_arm(connection: Connection, view: View) -> dict[str, ArmUnits]:
    """Return how many units each arm has."""
    units, _ = await of_records(connection, view, ())
    return units


async def kinds_of_feedback(
    connection: Connection, view: View, metrics: Sequence[Metric], began: datetime
) -> tuple[LiteralString, dict[str, LeftOut]]:
    """Return where feedback of these metrics is found, empty where there is none; and what doesn't count."""
    parameters = {**view.parameters(), **named(view, metrics), "began": began}
    rows = await fetch_rows(connection, QUERIES.subjects_of_feedback, parameters)
    subjects = {row["subject"] for row in rows}
    own = set(OWN[view.experiment.unit])
    parts: list[LiteralString] = [part for kinds, part in _ELSEWHERE if subjects & kinds - own]
    if subjects & own:
        parts.append(QUERIES.said_by_itself)
    missing: dict[str, LeftOut] = {}
    for row in rows:
        before = missing.get(row["name"], LeftOut(texts=0, infinite=0, future=0))
        missing[row["name"]] = LeftOut(
            texts=before.texts + row["texts"],
            infinite=before.infinite + row["infinite"],
            future=before.future + row["future"],
        )
    both: LiteralString = "\n    union all\n"
    of_metrics = {each.name: missing[each.reads] for each in metrics if each.reads in missing}
    return both.join(parts), of_metrics


async def of_records(
    connection: Connection, view: View, metrics: Sequence[Metric], lacking: Sequence[Lacking] = ()
) -> tuple[dict[str, ArmUnits], dict[str, dict[str, ArmSums]]]:
    """Return the units of each arm, and what metrics of the records come to in it, but for units that came
    when all were left out."""
    out = out_of(lacking)
    moments: list[LiteralString] = [_moments(*_values(each, has_out=bool(lacking))) for each in metrics]
    waits = view.experiment.waits_s
    # Of a comparison the planner knows that it has two values: it adds up in parallel.
    stage = "first_at >= %(over)s" if len(waits) == 1 else QUERIES.stage_of_unit
    statement = QUERIES.units_by_arm.replace("[measures]", ", ".join(["", *moments])).replace(
        "[stage]", stage
    )
    parameters = view.parameters() | {"stages": [view.matured(wait_s) for wait_s in waits]} | out
    cursor = await connection.execute(statement, parameters, prepare=False)
    units: dict[str, ArmUnits] = {}
    found: dict[str, list[_Said]] = {metric.name: [] for metric in metrics}
    for arm, stage, epoch, has_past, *row in await cursor.fetchall():
        units[arm] = _counted(arm, epoch, row[:_COUNTS], units.get(arm), waits[stage:])
        begins = _COUNTS
        for metric in metrics if waits[stage:] else ():
            ends = begins + _MOMENTS + (_PAST_MOMENTS if has_third(metric) else 0)
            told = moments_in(row[begins:ends])
            found[metric.name].append(
                _Said(name=metric.name, arm=arm, epoch=epoch, is_known=has_past, moments=told)
            )
            begins = ends
    return units, {
        metric.name: _by_arm(view.experiment, metric, found[metric.name], units) for metric in metrics
    }


async def of_feedback(
    connection: Connection, found: Defined, view: View, units: dict[str, ArmUnits]
) -> tuple[dict[str, dict[str, ArmSums]], dict[str, LeftOut]]:
    """Return what metrics of feedback come to in each arm, and what of it does not count."""
    metrics = [each for each in view.experiment.metrics if each.measure == "feedback" and not each.per]
    if not metrics:
        return {}, {}
    said, missing = await kinds_of_feedback(connection, view, metrics, found.started_at)
    rows: list[_Said] = []
    if said:
        statement = with_parts(QUERIES.feedback_by_arm, said)
        parameters = view.parameters() | named(view, metrics)
        cursor = await connection.execute(statement, parameters, prepare=False)
        rows = [
            _Said(
                name=name, arm=arm, epoch=epoch, is_known=known, low=low, high=high, moments=moments_in(row)
            )
            for name, arm, epoch, known, low, high, *row in await cursor.fetchall()
        ]
    return {
        metric.name: _by_arm(view.experiment, metric, [row for row in rows if row.name == metric.name], units)
        for metric in metrics
    }, missing


def _values(metric: Metric, *, has_out: bool) -> list[LiteralString]:
    """The values of a unit by a metric of records: what is measured; what divides it, or else what it was
    before; and of a ratio what that was before. Null where a unit lacks what is read."""
    by = divisor_of(metric)
    values: list[LiteralString] = [_COLUMNS[metric.measure]]
    if by:
        values.append("calls::float8" if by == "calls" else _COLUMNS[cast("Measure", by)])
    else:
        values.append("coalesce(past_cost_usd, 0)" if metric.measure == "cost" else "0::float8")
    if has_third(metric):
        values.append(_PAST_BY_CALL[metric.measure])
    known = is_known(metric, has_out=has_out)
    return [f"case when {known} then {value} end" for value in values] if known else values


def divisor_of(metric: Metric) -> str:
    """Return which sum of the records divides a metric; empty where it is a mean of units."""
    return metric.per or ("calls" if metric.is_ratio else "")


def has_third(metric: Metric) -> bool:
    """Whether it is by call, and known of the time before, too."""
    return divisor_of(metric) == "calls" and metric.measure in _PAST_BY_CALL


def is_known(metric: Metric, *, has_out: bool = True) -> LiteralString:
    """Return the condition on a unit to have what a metric reads of calls; empty where all have it."""
    both: LiteralString = " and "
    lacks = lacks_of(metric)
    return both.join([*(_IS_KNOWN[each] for each in lacks), *(_IS_IN[each] for each in lacks if has_out)])


def out_of(lacking: Sequence[Lacking]) -> dict[str, str]:
    """Return the stretches of time as statements take them, in which all units are left out."""
    out = {"out_price": "{}", "out_tokens": "{}"}
    for each in lacking:
        ranges = [f"[{begin.isoformat()},{end.isoformat()})" for begin, end in each.stretches]
        out[f"out_{each.what}"] = "{" + ",".join(ranges) + "}"
    return out


def with_parts(statement: LiteralString, said: LiteralString) -> LiteralString:
    """Put the parts that statements on feedback share in their places."""
    whole = statement.replace("[feedback_by_unit]", QUERIES.feedback_by_unit)
    whole = whole.replace("[moments], [past_moments]", _moments("y", "x", "z"))
    whole = whole.replace("[moments]", _moments("y", "x"))
    return whole.replace("[said]", said).replace("[counting]", QUERIES.counting)


def moments_in(row: Sequence[Any]) -> Moments:
    """Return the moments that a statement made, of two values or three: nulls where there is nothing."""
    n, *sums = (value or 0 for value in row)
    if not n:
        return NOTHING
    y, x, yy, xy, xx, *cubes = sums[:9]
    yyy, yyx, yxx, xxx = (value / n for value in cubes)
    two = Moments(n=n, y=y, x=x, yy=yy, xy=xy, xx=xx, yyy=yyy, yyx=yyx, yxx=yxx, xxx=xxx)
    if not sums[9:]:
        return two
    z, zz, yz, xz, zzz = sums[9:]
    return msgspec.structs.replace(two, z=z, zz=zz, yz=yz, xz=xz, zzz=zzz / n)


def _moments(y: LiteralString, x: LiteralString, z: LiteralString = "") -> LiteralString:
    told = f"{QUERIES.moments}, {QUERIES.past_moments}" if z else QUERIES.moments
    return told.replace("[y]", y).replace("[x]", x).replace("[z]", z)


def named(view: View, metrics: Sequence[Metric]) -> dict[str, Any]:
    """Return metrics as statements on feedback take them."""
    return {
        "matured": [view.matured(metric.arrives_s) for metric in metrics],
        "metrics": [metric.name for metric in metrics],
        "names": [metric.reads for metric in metrics],
        "kinds": [metric.kind for metric in metrics],
    }


def _counted(
    arm: str, epoch: int, row: Sequence[Any], before: ArmUnits | None, waits: Sequence[float]
) -> ArmUnits:
    """Add units that are complete for metrics that wait so long, none where they are for none."""
    units, calls, crossed, unpriced, without_price, without_tokens, recent, first_at, last_at = row
    found = ArmUnits(
        arm=arm,
        units=units,
        calls=calls,
        crossed=crossed,
        unpriced=unpriced,
        recent=recent,
        lacking={"price": without_price, "tokens": without_tokens} if waits else {},
        first_at=first_at,
        last_at=last_at,
        epochs={epoch: units},
        matured={wait_s: {epoch: units} for wait_s in waits},
    )
    return found if before is None else _joined(before, found)


def _joined(one: ArmUnits, other: ArmUnits) -> ArmUnits:
    return ArmUnits(
        arm=one.arm,
        units=one.units + other.units,
        calls=one.calls + other.calls,
        crossed=one.crossed + other.crossed,
        unpriced=one.unpriced + other.unpriced,
        recent=one.recent + other.recent,
        lacking=_added(one.lacking, other.lacking),
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
        epochs=_added(one.epochs, other.epochs),
        matured={
            wait_s: _added(one.matured.get(wait_s, {}), other.matured.get(wait_s, {}))
            for wait_s in {*one.matured, *other.matured}
        },
    )


def _added(one: Mapping[Counted, int], other: Mapping[Counted, int]) -> dict[Counted, int]:
    return {each: one.get(each, 0) + other.get(each, 0) for each in {*one, *other}}


def middle_of(metric: Metric, known: Iterable[Moments]) -> float:
    """Return the mean of what units did or said before, of those of which that is known."""
    arms = list(known)
    units = sum(each.n for each in arms)
    return (
        math.fsum(each.n * (each.z if metric.is_ratio else each.x) for each in arms) / units if units else 0.0
    )


def imputed(metric: Metric, moments: Moments, middle: float) -> Moments:
    """Return the moments of units of which nothing is known from before: they have the mean of the others."""
    return moments.with_z(middle) if metric.is_ratio else moments.with_x(middle)


def _by_arm(
    experiment: Experiment, metric: Metric, rows: Sequence[_Said], units: Mapping[str, ArmUnits]
) -> dict[str, ArmSums]:
    middle = middle_of(metric, [row.moments for row in rows if row.is_known])
    return {
        arm.name: _sums(
            experiment, metric, [row for row in rows if row.arm == arm.name], middle, units.get(arm.name)
        )
        for arm in experiment.arms
    }


def epochs_in_order(experiment: Experiment, known: dict[int, Moments]) -> tuple[Moments, ...]:
    """Return the moments of each epoch up to the last one that has any; none where shares don't move."""
    if experiment.adaptive is None or not known:
        return ()
    return tuple([known.get(epoch, NOTHING) for epoch in range(max(known) + 1)])


def _sums(
    experiment: Experiment, metric: Metric, rows: Sequence[_Said], middle: float, units: ArmUnits | None
) -> ArmSums:
    epochs: dict[int, Moments] = {}
    for row in rows:
        told = row.moments if row.is_known else imputed(metric, row.moments, middle)
        epochs[row.epoch] = epochs.get(row.epoch, NOTHING).joined(told)
    if metric.measure == "feedback" and metric.kind != "answer" and units is not None:
        # Who was silent counts as 0.
        for epoch, complete in units.matured.get(metric.arrives_s, {}).items():
            moments = epochs.get(epoch, NOTHING)
            epochs[epoch] = moments.with_zeros(complete - moments.n)
    return ArmSums(
        moments=pooled(epochs.values()),
        complete=units.complete_after(metric.arrives_s) if units is not None else 0,
        epochs=epochs_in_order(experiment, epochs),
        low=min((row.low for row in rows if row.low is not None), default=None),
        high=max((row.high for row in rows if row.high is not None), default=None),
    )
