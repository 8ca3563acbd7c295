"""Log records over HTTP: those of GenAI are in the journal before the answer, others are refused in words."""

import gzip
from typing import Any

import msgspec
import pytest
from tests.contract.made_logs import EVALUATION, LOGS_ANSWER, NEW_LOGS, add_record, logs_of
from tests.contract.otlp_messages import SPAN_ID, TRACE_ID
from tests.contract.test_otlp_spans import Kept, Serving, kept, post, serving

from headgate.journal.folder import segments
from headgate.journal.format import Entry, entries, seed_of
from headgate.traces.model import LOGS, LogBatch, LogEvent

__all__ = ["kept", "serving"]
PATH = "/v1/logs"


def events_of(kept: Kept) -> list[LogEvent]:
    seed = seed_of(kept.writer.boot)
    files = [file for file in segments(kept.writer.folder) if file.stream == "body"]
    found = [entry for file in files for entry in entries(file.path.read_bytes(), 0, seed, final=False)]
    taken = [entry for entry in found if isinstance(entry, Entry) and entry.kind == LOGS]
    return [event for entry in taken for event in msgspec.msgpack.decode(entry.payload, type=LogBatch).events]


USER = ("gen_ai.user.message", {"body": {"content": "Where is it?"}})
JSON: dict[str, Any] = {
    "resourceLogs": [
        {
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "eventName": "gen_ai.user.message",
                            "observedTimeUnixNano": "1795000000000000000",
                            "traceId": TRACE_ID.hex(),
                            "spanId": SPAN_ID.hex(),
                            "body": {
                                "kvlistValue": {
                                    "values": [{"key": "content", "value": {"stringValue": "Where is it?"}}]
                                }
                            },
                        }
                    ]
                }
            ]
        }
    ]
}


async def test_records_are_the_same_in_either_form_and_in_the_journal(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        assert (await post(api, logs_of(USER), PATH))[:2] == (200, b"")
        packed = gzip.compress(logs_of(USER))
        assert (await post(api, packed, PATH, content_encoding="gzip"))[:2] == (200, b"")
        sent = msgspec.json.encode(JSON)
        assert (await post(api, sent, PATH, content_type="application/json"))[:2] == (200, b"{}")
    first, second, third = events_of(kept)
    assert first == second == third
    assert (first.trace_id, first.span_id, first.at_ns) == (TRACE_ID, SPAN_ID, 1_795_000_000_000_000_000)
    assert msgspec.json.decode(first.attributes) == {"body": {"content": "Where is it?"}}


async def test_a_name_may_stand_in_an_attribute(serving: Serving, kept: Kept) -> None:
    async with serving as api:
        named = {"attributes": {"event.name": "gen_ai.user.message"}, "body": "Where is it?"}
        assert (await post(api, logs_of(("", named)), PATH))[:2] == (200, b"")
    [event] = events_of(kept)
    assert event.name == "gen_ai.user.message"
    assert msgspec.json.decode(event.attributes) == {"content": "Where is it?"}


async def test_what_is_not_kept_is_said_and_counted(serving: Serving, kept: Kept) -> None:
    request = NEW_LOGS()
    for _ in range(3):
        add_record(request, body="GET / 200")
    add_record(request, "gen_ai.user.message", trace_id=b"", span_id=b"")
    add_record(request, "gen_ai.user.message", span_id=b"")
    add_record(request, "gen_ai.user.message", span_id=b"short")
    add_record(request, EVALUATION, attributes={"gen_ai.evaluation.name": "relevance"})
    add_record(request, "gen_ai.user.message", body={"content": "kept"})
    async with serving as api:
        status, answer, _ = await post(api, request.SerializeToString(), PATH)
    partial = LOGS_ANSWER.FromString(answer).partial_success
    assert (status, partial.rejected_log_records, len(events_of(kept))) == (200, 7, 1)
    for reason in (
        "7 log records refused",
        "number 4 refused: trace_id is missing",
        "number 5 refused: span_id is missing",
        "number 6 refused: span_id has 5 bytes",
        "number 7 refused: gen_ai.evaluation.* lack a name, or both",
        "3 of no GenAI refused: no event name that begins with gen_ai.",
    ):
        assert reason in partial.error_message


@pytest.mark.parametrize("body", [b"\x0a\xff", b"\x0a\x05abc"])
async def test_a_body_that_is_no_message_is_refused_whole(serving: Serving, kept: Kept, body: bytes) -> None:
    async with serving as api:
        assert (await post(api, body, PATH))[0] == 400
    assert events_of(kept) == []
