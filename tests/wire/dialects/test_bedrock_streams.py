"""Bedrock's event stream as events: what comes in pieces, what a vendor puts between, and how it ends."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.dialects.bedrock_samples import ASKED, event, exception, frame, read, stream_of

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Finish,
    Media,
    NativePart,
    Reasoning,
    Seal,
    Text,
    ToolCall,
)
from headgate.core.events import (
    Began,
    Broke,
    CitationDelta,
    Ended,
    Event,
    Finished,
    NativeEvent,
    PartBegan,
    PartEnded,
    TextDelta,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold, unfold

USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}


def delta(index: int, **fields: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": fields})


def stop(index: int) -> bytes:
    return event("contentBlockStop", {"contentBlockIndex": index})


def tool(index: int, **fields: Any) -> bytes:
    return event("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": fields}})


def ended(reason: str = "end_turn", **fields: Any) -> bytes:
    return event("messageStop", {"stopReason": reason, **fields}) + event(
        "metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}, "p": "ab"}
    )


START = event("messageStart", {"role": "assistant", "p": "abcdef"})
MIXED = b"".join(
    (
        event("amazon-bedrock-invocationMetrics", {"inputTokenCount": 3}),
        START,
        delta(0, reasoningContent={"text": "Hm"}),
        delta(0, reasoningContent={"text": "m\u2026"}),
        delta(0, reasoningContent={"signature": "c2ln"}),
        stop(0),
        delta(1, text="Gr\u00fc\u00df"),
        delta(1, text="e"),
        stop(1),
        tool(2, toolUseId="t1", name="look"),
        delta(2, toolUse={"input": '{"a":'}),
        delta(2, toolUse={"input": "1}"}),
        stop(2),
        tool(3, toolUseId="t2", name="wait"),
        stop(3),
        ended("tool_use"),
    )
)


def write(events: list[Event]) -> bytes:
    writer = CODEC.events_out(ASKED, Changes())
    return b"".join(writer.write(one) for one in events)


def test_parts_are_told_from_their_deltas():
    answer = fold(read(MIXED))
    assert answer.candidates == (
        Candidate(
            parts=(
                Reasoning(text="Hmm\u2026", seal=Seal("bedrock", "c2ln")),
                Text(text="Gr\u00fc\u00dfe"),
                ToolCall(id="t1", name="look", arguments='{"a":1}'),
                ToolCall(id="t2", name="wait", arguments="{}"),  # trap 15: no arguments are an object
            ),
            finish=Finish(reason="tool_calls", native="tool_use"),
        ),
    )
    assert answer.usage == Usage(input=3, output=2)
    assert fold(read(write(read(MIXED)))) == answer


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_any_cut_gives_the_same_events(sizes: list[int]):
    reader = CODEC.events_in()
    events: list[Event] = []
    position = turn = 0
    while position < len(MIXED):
        size = sizes[turn % len(sizes)]
        events += reader.feed(MIXED[position : position + size])
        position, turn = position + size, turn + 1
    assert events + reader.end() == read(MIXED)


def test_trap_18_frames_of_a_vendor_are_events_of_this_dialect_only():
    events = read(MIXED)
    assert events[0] == NativeEvent(
        dialect="bedrock", kind="amazon-bedrock-invocationMetrics", value={"inputTokenCount": 3}
    )
    assert isinstance(events[1], Began)
    binary = frame({":event-type": "noise", ":message-type": "event"}, b"\xff\x00")
    [noise] = read(binary)
    assert noise == NativeEvent(dialect="bedrock", kind="noise", value={"payload": "/wA="})
    assert write([events[0]]) == MIXED[: len(write([events[0]]))]


def test_trap_16_padding_is_no_part_of_an_answer():
    assert "abcdef" not in repr(read(MIXED))
    assert fold(read(START + ended())).native == fold(
        read(event("messageStart", {"role": "assistant"}) + ended())
    ).native  # fmt: skip


REASONS = [
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("tool_use", "tool_calls"),
    ("max_tokens", "length"),
    ("guardrail_intervened", "content_filter"),
    ("content_filtered", "content_filter"),
    ("model_context_window_exceeded", "context_window"),
    ("malformed_model_output", "error"),
    ("malformed_tool_use", "error"),
    ("refusal", "refusal"),
    ("pause_turn", "pause"),
    ("a_word_of_tomorrow", "stop"),
]


@pytest.mark.parametrize(("word", "reason"), REASONS)
def test_trap_21_every_reason_has_its_word_and_keeps_the_providers(word: str, reason: str):
    events = read(START + delta(0, text="x") + stop(0) + ended(word))
    [finished] = [one for one in events if isinstance(one, Finished)]
    assert (finished.finish.reason, finished.finish.native) == (reason, word)
    whole = {"output": {"message": {"role": "assistant", "content": [{"text": "x"}]}}, "stopReason": word}
    answer = CODEC.read_answer(json.dumps(whole).encode())
    assert answer.candidates[0].finish == finished.finish
    assert json.loads(CODEC.write_answer(answer, ASKED, Changes())) == whole


def test_trap_21_the_sequence_that_was_met_is_known():
    beside = {"additionalModelResponseFields": {"stop_sequence": "###"}}
    events = read(START + delta(0, text="x") + ended("stop_sequence", **beside))
    [finished] = [one for one in events if isinstance(one, Finished)]
    assert finished.finish == Finish(reason="stop", native="stop_sequence", sequence="###")
    assert fold(read(write(events))) == fold(events)
    finish = Finish(reason="stop", native="stop_sequence", sequence="###")
    candidate = Candidate(parts=(), finish=finish)
    foreign = ChatAnswer(dialect="anthropic", id="i", model="m", candidates=(candidate,))
    written = json.loads(CODEC.write_answer(foreign, ASKED, Changes()))
    assert (written["stopReason"], written["additionalModelResponseFields"]) == (
        "stop_sequence",
        {"stop_sequence": "###"},
    )


def test_trap_20_a_tool_that_is_called_is_why_an_answer_ends():
    events = read(START + tool(0, toolUseId="t", name="look") + stop(0) + ended("end_turn"))
    [finished] = [one for one in events if isinstance(one, Finished)]
    assert (finished.finish.reason, finished.finish.native) == ("tool_calls", "end_turn")


def test_trap_22_what_a_guardrail_stopped_is_no_success():
    events = read(START + ended("guardrail_intervened"))
    answer = fold(events)
    assert answer.candidates == (
        Candidate(parts=(), finish=Finish(reason="content_filter", native="guardrail_intervened")),
    )
    assert isinstance(events[-1], Ended)


def test_a_block_may_change_its_kind_without_a_stop():
    """Some models give reasoning and text under one index, and no stop between."""
    stream = START + delta(0, reasoningContent={"text": "a"}) + delta(0, text="b") + stop(0) + ended()
    assert fold(read(stream)).candidates[0].parts == (Reasoning(text="a"), Text(text="b"))
    unstopped = START + delta(0, text="b") + ended()
    assert [type(one) for one in read(unstopped)] == [
        Began, PartBegan, TextDelta, PartEnded, Finished, UsageSeen, Ended
    ]  # fmt: skip


def test_a_stream_that_begins_with_its_words_has_begun():
    assert isinstance(read(delta(0, text="b"))[0], Began)
    assert isinstance(read(tool(0, toolUseId="t", name="n"))[0], Began)
    assert isinstance(read(ended())[0], Began)


def test_trap_33_withheld_reasoning_comes_back_as_one():
    pieces = [b"first piece", b"and the second"]
    frames = [
        delta(0, reasoningContent={"redactedContent": base64.b64encode(one).decode()}) for one in pieces
    ]
    [part] = fold(read(START + b"".join(frames) + stop(0) + ended())).candidates[0].parts
    assert part == Reasoning(
        seal=Seal("bedrock", base64.b64encode(b"".join(pieces)).decode()), is_redacted=True
    )


def test_blocks_that_no_other_dialect_has_come_whole():
    stream = b"".join(
        (
            START,
            tool(0, toolUseId="t", name="nova_code_interpreter", type="server_tool_use"),
            delta(0, toolUse={"input": '{"snippet":'}),
            delta(0, toolUse={"input": '"1+1"}'}),
            stop(0),
            event("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolResult": {
                "toolUseId": "t", "type": "nova_code_interpreter_result", "status": "success"}}}),
            delta(1, toolResult=[{"text": "2"}]),
            delta(1, toolResult=[{"json": {"exitCode": 0}}]),
            stop(1),
            event("contentBlockStart", {"contentBlockIndex": 2, "start": {"image": {"format": "png"}}}),
            delta(2, image={"source": {"bytes": "AAAA"}}),
            delta(2, image={"source": {"bytes": "BBBB"}}),
            stop(2),
            ended(),
        )
    )  # fmt: skip
    answer = fold(read(stream))
    use, result, image = answer.candidates[0].parts
    assert isinstance(use, NativePart)
    assert use.value == {"toolUse": {
        "toolUseId": "t", "name": "nova_code_interpreter", "type": "server_tool_use",
        "input": {"snippet": "1+1"},
    }}  # fmt: skip
    assert isinstance(result, NativePart)
    assert result.value["toolResult"] == {
        "toolUseId": "t", "type": "nova_code_interpreter_result", "status": "success",
        "content": [{"text": "2"}, {"json": {"exitCode": 0}}],
    }  # fmt: skip
    assert image == Media(kind="image", media_type="image/png", data="AAAABBBB")
    assert answer.candidates[0].finish == Finish(reason="stop", native="end_turn")
    assert fold(read(write(read(stream)))) == answer


def test_trap_46_citations_stand_with_their_text():
    citation = {
        "title": "T", "source": "s", "sourceContent": [{"text": "quoted"}], "location": {"web": {"url": "u:"}}
    }  # fmt: skip
    stream = START + delta(0, text="said") + delta(0, citation=citation) + stop(0) + ended()
    [found] = [one for one in read(stream) if isinstance(one, CitationDelta)]
    assert (found.citation.title, found.citation.quote, found.citation.url) == ("T", "quoted", "u:")
    answer = fold(read(stream))
    assert fold(read(write(read(stream)))) == answer
    whole = json.loads(CODEC.write_answer(answer, ASKED, Changes()))
    assert whole["output"]["message"]["content"] == [
        {"citationsContent": {"content": [{"text": "said"}], "citations": [citation]}}
    ]
    assert (
        json.loads(CODEC.write_answer(CODEC.read_answer(json.dumps(whole).encode()), ASKED, Changes()))
        == whole
    )


@pytest.mark.parametrize("place", range(1, 14))
def test_trap_17_a_stream_that_is_cut_never_ends(place: int):
    """After any event, and in the middle of one: what was said stands, and no end."""
    frames: list[bytes] = []
    rest = MIXED
    while rest:
        size = int.from_bytes(rest[:4])
        frames.append(rest[:size])
        rest = rest[size:]
    for cut in (b"".join(frames[:place]), b"".join(frames[: place + 1])[:-3]):
        assert not any(isinstance(one, Ended | Finished) for one in read(cut))


def test_trap_17_metadata_is_no_end_of_a_message_that_has_not_stopped():
    metadata = event("metadata", {"usage": USAGE, "metrics": {}})
    events = read(START + delta(0, text="x") + metadata)
    assert [type(one) for one in events] == [Began, PartBegan, TextDelta, UsageSeen]


def test_a_message_that_had_stopped_is_whole_without_its_metadata():
    stopped = START + delta(0, text="x") + stop(0) + event("messageStop", {"stopReason": "end_turn"})
    assert read(stopped)[-1] == Ended()
    assert not any(isinstance(one, Ended) for one in read(stopped + ended()[:30]))


EXCEPTIONS: list[tuple[str, Any, str, int | None]] = [
    ("throttlingException", {"message": "slow"}, "slow", 429),
    ("internalServerException", {}, "internalServerException", 500),
    ("modelStreamErrorException", {"message": "m"}, "m", 424),
    ("modelStreamErrorException", {"message": "m", "originalStatusCode": 529}, "m", 529),
    ("modelStreamErrorException", {"message": "m", "originalStatusCode": 7}, "m", 424),
    ("serviceUnavailableException", {"Message": "M"}, "M", 503),
    ("validationException", {"message": 3}, "validationException", 400),
    ("somethingElse", {"message": "m"}, "m", None),
]


@pytest.mark.parametrize(("name", "fields", "message", "status"), EXCEPTIONS)
def test_trap_17_an_exception_in_a_stream_is_an_error(
    name: str, fields: Any, message: str, status: int | None
):
    events = read(START + exception(name, fields))
    assert events[-1] == Broke(message=message, kind=name, status=status)
    [again] = [one for one in read(write(events)) if isinstance(one, Broke)]
    assert (again.message, again.kind) == (message, name)


def test_an_error_of_the_transport_is_an_error():
    headers = {":message-type": "error", ":error-code": "internalServerException", ":error-message": "gone"}
    [found] = read(frame(headers, b""))
    assert found == Broke(message="gone", kind="internalServerException", status=500)


BROKEN = [
    event("contentBlockDelta", {"contentBlockIndex": 0}),
    event("contentBlockDelta", {"contentBlockIndex": "0", "delta": {"text": "x"}}),
    event("contentBlockDelta", {"contentBlockIndex": True, "delta": {"text": "x"}}),
    event("contentBlockDelta", []),
    delta(0, text=1),
    delta(0, toolUse={"input": "{}"}),
    delta(0, reasoningContent="x"),
    delta(0, reasoningContent={"signature": 1}),
    tool(0, toolUseId=1, name="n"),
    event("contentBlockStart", {"contentBlockIndex": 0}),
    event("contentBlockStop", {}),
    event("messageStop", {"stopReason": None}),
    frame({":event-type": "metadata", ":message-type": "event"}, b"{"),
    frame({":event-type": "metadata", ":message-type": "event"}, b'{"a":' + b"[" * 10_000),
    frame({":event-type": "metadata", ":message-type": "event"}, b'{"a":NaN}'),
    frame({":event-type": "metadata", ":message-type": "event"}, b'{"a":"\xff"}'),
]


@pytest.mark.parametrize("stream", BROKEN, ids=range(len(BROKEN)))
def test_what_no_event_is_is_an_error_that_says_so(stream: bytes):
    with pytest.raises(UpstreamError, match="provider's"):
        read(START + stream)


@pytest.mark.parametrize("broken", [BROKEN[0], b"\0" * 12])
def test_what_came_before_a_break_is_not_lost(broken: bytes):
    """However the bytes are cut: the events first, then the error, which stays."""
    said = START + delta(0, text="x")
    for pieces in ([said + broken], [said, broken], [said + broken[:5], broken[5:]]):
        reader = CODEC.events_in()
        events: list[Event] = []
        with pytest.raises(UpstreamError):
            for piece in pieces:
                events += reader.feed(piece)
            reader.end()
        assert events == read(said)
        with pytest.raises(UpstreamError):
            reader.feed(b"")


def test_a_foreign_answer_in_pieces_is_said():
    answer = ChatAnswer(
        dialect="openai-chat", id="i", model="m", usage=Usage(input=1, output=1),
        candidates=(Candidate(parts=(Text(text="a"), ToolCall(id="c", name="n", arguments='{"x":1}')),
                              finish=Finish(reason="tool_calls", native="tool_calls")),),
    )  # fmt: skip
    said = fold(read(write(list(unfold(answer)))))
    assert [type(part) for part in said.candidates[0].parts] == [Text, ToolCall]
    assert said.candidates[0].finish == Finish(reason="tool_calls", native="tool_use")
    assert said.usage == answer.usage


def test_a_stream_of_an_answer_that_holds_nothing_is_read():
    message: Any = {"role": "assistant", "content": []}
    raw = {"output": {"message": message}, "stopReason": "end_turn", "usage": USAGE, "metrics": {}}
    assert fold(read(stream_of(raw))) == CODEC.read_answer(json.dumps(raw).encode())
