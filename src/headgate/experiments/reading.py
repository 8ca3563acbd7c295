"""What a report is made of, asked of the database: sums by arm, of units that were watched for the window.

Units and all measures of the records take one scan, all feedback another: a further metric adds none. Every
question takes project_ids: who sees a project sees its units alone. Read next: `experiments.reporting`,
`experiments/queries.sql`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import msgspec

from headgate.experiments.analysis import ArmSums
from headgate.experiments.definitions import QUERIES
from headgate.experiments.model import Experiment, Measure, Metric, UnitKind
from headgate.experiments.moments import LARGEST, NOTHING, Moments, pooled
from headgate.experiments.unpriced import Unpriced
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

RECENT: Final = timedelta(days=7)

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

_CALLS: Final[dict[Measure, LiteralString]] = {
    "tokens": "case when tokens is not null then calls::float8 end",
    "output_tokens": "case when output_tokens is not null then calls::float8 end",
}
"""The other value, where units that came before something was kept have none of either."""

_COUNTS: Final = 8
_MOMENTS: Final = 10
"""How many columns units and moments have in a row."""


class Defined(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it was written down."""

    experiment: Experiment
    started_at: datetime
    changed_at: datetime | None
    decided_at: datetime | None
    expired_at: datetime | None
    """Since when some of its units are gone, by the retention of their project."""


class ArmUnits(msgspec.Struct, frozen=True, kw_only=True):
    """The units of an arm. `recent` are of the last seven days; of the `complete` the window is over, and
    what may come late is here."""

    arm: str
    units: int
    complete: int
    calls: int
    crossed: int
    unpriced: int
    recent: int
    first_at: datetime
    last_at: datetime
    counted: Unpriced
    """The calls of its complete units."""
    epochs: dict[int, tuple[int, int]]
    """How many units came in each epoch, and how many of them are complete."""


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
    unpriced: dict[str, Unpriced] = {}
    """By arm, where costs are compared."""


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """Units of an arm by one metric, which said something before or did not."""

    name: str
    arm: str
    epoch: int
    is_known: bool
    low: float
    high: float
    moments: Moments


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

    def parameters(self) -> dict[str, Any]:
        """Return them as the statements take them."""
        experiment = self.experiment
        return {
            "version": experiment.version,
            "project_ids": None if self.project_ids is None else list(self.project_ids),
            "matured": self.now - timedelta(seconds=experiment.complete_s),
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


async def read_sums(connection: Connection, found: Defined, view: View) -> Sums:
    """Return what all metrics come to in each arm."""
    await connection.execute(QUERIES.have_room)
    metrics = [each for each in view.experiment.metrics if not each.reads]
    units, sums = await _of_records(connection, view, metrics)
    said, missing = await _of_feedback(connection, found, view, units)
    for metric in view.experiment.metrics:
        if metric.per:
            sums[metric.name], of_name = await _of_costs(connection, found, view, metric)
            missing |= of_name
    shares = await shares_by_epoch(connection, view.experiment)
    unpriced = await unpriced_by_arm(connection, view, units)
    return Sums(units=units, metrics=sums | said, left_out=missing, shares=shares, unpriced=unpriced)


async def unpriced_by_arm(
    connection: Connection, view: View, units: Mapping[str, ArmUnits]
) -> dict[str, Unpriced]:
    """Return the arms of which calls that count have no price, or no tokens, that a metric reads."""
    measures = {metric.measure for metric in view.experiment.metrics}
    lacking = {
        arm: each.counted
        for arm, each in units.items()
        if any(each.counted.lacking(measure) for measure in measures)
    }
    if not lacking:
        return {}
    cursor = await connection.execute(QUERIES.targets_unpriced, view.parameters())
    rows = await cursor.fetchall()
    return {
        arm: msgspec.structs.replace(each, targets=tuple([target for name, target in rows if name == arm]))
        for arm, each in lacking.items()
    }


async def shares_by_epoch(connection: Connection, experiment: Experiment) -> list[dict[str, float]]:
    """Return each epoch's shares, as parts of 1; the first are those of the file."""
    total = sum(arm.share for arm in experiment.arms)
    found = [{arm.name: arm.share / total for arm in experiment.arms}]
    if experiment.adaptive is not None:
        cursor = await connection.execute(QUERIES.list_epochs, {"version": experiment.version})
        found += [shares for _, shares, _ in await cursor.fetchall()]
    return found


async def strays(connection: Connection, view: View) -> int:
    """Return how many calls were in no arm, since their unit was not known."""
    cursor = await connection.execute(QUERIES.strays, view.parameters())
    row = await cursor.fetchone()
    return int(row[0]) if row is not None else 0


async def units_by_arm(connection: Connection, view: View) -> dict[str, ArmUnits]:
    """Return how many units each arm has."""
    units, _ = await _of_records(connection, view, ())
    return units


async def kinds_of_feedback(
    connection: Connection, view: View, metrics: Sequence[Metric], began: datetime
) -> tuple[LiteralString, dict[str, LeftOut]]:
    """Return where feedback of these metrics is found, empty where there is none; and what doesn't count."""
    parameters = {**view.parameters(), **named(metrics), "began": began}
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


async def _of_records(
    connection: Connection, view: View, metrics: Sequence[Metric]
) -> tuple[dict[str, ArmUnits], dict[str, dict[str, ArmSums]]]:
    moments: list[LiteralString] = [
        _moments(_COLUMNS[each.measure], _CALLS.get(each.measure, "calls::float8")) for each in metrics
    ]
    statement = QUERIES.units_by_arm.replace("[measures]", ", ".join(["", *moments]))
    cursor = await connection.execute(statement, view.parameters(), prepare=False)
    units: dict[str, ArmUnits] = {}
    found: dict[str, dict[str, dict[int, Moments]]] = {metric.name: {} for metric in metrics}
    for arm, is_complete, epoch, *row in await cursor.fetchall():
        units[arm] = _counted(arm, epoch, row[:_COUNTS], units.get(arm), is_complete=is_complete)
        for place, metric in enumerate(metrics if is_complete else ()):
            begins = _COUNTS + place * _MOMENTS
            found[metric.name].setdefault(arm, {})[epoch] = moments_of(row[begins : begins + _MOMENTS])
    sums = {
        name: {
            arm.name: ArmSums(
                moments=pooled(arms.get(arm.name, {}).values()),
                complete=units[arm.name].complete if arm.name in units else 0,
                epochs=_epochs(view.experiment, arms.get(arm.name, {})),
            )
            for arm in view.experiment.arms
        }
        for name, arms in found.items()
    }
    return units, sums


async def _of_feedback(
    connection: Connection, found: Defined, view: View, units: dict[str, ArmUnits]
) -> tuple[dict[str, dict[str, ArmSums]], dict[str, LeftOut]]:
    metrics = [metric for metric in view.experiment.metrics if metric.measure == "feedback"]
    if not metrics:
        return {}, {}
    said, missing = await kinds_of_feedback(connection, view, metrics, found.started_at)
    rows: list[_Said] = []
    if said:
        statement = with_parts(QUERIES.feedback_by_arm, said)
        parameters = view.parameters() | named(metrics)
        cursor = await connection.execute(statement, parameters, prepare=False)
        rows = [
            _Said(
                name=name, arm=arm, epoch=epoch, is_known=known, low=low, high=high, moments=moments_of(row)
            )
            for name, arm, epoch, known, low, high, *row in await cursor.fetchall()
        ]
    sums: dict[str, dict[str, ArmSums]] = {}
    for metric in metrics:
        of_metric = [row for row in rows if row.name == metric.name]
        middle = _middle(row.moments for row in of_metric if row.is_known)
        sums[metric.name] = {
            arm.name: _sums(
                view.experiment,
                metric,
                [row for row in of_metric if row.arm == arm.name],
                middle,
                units.get(arm.name),
            )
            for arm in view.experiment.arms
        }
    return sums, missing


async def _of_costs(
    connection: Connection, found: Defined, view: View, metric: Metric
) -> tuple[dict[str, ArmSums], dict[str, LeftOut]]:
    """What units cost, beside the feedback that this is divided by; units that said nothing are 0 there."""
    divisor = msgspec.structs.replace(metric, name=metric.per)
    said, missing = await kinds_of_feedback(connection, view, [divisor], found.started_at)
    arms: dict[str, Moments] = {}
    if said:
        parameters = view.parameters() | named([divisor])
        statement = with_parts(QUERIES.cost_by_feedback, said)
        cursor = await connection.execute(statement, parameters, prepare=False)
        arms = {arm: moments_of(row) for arm, *row in await cursor.fetchall()}
    sums = {
        arm.name: ArmSums(
            moments=arms.get(arm.name, NOTHING), complete=arms[arm.name].n if arm.name in arms else 0
        )
        for arm in view.experiment.arms
    }
    return sums, {metric.name: missing[metric.per]} if metric.per in missing else {}


def with_parts(statement: LiteralString, said: LiteralString) -> LiteralString:
    """Put the parts that statements on feedback share in their places."""
    whole = statement.replace("[feedback_by_unit]", QUERIES.feedback_by_unit)
    whole = whole.replace("[moments]", _moments("y", "x"))
    return whole.replace("[said]", said).replace("[counting]", QUERIES.counting)


def moments_of(row: Sequence[Any]) -> Moments:
    """Return the moments that a statement made: nulls where there is nothing."""
    n, *sums = (value or 0 for value in row)
    if not n:
        return NOTHING
    y, x, yy, xy, xx, *cubic = sums
    yyy, yyx, yxx, xxx = (value / n for value in cubic)
    return Moments(n=n, y=y, x=x, yy=yy, xy=xy, xx=xx, yyy=yyy, yyx=yyx, yxx=yxx, xxx=xxx)


def _moments(y: LiteralString, x: LiteralString) -> LiteralString:
    return QUERIES.moments.replace("[y]", y).replace("[x]", x)


def named(metrics: Sequence[Metric]) -> dict[str, list[str]]:
    """Return metrics as statements on feedback take them."""
    return {
        "metrics": [metric.name for metric in metrics],
        "names": [metric.reads for metric in metrics],
        "kinds": [metric.kind for metric in metrics],
    }


def _counted(
    arm: str, epoch: int, row: Sequence[Any], before: ArmUnits | None, *, is_complete: bool
) -> ArmUnits:
    units, calls, crossed, unpriced, uncounted, recent, first_at, last_at = row
    complete = units if is_complete else 0
    counted = Unpriced(calls=0, unpriced=0)
    if is_complete:
        counted = Unpriced(calls=calls, unpriced=unpriced, uncounted=uncounted)
    if before is None:
        return ArmUnits(
            arm=arm,
            units=units,
            complete=complete,
            calls=calls,
            crossed=crossed,
            unpriced=unpriced,
            recent=recent,
            counted=counted,
            first_at=first_at,
            last_at=last_at,
            epochs={epoch: (units, complete)},
        )
    known = before.epochs.get(epoch, (0, 0))
    return ArmUnits(
        arm=arm,
        units=units + before.units,
        complete=complete + before.complete,
        calls=calls + before.calls,
        crossed=crossed + before.crossed,
        unpriced=unpriced + before.unpriced,
        recent=recent + before.recent,
        counted=counted.joined(before.counted),
        first_at=min(first_at, before.first_at),
        last_at=max(last_at, before.last_at),
        epochs={**before.epochs, epoch: (units + known[0], complete + known[1])},
    )


def _middle(known: Iterable[Moments]) -> float:
    arms = list(known)
    units = sum(each.n for each in arms)
    return math.fsum(each.n * each.x for each in arms) / units if units else 0.0


def _epochs(experiment: Experiment, known: dict[int, Moments]) -> tuple[Moments, ...]:
    """The moments of each epoch up to the last one that has any; none where shares don't move."""
    if experiment.adaptive is None or not known:
        return ()
    return tuple([known.get(epoch, NOTHING) for epoch in range(max(known) + 1)])


def _sums(
    experiment: Experiment, metric: Metric, rows: Sequence[_Said], middle: float, units: ArmUnits | None
) -> ArmSums:
    """A unit that said nothing before has the mean of those that did."""
    epochs: dict[int, Moments] = {}
    for row in rows:
        told = row.moments if row.is_known else row.moments.with_x(middle)
        epochs[row.epoch] = epochs.get(row.epoch, NOTHING).joined(told)
    if metric.kind != "answer" and units is not None:
        # Who was silent counts as 0.
        for epoch, (_, complete) in units.epochs.items():
            moments = epochs.get(epoch, NOTHING)
            epochs[epoch] = moments.with_zeros(complete - moments.n)
    return ArmSums(
        moments=pooled(epochs.values()),
        complete=units.complete if units is not None else 0,
        epochs=_epochs(experiment, epochs),
        low=min((row.low for row in rows), default=None),
        high=max((row.high for row in rows), default=None),
    )
