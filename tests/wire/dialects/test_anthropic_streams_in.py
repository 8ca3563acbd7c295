"""Streams of Anthropic: usage, arguments, errors, and what has no word."""

import json
from typing import Any

import pytest
from tests.wire.dialects.anthropic_samples import (
    ASKED,
    TEXT,
    TOOL,
    event_bytes,
    events_of,
    folded,
    json_delta,
    raw_events,
    sdk_streamed,
    stream_bytes,
    text_delta,
    written,
)

from headgate.core.call import Usage
from headgate.core.chat import (
    Finish,
    NativePart,
    Reasoning,
    Seal,
    Text,
    ToolCall,
)
from headgate.core.events import (
    Broke,
    Ended,
    NativeEvent,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.anthropic.codec import CODEC
from headgate.wire.dialects.changes import Changes

THINKING: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}


def test_trap_3_usage_is_cumulative():
    body = stream_bytes((TEXT, [text_delta("a")]), output_tokens=7)
    seen = [event.usage for event in events_of(body) if isinstance(event, UsageSeen)]
    assert seen == [Usage(input=10, output=1), Usage(input=10, output=7)]


def test_trap_4_fields_are_merged_and_the_last_that_is_said_wins():
    body = stream_bytes(input_tokens=None, cache_read_input_tokens=100, output_tokens=7)
    assert folded(body).usage == Usage(input=10, cache_read=100, output=7)
    body = stream_bytes(input_tokens=22397, output_tokens=7)
    assert folded(body).usage == Usage(input=22397, output=7)


def test_trap_10_a_corrected_sum_has_no_split():
    message: Any = {"id": "m", "content": [], "usage": {
        "input_tokens": 1, "cache_creation_input_tokens": 5, "output_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 5},
    }}  # fmt: skip
    delta = {"stop_reason": "end_turn"}
    body = event_bytes("message_start", message=message)
    same = body + event_bytes("message_delta", delta=delta, usage={"output_tokens": 2})
    assert folded(same).usage == Usage(input=1, cache_write_1h=5, output=2)
    other = body + event_bytes("message_delta", delta=delta, usage={"cache_creation_input_tokens": 9})
    assert folded(other).usage == Usage(input=1, cache_write=9, output=1)


@pytest.mark.parametrize("deltas", [[], [json_delta("")], [json_delta(""), json_delta("{}")]])
def test_trap_15_empty_arguments_are_an_object(deltas: list[Any]):
    (part,) = folded(stream_bytes((TOOL, deltas), stop="tool_use")).candidates[0].parts
    assert isinstance(part, ToolCall)
    assert part.arguments == "{}"


def test_trap_15_arguments_may_come_as_the_block_begins():
    block: Any = {**TOOL, "input": {"a": 1}}
    for deltas, arguments in (([], '{"a":1}'), ([json_delta('{"b":'), json_delta("2}")], '{"b":2}')):
        (part,) = folded(stream_bytes((block, deltas))).candidates[0].parts
        assert isinstance(part, ToolCall)
        assert part.arguments == arguments


def test_trap_17_an_error_inside_a_stream_is_one():
    body = event_bytes("error", error={"type": "overloaded_error", "message": "Overloaded"})
    assert events_of(body) == [Broke(message="Overloaded", kind="overloaded_error", status=529)]
    later = (
        stream_bytes((TEXT, []))[:300].rpartition(b"\n\n")[0] + b"\n\n" + body + event_bytes("message_stop")
    )
    assert isinstance(events_of(later)[-1], Broke)
    assert isinstance(events_of(event_bytes("error", error=None))[0], Broke)


def test_trap_21_a_sequence_that_was_met_is_known():
    met = b'"stop_sequence", "stop_sequence": "E"'
    body = stream_bytes((TEXT, [])).replace(b'"end_turn", "stop_sequence": null', met)
    finish = folded(body).candidates[0].finish
    assert finish == Finish(reason="stop", native="stop_sequence", sequence="E")
    delta = raw_events(written(events_of(body)))[-2][1]["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == ("stop_sequence", "E")


def test_trap_23_a_pause_is_no_end():
    finish = folded(stream_bytes((TEXT, []), stop="pause_turn")).candidates[0].finish
    assert finish == Finish(reason="pause", native="pause_turn")


def test_trap_33_signatures_come_whole():
    body = stream_bytes((THINKING, [{"type": "thinking_delta", "thinking": "hm"},
                                    {"type": "signature_delta", "signature": "sig"}]))  # fmt: skip
    (part,) = folded(body).candidates[0].parts
    assert part == Reasoning(text="hm", seal=Seal("anthropic", "sig"))
    block = sdk_streamed(written(events_of(body))).content[0]
    assert block.to_dict() == {"type": "thinking", "thinking": "hm", "signature": "sig"}


def test_trap_33_hidden_thinking_is_kept():
    body = stream_bytes(({"type": "redacted_thinking", "data": "Ewk"}, []), (TEXT, [text_delta("a")]))
    first, second = folded(body).candidates[0].parts
    assert first == Reasoning(seal=Seal("anthropic", "Ewk"), is_redacted=True)
    assert second == Text(text="a")
    assert sdk_streamed(written(events_of(body))).content[0].to_dict()["data"] == "Ewk"


def test_trap_46_citations_come_one_by_one():
    cited = {"type": "char_location", "cited_text": "q", "document_title": "t", "document_index": 0,
             "start_char_index": 0, "end_char_index": 1}  # fmt: skip
    deltas = [text_delta("a"), {"type": "citations_delta", "citation": cited}]
    body = stream_bytes(({**TEXT, "citations": []}, deltas))
    (part,) = folded(body).candidates[0].parts
    assert isinstance(part, Text)
    assert [(one.title, one.quote) for one in part.citations] == [("t", "q")]
    answer = json.loads(CODEC.write_answer(folded(body), ASKED, Changes()))
    assert answer["content"][0]["citations"] == [cited]


def test_trap_47_a_tool_of_the_provider_is_whole_when_it_is_said():
    block: Any = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    body = stream_bytes((block, [json_delta('{"query":'), json_delta('"q"}')]), (TEXT, []))
    first = folded(body).candidates[0].parts[0]
    value: Any = {**block, "input": {"query": "q"}}
    assert first == NativePart(dialect="anthropic", kind="server_tool_use", value=value)
    cut = stream_bytes((block, [json_delta('{"query":')]))
    (part,) = folded(cut).candidates[0].parts
    assert isinstance(part, NativePart)
    assert part.value == {**block, "partial_json": '{"query":'}


def test_deltas_of_no_word_are_kept():
    odd = {"type": "compaction_delta", "content": "c"}
    body = stream_bytes(
        ({"type": "compaction", "content": None}, [odd]), (TEXT, [{"type": "new_delta", "a": 1}])
    )
    first = folded(body).candidates[0].parts[0]
    assert isinstance(first, NativePart)
    assert first.value == {"type": "compaction", "content": "c"}
    assert [event.kind for event in events_of(body) if isinstance(event, NativeEvent)] == [
        "content_block_delta"
    ]
    assert b"new_delta" in written(events_of(body))


def test_what_the_ends_say_beyond_words_is_written_again():
    body = stream_bytes((TEXT, [text_delta("a")]))
    more = b'"container": {"id": "c"}}, "context_management": {"a": 1}, "usage": {"output'
    body = body.replace(b'"stop_sequence": null}, "usage": {"output', more)
    event = raw_events(written(events_of(body)))[-2][1]
    assert event["delta"]["container"] == {"id": "c"}
    assert event["context_management"] == {"a": 1}


START = event_bytes("message_start", message={"id": "m", "content": []})
BLOCK = event_bytes("content_block_start", index=0, content_block=TEXT)


@pytest.mark.parametrize(
    "body",
    [
        b"data: {\n\n", b"data: \xff\n\n", b"data: 5\n\n", b'data: {"type":5}\n\n', START + START,
        b"data: [DONE]\n\n", event_bytes("message_start", message=None), BLOCK, event_bytes("message_stop"),
        START + event_bytes("content_block_start", index="0", content_block=TEXT),
        START + event_bytes("content_block_start", index=0, content_block=None),
        START + event_bytes("content_block_start", index=0, content_block={"type": "text"}),
        START + BLOCK + BLOCK, START + event_bytes("content_block_stop", index=3),
        START + event_bytes("content_block_delta", index=0, delta=text_delta("a")),
        START + BLOCK + event_bytes("content_block_delta", index=0, delta={"type": "text_delta", "text": 5}),
        START + BLOCK + event_bytes("content_block_delta", index=0, delta=None),
        b"data: " + b"[" * 20000 + b"\n\n",
    ],
)  # fmt: skip
def test_what_is_no_stream_is_an_error_of_the_provider(body: bytes):
    with pytest.raises(UpstreamError):
        events_of(body)


def test_a_stream_that_was_cut_in_an_event_is_only_cut():
    body = stream_bytes((TEXT, [text_delta("a")]))
    for place in range(len(body) - 5):
        assert not any(isinstance(event, Ended) for event in events_of(body[:place]))
    assert events_of(body.rstrip()) == events_of(body)
