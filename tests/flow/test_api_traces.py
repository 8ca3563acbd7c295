"""Traces through the control API: what each role sees, and what is refused."""

from typing import Any

import pytest
from tests.contract.traces_by_hand import new_trace, put_spans, put_trace
from tests.flow.control_app import control, make_key

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
