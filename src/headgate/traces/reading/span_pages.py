"""The steps of a trace in the order of time, a page at a time: what shows before a huge trace is drawn whole.

Each as it was told, without content: which of them count, and what held the trace up, takes all of them to
say. Read next: `reading.opening`, which does.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from headgate.core.faults import InvalidRequest
from headgate.core.pages import LIMIT_DEFAULT, LIMIT_MAX, decode_cursor, encode_cursor
from headgate.store.database import Connection
from headgate.traces.model import span_text
from headgate.traces.reading.finding import find_trace, unknown_trace
from headgate.traces.reading.listing import QUERIES
from headgate.traces.reading.model import CallRow, SpanLine, SpanPage, SpanRow
from headgate.traces.reading.opening import read_calls, read_spans
from headgate.traces.reading.pieces import Piece, piece_of_call, piece_of_span
from headgate.traces.reading.tree import moment_text

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Place(NamedTuple):
    """Where the next page begins: after this span and this call. Times are Unix microseconds as text."""

    span_us: str = ""
    span: str = ""
    call_us: str = ""
    call: str = ""


class _Whole(NamedTuple):
    """Of all spans and calls that a caller sees. Times are Unix microseconds."""

    started_us: int
    ended_us: int
    spans: int


async def list_spans(
    connection: Connection,
    project_ids: Sequence[str] | None,
    trace_id: str,
    *,
    key: str | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> SpanPage:
    """Return a page of the steps of a trace, the earliest first.

    Raises NotFound when there is no such trace, or not for these projects (or key), InvalidRequest when
    several projects have it or the cursor is none of this list.
    """
    limit = max(1, min(limit, LIMIT_MAX))
    kept = await find_trace(connection, project_ids, trace_id)
    place = _Place() if cursor is None else _place_of(cursor)
    scope = {**kept.days, "project_ids": [kept.item.project], "key": key, "limit": limit + 1}
    whole = await _measure(connection, scope)
    if whole is None:
        raise unknown_trace(trace_id)
    spans = await read_spans(connection, {**scope, **_after(place.span_us, place.span, _span_number)})
    calls = await read_calls(connection, {**scope, **_after(place.call_us, place.call, UUID)})
    rows = _in_order(spans, calls)[:limit]
    following = _moved(place, rows) if len(spans) + len(calls) > limit else None
    return SpanPage(
        trace_id=kept.item.trace_id,
        project=kept.item.project,
        name=None if key is not None else kept.item.name,
        started_at=moment_text(whole.started_us),
        duration_ms=(whole.ended_us - whole.started_us) / 1000,
        span_count=whole.spans,
        items=[_line(row, whole.started_us) for row in rows],
        next=None if following is None else encode_cursor(following),
    )


async def _measure(connection: Connection, scope: dict[str, Any]) -> _Whole | None:
    found = await connection.execute(QUERIES.trace_bounds, scope)
    row = await found.fetchone()
    return None if row is None or row[0] is None else _Whole(*row)


def _in_order(spans: Iterable[SpanRow], calls: Iterable[CallRow]) -> list[SpanRow | CallRow]:
    # One that was sent again on another day is one step.
    once = {span.span_id: span for span in spans}.values()
    return sorted((*once, *calls), key=lambda row: row.started_us)


def _moved(place: _Place, rows: Iterable[SpanRow | CallRow]) -> _Place:
    for row in rows:
        if isinstance(row, SpanRow):
            place = place._replace(span_us=str(row.started_us), span=str(row.span_id))
        else:
            place = place._replace(call_us=str(row.started_us), call=row.id)
    return place


def _line(row: SpanRow | CallRow, began_us: int) -> SpanLine:
    piece: Piece = piece_of_span(row) if isinstance(row, SpanRow) else piece_of_call(row)
    span, call = piece.span, piece.call
    return SpanLine(
        span_id=None if span is None else span_text(span.span_id),
        parent_id=None if piece.parent_id is None else span_text(piece.parent_id),
        request_id=None if call is None else call.id,
        name=piece.name,
        kind=piece.kind,
        offset_ms=(piece.start_us - began_us) / 1000,
        duration_ms=(piece.end_us - piece.start_us) / 1000,
        status="error" if piece.has_failed else "ok",
        model=piece.model or None,
        tool=None if span is None else span.tool or None,
        usage=piece.usage,
        cost_usd=piece.cost_usd,
    )


def _after(unix_us: str, identity: str, read: Callable[[str], object]) -> dict[str, Any]:
    if not unix_us:
        return {"after": None, "after_id": None}
    try:
        return {"after": _EPOCH + timedelta(microseconds=int(unix_us)), "after_id": read(identity)}
    except (ValueError, ArithmeticError):
        raise InvalidRequest(
            "next is no cursor of this list; pass on what the page before said", parameter="next"
        ) from None


def _span_number(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(text)
    return number


def _place_of(cursor: str) -> _Place:
    return _Place(*decode_cursor(cursor, tuple[str, str, str, str]))
