"""Full text over steps, and sums of traces over time, on a real PostgreSQL."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.traces_by_hand import BEGIN, at, new_trace, put, put_spans, put_trace

from headgate.core.faults import InvalidRequest
from headgate.store.database import Database
from headgate.traces.keeping.texts import words_of
from headgate.traces.reading import listing
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import TextHit, TraceFilters
from headgate.traces.reading.searching import TextQuestion, search_text, snippet
from headgate.traces.reading.series import trace_series


async def said(database: Database, name: str, *texts: str, **parts: Any) -> str:
    """A trace whose spans say these texts, in the index."""
    project, key, day = (
        parts.get("project", "default"),
        parts.get("key", "k1"),
        parts.get("day", BEGIN.date()),
    )
    trace = await put_trace(
        database, new_trace(), name=name, project=project, facets=[f"key:{key}"], last_day=day
    )
    spans = [{"project": project, "key": key, "day": day, "input": text} for text in texts]
    await put_spans(database, trace, *spans)
    async with database.transaction() as connection:
        await connection.execute("select ensure_partitions(array[%s::date])", (day,))
        for number, text in enumerate(texts, 1):
            await connection.execute(
                "insert into span_words values (%s, %s, %s, %s, to_tsvector('simple', %s))",
                (day, project, uuid.UUID(trace), number, words_of(text)),
            )
    return trace


async def found(
    database: Database, text: str, projects: tuple[str, ...] = ("default", "blue"), key: str | None = None
) -> list[TextHit]:
    hits: list[TextHit] = []
    cursor: str | None = None
    question = TextQuestion(text=text, project_ids=list(projects), key=key)
    async with database.connection() as connection:
        for _ in range(20):
            page = await search_text(connection, question, limit=2, cursor=cursor)
            hits += page.items
            cursor = page.next
            if cursor is None:
                return hits
    raise AssertionError("the pages of hits don't end")


async def test_words_and_phrases_are_found_where_the_caller_may_look(database: Database) -> None:
    red = await said(database, "red", "the red boat sails", "a boat", "no ship")
    blue = await said(database, "blue", "boat of the red kind", project="blue")
    late = await said(database, "late", "the boat, late", key="k2", day=(BEGIN + timedelta(days=3)).date())
    every = await found(database, "boat")
    assert every[0].trace_id == late, "the newest day comes first"
    assert {(hit.trace_id, hit.span_id[-1]) for hit in every} == {
        (red, "1"),
        (red, "2"),
        (blue, "1"),
        (late, "1"),
    }
    assert len(every) == 4
    assert {hit.trace_id for hit in await found(database, '"red boat"')} == {red}
    assert {hit.trace_id for hit in await found(database, "red BOAT")} == {red, blue}
    assert {hit.trace_id for hit in await found(database, "boat -red")} == {red, late}
    assert {hit.trace_id for hit in await found(database, "boat", ("blue",))} == {blue}
    assert {hit.trace_id for hit in await found(database, "boat", key="k2")} == {late}
    assert await found(database, "submarine") == []
    assert (await found(database, '"red boat"'))[0].snippet == "the red boat sails"


@pytest.mark.parametrize("text", ["-boat", '""', "!", "-a -b"])
async def test_a_question_without_words_is_refused(database: Database, text: str) -> None:
    with pytest.raises(InvalidRequest, match="no word to look for"):
        await found(database, text)


async def test_a_list_is_filtered_by_text(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LOOK", 1)
    await said(database, "red", "a red boat", "another boat")
    await said(database, "blue", "a blue boat", key="k2")
    await said(database, "green", "a green ship")
    wanted: list[tuple[dict[str, Any], set[str | None]]] = [
        ({"text": "boat"}, {"red", "blue"}),
        ({"text": "boat", "key": "k2"}, {"blue"}),
        ({"text": "boat", "only_key": "k1"}, {"red"}),
        ({"text": '"red boat"'}, {"red"}),
        ({"text": "car"}, set()),
    ]
    async with database.connection() as connection:
        for query, names in wanted:
            page = await list_traces(connection, None, TraceFilters(**query))
            assert {item.name for item in page.items} == names, query


def test_a_snippet_shows_what_stands_around_the_first_word() -> None:
    text = "word " * 100 + "needle in  a\nhaystack" + " straw" * 100
    shown = snippet(text, '"in a haystack"')
    assert "needle in a haystack straw" in shown
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= 162
    assert snippet("short", "absent") == "short"


async def test_series_are_sums_of_rollups(database: Database) -> None:
    row: dict[str, Any] = {
        "project": "default",
        "slot": BEGIN,
        "dimension": "",
        "value": "",
        "traces": 2,
        "spans": 20,
        "calls": 4,
        "errors": 1,
        "input": 10,
        "cache_read": 0,
        "cache_write": 0,
        "output": 5,
        "reasoning": 0,
        "cost_usd": "0.5",
        "unpriced": 0,
        "duration_sketch": [0] * 40 + [2],
    }
    model = {**row, "dimension": "model", "value": "small"}
    later = {**row, "slot": at(26 * 3_600_000), "duration_sketch": [1]}
    blues = {**row, "project": "blue", "calls": 3, "unpriced": 3}
    rows: list[dict[str, Any]] = [row, later, model, {**model, "value": "large", "cost_usd": "2"}, blues]
    await put(database, "trace_rollups", *rows)
    days = [{**one, "day": one["slot"].date()} for one in rows]
    await put(
        database,
        "trace_rollup_days",
        *({name: value for name, value in one.items() if name != "slot"} for one in days),
    )
    await put_trace(database, new_trace())
    await put_trace(database, new_trace(), project="blue")
    async with database.connection() as connection:
        whole = await trace_series(connection, ["default"])
        daily = await trace_series(connection, ["default"], interval="day", begin=BEGIN)
        models = await trace_series(connection, None, group_by="model", end=at(1))
        blue = await trace_series(connection, ["blue"], interval="hour")
    assert [(point.traces, point.cost_usd, point.p99_ms) for point in whole] == [(4, "1", 268)]
    assert [(point.start, point.traces) for point in daily] == [
        ("2026-11-21T00:00:00.000Z", 2),
        ("2026-11-22T00:00:00.000Z", 2),
    ]
    assert [(point.value, point.cost_usd) for point in models] == [("large", "2"), ("small", "0.5")]
    assert [(point.start, point.cost_usd, point.unpriced) for point in blue] == [
        ("2026-11-21T08:00:00.000Z", None, 3)
    ]
