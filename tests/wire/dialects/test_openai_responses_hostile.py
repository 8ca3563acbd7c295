"""Hostile bytes: whatever comes, nothing but the two faults is raised, and what was read can be written."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.wire.dialects.json_places import changed, places
from tests.wire.dialects.openai_responses_samples import ASKED, events_of, streamed_answer
from tests.wire.dialects.test_openai_responses_spelling import FULL
from tests.wire.dialects.test_openai_responses_streams import (
    CALL,
    MESSAGE,
    REASONING,
    completed,
    created,
    sse,
)

from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.openai_responses.codec import CODEC

ODD_OBJECTS: list[Any] = [{}, {"x": {}}, {"type": 7}, {"type": "message"}]
ODD_VALUES: list[Any] = [None, True, "", "x", 0, -1, 1.5, 10**40, [], [None], [[]], *ODD_OBJECTS]
ODD: st.SearchStrategy[Any] = st.sampled_from(ODD_VALUES)
ANSWER: dict[str, Any] = {
    **completed(REASONING, MESSAGE, CALL, {"type": "web_search_call", "id": "w", "status": "completed"})[
        "response"
    ],
    "usage": {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 9,
    },
    "incomplete_details": None,
    "error": None,
    "tool_usage": {"web_search": {"num_requests": 1}},
}
STREAM: list[dict[str, Any]] = [
    created(),
    *(
        event
        for index, item in enumerate((REASONING, MESSAGE, CALL))
        for event in (
            {"type": "response.output_item.added", "output_index": index, "item": item},
            {
                "type": "response.content_part.added",
                "output_index": index,
                "content_index": 0,
                "part": {"type": "output_text", "text": ""},
            },
            {"type": "response.output_text.delta", "output_index": index, "content_index": 0, "delta": "Hel"},
            {
                "type": "response.reasoning_summary_text.delta",
                "output_index": index,
                "summary_index": 0,
                "delta": "o",
            },
            {"type": "response.function_call_arguments.delta", "output_index": index, "delta": "{"},
            {
                "type": "response.output_text.annotation.added",
                "output_index": index,
                "content_index": 0,
                "annotation": {"type": "url_citation", "url": "https://a"},
            },
            {"type": "response.output_text.done", "output_index": index, "content_index": 0, "text": "Hello"},
            {"type": "response.output_item.done", "output_index": index, "item": item},
        )
    ),
    {"type": "response.completed", "response": ANSWER},
]


def mutated(value: Any) -> st.SearchStrategy[Any]:
    """The value with up to three places changed."""
    spots = places(value)

    def change(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
        current = value
        for path, new in changes:
            try:
                current = changed(current, path, new)
            except (KeyError, IndexError, TypeError):
                continue
        return current

    return st.lists(st.tuples(st.sampled_from(spots), ODD), min_size=1, max_size=3).map(change)


def refused_or(read: Callable[[], object], fault: type[Exception]) -> object:
    try:
        return read()
    except fault as error:
        assert str(error)
        return None


BOUNDED = settings(
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@BOUNDED
@given(body=mutated(FULL))
def test_any_call_is_refused_or_written_back(body: Any):
    raw = msgspec.json.encode(body)
    call = refused_or(lambda: CODEC.read_call(raw), InvalidRequest)
    if call is None:
        return
    again = msgspec.json.decode(CODEC.write_call(cast("Any", call), PLAIN, Changes()))
    assert again == msgspec.json.decode(raw)
    foreign = msgspec.structs.replace(cast("Any", call), dialect="openai-chat")
    CODEC.write_call(foreign, Quirks(schema_subset="openai-strict"), Changes())


@BOUNDED
@given(body=mutated(ANSWER))
def test_any_answer_is_refused_or_written_back(body: Any):
    raw = msgspec.json.encode(body)
    answer = refused_or(lambda: CODEC.read_answer(raw), UpstreamError)
    if answer is None:
        return
    again = msgspec.json.decode(CODEC.write_answer(cast("Any", answer), ASKED, Changes()))
    assert again == msgspec.json.decode(raw)
    foreign = msgspec.structs.replace(cast("Any", answer), dialect="anthropic")
    CODEC.write_answer(foreign, ASKED, Changes())
    events_of(streamed_answer(cast("Any", answer)))


@BOUNDED
@given(events=mutated(STREAM))
def test_any_stream_is_refused_or_written(events: Any):
    body = sse(*cast("list[dict[str, Any]]", events))
    found = refused_or(lambda: events_of(body), UpstreamError)
    if not found:
        return
    out = CODEC.events_out(ASKED, Changes())
    written = b"".join(out.write(event) for event in cast("Any", found))
    again = events_of(written)
    if any(type(event).__name__ == "Began" for event in again):
        fold(again)


@BOUNDED
@given(body=st.binary(max_size=200), sizes=st.lists(st.integers(1, 9), max_size=60))
def test_any_bytes_are_refused_or_read(body: bytes, sizes: list[int]):
    refused_or(lambda: CODEC.read_call(body), InvalidRequest)
    refused_or(lambda: CODEC.read_answer(body), UpstreamError)
    refused_or(lambda: events_of(b"data: " + body, sizes=sizes), UpstreamError)


@BOUNDED
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=400),
    ends=st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_any_chunking_gives_the_same_events(sizes: list[int], ends: bytes):
    body = sse(*STREAM).replace(b"\n", ends)
    assert events_of(body, sizes=sizes * 20) == events_of(sse(*STREAM))


@BOUNDED
@given(length=st.integers(0, len(sse(*STREAM))))
def test_a_stream_cut_anywhere_raises_nothing(length: int):
    events_of(sse(*STREAM)[:length])


def test_what_came_before_a_fault_is_said_first():
    reader = CODEC.events_in()
    assert len(reader.feed(sse(created()) + b"data: {\n\n")) == 1
    for read in (partial(reader.feed, b""), reader.end):
        assert refused_or(read, UpstreamError) is None


def test_nesting_of_ten_thousand_is_refused():
    deep = b"[" * 10_000 + b"]" * 10_000
    assert refused_or(partial(CODEC.read_call, CALL_OF_DEPTH % deep), InvalidRequest) is None
    assert refused_or(partial(CODEC.read_answer, ANSWER_OF_DEPTH % deep), UpstreamError) is None
    assert refused_or(partial(events_of, EVENT_OF_DEPTH % deep), UpstreamError) is None


CALL_OF_DEPTH = b'{"model": "m", "input": "x", "x": %b}'
ANSWER_OF_DEPTH = b'{"output": [], "x": %b}'
EVENT_OF_DEPTH = b'data: {"type": "response.x", "x": %b}\n\n'


def test_what_is_just_not_too_deep_is_written_or_refused():
    """The reader's limit and the writer's are not the same: what one takes, the other may not."""
    for depth in range(400, 1400, 25):
        deep = b"[" * depth + b"]" * depth
        call: Any = refused_or(partial(CODEC.read_call, CALL_OF_DEPTH % deep), InvalidRequest)
        if call is not None:
            refused_or(partial(CODEC.write_call, call, PLAIN, Changes()), InvalidRequest)
        answer: Any = refused_or(partial(CODEC.read_answer, ANSWER_OF_DEPTH % deep), UpstreamError)
        if answer is not None:
            refused_or(partial(CODEC.write_answer, answer, ASKED, Changes()), UpstreamError)
        events: Any = refused_or(partial(events_of, EVENT_OF_DEPTH % deep), UpstreamError)
        out = CODEC.events_out(ASKED, Changes())
        for event in events or ():
            refused_or(partial(out.write, event), UpstreamError)
