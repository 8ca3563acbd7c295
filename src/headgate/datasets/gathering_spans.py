"""Finds the model calls of traces that others sent, for cases: those of the traces that a list would show.

What a recorded call tells of is left to that call, so that nothing is taken twice. Read next:
`datasets.span_cases`, `traces.reading.listing`.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.core.pages import LIMIT_MAX
from headgate.datasets.model import Case
from headgate.datasets.span_cases import Lack, Told, case_of_span
from headgate.datasets.store import QUERIES, Source
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import TraceFilters

SPANS_MAX: Final = 1000
TRACES_MAX: Final = 1000


class FoundSpans(msgspec.Struct, frozen=True, kw_only=True):
    """Cases with their sources, in how many traces how many calls were found, and how many are no case."""

    cases: tuple[tuple[Case, Source], ...]
    traces: int
    spans: int
    recorded: int
    repeated: int
    without: dict[Lack, int]


class WantedSpans(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces' calls: of those named by their ids, or of the newest that the filters of a list want.

    Model and provider among the filters narrow calls, too, also of traces that are named.
    """

    project: str
    filters: TraceFilters
    trace_ids: tuple[str, ...] = ()
    span_ids: tuple[int, ...] = ()
    limit: int = SPANS_MAX
    with_expected: bool = False


async def cases_of_spans(connection: Connection, wanted: WantedSpans, tags: Sequence[str]) -> FoundSpans:
    """Return the cases of the calls that others have told of, those of the newest traces first."""
    traces = await _traces(connection, wanted)
    filters = wanted.filters
    parameters: dict[str, Any] = {
        "project_ids": [wanted.project],
        "trace_ids": traces,
        "span_ids": list(wanted.span_ids) or None,
        "key": filters.only_key,
        "model": filters.model,
        "provider": filters.provider,
        "limit": wanted.limit,
    }
    rows = await fetch_rows(connection, QUERIES.find_spans, parameters)
    cases: dict[str, tuple[Case, Source]] = {}
    without: Counter[Lack] = Counter()
    recorded = repeated = 0
    for row in rows:
        if row["is_recorded"]:
            recorded += 1
            continue
        case = case_of_span(_told(row), tags, with_expected=wanted.with_expected)
        if isinstance(case, str):
            without[case] += 1
        elif case.id in cases:
            repeated += 1
        else:
            cases[case.id] = (case, _source(row))
    return FoundSpans(
        cases=tuple(cases.values()),
        traces=len(traces),
        spans=len(rows),
        recorded=recorded,
        repeated=repeated,
        without=dict(without),
    )


async def _traces(connection: Connection, wanted: WantedSpans) -> list[uuid.UUID]:
    """The traces that match, the newest first; or those that are named, whatever they match."""
    if wanted.trace_ids:
        return [uuid.UUID(each) for each in wanted.trace_ids]
    found: list[uuid.UUID] = []
    cursor: str | None = None
    while len(found) < min(TRACES_MAX, wanted.limit):
        page = await list_traces(connection, [wanted.project], wanted.filters, limit=LIMIT_MAX, cursor=cursor)
        found += [uuid.UUID(item.trace_id) for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    return found[:TRACES_MAX]


def _told(row: dict[str, Any]) -> Told:
    return Told(
        input=row["input"],
        output=row["output"],
        system=row["system"],
        tools=row["tools"],
        flags=row["flags"],
        session=row["session"],
    )


def _source(row: dict[str, Any]) -> Source:
    return Source(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        session=row["session"],
        user=row["user"],
        key=row["key"],
    )
