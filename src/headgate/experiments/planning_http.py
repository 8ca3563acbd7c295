"""The route that says how many units an experiment takes, before it begins.

Read next: `experiments.planning`.
"""

from datetime import datetime, timedelta
from typing import Final, LiteralString

from litestar import post
from litestar.params import JSONBody

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Time
from headgate.access.roles import visible
from headgate.core.call import TOKENS_IN, TOKENS_OUT
from headgate.core.entries import CLIENT_CLOSED, REFUSED
from headgate.core.faults import InvalidRequest
from headgate.core.pages import now_of
from headgate.experiments.definitions import QUERIES
from headgate.experiments.model import SESSIONS, Metric
from headgate.experiments.planning import Plan, PlanRequest, Recorded, check_ratio, plan
from headgate.experiments.reading import OWN
from headgate.statistics.moments import LARGEST
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

DAY_S = 86400.0

_OF_UNIT: Final[dict[str, LiteralString]] = {
    "feedback": "coalesce(h.above, 0)",
    "calls": "d.calls",
    "cost": "d.cost",
    "latency": "d.latency",
    "errors": "d.errors",
    "refusals": "d.refusals",
    "tokens": "d.tokens",
    "output_tokens": "d.output_tokens",
    SESSIONS: "d.sessions",
}
"""The sums of a unit's calls and feedback, as metrics of experiments have them."""
_OF_CALLS: Final = {
    "tokens_in": [*TOKENS_IN],
    "tokens_out": [*TOKENS_OUT],
    "client_closed": CLIENT_CLOSED,
    "refused": REFUSED,
}
"""What of a call is a token, an error, a refusal: as the sink counts them."""


@post("/planning", status_code=200, tags=["experiments"], opt={"grant": grant("experiments:read")})
async def plan_experiment(
    caller: CallerKey, database: Store, clock: Time, data: JSONBody[PlanRequest]
) -> Plan:
    """Say how many units an experiment takes until an effect shows, by how one looks, and how many days.

    What units vary by is given, or measured on recorded feedback, sums of calls, or a ratio of two; an admin
    plans with all calls, others with those of their own project.
    """
    projects = visible(caller).project_ids
    async with database.connection() as connection:
        recorded = await recorded_units(connection, data, now=now_of(clock), project_ids=projects)
    return plan(data, recorded)


async def recorded_units(
    connection: Connection, asked: PlanRequest, *, now: datetime, project_ids: tuple[str, ...] | None
) -> Recorded:
    """Return how many units the calls of the last days had, and what those said whose window is over."""
    metric = asked.measured
    check_ratio(asked)
    if metric is not None and asked.window_s >= asked.days * DAY_S:
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
        "names": [] if metric is None else list(metric.feedbacks),
        "model": asked.model,
        "first_day": begin.date(),
        "begin": begin,
        "now": now,
        "matured": now - timedelta(seconds=asked.window_s),
        "window_s": asked.window_s,
        "largest": LARGEST,
    }
    await connection.execute(QUERIES.have_room)
    statement, columns = QUERIES.recorded_units, ""
    if metric is not None and (metric.measure != "feedback" or metric.per):
        statement, columns = _of_ratio(metric), QUERIES.columns_of_calls
        parameters |= {"above": metric.feedback, "below": metric.per, **_OF_CALLS}
    statement = statement.replace("[recorded]", QUERIES.recorded_calls).replace("[columns]", columns)
    (row,) = await fetch_rows(connection, statement.replace("[counting]", QUERIES.counting), parameters)
    # Of a server that began yesterday, not as if nobody had come in the weeks before.
    first_at: datetime = row["first_at"] or now
    days = max(1.0, (now - first_at).total_seconds() / DAY_S)
    is_measured = metric is not None and row["measured"] > 0
    return Recorded(
        units=row["units"],
        complete=row["complete"],
        measured=row["measured"] if metric is not None else 0,
        per_day=row["units"] / days,
        mean=row["mean"] if is_measured else None,
        deviation=row["deviation"] if is_measured else None,
    )


def _of_ratio(metric: Metric) -> LiteralString:
    """The statement that measures two sums of units' calls and feedback; without a divisor by unit."""
    above = _OF_UNIT[metric.measure]
    below = _OF_UNIT.get(metric.per, "coalesce(h.below, 0)") if metric.per else "1::float8"
    return QUERIES.recorded_ratio.replace("[numerator]", above).replace("[denominator]", below)
