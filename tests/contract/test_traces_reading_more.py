"""One span in full, the facets of a filter, and sessions, on a real PostgreSQL."""

import uuid
from typing import Any

import msgspec
import pytest
from psycopg.types.json import Jsonb
from tests.contract.traces_by_hand import BEGIN, at, new_trace, put_calls, put_spans, put_trace

from headgate.core.faults import InvalidRequest, NotFound
from headgate.store.database import Database
from headgate.traces.reading import content, sessions
from headgate.traces.reading.content import read_span
from headgate.traces.reading.facets import count_facets
from headgate.traces.reading.model import SessionItem, TraceFilters
from headgate.traces.reading.opening import open_trace
from headgate.traces.reading.sessions import list_sessions, open_session

MESSAGES = '[{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]'


async def one(database: Database) -> str:
    trace = await put_trace(database, new_trace())
    await put_spans(
        database,
        trace,
        {
            "name": "chat",
            "input": MESSAGES,
            "output": "no JSON",
            "attributes": '{"a": 1}',
            "details": Jsonb({"events": [{"name": "e"}], "scope": "x"}),
            "usage": Jsonb({"input": 4, "input_audio": 2}),
            "span_id": -2,
        },
    )
    return trace


async def test_a_span_is_shown_with_what_went_in_and_out(database: Database) -> None:
    trace = await one(database)
    async with database.connection() as connection:
        found = await read_span(connection, None, trace, "fffffffffffffffe")
        opened = await open_trace(connection, None, trace, with_content=True)
    assert msgspec.json.decode(msgspec.json.encode(found.content)) == {
        "input": msgspec.json.decode(MESSAGES),
        "output": "no JSON",
        "attributes": {"a": 1},
        "events": [{"name": "e"}],
        "scope": "x",
    }
    assert found.usage is not None
    assert found.usage.input == 6
    assert msgspec.json.encode(opened.spans[0].content) == msgspec.json.encode(found.content)


@pytest.mark.parametrize("span", ["fffffffffffffffd", "f", "x" * 16, "٣" * 16])
async def test_a_span_that_is_not_there_is_said(database: Database, span: str) -> None:
    trace = await one(database)
    async with database.connection() as connection:
        with pytest.raises(NotFound, match="there is no span"):
            await read_span(connection, None, trace, span)


async def test_anothers_span_is_not_shown(database: Database) -> None:
    trace = await one(database)
    async with database.connection() as connection:
        with pytest.raises(NotFound, match="there is no span"):
            await read_span(connection, ["default"], trace, "fffffffffffffffe", key="k9")
        with pytest.raises(NotFound, match="there is no trace"):
            await read_span(connection, ["blue"], trace, "fffffffffffffffe")


async def test_more_content_than_is_given_at_once_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "CONTENT_BYTES_MAX", 10)
    trace = await one(database)
    async with database.connection() as connection:
        with pytest.raises(InvalidRequest, match="ask for each span, or export the trace"):
            await open_trace(connection, None, trace, with_content=True)


@pytest.mark.parametrize("look", [1, 20_000])
async def test_facets_are_counted_over_what_matches(
    database: Database, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr("headgate.traces.reading.facets.LOOK", look)
    for number in range(3):
        facets = ["key:k1", "model:a:b", f"tag:t{number}", "status:error"][: 4 if number == 1 else 3]
        facets.append(f"tag:run:{number}")  # of one run of a check, of which there are ever more
        await put_trace(database, new_trace(), user="anna" if number else "", facets=facets, flags=["f"])
    await put_trace(database, new_trace(), name="other", project="blue", started_at=at(5000))
    async with database.connection() as connection:
        found = await count_facets(connection, None, TraceFilters(model="a:b"))
        none = await count_facets(connection, ["default"], TraceFilters(user="nobody"))
    counts = {item.facet: {each.value: each.traces for each in item.values} for item in found.items}
    assert (found.traces, found.complete) == (3, True)
    assert counts == {
        "key": {"k1": 3},
        "model": {"a:b": 3},
        "tag": {"t0": 1, "t1": 1, "t2": 1},
        "name": {"answer": 3},
        "user": {"anna": 2},
        "flag": {"f": 3},
        "status": {"ok": 2, "error": 1},
    }
    (users,) = none.items
    assert (none.traces, users.facet, users.traces, users.complete) == (0, "user", 3, True)
    assert [(each.value, each.traces) for each in users.values] == [("anna", 2)], "a click leads elsewhere"


async def walked(database: Database, limit: int, **filters: Any) -> list[SessionItem]:
    found: list[SessionItem] = []
    cursor: str | None = None
    async with database.connection() as connection:
        for _ in range(50):
            page = await list_sessions(connection, None, TraceFilters(**filters), limit=limit, cursor=cursor)
            found += page.items
            cursor = page.next
            if cursor is None:
                return found
    raise AssertionError("the pages of sessions don't end")


@pytest.mark.parametrize("look", [1, 3, 20_000])
async def test_sessions_are_listed_once_by_their_last_trace(
    database: Database, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr(sessions, "SESSION_LOOK", look)
    for number in range(9):
        await put_trace(
            database,
            new_trace(),
            session=f"s{number % 3}",
            project="blue" if number % 3 == 2 else "default",
            started_at=at(number * 10),
            cost_usd="0.5",
            calls=2,
            input=7,
            user="anna" if number == 3 else "",
        )
    await put_trace(database, new_trace())
    for limit in (1, 2, 50):
        found = await walked(database, limit)
        assert [item.session for item in found] == ["s2", "s1", "s0"], limit
    assert (found[2].traces, found[2].calls, found[2].cost_usd, found[2].usage.input) == (3, 6, "1.5", 21)
    assert (found[2].started_at, found[2].last_at) == ("2026-11-21T08:00:00.000Z", "2026-11-21T08:00:00.060Z")
    assert [item.session for item in await walked(database, 50, user="anna")] == ["s0"]


async def test_a_session_reads_as_a_conversation(database: Database) -> None:
    for number in range(3):
        trace = await put_trace(database, new_trace(), session="a/b", started_at=at(number), name=f"{number}")
        await put_spans(
            database,
            trace,
            {"name": "below", "parent_id": 2, "input": "below", "started_at": at(-1)},
            {"name": "root", "input": MESSAGES, "output": f'"{number}"'},
        )
    async with database.connection() as connection:
        first = await open_session(connection, None, TraceFilters(session="a/b"), limit=2)
        rest = await open_session(connection, None, TraceFilters(session="a/b"), limit=2, cursor=first.next)
        with pytest.raises(NotFound, match="there is no session"):
            await open_session(connection, ["blue"], TraceFilters(session="a/b"))
        with pytest.raises(NotFound, match="there is no session"):
            await open_session(connection, None, TraceFilters(session="a/b", only_key="k9"))
    assert [turn.name for turn in (*first.items, *rest.items)] == ["0", "1", "2"]
    assert [bytes(turn.output) for turn in first.items if isinstance(turn.output, msgspec.Raw)] == [
        b'"0"',
        b'"1"',
    ]
    assert (first.traces, rest.next) == (3, None)


async def test_a_session_of_two_projects_is_named_with_its_project(database: Database) -> None:
    for project in ("default", "blue"):
        await put_trace(database, new_trace(), session="s1", project=project)
    async with database.connection() as connection:
        with pytest.raises(InvalidRequest, match="several projects: blue, default"):
            await open_session(connection, None, TraceFilters(session="s1"))
        assert (await open_session(connection, ["blue"], TraceFilters(session="s1"))).traces == 1


async def put_turn(database: Database, milliseconds: int, session: str = "s1", **parts: Any) -> str:
    """Write a call of a session, whose id tells when it was made; return it."""
    begin_ms = int(BEGIN.timestamp() * 1000) + milliseconds
    call = uuid.UUID(int=begin_ms << 80 | 0x7 << 76 | uuid.uuid4().int & (1 << 76) - 1)
    turn = {"id": call, "session": session, "started_at": at(milliseconds), **parts}
    return (await put_calls(database, "", turn))[0]


async def test_calls_without_a_trace_are_turns_of_their_session(database: Database) -> None:
    trace = await put_trace(
        database, new_trace(), session="s1", started_at=at(10), calls=1, cost_usd="0.5", input=7
    )
    await put_turn(database, 10, trace_id=trace)  # counted by its trace
    calls = [
        await put_turn(database, 0, usage=Jsonb({"input": 3, "input_audio": 2}), user="anna"),
        await put_turn(database, 10),
        await put_turn(database, 20, status=500, cost_usd=None),
    ]
    [item] = await walked(database, 50)
    assert (item.traces, item.untraced, item.calls, item.errors, item.unpriced) == (1, 3, 4, 1, 1)
    assert (item.cost_usd, item.usage.input, item.usage.output, item.user) == ("0.502", 32, 10, "anna")
    assert (item.started_at, item.last_at) == ("2026-11-21T08:00:00.000Z", "2026-11-21T08:00:00.020Z")
    turns: list[str] = []
    cursor: str | None = None
    async with database.connection() as connection:
        for _ in range(4):
            page = await open_session(connection, None, TraceFilters(session="s1"), limit=1, cursor=cursor)
            assert (page.traces, page.calls, page.cost_usd) == (1, 4, "0.502")
            turns += [turn.trace_id for turn in page.items] + [call.id for call in page.requests]
            cursor = page.next
        whole = await open_session(connection, None, TraceFilters(session="s1"))
        own = await open_session(connection, None, TraceFilters(session="s1", only_key="k1"))
        with pytest.raises(NotFound, match="there is no session"):
            await open_session(connection, None, TraceFilters(session="s1", only_key="k9"))
        with pytest.raises(NotFound, match="there is no session"):
            await open_session(connection, ["blue"], TraceFilters(session="s1"))
    assert cursor is None
    assert (turns[0], set(turns[1:3]), turns[3]) == (calls[0], {trace, calls[1]}, calls[2])
    assert [call.id for call in whole.requests] == calls
    assert (own.untraced, own.calls) == (3, 4)


@pytest.mark.parametrize("look", [1, 2, 3, 20_000])
async def test_sessions_of_traces_and_calls_are_listed_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr(sessions, "SESSION_LOOK", look)
    # In one millisecond each, so that only the ids tell their order.
    for number in range(12):
        project = "blue" if number % 4 == 1 else "default"
        parts: dict[str, Any] = {"project": project, "user": "anna" if number % 4 == 3 else ""}
        await put_turn(database, number // 4, f"s{number % 4}", **parts)
        if number % 4 < 3:
            parts = {**parts, "session": f"s{number % 4}", "started_at": at(number // 4)}
            await put_trace(database, new_trace(), **parts)
    await put_turn(database, 90, "old", trace_id=new_trace())  # its trace is still to come
    for limit in (1, 2, 50):
        found = await walked(database, limit)
        assert sorted(item.session for item in found) == ["s0", "s1", "s2", "s3"], limit
        assert [(item.traces, item.untraced) for item in sorted(found, key=lambda each: each.session)] == [
            *[(3, 3)] * 3,
            (0, 3),
        ]
    assert [item.session for item in await walked(database, 50, user="anna")] == ["s3"]
    assert [item.untraced for item in await walked(database, 50, begin=at(1), end=at(2), user="anna")] == [1]


async def test_sessions_count_what_was_made_in_an_environment(database: Database) -> None:
    for number, name in enumerate(("production", "staging")):
        parts: dict[str, Any] = {"session": "s1", "started_at": at(number), "calls": 2 + number}
        await put_trace(database, new_trace(), facets=[f"environment:{name}"], environment=name, **parts)
        await put_turn(database, 10 + number, environment=name)
    await put_turn(database, 20, "s2")
    assert {item.session for item in await walked(database, 50)} == {"s1", "s2"}
    [item] = await walked(database, 50, environment="staging")
    assert (item.session, item.traces, item.untraced, item.calls) == ("s1", 1, 1, 4)
    assert await walked(database, 50, environment="elsewhere") == []
    [item] = await walked(database, 50, environment="")
    assert (item.session, item.traces, item.untraced, item.calls) == ("s2", 0, 1, 1)
    await put_trace(database, new_trace(), session="s2", started_at=at(30), calls=5)
    [item] = await walked(database, 50, environment="")
    assert (item.session, item.traces, item.untraced, item.calls) == ("s2", 1, 1, 6)
