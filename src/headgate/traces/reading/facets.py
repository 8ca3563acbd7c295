"""What the traces of a filter have in common: how often each model, tool, tag, user and so on stands in them.

Bounded: counted over the newest traces that match. Read next: `reading.listing`.
"""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from headgate.store.database import Connection
from headgate.traces.reading.attributes import within_time
from headgate.traces.reading.listing import (
    LOOK,
    QUERIES,
    filter_parameters_of,
    ordered,
    place_parameters,
    seen_projects,
    walks_of,
)
from headgate.traces.reading.model import Facet, FacetCounts, FacetValue, TraceFilters

COUNTED_MAX: Final = 5_000
VALUES_MAX: Final = 20


async def count_facets(
    connection: Connection, project_ids: Sequence[str] | None, filters: TraceFilters
) -> FacetCounts:
    """Return the most frequent values of each facet."""
    projects = await seen_projects(connection, project_ids)
    parameters = {
        **await filter_parameters_of(connection, filters, projects),
        **place_parameters(None),
        "project_ids": projects,
        "limit": COUNTED_MAX,
        "look": LOOK,
        "values_max": VALUES_MAX,
    }
    async with within_time(connection, filters.attribute):
        counts = FacetCounts(traces=0, complete=True, items=[])
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
        items=[Facet(facet=facet, values=values) for facet, values in facets.items()],
    )
