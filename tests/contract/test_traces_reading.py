"""Lists of traces and one trace as a tree, on a real PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from tests.contract.traces_by_hand import BEGIN, at, new_trace, put_calls, put_spans, put_trace

from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import encode_cursor
from headgate.store.database import Database
from headgate.traces.reading import listing
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import Sort, TraceDetail, TraceFilters, TraceItem
from headgate.traces.reading.opening import open_trace

SORTS: tuple[Sort, ...] = ("newest", "slowest", "dearest")


async def listed(
    database: Database, *, sort: Sort = "newest", projects: tuple[str, ...] | None = None, **filters: Any
) -> list[str]:
    async with database.connection() as connection:
        page = await list_traces(connection, projects, TraceFilters(**filters), sort=sort)
    return [item.name or "" for item in page.items]


async def opened(
    database: Database, trace_id: str, projects: tuple[str, ...] | None = None, key: str | None = None
) -> TraceDetail:
    async with database.connection() as connection:
        return await open_trace(connection, projects, trace_id, key=key)


async def three(database: Database) -> list[str]:
    """Three traces; each part that a filter asks for tells one of them from the others."""
    return [
        await put_trace(
            database,
            new_trace(),
            name="old",
            user="anna",
            session="s1",
            environment="live",
            facets=["environment:live", "key:k1", "model:small", "tag:red", "tool:search"],
            cost_usd="0.5",
            input=10,
            output=5,
        ),
        await put_trace(
            database,
            new_trace(),
            name="slow",
            started_at=at(1000),
            ended_at=at(61_000),
            facets=[
                *("agent:clerk", "finish:length", "key:k1", "key:k2", "kind:tool", "model:small"),
                *("operation:chat", "prompt:greeting", "status:error"),
            ],
            errors=2,
            flags=["usage_differs"],
            cost_usd="2",
        ),
        await put_trace(
            database,
            new_trace(),
            name="blue",
            project="blue",
            started_at=at(2000),
            ended_at=at(2500),
            facets=["key:k3", "provider:mock", "release:r1", "service:web"],
            unpriced=1,
        ),
    ]


WANTED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["blue", "slow", "old"]),
    ({"projects": ("blue",)}, ["blue"]),
    ({"projects": ()}, []),
    ({"begin": at(1000)}, ["blue", "slow"]),
    ({"end": at(1000)}, ["old"]),
    ({"key": "k2"}, ["slow"]),
    ({"user": "anna"}, ["old"]),
    ({"session": "s1"}, ["old"]),
    ({"session": ""}, []),
    ({"name": "slow"}, ["slow"]),
    ({"model": "small"}, ["slow", "old"]),
    ({"model": "small", "tool": "search"}, ["old"]),
    ({"model": "small", "provider": "mock"}, []),
    ({"provider": "mock", "service": "web", "release": "r1"}, ["blue"]),
    ({"environment": "live", "tag": "red"}, ["old"]),
    ({"environment": ""}, ["blue", "slow"]),
    ({"environment": "", "model": "small"}, ["slow"]),
    ({"agent": "clerk"}, ["slow"]),
    ({"status": "error"}, ["slow"]),
    ({"status": "ok"}, ["blue", "old"]),
    ({"flag": "usage_differs"}, ["slow"]),
    ({"kind": "tool"}, ["slow"]),
    ({"operation": "chat", "prompt": "greeting"}, ["slow"]),
    ({"finish": "length"}, ["slow"]),
    ({"min_duration_ms": 1000.0}, ["slow", "old"]),
    ({"max_duration_ms": 1000.0}, ["blue", "old"]),
    ({"min_cost_usd": "0.6"}, ["slow"]),
    ({"max_cost_usd": "0.6"}, ["old"]),
    ({"min_tokens": 15}, ["old"]),
    ({"min_tokens": 16}, []),
    ({"max_tokens": 14}, ["blue", "slow"]),
    ({"only_key": "k1"}, ["old"]),
    ({"only_key": "k2"}, []),
    ({"sort": "slowest"}, ["slow", "old", "blue"]),
    ({"sort": "dearest"}, ["slow", "old"]),
]


@pytest.mark.parametrize("look", [1, 20_000])
async def test_traces_are_filtered_and_sorted(
    database: Database, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    """The same whether the first traces of the list match or the indexes of the filters have to be asked."""
    monkeypatch.setattr(listing, "LOOK", look)
    await three(database)
    for query, names in WANTED:
        assert await listed(database, **query) == names, query


async def test_an_item_says_what_is_known(database: Database) -> None:
    ids = await three(database)
    async with database.connection() as connection:
        page = await list_traces(connection, None, TraceFilters(name="old"))
    item = page.items[0]
    assert isinstance(item, TraceItem)
    assert (item.trace_id, item.session, item.user, item.status) == (ids[0], "s1", "anna", "ok")
    assert (item.started_at, item.duration_ms) == ("2026-11-21T08:00:00.000Z", 1000.0)
    assert (item.cost_usd, item.usage.input, item.usage.output) == ("0.5", 10, 5)
    assert (item.models, item.tools, item.tags, item.keys) == (["small"], ["search"], ["red"], ["k1"])


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_hold_each_trace_once_even_where_all_are_alike(database: Database, sort: Sort) -> None:
    names = {
        await put_trace(database, new_trace(), project=f"p{number % 3}", cost_usd="1") for number in range(11)
    }
    found: list[str] = []
    cursor: str | None = None
    async with database.connection() as connection:
        while True:
            page = await list_traces(connection, None, TraceFilters(), sort=sort, limit=2, cursor=cursor)
            found += [item.trace_id for item in page.items]
            cursor = page.next
            if cursor is None:
                break
    assert len(found) == 11
    assert set(found) == names


@pytest.mark.parametrize(
    "place", [("slowest", "1", "0" * 32, "p"), ("newest", "x", "0" * 32, "p"), ("newest", "1", "x", "p")]
)
async def test_a_cursor_of_another_list_is_refused(database: Database, place: tuple[str, ...]) -> None:
    async with database.connection() as connection:
        with pytest.raises(InvalidRequest, match="no cursor of this list"):
            await list_traces(connection, None, TraceFilters(), cursor=encode_cursor(place))


async def test_a_trace_is_a_tree_with_each_call_once(database: Database) -> None:
    trace = await put_trace(database, new_trace())
    told: dict[str, Any] = {"kind": "llm", "model": "small", "parent_id": 1, "usage": Jsonb({"input": 9})}
    await put_spans(
        database,
        trace,
        {
            "name": "agent",
            "kind": "agent",
            "agent": "clerk",
            "duration_us": 900_000,
            "usage": Jsonb({"input": 9}),
        },
        {"name": "by response", "started_at": at(10), "response_id": "r1", **told},
        {"name": "by parent", "started_at": at(200), **told},
        {"name": "unrecorded", "started_at": at(400), "cost_usd": "0.25", "cost_source": "priced", **told},
        {"name": "search", "kind": "tool", "tool": "search", "parent_id": 1, "started_at": at(600)},
    )
    first, second, third = await put_calls(
        database,
        trace,
        {"response_id": "r1", "parent_span_id": 1, "started_at": at(11)},
        {"parent_span_id": 3, "started_at": at(201)},
        {
            "parent_span_id": 5,
            "started_at": at(601),
            "cost_usd": None,
            "status": 502,
            "code": "upstream_error",
        },
    )
    found = await opened(database, trace)
    shown = [(node.name, node.depth, node.request_id, node.counted) for node in found.spans]
    assert shown == [
        ("agent", 0, None, False),
        ("by response", 1, first, True),
        ("by parent", 1, second, True),
        ("unrecorded", 1, None, True),
        ("search", 1, None, False),
        ("chat assistant", 2, third, True),
    ]
    assert (found.calls, found.cost_usd, found.unpriced, found.usage.input) == (4, "0.252", 1, 39)
    assert (found.spans[-1].span_id, found.spans[-1].parent_id) == (None, "0000000000000005")
    assert (found.spans[-1].status, found.spans[-1].status_message) == ("error", "upstream_error")
    assert (found.errors, found.status, found.span_count) == (1, "error", 5)
    assert [(share.name, share.calls, share.cost_usd) for share in found.cost_by_step] == [
        ("agent", 3, "0.252"),
        ("search", 1, None),
    ]
    assert {share.name for share in found.cost_by_model} == {"mock/small", "small"}


async def test_orphans_cycles_and_several_roots_are_shown(database: Database) -> None:
    trace = await put_trace(database, new_trace())
    await put_spans(
        database,
        trace,
        {"name": "root"},
        {"name": "second root", "started_at": at(1)},
        {"name": "orphan", "parent_id": 99, "started_at": at(2)},
        {"name": "below it", "parent_id": 3, "started_at": at(3)},
        {"name": "later in the ring", "parent_id": 6, "started_at": at(5)},
        {"name": "first in the ring", "parent_id": 5, "started_at": at(4)},
        {"name": "its own parent", "parent_id": 7, "started_at": at(6)},
    )
    found = await opened(database, trace)
    assert [(node.name, node.depth, node.problem) for node in found.spans] == [
        ("root", 0, None),
        ("second root", 0, None),
        ("orphan", 0, "orphan"),
        ("below it", 1, None),
        ("first in the ring", 0, "cycle"),
        ("later in the ring", 1, None),
        ("its own parent", 0, "cycle"),
    ]
    assert found.spans[2].parent_id == "0000000000000063"


async def test_a_span_that_came_again_a_day_later_is_one(database: Database) -> None:
    trace = await put_trace(database, new_trace(), last_day=(BEGIN + timedelta(days=1)).date())
    await put_spans(
        database, trace, {}, {"span_id": 1, "day": (BEGIN + timedelta(days=1)).date(), "name": "again"}
    )
    assert len((await opened(database, trace)).spans) == 1


async def test_a_trace_is_opened_only_by_those_who_may(database: Database) -> None:
    trace = await put_trace(database, new_trace(), facets=["key:k1", "key:k2"], user="anna", cost_usd="5")
    await put_spans(
        database, trace, {"name": "mine", "user": "anna"}, {"name": "theirs", "key": "k2", "parent_id": 1}
    )
    await put_calls(database, trace, {"key": "k2", "parent_span_id": 1})
    assert len((await opened(database, trace, ("default",))).spans) == 3
    own = await opened(database, trace, ("default",), key="k1")
    assert [node.name for node in own.spans] == ["mine"]
    assert (own.cost_usd, own.calls, own.user, own.keys) == (None, 0, None, ["k1"])
    for projects, key, wanted in ((("blue",), None, trace), (None, "k9", trace), (None, None, "no id")):
        with pytest.raises(NotFound, match="there is no trace"):
            await opened(database, wanted, projects, key)


async def test_a_trace_of_two_projects_is_named_with_its_project(database: Database) -> None:
    trace = new_trace()
    for project in ("default", "blue"):
        await put_trace(database, trace, project=project)
        await put_spans(database, trace, {"name": project, "project": project})
    with pytest.raises(InvalidRequest, match="several projects: blue, default"):
        await opened(database, trace)
    assert (await opened(database, trace, ("blue",))).spans[0].name == "blue"
