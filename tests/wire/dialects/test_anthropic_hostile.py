"""Whatever a provider or a client of Anthropic's dialect sends: an answer, or the error that has a name."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.dialects.anthropic_samples import (
    ASKED,
    answers,
    calls,
    event_bytes,
    events_of,
    raw_events,
    stream_bytes,
    streams,
    written,
)
from tests.wire.dialects.json_places import changed, places

from headgate.core.events import Began, Ended
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.anthropic.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold

STRANGE: list[Any] = [
    None, True, False, 0, -1, 1 << 70, 1.5, "", "\x00", "\U0001f600", [], {}, [None], {"": None}, [[]],
    {"type": 1}, {"type": "text"}, [{"type": "text", "text": "x"}, 1], {"type": "ephemeral", "ttl": 5},
    "text", "tool_use", "redacted_thinking", {"type": "adaptive"}, {"effort": []}, {"type": "tool"},
    "end_turn", "custom",
]  # fmt: skip
ADDED = {"id", "model", "type", "role"}
"""Members that every answer is given."""


def mutated(data: st.DataObject, value: Any) -> Any:
    for _ in range(data.draw(st.integers(1, 3))):
        paths = places(value)
        if paths:
            value = changed(
                value, data.draw(st.sampled_from(paths)), data.draw(st.sampled_from([..., *STRANGE]))
            )
    return value


def read_whole(body: bytes) -> None:
    try:
        answer = CODEC.read_answer(body)
    except UpstreamError:
        return
    raw = json.loads(body)
    again = json.loads(CODEC.write_answer(answer, ASKED, Changes()))
    for name in ADDED:
        if not raw.get(name):
            again.pop(name)
            raw.pop(name, None)
    unsigned = [block for block in again["content"] if block["type"] == "thinking" and not block["signature"]]
    for block in unsigned:  # the SDK wants one, if empty
        block.pop("signature")
    for block in raw["content"]:
        if block["type"] == "thinking" and not block.get("signature"):
            block.pop("signature", None)
    assert again == raw


def read_call(body: bytes) -> None:
    try:
        call = CODEC.read_call(body)
    except InvalidRequest:
        return
    assert json.loads(CODEC.write_call(call, PLAIN, Changes())) == json.loads(body)


def read_stream(body: bytes) -> None:
    """What is read can be written, and read again as the same."""
    try:
        events = events_of(body)
    except UpstreamError:
        return
    again = events_of(written(events))
    if any(isinstance(event, Began) for event in events) and isinstance(events[-1], Ended):
        first, second = fold(events), fold(again)
        assert first.candidates[0].parts == second.candidates[0].parts
        assert first.candidates[0].finish == second.candidates[0].finish
        assert first.usage == second.usage or first.usage is None


@settings(derandomize=True, max_examples=150)
@given(st.data())
def test_an_answer_with_anything_anywhere_is_written_as_it_came_or_refused(data: st.DataObject):
    one = data.draw(st.sampled_from(answers()))
    read_whole(json.dumps(mutated(data, json.loads(one.response))).encode())


@settings(derandomize=True, max_examples=150)
@given(st.data())
def test_a_call_with_anything_anywhere_is_written_as_it_came_or_refused(data: st.DataObject):
    one = data.draw(st.sampled_from(calls()))
    read_call(json.dumps(mutated(data, one.request)).encode())


@settings(derandomize=True, max_examples=150)
@given(st.data())
def test_a_stream_with_anything_anywhere_is_read_or_refused(data: st.DataObject):
    one = data.draw(st.sampled_from([one for one in streams() if len(one.response) < 10_000]))
    events: list[Any] = [fields for _, fields in raw_events(one.response.encode())]
    head, tail = events[:12], events[-3:]
    few = mutated(data, [*head, *tail])
    order = data.draw(st.sampled_from((few, few[1:], few * 2, few[::-1], [*few[:1], *few])))
    body = b"".join(b"data: " + json.dumps(fields).encode() + b"\n\n" for fields in order)
    read_stream(body)


@settings(derandomize=True, max_examples=150)
@given(st.data())
def test_blocks_in_any_order_are_read_or_refused(data: st.DataObject):
    """Blocks that are open at once, as Anthropic never has them."""
    blocks: list[Any] = [
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "server_tool_use", "id": "s", "name": "n", "input": {}},
        {"type": "redacted_thinking", "data": "next;hgs1.Z29vZ2xl.x"},
        {"type": "redacted_thinking", "data": "last;hgs1.Z29vZ2xl.x"},
    ]
    deltas: list[Any] = [
        {"type": "text_delta", "text": "a"},
        {"type": "input_json_delta", "partial_json": "1"},
        {"type": "thinking_delta", "thinking": "b"},
        {"type": "signature_delta", "signature": "s"},
        {"type": "new_delta", "x": 1},
    ]
    body = event_bytes("message_start", message={"content": []})
    is_open: set[int] = set()
    for _ in range(data.draw(st.integers(1, 12))):
        index = data.draw(st.integers(0, 3))
        if index not in is_open:
            is_open.add(index)
            body += event_bytes(
                "content_block_start", index=index, content_block=data.draw(st.sampled_from(blocks))
            )
        elif data.draw(st.booleans()):
            body += event_bytes("content_block_delta", index=index, delta=data.draw(st.sampled_from(deltas)))
        else:
            is_open.remove(index)
            body += event_bytes("content_block_stop", index=index)
    body += event_bytes("message_delta", delta={"stop_reason": "end_turn"}) + event_bytes("message_stop")
    events = events_of(body)
    again = events_of(written(events))
    assert isinstance(again[-1], Ended)
    first, second = fold(events).candidates[0], fold(again).candidates[0]
    assert said(first.parts) == said(second.parts)


def said(parts: tuple[Any, ...]) -> dict[str, Any]:
    """What parts say, wherever the blocks begin and end."""
    texts = sorted(letter for part in parts for letter in getattr(part, "text", ""))
    tools = sorted(part.arguments for part in parts if hasattr(part, "arguments"))
    return {"texts": texts, "tools": tools}


@settings(derandomize=True, max_examples=100)
@given(st.binary(max_size=300), st.integers(0, 5000), st.integers(0, 40))
def test_bytes_that_are_changed_are_read_or_refused(noise: bytes, start: int, count: int):
    whole = answers()[0].response.encode()
    stream = min(streams(), key=lambda one: len(one.response)).response.encode()
    for body, take in ((whole, read_whole), (stream, read_stream), (calls()[0].body, read_call)):
        place = start % len(body)
        take(body[:place] + noise + body[place + count :])
    read_stream(noise)
    read_call(noise)


@settings(derandomize=True, max_examples=50)
@given(st.data())
def test_any_chunking_gives_the_same_events(data: st.DataObject):
    one = data.draw(st.sampled_from([one for one in streams() if len(one.response) < 10_000]))
    body = one.response.encode()
    sizes = data.draw(st.lists(st.integers(1, 2000), min_size=1))
    endless = iter(sizes * (len(body) // sum(sizes) + 1))
    assert events_of(body, endless) == events_of(body)


@pytest.mark.parametrize("depth", [100, 900, 980, 990, 1000, 10_000, 200_000])
def test_what_is_nested_deep_is_written_or_refused(depth: int):
    nested = b"[" * depth + b"]" * depth
    block = b'{"type":"tool_use","id":"i","name":"n","input":{"a":%b}}' % nested
    for answer in (b'{"content":[%b]}' % block, b'{"content":[],"more":%b}' % nested):
        try:
            CODEC.write_answer(CODEC.read_answer(answer), ASKED, Changes())
        except UpstreamError:
            assert depth > 100
    result = b'{"type":"tool_result","tool_use_id":"i","content":[%b]}'
    held = block
    for _ in range(min(depth, 400)):
        held = result % held
    for content in (block, held, b'{"type":"new","a":%b}' % nested):
        body = b'{"model":"m","messages":[{"role":"user","content":[%b]}]}' % content
        try:
            CODEC.write_call(CODEC.read_call(body), PLAIN, Changes())
        except InvalidRequest:
            assert depth >= 100
    start = event_bytes("message_start", message={})
    read_stream(start + b'data: {"type":"content_block_start","index":0,"content_block":%b}\n\n' % block)
    read_stream(start + b'data: {"type":"message_delta","usage":{"a":%b}}\n\n' % nested)


@pytest.mark.parametrize(
    "body", [b"NaN", b'{"content":[],"a":NaN}', b'{"content":[],"a":1e999}', b"\xef\xbb\xbf{}"]
)
def test_what_is_no_json_is_refused(body: bytes):
    with pytest.raises(UpstreamError):
        CODEC.read_answer(body)
    with pytest.raises(InvalidRequest):
        CODEC.read_call(body)
    with pytest.raises(InvalidRequest):
        CODEC.read_call(b"[]")


def test_huge_numbers_are_no_tokens():
    nines = "9" * 400
    answer = CODEC.read_answer(b'{"content":[],"usage":{"input_tokens":%b}}' % nines.encode())
    assert answer.usage is not None
    assert answer.usage.total == 0
    body = stream_bytes(output_tokens=int(nines[:30]))
    assert fold(events_of(body)).usage is not None


def test_an_event_of_seventeen_megabytes_is_refused():
    stream = CODEC.events_in()
    with pytest.raises(UpstreamError, match="larger than"):
        for _ in range(18):
            stream.feed(b"data: " + b"a" * (1 << 20))
