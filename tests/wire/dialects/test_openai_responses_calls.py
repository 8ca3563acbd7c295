"""What other dialects' calls become in Responses, and what is told of them."""

from typing import Any

import msgspec
import pytest
from tests.wire.dialects.openai_responses_samples import (
    assistant,
    foreign_call,
    user,
    written_call,
)

from headgate.core.chat import (
    CacheMark,
    ChatCall,
    Fields,
    FunctionTool,
    Media,
    Message,
    Native,
    NativeTool,
    OutputFormat,
    Refusal,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import put_native
from headgate.wire.dialects.openai_responses.codec import CODEC

MEDIA = Quirks(takes_media_in_results=True)
SCHEMA: Fields = {"type": "object", "properties": {"city": {"type": "string"}}}


def test_a_foreign_call_in_plain_words():
    changes = Changes()
    call = foreign_call(
        Message(role="system", parts=(Text(text="Be brief."),)),
        user("What is the weather?"),
        assistant(Text(text="I look."), ToolCall(id="t1", name="weather", arguments='{"city":"Oslo"}')),
        Message(role="user", parts=(ToolResult(call_id="t1", parts=(Text(text="8"),)), Text(text="And?"))),
        tools=(FunctionTool(name="weather", description="d", parameters=SCHEMA),),
        tool_choice=ToolChoice(mode="named", names=("weather",)),
        parallel_tools=False,
        max_output=50,
        stream=True,
        sampling=Sampling(temperature=0.5),
    )
    assert written_call(call, PLAIN, changes) == {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "user", "content": "What is the weather?"},
            {"type": "message", "role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "t1", "name": "weather", "arguments": '{"city":"Oslo"}'},
            {"type": "function_call_output", "call_id": "t1", "output": "8"},
            {"type": "message", "role": "user", "content": "And?"},
        ],
        "tools": [
            {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA, "strict": False}
        ],
        "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": False,
        "max_output_tokens": 50,
        "temperature": 0.5,
        "store": False,
        "stream": True,
    }
    assert not changes.of_weight("meaning") and not changes.of_weight("loss")


def told(call: ChatCall, quirks: Quirks = PLAIN) -> tuple[dict[str, Any], Changes]:
    changes = Changes()
    return written_call(call, quirks, changes), changes


def test_trap_32_images_stand_in_a_function_call_output():
    result = ToolResult(
        call_id="t1",
        parts=(Text(text="A map"), Media(kind="image", media_type="image/png", data="aGk=")),
    )
    call = foreign_call(
        user(),
        assistant(ToolCall(id="t1", name="map", arguments="{}")),
        Message(role="user", parts=(result,)),
    )
    body, changes = told(call, MEDIA)
    assert body["input"][2] == {
        "type": "function_call_output",
        "call_id": "t1",
        "output": [
            {"type": "input_text", "text": "A map"},
            {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
        ],
    }
    assert not changes.of_weight("meaning")
    back = CODEC.read_call(msgspec.json.encode(body)).messages[2].parts[0]
    assert isinstance(back, ToolResult)
    image = back.parts[1]
    assert isinstance(image, Media) and (image.media_type, image.data) == ("image/png", "aGk=")


def test_trap_35_state_that_openai_holds_goes_to_nobody_else():
    body = {
        "model": "m",
        "input": "x",
        "previous_response_id": "resp_1",
        "conversation": None,
        "metadata": {"a": "b"},
    }
    call = CODEC.read_call(msgspec.json.encode(body))
    changes = Changes()
    put_native({}, call.native, "anthropic", changes, "")
    assert [str(one) for one in changes.of_weight("meaning")] == [
        "previous_response_id: anthropic has no such member"
    ]
    assert [one.what for one in changes.of_weight("loss")] == ["metadata"]


def test_trap_39_the_output_limit_has_the_name_that_responses_gives_it():
    assert written_call(foreign_call(user(), max_output=7))["max_output_tokens"] == 7
    assert "max_output_tokens" not in written_call(foreign_call(user()))
    call = CODEC.read_call(b'{"model": "m", "input": "x", "max_output_tokens": 16}')
    assert call.max_output == 16


def test_trap_44_a_schema_is_a_text_format():
    output = OutputFormat(kind="schema", name="city", schema=SCHEMA, strict=True)
    body, changes = told(foreign_call(user(), output=output))
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}
    }
    assert not changes.of_weight("meaning")
    fitted, _ = told(foreign_call(user(), output=output), Quirks(schema_subset="openai-strict"))
    assert fitted["text"]["format"]["schema"]["additionalProperties"] is False


def test_trap_44_a_schema_without_a_name_is_given_one():
    body, _ = told(foreign_call(user(), output=OutputFormat(kind="schema", schema=SCHEMA)))
    assert body["text"] == {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}


def test_trap_44_json_is_named_in_a_message():
    body, changes = told(foreign_call(user("List them"), output=OutputFormat(kind="json")))
    assert body["text"] == {"format": {"type": "json_object"}}
    assert "JSON" in body["input"][-1]["content"]
    assert [one.what for one in changes.of_weight("note")] == ["text.format"]
    named, none = told(foreign_call(user("List them as json"), output=OutputFormat(kind="json")))
    assert len(named["input"]) == 1 and not len(none)


def test_a_tool_without_parameters_takes_none():
    body, _ = told(foreign_call(user(), tools=(FunctionTool(name="now"),)))
    assert body["tools"] == [
        {
            "type": "function",
            "name": "now",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        }
    ]


def test_tools_of_other_providers_are_told():
    native = NativeTool(
        dialect="anthropic", kind="web_search_20250305", value={"type": "web_search_20250305"}
    )
    body, changes = told(foreign_call(user(), tools=(native,), tool_choice=ToolChoice(mode="auto")))
    assert "tools" not in body and "tool_choice" not in body
    assert [one.what for one in changes.of_weight("meaning")] == ["tools[0]"]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(mode="auto"), "auto"),
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required"), "required"),
        (
            ToolChoice(mode="required", names=("f",)),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        ),
        (
            ToolChoice(mode="named", names=("f", "g")),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}],
            },
        ),
    ],
)
def test_every_choice_is_said(choice: ToolChoice, written: object):
    tools = (FunctionTool(name="f"), FunctionTool(name="g"))
    assert written_call(foreign_call(user(), tools=tools, tool_choice=choice))["tool_choice"] == written


@pytest.mark.parametrize(
    ("thinking", "quirks", "written", "encrypted"),
    [
        (Thinking(effort="low"), PLAIN, {"effort": "low"}, True),
        (Thinking(budget_tokens=8192, is_shown=True), PLAIN, {"effort": "medium", "summary": "auto"}, True),
        (Thinking(effort="none"), PLAIN, {"effort": "none"}, False),
        (Thinking(budget_tokens=0), PLAIN, {"effort": "none"}, False),
        (Thinking(is_shown=True), PLAIN, {"summary": "auto"}, True),
        (Thinking(effort="low"), Quirks(thinking="none"), None, False),
        (None, Quirks(thinks_unasked=True), None, True),
        (None, PLAIN, None, False),
    ],
)
def test_thinking_is_asked_for_by_effort(
    thinking: Thinking | None, quirks: Quirks, written: object, encrypted: bool
):
    body = written_call(foreign_call(user(), thinking=thinking), quirks)
    assert body.get("reasoning") == written
    assert ("reasoning.encrypted_content" in body.get("include", [])) == encrypted


def test_settings_that_responses_has_not_are_told():
    sampling = Sampling(stop=("x",), seed=3, top_k=5, choices=2, logprobs=True, top_logprobs=2)
    body, changes = told(foreign_call(user(), sampling=sampling, service_tier="standard_only"))
    assert body["top_logprobs"] == 2 and body["include"] == ["message.output_text.logprobs"]
    assert {one.what for one in changes.of_weight("meaning")} == {"stop", "seed", "top_k", "choices"}
    assert [one.what for one in changes.of_weight("loss")] == ["service_tier"]


def test_media_that_responses_has_not_are_told():
    parts = (
        Text(text="See", cache=CacheMark("5m")),
        Media(kind="image", url="https://example.org/a.png"),
        Media(kind="file", media_type="application/pdf", data="aGk="),
        Media(kind="audio", media_type="audio/wav", data="aGk="),
        Media(kind="audio", media_type="audio/ogg", data="aGk="),
        Media(kind="video", url="https://example.org/v.mp4"),
        Media(kind="image", file_id="file_1", native=Native(dialect="anthropic", shape="x")),
    )
    body, changes = told(foreign_call(Message(role="user", parts=parts)))
    assert body["input"][0]["content"] == [
        {"type": "input_text", "text": "See"},
        {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "file.pdf"},
    ]
    assert len(changes.of_weight("meaning")) == 4
    assert [one.what for one in changes.of_weight("loss")] == ["messages[0].content[0].cache_control"]


def test_trap_31_a_tool_that_failed_is_said_in_words():
    for parts, output in (
        ((Text(text="no such city"),), "The tool failed: no such city"),
        ((Text(text="a"), Text(text="b")), None),
    ):
        call = foreign_call(
            user(),
            assistant(ToolCall(id="t1", name="f", arguments="{}")),
            Message(role="user", parts=(ToolResult(call_id="t1", parts=parts, is_error=True),)),
        )
        body, changes = told(call)
        said = body["input"][2]["output"]
        assert said == output if output else said[0] == {"type": "input_text", "text": "The tool failed:"}
        assert not changes.of_weight("meaning") and changes.of_weight("note")


def test_a_result_that_says_nothing_is_an_empty_text():
    call = foreign_call(
        user(),
        assistant(ToolCall(id="t1", name="f", arguments="{}")),
        Message(role="user", parts=(ToolResult(call_id="t1", parts=()),)),
    )
    assert isinstance(written_call(call)["input"][2]["output"], str)


def test_a_refusal_of_an_earlier_turn_is_text():
    body, changes = told(foreign_call(user(), assistant(Refusal(text="No.")), user("Why?")))
    assert body["input"][1] == {"type": "message", "role": "assistant", "content": "No."}
    assert changes.of_weight("note")
