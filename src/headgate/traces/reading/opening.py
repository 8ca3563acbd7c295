"""One trace, opened: its spans and recorded calls, drawn as a tree.

A member sees what its own key made, and sums over that alone. Read next: `reading.tree`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from psycopg.rows import TupleRow

from headgate.core.money import format_usd
from headgate.store.database import Connection
from headgate.traces.keeping.accounts import MODEL_KINDS
from headgate.traces.reading.content import read_contents
from headgate.traces.reading.finding import Kept, find_trace, unknown_trace
from headgate.traces.reading.listing import QUERIES
from headgate.traces.reading.model import CallRow, SpanRow, TraceDetail, TraceItem
from headgate.traces.reading.tree import Drawn, draw, moment_text
from headgate.traces.scores.model import Feedback
from headgate.traces.scores.queries import Around, scores_around

SPANS_AT_ONCE: Final = 1000
"""A trace of more is drawn in a thread of its own, so that nobody else waits for it."""

Row = TypeVar("Row", SpanRow, CallRow)

_ALL: Final = {"after": None, "after_id": None, "limit": None}
_SPANS: Final = msgspec.json.Decoder(SpanRow)
_CALLS: Final = msgspec.json.Decoder(CallRow)


async def open_trace(
    connection: Connection,
    project_ids: Sequence[str] | None,
    trace_id: str,
    *,
    key: str | None = None,
    with_content: bool = False,
) -> TraceDetail:
    """Return one trace as a tree; with its content where that is asked for.

    Raises NotFound when there is none, or not for these projects (or key), InvalidRequest when several
    projects have it or its content is too much.
    """
    kept = await find_trace(connection, project_ids, trace_id)
    spans, calls = await read_parts(connection, [kept.item.project], kept, key=key)
    if not spans and not calls:
        raise unknown_trace(trace_id)
    if len(spans) + len(calls) > SPANS_AT_ONCE:
        drawn = await asyncio.to_thread(draw, spans, calls, kept.elsewhere)
    else:
        drawn = draw(spans, calls, kept.elsewhere)
    item = kept.item if key is None else _own(kept.item, drawn, key)
    around = Around(trace_id=kept.days["trace_id"], days=kept.days, session=item.session, user=item.user)
    scores = await scores_around(connection, [item.project], around, key=key)
    detail = _detail(item, drawn, len(spans), scores)
    if not with_content:
        return detail
    contents = await read_contents(connection, [item.project], kept.days, key=key)
    nodes = [msgspec.structs.replace(node, content=contents.get(node.span_id or "")) for node in detail.spans]
    return msgspec.structs.replace(detail, spans=nodes)


async def read_parts(
    connection: Connection, project_ids: Sequence[str], kept: Kept, *, key: str | None = None
) -> tuple[list[SpanRow], list[CallRow]]:
    """Return the spans and the recorded calls of a trace, without content."""
    scope = {**kept.days, "project_ids": list(project_ids), "key": key, **_ALL}
    return await read_spans(connection, scope), await read_calls(connection, scope, told_too=True)


async def read_spans(connection: Connection, scope: Mapping[str, Any]) -> list[SpanRow]:
    """Return the spans of a trace, or a page of them, the earliest first."""
    cursor = await connection.execute(QUERIES.trace_spans, scope)
    return await _decoded(_SPANS, await cursor.fetchall())


async def read_calls(
    connection: Connection, scope: Mapping[str, Any], *, told_too: bool = False
) -> list[CallRow]:
    """Return the recorded calls of a trace, or a page of them, the earliest first.

    Those that a span tells of, by the id of its answer or as what made it, are left out but with `told_too`.
    """
    asked = {**scope, "model_kinds": None if told_too else sorted(MODEL_KINDS)}
    cursor = await connection.execute(QUERIES.trace_calls, asked)
    return await _decoded(_CALLS, await cursor.fetchall())


async def _decoded(decoder: msgspec.json.Decoder[Row], rows: list[TupleRow]) -> list[Row]:
    if len(rows) > SPANS_AT_ONCE:
        return await asyncio.to_thread(lambda: [decoder.decode(text) for (text,) in rows])
    return [decoder.decode(text) for (text,) in rows]


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


def _detail(item: TraceItem, drawn: Drawn, span_count: int, scores: list[Feedback]) -> TraceDetail:
    known: dict[str, Any] = msgspec.structs.asdict(item)
    del known["spans"]
    totals = drawn.totals
    told: dict[str, Any] = {
        "started_at": moment_text(drawn.started_us),
        "duration_ms": (drawn.ended_us - drawn.started_us) / 1000,
        "calls": totals.calls,
        "errors": totals.errors,
        "status": "error" if totals.errors else "ok",
        "usage": totals.usage,
        "cost_usd": None if totals.cost is None else format_usd(totals.cost),
        "unpriced": totals.unpriced,
        "flags": list(totals.flags),
    }
    return TraceDetail(
        **(known | told),
        span_count=span_count,
        spans=drawn.nodes,
        cost_by_model=drawn.cost_by_model,
        cost_by_step=drawn.cost_by_step,
        scores=scores,
    )
