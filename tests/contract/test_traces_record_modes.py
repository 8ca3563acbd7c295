"""A project's record mode holds for spans: a canary in all that they say, looked for in all that keeps."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from tests.contract.made_entries import BOOT
from tests.contract.otlp_messages import NEW_REQUEST, TRACE_ID, add_span, say
from tests.flow.control_app import TOML, Api, control, put_in_force

from headgate.core.ports import Envelope
from headgate.journal.folder import segments
from headgate.journal.format import Entry, entries, seed_of
from headgate.journal.writer import JournalWriter
from headgate.store.database import Database
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.sink import SpanSink
from headgate.traces.keeping.words import WordsJob
from headgate.traces.model import SPANS

CANARY = "Zilpzalp7319"
MODES = TOML + '[projects.bare]\nrecord = "metadata"\n[projects.mute]\nrecord = "none"\n'
MESSAGE = f'[{{"role": "user", "parts": [{{"type": "text", "content": "{CANARY}"}}]}}]'
CONTENT: dict[str, Any] = {
    "gen_ai.input.messages": MESSAGE,
    "gen_ai.output.messages": MESSAGE.replace("user", "assistant"),
    "gen_ai.system_instructions": f'[{{"type": "text", "content": "{CANARY}"}}]',
    "gen_ai.tool.definitions": f'[{{"type": "function", "name": "f", "description": "{CANARY}"}}]',
    "gen_ai.tool.call.arguments": f'{{"city": "{CANARY}"}}',
    "gen_ai.tool.call.result": CANARY,
    "gen_ai.prompt.0.content": CANARY,
    "gen_ai.completion.0.content": CANARY,
    "gen_ai.request.stop_sequences": [CANARY],
    "input.value": CANARY,
    "output.value": f'{{"answer": "{CANARY}"}}',
    "llm.input_messages.0.message.content": CANARY,
    "llm.prompt_template.template": CANARY,
    "llm.invocation_parameters": f'{{"temperature": 0.5, "stop": "{CANARY}", "more": ["{CANARY}"]}}',
    "retrieval.documents.0.document.content": CANARY,
    "traceloop.entity.input": CANARY,
    "traceloop.entity.output": CANARY,
    "langfuse.observation.input": CANARY,
    "langfuse.observation.output": CANARY,
    "langfuse.observation.metadata.note": CANARY,
    "langfuse.observation.status_message": CANARY,
    "ai.prompt": CANARY,
    "ai.prompt.messages": MESSAGE,
    "ai.response.text": CANARY,
    "all_messages_events": MESSAGE,
    "final_result": CANARY,
    "logfire.msg": CANARY,
    "http.url": f"https://example.com/?q={CANARY}",
    "of my own": CANARY,
    "list of my own": [CANARY, {"deep": [CANARY]}],
    "bytes of my own": CANARY.encode(),
}


def request(**more: Any) -> bytes:
    message = NEW_REQUEST()
    span = add_span(message, name="chat gpt-5-mini", **more)
    named = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini", "retries": 3}
    tokens = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
    for name, value in {**named, **tokens, **CONTENT}.items():
        say(span.attributes, name, value)
    for name in ("gen_ai.user.message", "gen_ai.content.prompt", "exception", "of my own"):
        event = span.events.add(name=name, time_unix_nano=span.start_time_unix_nano)
        for attribute in ("content", "gen_ai.prompt", "exception.message", "exception.stacktrace"):
            say(event.attributes, attribute, CANARY)
    evaluation = span.events.add(name="gen_ai.evaluation.result")
    for attribute, value in {"name": "grounded", "score.value": 0.5, "explanation": CANARY}.items():
        say(evaluation.attributes, f"gen_ai.evaluation.{attribute}", value)
    link = span.links.add(trace_id=TRACE_ID, span_id=bytes(7) + b"\x09")
    say(link.attributes, "why", CANARY)
    span.status.code, span.status.message = 2, f"could not answer {CANARY}"
    say(message.resource_spans[0].resource.attributes, "process.command_line", CANARY)
    return message.SerializeToString()


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    writer = JournalWriter(tmp_path, uuid.uuid4())
    yield writer
    writer.close()


async def send(api: Api, body: bytes, key: str) -> None:
    headers = {"content-type": "application/x-protobuf", "authorization": f"Bearer {key}"}
    answer = await api.client.post("/v1/traces", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, b""), "nothing is refused"


async def key_of(api: Api, **fields: Any) -> str:
    return (await api.post("/keys", {"name": f"exporter-{uuid.uuid4().hex[:8]}", **fields}))["key"]


def on_disk(journal: JournalWriter) -> bytes:
    return b"".join(path.read_bytes() for path in journal.folder.rglob("*") if path.is_file())


async def apply(database: Database, journal: JournalWriter) -> int:
    """Ship what lies in the journal, count it and take its words; return how many batches there were."""
    found = [
        entry
        for file in segments(journal.folder)
        if file.stream == "body"
        for entry in entries(file.path.read_bytes(), 0, seed_of(journal.boot), final=False)
    ]
    batch = [
        Envelope(BOOT.bytes, SPANS, entry.payload)
        for entry in found
        if isinstance(entry, Entry) and entry.kind == SPANS
    ]
    async with database.transaction() as connection:
        await SpanSink().apply(connection, batch)
    await SettlingJob(database, quiet_s=0.0, wait_s=0.0).run_once()
    while await WordsJob(database).run_once():
        pass
    return len(batch)


async def tables_with(database: Database, text: str) -> set[str]:
    """The tables in which a row has this text, in any column."""
    async with database.connection() as connection:
        cursor = await connection.execute("select tablename from pg_tables where schemaname = 'public'")
        found: set[str] = set()
        for (table,) in await cursor.fetchall():
            query = sql.SQL("select exists (select from {} t where t::text ilike %s)")
            cursor = await connection.execute(query.format(sql.Identifier(table)), (f"%{text}%",))
            if await cursor.fetchone() == (True,):
                found.add(table)
        return found


async def test_the_canary_is_found_where_all_is_recorded(database: Database, journal: JournalWriter) -> None:
    async with control(database, journal=journal) as api:
        await send(api, request(), await key_of(api))
        assert CANARY.encode() in on_disk(journal)
        assert await apply(database, journal) == 1
        found = await tables_with(database, CANARY)
        assert {table.rpartition("_")[0] for table in found} >= {"spans", "span_words"}, found


@pytest.mark.parametrize("by", ["project", "key"])
async def test_metadata_keeps_names_numbers_and_times(
    database: Database, journal: JournalWriter, by: str
) -> None:
    async with control(database, journal=journal) as api:
        await put_in_force(database, MODES)
        fields = {"project": "bare"} if by == "project" else {"record": "metadata"}
        await send(api, request(), await key_of(api, **fields))
        assert CANARY.encode() not in on_disk(journal), "nothing of it was ever on disk"
        assert await apply(database, journal) == 1
        assert await tables_with(database, CANARY) == set()
        trace = await api.get(f"/traces/{TRACE_ID.hex()}", content="true")
        [span] = trace["spans"]
        assert (span["name"], span["model"], span["status"]) == ("chat gpt-5-mini", "gpt-5-mini", "error")
        assert (span["usage"]["input"], span["usage"]["output"]) == (10, 5)
        assert span["cost_usd"] and span["duration_ms"] == 250 and trace["cost_usd"] == span["cost_usd"]
        shown = await api.get(f"/traces/{TRACE_ID.hex()}/spans/{span['span_id']}")
        assert CANARY not in str(shown) and "retries" in str(shown) and "temperature" in str(shown)
        [score] = (await api.get("/feedback"))["items"]
        assert (score["name"], score["value"], score["comment"] or None) == ("grounded", 0.5, None)


async def test_none_keeps_nothing(database: Database, journal: JournalWriter) -> None:
    async with control(database, journal=journal) as api:
        await put_in_force(database, MODES)
        await send(api, request(), await key_of(api, project="mute"))
        assert b"gpt-5-mini" not in on_disk(journal)
        assert await apply(database, journal) == 0


async def test_a_key_cannot_record_more_than_its_project(database: Database, journal: JournalWriter) -> None:
    async with control(database, journal=journal) as api:
        await put_in_force(database, MODES)
        await send(api, request(), await key_of(api, project="bare", record="full"))
        assert CANARY.encode() not in on_disk(journal)


async def test_what_was_cut_is_left_out_whole(database: Database, journal: JournalWriter) -> None:
    """JSON that was cut can't be read any more, and might hold anything."""
    async with control(database, journal=journal) as api:
        message = NEW_REQUEST.FromString(request())
        span = message.resource_spans[0].scope_spans[0].spans[0]
        for number in range(200):
            say(span.attributes, f"long {number}", f"{CANARY} " + "x" * 20_000)
        await send(api, message.SerializeToString(), await key_of(api, record="metadata"))
        assert CANARY.encode() not in on_disk(journal)
