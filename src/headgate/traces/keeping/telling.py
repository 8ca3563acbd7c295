"""Joins events that came as log records to their spans: whichever of the two came last finds the other.

Runs in the shipper's transaction, after the traces of both were marked as changed, which is where two
shippers wait for each other. All events of a span are read again each time, so that their order of arrival
makes no difference. Read next: `conventions.logged`, `keeping.log_sink`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec

from headgate.core.call import Usage
from headgate.records.rows import clean, name
from headgate.store.database import Connection
from headgate.traces.conventions.logged import EVENTS_BYTES_MAX, Logged, told_by_logs
from headgate.traces.keeping.adding import QUERIES, add_to_traces, queue_text
from headgate.traces.keeping.rows import (
    MESSAGE_CHARACTERS_MAX,
    NAMES_MAX,
    KeptSpan,
    SpanPlace,
    detail_json,
    usage_json,
    usd,
)
from headgate.traces.keeping.summing import sum_words
from headgate.traces.model import RawEvent, Span, span_bytes

DAYS_AROUND: Final = 1
"""So many days may lie between a span and its events."""
EVENTS_MAX: Final = 1024
SPANS_AT_ONCE: Final = 20
TOLD_BY_LOGS: Final = "told_by_logs"
"""The member of `details` that names the fields which events have said."""

_USAGE: Final = msgspec.json.Decoder(Usage)
_DETAILS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAMES: Final = msgspec.json.Decoder(list[str])
_ATTRIBUTES: Final = msgspec.json.Decoder(dict[str, Any])
_JSON_DETAILS: Final = ("usage_raw", "tools", "parameters", "documents", "events")


class Found(msgspec.Struct, frozen=True):
    """A span that has events, as it is kept; `details` is the column."""

    kept: KeptSpan
    details: dict[str, msgspec.Raw]

    @property
    def told(self) -> list[str]:
        """The fields that events have said before."""
        names = self.details.get(TOLD_BY_LOGS)
        return [] if names is None else _NAMES.decode(names)


async def join_events(connection: Connection, places: Sequence[SpanPlace]) -> None:
    """Have the spans that are there say what their events say, among those that are named."""
    projects = sorted({place.project for place in places})
    cursor = await connection.execute(QUERIES.any_span_events, {"project_ids": projects})
    if await cursor.fetchone() != (True,):
        return
    named = {
        "project_ids": projects,
        "projects": [place.project for place in places],
        "traces": [UUID(bytes=place.trace_id) for place in places],
        "numbers": [place.number for place in places],
        "days": [place.day for place in places],
        "around": DAYS_AROUND,
    }
    changed: list[KeptSpan] = []
    cursor = await connection.execute(QUERIES.span_keys_with_events, named)
    keys = await cursor.fetchall()
    for start in range(0, len(keys), SPANS_AT_ONCE):
        changed += await _tell(connection, projects, keys[start : start + SPANS_AT_ONCE])
    await add_to_traces(connection, sum_words(changed))
    await queue_text(connection, [kept.place for kept in changed])


async def _tell(
    connection: Connection, projects: list[str], keys: Sequence[tuple[str, UUID, int, date]]
) -> list[KeptSpan]:
    """Write what events say of a few spans; return those that say more now, or something else."""
    named: dict[str, Any] = {
        "project_ids": projects,
        "projects": [key[0] for key in keys],
        "traces": [key[1] for key in keys],
        "numbers": [key[2] for key in keys],
        "days": [key[3] for key in keys],
    }
    cursor = await connection.execute(QUERIES.spans_with_events, named)
    spans = [_found(*row) for row in await cursor.fetchall()]
    events: list[list[RawEvent]] = [[] for _ in spans]
    bounds = {"around": DAYS_AROUND, "events_max": EVENTS_MAX, "bytes_max": EVENTS_BYTES_MAX}
    of_keys = {
        "projects": [found.kept.project for found in spans],
        "traces": [UUID(bytes=found.kept.trace_id) for found in spans],
        "numbers": [found.kept.number for found in spans],
        "days": [found.kept.day for found in spans],
        "keys": [found.kept.key for found in spans],
    }
    cursor = await connection.execute(
        QUERIES.read_span_events, {"project_ids": projects, **of_keys, **bounds}
    )
    costs: list[int | None] = [None] * len(spans)
    for place, event_name, at_ns, attributes, cost in await cursor.fetchall():
        costs[place - 1] = cost if costs[place - 1] is None else costs[place - 1]
        event = RawEvent(name=event_name, at_ns=at_ns, attributes=_ATTRIBUTES.decode(attributes))
        events[place - 1].append(event)
    changed: list[KeptSpan] = []
    rows: list[dict[str, Any]] = []
    for found, of_span, cost in zip(spans, events, costs, strict=True):
        logged = told_by_logs(found.kept.span, found.told, of_span, cost)
        if logged.span != found.kept.span:
            changed.append(msgspec.structs.replace(found.kept, span=logged.span))
            rows.append(_row(found, logged))
    if rows:
        async with connection.cursor() as writing:
            await writing.executemany(QUERIES.tell_span, rows)
    return changed


def _found(*row: Any) -> Found:
    project, trace_id, number, day, key, parent, started_us, duration_us, *rest = row
    usage, details_text, *rest = rest
    details = _DETAILS.decode(details_text)
    plain: dict[str, Any] = dict(zip(_COLUMNS, rest, strict=True))
    plain |= {field: tuple(plain[field]) for field in ("finish_reasons", "flags", "tags")}
    plain |= {field: bytes(details[field]).decode() for field in _JSON_DETAILS if field in details}
    start_ns = started_us * 1000
    span = Span(
        trace_id=trace_id.bytes,
        span_id=span_bytes(number),
        parent_id=b"" if parent is None else span_bytes(parent),
        start_ns=start_ns,
        end_ns=start_ns + duration_us * 1000,
        usage=None if usage is None else _USAGE.decode(usage),
        **plain,
    )
    return Found(KeptSpan(project, trace_id.bytes, number, day, key, span), details)


_COLUMNS: Final = (
    *("name", "kind", "operation", "status", "status_message", "provider", "model", "request_model"),
    *("response_id", "agent", "tool", "prompt", "prompt_version", "cost_pico_usd", "cost_source"),
    *("first_token_ms", "finish_reasons", "flags", "tags", "service", "environment", "release", "input"),
    *("output", "system", "attributes"),
)
"""Fields of a span that `spans_with_events` gives as they are, in its order."""


def _row(found: Found, logged: Logged) -> dict[str, Any]:
    """Return the values of `tell_span`."""
    span = logged.span
    texts = {field: name(getattr(span, field)) for field in _NAME_COLUMNS}
    details: dict[str, Any] = {
        field: text for field, text in found.details.items() if field not in _JSON_DETAILS
    }
    for field in _JSON_DETAILS:
        if text := getattr(span, field):
            details[field] = detail_json(text)
    details[TOLD_BY_LOGS] = logged.told
    return {
        **texts,
        "project_ids": [found.kept.project],
        "project": found.kept.project,
        "trace_id": UUID(bytes=found.kept.trace_id),
        "number": found.kept.number,
        "day": found.kept.day,
        "kind": span.kind,
        "status_message": clean(span.status_message[:MESSAGE_CHARACTERS_MAX]),
        "usage": None if span.usage is None else (usage_json(span.usage) or b"").decode(),
        "cost_usd": usd(span.cost_pico_usd),
        "cost_source": span.cost_source,
        "first_token_ms": span.first_token_ms,
        "finish_reasons": [name(reason) for reason in span.finish_reasons[:NAMES_MAX]],
        "flags": [name(flag) for flag in span.flags[:NAMES_MAX]],
        "input": clean(span.input),
        "output": clean(span.output),
        "system": clean(span.system),
        "details": msgspec.json.encode(details).decode(),
    }


_NAME_COLUMNS: Final = (
    *("operation", "provider", "model", "request_model", "response_id", "agent", "tool", "prompt"),
    "prompt_version",
)
