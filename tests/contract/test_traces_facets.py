"""Facets of traces count, under all filters but their own, what the list has where one clicks on a value."""

from collections.abc import Mapping

import msgspec
import pytest
from tests.contract.traces_by_hand import at, new_trace, put_trace

from headgate.store.database import Database
from headgate.traces.reading import facets as facets_module
from headgate.traces.reading.facets import count_facets
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import TraceFilters

FILTERS: list[Mapping[str, str]] = [
    {},
    {"model": "small"},
    {"model": "small", "tag": "red"},
    {"status": "error"},
    {"status": "ok", "user": "anna", "name": "answer"},
    {"flag": "cost_differs", "tool": "search"},
    {"release": "r1"},
    {"user": "nobody", "model": "small"},
    {"environment": "live", "model": "large"},
    {"environment": "", "model": "small"},
]


def filters_of(query: Mapping[str, str]) -> TraceFilters:
    return msgspec.convert(query, TraceFilters)


async def traces_made(database: Database) -> None:
    made: list[tuple[list[str], str, str, list[str]]] = [
        (["model:small", "tag:red", "tool:search", "environment:live"], "anna", "answer", ["cost_differs"]),
        (["model:small", "tag:blue", "status:error", "release:r1"], "anna", "answer", []),
        (["model:large", "tag:red", "tool:search", "environment:live"], "ben", "plan", ["cost_differs"]),
        (["model:large", "model:small", "tool:write", "release:r2"], "ben", "answer", []),
        (["tag:red", "status:error"], "", "plan", []),
    ]
    for facets, user, name, flags in made:
        where = "live" if "environment:live" in facets else ""
        await put_trace(
            database, new_trace(), facets=facets, user=user, name=name, flags=flags, environment=where
        )


async def test_a_facet_counts_what_a_click_on_it_leaves(database: Database) -> None:
    await traces_made(database)
    async with database.connection() as connection:
        for query in FILTERS:
            counts = await count_facets(connection, ["default"], filters_of(query))
            assert counts.traces == len((await list_traces(connection, None, filters_of(query))).items)
            assert counts.items or "nobody" in query.values()
            for facet in counts.items:
                for each in facet.values:
                    clicked = filters_of({**query, facet.facet: each.value})
                    listed = await list_traces(connection, ["default"], clicked)
                    if facet.facet != "environment":
                        assert each.traces == len(listed.items) > 0, (query, facet.facet, each.value)


async def test_the_other_values_of_a_filter_stay_in_sight(database: Database) -> None:
    await traces_made(database)
    async with database.connection() as connection:
        counts = await count_facets(connection, None, TraceFilters(model="small", status="ok"))
    found = {item.facet: {each.value: each.traces for each in item.values} for item in counts.items}
    assert found["model"] == {"small": 2, "large": 2}
    assert found["status"] == {"ok": 2, "error": 1}
    assert found["tag"] == {"red": 1}


async def test_a_facet_says_how_many_it_was_counted_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets_module, "COUNTED_MAX", 3)
    await put_trace(database, new_trace(), facets=["model:small"], started_at=at(9000))
    for number in range(4):
        await put_trace(database, new_trace(), facets=["model:large"], started_at=at(number))
    async with database.connection() as connection:
        counts = await count_facets(connection, None, TraceFilters(model="small"))
    (models,) = [item for item in counts.items if item.facet == "model"]
    assert (counts.traces, counts.complete) == (1, True)
    assert (models.traces, models.complete) == (3, False)
