"""Calls that came without their trace, on a real PostgreSQL: the one that names their answer adopts them."""

import itertools
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql
from psycopg.rows import dict_row
from tests.contract.made_entries import envelope, make_end, new_call
from tests.contract.made_spans import make_batch, make_model_span, make_span, new_trace, span_envelope

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.keeping.adopting import Adoption, adopt
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.sink import SpanSink, TraceCallSink
from headgate.traces.model import Span
from headgate.traces.reading.opening import open_trace
from headgate.traces.reading.series import trace_series

ANSWER = "chatcmpl-1"
COST = Decimal("0.000003")
Step = Callable[[], Awaitable[None]]


async def ship(database: Database, *spans: Span) -> None:
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [span_envelope(make_batch(*spans))])


async def record(database: Database, *ends: End) -> None:
    async with database.transaction() as connection:
        for sink in (RecordSink(), TraceCallSink()):
            await sink.apply(connection, [envelope(end) for end in ends])


async def settle(database: Database) -> None:
    """Settle until nothing is marked any more."""
    for _ in range(10):
        if not await SettlingJob(database, quiet_s=0.0, wait_s=0.0).run_once():
            break
    assert await table(database, "trace_changes") == [] and await table(database, "answer_queue") == []


async def table(database: Database, name: str) -> list[dict[str, Any]]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.SQL("select * from {} order by 2, 1").format(sql.Identifier(name)))
        return await cursor.fetchall()


def a_call(**changes: Any) -> End:
    said: dict[str, Any] = {
        "trace_id": "",
        "response_id": ANSWER,
        "cost_pico_usd": 3_000_000,
        "usage": Usage(input=10, output=5),
    }
    return make_end(new_call(), **{**said, **changes})


def named_span(trace: bytes, number: int = 2, parent: int | None = 1, **changes: Any) -> Span:
    return make_model_span(trace, number, parent, response_id=ANSWER, **changes)


async def costs(database: Database) -> dict[UUID, tuple[int, Decimal | None]]:
    return {row["trace_id"]: (row["calls"], row["cost_usd"]) for row in await table(database, "traces")}


async def spent(database: Database) -> Decimal:
    """What the sums by hour and the series say was spent, which is the same."""
    rows = [row for row in await table(database, "trace_rollups") if row["dimension"] == ""]
    models = [row for row in await table(database, "trace_rollups") if row["dimension"] == "model"]
    total = sum((row["cost_usd"] for row in rows), Decimal())
    assert total == sum((row["cost_usd"] for row in models), Decimal())
    async with database.connection() as connection:
        points = await trace_series(connection, None)
    assert sum((Decimal(point.cost_usd or 0) for point in points), Decimal()) == total
    return total


@pytest.mark.parametrize("first", ["call", "span"])
@pytest.mark.parametrize("between", [True, False])
async def test_a_call_without_a_trace_goes_to_the_one_that_names_it(
    database: Database, first: str, between: bool
) -> None:
    trace = new_trace()
    call = a_call(session="checkout", finish="length")
    steps: list[Step] = [
        lambda: record(database, call),
        lambda: ship(database, make_span(trace, 1), named_span(trace)),
    ]
    for step in steps if first == "call" else reversed(steps):
        await step()
        if between:
            await settle(database)
    await settle(database)
    assert await costs(database) == {UUID(bytes=trace): (1, COST)}
    assert await spent(database) == COST
    [row] = await table(database, "traces")
    said = {"key:k1", "model:gpt-5-mini", "operation:chat", "finish:length"}
    assert row["session"] == "checkout" and said <= set(row["facets"])
    [request] = await table(database, "requests")
    assert (request["trace_id"], request["parent_span_id"]) == (trace.hex(), 2)
    async with database.connection() as connection:
        opened = await open_trace(connection, None, trace.hex())
    assert [node.request_id is not None for node in opened.spans] == [False, True]
    assert (opened.calls, opened.cost_usd) == (1, "0.000003")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_call_of_another_trace_moves_and_leaves_nothing_there(
    database: Database, order: tuple[int, ...]
) -> None:
    named, other = new_trace(), new_trace()
    call = a_call(trace_id=other.hex(), parent_span_id=(7).to_bytes(8, "big"))
    steps: list[Step] = [
        lambda: record(database, call),
        lambda: ship(database, named_span(named, parent=None)),
        lambda: ship(database, make_span(other, 7, name="POST")),
    ]
    for place in order:
        await steps[place]()
        await settle(database)
    assert await costs(database) == {UUID(bytes=named): (1, COST), UUID(bytes=other): (0, None)}
    assert await spent(database) == COST


async def test_a_trace_of_nothing_but_the_call_goes(database: Database) -> None:
    named, other = new_trace(), new_trace()
    await record(database, a_call(trace_id=other.hex()))
    await settle(database)
    assert await costs(database) == {UUID(bytes=other): (1, COST)}
    await ship(database, named_span(named, parent=None))
    await settle(database)
    assert await costs(database) == {UUID(bytes=named): (1, COST)}
    assert await spent(database) == COST
    assert all(row["traces"] > 0 for row in await table(database, "trace_rollups"))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_of_two_traces_that_name_a_call_one_counts_it(
    database: Database, order: tuple[int, ...]
) -> None:
    one, two = new_trace(), new_trace()
    steps: list[Step] = [
        lambda: record(database, a_call(trace_id=two.hex())),
        lambda: ship(database, make_span(one, 1, usage=Usage(input=10, output=5)), named_span(one)),
        lambda: ship(database, named_span(two, parent=None)),
    ]
    for place in order:
        await steps[place]()
        await settle(database)
    found = await costs(database)
    assert sorted(calls for calls, _ in found.values()) == [0, 1], "each call once"
    assert await spent(database) == COST
    [loser] = [row for row in await table(database, "traces") if not row["calls"]]
    assert loser["flags"] == ["counted_elsewhere"] and loser["cost_usd"] is None
    async with database.connection() as connection:
        opened = await open_trace(connection, None, loser["trace_id"].hex)
    assert (opened.calls, opened.cost_usd, opened.flags) == (0, None, ["counted_elsewhere"])
    # What comes again changes nothing.
    await ship(database, make_span(one, 9), make_span(two, 9))
    await settle(database)
    assert {trace: calls for trace, (calls, _) in (await costs(database)).items()} == {
        trace: calls for trace, (calls, _) in found.items()
    }


async def test_an_id_that_several_calls_have_names_none(database: Database) -> None:
    trace = new_trace()
    await record(database, a_call(), a_call())
    await ship(database, named_span(trace, parent=None))
    await settle(database)
    assert await costs(database) == {UUID(bytes=trace): (1, Decimal("0.000002"))}, "what the span says"
    assert {row["trace_id"] for row in await table(database, "requests")} == {""}


async def test_another_projects_call_is_never_adopted(database: Database) -> None:
    trace = new_trace()
    await record(database, a_call(project="other"))
    await ship(database, named_span(trace, parent=None))
    await settle(database)
    assert await costs(database) == {UUID(bytes=trace): (1, Decimal("0.000002"))}


async def test_two_jobs_adopt_a_call_once(database: Database) -> None:
    one, two = b"\x01" * 16, b"\x02" * 16
    await record(database, a_call())
    await ship(database, named_span(one, parent=None), named_span(two, 3, parent=None))
    [request] = await table(database, "requests")
    # Both have looked and found the call free; the second comes when the first has it.
    for trace, span in ((one, 2), (two, 3)):
        found = Adoption(request["day"], request["id"], "", "default", UUID(bytes=trace), span)
        async with database.transaction() as connection:
            await adopt(connection, [found])
    [request] = await table(database, "requests")
    assert request["trace_id"] == one.hex()
    await settle(database)
    assert await spent(database) == COST
