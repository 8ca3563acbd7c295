"""Every recorded exchange in Anthropic's dialect, read and written back. Skips where there are none."""

import json
import random
import warnings
from collections.abc import Iterator
from typing import Any

import pydantic
from tests.recorded_exchanges import Exchange
from tests.wire.dialects.anthropic_samples import (
    ASKED,
    answers,
    calls,
    event_bytes,
    events_of,
    folded,
    raw_events,
    read_call,
    sdk_answer,
    sdk_beta_streamed,
    streams,
    written,
)

from headgate.core.chat import ChatAnswer, NativePart, Reasoning, Text, ToolCall
from headgate.core.events import Ended, NativeEvent
from headgate.wire.dialects.anthropic.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold, unfold
from headgate.wire.usage import usage_of

STOPS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "stop_sequence": "stop"}


def test_there_is_enough_to_go_by():
    assert len(calls()) >= 180
    assert len(answers()) >= 161
    assert len(streams()) >= 14
    assert sum(one.dialect == "bedrock-invoke" for one in answers()) >= 5


def test_what_a_call_says_has_words():
    """An independent count over the raw bodies: nothing that has a word is left as it came."""
    seen: dict[str, int] = {}
    for one in calls():
        call = read_call(one)
        messages: list[Any] = one.request["messages"]
        contents: list[Any] = [message["content"] for message in messages]
        blocks: list[Any] = [
            block for content in contents if not isinstance(content, str) for block in content
        ]
        parts = [part for message in call.messages for part in message.parts]
        for kind, word in (("tool_use", ToolCall), ("thinking", Reasoning)):
            raw = sum(
                block["type"].endswith(kind) and block["type"] in (kind, f"redacted_{kind}")
                for block in blocks
            )
            assert raw == sum(isinstance(part, word) for part in parts), one.id
            seen[kind] = seen.get(kind, 0) + raw
        natives = {part.kind for part in parts if isinstance(part, NativePart)}
        assert natives <= {
            "advisor_tool_result", "bash_code_execution_tool_result", "container_upload", "mcp_tool_result",
            "mcp_tool_use", "server_tool_use", "tool_addition", "tool_search_tool_result",
            "web_fetch_tool_result", "web_search_tool_result",
        }, one.id  # fmt: skip
        assert len(call.tools) == len(one.request.get("tools", []))
        assert call.max_output == one.request.get("max_tokens")
        assert (call.tool_choice is not None) == ("tool_choice" in one.request)
        assert call.stream == one.request.get("stream", False)
        left: set[str] = set(call.native.fields) if call.native is not None else set()
        assert left <= {
            "anthropic_version", "cache_control", "container", "mcp_servers", "output_config"
        }, (one.id, left)  # fmt: skip
    assert seen["tool_use"] > 80
    assert seen["thinking"] >= 10


def test_what_an_answer_says_has_words():
    for one in answers():
        raw = json.loads(one.response)
        check_words(one, CODEC.read_answer(one.response.encode()), raw)


def check_words(one: Exchange, answer: ChatAnswer, raw: Any) -> None:
    """Compare with the JSON itself, walked here."""
    parts = answer.candidates[0].parts
    blocks = raw["content"]
    assert [part.text for part in parts if isinstance(part, Text)] == [
        block["text"] for block in blocks if block["type"] == "text"
    ], one.id
    assert [
        (part.id, part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)
    ] == [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    assert [
        (part.text, part.seal.data if part.seal else None) for part in parts if isinstance(part, Reasoning)
    ] == [
        (block.get("thinking", ""), block.get("signature", block.get("data")))
        for block in blocks
        if block["type"] in ("thinking", "redacted_thinking")
    ]
    assert sum(len(part.citations) for part in parts if isinstance(part, Text)) == sum(
        len(block.get("citations") or []) for block in blocks
    )
    finish = answer.candidates[0].finish
    assert finish is not None
    assert (finish.native, finish.reason) == (raw["stop_reason"], STOPS[raw["stop_reason"]])
    assert answer.usage == usage_of("anthropic", "chat", raw["usage"])
    assert (answer.id, answer.model) == (raw["id"], raw["model"])


def test_a_stream_written_again_says_the_same():
    for one in streams():
        body = one.response.encode()
        events = events_of(body)
        assert isinstance(events[-1], Ended)
        again = written(events)
        assert folded(again) == fold(events)
        pings = [event for event in events if isinstance(event, NativeEvent)]
        assert [event.kind for event in pings] == ["ping"] * body.count(b"event: ping")


def test_a_stream_says_what_the_sdk_hears():
    """The SDK's own accumulator over the recorded bytes, against ours."""
    for one in streams():
        raw = json.loads(sdk_beta_streamed(one.response.encode()).to_json(exclude_unset=True))
        answer = folded(one.response.encode())
        final = [
            data["usage"] for name, data in raw_events(one.response.encode()) if name == "message_delta"
        ][-1]
        raw["usage"] = {**raw_events(one.response.encode())[0][1]["message"]["usage"], **final}
        check_words(one, answer, raw)
        natives = [part.value for part in answer.candidates[0].parts if isinstance(part, NativePart)]
        kinds = {native["type"] for native in natives}
        assert natives == [block for block in raw["content"] if block["type"] in kinds], one.id


def test_the_sdk_hears_the_same_of_a_stream_written_again():
    """The test of tests: the accumulated message is the same, member for member."""
    for one in streams():
        body = one.response.encode()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            heard = sdk_beta_streamed(body).to_dict()
            again = sdk_beta_streamed(written(events_of(body))).to_dict()
        assert again == heard, one.id


def test_the_sdk_hears_a_whole_answer_and_its_stream_alike():
    """The folded stream, written whole and unfolded again into a stream."""
    for one in streams():
        answer = folded(one.response.encode())
        body = CODEC.write_answer(answer, ASKED, Changes())
        streamed = json.loads(sdk_beta_streamed(written(unfold(answer))).to_json(exclude_unset=True))
        whole = json.loads(body)
        for member in ("id", "model", "stop_reason", "stop_sequence"):
            assert streamed[member] == whole[member]
        assert [block["type"] for block in streamed["content"]] == [
            block["type"] for block in whole["content"]
        ]
        assert folded(written(unfold(answer))).candidates == answer.candidates


def errors_of(body: bytes) -> list[Any]:
    try:
        sdk_answer(body)
    except pydantic.ValidationError as error:
        return [(one["loc"], one["type"]) for one in error.errors()]
    return []


def test_the_sdk_takes_every_answer_as_it_takes_the_provider_s():
    """Strictly, by its own types; what some of the recorded ones lack, or have beyond them, stays so."""
    taken = 0
    for one in answers():
        body = CODEC.write_answer(CODEC.read_answer(one.response.encode()), ASKED, Changes())
        errors = errors_of(body)
        assert errors == errors_of(one.response.encode()), one.id
        taken += not errors
    assert taken > 140


def sizes(seed: int) -> Iterator[int]:
    chance = random.Random(seed)
    while True:
        yield chance.choice((1, 2, 3, 17, 400))


def test_any_chunking_gives_the_same_events():
    for one in streams():
        body = one.response.encode()
        whole = events_of(body)
        assert events_of(body, sizes(7)) == whole
        assert events_of(body.replace(b"\n", b"\r\n"), sizes(8)) == whole
        few = body[:6000]
        assert events_of(few, iter(lambda: 1, 0)) == events_of(few)


def test_a_stream_that_is_cut_has_no_end():
    for one in streams():
        body = one.response.encode()
        place = body.index(b"event: message_stop")
        for cut in (place, place // 2, place // 3):
            events = events_of(body[:cut])
            assert not any(isinstance(event, Ended) for event in events), one.id
            assert b"message_stop" not in written(events)


def test_what_comes_after_the_end_is_nothing():
    body = streams()[0].response.encode()
    assert events_of(body + event_bytes("message_stop") + b"data: {\n\n") == events_of(body)
