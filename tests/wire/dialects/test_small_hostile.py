"""Dialects that few speak, whatever a provider or a client sends: an answer, or the error that has a name."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.dialects import small_samples as samples
from tests.wire.dialects.json_places import changed, places
from tests.wire.dialects.returning import (
    ASKED,
    COHERE_FIRST,
    COMPLETIONS,
    Chat,
    Embedding,
    Invoked,
    Returning,
)

from headgate.core.chat import Reasoning, Text, ToolCall
from headgate.core.events import Began, Ended, Event
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.model import Codec
from headgate.wire.dialects.registry import CODECS

STRANGE: list[Any] = [
    None, True, 0, -1, 1 << 70, 1.5, "", "\x00", "\U0001f600", [], {}, [None], {"": None}, [[]], [1], ["x"],
    {"text": 1}, {"type": "text"}, {"type": "thinking", "thinking": "x"}, [{"text": "x"}, 1], "REQUIRED",
    {"function": {}}, {"url": 1}, "tool_calls", {"message": {"content": {"text": "x"}}}, 7,
]  # fmt: skip


class Body(msgspec.Struct, frozen=True):
    """Bodies of one dialect, and how they return."""

    spoken: Returning
    calls: list[Any]
    answers: list[Any]


class Stream(msgspec.Struct, frozen=True):
    """A stream of one dialect."""

    codec: Codec
    chunks: list[Any]
    said: Callable[[list[Any]], bytes]


AMAZON = Embedding("bedrock-invoke", b'{"inputText":"p"}')
BODIES = {
    "cohere": Body(Chat(CODECS["cohere"]), samples.COHERE_CALLS, samples.COHERE_ANSWERS),
    "cohere-v1": Body(Chat(COHERE_FIRST), samples.V1_CALLS, samples.V1_ANSWERS),
    "completions": Body(Chat(COMPLETIONS), samples.COMPLETION_CALLS, samples.COMPLETION_ANSWERS),
    "invoked": Body(Invoked(), samples.INVOKED_CALLS, samples.INVOKED_ANSWERS),
    "amazon": Body(AMAZON, samples.EMBEDDING_CALLS, samples.EMBEDDING_ANSWERS),
}
STREAMS = {
    "cohere": Stream(
        CODECS["cohere"], samples.COHERE_STREAM, lambda found: samples.events(found, is_named=True)
    ),
    "cohere-v1": Stream(COHERE_FIRST, samples.V1_STREAM, samples.lines),
    "completions": Stream(
        COMPLETIONS, samples.COMPLETION_STREAM, lambda found: samples.events(found, is_named=False)
    ),
}
NAMES = st.sampled_from(sorted(BODIES))


def returns(take: Callable[[bytes, Changes], bytes], body: bytes) -> bool:
    """Whether a body is read; then it is written as it came."""
    try:
        again = take(body, Changes())
    except (UpstreamError, InvalidRequest):
        return False
    assert json.loads(again) == json.loads(body)
    return True


def fed(codec: Codec, pieces: list[bytes]) -> tuple[list[Event], str]:
    reader = codec.events_in()
    found: list[Event] = []
    try:
        for piece in pieces:
            found += reader.feed(piece)
        found += reader.end()
    except UpstreamError as error:
        return found, error.message
    return found, ""


def read_stream(codec: Codec, stream: bytes, sizes: list[int]) -> None:
    """Any chunking gives the same; what was read is written, and read again to the same answer."""
    found, error = fed(codec, [stream])
    pieces: list[bytes] = []
    rest = stream
    while rest:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(rest[:size])
        rest = rest[size:]
    assert fed(codec, pieces) == (found, error)
    writer = codec.events_out(ASKED, Changes())
    again, broken = fed(codec, [b"".join(writer.write(event) for event in found)])
    assert not broken, broken
    if found and isinstance(found[0], Began) and isinstance(found[-1], Ended):
        assert gist(again) == gist(found)


def gist(found: list[Event]) -> Any:
    """What everybody reads of an answer."""
    answer = fold(found)
    candidates = [
        (
            one.finish,
            "".join(part.text for part in one.parts if isinstance(part, Text)),
            "".join(part.text for part in one.parts if isinstance(part, Reasoning)),
            [(part.id, part.name, part.arguments) for part in one.parts if isinstance(part, ToolCall)],
        )
        for one in answer.candidates
    ]
    return answer.id, candidates, answer.usage


@pytest.mark.parametrize("name", sorted(BODIES))
def test_what_is_right_is_read(name: str):
    body = BODIES[name]
    assert all(returns(body.spoken.call, json.dumps(call).encode()) for call in body.calls)
    assert all(returns(body.spoken.answer, json.dumps(one).encode()) for one in body.answers)


def test_bodies_of_others_are_read_by_their_own_codecs():
    spoken = Invoked()
    assert all(returns(spoken.call, json.dumps(call).encode()) for call in samples.OTHERS_CALLS)
    assert all(returns(spoken.answer, json.dumps(one).encode()) for one in samples.OTHERS_ANSWERS)


@pytest.mark.parametrize("name", sorted(STREAMS))
@settings(derandomize=True, max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 90), min_size=1, max_size=9))
def test_any_chunking_gives_the_same_events(name: str, sizes: list[int]):
    stream = STREAMS[name]
    whole = stream.said(stream.chunks)
    found, _ = fed(stream.codec, [whole])
    assert isinstance(found[-1], Ended)
    read_stream(stream.codec, whole, sizes)
    writer = stream.codec.events_out(ASKED, Changes())
    again, _ = fed(stream.codec, [b"".join(writer.write(event) for event in found)])
    assert fold(again) == fold(found)


@settings(derandomize=True, max_examples=500, deadline=None)
@given(NAMES, st.data())
def test_a_body_with_anything_anywhere_is_written_as_it_came_or_refused(name: str, data: st.DataObject):
    body = BODIES[name]
    is_call = data.draw(st.booleans())
    raw = data.draw(st.sampled_from(body.calls if is_call else body.answers))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(raw)))
        raw = changed(raw, path, data.draw(st.sampled_from([..., *STRANGE])))
        if not places(raw):
            break
    returns(body.spoken.call if is_call else body.spoken.answer, json.dumps(raw).encode())


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_a_stream_with_anything_anywhere_is_read_or_refused(name: str, data: st.DataObject):
    stream = STREAMS[name]
    chunks = list(stream.chunks)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(chunks) - 1))
        if nodes := places(chunks[place]):
            path = data.draw(st.sampled_from(nodes))
            chunks[place] = changed(chunks[place], path, data.draw(st.sampled_from([..., *STRANGE])))
    chunks = data.draw(st.sampled_from((chunks, chunks[1:], chunks * 2, chunks[::-1])))
    read_stream(stream.codec, stream.said(chunks), data.draw(st.lists(st.integers(1, 99), min_size=1)))


@settings(derandomize=True, max_examples=200, deadline=None)
@given(NAMES, st.binary(max_size=200), st.integers(0, 3000), st.integers(0, 40))
def test_bytes_that_are_changed_are_read_or_refused(name: str, noise: bytes, start: int, count: int):
    body = BODIES[name]
    for take, one in ((body.spoken.call, body.calls[0]), (body.spoken.answer, body.answers[0])):
        raw = json.dumps(one).encode()
        place = start % len(raw)
        for said in (noise, raw[:place] + noise + raw[place + count :]):
            try:
                take(said, Changes())
            except (UpstreamError, InvalidRequest):
                continue
    if name in STREAMS:
        stream = STREAMS[name]
        raw = stream.said(stream.chunks)
        place = start % len(raw)
        for said in (noise, raw[:place] + noise + raw[place + count :], raw[:place]):
            read_stream(stream.codec, said, [7, 1, 40])


@pytest.mark.parametrize("depth", [100, 900, 990, 1000, 10_000])
@pytest.mark.parametrize("name", sorted(BODIES))
def test_what_is_nested_deep_is_written_as_it_came_or_refused(name: str, depth: int):
    body = BODIES[name]
    nested = b"[" * depth + b"]" * depth
    for take, one in ((body.spoken.call, body.calls[0]), (body.spoken.answer, body.answers[0])):
        said = json.dumps({**one, "deep": 0}).encode().replace(b'"deep": 0', b'"deep":' + nested)
        try:
            take(said, Changes())
        except (UpstreamError, InvalidRequest):
            assert depth > 100
    if name in STREAMS:
        stream = STREAMS[name]
        chunks = [{**chunk, "deep": 0} for chunk in stream.chunks]
        read_stream(stream.codec, stream.said(chunks).replace(b'"deep": 0', b'"deep":' + nested), [5000])
