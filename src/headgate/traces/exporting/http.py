"""Routes that give traces away as files: one, or all of a filter, streamed a piece at a time.

No more than `EXPORTS_MAX` at once; the key is looked at again before each trace. An export that can't go on
breaks its connection off, so that nobody takes a part for the whole. Read next: `exporting.lines`.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, Final, get_args

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, SkipValidation
from litestar.response import Stream

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import Visible, visible
from headgate.core.faults import InvalidRequest, Limited
from headgate.core.pages import LIMIT_MAX, Page
from headgate.records.http import Guard, narrowed, query_parameter
from headgate.store.database import Database
from headgate.traces.exporting.batches import readers_of
from headgate.traces.exporting.lines import lines_of
from headgate.traces.exporting.model import Format
from headgate.traces.exporting.reading import TraceReader
from headgate.traces.reading.finding import find_trace, unknown_trace
from headgate.traces.reading.http import FILTERS, SORT, read_filters, read_sort
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import Sort, TraceFilters, TraceItem

AnyRequest = Request[Any, Any, Any]

EXPORTS_MAX: Final = 4
MEDIA_TYPE: Final = "application/x-ndjson"
_FORMAT: Final = {
    "format": query_parameter(
        "otlp: requests that /v1/traces takes, one a line; jsonl: a span or call a line"
    ),
    "limit": query_parameter("at most so many traces; left out, all"),
}


class Exports:
    """Counts exports that go on, so that there is a bound."""

    def __init__(self) -> None:
        self.count = 0


Exporting = NamedDependency[SkipValidation[Exports]]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces are exported, and as what."""

    seen: Visible
    filters: TraceFilters
    sort: Sort
    form: Format
    limit: int | None


class TraceExportController(Controller):
    """The traces of a filter, as a file."""

    path = "/traces/export"
    tags = ("traces",)
    parameters = {**FILTERS, **SORT, **_FORMAT}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("traces:read")})
    async def export_traces(
        self, caller: CallerKey, request: AnyRequest, database: Store, gate: Guard, exporting: Exporting
    ) -> Stream:
        """Export the traces of a filter, in the order of the list: OTLP or JSON Lines, a line at a time.

        Ends when the key is revoked or expires: then the connection breaks off.
        """
        query = request.query_params
        filters, seen = read_filters(query, visible(caller))
        question = Question(
            seen=seen,
            filters=filters,
            sort=read_sort(query.get("sort")),
            form=_form(query.get("format")),
            limit=_limit(query),
        )
        first = await page_of(database, question, None)
        lines = exported(database, question, first, lambda: gate.authenticate(request))
        return _file(lines, exporting, f"traces.{_SUFFIXES[question.form]}")


@get("/traces/{trace_id:str}/export", tags=["traces"], opt={"grant": grant("traces:read")})
async def export_trace(
    caller: CallerKey,
    database: Store,
    exporting: Exporting,
    trace_id: FromPath[str],
    *,
    format: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    project: FromQuery[str | None] = None,
) -> Stream:
    """Export one trace: its spans and recorded calls as OTLP that /v1/traces takes, or as JSON Lines.

    A member gets its own key's part. `project` is needed where several projects have a trace of this id.
    """
    seen = narrowed(visible(caller), project)
    form = _form(format)
    async with database.connection() as connection:
        kept = await find_trace(connection, seen.project_ids, trace_id)
    lines = lines_of(TraceReader(database, kept, seen.key), kept.item.project, form)
    first = await anext(lines, None)
    if first is None:
        raise unknown_trace(trace_id)
    return _file(_joined(first, lines), exporting, f"trace-{trace_id.lower()}.{_SUFFIXES[form]}")


_SUFFIXES: Final[Mapping[Format, str]] = {"otlp": "otlp.jsonl", "jsonl": "jsonl"}


async def exported(
    database: Database, question: Question, first: Page[TraceItem], check: Callable[[], object]
) -> AsyncIterator[bytes]:
    """Yield the lines of all traces, page after page."""
    page, left = first, question.limit
    while True:
        async for reader in readers_of(database, page.items[:left], question.seen.key):
            check()
            async for piece in lines_of(reader, reader.project, question.form):
                yield piece
        left = None if left is None else left - len(page.items)
        if page.next is None or (left is not None and left <= 0):
            return
        page = await page_of(database, question, page.next)


async def page_of(database: Database, question: Question, cursor: str | None) -> Page[TraceItem]:
    """Return a page of the traces that are exported."""
    async with database.connection() as connection:
        return await list_traces(
            connection,
            question.seen.project_ids,
            question.filters,
            sort=question.sort,
            limit=LIMIT_MAX,
            cursor=cursor,
        )


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _file(lines: AsyncIterator[bytes], exporting: Exports, name: str) -> Stream:
    if exporting.count >= EXPORTS_MAX:
        raise Limited(f"{EXPORTS_MAX} exports go on already; try again later", retry_after_s=10)
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Stream(counted(lines, exporting), media_type=MEDIA_TYPE, headers=headers)


async def counted(lines: AsyncIterator[bytes], exporting: Exports) -> AsyncGenerator[bytes]:
    """Yield the lines, and be counted meanwhile."""
    exporting.count += 1
    try:
        async for piece in lines:
            yield piece
    finally:
        exporting.count -= 1


def _form(text: str | None) -> Format:
    try:
        return msgspec.convert("otlp" if text is None else text, Format)
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"format is {text!r}; write {' or '.join(get_args(Format))}", parameter="format"
        ) from None


def _limit(query: Mapping[str, str]) -> int | None:
    text = query.get("limit")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text)):
        raise InvalidRequest(f"limit is {text[:32]!r}; write how many traces at most", parameter="limit")
    return int(text)
