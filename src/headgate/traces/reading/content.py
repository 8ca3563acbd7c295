"""What went into the steps of a trace and came out: of one span, or of all where that is little enough.

Read next: `reading.finding`, `reading.opening`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from psycopg.rows import TupleRow

from headgate.core.call import Usage
from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import format_ms
from headgate.records.model import fold
from headgate.records.queries import format_amount
from headgate.store.database import Connection
from headgate.traces.model import span_text
from headgate.traces.reading.finding import find_trace
from headgate.traces.reading.listing import QUERIES
from headgate.traces.reading.model import Json, SpanContent, SpanDetail

CONTENT_BYTES_MAX: Final = 32 * 1024 * 1024
CONTENT_SPANS_MAX: Final = 5000

_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)
_DETAILS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DETAIL_NAMES: Final = (
    *("tools", "parameters", "documents", "events", "links", "resource", "scope", "usage_raw"),
    "told_by_logs",
)
_HEX: Final = 16


async def read_span(
    connection: Connection,
    project_ids: Sequence[str] | None,
    trace_id: str,
    span_id: str,
    *,
    key: str | None = None,
) -> SpanDetail:
    """Return one span in full. Raises NotFound when there is none, or not for these projects (or key)."""
    kept = await find_trace(connection, project_ids, trace_id)
    parameters = {
        **kept.days,
        "project_ids": [kept.item.project],
        "key": key,
        "span_id": span_number_of(span_id),
    }
    cursor = await connection.execute(QUERIES.get_span, parameters)
    row = await cursor.fetchone()
    if row is None:
        raise _unknown(span_id)
    return span_detail(kept.item.trace_id, span_id.lower(), row)


async def read_contents(
    connection: Connection, project_ids: Sequence[str], days: Mapping[str, Any], *, key: str | None = None
) -> dict[str, SpanContent]:
    """Return the content of all spans of a trace, by their ids.

    Raises InvalidRequest where that is too much.
    """
    parameters = {**days, "project_ids": list(project_ids), "key": key}
    cursor = await connection.execute(QUERIES.contents_length, parameters)
    length, count = await cursor.fetchone() or (0, 0)
    if length > CONTENT_BYTES_MAX or count > CONTENT_SPANS_MAX:
        raise InvalidRequest(
            f"the content of this trace is {length} bytes of {count} spans; at most {CONTENT_BYTES_MAX} of "
            f"{CONTENT_SPANS_MAX} are given at once; ask for each span, or export the trace",
            parameter="content",
        )
    cursor = await connection.execute(QUERIES.span_contents, parameters)
    return {span_text(number): read_content(*texts) for number, *texts in await cursor.fetchall()}


def read_content(input_: str, output: str, system: str, details: str, attributes: str) -> SpanContent:
    """Return content as it is shown, from the columns that hold it."""
    members = _DETAILS.decode(details) if details.startswith("{") else {}
    return SpanContent(
        input=as_json(input_),
        output=as_json(output),
        system=as_json(system),
        attributes=as_json(attributes),
        **{name: members.get(name) for name in _DETAIL_NAMES},
    )


def as_json(text: str | None) -> Json:
    """Return JSON as it is, other text as text, and null for none."""
    if not text:
        return None
    data = text.encode()
    try:
        _SYNTAX.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return text
    return msgspec.Raw(data)


def span_number_of(text: str) -> int:
    """Read 16 hexadecimal digits as the database keeps them. Raises NotFound for what is no id of a span."""
    try:
        if len(text) != _HEX or not text.isascii():
            raise ValueError(text)
        return int.from_bytes(bytes.fromhex(text), "big", signed=True)
    except ValueError:
        raise _unknown(text) from None


def _unknown(span_id: str) -> NotFound:
    return NotFound(f"there is no span {span_id[:64]!r} in this trace; `headgate traces show` lists them")


def span_detail(trace_id: str, span_id: str, row: TupleRow) -> SpanDetail:
    """Return a row of `get_span` as it is shown."""
    parent, project, key, name, kind, operation, started_us, duration_us, status, status_message, *rest = row
    provider, model, request_model, response_id, agent, tool, user, session, tags, release, *rest = rest
    environment, service, prompt, prompt_version, usage, cost_usd, cost_source, first_token_ms, *rest = rest
    finish_reasons, flags, convention, *texts = rest
    return SpanDetail(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=None if parent is None else span_text(parent),
        project=project,
        key=key,
        name=name,
        kind=kind,
        operation=operation or None,
        started_at=format_ms(started_us // 1000),
        duration_ms=duration_us / 1000,
        status=status,
        status_message=status_message or None,
        provider=provider or None,
        model=model or None,
        request_model=request_model or None,
        response_id=response_id or None,
        agent=agent or None,
        tool=tool or None,
        user=user or None,
        session=session or None,
        tags=tags,
        release=release or None,
        environment=environment or None,
        service=service or None,
        prompt=prompt or None,
        prompt_version=prompt_version or None,
        usage=None if usage is None else fold(msgspec.json.decode(usage, type=Usage)),
        cost_usd=format_amount(cost_usd),
        cost_source=cost_source or None,
        first_token_ms=first_token_ms,
        finish_reasons=finish_reasons,
        flags=flags,
        convention=convention or None,
        content=read_content(*texts),
    )
