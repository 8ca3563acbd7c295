"""An export reads small traces together: the same lines as one by one, by a fraction of the questions."""

from uuid import UUID

import pytest
from tests.contract.test_traces_exporting import exported, new_call
from tests.contract.traces_by_hand import at, new_trace, put_calls, put_spans, put_trace

from headgate.access.roles import Visible
from headgate.store.database import Database
from headgate.traces.exporting import batches, http
from headgate.traces.exporting.model import Format
from headgate.traces.reading.model import TraceFilters
from headgate.traces.scores.model import NewFeedback, score_of
from headgate.traces.scores.storing import add_scores

FORMS: tuple[Format, ...] = ("otlp", "jsonl")
CALLER = "k1"


async def mixed(database: Database) -> list[str]:
    """Traces of two projects in turn, newest first: small, large, wordy, of calls alone, and with scores."""
    made: list[str] = []
    for number in range(12):
        project = "blue" if number % 3 == 2 else "default"
        begin = at(-1000.0 * number)
        trace = await put_trace(database, new_trace(), project=project, started_at=begin, ended_at=begin)
        words = "w" * (300_000 if number % 5 == 0 else 10)
        spans = [
            {"span_id": place + 1, "project": project, "started_at": begin, "input": f'"{words}"'}
            for place in range(number % 4)
        ]
        if spans:
            await put_spans(database, trace, *spans)
        if number % 4 in (0, 3):
            call = {"id": UUID(bytes=new_call()), "project": project, "started_at": begin}
            await put_calls(database, trace, call)
        made.append(trace)
    async with database.transaction() as connection:
        for trace, project in zip(made[:3], ("default", "default", "blue"), strict=True):
            said = NewFeedback(name="helpful", value=True, trace_id=trace, id=trace)
            await add_scores(connection, project, [score_of(said, CALLER)])
    return made


async def all_exported(database: Database, form: Format, key: str | None = None) -> bytes:
    asked = http.Question(
        seen=Visible(project_ids=None, key=key), filters=TraceFilters(), sort="newest", form=form, limit=None
    )
    first = await http.page_of(database, asked, None)
    return b"".join([piece async for piece in http.exported(database, asked, first, lambda: None)])


@pytest.mark.parametrize(("spans_max", "bytes_max"), [(500, 2**20), (4, 2**20), (2, 400_000), (1, 20)])
async def test_traces_are_the_same_read_together_and_one_by_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, spans_max: int, bytes_max: int
) -> None:
    made = await mixed(database)
    monkeypatch.setattr(batches, "SPANS_MAX", spans_max)
    monkeypatch.setattr(batches, "BYTES_MAX", bytes_max)
    monkeypatch.setattr(batches, "TRACES_AT_ONCE", 5)
    for form in FORMS:
        for key in (None, CALLER):
            alone = [await exported(database, trace, form, key) for trace in made]
            assert await all_exported(database, form, key) == b"".join(alone)


async def test_fifty_traces_take_a_handful_of_questions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(50):
        begin = at(-1000.0 * number)
        trace = await put_trace(database, new_trace(), started_at=begin, ended_at=begin)
        await put_spans(database, trace, {"span_id": 1}, {"span_id": 2, "parent_id": 1})
    asked: list[int] = []
    connection = database.connection

    def counted() -> object:
        asked.append(1)
        return connection()

    monkeypatch.setattr(database, "connection", counted)
    assert len((await all_exported(database, "jsonl")).splitlines()) == 100
    assert len(asked) == 3, "one for the list, one for where all is, one for the spans"


async def test_a_trace_that_goes_meanwhile_is_left_out(database: Database) -> None:
    made = await mixed(database)
    async with database.connection() as connection:
        items = (await http.list_traces(connection, None, TraceFilters())).items
        await connection.execute("delete from traces where trace_id = %s", (made[1],))
    found = [reader.trace_id async for reader in batches.readers_of(database, items, None)]
    assert found == [trace for trace in made if trace != made[1]]
