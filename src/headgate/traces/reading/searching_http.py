"""Routes that look across traces: full text, and sums over time.

Read next: `reading.searching`, `reading.series`.
"""

from typing import Any, Final, get_args

import msgspec
from litestar import Controller, Request, get

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest, NotAllowed
from headgate.core.pages import Page
from headgate.records.http import (
    PAGING,
    WHEN,
    narrowed,
    query_parameter,
    read_limit,
    read_span,
    read_text,
    read_times,
)
from headgate.records.model import Interval
from headgate.traces.reading.counting import count_traces
from headgate.traces.reading.http import FILTERS, read_filters
from headgate.traces.reading.listing import seen_projects
from headgate.traces.reading.model import SeriesGroup, SeriesPoint, TextHit, TraceCounts
from headgate.traces.reading.scored import read_score
from headgate.traces.reading.searching import TextQuestion, search_text
from headgate.traces.reading.series import trace_series

AnyRequest = Request[Any, Any, Any]

_PROJECT: Final = {"project": query_parameter("only traces of this project")}
_TEXT: Final = {"text": query_parameter('words, or "phrases in double quotes"; all have to be there')}
_SCORE: Final = {"score": query_parameter("only in traces of which this was said, such as csat>=4")}
_SERIES: Final = {
    "group_by": query_parameter(f"one of {', '.join(get_args(SeriesGroup))}; left out, all together"),
    "interval": query_parameter("hour or day; left out, one sum for all"),
}


class TraceSearchController(Controller):
    """Full text over what went into steps and came out."""

    path = "/traces/search"
    tags = ("traces",)
    parameters = {**_TEXT, **_SCORE, **_PROJECT, **PAGING}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("traces:read")})
    async def search_traces(self, caller: CallerKey, request: AnyRequest, database: Store) -> Page[TextHit]:
        """Find spans by words of their messages, documents and results, the newest days first."""
        query = request.query_params
        seen = narrowed(visible(caller), read_text(query, "project"))
        text = read_text(query, "text")
        if text is None:
            raise InvalidRequest("text is missing; write words to look for", parameter="text")
        said = read_text(query, "score")
        score = None if said is None else read_score(said)
        async with database.connection() as connection:
            projects = await seen_projects(connection, seen.project_ids)
            question = TextQuestion(text=text, project_ids=projects, key=seen.key, score=score)
            return await search_text(connection, question, limit=read_limit(query), cursor=query.get("next"))


class TraceCountController(Controller):
    """Traces, counted."""

    path = "/traces/counts"
    tags = ("traces",)
    parameters = FILTERS

    @get(opt={"grant": grant("traces:read")})
    async def count_traces(self, caller: CallerKey, request: AnyRequest, database: Store) -> TraceCounts:
        """Count traces by time, for any filter that lists take; of the last day where no times are given.

        Up to 5,000 are counted one by one; more by the sums of settled traces by hour and day, where the
        filter is at most one name, service, environment, release or model, else the newest 5,000 alone:
        `counted_from` says from when on all are counted.
        """
        query = request.query_params
        filters, seen = read_filters(query, visible(caller))
        begin, end = read_span(query)
        async with database.connection() as connection:
            return await count_traces(connection, seen.project_ids, filters, begin=begin, end=end)


class TraceSeriesController(Controller):
    """Traces over time."""

    path = "/traces/series"
    tags = ("traces",)
    parameters = {**_SERIES, **_PROJECT, **WHEN}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("traces:read")})
    async def trace_series(
        self, caller: CallerKey, request: AnyRequest, database: Store
    ) -> Page[SeriesPoint]:
        """Sum up settled traces, from the rollups, by interval and then the dearest first.

        A member sees no sums over the traces of others.
        """
        query = request.query_params
        seen = narrowed(visible(caller), read_text(query, "project"))
        if seen.own_key_only:
            raise NotAllowed("series sum up what all keys made; ask with a viewer's or admin's key")
        begin, end = read_times(query)
        async with database.connection() as connection:
            points = await trace_series(
                connection,
                seen.project_ids,
                group_by=_group(query.get("group_by")),
                interval=_interval(query.get("interval")),
                begin=begin,
                end=end,
            )
        return Page(items=points)


def _group(text: str | None) -> SeriesGroup | None:
    try:
        return msgspec.convert(text, SeriesGroup | None)
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"group_by is {text!r}; write one of {', '.join(get_args(SeriesGroup))}", parameter="group_by"
        ) from None


def _interval(text: str | None) -> Interval | None:
    try:
        return msgspec.convert(text, Interval | None)
    except msgspec.ValidationError:
        raise InvalidRequest(f"interval is {text!r}; write hour or day", parameter="interval") from None
