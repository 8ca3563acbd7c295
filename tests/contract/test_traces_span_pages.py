"""The steps of a trace by time, a page at a time, on a real PostgreSQL."""

import uuid
from typing import Any

import pytest
from tests.contract.traces_by_hand import at, new_trace, put_calls, put_spans, put_trace

from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import encode_cursor
from headgate.store.database import Database
from headgate.traces.reading.model import SpanLine, SpanPage
from headgate.traces.reading.span_pages import list_spans


async def page_of(database: Database, trace: str, **asked: Any) -> SpanPage:
    async with database.connection() as connection:
        return await list_spans(connection, asked.pop("projects", None), trace, **asked)


async def all_of(database: Database, trace: str, limit: int, key: str | None = None) -> list[SpanLine]:
    found: list[SpanLine] = []
    cursor: str | None = None
    while True:
        page = await page_of(database, trace, limit=limit, cursor=cursor, key=key)
        assert len(page.items) <= limit
        found.extend(page.items)
        cursor = page.next
        if cursor is None:
            return found


async def mixed(database: Database) -> str:
    """Spans and calls in turn, some at one instant, ids of either sign, and a span that came on two days."""
    trace = await put_trace(database, new_trace(), spans=7, ended_at=at(900), last_day=at(86_400_000).date())
    await put_spans(
        database,
        trace,
        {"span_id": 1, "name": "root", "duration_us": 900_000},
        {"span_id": -5, "name": "chat", "parent_id": 1, "started_at": at(10), "kind": "llm", "key": "k2"},
        {"span_id": 6, "name": "ask", "parent_id": 1, "started_at": at(10), "response_id": "answer-1"},
        {"span_id": 7, "name": "late", "parent_id": 6, "started_at": at(500)},
    )
    await put_spans(
        database,
        trace,
        {"span_id": 7, "name": "late", "parent_id": 6, "started_at": at(500), "day": at(86_400_000).date()},
    )
    await put_calls(
        database,
        trace,
        {"id": uuid.UUID(int=1), "started_at": at(10), "response_id": "answer-1"},
        {"id": uuid.UUID(int=2), "started_at": at(10), "parent_span_id": -5},
        {"id": uuid.UUID(int=3), "started_at": at(10), "parent_span_id": 1, "model": "alone"},
        {"id": uuid.UUID(int=4), "started_at": at(10), "model": "alone too", "status": 500},
    )
    return trace


EXPECTED = ["root", "chat", "ask", "chat alone", "chat alone too", "late"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 500])
async def test_pages_of_any_size_have_each_step_once_in_the_order_of_time(
    database: Database, limit: int
) -> None:
    trace = await mixed(database)
    assert [line.name for line in await all_of(database, trace, limit)] == EXPECTED


async def test_a_page_says_what_lines_are_drawn_with(database: Database) -> None:
    trace = await mixed(database)
    page = await page_of(database, trace, limit=4)
    assert (page.duration_ms, page.project, page.name) == (900.0, "default", "answer")
    assert page.started_at == "2026-11-21T08:00:00.000Z"
    root, chat, _, alone = page.items
    assert (root.offset_ms, root.duration_ms, root.parent_id) == (0, 900, None)
    assert (chat.span_id, chat.parent_id, chat.kind) == ("fffffffffffffffb", "0000000000000001", "llm")
    assert (alone.span_id, alone.request_id) == (None, str(uuid.UUID(int=3)))
    assert alone.usage is not None
    assert (alone.usage.input, alone.cost_usd, alone.offset_ms) == (10, "0.001", 10)
    failed = (await page_of(database, trace)).items[4]
    assert (failed.name, failed.status) == ("chat alone too", "error")


async def test_a_member_gets_its_own_steps_and_their_times(database: Database) -> None:
    trace = await mixed(database)
    page = await page_of(database, trace, key="k2")
    assert [line.name for line in page.items] == ["chat"]
    assert (page.name, page.span_count, page.duration_ms) == (None, 1, 1.0)
    with pytest.raises(NotFound):
        await page_of(database, trace, key="k3")
    with pytest.raises(NotFound):
        await page_of(database, trace, projects=["blue"])


@pytest.mark.parametrize(
    "place",
    [
        ("x", "1", "", ""),
        ("1", "x", "", ""),
        ("1", str(2**63), "", ""),
        ("9" * 30, "1", "", ""),
        ("", "", "1", "1"),
        ("", "", "x", str(uuid.UUID(int=1))),
    ],
)
async def test_a_cursor_of_something_else_is_refused(database: Database, place: tuple[str, ...]) -> None:
    trace = await mixed(database)
    with pytest.raises(InvalidRequest, match="next is no cursor of this list"):
        await page_of(database, trace, cursor=encode_cursor(place))
