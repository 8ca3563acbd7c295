"""One trace, opened: its spans and recorded calls, drawn as a tree.

A member sees what its own key made, and sums over that alone. Read next: `reading.tree`.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import format_ms
from headgate.records.model import fold
from headgate.records.queries import format_amount
from headgate.store.database import Connection
from headgate.traces.reading.listing import QUERIES, seen_projects, trace_item, with_columns
from headgate.traces.reading.model import CallRow, SpanRow, TraceDetail, TraceItem
from headgate.traces.reading.tree import Drawn, draw

SPANS_AT_ONCE: Final = 1000
"""A trace of more is drawn in a thread of its own, so that nobody else waits for it."""

_SPANS: Final = msgspec.json.Decoder(SpanRow)
_CALLS: Final = msgspec.json.Decoder(CallRow)
_HEX: Final = 32


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a trace, and the days on which parts of it arrived, as SQL takes them."""

    item: TraceItem
    days: dict[str, Any]


async def open_trace(
    connection: Connection,
    project_ids: Sequence[str] | None,
    trace_id: str,
    *,
    key: str | None = None,
) -> TraceDetail:
    """Return one trace as a tree.

    Raises NotFound when there is none, or not for these projects (or key), InvalidRequest when several
    projects have it.
    """
    kept = await find_trace(connection, project_ids, trace_id)
    spans, calls = await read_parts(connection, [kept.item.project], kept, key=key)
    if not spans and not calls:
        raise _unknown(trace_id)
    if len(spans) + len(calls) > SPANS_AT_ONCE:
        drawn = await asyncio.to_thread(draw, spans, calls)
    else:
        drawn = draw(spans, calls)
    item = kept.item if key is None else _own(kept.item, drawn, key)
    return _detail(item, drawn, len(spans))


async def find_trace(connection: Connection, project_ids: Sequence[str] | None, trace_id: str) -> Kept:
    """Return the row of a trace. Raises as `open_trace` does."""
    number = read_trace_id(trace_id)
    projects = await seen_projects(connection, project_ids)
    cursor = await connection.execute(
        with_columns(QUERIES.get_traces), {"trace_id": number, "project_ids": projects}
    )
    rows = await cursor.fetchall()
    if not rows:
        raise _unknown(trace_id)
    if len(rows) > 1:
        named = ", ".join(sorted(str(row[1]) for row in rows))
        raise InvalidRequest(
            f"the trace {trace_id[:64]!r} is in several projects: {named}; name one with `project`",
            parameter="project",
        )
    return _kept(rows[0])


async def read_parts(
    connection: Connection, project_ids: Sequence[str], kept: Kept, *, key: str | None = None
) -> tuple[list[SpanRow], list[CallRow]]:
    """Return the spans and the recorded calls of a trace, without content."""
    parameters = {**kept.days, "project_ids": list(project_ids), "key": key}
    cursor = await connection.execute(QUERIES.trace_spans, parameters)
    spans = [_SPANS.decode(text) for (text,) in await cursor.fetchall()]
    cursor = await connection.execute(QUERIES.trace_calls, parameters)
    return spans, [_CALLS.decode(text) for (text,) in await cursor.fetchall()]


def read_trace_id(text: str) -> UUID:
    """Read 32 hexadecimal digits. Raises NotFound for what is no id of a trace."""
    try:
        if len(text) != _HEX:
            raise ValueError(text)
        return UUID(text)
    except ValueError:
        raise _unknown(text) from None


def _unknown(trace_id: str) -> NotFound:
    return NotFound(f"there is no trace {trace_id[:64]!r}; `headgate traces` lists them")


def _kept(row: TupleRow) -> Kept:
    item = trace_item(row)
    days = {"first_day": row[-2], "last_day": row[-1]}
    return Kept(item=item, days={**days, "trace_id": row[0], "trace": row[0].hex})


def _own(item: TraceItem, drawn: Drawn, key: str) -> TraceItem:
    """What one key's part of a trace says of it: nothing that others have told."""
    return msgspec.structs.replace(
        item,
        name=drawn.nodes[0].name or None,
        **dict.fromkeys(("session", "user", "service", "release", "environment")),
        models=sorted({node.model for node in drawn.nodes if node.model}),
        providers=sorted({node.provider for node in drawn.nodes if node.provider}),
        agents=sorted({node.agent for node in drawn.nodes if node.agent}),
        tools=sorted({node.tool for node in drawn.nodes if node.tool}),
        tags=[],
        keys=[key],
        flags=[],
    )


def _detail(item: TraceItem, drawn: Drawn, span_count: int) -> TraceDetail:
    known: dict[str, Any] = msgspec.structs.asdict(item)
    del known["spans"]
    told: dict[str, Any] = {
        "started_at": format_ms(drawn.started_us // 1000),
        "duration_ms": (drawn.ended_us - drawn.started_us) / 1000,
        "calls": drawn.calls,
        "errors": drawn.errors,
        "status": "error" if drawn.errors else "ok",
        "usage": fold(drawn.usage),
        "cost_usd": format_amount(drawn.cost_usd),
        "unpriced": drawn.unpriced,
    }
    return TraceDetail(
        **(known | told),
        span_count=span_count,
        spans=drawn.nodes,
        cost_by_model=drawn.cost_by_model,
        cost_by_step=drawn.cost_by_step,
    )
