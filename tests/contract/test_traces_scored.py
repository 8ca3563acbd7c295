"""Traces found by what was said of them, and what was said shown with them, on a real PostgreSQL."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from tests.contract.traces_by_hand import at, new_trace, put_calls, put_spans, put_trace

from headgate.store.database import Database
from headgate.traces.reading import listing
from headgate.traces.reading.facets import count_facets
from headgate.traces.reading.listing import filter_parameters, list_traces, ordered, place_parameters
from headgate.traces.reading.model import TraceFilters
from headgate.traces.reading.opening import open_trace
from headgate.traces.reading.scored import read_score
from headgate.traces.reading.searching import TextQuestion, search_text
from headgate.traces.scores.model import NewFeedback, score_of
from headgate.traces.scores.storing import add_scores

WORDS = """
    insert into span_words select day, project, trace_id, span_id, to_tsvector('simple', input) from spans
"""


async def say(database: Database, key: str = "k1", **said: Any) -> None:
    async with database.transaction() as connection:
        await add_scores(connection, "default", [score_of(NewFeedback(**said), key)])


async def three(database: Database) -> list[str]:
    """Traces with scores, the newest first."""
    made: list[str] = []
    for number in range(3):
        begin = at(-1000.0 * number)
        trace = await put_trace(database, new_trace(), user="anna", session="s1", started_at=begin)
        await put_spans(database, trace, {"input": '"a blue boat"'})
        made.append(trace)
    async with database.transaction() as connection:
        await connection.execute(WORDS)
    for trace, csat, helpful in zip(made, (5, 4, 1.5), (True, False, False), strict=True):
        await say(database, trace_id=trace, name="csat", value=csat)
        await say(database, "k2", trace_id=trace, span_id="0000000000000001", name="helpful", value=helpful)
    await say(database, trace_id=made[1], name="outcome", value="resolved")
    return made


async def found(database: Database, score: str, **filters: Any) -> list[str]:
    async with database.connection() as connection:
        wanted = TraceFilters(score=read_score(score), **filters)
        page = await list_traces(connection, ["default"], wanted)
        facets = await count_facets(connection, ["default"], wanted)
    assert facets.traces == len(page.items)
    return [item.trace_id for item in page.items]


@pytest.mark.parametrize("look", [1, 20_000])
async def test_traces_are_found_by_what_was_said(
    database: Database, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    monkeypatch.setattr(listing, "LOOK", look)
    first, second, third = await three(database)
    await put_trace(database, new_trace())
    assert await found(database, "csat") == [first, second, third]
    assert await found(database, "csat>=4") == [first, second]
    assert await found(database, "csat>4") == [first]
    assert await found(database, "csat<4") == [third]
    assert await found(database, "csat:1.5") == [third]
    assert await found(database, "helpful:false") == [second, third]
    assert await found(database, "helpful:true") == [first]
    assert await found(database, "outcome:resolved") == [second]
    assert await found(database, "outcome:open") == []
    assert await found(database, "csat>=4", text="boat") == [first, second]
    assert await found(database, "helpful:1") == [], "a truth is no number"
    async with database.connection() as connection:
        assert (await list_traces(connection, ["other"], TraceFilters(score=read_score("csat")))).items == []


async def test_steps_are_searched_in_traces_of_which_it_was_said(database: Database) -> None:
    first, second, _ = await three(database)
    async with database.connection() as connection:
        question = TextQuestion(text="boat", project_ids=["default"], score=read_score("csat>=4"))
        page = await search_text(connection, question)
    assert {hit.trace_id for hit in page.items} == {first, second}


async def test_one_key_finds_by_what_it_said_alone(database: Database) -> None:
    made = [await put_trace(database, new_trace(), facets=["key:k1"]) for _ in range(2)]
    await say(database, trace_id=made[0], name="csat", value=5)
    await say(database, "k2", trace_id=made[1], name="csat", value=5)
    assert await found(database, "csat>=4", only_key="k1") == [made[0]]


async def test_a_trace_shows_what_was_said_of_it_and_around_it(database: Database) -> None:
    trace, *_ = await three(database)
    [call] = await put_calls(database, trace, {"id": UUID("0190a0a0-0000-7000-8000-00000000000a")})
    await say(database, request_id=call, name="fast", value=True)
    await say(database, span_id="0000000000000001", name="early", value=1)
    for name, value in (("session", "s1"), ("user", "anna")):
        await say(database, **{name: value}, name=f"of {name}", value=1)
    await say(database, user="bert", name="of another", value=1)
    async with database.connection() as connection:
        shown = await open_trace(connection, ["default"], trace)
        own = await open_trace(connection, ["default"], trace, key="k1")
    names = [one.name for one in shown.scores]
    assert sorted(names[:4]) == ["csat", "early", "fast", "helpful"]
    assert names[4:] == ["of session", "of user"]
    assert "helpful" not in [one.name for one in own.scores]


async def plan(database: Database, score: str) -> str:
    """How the database looks for all traces of which something rare was said."""
    wanted = TraceFilters(score=read_score(score))
    asked = {
        **filter_parameters(wanted),
        **place_parameters(None),
        "project_ids": ["default"],
        "limit": 51,
        "look": 20_000,
    }
    async with database.connection() as connection:
        statement = ordered(listing.QUERIES.matching_traces, "newest", wanted)
        cursor = await connection.execute(b"explain " + statement.encode(), asked, prepare=False)
        return "\n".join(str(row[0]) for row in await cursor.fetchall())


async def test_what_was_said_rarely_is_looked_up_by_an_index(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(FILL_TRACES, {"begin": datetime(2026, 11, 1, tzinfo=UTC)})
        await connection.execute(FILL_SCORES)
    async with database.connection() as connection:
        for table in ("traces", "scores"):
            await connection.execute(f"analyze {table}".encode())
    for score, index in (("helpful:false", "scores_number"), ("outcome:odd", "scores_text")):
        found = await plan(database, score)
        assert index in found, found
        assert "Seq Scan on traces" not in found, found


FILL_TRACES = """
    insert into traces (project, trace_id, started_at, ended_at, first_day, last_day, facets)
    select 'default', ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        %(begin)s + n * interval '1 s', %(begin)s + n * interval '1 s', '2026-11-01',
        '2026-11-01', array['key:k1', 'score:helpful']
    from generate_series(1, 20000) n
"""
FILL_SCORES = """
    insert into scores (
        project, id, key, name, kind, value, text, comment, source, said_by, at, subject, trace_id, session,
        "user", business_id
    )
    select 'default', 's' || n, 'k1', case when n % 2 = 0 then 'helpful' else 'outcome' end,
        case when n % 2 = 0 then 'boolean' else 'text' end, case when n % 2 = 0 then (n % 2000 > 0)::int end,
        case when n % 2 = 0 then '' when n % 1999 = 0 then 'odd' else 'plain' end,
        '', 'person', '', now(), 'trace',
        ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '', '', ''
    from generate_series(1, 20000) n
"""
