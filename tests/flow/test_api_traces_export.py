"""Traces given away as files: what each role gets, what is refused, and what ends an export."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.contract.traces_by_hand import at, new_trace, put_spans, put_trace
from tests.flow.control_app import Api, control, make_key

from headgate.access.roles import Visible
from headgate.core.faults import InvalidKey
from headgate.records.http import narrowed
from headgate.store.database import Database
from headgate.traces.exporting import http


async def put_some(database: Database, count: int, **parts: Any) -> list[str]:
    """Write traces with a span each, the first the newest; return their ids."""
    made: list[str] = []
    for number in range(count):
        begin = at(-1000.0 * number)
        times = {"started_at": begin, "ended_at": begin}
        trace = await put_trace(database, new_trace(), **times, **parts)
        await put_spans(database, trace, {"project": parts.get("project", "default"), "input": '"hello"'})
        made.append(trace)
    return made


async def lines(api: Api, path: str, **query: Any) -> list[Any]:
    answer = await api.client.get(
        f"/api/v1{path}", params=query, headers={"authorization": f"Bearer {api.key}"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert "attachment" in answer.headers["content-disposition"]
    return [json.loads(line) for line in answer.content.splitlines()]


async def test_all_traces_of_a_filter_are_exported_in_the_order_of_the_list(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LIMIT_MAX", 2)
    async with control(database) as api:
        made = await put_some(database, 5, user="anna")
        await put_some(database, 1, user="bert")
        found = await lines(api, "/traces/export", format="jsonl", user="anna")
        assert [line["trace_id"] for line in found] == made
        assert {line["type"] for line in found} == {"span"}
        some = await lines(api, "/traces/export", format="jsonl", user="anna", limit="3")
        assert [line["trace_id"] for line in some] == made[:3]
        whole = await lines(api, "/traces/export", user="anna")
        spans = [line["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in whole]
        assert [span["traceId"] for span in spans] == made
        assert await lines(api, "/traces/export", user="nobody") == []


async def test_each_role_exports_what_it_sees(database: Database) -> None:
    async with control(database) as api:
        member_id, member = await make_key(database, "member", "blue")
        _, viewer = await make_key(database, "viewer", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        own = await put_trace(database, new_trace(), project="blue", facets=[f"key:{member_id}"])
        await put_spans(database, own, {"project": "blue", "key": member_id})
        [blue] = await put_some(database, 1, project="blue")
        [other] = await put_some(database, 1)
        seen = {
            name: {
                line["trace_id"] for line in await lines(api.as_key(key), "/traces/export", format="jsonl")
            }
            for name, key in (("member", member), ("viewer", viewer), ("admin", api.key))
        }
        assert seen == {"member": {own}, "viewer": {own, blue}, "admin": {own, blue, other}}
        for key, trace, wanted in ((member, blue, 404), (viewer, other, 404), (viewer, blue, 200)):
            answer = await api.client.get(
                f"/api/v1/traces/{trace}/export", headers={"authorization": f"Bearer {key}"}
            )
            assert answer.status_code == wanted


async def test_an_id_in_two_projects_wants_one_named(database: Database) -> None:
    async with control(database) as api:
        trace = new_trace()
        for project in ("blue", "red"):
            await put_trace(database, trace, project=project)
            await put_spans(database, trace, {"project": project})
        status, found = await api.ask("GET", f"/api/v1/traces/{trace}/export")
        assert status == 400 and "name one with `project`" in found["error"]["message"]
        [line] = await lines(api, f"/traces/{trace}/export", project="red", format="jsonl")
        assert line["project"] == "red"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"format": "csv"}, "format is 'csv'; write otlp or jsonl"),
    ({"limit": "0"}, "limit is '0'; write how many traces at most"),
    ({"limit": "-1"}, "limit is '-1'"),
    ({"sort": "best"}, "sort is 'best'"),
    ({"text": "-"}, "text is '-', which has no word"),
]


async def test_what_makes_no_sense_is_refused_before_anything_is_sent(database: Database) -> None:
    async with control(database) as api:
        for query, message in REFUSED:
            status, found = await api.ask("GET", "/api/v1/traces/export", **query)
            assert (status, found["error"]["code"]) == (400, "invalid_request"), query
            assert found["error"]["message"].startswith(message), found
        status, found = await api.ask("GET", f"/api/v1/traces/{new_trace()}/export")
        assert (status, found["error"]["code"]) == (404, "not_found")


async def test_an_export_ends_unfinished_when_its_key_is_revoked(database: Database) -> None:
    await put_some(database, 3)
    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise InvalidKey("revoked")

    asked = http.Question(
        seen=narrowed(Visible(project_ids=None), None),
        filters=http.TraceFilters(),
        sort="newest",
        form="jsonl",
        limit=None,
    )
    pieces = http.exported(database, asked, await http.page_of(database, asked, None), check)
    assert len([await anext(pieces), await anext(pieces)]) == 2
    with pytest.raises(InvalidKey):
        await anext(pieces)


async def test_only_so_many_go_on_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "EXPORTS_MAX", 0)
    async with control(database) as api:
        status, found = await api.ask("GET", "/api/v1/traces/export")
        assert (status, found["error"]["code"]) == (429, "rate_limited")


async def test_an_export_counts_until_it_ends() -> None:
    exporting = http.Exports()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"{}\n"
            await asyncio.sleep(0)

    pieces = http.counted(endless(), exporting)
    await anext(pieces)
    assert exporting.count == 1
    await pieces.aclose()
    assert exporting.count == 0
