"""Traces through the control API: what each role sees, and what is refused."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.contract.traces_by_hand import new_trace, put_spans, put_trace
from tests.flow.control_app import control, make_key
from tests.flow.test_api_requests import served, until_line

from headgate.store.database import Database


async def test_each_role_sees_the_traces_of_its_own(database: Database) -> None:
    async with control(database) as api:
        member_id, member = await make_key(database, "member", "blue")
        _, viewer = await make_key(database, "viewer", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        made = [
            await put_trace(database, new_trace(), name="own", project="blue", facets=[f"key:{member_id}"]),
            await put_trace(database, new_trace(), name="blue", project="blue"),
            await put_trace(database, new_trace(), name="default", facets=[f"key:{member_id}"]),
        ]
        await put_spans(database, made[0], {"project": "blue", "key": member_id})
        await put_spans(database, made[1], {"project": "blue"})
        await put_spans(database, made[2], {"key": member_id})
        seen: dict[str, set[str]] = {}
        for name, text in (("member", member), ("viewer", viewer), ("admin", api.key)):
            other = api.as_key(text)
            seen[name] = {each["name"] for each in (await other.get("/traces"))["items"]}
            for trace, trace_name in zip(made, ("own", "blue", "default"), strict=True):
                status, _ = await other.ask("GET", f"/api/v1/traces/{trace}")
                assert (status == 200) == (trace_name in seen[name]), (name, trace_name)
            assert (await other.get("/traces", project="red"))["items"] == []
        assert seen == {"member": {"own"}, "viewer": {"own", "blue"}, "admin": {"own", "blue", "default"}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"sort": "best"}, "sort is 'best'; write newest, slowest, dearest"),
    ({"status": "bad"}, "status is 'bad'; write ok or error"),
    ({"min_duration_ms": "nan"}, "min_duration_ms is 'nan'"),
    ({"min_duration_ms": "1e300"}, "min_duration_ms is '1e300'"),
    ({"min_cost_usd": "lots"}, "min_cost_usd: 'lots' is no amount"),
    ({"max_cost_usd": "lots"}, "max_cost_usd: 'lots' is no amount"),
    ({"max_tokens": "-1"}, "max_tokens is '-1'; write a whole number of tokens"),
    ({"attribute": "tier"}, "attribute is 'tier'; write NAME=VALUE"),
    ({"model": ""}, "model has 0 characters"),
    ({"from": "yesterday"}, "from is 'yesterday'"),
    ({"next": "x"}, "next is no cursor of this list"),
]


async def test_a_filter_that_makes_no_sense_is_named(database: Database) -> None:
    async with control(database) as api:
        for query, message in REFUSED:
            status, found = await api.ask("GET", "/api/v1/traces", **query)
            assert (status, found["error"]["code"]) == (400, "invalid_request"), query
            assert found["error"]["message"].startswith(message), query


@pytest.mark.parametrize("trace", ["nothing", "0" * 32, "g" * 32, "0" * 31 + "٣"])
async def test_a_trace_that_is_not_there_is_said(database: Database, trace: str) -> None:
    async with control(database) as api:
        status, found = await api.ask("GET", f"/api/v1/traces/{trace}")
    assert (status, found["error"]["code"]) == (404, "not_found")
    assert "`headgate traces` lists them" in found["error"]["message"]


async def test_a_trace_shows_to_who_follows_and_again_when_it_has_grown(database: Database) -> None:
    async with control(database) as api, served(api) as client:
        made = await api.post("/keys", {"name": "watch", "role": "viewer"})
        now = datetime.now(UTC)
        times = {"started_at": now, "ended_at": now, "first_day": now.date(), "last_day": now.date()}
        await put_trace(database, new_trace(), name="before", **times)
        headers = {"authorization": f"Bearer {made['key']}"}
        async with client.stream("GET", "/api/v1/traces/stream", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            await until_line(lines, ": following")
            await put_trace(database, new_trace(), project="blue", **times)
            trace = await put_trace(database, new_trace(), name="new", **times)
            async with asyncio.timeout(2.0):
                data = await until_line(lines, "data: ")
            shown = msgspec.json.decode(data.removeprefix("data: "))
            assert (shown["trace_id"], shown["spans"]) == (trace, 1)
            async with database.connection() as connection:
                await connection.execute("update traces set spans = 2 where trace_id = %s", (trace,))
            shown = msgspec.json.decode((await until_line(lines, "data: ")).removeprefix("data: "))
            assert (shown["trace_id"], shown["spans"]) == (trace, 2)
            await api.delete(f"/keys/{made['id']}")
            assert "invalid_key" in await until_line(lines, "data: ")


async def test_sessions_facets_and_spans_are_asked_for_by_address(database: Database) -> None:
    async with control(database) as api:
        _, member = await make_key(database, "member")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        trace = await put_trace(database, new_trace(), session="a/b c", user="anna")
        await put_spans(database, trace, {"input": '"hello"'})
        assert [each["session"] for each in (await api.get("/sessions"))["items"]] == ["a/b c"]
        found = await api.get("/sessions/a/b%20c")
        assert (found["items"][0]["trace_id"], found["items"][0]["input"]) == (trace, "hello")
        facets = {each["facet"] for each in (await api.get("/traces/facets", user="anna"))["items"]}
        assert facets == {"key", "name", "status", "user"}
        span = await api.get(f"/traces/{trace}/spans/0000000000000001")
        assert span["content"] == {"input": "hello"}
        other = api.as_key(member)
        assert (await other.get("/sessions"))["items"] == []
        assert (await other.get("/traces/facets"))["items"] == []
        for path in ("sessions/a/b%20c", f"traces/{trace}", f"traces/{trace}/spans/0000000000000001"):
            assert (await other.ask("GET", f"/api/v1/{path}"))[0] == 404, path
