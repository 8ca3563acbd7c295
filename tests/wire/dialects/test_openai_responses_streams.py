"""Streams of Responses: every event type, the life cycle of written ones, errors, and what comes late."""

from typing import Any, get_args

import msgspec
import pytest
from openai.types.responses import ResponseStreamEvent
from tests.wire.dialects.openai_responses_samples import (
    ASKED,
    check_events,
    events_of,
    folded,
    raw_events,
    sdk_final,
    stream_of,
)

from headgate.core.call import Usage
from headgate.core.chat import Citation, Finish, Media, Native, NativePart, Reasoning, Refusal, Text, ToolCall
from headgate.core.events import (
    ArgumentsDelta,
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
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_responses.codec import CODEC

BEGAN = Began(dialect="anthropic", id="msg_9", model="claude", created_s=5)
DONE: list[Event] = [Finished(finish=Finish(reason="stop", native="end_turn")), Ended()]
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % msgspec.json.encode(event) for event in events)


def created() -> dict[str, Any]:
    return {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}}


def completed(*output: dict[str, Any], **members: Any) -> dict[str, Any]:
    response = {**RESPONSE, "status": "completed", **members, "output": list(output)}
    return {"type": f"response.{response['status']}", "response": response}


def test_a_foreign_stream_has_the_whole_life_cycle():
    body = stream_of(
        [
            BEGAN,
            PartBegan(number=0, part=Reasoning()),
            TextDelta(number=0, text="h"),
            TextDelta(number=0, text="m"),
            PartEnded(number=0),
            PartBegan(number=1, part=Text(text="")),
            TextDelta(number=1, text="Grü"),
            TextDelta(number=1, text="ße"),
            CitationDelta(number=1, citation=Citation(url="https://a", title="A")),
            PartEnded(number=1),
            PartBegan(number=2, part=ToolCall(id="t1", name="f", arguments="")),
            ArgumentsDelta(number=2, json='{"a"'),
            ArgumentsDelta(number=2, json=":1}"),
            PartEnded(number=2),
            UsageSeen(usage=Usage(input=3, output=4)),
            Finished(finish=Finish(reason="tool_calls", native="tool_use")),
            Ended(),
        ]
    )
    events = check_events(body)
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.annotation.added", "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert [event["output_index"] for event in events if "output_index" in event] == [0] * 7 + [1] * 8 + [
        2
    ] * 5
    ids = {event["item_id"] for event in events if "item_id" in event}
    final = sdk_final(body)
    assert ids == {item["id"] for item in final["output"]} and len(ids) == 3
    assert final["output"][0]["summary"] == [{"type": "summary_text", "text": "hm"}]
    text = final["output"][1]["content"][0]
    assert text["text"] == "Grüße" and text["annotations"][0]["end_index"] == 5
    assert final["output"][2]["arguments"] == '{"a":1}' and final["output"][2]["call_id"] == "t1"
    assert final["usage"]["total_tokens"] == 7 and final["id"] == "msg_9" and final["created_at"] == 5


def test_nothing_that_can_be_said_is_held_back():
    out = CODEC.events_out(ASKED, Changes())
    assert b"response.created" in out.write(BEGAN)
    assert b"response.content_part.added" in out.write(PartBegan(number=0, part=Text(text="")))
    assert b'"delta":"a"' in out.write(TextDelta(number=0, text="a"))
    assert b"response.output_text.done" in out.write(PartEnded(number=0))
    assert b'"name":"f"' in out.write(PartBegan(number=1, part=ToolCall(id="t", name="f", arguments="")))
    assert b'"delta":"{"' in out.write(ArgumentsDelta(number=1, json="{"))


def test_parts_that_overlap_stay_apart():
    body = stream_of(
        [
            BEGAN,
            PartBegan(number=0, part=Text(text="")),
            PartBegan(number=1, part=ToolCall(id="a", name="f", arguments="")),
            PartBegan(number=2, part=ToolCall(id="b", name="g", arguments="")),
            ArgumentsDelta(number=2, json='{"b":'),
            TextDelta(number=0, text="So"),
            ArgumentsDelta(number=1, json="{}"),
            ArgumentsDelta(number=2, json="2}"),
            PartEnded(number=1),
            PartEnded(number=2),
            PartEnded(number=0),
            *DONE,
        ]
    )
    check_events(body)
    output = sdk_final(body)["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
    assert output[0]["content"][0]["text"] == "So"
    assert [item["arguments"] for item in output[1:]] == ["{}", '{"b":2}']


def test_trap_15_a_call_without_arguments_has_an_empty_object():
    call = PartBegan(number=0, part=ToolCall(id="t", name="f", arguments=""))
    events = check_events(stream_of([BEGAN, call, PartEnded(number=0), *DONE]))
    done = next(event for event in events if event["type"].endswith("arguments.done"))
    assert done["arguments"] == "{}" and events[-1]["response"]["output"][0]["arguments"] == "{}"


def test_parts_that_nobody_ended_end_with_the_answer():
    body = stream_of([BEGAN, PartBegan(number=0, part=Text(text="a")), TextDelta(number=0, text="b"), *DONE])
    check_events(body)
    assert sdk_final(body)["output"][0]["content"][0]["text"] == "ab"


def test_whole_parts_are_written_whole():
    changes = Changes()
    events: list[Event] = [BEGAN]
    parts = (
        Refusal(text="No."),
        Media(kind="image", media_type="image/webp", data="aGk="),
        NativePart(dialect="google", kind="executableCode", value={}),
        Text(text="Hi"),
    )
    for number, part in enumerate(parts):
        events += [PartBegan(number=number, part=part), PartEnded(number=number)]
    body = stream_of([*events, *DONE], changes=changes)
    check_events(body)
    assert [item["type"] for item in sdk_final(body)["output"]] == [
        "message", "image_generation_call", "message",
    ]  # fmt: skip
    assert len(changes.of_weight("loss")) == 1


def test_a_second_answer_of_a_stream_is_told():
    changes = Changes()
    events = [
        BEGAN,
        PartBegan(number=0, part=Text(text="a")),
        PartBegan(number=1, part=Text(text="b"), candidate=1),
        TextDelta(number=1, text="c"),
        PartEnded(number=1),
        Finished(finish=Finish(reason="length"), candidate=1),
        *DONE,
    ]
    body = stream_of(events, changes=changes)
    assert sdk_final(body)["output"][0]["content"][0]["text"] == "a"
    assert len(changes.of_weight("meaning")) == 1


@pytest.mark.parametrize("reason", ["length", "content_filter", "pause", "refusal", "context_window"])
def test_trap_23_a_stream_that_is_no_end_is_incomplete(reason: Any):
    body = stream_of(
        [BEGAN, PartBegan(number=0, part=Text(text="a")), Finished(finish=Finish(reason=reason)), Ended()]
    )
    last = check_events(body)[-1]
    assert last["type"] == "response.incomplete" and last["response"]["status"] == "incomplete"
    finish = folded(body).candidates[0].finish
    assert finish is not None and finish.reason not in ("stop", "tool_calls")


def test_trap_23_incomplete_is_read_with_its_reason():
    body = sse(created(), completed(status="incomplete", incomplete_details={"reason": "max_output_tokens"}))
    events = events_of(body)
    assert Finished(finish=Finish(reason="length", native="max_output_tokens")) in events
    assert isinstance(events[-1], Ended)
    again = raw_events(stream_of(events))[-1]
    assert again["type"] == "response.incomplete"
    assert again["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_trap_17_an_error_within_a_stream_is_one():
    for error in (
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None},
        {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow down"}},
        {"error": {"code": "rate_limit_exceeded", "message": "slow down"}},
    ):
        events = events_of(sse(created(), error))
        assert events[-1] == Broke(message="slow down", kind="rate_limit_exceeded")
        last = check_events(stream_of(events))[-1]
        assert last["type"] == "error" and last["message"] == "slow down"
        assert last["error"]["message"] == "slow down"


def test_trap_17_a_failed_response_is_an_error():
    failed = completed(status="failed", error={"code": "server_error", "message": "it broke"})
    events = events_of(sse(created(), failed))
    assert events[-1] == Broke(message="it broke", kind="server_error")
    assert not any(isinstance(event, Ended) for event in events)
    last = check_events(stream_of(events))[-1]
    assert last["type"] == "response.failed" and last["response"]["status"] == "failed"
    assert last["response"]["error"] == {"code": "server_error", "message": "it broke"}


def test_trap_17_a_stream_without_its_last_event_is_cut():
    item: dict[str, Any] = {"type": "message", "id": "m", "role": "assistant", "content": []}
    events = events_of(
        sse(
            created(),
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "a"},
        )
    )
    assert not any(isinstance(event, Ended | Finished) for event in events)
    assert folded(sse(created())).candidates[0].finish is None


def test_trap_17_an_error_of_another_provider_raises_in_the_sdk_s_way():
    """Its streams raise for any event that has an `error` member."""
    body = stream_of([BEGAN, Broke(message="Overloaded", kind="overloaded_error", status=529)])
    last = check_events(body)[-1]
    assert last["error"] == {
        "message": "Overloaded", "type": "overloaded_error", "code": "overloaded_error", "param": None,
    }  # fmt: skip


def kinds_of_events() -> list[str]:
    """Every type of event that the SDK knows."""
    union = get_args(ResponseStreamEvent)[0]
    return sorted(get_args(each.model_fields["type"].annotation)[0] for each in get_args(union))


def test_trap_19_no_event_type_is_lost():
    """What has no words is kept and written again, in its place and with its own sequence number."""
    worded = {
        "response.created", "response.queued", "response.in_progress", "response.completed",
        "response.incomplete", "response.failed", "error",
        "response.output_item.added", "response.output_item.done",
        "response.content_part.added", "response.content_part.done",
        "response.output_text.delta", "response.output_text.done", "response.output_text.annotation.added",
        "response.refusal.delta", "response.refusal.done",
        "response.reasoning_text.delta", "response.reasoning_text.done",
        "response.reasoning_summary_part.added", "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
        "response.function_call_arguments.delta", "response.function_call_arguments.done",
    }  # fmt: skip
    kinds = kinds_of_events()
    assert worded <= set(kinds) and len(kinds) > 50
    natives = [*(kind for kind in kinds if kind not in worded), "response.unheard_of"]
    item = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}
    for kind in natives:
        event: dict[str, Any] = {
            "type": kind,
            "item_id": "ws_1",
            "output_index": 3,
            "delta": "x",
            "sequence_number": 77,
        }
        body = sse(
            created(),
            {"type": "response.output_item.added", "output_index": 3, "item": item},
            event,
            {"type": "response.output_item.done", "output_index": 3, "item": {**item, "status": "completed"}},
            completed({**item, "status": "completed"}),
        )
        events = events_of(body)
        assert NativeEvent(dialect="openai-responses", kind=kind, value=event) in events
        raw = raw_events(stream_of(events))
        assert [one["type"] for one in raw] == [
            "response.created", "response.in_progress", "response.output_item.added", kind,
            "response.output_item.done", "response.completed",
        ]  # fmt: skip
        assert raw[3] == {**event, "output_index": 0, "sequence_number": 3}
        assert raw[-1]["response"]["output"] == [{**item, "status": "completed"}]
        parts = folded(body).candidates[0].parts
        assert (
            len(parts) == 1 and isinstance(parts[0], NativePart) and parts[0].value["status"] == "completed"
        )


def test_trap_19_usage_is_read_where_the_last_event_has_it():
    usage = {
        "input_tokens": 4,
        "output_tokens": 3,
        "total_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    answer = folded(sse(created(), completed(usage=usage, service_tier="priority")))
    assert answer.usage == Usage(input=4, output=1, reasoning=2)
    assert answer.service_tier == "priority"
    assert answer.native is not None and answer.native.fields["usage"] == usage


def test_trap_47_foreign_streams_leave_out_events_of_other_dialects():
    event = NativeEvent(dialect="google", kind="x", value={"a": 1})
    assert b'"a"' not in stream_of([BEGAN, event, *DONE])


MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [
        {
            "type": "output_text",
            "text": "Hello",
            "annotations": [{"type": "file_path", "file_id": "f", "index": 0}],
        },
        {"type": "refusal", "refusal": "No."},
    ],
}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}],
    "content": [{"type": "reasoning_text", "text": "three"}],
    "encrypted_content": "gAAA",
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "f",
    "arguments": '{"a":1}',
    "status": "completed",
}


def test_items_that_only_their_ends_tell_are_not_lost():
    """Some servers send no deltas, or nothing but the last event."""
    items = (REASONING, MESSAGE, CALL)
    dones = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in enumerate(items)
    ]
    added = [
        {
            "type": "response.output_item.added",
            "output_index": index,
            "item": {**item, "status": "in_progress"},
        }
        for index, item in enumerate(items)
    ]
    last = completed(*items)
    whole = folded(sse(created(), *dones, last))
    assert [type(part).__name__ for part in whole.candidates[0].parts] == [
        "Reasoning", "Reasoning", "Reasoning", "Text", "Refusal", "ToolCall",
    ]  # fmt: skip
    pairs = [event for pair in zip(added, dones, strict=True) for event in pair]
    for events in ((created(), last), (last,), (created(), *pairs, last), (created(), *added[:2], last)):
        body = sse(*events)
        answer = folded(body)
        assert [_said(part) for part in answer.candidates[0].parts] == [
            "one", "two", "three", "Hello", "No.", '{"a":1}',
        ]  # fmt: skip
        again = raw_events(stream_of(events_of(body)))[-1]["response"]["output"]
        assert again == list(items)


def _said(part: Any) -> str:
    return part.arguments if isinstance(part, ToolCall) else part.text


def test_what_a_done_event_says_again_adds_only_what_is_missing():
    item: dict[str, Any] = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }
    at = {"output_index": 0, "content_index": 0}
    part: dict[str, Any] = {"type": "output_text", "text": "Hello", "annotations": []}
    body = sse(
        created(),
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        {"type": "response.output_text.delta", **at, "delta": "Hel"},
        {"type": "response.output_text.done", **at, "text": "Hello"},
        {"type": "response.content_part.done", **at, "part": part},
        {"type": "response.output_text.delta", **at, "delta": ""},
        {"type": "response.output_item.done", "output_index": 0, "item": {**item, "content": [part]}},
        {"type": "response.output_text.delta", **at, "delta": " too late"},
        completed({**item, "content": [part]}),
        {"type": "response.output_text.delta", **at, "delta": " after all"},
    )
    events = events_of(body)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hel", "lo", ""]
    assert isinstance(events[-1], Ended)


def test_deltas_that_nothing_began_begin_their_parts():
    body = sse(
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "a"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 1, "delta": "b"},
        {
            "type": "response.reasoning_summary_text.delta",
            "output_index": 1,
            "summary_index": 0,
            "delta": "c",
        },
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "d"},
        completed(),
    )
    answer = folded(body)
    assert [_said(part) for part in answer.candidates[0].parts] == ["a", "b", "c"]
    assert isinstance(events_of(body)[0], Began)


def test_members_in_any_order_and_of_any_type_are_read():
    body = sse(
        {
            "response": {**RESPONSE, "status": "in_progress"},
            "sequence_number": "x",
            "type": "response.created",
        },
        {"delta": {"stdout": "x"}, "type": "response.shell_call_output_content.delta", "output_index": "y"},
        {"delta": 7, "type": "response.output_text.delta"},
        {"type": "response.output_text.done", "text": 7},
        {"type": "response.output_item.done", "item": "x"},
        {"type": "response.content_part.done", "part": []},
        {"type": 7},
        {},
    )
    kinds = [type(event).__name__ for event in events_of(body)]
    assert kinds[0] == "Began" and "TextDelta" not in kinds


@pytest.mark.parametrize("data", [b"{", b"[]", b"7", b'"x"', b"{\xff}", b'{"a":NaN}', b"[" * 10_000])
def test_what_is_no_event_is_refused(data: bytes):
    reader = CODEC.events_in()
    with pytest.raises(UpstreamError):
        reader.feed(b"data: %b\n\n" % data)


def test_comments_and_the_end_of_other_dialects_say_nothing():
    body = b": hello\n\nevent: ping\n\ndata: [DONE]\n\n" + sse(created())
    assert len(events_of(body)) == 1


def test_an_event_of_over_16_mib_is_refused():
    reader = CODEC.events_in()
    with pytest.raises(UpstreamError):
        for _ in range(20):
            reader.feed(b"data: " + b"x" * (1 << 20))


def test_an_own_answer_that_was_whole_is_streamed_as_it_is():
    native = Native(dialect="openai-responses", fields={"response": {"status": "incomplete"}, "usage": None})
    events = [
        Began(dialect="openai-responses", id="resp_1", model="m", native=native),
        Finished(finish=Finish(reason="length")),
        Ended(),
    ]
    raw = raw_events(stream_of(events))
    assert [one["type"] for one in raw] == ["response.created", "response.in_progress", "response.incomplete"]
    assert [one["response"]["status"] for one in raw] == ["in_progress", "in_progress", "incomplete"]
