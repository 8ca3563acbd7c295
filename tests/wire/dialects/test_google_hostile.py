"""Whatever bytes come, Google's readers raise a fault of ours or read what can be written back as it came."""

import copy
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.recorded_exchanges import recorded
from tests.wire.dialects.google_samples import ANSWER, ASKED, EVENTS, events_of, written_by
from tests.wire.dialects.json_places import places

from headgate.core.events import Event
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.google.codec import CODEC
from headgate.wire.sse import EVENT_BYTES_MAX, EventSplitter, data_of

CALL: dict[str, Any] = {
    "system_instruction": {"parts": {"text": "Be brief."}},
    "contents": [
        {"role": "user", "parts": [{"text": "?"}, {"inline_data": {"mime_type": "a/b", "data": "__79"}}]},
        {
            "role": "model",
            "parts": [
                {"text": "", "thought": True, "thoughtSignature": "aGdzMS4"},
                {"functionCall": {"name": "look", "args": {"n": 1}, "id": "c"}, "thought_signature": "c2ln"},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
            ],
        },
        {"parts": [{"functionResponse": {"name": "look", "response": {"output": [1]}, "parts": [
            {"fileData": {"fileUri": "gs://a/b", "mimeType": "image/png"}}]}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "look", "parameters": {"type": "OBJECT", "nullable": True}}],
               "googleSearch": {}}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["look"]}},
    "generationConfig": {"topK": 4.0, "stopSequences": ["a"], "responseMimeType": "application/json",
                         "response_schema": {"type": "STRING"}, "thinkingConfig": {"thinkingBudget": -1}},
    "safetySettings": [],
}  # fmt: skip

REPLY: dict[str, Any] = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [
                {"text": "hm", "thought": True}, {"text": "Grüße"}, {"functionCall": {"name": "f"}}]},
            "finishReason": "STOP",
            "index": 0,
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "u"}}], "webSearchQueries": ["q"],
                "groundingSupports": [{"segment": {"endIndex": 4}, "groundingChunkIndices": [0]}]},
        }
    ],
    "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2,
                      "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}]},
    "promptFeedback": {"blockReason": "SAFETY"},
    "modelVersion": "m", "responseId": "r", "createTime": "2026-11-21T10:00:00.5Z",
}  # fmt: skip

HOSTILE: list[Any] = [
    None, True, 0, -1, 2**70, 1.5, -0.0, "", "x", "\x00", "hgs1.", "models/x", "aGdzMS4", [], [[]], [None],
    {}, {"": {}}, {"text": 5}, {"parts": 5}, ["x"] * 3, [{"text": "a"}, 4], "2026-11-21T10:00:00", "ANY",
    "STOP",
]  # fmt: skip


@cache
def bodies() -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Calls and answers: our own and some recorded ones, where there are any."""
    calls, replies = [CALL], [REPLY]
    try:
        found = [one for one, route in recorded() if route.dialect == "google" and route.operation == "chat"]
    except pytest.skip.Exception:
        found = []
    for one in found[::5]:
        if len(one.body) < 20_000 and not one.stream and len(one.response) < 20_000:
            calls.append(one.request)
            replies.append(msgspec.json.decode(one.response))
    return tuple(calls), tuple(replies)


def mutated(draw: st.DrawFn, whole: Any) -> Any:
    changed = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        found = places(changed)
        if not found:
            break
        path = draw(st.sampled_from(found))
        node = changed
        for step in path[:-1]:
            node = node[step]
        kind = draw(st.integers(0, 9))
        if kind == 0 and isinstance(node, dict):
            del node[path[-1]]
        elif kind == 1 and isinstance(node, dict):
            node[draw(st.sampled_from(["extra", "snake_case", "thought", "parts", "a.b", "text"]))] = 1
        else:
            node[path[-1]] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
    return changed


@st.composite
def calls(draw: st.DrawFn) -> Any:
    return mutated(draw, draw(st.sampled_from(bodies()[0])))


@st.composite
def replies(draw: st.DrawFn) -> Any:
    return mutated(draw, draw(st.sampled_from(bodies()[1])))


@settings(derandomize=True, max_examples=150)
@given(fields=calls())
def test_a_call_that_is_read_is_written_back_as_it_came(fields: Any):
    try:
        call = CODEC.read_call(msgspec.json.encode(fields), model="m")
    except InvalidRequest as error:
        assert str(error)
        return
    changes = Changes()
    written = CODEC.write_call(call, PLAIN, changes)
    if not list(changes):
        assert msgspec.json.decode(written) == fields
    CODEC.write_call(msgspec.structs.replace(call, dialect="anthropic"), PLAIN, Changes())


@settings(derandomize=True, max_examples=150)
@given(fields=replies())
def test_an_answer_that_is_read_is_written_back_as_it_came(fields: Any):
    try:
        answer = CODEC.read_answer(msgspec.json.encode(fields))
    except UpstreamError as error:
        assert str(error)
        return
    assert answer.candidates
    assert msgspec.json.decode(CODEC.write_answer(answer, ASKED, Changes())) == fields
    CODEC.write_answer(msgspec.structs.replace(answer, dialect="anthropic"), ASKED, Changes())


def read_stream(pieces: list[bytes]) -> list[Event] | str:
    try:
        return events_of(CODEC.events_in(), pieces)
    except UpstreamError as error:
        return str(error)


@settings(derandomize=True, max_examples=100)
@given(chunks=st.lists(replies(), max_size=4), is_array=st.booleans(), data=st.data())
def test_a_stream_gives_the_same_events_however_it_is_cut(
    chunks: list[Any], is_array: bool, data: st.DataObject
):
    if is_array:
        body = msgspec.json.encode(chunks)
    else:
        ends = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\n: note\n\n"])
        body = b"".join(b"data: " + msgspec.json.encode(chunk) + data.draw(ends) for chunk in chunks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    whole, cut = read_stream([body]), read_stream(pieces)
    assert whole == cut
    if isinstance(whole, str):
        return
    writing = CODEC.events_out(ASKED, Changes())
    written = b"".join(writing.write(event) for event in whole)
    for event in EventSplitter().feed(written):
        msgspec.json.decode(data_of(event))


@settings(derandomize=True, max_examples=100)
@given(data=st.binary(max_size=300), cut=st.integers(0, 3000), head=st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, cut: int, head: bool):
    stream = written_by(CODEC.events_out(ASKED, Changes()), EVENTS)
    body = data + stream[:cut] if head else stream[:cut] + data
    read_stream([body])
    for read in (CODEC.read_call, CODEC.read_answer):
        for text in (data, body, msgspec.json.encode(CALL)[:cut] + data):
            try:
                read(text)
            except (InvalidRequest, UpstreamError):
                continue


DEEP = 10_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"contents":' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"contents":[{"parts":[{"functionCall":{"name":"f","args":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'{"candidates":' + b'[{"content":' * DEEP,
        b'{"contents":[],"generationConfig":{"temperature":NaN}}',
        b'{"contents":[],"generationConfig":{"temperature":1e400}}',
        b'{"contents":[{"parts":[{"text":"\xff\xfe"}]}]}',
        b'{"contents":[{"parts":[{"text":"\\ud800"}]}]}',
        b"\xef\xbb\xbf{}", b"", b"[]", b"[[]]", b"null", b"[" * DEEP, b"{" * DEEP,
    ],
)  # fmt: skip
def test_broken_and_deep_bodies_are_refused(body: bytes):
    with pytest.raises(InvalidRequest):
        CODEC.read_call(body)
    if body not in (b"[]", b"[[]]"):
        read_stream([b"data: " + body + b"\n\n"])
    try:
        CODEC.read_answer(body)
    except UpstreamError as error:
        assert str(error)


@pytest.mark.parametrize("depth", [100, 300, 600, 900])
def test_depths_below_the_parser_s_are_read_or_refused(depth: int):
    schema = b'{"properties":{"a":' * depth + b"{}" + b"}}" * depth
    body = b'{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parameters":' + schema + b"}]}]}"
    try:
        CODEC.write_call(CODEC.read_call(body), PLAIN, Changes())
    except InvalidRequest as error:
        assert "deep" in str(error) or "JSON" in str(error)


def test_an_event_that_is_too_large_is_refused():
    for begin in (b"data: ", b'[{"a":"'):
        reading = CODEC.events_in()
        reading.feed(begin)
        with pytest.raises(UpstreamError):
            for _ in range(EVENT_BYTES_MAX // (1 << 22) + 1):
                reading.feed(b"x" * (1 << 22))


def test_a_stream_of_many_candidates_is_refused():
    candidate = {"content": {"parts": [{"text": "x"}]}}
    body = b"data: " + msgspec.json.encode({"candidates": [candidate] * 1_100}) + b"\n\n"
    assert isinstance(read_stream([body]), str)


def test_an_array_for_an_answer_is_folded():
    chunks = msgspec.json.encode([{"candidates": [{"content": {"parts": [{"text": "a"}]}}]}, REPLY])
    assert CODEC.read_answer(chunks) == fold(events_of(CODEC.events_in(), [chunks]))
    assert ANSWER.candidates
