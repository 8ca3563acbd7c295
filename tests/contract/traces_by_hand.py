"""Traces as the shipper would have written them, put into the tables by hand."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from headgate.store.database import Database
from headgate.traces.model import span_text

BEGIN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

_SPAN: dict[str, Any] = {
    "day": BEGIN.date(),
    "project": "default",
    "parent_id": None,
    "key": "k1",
    "name": "step",
    "kind": "span",
    "operation": "",
    "started_at": BEGIN,
    "duration_us": 1000,
    "status": "ok",
    "status_message": "",
    "provider": "",
    "model": "",
    "request_model": "",
    "response_id": "",
    "agent": "",
    "tool": "",
    "user": "",
    "session": "",
    "tags": [],
    "release": "",
    "environment": "",
    "service": "app",
    "prompt": "",
    "prompt_version": "",
    "usage": None,
    "cost_usd": None,
    "cost_source": "",
    "first_token_ms": None,
    "finish_reasons": [],
    "flags": [],
    "convention": "otel",
    "input": "",
    "output": "",
    "system": "",
    "details": Jsonb({}),
    "attributes": "",
}
_TRACE: dict[str, Any] = {
    "project": "default",
    "name": "answer",
    "started_at": BEGIN,
    "ended_at": BEGIN + timedelta(seconds=1),
    "first_day": BEGIN.date(),
    "last_day": BEGIN.date(),
    "spans": 1,
    "facets": ["key:k1"],
}
_CALL: dict[str, Any] = {
    "day": BEGIN.date(),
    "boot": uuid.UUID(int=1),
    "project": "default",
    "key": "k1",
    "user": "",
    "session": "",
    "tags": [],
    "started_at": BEGIN,
    "duration_ms": 100,
    "first_token_ms": None,
    "dialect": "openai-chat",
    "operation": "chat",
    "stream": False,
    "model": "assistant",
    "target": "mock/small",
    "status": 200,
    "code": "",
    "message": "",
    "attempts": Jsonb([]),
    "excluded": Jsonb([]),
    "changes": [],
    "snapshot": "",
    "release": "",
    "trace_id": "",
    "usage": Jsonb({"input": 10, "output": 5}),
    "cost_usd": "0.001",
    "estimated": False,
    "truncated": False,
    "record": "full",
    "provider_request_id": "",
    "parent_span_id": None,
    "response_id": "",
}


def new_trace() -> str:
    """An id that no other trace has."""
    return uuid.uuid4().hex


def at(milliseconds: float) -> datetime:
    """So long after the beginning."""
    return BEGIN + timedelta(milliseconds=milliseconds)


async def put(database: Database, table: str, *rows: dict[str, Any]) -> None:
    """Write rows, which all name the same columns."""
    columns = ", ".join(f'"{name}"' for name in rows[0])
    places = ", ".join(f"%({name})s" for name in rows[0])
    async with database.transaction() as connection, connection.cursor() as cursor:
        await cursor.executemany(f"insert into {table} ({columns}) values ({places})".encode(), rows)


async def put_trace(database: Database, trace_id: str, **parts: Any) -> str:
    """Write the row of a trace; `parts` differ from a plain one."""
    await put(database, "traces", {**_TRACE, "trace_id": uuid.UUID(trace_id), **parts})
    return trace_id


async def put_spans(database: Database, trace_id: str, *spans: dict[str, Any]) -> list[str]:
    """Write spans, numbered from 1 where they don't say; return their ids as people see them."""
    rows: list[dict[str, Any]] = [
        {**_SPAN, "trace_id": uuid.UUID(trace_id), "span_id": number, **span}
        for number, span in enumerate(spans, 1)
    ]
    await put(database, "spans", *rows)
    return [span_text(row["span_id"]) for row in rows]


async def put_calls(database: Database, trace_id: str, *calls: dict[str, Any]) -> list[str]:
    """Write recorded calls and return their ids."""
    rows = [{**_CALL, "id": uuid.uuid4(), "trace_id": trace_id, **call} for call in calls]
    await put(database, "requests", *rows)
    return [str(row["id"]) for row in rows]
