"""Routes of drift of live traffic: what is watched, how far each watch is, and who served.

Read next: `drift.traffic_views`, `drift.hours`.
"""

from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, FromQuery, QueryParameter

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.faults import NotFound
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor
from headgate.drift.hours import CALLS_LEAST
from headgate.drift.http import Known
from headgate.drift.store import QUERIES, count_watches
from headgate.drift.traffic_views import (
    Served,
    TrafficDetail,
    TrafficWatch,
    served_view,
    traffic_detail,
    traffic_watch,
)
from headgate.drift.watching import Phase
from headgate.store.rows import fetch_rows

HOURS_SHOWN = 24 * 30

PromptName = Annotated[
    str | None, QueryParameter(description="a prompt's name, or one of its versions as name@version")
]


class TrafficController(Controller):
    """Watches of live traffic."""

    path = "/drift/traffic"
    tags = ("drift",)

    @get(opt={"grant": grant("drift:read")})
    async def list_traffic(
        self,
        caller: CallerKey,
        database: Store,
        in_force: Known,
        *,
        target: FromQuery[str | None] = None,
        model: FromQuery[str | None] = None,
        prompt: PromptName = None,
        phase: FromQuery[Phase | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[TrafficWatch]:
        """List what is watched of live traffic, by target: each signal's latest mean, what is usual, and how
        much speaks for a change. An admin sees all, others that of their own project."""
        await in_force.refresh()
        projects = visible(caller).project_ids
        parameters = {
            "project_ids": None if projects is None else list(projects),
            "stratum": None,
            "target": target,
            "model": model,
            "prompt": prompt,
            "phase": phase,
            "after": None if next is None else decode_cursor(next, str),
            "calls_least": CALLS_LEAST,
            "limit": limit + 1,
        }
        async with database.connection() as connection:
            rows = await fetch_rows(connection, QUERIES.list_traffic_watches, parameters)
            watches = await count_watches(connection)
        following = encode_cursor(rows[limit - 1]["watch"]) if len(rows) > limit else None
        rule = in_force.drift_rule()
        return Page(items=[traffic_watch(row, rule, watches) for row in rows[:limit]], next=following)

    @get("/{watch_id:str}", opt={"grant": grant("drift:read")})
    async def show_traffic(
        self, caller: CallerKey, database: Store, in_force: Known, watch_id: FromPath[str]
    ) -> TrafficDetail:
        """Show a watch of live traffic with the hours of its last thirty days."""
        await in_force.refresh()
        projects = visible(caller).project_ids
        parameters = {
            "project_ids": None if projects is None else list(projects),
            "stratum": _identity(watch_id),
            **dict.fromkeys(("target", "model", "prompt", "phase", "after")),
            "calls_least": CALLS_LEAST,
            "limit": 1,
        }
        async with database.connection() as connection:
            rows = await fetch_rows(connection, QUERIES.list_traffic_watches, parameters)
            if not rows:
                raise _unknown(watch_id)
            watches = await count_watches(connection)
            last = {"stratum": rows[0]["stratum"], "limit": HOURS_SHOWN}
            hours = await fetch_rows(connection, QUERIES.last_hours, last)
        return traffic_detail(traffic_watch(rows[0], in_force.drift_rule(), watches), hours[::-1])

    @get("/served", opt={"grant": grant("snapshots:read")})
    async def list_served(self, database: Store, target: FromQuery[str | None] = None) -> Page[Served]:
        """List the models and fingerprints that answers say they are of, the last seen first. On one page."""
        async with database.connection() as connection:
            rows = await fetch_rows(connection, QUERIES.list_served, {"target": target})
        return Page(items=[served_view(row) for row in rows])


def _identity(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _unknown(text) from None


def _unknown(text: str) -> NotFound:
    return NotFound(f"there is no watch {text[:100]!r}; GET /api/v1/drift/traffic lists them")
