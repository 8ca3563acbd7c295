"""The route that takes cases from traces: model calls that others told of, by the filters of the list.

Read next: `datasets.gathering_spans`, `datasets.http`.
"""

from typing import Annotated

import msgspec
from litestar import post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import InvalidRequest
from headgate.core.identity import span_number
from headgate.datasets.gathering_spans import SPANS_MAX, WantedSpans, cases_of_spans
from headgate.datasets.http import Tag, TraceId, Word
from headgate.datasets.store import Added, add_cases, get_dataset
from headgate.prompts.managed.actions import project_for
from headgate.traces.reading.http import FILTERS, read_filters

SpanId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]


class FromTraces(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which traces to take cases from: those of these ids, or those that a list with these filters shows.

    `span_ids` narrows one trace to some of its steps. With `expected`, what was answered is expected.
    """

    trace_ids: Annotated[list[TraceId], msgspec.Meta(max_length=100)] = []
    span_ids: Annotated[list[SpanId], msgspec.Meta(max_length=100)] = []
    filters: Annotated[dict[str, Word], msgspec.Meta(max_length=50)] = {}
    expected: bool = False
    limit: Annotated[int, msgspec.Meta(ge=1, le=SPANS_MAX)] = 100
    tags: Annotated[list[Tag], msgspec.Meta(max_length=16)] = []


class TakenSpans(msgspec.Struct, frozen=True, kw_only=True):
    """What came of taking cases from traces: what was added, and how many model calls are no case, and why.

    `recorded` went through here themselves: they are taken as calls. `without_content`: nothing was recorded
    of what they asked; `cut`: not all of it; `untold`: OpenAI's chat route can't say it.
    """

    added: Added
    traces: int
    spans: int
    recorded: int
    repeated: int
    without_content: int
    cut: int
    untold: int


@post(
    "/datasets/{name:str}/traces", status_code=201, opt={"grant": grant("datasets:write")}, tags=["datasets"]
)
async def add_spans(
    caller: CallerKey,
    *,
    database: Store,
    name: FromPath[str],
    data: JSONBody[FromTraces],
    project: FromQuery[str | None] = None,
) -> TakenSpans:
    """Take cases from model calls in traces that others sent. Where their user is erased, they go, too."""
    of_project = project_for(caller, project)
    wanted = _wanted(data, caller, of_project)
    async with database.transaction() as connection:
        dataset = await get_dataset(connection, of_project, name)
        found = await cases_of_spans(connection, wanted, data.tags)
        added = await add_cases(connection, dataset, found.cases, by=caller.id)
        entry = AuditEntry(
            actor=caller.id,
            action="add_spans",
            kind="dataset",
            object=name,
            project=of_project,
            after=data,
        )
        await write_audit(connection, entry)
    return TakenSpans(
        added=added,
        traces=found.traces,
        spans=found.spans,
        recorded=found.recorded,
        repeated=found.repeated,
        without_content=found.without.get("content", 0),
        cut=found.without.get("cut", 0),
        untold=found.without.get("words", 0),
    )


def _wanted(data: FromTraces, caller: CallerKey, project: str) -> WantedSpans:
    unknown = sorted(set(data.filters) - (set(FILTERS) - {"project"}))
    if unknown:
        raise InvalidRequest(
            f"{unknown[0][:64]!r} is no filter of traces; there is {', '.join(sorted(FILTERS))}; `project` "
            "goes into the address",
            parameter="filters",
        )
    if not (data.trace_ids or data.filters):
        raise InvalidRequest("name traces by trace_ids or filters", parameter="filters")
    if data.span_ids and len(data.trace_ids) != 1:
        raise InvalidRequest("span_ids are steps of one trace; name it in trace_ids", parameter="span_ids")
    filters, _ = read_filters(data.filters, visible(caller))
    return WantedSpans(
        project=project,
        filters=filters,
        trace_ids=tuple(data.trace_ids),
        span_ids=tuple([span_number(bytes.fromhex(each)) for each in data.span_ids]),
        limit=data.limit,
        with_expected=data.expected,
    )
