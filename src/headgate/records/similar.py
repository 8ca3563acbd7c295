"""What is like a request: lists that whoever looks into one call opens next, counted, and its neighbours.

Each is a filter of the list of requests, within a day of the call, so that the list shows what was counted.
Bounded: a list is counted to 1,000, and all of them together for a second. Read next: `records.picking`.
"""

import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from psycopg.errors import QueryCanceled

from headgate.core.pages import format_datetime
from headgate.records.counting import look_no_longer
from headgate.records.model import RequestDetail, RequestFilters
from headgate.records.queries import filter_parameters
from headgate.records.rows import day_of
from headgate.records.sink import QUERIES
from headgate.store.database import Connection

COUNTED_MAX: Final = 1_000
LOOKED_MS: Final = 1_000
AROUND: Final = timedelta(days=1)

SimilarKind = Literal["request", "opening", "prompt", "prompt_slower", "target_slower", "error", "ending"]
NeighbourKind = Literal["session_before", "session_after", "user_before", "user_after"]


class SimilarList(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that are alike in one way, as `filters` of the list between `begin` and `end`. `calls` is how
    many: null where there was no time to count, and one more than is counted where there are more."""

    kind: SimilarKind
    filters: dict[str, str]
    calls: int | None
    counted_max: int
    holds_itself: bool
    """Whether the request is one of them."""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """The request of the same session, or user, right before or after."""

    kind: NeighbourKind
    id: str
    started_at: str
    status: int


class Similar(msgspec.Struct, frozen=True, kw_only=True):
    """What is like a request, within a day of it."""

    begin: str
    end: str
    lists: list[SimilarList]
    neighbours: list[Neighbour]


class _Prompt(msgspec.Struct, frozen=True):
    name: str
    version: str | int | None = None


_PROMPTS = msgspec.json.Decoder(list[_Prompt])


def kinds_of(detail: RequestDetail) -> list[tuple[SimilarKind, dict[str, str]]]:
    """Return by what a request may be like others, with the filters that say so."""
    found: list[tuple[SimilarKind, dict[str, str]]] = []
    slower = {"min_duration_ms": str(detail.duration_ms + 1)}
    if detail.request is not None:
        found.append(("request", {"same_request": detail.id}))
        found.append(("opening", {"same_opening": detail.id}))
    prompt = next(iter(_PROMPTS.decode(detail.prompts)), None)
    if prompt is not None:
        used = {"prompt": prompt.name}
        if prompt.version is not None:
            used["prompt_version"] = str(prompt.version)
        found.append(("prompt", used))
        found.append(("prompt_slower", {**used, **slower}))
    elif detail.target is not None:
        found.append(("target_slower", {"model": detail.model, "target": detail.target, **slower}))
    if detail.code is not None:
        where = {"target": detail.target} if detail.target is not None else {"model": detail.model}
        found.append(("error", {"code": detail.code, **where}))
    if detail.finish is not None:
        found.append(("ending", {"model": detail.model, "finish": detail.finish}))
    return found


async def similar(
    connection: Connection,
    project_ids: Sequence[str] | None,
    detail: RequestDetail,
    *,
    key: str | None = None,
) -> Similar:
    """Return what is like a request that the caller may see; of one key's calls alone where one is named."""
    started = datetime.fromisoformat(detail.started_at)
    begin, end = started - AROUND, min(started + AROUND, datetime.now(UTC) + timedelta(seconds=1))
    deadline_s = time.monotonic() + LOOKED_MS / 1000
    lists: list[SimilarList] = []
    for kind, named in kinds_of(detail):
        texts: dict[str, Any] = {**named, "project": detail.project}
        if "min_duration_ms" in texts:
            texts["min_duration_ms"] = float(texts["min_duration_ms"])
        filters = RequestFilters(**texts, key=key, begin=begin, end=end)
        calls = await _count(connection, project_ids, filters, deadline_s)
        if kind == "opening" and calls == 0:
            continue  # It has no message that is long enough to be kept apart.
        lists.append(
            SimilarList(
                kind=kind,
                filters={**named, "project": detail.project},
                calls=calls,
                counted_max=COUNTED_MAX,
                holds_itself=not kind.endswith("_slower"),
            )
        )
    return Similar(
        begin=format_datetime(begin),
        end=format_datetime(end),
        lists=lists,
        neighbours=await _neighbours(connection, project_ids, detail, key),
    )


async def _count(
    connection: Connection, project_ids: Sequence[str] | None, filters: RequestFilters, deadline_s: float
) -> int | None:
    left_ms = int((deadline_s - time.monotonic()) * 1000)
    if left_ms <= 0:
        return None
    try:
        async with connection.transaction():
            await look_no_longer(connection, left_ms)
            parameters = await filter_parameters(connection, project_ids, filters)
            cursor = await connection.execute(
                QUERIES.count_some, {**parameters, "limit": COUNTED_MAX + 1}, prepare=False
            )
            row = await cursor.fetchone()
    except QueryCanceled:
        return None
    return int(row[0]) if row is not None else None


async def _neighbours(
    connection: Connection, project_ids: Sequence[str] | None, detail: RequestDetail, key: str | None
) -> list[Neighbour]:
    """The calls before and after of its session; where it names none, of its user."""
    of = "session" if detail.session is not None else "user"
    kinds: tuple[NeighbourKind, NeighbourKind] = (
        ("session_before", "session_after") if of == "session" else ("user_before", "user_after")
    )
    if detail.session is None and detail.user is None:
        return []
    call = uuid.UUID(detail.id)
    day = day_of(call)
    parameters: dict[str, Any] = {
        "project_ids": None if project_ids is None else list(project_ids),
        "key": key,
        "project": detail.project,
        "session": detail.session if of == "session" else None,
        "user": detail.user if of == "user" else None,
        "id": call,
        "day": day,
        "first_day": day - AROUND,
        "last_day": day + AROUND,
    }
    cursor = await connection.execute(QUERIES.neighbours, parameters, prepare=False)
    return [
        Neighbour(
            kind=kinds[bool(row[0])],
            id=str(row[1]),
            started_at=format_datetime(row[2]),
            status=row[3],
        )
        async for row in cursor
    ]
