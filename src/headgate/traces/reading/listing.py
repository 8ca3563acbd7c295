"""Lists of traces: newest, slowest or dearest first, by any filter, in pages.

A list looks at the first so many traces in its order; where too few of these match, it asks for all that do,
which are then few, and found by the indexes of the filters. Read next: `reading/queries.sql`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg.rows import TupleRow

from headgate.core.faults import InvalidRequest
from headgate.core.pages import LIMIT_DEFAULT, LIMIT_MAX, Page, decode_cursor, encode_cursor, format_datetime
from headgate.records.model import buckets_of
from headgate.records.queries import format_amount
from headgate.records.rows import clean
from headgate.store.database import Connection
from headgate.traces.reading.attributes import within_time
from headgate.traces.reading.model import Sort, TraceFilters, TraceItem
from headgate.traces.reading.searching import QUERIES, TextQuestion, find_hits

LOOK: Final = 20_000
"""How many traces a list looks at before it asks the indexes of its filters."""
LOOK_SCATTERED: Final = 2_000
"""The same where the order is not that of time, in which traces lie together."""
TEXT_HITS_MAX: Final = 5000
"""So many spans with a text are looked at, those of the newest days: their traces are filtered further."""
FACETS_MAX: Final = 200
"""A trace with as many words may lack some: whose it is isn't known for certain then."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FACETS: Final = (
    *("key", "model", "provider", "service", "release", "tag", "tool", "agent"),
    *("kind", "operation", "prompt", "finish"),
)
_NARROWING: Final = (
    *_FACETS,
    *("environment", "user", "session", "name", "status", "flag", "text", "score", "attribute", "only_key"),
    *("min_duration_ms", "max_duration_ms", "min_cost_usd", "max_cost_usd", "min_tokens", "max_tokens"),
)


async def list_traces(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: TraceFilters,
    *,
    sort: Sort = "newest",
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[TraceItem]:
    """Return a page of traces. Raises InvalidRequest for a cursor that is none of this list, and for an
    attribute that takes too long to look for."""
    limit = max(1, min(limit, LIMIT_MAX))
    narrows = is_narrowed(filters)
    projects = await seen_projects(connection, project_ids)
    parameters = {
        **await filter_parameters_of(connection, filters, projects),
        **place_parameters(cursor, sort),
        "project_ids": projects,
        "limit": limit + 1,
        "look": _look(sort) if narrows else limit + 1,
    }
    rows: list[TupleRow] = []
    async with within_time(connection, filters.attribute):
        for walk in walks_of(filters):
            found = await connection.execute(ordered(walk, sort, filters), parameters, prepare=False)
            rows = await found.fetchall()
            if len(rows) > limit:
                break
    more = len(rows) > limit
    return Page(
        items=[trace_item(row) for row in rows[:limit]],
        next=_cursor(rows[limit - 1], sort) if more else None,
    )


def walks_of(filters: TraceFilters) -> tuple[LiteralString, ...]:
    """Return the statements of a list, asked until one finds enough: its first traces, then all that match.

    Where a text has named the traces, these alone are looked at.
    """
    first = (QUERIES.first_traces,) if filters.text is None else ()
    return (*first, *((QUERIES.matching_traces,) if is_narrowed(filters) else ()))


def _look(sort: Sort) -> int:
    return LOOK if sort == "newest" else min(LOOK, LOOK_SCATTERED)


async def seen_projects(connection: Connection, project_ids: Sequence[str] | None) -> list[str]:
    """Return the projects among these that have traces; among all where none are named."""
    named = None if project_ids is None else list(project_ids)
    cursor = await connection.execute(QUERIES.trace_projects, {"project_ids": named})
    return [project for (project,) in await cursor.fetchall()]


async def filter_parameters_of(
    connection: Connection, filters: TraceFilters, projects: list[str]
) -> dict[str, Any]:
    """Return what the filter's SQL takes, a text looked up. Raises InvalidRequest for one without words."""
    traces: list[UUID] | None = None
    if filters.text is not None:
        question = TextQuestion(
            text=filters.text, project_ids=projects, key=filters.only_key, score=filters.score
        )
        _, hits = await find_hits(connection, question, limit=TEXT_HITS_MAX)
        traces = list({hit[0] for hit in hits})
    return {**filter_parameters(filters), "trace_ids": traces}


def filter_parameters(filters: TraceFilters) -> dict[str, Any]:
    """Return what the filter's SQL takes, for filters without a text."""
    words = [f"{facet}:{clean(value)}" for facet in _FACETS if (value := getattr(filters, facet)) is not None]
    if filters.environment:
        words.append(f"environment:{clean(filters.environment)}")
    if filters.score is not None:
        words.append(f"score:{clean(filters.score.name)}")
    return {
        "begin": filters.begin,
        "end": filters.end,
        "user": filters.user,
        "session": filters.session,
        "environment": filters.environment,
        "name": filters.name,
        "facets": words or None,
        "status": filters.status,
        "flag": filters.flag,
        "min_duration": _duration(filters.min_duration_ms),
        "max_duration": _duration(filters.max_duration_ms),
        "min_cost_usd": filters.min_cost_usd,
        "max_cost_usd": filters.max_cost_usd,
        "min_tokens": filters.min_tokens,
        "max_tokens": filters.max_tokens,
        "only_key": filters.only_key,
        "trace_ids": None,
        "facets_max": FACETS_MAX,
        **({} if filters.score is None else filters.score.parameters()),
        **({} if filters.attribute is None else filters.attribute.parameters()),
    }


def _duration(milliseconds: float | None) -> timedelta | None:
    return None if milliseconds is None else timedelta(milliseconds=milliseconds)


def with_columns(statement: LiteralString, filters: TraceFilters | None = None) -> LiteralString:
    """Put the columns of a trace's row, and the filter, in their places."""
    wanted = QUERIES.trace_filter
    if filters is not None and filters.score is not None:
        # Only then: a planner that finds it behind an `or` would not begin with the scores.
        wanted = wanted + " and " + QUERIES.trace_scored
    if filters is not None and filters.attribute is not None:
        wanted = wanted + " and " + QUERIES.trace_with_attribute
    return statement.replace("[columns]", QUERIES.trace_columns).replace("[filter]", wanted)


def is_narrowed(filters: TraceFilters) -> bool:
    """Say whether traces are left out for more than their time and project."""
    return any(getattr(filters, name) is not None for name in _NARROWING)


def trace_item(row: TupleRow) -> TraceItem:
    """Return a row of `trace_columns` as lists show it."""
    trace_id, project, name, session, user, started_at, duration_ms, calls, errors, *rest = row
    *tokens, cost_usd, unpriced, facets, flags, service, release, environment, spans = rest[:13]
    words = _by_facet(facets)
    return TraceItem(
        trace_id=trace_id.hex,
        project=project,
        name=name or None,
        session=session or None,
        user=user or None,
        started_at=format_datetime(started_at),
        duration_ms=round(duration_ms, 3),
        spans=spans,
        calls=calls,
        errors=errors,
        status="error" if errors or "error" in words.get("status", ()) else "ok",
        usage=buckets_of(tokens),
        cost_usd=format_amount(cost_usd),
        unpriced=unpriced,
        models=words.get("model", []),
        providers=words.get("provider", []),
        agents=words.get("agent", []),
        tools=words.get("tool", []),
        tags=words.get("tag", []),
        keys=words.get("key", []),
        flags=flags,
        service=service or None,
        release=release or None,
        environment=environment or None,
    )


def _by_facet(facets: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in facets:
        facet, _, value = word.partition(":")
        found.setdefault(facet, []).append(value)
    return found


def ordered(
    statement: LiteralString, sort: Sort = "newest", filters: TraceFilters | None = None
) -> LiteralString:
    """Put the columns, the filter and the order of a list in their places."""
    return (
        with_columns(statement, filters)
        .replace("[place]", QUERIES[f"{sort}_place"])
        .replace("[order]", QUERIES[f"{sort}_order"])
        .replace("[order of m]", QUERIES[f"{sort}_order"].replace("t.", "m."))
    )


def _cursor(row: TupleRow, sort: Sort) -> str:
    trace_id, project, started_at, duration_ms, cost_usd = row[0], row[1], row[5], row[6], row[14]
    match sort:
        case "newest":
            place = str(round((started_at - _EPOCH) / timedelta(microseconds=1)))
        case "slowest":
            place = str(round(duration_ms * 1000))
        case "dearest":
            place = str(cost_usd)
    return encode_cursor((sort, place, str(trace_id), project))


def place_parameters(cursor: str | None, sort: Sort = "newest") -> dict[str, Any]:
    """Return where a list goes on, as its SQL takes it."""
    if cursor is None:
        return {"place": None, "place_id": None, "place_project": None}
    kind, place, trace_id, project = decode_cursor(cursor, tuple[str, str, str, str])
    try:
        if kind != sort:
            raise ValueError(kind)
        match sort:
            case "newest":
                at: Any = _EPOCH + timedelta(microseconds=int(place))
            case "slowest":
                at = timedelta(microseconds=int(place))
            case "dearest":
                at = Decimal(place)
        return {"place": at, "place_id": UUID(trace_id), "place_project": project}
    except (ValueError, ArithmeticError):
        raise InvalidRequest(
            "next is no cursor of this list; pass on what the page before said", parameter="next"
        ) from None
