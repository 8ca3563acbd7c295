"""The route that says how many units an experiment takes, before it begins.

Read next: `experiments.planning`.
"""

from datetime import datetime, timedelta

from litestar import post
from litestar.params import JSONBody

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Time
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest
from headgate.core.pages import now_of
from headgate.experiments.definitions import QUERIES
from headgate.experiments.moments import LARGEST
from headgate.experiments.planning import Plan, PlanRequest, Recorded, plan
from headgate.experiments.reading import OWN
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

DAY_S = 86400.0


@post("/planning", status_code=200, tags=["experiments"], opt={"grant": grant("experiments:read")})
async def plan_experiment(
    caller: CallerKey, database: Store, clock: Time, data: JSONBody[PlanRequest]
) -> Plan:
    """Say how many units an experiment takes until an effect shows, by how one looks, and how many days.

    What units vary by is given, or measured on recorded feedback; an admin plans with all calls, others with
    those of their own project.
    """
    projects = visible(caller).project_ids
    async with database.connection() as connection:
        recorded = await recorded_units(connection, data, now=now_of(clock), project_ids=projects)
    return plan(data, recorded)


async def recorded_units(
    connection: Connection, asked: PlanRequest, *, now: datetime, project_ids: tuple[str, ...] | None
) -> Recorded:
    """Return how many units the calls of the last days had, and what those said whose window is over."""
    if asked.metric is not None and asked.window_s >= asked.days * DAY_S:
        raise InvalidRequest(
            f"no window of {asked.window_s / DAY_S:g} days ends within the last {asked.days} days; look at "
            "more days, or give a shorter window"
        )
    begin = now - timedelta(days=asked.days)
    parameters = {
        "project_ids": None if project_ids is None else list(project_ids),
        "unit": asked.unit,
        "own": list(OWN[asked.unit]),
        "kind": asked.kind,
        "names": [] if asked.metric is None else [asked.metric],
        "model": asked.model,
        "first_day": begin.date(),
        "begin": begin,
        "now": now,
        "matured": now - timedelta(seconds=asked.window_s),
        "window_s": asked.window_s,
        "largest": LARGEST,
    }
    await connection.execute(QUERIES.have_room)
    statement = QUERIES.recorded_units.replace("[counting]", QUERIES.counting)
    (row,) = await fetch_rows(connection, statement, parameters)
    # Of a server that began yesterday, not as if nobody had come in the weeks before.
    first_at: datetime = row["first_at"] or now
    days = max(1.0, (now - first_at).total_seconds() / DAY_S)
    is_measured = asked.metric is not None and row["measured"] > 0
    return Recorded(
        units=row["units"],
        complete=row["complete"],
        measured=row["measured"] if asked.metric is not None else 0,
        per_day=row["units"] / days,
        mean=row["mean"] if is_measured else None,
        deviation=row["deviation"] if is_measured else None,
    )
