"""Sessions: what the traces and calls of each come to, and one as a conversation.

A call that belongs to a trace is counted by it; one that names a session and no trace is a turn by itself.
Read next: `reading/sessions.sql`, `reading.listing`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, encode_cursor, format_datetime
from headgate.records.model import buckets_of
from headgate.records.queries import format_amount, requests_of
from headgate.records.rows import day_of
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.traces.reading.content import as_json
from headgate.traces.reading.listing import (
    filter_parameters,
    place_parameters,
    seen_projects,
    trace_item,
    with_columns,
)
from headgate.traces.reading.model import SessionDetail, SessionItem, TraceFilters, Turn

SESSION_QUERIES: Final = Queries.load("headgate.traces.reading", "sessions.sql")
SESSION_LOOK: Final = 20_000
"""How many traces, and calls, one page of sessions walks over at most; the next page goes on there."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


async def list_sessions(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: TraceFilters,
    *,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[SessionItem]:
    """Return a page of sessions, those first in which something happened last."""
    limit = max(1, min(limit, LIMIT_MAX))
    parameters = {
        **filter_parameters(filters),
        **_list_place(cursor),
        "project_ids": await _seen_projects(connection, project_ids),
        "limit": limit,
        "look": SESSION_LOOK,
    }
    rows = await _ask(connection, SESSION_QUERIES.list_sessions, parameters)
    named = [row for row in rows if row[1] is not None]
    ends = [row for row in rows if row[1] is None]
    # A full page goes on after its last session; one that isn't, where the walks have ended.
    last = named[-1] if len(named) == limit else ends[0] if ends else None
    return Page(items=[_item(row) for row in named], next=None if last is None else _cursor(last))


async def open_session(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: TraceFilters,
    *,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> SessionDetail:
    """Return the session that `filters` names, with a page of its traces and calls, oldest first.

    Raises NotFound when there is none, InvalidRequest when several projects have it.
    """
    limit = max(1, min(limit, LIMIT_MAX))
    projects = await _seen_projects(connection, project_ids)
    parameters = {**filter_parameters(filters), "project_ids": projects}
    sums = await _ask(connection, SESSION_QUERIES.sum_session, parameters)
    name = (filters.session or "")[:64]
    if not sums:
        raise NotFound(f"there is no session {name!r}; `headgate traces sessions` lists them")
    if len(sums) > 1:
        raise InvalidRequest(
            f"the session {name!r} is in several projects: "
            f"{', '.join(str(row[0]) for row in sums)}; name one with `project`",
            parameter="project",
        )
    parameters |= {**_turn_place(cursor), "limit": limit + 1}
    traces = await _ask(connection, SESSION_QUERIES.session_traces, parameters)
    calls = await _ask(connection, SESSION_QUERIES.session_calls, parameters)
    places = [(row[5], row[0]) for row in traces] + [(row[0], row[1]) for row in calls]
    places = sorted(places)[: limit + 1]
    last = places[limit - 1] if len(places) > limit else None
    shown = set(places[:limit])
    calls_shown = [call for at, call in calls if (at, call) in shown]
    return SessionDetail(
        **msgspec.structs.asdict(_item(sums[0])),
        items=[_turn(row) for row in traces if (row[5], row[0]) in shown],
        requests=(await requests_of(connection, projects, calls_shown))[::-1] if calls_shown else [],
        next=None if last is None else encode_cursor((_microseconds(last[0]), str(last[1]))),
    )


async def _ask(
    connection: Connection, statement: LiteralString, parameters: dict[str, Any]
) -> list[TupleRow]:
    # A prepared statement would get one plan for all filters.
    found = await connection.execute(with_columns(statement), parameters, prepare=False)
    return await found.fetchall()


async def _seen_projects(connection: Connection, project_ids: Sequence[str] | None) -> list[str]:
    """Return the projects among these that have traces or calls; among all where none are named."""
    named = None if project_ids is None else list(project_ids)
    found = await connection.execute(SESSION_QUERIES.call_projects, {"project_ids": named})
    called = {str(project) for (project,) in await found.fetchall()}
    return sorted(called.union(await seen_projects(connection, project_ids)))


def _turn(row: TupleRow) -> Turn:
    return Turn(**msgspec.structs.asdict(trace_item(row)), input=as_json(row[-2]), output=as_json(row[-1]))


def _item(row: TupleRow) -> SessionItem:
    project, session, last_at, _, started_at, user, traces, untraced, calls, errors, *sums = row
    cost_usd: Decimal | None = sums[5]
    return SessionItem(
        session=session,
        project=project,
        user=user or None,
        started_at=format_datetime(started_at),
        last_at=format_datetime(last_at),
        traces=int(traces),
        untraced=int(untraced),
        calls=int(calls),
        errors=int(errors),
        usage=buckets_of(sums[:5]),
        cost_usd=format_amount(cost_usd),
        unpriced=int(sums[6]),
    )


def _microseconds(instant: datetime) -> int:
    return round((instant - _EPOCH) / _MICROSECOND)


def _cursor(row: TupleRow) -> str:
    return encode_cursor(("newest", str(_microseconds(row[2])), str(row[3]), row[0]))


def _list_place(cursor: str | None) -> dict[str, Any]:
    found = place_parameters(cursor)
    return {**found, **_call_place(found["place"], found["place_id"])}


def _turn_place(cursor: str | None) -> dict[str, Any]:
    if cursor is None:
        return {"place": None, "place_id": None, **_call_place(None, None)}
    place, trace_id = decode_cursor(cursor, tuple[int, str])
    try:
        at, identity = _EPOCH + timedelta(microseconds=place), UUID(trace_id)
    except (ValueError, ArithmeticError):
        raise _no_cursor() from None
    return {"place": at, "place_id": identity, **_call_place(at, identity)}


def _call_place(place: datetime | None, place_id: UUID | None) -> dict[str, Any]:
    """Return where calls go on: they are in the order of their ids, in which the milliseconds stand first."""
    if place is None or place_id is None:
        return {"call_day": None, "call_id": None}
    milliseconds, rest = divmod(_microseconds(place), 1000)
    try:
        first, after = UUID(int=milliseconds << 80), UUID(int=milliseconds + 1 << 80)
        call = after if rest else min(max(place_id, first), after)
        return {"call_day": day_of(call), "call_id": call}
    except (ValueError, ArithmeticError):
        raise _no_cursor() from None


def _no_cursor() -> InvalidRequest:
    return InvalidRequest(
        "next is no cursor of this list; pass on what the page before said", parameter="next"
    )
