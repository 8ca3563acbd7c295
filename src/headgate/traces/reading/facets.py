"""What the traces of a filter have in common: how often each model, tool, tag, user and so on stands in them.

Each facet is counted under all filters but its own: as many as a click on the value would leave. Bounded:
counted over the newest traces that match. Read next: `reading.listing`.
"""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

import msgspec

from headgate.store.database import Connection
from headgate.traces.reading.attributes import within_time
from headgate.traces.reading.listing import (
    LOOK,
    QUERIES,
    filter_parameters_of,
    is_narrowed,
    ordered,
    place_parameters,
    seen_projects,
    walks_of,
)
from headgate.traces.reading.model import Facet, FacetCounts, FacetValue, TraceFilters

COUNTED_MAX: Final = 5_000
VALUES_MAX: Final = 20


_FACETS: Final = (
    *("status", "flag", "name", "model", "agent", "tool", "provider", "service", "user", "tag", "release"),
    *("key", "kind", "operation", "prompt", "finish"),
)
"""Facets that there is a filter of. That of an environment is the frame's, which all is counted under."""


async def count_facets(
    connection: Connection, project_ids: Sequence[str] | None, filters: TraceFilters
) -> FacetCounts:
    """Return the most frequent values of each facet, under all filters but its own."""
    projects = await seen_projects(connection, project_ids)
    counts = await _counted_under(connection, projects, filters)
    found = {each.facet: each for each in counts.items}
    for facet in _FACETS:
        if getattr(filters, facet) is None:
            continue
        wider = await _counted_under(connection, projects, msgspec.structs.replace(filters, **{facet: None}))
        found.pop(facet, None)
        found |= {each.facet: each for each in wider.items if each.facet == facet}
    return msgspec.structs.replace(counts, items=[found[facet] for facet in sorted(found)])


async def _counted_under(connection: Connection, projects: list[str], filters: TraceFilters) -> FacetCounts:
    """Count all facets of the newest traces that match."""
    parameters = {
        **await filter_parameters_of(connection, filters, projects),
        **place_parameters(None),
        "project_ids": projects,
        "limit": COUNTED_MAX,
        "look": LOOK if is_narrowed(filters) else COUNTED_MAX,
        "values_max": VALUES_MAX,
    }
    counts = FacetCounts(traces=0, complete=True, items=[])
    async with within_time(connection, filters.attribute):
        for walk in walks_of(filters):
            counts = await _counted(connection, ordered(_of_facets(walk), filters=filters), parameters)
            if not counts.complete:
                break
    return counts


def _of_facets(statement: LiteralString) -> LiteralString:
    return statement.replace("[columns]", QUERIES.facet_columns)


async def _counted(connection: Connection, traces: LiteralString, parameters: dict[str, Any]) -> FacetCounts:
    found = await connection.execute(
        QUERIES.count_facets.replace("[traces]", traces), parameters, prepare=False
    )
    facets: dict[str, list[FacetValue]] = {}
    for facet, value, count in await found.fetchall():
        facets.setdefault(facet, []).append(FacetValue(value=value, traces=count))
    whole = facets.pop("")[0].traces
    return FacetCounts(
        traces=whole,
        complete=whole < COUNTED_MAX,
        items=[
            Facet(facet=facet, traces=whole, complete=whole < COUNTED_MAX, values=values)
            for facet, values in facets.items()
        ],
    )
