"""Every recorded exchange with Bedrock, written back as it was read: calls, answers, their pieces."""

import json
from typing import Any

import msgspec
import pytest
from tests.wire.dialects.bedrock_samples import ASKED, answers, exchanges, read, stream_of

from headgate.core.call import Usage
from headgate.core.chat import ChatAnswer, Media, NativePart, Reasoning, Text, ToolCall, ToolResult
from headgate.core.events import Ended
from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold, unfold


def test_there_are_as_many_as_were_recorded():
    assert len(exchanges()) == 97
    assert len(answers()) == 92


def test_calls_hold_every_kind_of_part():
    kinds: set[str] = set()
    for one in exchanges():
        call = CODEC.read_call(one.body, model="m", stream=True)
        assert (call.dialect, call.model, call.stream) == ("bedrock", "m", True)
        kinds |= {type(part).__name__ for message in call.messages for part in message.parts}
    assert kinds == {"Text", "Media", "ToolCall", "ToolResult", "Reasoning", "NativePart"}


def test_what_a_call_says_has_words():
    """An independent count over the raw bodies: nothing that has a word is left as it came."""
    read_parts = raw_parts = 0
    for one in exchanges():
        call = CODEC.read_call(one.body)
        blocks = [block for message in one.request["messages"] for block in message["content"]]
        raw_parts += sum(
            next(iter(block)) in ("text", "image", "document", "reasoningContent") for block in blocks
        )
        parts = [part for message in call.messages if message.role != "system" for part in message.parts]
        read_parts += sum(isinstance(part, Text | Media | Reasoning) for part in parts)
        marks = [
            part for part in parts if isinstance(part, Text | Media | ToolCall | ToolResult) and part.cache
        ]
        assert len(marks) == sum("cachePoint" in block for block in blocks), one.id
        assert len(call.tools) == sum(
            "cachePoint" not in tool for tool in one.request.get("toolConfig", {}).get("tools", [])
        )
        assert call.max_output == one.request.get("inferenceConfig", {}).get("maxTokens")
    assert raw_parts == read_parts > 150


def test_every_answer_says_what_its_json_says():
    for name, raw in answers():
        _same(name, raw, CODEC.read_answer(json.dumps(raw).encode()))


def _same(name: str, raw: Any, answer: ChatAnswer) -> None:
    """What an answer is read as, against its raw body."""
    [candidate] = answer.candidates
    blocks = raw["output"]["message"]["content"]
    texts = [part.text for part in candidate.parts if isinstance(part, Text)]
    assert texts == [block["text"] for block in blocks if "text" in block], name
    calls = [
        (part.id, part.name, json.loads(part.arguments))
        for part in candidate.parts
        if isinstance(part, ToolCall)
    ]
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    clients = [use for use in uses if use.get("type") != "server_tool_use"]
    assert calls == [(use["toolUseId"], use["name"], use["input"]) for use in clients], name
    assert candidate.finish is not None
    assert candidate.finish.native == raw["stopReason"], name
    if raw["stopReason"] == "tool_use":
        assert candidate.finish.reason == "tool_calls"
    usage = answer.usage
    assert usage is not None
    assert (usage.input, usage.output) == (raw["usage"]["inputTokens"], raw["usage"]["outputTokens"]), name
    assert usage.total == raw["usage"]["totalTokens"], name


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_every_answer_in_pieces_is_the_answer(piece: int):
    for name, raw in answers():
        stream = stream_of(raw, piece)
        events = read(stream)
        assert isinstance(events[-1], Ended), name
        answer = fold(events)
        assert answer == CODEC.read_answer(json.dumps(raw).encode()), name
        _same(name, raw, answer)
        writer = CODEC.events_out(ASKED, Changes())
        again = b"".join(writer.write(event) for event in events)
        assert fold(read(again)) == answer, name


def test_any_size_of_pieces_gives_the_same_events():
    for name, raw in answers()[::9]:
        stream = stream_of(raw)[:6000]
        expected = read(stream)
        for size in (1, 13, 1000):
            assert read(stream, size) == expected, (name, size)


def test_a_whole_answer_as_a_stream_is_the_answer():
    for name, raw in answers():
        answer = CODEC.read_answer(json.dumps(raw).encode())
        writer = CODEC.events_out(ASKED, Changes())
        stream = b"".join(writer.write(event) for event in unfold(answer))
        assert fold(read(stream)) == answer, name


def test_trap_01_cached_tokens_are_not_in_the_input():
    """One recorded answer says 433, and 2,752 more that were cached: 3,201 in all with 16 out."""
    found: list[Usage] = []
    for _, raw in answers():
        usage = raw["usage"]
        if usage["inputTokens"] == 433:
            answer = CODEC.read_answer(json.dumps(raw).encode())
            assert answer.usage is not None
            found.append(answer.usage)
    assert found
    for usage in found:
        assert usage.input == 433
        assert usage.cache_read + usage.cache_write == 2752
        assert (usage.output, usage.total, usage.total_input) == (16, 3201, 3185)


def test_trap_47_tools_of_the_provider_are_not_the_clients():
    kinds: list[str] = []
    for _, raw in answers():
        [candidate] = CODEC.read_answer(json.dumps(raw).encode()).candidates
        kinds += [part.kind for part in candidate.parts if isinstance(part, NativePart)]
    assert kinds == ["toolUse", "toolResult"] * 2


def test_what_another_dialect_says_of_usage_is_written_in_bedrocks_sum():
    usage = Usage(input=10, cache_read=5, cache_write=2, cache_write_1h=3, output=7, reasoning=4)
    answer = ChatAnswer(dialect="openai-chat", id="i", model="m", candidates=(), usage=usage)
    written = json.loads(CODEC.write_answer(answer, ASKED, Changes()))["usage"]
    assert written == {
        "inputTokens": 10, "outputTokens": 11, "totalTokens": 31, "cacheReadInputTokens": 5,
        "cacheWriteInputTokens": 5,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 2}, {"ttl": "1h", "inputTokens": 3}],
    }  # fmt: skip
    again = CODEC.read_answer(CODEC.write_answer(answer, ASKED, Changes())).usage
    assert again == msgspec.structs.replace(usage, output=11, reasoning=0)
