"""What calls of other dialects say in OpenAI's chat, and what is told instead (traps 25 to 48)."""

import json
from typing import Any

import pytest
from tests.wire.dialects.openai_chat_samples import call, call_body, sent, user

from headgate.core.chat import (
    CacheMark,
    FunctionTool,
    Media,
    Message,
    Native,
    NativePart,
    NativeTool,
    OutputFormat,
    Reasoning,
    Sampling,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_chat.codec import CODEC
from headgate.wire.dialects.seals import MARK, wrapped

TOOLS = (FunctionTool(name="f", parameters={"type": "object"}), FunctionTool(name="g"))


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice(mode="auto"), "auto"),
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="named", names=("f",)), {"type": "function", "function": {"name": "f"}}),
        (
            ToolChoice(mode="required", names=("f", "g")),
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "function", "function": {"name": "g"}},
                    ],
                },
            },
        ),
    ],
)
def test_trap_28_choices_of_others_are_said(choice: ToolChoice, said: Any) -> None:
    body = sent(call(user(), tools=TOOLS, tool_choice=choice, parallel_tools=False))
    assert (body["tool_choice"], body["parallel_tool_calls"]) == (said, False)
    assert "tool_choice" not in sent(call(user(), tool_choice=choice, parallel_tools=False))


def test_trap_28_what_a_target_can_t_be_told_is_told() -> None:
    changes = Changes()
    quirks = Quirks(takes_forced_tool=False, takes_parallel_flag=False)
    asked = call(user(), tools=TOOLS, tool_choice=ToolChoice(mode="required"), parallel_tools=False)
    body = sent(asked, quirks, changes)
    assert body["tool_choice"] == "auto"
    assert "parallel_tool_calls" not in body
    assert [one.what for one in changes.of_weight("meaning")] == ["tool_choice", "parallel_tool_calls"]


def test_trap_28_where_none_can_t_be_said_the_tools_are_left_out() -> None:
    asked = call(user(), tools=TOOLS, tool_choice=ToolChoice(mode="none"))
    body = sent(asked, Quirks(takes_no_tool_choice=False))
    assert "tools" not in body
    assert "tool_choice" not in body


def history(*results: ToolResult) -> tuple[Message, ...]:
    calls = (ToolCall(id="a", name="f", arguments='{"x": 1}'), ToolCall(id="b", name="g", arguments="{}"))
    return (
        user(),
        Message(role="assistant", parts=(Text(text="Let me "), Text(text="see."), *calls)),
        Message(role="user", parts=(*results, Text(text="So?"))),
    )


def test_trap_25_results_become_messages_of_their_own_before_the_user_s() -> None:
    results = (
        ToolResult(call_id="b", parts=(Text(text="one"), Text(text="two"))),
        ToolResult(call_id="a", parts=(), is_error=True),
    )
    changes = Changes()
    body = sent(call(*history(*results)), changes=changes)
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "tool", "tool_call_id": "b", "content": "one\ntwo"},
        {"role": "user", "content": "So?"},
    ]
    assert not changes.of_weight("meaning")
    assert [one.what.rpartition(".")[2] for one in changes.of_weight("loss")] == ["is_error"]


def test_trap_32_an_image_of_a_result_stands_behind_it() -> None:
    image = Media(kind="image", media_type="image/png", data="aGk=")
    body = sent(call(*history(ToolResult(call_id="a", parts=(image,)), ToolResult(call_id="b", parts=()))))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool", "tool", "user"]
    assert {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}} in body["messages"][-1][
        "content"
    ]


def thinking_history(seal: Seal | None) -> tuple[Message, ...]:
    first, said, results = history(
        ToolResult(call_id="a", parts=(Text(text="x"),)), ToolResult(call_id="b", parts=())
    )
    parts = (Reasoning(text="hm", seal=seal), *said.parts)
    return first, Message(role="assistant", parts=parts), results


def test_trap_36_reasoning_goes_back_with_the_calls_it_led_to() -> None:
    wanting = Quirks(wants_reasoning_back=True)
    assert sent(call(*thinking_history(None)), wanting)["messages"][1]["reasoning_content"] == "hm"
    bare = history(ToolResult(call_id="a", parts=()), ToolResult(call_id="b", parts=()))
    assert sent(call(*bare), wanting)["messages"][1]["reasoning_content"] == ""
    assert "reasoning_content" not in sent(call(*bare))["messages"][1]


def test_trap_37_reasoning_of_another_is_dropped_and_told() -> None:
    changes = Changes()
    body = sent(call(*thinking_history(Seal("anthropic", "sig"))), changes=changes)
    assert "hm" not in json.dumps(body)
    assert changes.of_weight("loss")


def test_trap_37_marked_seals_of_this_dialect_s_clients_go_to_their_maker_only() -> None:
    detail = {
        "type": "reasoning.text",
        "text": "hm",
        "signature": wrapped(Seal("anthropic", "s"), "openai-chat"),
    }
    signed = {"google": {"thought_signature": wrapped(Seal("google", "t"), "openai-chat")}}
    tool_call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {
        "role": "assistant",
        "content": "x",
        "reasoning_content": "hm",
        "reasoning_details": [detail],
        "tool_calls": [{**tool_call, "extra_content": signed}],
    }
    body = call_body(messages=[message])
    changes = Changes()
    read = CODEC.read_call(body)
    out = json.loads(CODEC.write_call(read, PLAIN, changes))
    assert out["messages"] == [{"role": "assistant", "content": "x", "tool_calls": [tool_call]}]
    assert MARK not in json.dumps(out)
    assert len(changes.of_weight("loss")) == 2
    [said] = read.messages
    assert [part.seal for part in said.parts if isinstance(part, Reasoning | ToolCall)] == [
        Seal("anthropic", "s"),
        Seal("google", "t"),
    ]


def test_a_seal_of_one_provider_goes_back_plain() -> None:
    maker = "openai-chat:one"
    seal = wrapped(Seal(maker, "sig"), "openai-chat")
    message = {
        "role": "assistant",
        "content": "x",
        "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": seal, "index": 0}],
    }
    out = json.loads(
        CODEC.write_call(CODEC.read_call(call_body(messages=[message])), Quirks(maker=maker), Changes())
    )
    [detail] = out["messages"][0]["reasoning_details"]
    assert (detail["text"], detail["signature"]) == ("hm", "sig")


@pytest.mark.parametrize(
    ("field", "said", "member"),
    [
        ("max_tokens", "max_tokens", "max_tokens"),
        ("max_tokens", "max_completion_tokens", "max_tokens"),
        ("max_completion_tokens", "max_tokens", "max_tokens"),
    ],
)
def test_trap_39_the_limit_stands_in_the_target_s_member(field: Any, said: str, member: str) -> None:
    changes = Changes()
    out = json.loads(
        CODEC.write_call(CODEC.read_call(call_body(**{said: 5})), Quirks(output_limit_field=field), changes)
    )
    assert {name: value for name, value in out.items() if name.startswith("max")} == {member: 5}
    assert not changes.of_weight("meaning")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_trap_39_the_limit_of_another_dialect_too(field: Any) -> None:
    body = sent(call(user(), max_output=5), Quirks(output_limit_field=field))
    assert {name: value for name, value in body.items() if name.startswith("max")} == {field: 5}
    assert not [name for name in sent(call(user())) if name.startswith("max")]


def test_settings_of_another_are_said_or_told() -> None:
    changes = Changes()
    sampling = Sampling(temperature=0.5, top_k=5, stop=("a",), choices=2, seed=1)
    body = sent(call(user(), sampling=sampling), changes=changes)
    assert (body["temperature"], body["stop"], body["n"], body["seed"]) == (0.5, ["a"], 2, 1)
    assert [one.what for one in changes.of_weight("meaning")] == ["top_k"]


@pytest.mark.parametrize(
    ("thinking", "quirks", "member"),
    [
        (Thinking(effort="high"), PLAIN, {"reasoning_effort": "high"}),
        (Thinking(budget_tokens=10_000), PLAIN, {"reasoning_effort": "medium"}),
        (Thinking(budget_tokens=10_000), Quirks(thinking="budget"), {"reasoning": {"max_tokens": 10_000}}),
        (Thinking(budget_tokens=10_000), Quirks(thinking="none"), {}),
    ],
)
def test_trap_38_thinking_is_said_as_the_target_takes_it(
    thinking: Thinking, quirks: Quirks, member: Any
) -> None:
    body = sent(call(user(), thinking=thinking), quirks)
    assert {name: value for name, value in body.items() if name.startswith("reason")} == member


def test_trap_44_a_schema_is_enforced_as_the_target_can() -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    output = OutputFormat(kind="schema", schema=schema)
    plain = sent(call(user(), output=output))["response_format"]["json_schema"]
    assert plain == {"name": "answer", "schema": schema}
    strict = sent(call(user(), output=output), Quirks(schema_subset="openai-strict"))
    assert strict["response_format"]["json_schema"]["strict"] is True
    assert strict["response_format"]["json_schema"]["schema"]["additionalProperties"] is False


def test_trap_44_json_without_the_word_is_refused_by_openai_so_that_it_is_said() -> None:
    body = sent(call(user("Give it as a list"), output=OutputFormat(kind="json")))
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][0]["content"]
    assert len(sent(call(user("as json"), output=OutputFormat(kind="json")))["messages"]) == 1
    assert "response_format" not in sent(call(user(), output=OutputFormat(kind="text")))


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (Media(kind="image", url="https://a"), {"type": "image_url", "image_url": {"url": "https://a"}}),
        (
            Media(kind="audio", media_type="audio/mpeg", data="aGk="),
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        ),
        (
            Media(kind="file", media_type="application/pdf", data="aGk=", name="a.pdf"),
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
        ),
        (Media(kind="file", url="https://a"), None),
        (Media(kind="video", media_type="video/mp4", data="aGk="), None),
        (Media(kind="image", file_id="f"), None),
    ],
)
def test_trap_45_media_are_said_or_told(media: Media, said: Any) -> None:
    changes = Changes()
    message = Message(role="user", parts=(Text(text="See:"), media))
    body = sent(call(message), changes=changes)
    assert body["messages"][0]["content"] == [{"type": "text", "text": "See:"}, *([said] if said else [])]
    assert bool(changes.of_weight("meaning")) is (said is None)


def test_trap_45_what_a_target_takes_of_media_counts() -> None:
    none = Quirks(takes_image_urls=False, takes_file_data=False, takes_audio=False)
    parts = (
        Media(kind="image", url="https://a"),
        Media(kind="audio", media_type="audio/wav", data="aGk="),
        Media(kind="file", data="aGk="),
    )
    changes = Changes()
    body = sent(call(Message(role="user", parts=(Text(text="See:"), *parts))), none, changes)
    assert body["messages"][0]["content"] == [{"type": "text", "text": "See:"}]
    assert len(changes.of_weight("meaning")) == 3


def test_trap_47_and_48_what_only_others_know_is_told() -> None:
    changes = Changes()
    asked = call(
        Message(role="system", parts=(Text(text="Be.", cache=CacheMark()),)),
        Message(
            role="user", parts=(Text(text="hi"), NativePart(dialect="anthropic", kind="search", value={}))
        ),
        tools=(NativeTool(dialect="anthropic", kind="web_search", value={}), *TOOLS),
        user="u",
        service_tier="standard_only",
        native=Native(dialect="anthropic", fields={"metadata": {"a": 1}, "container": "c", "nothing": None}),
    )
    body = sent(asked, changes=changes)
    assert set(body) == {"model", "messages", "tools"}
    meant = {one.what for one in changes.of_weight("meaning")}
    assert {"tools[0]", "container"} <= meant
    lost = {one.what for one in changes.of_weight("loss")}
    assert {"metadata", "user", "service_tier"} <= lost
    assert any("cache_control" in what for what in lost)
    assert not any("nothing" in what for what in meant | lost)


def test_members_that_responses_shares_are_carried() -> None:
    native = Native(
        dialect="openai-responses", fields={"store": True, "prompt_cache_key": "k", "truncation": "auto"}
    )
    changes = Changes()
    asked = call(user(), dialect="openai-responses", native=native, user="u", service_tier="flex")
    body = sent(asked, changes=changes)
    assert (body["store"], body["prompt_cache_key"], body["user"], body["service_tier"]) == (
        True,
        "k",
        "u",
        "flex",
    )
    assert [one.what for one in changes] == ["truncation"]
