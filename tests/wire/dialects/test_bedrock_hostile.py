"""Whatever a provider or a client sends: an answer, or the error that has a name."""

import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.dialects.bedrock_samples import ASKED, answers, event, exchanges, frame, stream_of
from tests.wire.dialects.json_places import changed, places

from headgate.core.events import Event
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import Fold

STRANGE: list[Any] = [
    None, True, 0, -1, 1 << 70, 1.5, "", "\x00", "\U0001f600", [], {}, [None], {"": None}, [[]], {"text": 1},
    {"bytes": 1}, [{"text": "x"}, 1], "s3://x", {"toolUse": {}}, {"json": {"a": [1]}},
]  # fmt: skip


def read_whole(body: bytes) -> None:
    try:
        answer = CODEC.read_answer(body)
    except UpstreamError:
        return
    again = CODEC.write_answer(answer, ASKED, Changes())
    assert json.loads(again) == json.loads(body)


def read_stream(stream: bytes) -> None:
    reader, fold, writer = CODEC.events_in(), Fold(), CODEC.events_out(ASKED, Changes())
    try:
        events: list[Event] = reader.feed(stream) + reader.end()
    except UpstreamError:
        return
    for one in events:
        fold.take(one)
        writer.write(one)


def read_call(body: bytes) -> None:
    try:
        call = CODEC.read_call(body)
    except InvalidRequest:
        return
    assert json.loads(CODEC.write_call(call, PLAIN, Changes())) == json.loads(body)


@settings(derandomize=True, max_examples=300)
@given(st.data())
def test_an_answer_with_anything_anywhere_is_written_as_it_came_or_refused(data: st.DataObject):
    _, raw = data.draw(st.sampled_from(answers()))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(raw)))
        raw = changed(raw, path, data.draw(st.sampled_from([..., *STRANGE])))
        if not places(raw):
            break
    read_whole(json.dumps(raw).encode())


@settings(derandomize=True, max_examples=200)
@given(st.data())
def test_a_call_with_anything_anywhere_is_written_as_it_came_or_refused(data: st.DataObject):
    one = data.draw(st.sampled_from(exchanges()))
    path = data.draw(st.sampled_from(places(one.request)))
    read_call(json.dumps(changed(one.request, path, data.draw(st.sampled_from([..., *STRANGE])))).encode())


@settings(derandomize=True, max_examples=200)
@given(st.data())
def test_a_stream_with_anything_anywhere_is_read_or_refused(data: st.DataObject):
    _, raw = data.draw(st.sampled_from(answers()))
    stream = stream_of(raw, 400)
    frames: list[tuple[str, Any]] = []
    while stream:
        size, headers = struct.unpack_from("!II", stream)
        name = stream[12 : 12 + headers].partition(b"-type\x07")[2][2:].partition(b"\x0d:content")[0].decode()
        frames.append((name, json.loads(stream[12 + headers : size - 4])))
        stream = stream[size:]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(frames) - 1))
        name, fields = frames[place]
        if nodes := places(fields):
            path = data.draw(st.sampled_from(nodes))
            frames[place] = (name, changed(fields, path, data.draw(st.sampled_from([..., *STRANGE]))))
    frames = data.draw(st.sampled_from((frames, frames[1:], frames * 2, frames[::-1])))
    read_stream(b"".join(event(name, fields) for name, fields in frames))


@settings(derandomize=True, max_examples=200)
@given(st.binary(max_size=300), st.integers(0, 5000), st.integers(0, 40))
def test_bytes_that_are_changed_are_read_or_refused(noise: bytes, start: int, count: int):
    _, raw = answers()[0]
    for body, take in ((json.dumps(raw).encode(), read_whole), (stream_of(raw), read_stream)):
        place = start % len(body)
        take(body[:place] + noise + body[place + count :])
    read_stream(noise)
    read_call(noise)


DEEP = b'{"output":{"message":{"content":[{"toolUse":{"toolUseId":"i","name":"n","input":{"a":%b}}}]}}}'


@pytest.mark.parametrize("depth", [100, 900, 980, 990, 1000, 10_000, 200_000])
def test_what_is_nested_deep_is_written_as_it_came_or_refused(depth: int):
    nested = b"[" * depth + b"]" * depth
    try:
        answer = CODEC.read_answer(DEEP % nested)
        CODEC.write_answer(answer, ASKED, Changes())
    except UpstreamError:
        assert depth > 100
    body = (
        b'{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"i","content":[{"json":%b}]}}]}]}'
    )
    try:
        CODEC.write_call(CODEC.read_call(body % nested), PLAIN, Changes())
    except InvalidRequest:
        assert depth > 100
    read_stream(
        event("messageStart", {}) + frame({":event-type": "metadata"}, b'{"usage":{"a":%b}}' % nested)
    )


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'{"output":{}}', b'{"output":{"message":{}}}', b'{"message":"gone"}',
        b'{"output":{"message":{"content":[1]}}}', b"\xff\xfe", b'{"output":NaN}', b'{"a":1e999}',
        b'{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_of_the_provider(body: bytes):
    with pytest.raises(UpstreamError, match="provider's answer"):
        CODEC.read_answer(body)


def test_huge_numbers_are_no_tokens():
    raw = b'{"output":{"message":{"role":"assistant","content":[]}},"usage":{"inputTokens":%b}}' % (
        b"9" * 400
    )
    answer = CODEC.read_answer(raw)
    assert answer.usage is not None
    assert answer.usage.total == 0


def test_a_frame_of_seventeen_megabytes_is_refused_at_its_first_bytes():
    lengths = struct.pack("!II", 17 * 1024 * 1024, 0)
    with pytest.raises(UpstreamError, match="at most 16777216"):
        CODEC.events_in().feed(lengths + struct.pack("!I", zlib.crc32(lengths)))
