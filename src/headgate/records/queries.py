"""Questions asked of the records: requests, one request with its bodies, and calls in flight.

Every question on requests and messages takes `project_ids`: None means all projects, which only an admin may
ask for. The filter stands inside the SQL, before paging. Read next: `records/queries.sql`, `records.model`.
"""

import json
import math
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from headgate.core.call import Usage
from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.identity import span_text
from headgate.core.pages import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, encode_cursor, format_datetime
from headgate.records.bodies import read_bodies
from headgate.records.model import (
    Bodies,
    CostBreakdown,
    OpenCall,
    RequestDetail,
    RequestFilters,
    RequestItem,
    UsageBuckets,
    fold,
)
from headgate.records.parameters import CallFacts, CodeSettings, EffectiveParameter, effective_parameters
from headgate.records.path import path_of
from headgate.records.picking import picked
from headgate.records.rows import clean, day_of
from headgate.records.sink import QUERIES
from headgate.store.database import Connection

WORD_MAX = 200
"""Of names in the index of words: characters."""
NO_ARM = "-"
"""What the filter by arm says of calls that are in none; no arm is called that."""
_MESSAGE_FIELDS = ("messages", "input", "contents")


async def list_requests(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: RequestFilters,
    *,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[RequestItem]:
    """Return a page of requests, newest first. Raises InvalidRequest for a status or cursor that is none."""
    limit = max(1, min(limit, LIMIT_MAX))
    before = _call_id(decode_cursor(cursor, str), "next") if cursor else None
    parameters: dict[str, Any] = {
        **await filter_parameters(connection, project_ids, filters),
        "before_id": before,
        "before_day": None if before is None else day_of(before),
        "limit": limit + 1,
    }
    # A prepared statement would get one plan for all filters; each combination deserves its own.
    found = await connection.execute(QUERIES.list_requests, parameters, prepare=False)
    items = [_item(row) for row in await found.fetchall()]
    more = len(items) > limit
    return Page(items=items[:limit], next=encode_cursor(items[limit - 1].id) if more else None)


async def requests_of(
    connection: Connection, project_ids: Sequence[str] | None, calls: Sequence[uuid.UUID]
) -> list[RequestItem]:
    """Return those of some requests that there are, newest first."""
    parameters: dict[str, Any] = {
        **await filter_parameters(connection, project_ids, RequestFilters()),
        "picked": list(calls),
        "picked_days": sorted({day_of(call) for call in calls}),
        "before_id": None,
        "before_day": None,
        "limit": len(calls),
    }
    found = await connection.execute(QUERIES.list_requests, parameters, prepare=False)
    return [_item(row) for row in await found.fetchall()]


async def filter_parameters(
    connection: Connection, project_ids: Sequence[str] | None, filters: RequestFilters
) -> dict[str, Any]:
    """Return what the part `matching` takes. Raises InvalidRequest for a status that is none."""
    status_min, status_max = _status_range(filters.status)
    given = msgspec.structs.asdict(filters)
    return {
        **{name: clean(value) if isinstance(value, str) else value for name, value in given.items()},
        "project_ids": _scope(project_ids),
        "status_min": status_min,
        "status_max": status_max,
        "patterns": None if filters.text is None else _patterns(filters.text),
        "min_duration_ms": None if filters.min_duration_ms is None else math.ceil(filters.min_duration_ms),
        "words": _words(filters),
        "targets": None if not filters.target else f"{_escaped(clean(filters.target))}/%",
        **await _releases(connection, project_ids, filters.release),
        "exposure": _exposure_path(filters.experiment, filters.arm),
        **await picked(connection, project_ids, filters),
    }


async def get_request(
    connection: Connection, project_ids: Sequence[str] | None, identity: str, *, key: str | None = None
) -> RequestDetail:
    """Return one request in full. Raises NotFound when there is none, or not for these projects (or key)."""
    refusal = NotFound(f"there is no request {identity[:64]!r}; `headgate requests` lists them")
    try:
        call = _call_id(identity, "id")
    except InvalidRequest:
        raise refusal from None
    cursor = await connection.execute(
        QUERIES.get_request,
        {"day": day_of(call), "id": call, "project_ids": _scope(project_ids), "key": key},
    )
    row = await cursor.fetchone()
    if row is None:
        raise refusal
    bodies = await read_bodies(connection, project_ids, call)
    parameters = await _parameters(connection, project_ids, row, bodies)
    return msgspec.structs.replace(_detail(row, bodies), parameters=parameters)


async def _parameters(
    connection: Connection, project_ids: Sequence[str] | None, row: TupleRow, bodies: Bodies | None
) -> list[EffectiveParameter]:
    """The effective parameters of a request, from what is on record of its body, prompts and overrides."""
    kept = (bodies.parameters if bodies is not None else None) or row[35]
    prompts = msgspec.json.decode(row[27], type=list[dict[str, Any]])
    sources = sorted({str(each["source"]) for each in prompts if each.get("source")})
    settings: list[CodeSettings] = []
    if sources:
        cursor = await connection.execute(
            QUERIES.get_code_settings,
            {"project": row[3], "sources": sources, "project_ids": _scope(project_ids)},
        )
        settings = [
            CodeSettings(
                source=found[0],
                kind=found[1],
                parameters=msgspec.json.decode(found[2] or b"[]", type=list[dict[str, Any]]),
            )
            async for found in cursor
        ]
    return effective_parameters(
        CallFacts(
            dialect=row[8],
            operation=row[9],
            model=str(row[12]).partition("/")[2] or row[11],
            sent=None if kept is None else msgspec.json.decode(kept, type=dict[str, Any]),
            overrides=msgspec.json.decode(row[33], type=list[dict[str, Any]]),
            prompts=prompts,
            settings=settings,
        )
    )


async def open_calls(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    key: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> list[OpenCall]:
    """Return the calls that have begun and not ended, newest first."""
    cursor = await connection.execute(
        QUERIES.list_open_calls,
        {"project_ids": _scope(project_ids), "key": key, "limit": max(1, min(limit, LIMIT_MAX))},
    )
    return [
        OpenCall(
            id=str(row[0]),
            started_at=format_datetime(row[1]),
            project=row[2],
            key=row[3],
            user=row[4] or None,
            model=row[5],
            target=row[6],
            attempt=row[7],
            tags=row[8],
            reserved_usd=row[9],
        )
        async for row in cursor
    ]


def format_amount(amount: Decimal | None) -> str | None:
    """Write an amount as a decimal string without exponent or trailing zeros."""
    if amount is None:
        return None
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _scope(project_ids: Sequence[str] | None) -> list[str] | None:
    return None if project_ids is None else list(project_ids)


def _call_id(text: str, parameter: str) -> uuid.UUID:
    try:
        call = uuid.UUID(text)
        day_of(call)
    except (ValueError, OverflowError):
        raise InvalidRequest(f"{text[:64]!r} is no request id", parameter=parameter) from None
    return call


def _status_range(status: str | None) -> tuple[int | None, int | None]:
    if status is None:
        return None, None
    named = {"ok": (100, 399), "error": (400, 599)}
    if status in named:
        return named[status]
    if len(status) == 3 and status[0] in "12345" and status.isascii():
        if status[1:].lower() == "xx":
            return int(status[0]) * 100, int(status[0]) * 100 + 99
        if status.isdigit():
            return int(status), int(status)
    raise InvalidRequest(
        f"status is {status[:16]!r}; write a code such as 429, a class such as 4xx, ok or error",
        parameter="status",
    )


def _words(filters: RequestFilters) -> list[str] | None:
    """Return what the index of words has of a request that matches; None where it has nothing.

    Codes stand there, too, but have an index of their own, in the order of lists.
    """
    given = {"model": filters.model, "target": filters.target}
    words = [f"{name}:{clean(value)[:WORD_MAX]}" for name, value in given.items() if value]
    return words or None


async def _releases(
    connection: Connection, project_ids: Sequence[str] | None, release: str | None
) -> dict[str, str | list[str] | None]:
    """Return the releases that a filter means: asked before, so that the list's plan knows whether it is one,
    whose calls lie in order in an index, or several."""
    if not release:
        return {"release": release, "releases": None}
    parameters = {"release": clean(release), "project_ids": _scope(project_ids)}
    cursor = await connection.execute(QUERIES.find_releases, parameters)
    found = sorted({clean(release), *[str(row[0]) for row in await cursor.fetchall()]})
    if len(found) == 1:
        return {"release": found[0], "releases": None}
    return {"release": None, "releases": found}


def _exposure_path(experiment: str | None, arm: str | None) -> str | None:
    """Return the JSON path of a call's part in an experiment; None where none is asked for."""
    wanted: list[str] = []
    if experiment is not None:
        name = json.dumps(clean(experiment))
        wanted.append(f"(@.experiment == {name} || @.version == {name})")
    if arm is not None:
        wanted.append("!exists(@.arm)" if arm == NO_ARM else f"@.arm == {json.dumps(clean(arm))}")
    return f"$[*] ? ({' && '.join(wanted)})" if wanted else None


def _patterns(text: str) -> list[str]:
    """Return LIKE patterns for the text as it may stand in JSON: as it is, escaped, and escaped to ASCII."""
    written = (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1])
    escaped = (_escaped(form.replace("\0", "")) for form in written)
    return [f"%{form}%" for form in dict.fromkeys(escaped)]


def _escaped(text: str) -> str:
    """Return a text as LIKE takes it letter by letter."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _usage(text: str) -> UsageBuckets:
    return fold(msgspec.json.decode(text, type=Usage))


def _item(row: TupleRow) -> RequestItem:
    return RequestItem(
        id=str(row[0]),
        trace_id=row[1] or None,
        started_at=format_datetime(row[2]),
        project=row[3],
        key=row[4],
        user=row[5] or None,
        session=row[6] or None,
        tags=row[7],
        dialect=row[8],
        operation=row[9],
        stream=row[10],
        model=row[11],
        target=row[12] or None,
        status=row[13],
        code=row[14] or None,
        attempts=row[15],
        duration_ms=row[16],
        first_token_ms=row[17],
        usage=_usage(row[18]),
        cost_usd=format_amount(row[19]),
        estimated=row[20],
        truncated=row[21],
        changes=row[22],
        snapshot=row[23],
        release=row[24] or None,
        prompts=msgspec.Raw(row[25].encode()),
        environment=row[26] or None,
        shadow=row[27],
    )


def _detail(row: TupleRow, bodies: Bodies | None) -> RequestDetail:
    detail = RequestDetail(
        id=str(row[0]),
        trace_id=row[1] or None,
        started_at=format_datetime(row[2]),
        project=row[3],
        key=row[4],
        user=row[5] or None,
        session=row[6] or None,
        tags=row[7],
        dialect=row[8],
        operation=row[9],
        stream=row[10],
        model=row[11],
        target=row[12] or None,
        status=row[13],
        code=row[14] or None,
        message=row[15] or None,
        attempts=msgspec.Raw(row[16].encode()),
        excluded=msgspec.Raw(row[17].encode()),
        duration_ms=row[18],
        first_token_ms=row[19],
        usage=_usage(row[20]),
        usage_detail=msgspec.Raw(row[20].encode()),
        cost_usd=format_amount(row[21]),
        estimated=row[22],
        truncated=row[23],
        changes=row[24],
        snapshot=row[25],
        release=row[26] or None,
        prompts=msgspec.Raw(row[27].encode()),
        record=row[28],
        label_regions=row[29],
        provider_request_id=row[30] or None,
        label_readers=row[31],
        label_purposes=row[32],
        overrides=msgspec.Raw(row[33].encode()),
        environment=row[34] or None,
        parent_span_id=None if row[36] is None else span_text(row[36]),
        response_id=row[37] or None,
        shadow=row[42],
        cost=CostBreakdown(),
        steps=path_of(row[43], row[16], row[17]),
        exposures=msgspec.Raw(row[38].encode()),
        finish=row[39] or None,
        tool_calls=row[40],
        served_model=row[41] or None,
    )
    if bodies is None:
        return detail
    return msgspec.structs.replace(
        detail,
        request=_shown(bodies.request),
        response=_shown(bodies.response),
        messages=_messages(bodies.request),
        request_bytes=bodies.request_length,
        response_bytes=bodies.response_length,
        request_truncated=bool(bodies.request_digest),
        response_truncated=bool(bodies.response_digest),
        response_content_type=bodies.response_content_type or None,
    )


def _shown(body: bytes) -> msgspec.Raw | str:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return body.decode("utf-8", "replace")
    return msgspec.Raw(body)


def _messages(body: bytes) -> list[msgspec.Raw]:
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        for field in _MESSAGE_FIELDS:
            found = members.get(field)
            if found is not None and bytes(found).lstrip().startswith(b"["):
                return msgspec.json.decode(found, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return []
    return []
