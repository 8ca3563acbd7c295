"""Log events and metrics where metadata alone is recorded: numbers and names stay, words reach no disk."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.made_entries import BOOT
from tests.contract.made_logs import DETAILS, EVALUATION, LOGS_ANSWER, NEW_LOGS, add_record
from tests.contract.made_metrics import TOKENS, add_point, new_metrics
from tests.contract.otlp_messages import NEW_REQUEST, SPAN_ID, TRACE_ID, add_span
from tests.contract.test_traces_record_modes import CANARY, MODES, key_of, on_disk, tables_with
from tests.flow.control_app import Api, control, put_in_force

from headgate.core.ports import Envelope
from headgate.journal.folder import segments
from headgate.journal.format import Entry, entries, seed_of
from headgate.journal.writer import JournalWriter
from headgate.store.database import Database
from headgate.traces.keeping.log_sink import LogSink
from headgate.traces.keeping.sink import SpanSink
from headgate.traces.metrics.model import METRICS
from headgate.traces.metrics.sink import MetricSink
from headgate.traces.model import LOGS, SPANS

SINKS = {SPANS: SpanSink(), LOGS: LogSink(), METRICS: MetricSink()}
TOLD = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-5-mini",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.input.messages": CANARY,
    "gen_ai.system_instructions": [{"type": "text", "content": CANARY}],
    "gen_ai.request.stop_sequences": [CANARY],
    "of my own": CANARY,
}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[JournalWriter]:
    writer = JournalWriter(tmp_path, uuid.uuid4())
    yield writer
    writer.close()


async def send(api: Api, path: str, message: Any, key: str) -> bytes:
    headers = {"content-type": "application/x-protobuf", "authorization": f"Bearer {key}"}
    answer = await api.client.post(path, content=message.SerializeToString(), headers=headers)
    assert answer.status_code == 200
    return answer.content


async def apply(database: Database, journal: JournalWriter) -> int:
    """Ship what lies in the journal; return how many entries there were."""
    count = 0
    for file in segments(journal.folder):
        if file.stream != "body":
            continue
        for entry in entries(file.path.read_bytes(), 0, seed_of(journal.boot), final=False):
            if isinstance(entry, Entry) and entry.kind in SINKS:
                async with database.transaction() as connection:
                    envelope = Envelope(BOOT.bytes, entry.kind, entry.payload)
                    await SINKS[entry.kind].apply(connection, [envelope])
                count += 1
    return count


def logs() -> Any:
    request = NEW_LOGS()
    for name in ("gen_ai.user.message", "gen_ai.choice"):
        add_record(request, name, body={"content": CANARY, "message": {"content": CANARY}})
    add_record(request, DETAILS, attributes=TOLD)
    score = {"name": "grounded", "score.value": 0.5, "score.label": CANARY, "explanation": CANARY}
    add_record(
        request, EVALUATION, attributes={f"gen_ai.evaluation.{name}": said for name, said in score.items()}
    )
    label = {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.label": CANARY}
    add_record(request, EVALUATION, attributes=label)
    return request


def span() -> Any:
    request = NEW_REQUEST()
    add_span(request, name="chat")
    return request


async def test_metadata_keeps_scores_tokens_and_names_of_log_events(
    database: Database, journal: JournalWriter
) -> None:
    async with control(database, journal=journal) as api:
        await put_in_force(database, MODES)
        key = await key_of(api, project="bare")
        await send(api, "/v1/traces", span(), key)
        answer = await send(api, "/v1/logs", logs(), key)
        assert CANARY.encode() not in on_disk(journal), "nothing of it was ever on disk"
        partial = LOGS_ANSWER.FromString(answer).partial_success
        assert partial.rejected_log_records == 3
        for said in (
            "2 with messages refused: this project, or this key, records metadata only",
            "number 5 refused: score.label is a word, and metadata alone is recorded here",
            "2 kept without their words",
        ):
            assert said in partial.error_message
        assert await apply(database, journal) == 2
        assert await tables_with(database, CANARY) == set()
        shown = await api.get(f"/traces/{TRACE_ID.hex()}/spans/{SPAN_ID.hex()}")
        assert (shown["request_model"], shown["usage"]["input"], shown["usage"]["output"]) == (
            "gpt-5-mini",
            10,
            5,
        )
        assert shown["finish_reasons"] == ["stop"]
        assert shown["content"]["parameters"]["temperature"] == 0.5
        assert shown["cost_usd"], "what the tokens cost is no word"
        [score] = (await api.get("/feedback"))["items"]
        assert (score["name"], score["value"], score["comment"] or None) == ("grounded", 0.5, None)


async def test_metadata_keeps_the_numbers_of_metrics(database: Database, journal: JournalWriter) -> None:
    async with control(database, journal=journal) as api:
        await put_in_force(database, MODES)
        request = new_metrics()
        said = {"gen_ai.request.model": "gpt-5-mini", "gen_ai.token.type": "input", "gen_ai.prompt": CANARY}
        point: dict[str, Any] = {"count": 1, "sum": 7.0, "explicit_bounds": [10.0], "bucket_counts": [1, 0]}
        add_point(request, TOKENS, "histogram", **point, attributes=said)
        assert await send(api, "/v1/metrics", request, await key_of(api, project="bare")) == b""
        assert CANARY.encode() not in on_disk(journal)
        assert await apply(database, journal) == 1
        assert await tables_with(database, CANARY) == set()
        [metric] = (await api.get("/metrics", project="bare"))["items"]
        assert metric["name"] == TOKENS


async def test_none_keeps_neither(database: Database, journal: JournalWriter) -> None:
    async with control(database, journal=journal) as api:
        await put_in_force(database, MODES)
        key = await key_of(api, project="mute")
        await send(api, "/v1/logs", logs(), key)
        request = new_metrics()
        add_point(request, TOKENS, "gauge", as_double=1.0)
        await send(api, "/v1/metrics", request, key)
        await send(api, "/v1/traces", span(), key)
        assert await apply(database, journal) == 0
