"""What a report is made of, asked of the database: sums by arm, of units that were watched for the window.

Every question takes project_ids: who sees a project sees its units alone. Read next: `experiments.reporting`,
`experiments/queries.sql`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import msgspec

from headgate.experiments.analysis import ArmSums
from headgate.experiments.definitions import QUERIES
from headgate.experiments.model import Experiment, Metric, UnitKind
from headgate.experiments.moments import LARGEST, NOTHING, Moments
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

RECENT: Final = timedelta(days=7)
MOMENTS: Final = ("n", "y", "x", "yy", "xy", "xx", "yyy", "yyx", "yxx", "xxx")
"""The columns of the part `moments`, before the lowest and highest y."""

_OWN: Final[dict[UnitKind, tuple[str, ...]]] = {
    "user": ("user",),
    "session": ("session",),
    "trace": ("trace", "span", "business_id"),
    "call": ("request",),
}
"""Subjects of feedback that name a unit themselves."""


class Defined(msgspec.Struct, frozen=True, kw_only=True):
    """A version as it was written down."""

    experiment: Experiment
    started_at: datetime
    changed_at: datetime | None
    decided_at: datetime | None


class ArmUnits(msgspec.Struct, frozen=True, kw_only=True):
    """The units of an arm. `recent` are of the last seven days; of the `complete` the window is over."""

    arm: str
    units: int
    complete: int
    calls: int
    crossed: int
    unpriced: int
    recent: int
    first_at: datetime
    last_at: datetime


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback of a name that does not count: texts, what has no finite size, what is of the future."""

    texts: int
    infinite: int
    future: int


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at: a version, as it was at a time, in some projects (None: all)."""

    experiment: Experiment
    now: datetime
    project_ids: tuple[str, ...] | None

    def parameters(self) -> dict[str, Any]:
        """Return them as the statements take them."""
        experiment = self.experiment
        return {
            "version": experiment.version,
            "project_ids": None if self.project_ids is None else list(self.project_ids),
            "matured": self.now - timedelta(seconds=experiment.window_s),
            "recent": self.now - RECENT,
            "now": self.now,
            "unit": experiment.unit,
            "own": list(_OWN[experiment.unit]),
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
        )
        for _, _, definition, started_at, changed_at, decided_at in await cursor.fetchall()
    ]


async def units_by_arm(connection: Connection, view: View) -> dict[str, ArmUnits]:
    """Return how many units each arm has."""
    rows = await fetch_rows(connection, QUERIES.units_by_arm, view.parameters())
    return {row["arm"]: ArmUnits(**row) for row in rows}


async def strays(connection: Connection, view: View) -> int:
    """Return how many calls were in no arm, since their unit was not known."""
    cursor = await connection.execute(QUERIES.strays, view.parameters())
    row = await cursor.fetchone()
    return int(row[0]) if row is not None else 0


async def sums_of(
    connection: Connection, view: View, metric: Metric, units: dict[str, ArmUnits]
) -> dict[str, ArmSums]:
    """Return what a metric comes to in each arm."""
    parameters = view.parameters()
    if metric.measure == "feedback":
        parameters |= {"name": metric.name, "kind": metric.kind}
        statement = with_parts(QUERIES.feedback_by_arm)
    else:
        parameters["measure"] = metric.measure
        statement = with_parts(QUERIES.calls_by_arm)
    cursor = await connection.execute(statement, parameters)
    found = {row[0]: row[1:] for row in await cursor.fetchall()}
    return {arm.name: _sums(metric, found.get(arm.name), units.get(arm.name)) for arm in view.experiment.arms}


async def left_out(connection: Connection, view: View, metric: Metric, began: datetime) -> LeftOut:
    """Return what feedback of a metric's name does not count, and why."""
    parameters = {**view.parameters(), "name": metric.name, "began": began}
    cursor = await connection.execute(QUERIES.feedback_left_out, parameters)
    row = await cursor.fetchone()
    assert row is not None
    return LeftOut(texts=row[0], infinite=row[1], future=row[2])


def with_parts(statement: LiteralString) -> LiteralString:
    """Put the parts that statements share in their places."""
    whole = statement.replace("[feedback_by_unit]", QUERIES.feedback_by_unit)
    return whole.replace("[said_of_units]", QUERIES.said_of_units).replace("[moments]", QUERIES.moments)


def _sums(metric: Metric, row: Sequence[Any] | None, units: ArmUnits | None) -> ArmSums:
    complete = units.complete if units is not None else 0
    moments, low, high = NOTHING, None, None
    if row is not None:
        moments = Moments(**dict(zip(MOMENTS, row[:10], strict=True)))
        low, high = row[10], row[11]
    if metric.measure == "feedback" and metric.kind != "answer":
        # Who was silent counts as 0.
        moments = moments.with_zeros(complete - moments.n)
    return ArmSums(moments=moments, complete=complete, low=low, high=high)
