"""Routes of drift of live traffic: what is watched, how far each watch is, and who served.

Read next: `drift.traffic_views`, `drift.hours`.
"""

from typing import Any, Final, get_args
from uuid import UUID

from litestar import Controller, get
from litestar.params import FromPath, FromQuery

from headgate.access.gate import AnyRequest, CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import Page, decode_cursor, encode_cursor
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
from headgate.records.http import PAGING, query_parameter, read_limit, read_text
from headgate.store.rows import fetch_rows

HOURS_SHOWN: Final = 24 * 30

PHASES: Final = get_args(Phase)
_TEXTS: Final[dict[str, str]] = {
    "target": "of this provider/model",
    "model": "that ask for this name of models",
    "prompt": "with this prompt, or one of its versions as name@version",
    "phase": f"that are in this phase: {', '.join(PHASES)}",
}
_FILTERS: Final[dict[str, Any]] = {name: query_parameter(text) for name, text in _TEXTS.items()}


class TrafficListController(Controller):
    """Watches of live traffic, as a list."""

    path = "/drift/traffic"
    tags = ("drift",)
    parameters = {**_FILTERS, **PAGING}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("drift:read")})
    async def list_traffic(
        self, caller: CallerKey, request: AnyRequest, database: Store, in_force: Known
    ) -> Page[TrafficWatch]:
        """List what is watched of live traffic, by target: each signal's latest mean, what is usual, and how
        much speaks for a change. An admin sees all, others that of their own project."""
        query = request.query_params
        limit, place = read_limit(query), query.get("next")
        texts = {name: read_text(query, name) for name in _TEXTS}
        if texts["phase"] not in (None, *PHASES):
            raise InvalidRequest(
                f"phase is {texts['phase']!r}; write one of {', '.join(PHASES)}", parameter="phase"
            )
        await in_force.refresh()
        projects = visible(caller).project_ids
        parameters = {
            **texts,
            "project_ids": None if projects is None else list(projects),
            "stratum": None,
            "after": None if place is None else decode_cursor(place, str),
            "calls_least": CALLS_LEAST,
            "limit": limit + 1,
        }
        async with database.connection() as connection:
            rows = await fetch_rows(connection, QUERIES.list_traffic_watches, parameters)
            watches = await count_watches(connection)
        following = encode_cursor(rows[limit - 1]["watch"]) if len(rows) > limit else None
        rule = in_force.drift_rule()
        return Page(items=[traffic_watch(row, rule, watches) for row in rows[:limit]], next=following)


class TrafficController(Controller):
    """One watch of live traffic, and who served."""

    path = "/drift/traffic"
    tags = ("drift",)

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
            **dict.fromkeys((*_TEXTS, "after")),
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
