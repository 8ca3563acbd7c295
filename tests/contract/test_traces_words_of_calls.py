"""Traces are found by the words of their recorded calls: where bodies are kept, and as long as they are."""

from typing import Any
from uuid import UUID

import pytest
from tests.contract.made_entries import envelope, make_body, make_end, new_call
from tests.contract.traces_by_hand import new_trace

from headgate.core.entries import End
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.erasure.erasing import erase_words
from headgate.traces.keeping import sink
from headgate.traces.keeping.sink import LateBodySink, TraceCallSink
from headgate.traces.keeping.words import WordsJob
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import TextHit, TraceFilters
from headgate.traces.reading.searching import TextQuestion, search_text

REQUEST = b'{"model": "assistant", "messages": [{"role": "user", "content": "Where is the blue boat?"}]}'
ANSWER = (
    b'{"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini", "choices": [{"index": 0,'
    b' "finish_reason": "stop", "message": {"role": "assistant", "content": "In the harbour."}}]}'
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "BODY_S", 0.0)


async def called(database: Database, *, body: bool = True, **changes: Any) -> End:
    call = new_call()
    end = make_end(call, **{"trace_id": new_trace(), "record": "full", **changes})
    async with database.transaction() as connection:
        for each in (RecordSink(), TraceCallSink()):
            await each.apply(connection, [envelope(end)])
        if body:
            told = make_body(call, request=REQUEST, response=ANSWER, project=end.project)
            await BodySink().apply(connection, [envelope(told)])
    return end


async def search(database: Database, text: str, key: str | None = None) -> list[TextHit]:
    async with database.connection() as connection:
        question = TextQuestion(text=text, project_ids=["default"], key=key)
        return (await search_text(connection, question)).items


async def test_a_trace_is_found_by_what_its_call_said(database: Database) -> None:
    end = await called(database)
    other = await called(database)
    assert await WordsJob(database).run_once() == 1
    assert await WordsJob(database).run_once() == 1
    hits = await search(database, '"blue boat" harbour')
    assert {hit.trace_id for hit in hits} == {end.trace_id, other.trace_id}
    [hit] = [hit for hit in hits if hit.trace_id == end.trace_id]
    assert (hit.request_id, hit.kind, hit.name) == (str(UUID(bytes=end.call)), "llm", "chat assistant")
    assert "In the harbour." in hit.snippet
    async with database.connection() as connection:
        page = await list_traces(connection, ["default"], TraceFilters(text="harbour"))
    assert {item.trace_id for item in page.items} == {end.trace_id, other.trace_id}
    assert len(await search(database, "boat", key="k1")) == 2
    assert await search(database, "boat", key="k9") == []


async def test_what_is_not_recorded_or_not_for_all_is_not_taken_in(database: Database) -> None:
    await called(database, record="metadata")
    await called(database, trace_id="")
    await called(database, label_readers=("team",))
    await called(database, body=False)
    job = WordsJob(database)
    while await job.run_once():
        pass
    assert await search(database, "boat") == []


async def test_words_wait_for_the_body(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "BODY_S", 3600.0)
    await called(database)
    assert await WordsJob(database).run_once() == 0


async def test_words_go_with_their_call_and_stay_with_another(database: Database) -> None:
    gone, kept = await called(database), await called(database)
    job = WordsJob(database)
    while await job.run_once():
        pass
    async with database.transaction() as connection:
        await connection.execute("delete from requests where id = %s", (UUID(bytes=gone.call),))
        traces = [UUID(gone.trace_id), UUID(kept.trace_id)]
        assert await erase_words(connection, "default", traces) == 1
    async with database.connection() as connection:
        cursor = await connection.execute("select request_id from span_words")
        assert await cursor.fetchall() == [(UUID(bytes=kept.call),)]


async def come_late(database: Database, end: End) -> None:
    """Ship the bodies of a call, in a transaction of their own."""
    told = make_body(end.call, request=REQUEST, response=ANSWER, project=end.project)
    async with database.transaction() as connection:
        for each in (BodySink(), LateBodySink()):
            await each.apply(connection, [envelope(told)])


async def test_a_body_that_comes_long_after_its_call_is_found_too(database: Database) -> None:
    job = WordsJob(database)
    end = await called(database, body=False)
    hidden = [
        await called(database, body=False, trace_id=""),
        await called(database, body=False, label_readers=("team",)),
    ]
    while await job.run_once():
        pass
    assert await search(database, "boat") == []
    for each in (end, *hidden):
        await come_late(database, each)
    while await job.run_once():
        pass
    assert [hit.trace_id for hit in await search(database, "boat")] == [end.trace_id]


async def test_a_body_that_comes_in_time_is_queued_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "BODY_S", 3600.0)
    end = await called(database, body=False)
    await come_late(database, end)
    async with database.connection() as connection:
        cursor = await connection.execute("select count(*) from text_queue")
        assert await cursor.fetchone() == (1,)
