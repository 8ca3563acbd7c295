"""Streams for clients of Anthropic: their life cycle, and what its SDK hears."""

from typing import Any

import anthropic
import pytest
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter
from tests.wire.dialects.anthropic_samples import (
    ASKED,
    TEXT,
    TOOL,
    events_of,
    folded,
    json_delta,
    raw_events,
    sdk_streamed,
    stream_bytes,
    written,
)

from headgate.core.call import Usage
from headgate.core.chat import (
    Citation,
    Finish,
    Media,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
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
    SealDelta,
    TextDelta,
    UsageSeen,
)
from headgate.wire.dialects.anthropic.codec import CODEC
from headgate.wire.dialects.changes import Changes

GOOGLE = Seal("google", "s==")
_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def began(number: int, part: Part, candidate: int = 0) -> PartBegan:
    return PartBegan(number=number, part=part, candidate=candidate)


def tool(number: int, name: str = "t", arguments: str = "") -> PartBegan:
    return began(number, ToolCall(id=f"c{number}", name=name, arguments=arguments))


def stream(*events: Event, reason: Any = "stop", ended: bool = True) -> list[Event]:
    """A foreign stream around some events."""
    finished = Finished(finish=Finish(reason=reason, native="NATIVE"))
    return [
        Began(dialect="openai-chat", id="chatcmpl-1", model="served"),
        *events,
        *([finished, UsageSeen(usage=Usage(input=5, cache_read=2, output=3)), Ended()] if ended else []),
    ]


def checked(body: bytes) -> list[tuple[str, Any]]:
    """The events of a written stream, whose order is strictly that of the life cycle (trap 12)."""
    events = raw_events(body)
    assert [name for name, _ in events] == [data["type"] for _, data in events]
    assert events[0][0] == "message_start"
    open_index, following = None, 0
    for name, data in events[1:]:
        if name != "error":
            _EVENT.validate_python(data, strict=True)
        match name:
            case "content_block_start":
                assert open_index is None
                assert data["index"] == following
                open_index, following = following, following + 1
            case "content_block_delta":
                assert data["index"] == open_index
            case "content_block_stop":
                assert data["index"] == open_index
                open_index = None
            case _:
                assert open_index is None
    return events


def heard(*events: Event, reason: Any = "stop") -> list[Any]:
    """The content that the SDK puts together."""
    body = written(stream(*events, reason=reason))
    checked(body)
    return [block.to_dict() for block in sdk_streamed(body).content]


def test_trap_12_texts_and_tools_stand_one_after_another():
    content = heard(
        began(0, Text(text="")),
        TextDelta(number=0, text="a"),
        tool(1),
        ArgumentsDelta(number=1, json='{"x":'),
        ArgumentsDelta(number=1, json="1}"),
        PartEnded(number=0),
        PartEnded(number=1),
        reason="tool_calls",
    )
    assert content == [
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "c1", "name": "t", "input": {"x": 1}},
    ]


def test_trap_12_interleaved_tools_are_put_in_order():
    """The second waits until the first is whole, and not longer."""
    events = [
        tool(0, "a"),
        tool(1, "b"),
        ArgumentsDelta(number=1, json='{"y":'),
        ArgumentsDelta(number=0, json='{"x":{}'),
        ArgumentsDelta(number=0, json="}"),
        ArgumentsDelta(number=1, json="2}"),
        PartEnded(number=0),
        PartEnded(number=1),
    ]
    content = heard(*events)
    assert [(block["name"], block["input"]) for block in content] == [("a", {"x": {}}), ("b", {"y": 2})]
    out = CODEC.events_out(ASKED, Changes())
    said = [out.write(event) for event in stream(*events, ended=False)]
    assert b'"b"' not in b"".join(said[:5])
    assert b'"b"' in said[5]


def test_trap_12_a_text_that_goes_on_gets_another_block():
    content = heard(
        began(0, Text(text="")),
        TextDelta(number=0, text="a"),
        tool(1, arguments='{"x":1}'),
        TextDelta(number=0, text="b"),
        PartEnded(number=1),
    )
    assert [block["type"] for block in content] == ["text", "tool_use", "text"]
    assert content[2]["text"] == "b"


def test_trap_13_blocks_keep_apart_what_their_numbers_say():
    content = heard(
        tool(5, "a"),
        ArgumentsDelta(number=5, json='{"n":5}'),
        tool(2, "b"),
        ArgumentsDelta(number=2, json='{"n":2}'),
        tool(9, "c", arguments='{"n":9}'),
    )
    assert [(block["id"], block["name"], block["input"]["n"]) for block in content] == [
        ("c5", "a", 5), ("c2", "b", 2), ("c9", "c", 9),
    ]  # fmt: skip


def test_trap_13_all_arguments_may_come_at_once():
    body = stream_bytes(
        (TEXT, []), (TOOL, [json_delta('{"a":1}')]), ({**TOOL, "id": "toolu_2"}, [json_delta("{}")])
    )
    calls = [event for event in events_of(body) if isinstance(event, PartBegan | ArgumentsDelta)]
    assert [event.number for event in calls] == [0, 1, 1, 2, 2]


def test_trap_15_no_arguments_are_an_empty_object():
    for call in (tool(0), tool(0, arguments="{}")):
        content = heard(call, PartEnded(number=0), reason="tool_calls")
        assert content == [{"type": "tool_use", "id": "c0", "name": "t", "input": {}}]


def test_nothing_is_held_back():
    out = CODEC.events_out(ASKED, Changes())
    events = stream(
        began(0, Text(text="")),
        TextDelta(number=0, text="a"),
        tool(1),
        ArgumentsDelta(number=1, json="{"),
        ended=False,
    )
    assert all(out.write(event) for event in events)


def test_usage_is_in_the_beginning_and_at_the_end():
    body = written(stream(began(0, Text(text="a"))))
    events = checked(body)
    assert events[0][1]["message"]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    message = sdk_streamed(body)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (5, 3)
    assert message.usage.cache_read_input_tokens == 2
    assert (message.id, message.model, message.stop_reason) == ("chatcmpl-1", "served", "end_turn")
    without = [event for event in stream(began(0, Text(text="a"))) if not isinstance(event, UsageSeen)]
    assert sdk_streamed(written(without)).usage.output_tokens == 0


def test_a_stream_without_names_has_those_of_the_call():
    message = sdk_streamed(written([Began(dialect="google"), Ended()]))
    assert (message.id, message.model) == (ASKED.request_id, ASKED.model)
    assert sdk_streamed(written([began(0, Text(text="a")), Ended()])).content[0].to_dict()["text"] == "a"


def test_trap_21_the_end_says_why():
    for events, reason, stop in (
        ([tool(0)], "stop", "tool_use"),
        ([began(0, Refusal(text="no"))], "stop", "refusal"),
        ([began(0, Text(text="a"))], "length", "max_tokens"),
        ([], "content_filter", "refusal"),
    ):
        body = written(stream(*events, reason=reason))
        assert sdk_streamed(body).stop_reason == stop
        assert checked(body)[-2][1]["delta"]["native_finish_reason"] == "NATIVE"


def test_trap_17_a_stream_without_end_is_given_none():
    assert b"message_stop" not in written(stream(began(0, Text(text="a")), ended=False))


def test_trap_17_an_error_is_said_to_the_sdk():
    body = written([*stream(ended=False), Broke(message="busy", kind="server_error", status=503), Ended()])
    assert raw_events(body)[-1][1]["error"] == {"type": "overloaded_error", "message": "busy"}
    with pytest.raises(anthropic.APIStatusError, match="busy"):
        sdk_streamed(body)


def test_trap_33_a_seal_of_thinking_stands_in_its_signature():
    thought = Reasoning(is_summary=True, id="rs_1")
    seal = Seal("openai-responses", "enc")
    content = heard(
        began(0, thought), TextDelta(number=0, text="hm"), SealDelta(number=0, seal=seal), PartEnded(number=0)
    )
    assert content[0]["thinking"] == "hm"
    assert content[0]["signature"].endswith(".enc")
    hidden = heard(
        began(0, thought), SealDelta(number=0, seal=seal), PartEnded(number=0), began(1, Text(text="a"))
    )
    assert [block["type"] for block in hidden] == ["redacted_thinking", "text"]
    late = Reasoning(is_redacted=True)
    withheld = heard(began(0, late), SealDelta(number=0, seal=seal), PartEnded(number=0))
    assert [block["type"] for block in withheld] == ["redacted_thinking"]
    assert heard(began(0, Reasoning(seal=seal, is_redacted=True)), PartEnded(number=0)) != []
    known = Reasoning(seal=seal)
    assert heard(began(0, known), PartEnded(number=0))[0]["type"] == "redacted_thinking"
    assert heard(began(0, known), TextDelta(number=0, text="a"))[0]["signature"].endswith(".enc")
    assert heard(began(0, Reasoning()), PartEnded(number=0)) == []


SEALED: list[list[Event]] = [
    [began(0, Text(text="a", seal=GOOGLE)), PartEnded(number=0)],
    [
        began(0, Text(text="")),
        TextDelta(number=0, text="a"),
        SealDelta(number=0, seal=GOOGLE),
        PartEnded(number=0),
    ],
    [began(0, Text(text="a")), PartEnded(number=0), SealDelta(number=0, seal=GOOGLE)],
]


@pytest.mark.parametrize("events", SEALED)
def test_trap_33_a_seal_of_a_text_stands_beside_it_and_comes_back(events: list[Event]):
    body = written(stream(*events))
    checked(body)
    assert folded(body).candidates[0].parts == (Text(text="a", seal=GOOGLE),)
    answer = CODEC.read_answer(sdk_streamed(body).to_json().encode())
    assert [(one.text, one.seal) for one in answer.candidates[0].parts if isinstance(one, Text)] == [
        ("a", GOOGLE)
    ]
    assert len(answer.candidates[0].parts) == 1


def test_trap_33_a_seal_of_a_call_stands_before_it_and_comes_back():
    call = ToolCall(id="c0", name="t", arguments='{"a":1}', seal=GOOGLE)
    body = written(stream(began(0, call), PartEnded(number=0)))
    assert [
        data["content_block"]["type"] for name, data in checked(body) if name == "content_block_start"
    ] == [
        "redacted_thinking",
        "tool_use",
    ]
    assert folded(body).candidates[0].parts == (call,)


def test_a_seal_or_argument_that_comes_too_late_is_told():
    changes = Changes()
    events = stream(
        tool(0, arguments="{}"),
        PartEnded(number=0),
        began(1, Text(text="a")),
        SealDelta(number=0, seal=GOOGLE),
        ArgumentsDelta(number=0, json="{}"),
    )
    checked(written(events, changes))
    assert {one.weight for one in changes} == {"loss", "meaning"}


def test_trap_46_citations_of_addresses_are_said():
    cited = Citation(url="https://u", title="t", start=0, end=1)
    content = heard(
        began(0, Text(text="a", citations=(cited,))),
        CitationDelta(number=0, citation=cited),
        PartEnded(number=0),
    )
    assert [one["url"] for one in content[0]["citations"]] == ["https://u", "https://u"]


def test_trap_47_parts_of_other_dialects_are_left_out_and_told():
    changes = Changes()
    events = stream(
        began(0, NativePart(dialect="google", kind="executableCode", value={})),
        PartEnded(number=0),
        began(1, Media(kind="image", data="eA==")),
        PartEnded(number=1),
        NativeEvent(dialect="google", kind="x", value={}),
        began(2, Text(text="b"), candidate=1),
        TextDelta(number=2, text="c"),
        Finished(finish=Finish(reason="length"), candidate=1),
        began(3, Text(text="a")),
    )
    body = written(events, changes)
    checked(body)
    assert [block.to_dict() for block in sdk_streamed(body).content] == [{"type": "text", "text": "a"}]
    assert len(changes.of_weight("meaning")) == 3
