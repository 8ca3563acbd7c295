"""Traces are found by attributes of their steps that stand in no column, within a time."""

import json

import pytest
from tests.contract.traces_by_hand import new_trace, put_spans, put_trace

from headgate.core.faults import InvalidRequest
from headgate.store.database import Database
from headgate.traces.reading import attributes
from headgate.traces.reading.attributes import read_attribute
from headgate.traces.reading.facets import count_facets
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import TraceFilters

SAID = {
    "gold": {"customer.tier": "gold", "attempts": 3, "is.new": True},
    "quoted": {"customer.tier": 'a "quoted" gold', "attempts": 33},
    "within": {"note": '"customer.tier":"gold"', "is.new": False},
    "nothing": {},
}


async def put(database: Database) -> None:
    for name, said in SAID.items():
        trace = await put_trace(database, new_trace(), name=name)
        await put_spans(
            database, trace, {"attributes": "{}"}, {"attributes": json.dumps(said, separators=(",", ":"))}
        )


async def found(database: Database, text: str, name: str | None = None) -> set[str | None]:
    filters = TraceFilters(attribute=read_attribute(text), name=name)
    async with database.connection() as connection:
        return {item.name for item in (await list_traces(connection, None, filters)).items}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("customer.tier=gold", {"gold"}),
        ('customer.tier=a "quoted" gold', {"quoted"}),
        ("customer.tier=", set[str]()),
        ("attempts=3", {"gold"}),
        ("attempts=33", {"quoted"}),
        ("is.new=true", {"gold"}),
        ("is.new=false", {"within"}),
        ("tier=gold", set[str]()),
    ],
)
async def test_a_trace_is_found_by_an_attribute_of_a_step(
    database: Database, text: str, names: set[str]
) -> None:
    await put(database)
    assert await found(database, text) == names
    assert await found(database, text, name="gold") == names & {"gold"}


async def test_facets_count_the_traces_with_an_attribute(database: Database) -> None:
    await put(database)
    async with database.connection() as connection:
        counts = await count_facets(connection, None, TraceFilters(attribute=read_attribute("attempts=3")))
    assert counts.traces == 1


async def test_what_takes_too_long_is_refused_with_what_to_do(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attributes, "LOOKED_MS", 100)
    await put(database)
    async with database.transaction() as connection:
        await connection.execute("lock table spans in access exclusive mode")
        with pytest.raises(InvalidRequest, match="not enough to look for customer"):
            await found(database, "customer.tier=gold")


@pytest.mark.parametrize("text", ["customer.tier", "=gold"])
def test_what_names_no_attribute_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="write NAME=VALUE"):
        read_attribute(text)
