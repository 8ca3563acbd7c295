"""Sessions: what the traces of each come to, and one as a conversation.

Read next: `reading.listing`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, encode_cursor, format_datetime
from headgate.records.model import buckets_of
from headgate.records.queries import format_amount
from headgate.store.database import Connection
from headgate.traces.reading.content import as_json
from headgate.traces.reading.listing import (
    QUERIES,
    filter_parameters,
    ordered,
    place_parameters,
    seen_projects,
    trace_item,
    with_columns,
)
from headgate.traces.reading.model import SessionDetail, SessionItem, TraceFilters, Turn

SESSION_LOOK: Final = 20_000
"""How many traces one page of sessions walks over at most; the next page goes on there."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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
        **place_parameters(cursor),
        "project_ids": await seen_projects(connection, project_ids),
        "limit": limit,
        "look": SESSION_LOOK,
    }
    found = await connection.execute(ordered(QUERIES.list_sessions), parameters, prepare=False)
    rows = await found.fetchall()
    named = [row for row in rows if row[1] is not None]
    # A full page goes on after its last session; one that isn't, where the walk has ended.
    last = named[-1] if len(named) == limit else rows[-1] if len(named) < len(rows) else None
    return Page(items=[_item(row) for row in named], next=None if last is None else _cursor(last))


async def open_session(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: TraceFilters,
    *,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> SessionDetail:
    """Return the session that `filters` names, with a page of its traces, oldest first.

    Raises NotFound when there is none, InvalidRequest when several projects have it.
    """
    limit = max(1, min(limit, LIMIT_MAX))
    projects = await seen_projects(connection, project_ids)
    parameters = {**filter_parameters(filters), "project_ids": projects}
    found = await connection.execute(with_columns(QUERIES.sum_session), parameters, prepare=False)
    sums = await found.fetchall()
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
    found = await connection.execute(with_columns(QUERIES.session_turns), parameters, prepare=False)
    rows = await found.fetchall()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return SessionDetail(
        **msgspec.structs.asdict(_item(sums[0])),
        items=[_turn(row) for row in rows[:limit]],
        next=None if last is None else encode_cursor((_microseconds(last[5]), str(last[0]))),
    )


def _turn(row: TupleRow) -> Turn:
    return Turn(**msgspec.structs.asdict(trace_item(row)), input=as_json(row[-2]), output=as_json(row[-1]))


def _item(row: TupleRow) -> SessionItem:
    project, session, last_at, _, started_at, user, traces, calls, errors, *sums = row
    cost_usd: Decimal | None = sums[5]
    return SessionItem(
        session=session,
        project=project,
        user=user or None,
        started_at=format_datetime(started_at),
        last_at=format_datetime(last_at),
        traces=int(traces),
        calls=int(calls),
        errors=int(errors),
        usage=buckets_of(sums[:5]),
        cost_usd=format_amount(cost_usd),
        unpriced=int(sums[6]),
    )


def _microseconds(instant: datetime) -> int:
    return round((instant - _EPOCH) / timedelta(microseconds=1))


def _cursor(row: TupleRow) -> str:
    return encode_cursor(("newest", str(_microseconds(row[2])), str(row[3]), row[0]))


def _turn_place(cursor: str | None) -> dict[str, Any]:
    if cursor is None:
        return {"place": None, "place_id": None}
    place, trace_id = decode_cursor(cursor, tuple[int, str])
    try:
        return {"place": _EPOCH + timedelta(microseconds=place), "place_id": UUID(trace_id)}
    except (ValueError, ArithmeticError):
        raise InvalidRequest(
            "next is no cursor of this list; pass on what the page before said", parameter="next"
        ) from None
