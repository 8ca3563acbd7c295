"""Streams of OpenAI's chat and its families, read (traps 8, 13, 16, 17, 21 and 46)."""

import json
from typing import Any

import pytest
from tests.wire.dialects.openai_chat_samples import (
    calls_in,
    chunk,
    chunks_in,
    events_of,
    stream_of,
    tool_chunk,
    written,
)

from headgate.core.chat import (
    Citation,
    Finish,
    Media,
    Reasoning,
    Seal,
    Text,
)
from headgate.core.events import (
    Began,
    Broke,
    Ended,
    Event,
    Finished,
    NativeEvent,
    PartBegan,
    PartEnded,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.openai_chat.codec import CODEC

BEGAN = Began(dialect="anthropic", id="msg_1", model="served", created_s=3)


def part_stream(*events: Event, reason: Any = "stop") -> list[Event]:
    return [BEGAN, *events, Finished(finish=Finish(reason=reason)), Ended()]


def test_trap_08_azure_s_first_chunk_gives_no_names() -> None:
    first = {
        "id": "",
        "model": "",
        "object": "",
        "created": 0,
        "choices": [],
        "prompt_filter_results": [{"a": 1}],
    }
    body = stream_of(first, chunk({"content": "x"}), chunk({}, "stop"))
    [began, *_] = events_of(body)
    assert isinstance(began, Began)
    assert (began.id, began.model, began.created_s) == ("c1", "m", 5)
    assert began.native is not None
    assert began.native.fields["prompt_filter_results"] == [{"a": 1}]
    assert fold(events_of(written(events_of(body)))) == fold(events_of(body))


def test_trap_13_fragments_are_gathered_by_index() -> None:
    events = events_of(
        stream_of(
            tool_chunk(0, id="a", type="function", name="f", arguments=""),
            tool_chunk(1, id="b", type="function", name="g", arguments='{"y'),
            tool_chunk(0, arguments='{"x"'),
            tool_chunk(1, arguments='":2}'),
            tool_chunk(0, arguments=":1}"),
            chunk({}, "tool_calls"),
        )
    )
    assert calls_in(events) == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


def test_trap_13_a_call_whose_arguments_are_whole_ends_where_the_next_begins() -> None:
    events = events_of(
        stream_of(
            tool_chunk(0, id="a", name="f", arguments='{"x":1}'),
            tool_chunk(1, id="b", name="g", arguments="{}"),
            chunk({}, "tool_calls"),
        )
    )
    kinds = [type(event).__name__ for event in events if isinstance(event, PartBegan | PartEnded)]
    assert kinds == ["PartBegan", "PartEnded", "PartBegan", "PartEnded"]


@pytest.mark.parametrize("index", [0, None])
def test_trap_13_calls_with_other_ids_are_others(index: int | None) -> None:
    """Some families send every call whole, and all at the index 0, or at none."""
    events = events_of(
        stream_of(
            tool_chunk(index, id="a", name="f", arguments='{"x":1}'),
            tool_chunk(index, id="b", name="f", arguments='{"x":2}'),
            chunk({}, "tool_calls"),
        )
    )
    assert calls_in(events) == [("a", "f", '{"x":1}'), ("b", "f", '{"x":2}')]


def test_trap_13_a_name_that_comes_late_is_waited_for() -> None:
    events = events_of(
        stream_of(tool_chunk(0, id="a"), tool_chunk(0, arguments="{"), tool_chunk(0, name="f", arguments="}"))
    )
    assert calls_in(events) == [("a", "f", "{}")]


def test_trap_16_streams_are_parsed_by_the_specification() -> None:
    text = json.dumps(chunk({"content": "é😀"}), ensure_ascii=False)
    half = text.index('"choices"')
    lines = [
        "\ufeff: OPENROUTER PROCESSING",
        "",
        ": ping",
        "",
        "data: " + text[:half],
        "data: " + text[half:],
        "",
        "event: message",
        "id: 7",
        "retry: 3",
        "data:" + json.dumps({**chunk({"content": "!"}), "obfuscation": "xY"}),
        "",
        "data: " + json.dumps(chunk({}, "stop")),
        "",
        "data: [DONE]",
        "",
    ]
    for end in ("\n", "\r\n", "\r"):
        body = (end.join(lines) + end).encode()
        events = events_of(body)
        [candidate] = fold(events).candidates
        assert [part.text for part in candidate.parts if isinstance(part, Text)] == ["é😀!"]
        assert isinstance(events[-1], Ended)
        assert "obfuscation" not in str(events)
        assert events_of(body, [body[at : at + 1] for at in range(len(body))]) == events


@pytest.mark.parametrize(
    ("last", "message", "kind", "status"),
    [
        (
            {"error": {"message": "Overloaded", "type": "overloaded", "code": 502}},
            "Overloaded",
            "overloaded",
            502,
        ),
        ({"error": {"code": "rate_limit", "message": "Slow", "status_code": 429}}, "Slow", "rate_limit", 429),
        ({"error": "gone"}, "gone", "", None),
    ],
)
def test_trap_17_an_error_breaks_a_stream(last: Any, message: str, kind: str, status: int | None) -> None:
    events = events_of(stream_of(chunk({"content": "x"}), last))
    assert events[-1] == Broke(message=message, kind=kind, status=status)
    assert not any(isinstance(event, Ended) for event in events)
    out = written(events)
    assert b"[DONE]" not in out
    assert chunks_in(out)[-1]["error"]["message"] == message
    assert events_of(out)[-1].__class__ is Broke


def test_trap_17_an_error_s_event_may_be_named_alone() -> None:
    body = stream_of(chunk({"content": "x"}), done=False) + b'event: error\ndata: {"message": "no"}\n\n'
    assert events_of(body)[-1] == Broke(message="no")


@pytest.mark.parametrize("end", [b"", b"data: {", b'data: {"choices": [{"ind', b"data: [DON"])
def test_trap_17_a_stream_that_just_stops_has_not_ended(end: bytes) -> None:
    events = events_of(stream_of(chunk({"content": "x"}), chunk({}, "stop"), done=False) + end)
    assert not any(isinstance(event, Ended) for event in events)
    assert b"[DONE]" not in written(events)


def test_an_end_without_a_blank_line_counts() -> None:
    events = events_of(stream_of(chunk({"content": "x"}), done=False) + b"data: [DONE]")
    assert isinstance(events[-1], Ended)
    assert sum(isinstance(event, PartEnded) for event in events) == 1


@pytest.mark.parametrize(
    "bad", [b"data: nothing\n\n", b"data: {]\n\n", b'data: {"choices": 1}\n\n', b"data: [1]\n\n"]
)
def test_what_is_no_stream_is_told_after_what_came_before(bad: bytes) -> None:
    good = stream_of(chunk({"content": "x"}), done=False)
    reader = CODEC.events_in()
    assert len(reader.feed(good + bad)) == 3
    for _ in range(2):
        with pytest.raises(UpstreamError, match="can't be read"):
            reader.feed(good)
    with pytest.raises(UpstreamError):
        reader.end()
    with pytest.raises(UpstreamError):
        CODEC.events_in().feed(bad)


@pytest.mark.parametrize(
    ("word", "delta", "reason"),
    [
        ("stop", {"content": "x"}, "stop"),
        ("eos", {"content": "x"}, "stop"),
        ("length", {"content": "x"}, "length"),
        ("model_length", {"content": "x"}, "context_window"),
        ("content_filter", {"content": "x"}, "content_filter"),
        ("insufficient_system_resource", {"content": "x"}, "error"),
        ("tool_calls", {"tool_calls": [{"index": 0, "function": {"name": "f"}}]}, "tool_calls"),
        ("stop", {"tool_calls": [{"index": 0, "function": {"name": "f"}}]}, "tool_calls"),
        ("function_call", {"function_call": {"name": "f", "arguments": "{}"}}, "tool_calls"),
        ("stop", {"refusal": "No."}, "refusal"),
        ("something new", {"content": "x"}, "stop"),
    ],
)
def test_trap_21_reasons_are_mapped_and_the_native_one_is_kept(word: str, delta: Any, reason: str) -> None:
    body = stream_of(chunk(delta), chunk({}, word))
    [finished] = [event for event in events_of(body) if isinstance(event, Finished)]
    assert (finished.finish.reason, finished.finish.native) == (reason, word)
    assert chunks_in(written(events_of(body)))[-1]["choices"][0]["finish_reason"] == word


def test_trap_46_annotations_that_come_before_or_after_their_text_are_its_own() -> None:
    entry = {
        "type": "url_citation",
        "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1},
    }
    for deltas in (
        [{"annotations": [entry]}, {"content": "xy"}],
        [{"content": "xy"}, {"annotations": [{**entry, "index": 0}]}],
    ):
        [candidate] = fold(events_of(stream_of(*(chunk(delta) for delta in deltas)))).candidates
        assert candidate.parts == (
            Text(text="xy", citations=(Citation(url="u", title="t", start=0, end=1),)),
        )


def test_details_are_read_in_pieces_and_written_so() -> None:
    def detail(**members: Any) -> Any:
        return chunk(
            {"reasoning": members.get("text"), "reasoning_details": [{"index": 0, "format": "f", **members}]}
        )

    body = stream_of(
        detail(type="reasoning.text", text="Let ", id="r1"),
        detail(type="reasoning.text", text="me."),
        detail(type="reasoning.text", signature="sig"),
        detail(type="reasoning.encrypted", data="enc"),
        chunk({"content": "Hi"}),
        chunk({}, "stop"),
    )
    answer = fold(events_of(body))
    kept = [part for part in answer.candidates[0].parts if isinstance(part, Reasoning)]
    assert [(part.text, part.seal, part.id) for part in kept] == [
        ("Let me.", Seal("openai-chat", "sig"), "r1"),
        ("", Seal("openai-chat", "enc"), ""),
    ]
    assert fold(events_of(written(events_of(body)))) == answer


def test_pieces_of_sound_come_as_they_are_made() -> None:
    body = stream_of(
        chunk({"audio": {"id": "au", "transcript": "He"}}),
        chunk({"audio": {"data": "aGk="}}),
        chunk({"audio": {"expires_at": 9}}),
        chunk({}, "stop"),
    )
    events = events_of(body)
    assert [
        event.part.data for event in events if isinstance(event, PartBegan) and isinstance(event.part, Media)
    ] == ["", "aGk=", ""]
    assert fold(events_of(written(events))) == fold(events)


def test_what_has_no_word_is_kept_to_the_end_of_its_choice() -> None:
    logprobs = [{"token": "x", "logprob": -1}]
    body = stream_of(
        {**chunk({"content": "x", "channel": "final"}), "provider": "P", "citations": ["u"]},
        {
            **chunk({}),
            "choices": [{"index": 0, "delta": {}, "logprobs": {"content": logprobs, "refusal": None}}],
        },
        {
            **chunk({}),
            "choices": [
                {"index": 0, "delta": {}, "logprobs": {"content": logprobs}, "finish_reason": "stop"}
            ],
        },
        {
            **chunk({}),
            "choices": [{"index": 0, "delta": {}, "finish_reason": None, "content_filter_offsets": {"a": 1}}],
        },
        {**chunk({}), "choices": [], "time_info": {"s": 1}},
    )
    events = events_of(body)
    answer = fold(events)
    [candidate] = answer.candidates
    assert candidate.native is not None
    assert candidate.native.fields == {"logprobs": {"content": logprobs * 2}, "message": {"channel": "final"}}
    assert answer.native is not None
    assert answer.native.fields == {"provider": "P", "citations": ["u"], "time_info": {"s": 1}}
    assert [event for event in events if isinstance(event, NativeEvent)]
    assert events_of(written(events)) == events


def test_several_choices_are_kept_apart() -> None:
    def of(index: int, delta: Any, finish: str | None = None) -> Any:
        return {**chunk({}), "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}

    body = stream_of(
        of(0, {"content": "a"}),
        of(1, {"content": "b"}),
        of(0, {"content": "c"}),
        of(1, {}, "stop"),
        of(0, {}, "length"),
    )
    answer = fold(events_of(body))
    assert [one.parts for one in answer.candidates] == [(Text(text="ac"),), (Text(text="b"),)]
    assert [one.finish for one in answer.candidates] == [
        Finish(reason="length", native="length"),
        Finish(reason="stop", native="stop"),
    ]
    assert fold(events_of(written(events_of(body)))) == answer


def test_text_after_a_call_is_another_part() -> None:
    body = stream_of(
        chunk({"content": "a"}),
        tool_chunk(0, id="i", name="f", arguments="{}"),
        chunk({"content": "b"}),
        chunk({}, "stop"),
    )
    [candidate] = fold(events_of(body)).candidates
    assert [type(part).__name__ for part in candidate.parts] == ["Text", "ToolCall", "Text"]


def test_mistral_streams_lists_of_contents() -> None:
    def thinking(text: str) -> Any:
        return chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]})

    body = stream_of(
        thinking("Let "),
        thinking("me."),
        chunk({"content": [{"type": "thinking", "thinking": []}]}),
        chunk({"content": [{"type": "text", "text": "Hi"}, {"type": "reference", "reference_ids": [1]}]}),
        chunk({}, "stop"),
    )
    [candidate] = fold(events_of(body)).candidates
    assert [getattr(part, "text", part.__class__.__name__) for part in candidate.parts] == [
        "Let me.",
        "Hi",
        "NativePart",
    ]
    assert fold(events_of(written(events_of(body)))).candidates == (candidate,)


def test_the_call_from_before_there_were_tools() -> None:
    body = stream_of(
        chunk({"function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"a":1}'}}),
        chunk({}, "function_call"),
    )
    events = events_of(body)
    assert calls_in(events) == [("", "f", '{"a":1}')]
    assert fold(events_of(written(events))) == fold(events)
