"""Routes of traces: lists of them, and one as a tree.

Access stands inside every question (`project_ids`, and the key where only own work shows), before paging.
Read next: `reading.listing`, `reading.opening`, `access.roles`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, get_args

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import Visible, visible
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd, parse_usd
from headgate.core.pages import Page
from headgate.records.following import FOLLOWED_PAGE, Followed, follow
from headgate.records.http import (
    PAGING,
    WHEN,
    Following,
    Guard,
    narrowed,
    query_parameter,
    read_limit,
    read_milliseconds,
    read_name,
    read_text,
    read_times,
)
from headgate.store.database import Database
from headgate.traces.reading.attributes import read_attribute
from headgate.traces.reading.content import read_span
from headgate.traces.reading.facets import count_facets
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import (
    FacetCounts,
    Sort,
    SpanDetail,
    SpanPage,
    TraceDetail,
    TraceFilters,
    TraceItem,
    TraceStatus,
)
from headgate.traces.reading.opening import open_trace
from headgate.traces.reading.scored import read_score
from headgate.traces.reading.span_pages import list_spans

AnyRequest = Request[Any, Any, Any]

POLL_S: Final = 0.5

_TEXTS: Final[dict[str, str]] = {
    "key": "in which the key of this id has a part",
    "user": "of this user",
    "session": "of this session",
    "name": "of this name",
    "model": "in which this model was called",
    "provider": "in which this provider was called",
    "service": "in which this service has a part",
    "release": "of this release",
    "environment": "of this environment; - is none",
    "tag": "with this tag",
    "tool": "that used this tool",
    "agent": "in which this agent has a part",
    "kind": "with a step of this kind, such as llm, tool or retriever",
    "operation": "with a step of this operation, such as chat or execute_tool",
    "prompt": "in which a call was made of this prompt",
    "finish": "in which an answer ended so, such as length or refusal",
    "flag": "with this flag, such as usage_differs",
    "text": "with these words, or phrases in double quotes, in a step",
}
_OTHERS: Final[dict[str, str]] = {
    "project": "traces of this project",
    "status": "error: in which a step failed; ok: in which none did",
    "min_duration_ms": "that took at least so long",
    "max_duration_ms": "that took at most so long",
    "min_cost_usd": "that cost at least so much",
    "max_cost_usd": "that cost at most so much",
    "min_tokens": "whose calls took at least so many tokens, in and out",
    "max_tokens": "whose calls took at most so many tokens, in and out",
    "score": "of which this was said, such as csat>=4, helpful:false, outcome:resolved, or a name alone",
    "attribute": "with a step that has this attribute, as NAME=VALUE: looked for during 2 s",
}
FILTERS: Final[dict[str, Any]] = {
    name: query_parameter(text) for name, text in {**_TEXTS, **_OTHERS}.items()
} | WHEN
SORT: Final = {"sort": query_parameter("newest (the default), slowest or dearest first")}


class TraceListController(Controller):
    """Traces, as a list."""

    path = "/traces"
    tags = ("traces",)
    parameters = {**FILTERS, **SORT, **PAGING}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("traces:read")})
    async def list_traces(self, caller: CallerKey, request: AnyRequest, database: Store) -> Page[TraceItem]:
        """List traces. All filters given must match.

        An admin sees all projects, a project admin and a viewer their own, a member the traces that its own
        key alone has made.
        """
        query = request.query_params
        filters, seen = read_filters(query, visible(caller))
        async with database.connection() as connection:
            return await list_traces(
                connection,
                seen.project_ids,
                filters,
                sort=read_sort(query.get("sort")),
                limit=read_limit(query),
                cursor=query.get("next"),
            )


class TraceFollowController(Controller):
    """Traces, as they come in."""

    path = "/traces/stream"
    tags = ("traces",)
    parameters = FILTERS

    @get(opt={"grant": grant("traces:read")})
    async def follow_traces(
        self, caller: CallerKey, request: AnyRequest, database: Store, gate: Guard, following: Following
    ) -> ServerSentEvent:
        """Send traces as they come in and when they have grown, as server-sent events of the kind `trace`.

        The same filters as for the list. Ends when the key is revoked or expires.
        """
        filters, seen = read_filters(request.query_params, visible(caller))
        following.check()
        followed = _followed(database, seen, filters)
        return ServerSentEvent(follow(followed, filters.begin, lambda: gate.authenticate(request), following))


class TraceFacetsController(Controller):
    """What traces have in common."""

    path = "/traces/facets"
    tags = ("traces",)
    parameters = FILTERS

    @get(opt={"grant": grant("traces:read")})
    async def count_facets(self, caller: CallerKey, request: AnyRequest, database: Store) -> FacetCounts:
        """Count how often each model, tool, tag, user and so on stands in the traces of a filter.

        Each facet is counted under all filters but its own, over the newest 5,000 that match these;
        `complete` says whether these are all.
        """
        filters, seen = read_filters(request.query_params, visible(caller))
        async with database.connection() as connection:
            return await count_facets(connection, seen.project_ids, filters)


@get("/traces/{trace_id:str}", tags=["traces"], opt={"grant": grant("traces:read")})
async def show_trace(
    caller: CallerKey,
    database: Store,
    trace_id: FromPath[str],
    project: FromQuery[str | None] = None,
    content: FromQuery[bool] = False,
) -> TraceDetail:
    """Show one trace as a tree: its spans and recorded calls, each call once.

    A member sees its own key's part. `project` is needed where several projects have a trace of this id. With
    `content=true` each span has what went in and came out, where that is little enough.
    """
    seen = narrowed(visible(caller), project)
    async with database.connection() as connection:
        return await open_trace(connection, seen.project_ids, trace_id, key=seen.key, with_content=content)


class SpanPagesController(Controller):
    """The steps of one trace, by time."""

    path = "/traces/{trace_id:str}/spans"
    tags = ("traces",)
    parameters = {  # noqa: RUF012 - how the framework takes them
        "project": query_parameter("the trace of this project, where several have one of this id"),
        **PAGING,
    }

    @get(opt={"grant": grant("traces:read")})
    async def list_spans(
        self, caller: CallerKey, request: AnyRequest, database: Store, trace_id: FromPath[str]
    ) -> SpanPage:
        """List the steps of a trace, the earliest first, without content: quick, however many there are.

        A recorded call that a span tells of stands as that span alone. What counts towards the trace's cost,
        and the critical path, say the trace as a tree.
        """
        query = request.query_params
        seen = narrowed(visible(caller), read_text(query, "project"))
        async with database.connection() as connection:
            return await list_spans(
                connection,
                seen.project_ids,
                trace_id,
                key=seen.key,
                limit=read_limit(query),
                cursor=query.get("next"),
            )


@get("/traces/{trace_id:str}/spans/{span_id:str}", tags=["traces"], opt={"grant": grant("traces:read")})
async def show_span(
    caller: CallerKey,
    database: Store,
    trace_id: FromPath[str],
    span_id: FromPath[str],
    project: FromQuery[str | None] = None,
) -> SpanDetail:
    """Show one span in full: messages, tools, documents, events, links and attributes."""
    seen = narrowed(visible(caller), project)
    async with database.connection() as connection:
        return await read_span(connection, seen.project_ids, trace_id, span_id, key=seen.key)


def read_filters(query: Mapping[str, str], seen: Visible) -> tuple[TraceFilters, Visible]:
    """Read the filters of a list within what the caller sees. Raises InvalidRequest that names one."""
    begin, end = read_times(query)
    filters = TraceFilters(
        **{name: read_text(query, name) for name in _TEXTS if name != "environment"},
        environment=read_name(query, "environment"),
        begin=begin,
        end=end,
        status=_status(query.get("status")),
        min_duration_ms=read_milliseconds(query, "min_duration_ms"),
        max_duration_ms=read_milliseconds(query, "max_duration_ms"),
        min_cost_usd=_usd(query, "min_cost_usd"),
        max_cost_usd=_usd(query, "max_cost_usd"),
        min_tokens=_tokens(query, "min_tokens"),
        max_tokens=_tokens(query, "max_tokens"),
        score=None if (said := read_text(query, "score")) is None else read_score(said),
        attribute=None if (said := read_text(query, "attribute")) is None else read_attribute(said),
        only_key=seen.key,
    )
    return filters, narrowed(seen, read_text(query, "project"))


def _followed(database: Database, seen: Visible, filters: TraceFilters) -> Followed:
    async def newest(begin: datetime) -> list[TraceItem]:
        since = msgspec.structs.replace(filters, begin=begin)
        async with database.connection() as connection:
            return (await list_traces(connection, seen.project_ids, since, limit=FOLLOWED_PAGE)).items

    # A trace grows: more of it arrives, or it is settled.
    return Followed(kind="trace", newest=newest, place=_place_of, poll_s=POLL_S, grows=True)


def _place_of(item: TraceItem) -> tuple[str, str]:
    return item.project, item.trace_id


def read_sort(text: str | None) -> Sort:
    """Read in which order. Raises InvalidRequest for another one."""
    try:
        return msgspec.convert("newest" if text is None else text, Sort)
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"sort is {text!r}; write {', '.join(get_args(Sort))}", parameter="sort"
        ) from None


def _status(text: str | None) -> TraceStatus | None:
    try:
        return msgspec.convert(text, TraceStatus | None)
    except msgspec.ValidationError:
        raise InvalidRequest(f"status is {text!r}; write ok or error", parameter="status") from None


def _usd(query: Mapping[str, str], name: str) -> str | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return format_usd(parse_usd(text))
    except ValueError as error:
        raise InvalidRequest(f"{name}: {error}", parameter=name) from None


def _tokens(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise InvalidRequest(f"{name} is {text[:40]!r}; write a whole number of tokens", parameter=name)
    return int(text)
