"""Calls of OpenAI's chat in all of its spellings: nothing is lost in its own dialect (trap 28)."""

import json
from typing import Any

import pytest
from tests.wire.dialects.openai_chat_samples import again, call_body

from headgate.core.chat import (
    Native,
    Reasoning,
    Seal,
    ToolChoice,
)
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import put_native
from headgate.wire.dialects.openai_chat.codec import CODEC

F: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": None}}
ASKED_TWICE: Any = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "f", "arguments": ""}, "index": 1},
        {"id": "c", "type": "custom", "custom": {"name": "g", "input": "x"}},
    ],
}
CONTENTS: Any = [
    {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    {"type": "text", "text": "", "cache_control": {"type": "ephemeral"}},
    {"type": "text", "text": None},
    {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    {"type": "image_url", "image_url": "data:image/svg+xml;charset=utf-8,x"},
    {"type": "image_url", "image_url": None},
    {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}},
    {"type": "document_url", "document_url": "https://a/b.pdf", "document_name": "b"},
    {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
    {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "flac", "x": 1}},
    {"type": "input_audio", "input_audio": {"data": 1}},
    {"type": "file", "file": {"file_id": "file-1"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
    {"type": "file", "file": {"file_data": "aGk=", "filename": None}},
    {"type": "file", "file": {"file_data": "https://a/b.pdf"}},
    {"type": "file"},
    {"type": "refusal", "refusal": "no"},
    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
    {"type": "thinking", "thinking": []},
    {"type": "reference", "reference_ids": [1]},
    {"kind": "none"},
]

OWN_CALLS: list[Any] = [{"messages": [{"role": "user", "content": [part]}]} for part in CONTENTS] + [
    {"messages": [{"role": "user", "content": CONTENTS, "name": "Ann"}]},
    {
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "a"}]},
            {"role": "developer", "content": "b"},
        ]
    },
    {"messages": [{"role": "user", "content": content} for content in ("", None, [], 5, ["a"], {"a": 1})]},
    {"messages": [{"role": "user"}]},
    {"messages": [ASKED_TWICE, {"role": "tool", "tool_call_id": "a", "content": "x", "name": "f"}]},
    {"messages": [{"role": "tool", "tool_call_id": "", "content": [{"type": "text", "text": "x"}]}]},
    {"messages": [{"role": "assistant", "content": "x", "function_call": {"name": "f", "arguments": "{}"}}]},
    {"messages": [{"role": "function", "name": "f", "content": "x"}]},
    {
        "messages": [
            {"role": "assistant", "content": "", "refusal": "no", "audio": {"id": "audio_1"}, "prefix": False}
        ]
    },
    {"messages": [{"role": "assistant", "content": "a", "reasoning_content": "b", "reasoning": "c"}]},
    {
        "messages": [
            {
                "role": "assistant",
                "tool_calls": [{"id": None, "function": {"name": "f", "arguments": {"a": 1}}}],
            }
        ]
    },
    {"messages": [{"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f"}}]}]},
    {
        "messages": [
            {"role": "assistant", "tool_calls": [], "function_call": None, "annotations": [], "audio": None}
        ]
    },
    {
        "functions": [{"name": "f", "description": None, "parameters": {}}, {"broken": 1}],
        "function_call": {"name": "f"},
    },
    {"functions": [{"name": "f"}], "function_call": "auto"},
    {
        "tools": [
            F,
            {"function": {"name": "g", "description": "d", "strict": True}},
            {"type": "custom", "custom": {}},
            {"type": "function"},
        ]
    },
    {
        "tools": [{**F, "cache_control": {"type": "ephemeral"}, "eager_input_streaming": True}],
        "parallel_tool_calls": False,
    },
    {"tools": []},
    {"tools": None, "tool_choice": None},
    {"max_tokens": 5},
    {"max_completion_tokens": 5},
    {"max_tokens": 5, "max_completion_tokens": 6},
    {"max_tokens": None},
    {"stop": "a"},
    {"stop": ["a", "b"]},
    {"stop": []},
    {"stop": [1]},
    {
        "n": 2,
        "seed": 3,
        "top_k": 4,
        "logprobs": True,
        "top_logprobs": 5,
        "logit_bias": {"1": -100},
        "temperature": 1,
    },
    {"temperature": "hot", "top_p": None, "n": True},
    {"presence_penalty": 0.5, "frequency_penalty": -0.5, "logprobs": False},
    {"reasoning_effort": "xhigh", "reasoning": {"effort": "low"}, "thinking": {"type": "enabled"}},
    {"reasoning": {"max_tokens": 5, "exclude": True, "enabled": True}},
    {"reasoning": {"enabled": True}},
    {"thinking": {"type": "enabled", "budget_tokens": 0, "clear_thinking": False}},
    {"thinking": {"type": "disabled", "budget_tokens": 4}},
    {"thinking": {"type": "auto"}},
    {"response_format": {"type": "text"}},
    {"response_format": {"type": "json_object", "schema": {}}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": None}}},
    {"response_format": {"type": "grammar", "value": "x"}},
    {"stream": False, "stream_options": None},
    {"stream": None},
    {
        "prediction": {"type": "content", "content": "x"},
        "web_search_options": {},
        "modalities": ["text", "audio"],
    },
    {
        "audio": {"voice": "alloy", "format": "wav"},
        "store": True,
        "metadata": {"a": "b"},
        "user": "u",
        "service_tier": "flex",
    },
    {"user": "", "service_tier": None, "extra": {"deep": [1, 2.5, True]}, "verbosity": "low"},
]


@pytest.mark.parametrize("members", OWN_CALLS, ids=lambda members: json.dumps(members)[:60])
def test_nothing_is_lost_in_the_same_dialect(members: Any) -> None:
    body = call_body(**members)
    assert again(body) == json.loads(body)


@pytest.mark.parametrize(
    "choice",
    [
        "auto",
        "none",
        "required",
        "any",
        "other",
        None,
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "f", "more": 1}},
        {"type": "custom", "custom": {"name": "g"}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [F, F]}},
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "auto",
                "tools": [
                    {"type": "function", "function": {"name": "f"}},
                    {"type": "function", "function": {"name": "g"}},
                ],
            },
        },
    ],
)
def test_trap_28_every_choice_of_tools_comes_back(choice: Any) -> None:
    body = call_body(tools=[F], tool_choice=choice)
    assert again(body) == json.loads(body)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("any", ToolChoice(mode="required", native=Native(dialect="openai-chat", shape="any"))),
        ("none", ToolChoice(mode="none")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(mode="named", names=("f",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            ToolChoice(mode="auto", names=("f",)),
        ),
    ],
)
def test_trap_28_choices_are_read(said: Any, choice: ToolChoice) -> None:
    assert CODEC.read_call(call_body(tools=[F], tool_choice=said)).tool_choice == choice


def test_details_in_pieces_are_one_reasoning_and_come_back_in_pieces() -> None:
    pieces = [
        {"type": "reasoning.text", "text": "Let ", "index": 0, "format": "f"},
        {"type": "reasoning.text", "text": "me.", "index": 0, "signature": "sig"},
        {"type": "reasoning.encrypted", "data": "d", "index": 0, "id": "rs_1"},
        {"type": "reasoning.other", "x": 1},
        {"text": "no type"},
        {"type": "reasoning.summary"},
    ]
    body = call_body(
        messages=[{"role": "assistant", "content": "x", "reasoning_details": pieces, "reasoning": "Let me."}]
    )
    assert again(body) == json.loads(body)
    [said] = CODEC.read_call(body).messages
    first, second, *_ = [part for part in said.parts if isinstance(part, Reasoning)]
    assert (first.text, first.seal) == ("Let me.", Seal("openai-chat", "sig"))
    assert (second.seal, second.is_redacted, second.id) == (Seal("openai-chat", "d"), True, "rs_1")


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (b"", None),
        (b"[]", None),
        (b"\xff", None),
        (b"{}", "model"),
        (b'{"model": 1, "messages": []}', "model"),
        (b'{"model": "m"}', "messages"),
        (b'{"model": "m", "messages": [1]}', "messages"),
        (b'{"model": "m", "messages": [{"role": "user"}, {"role": "king"}]}', "messages[1].role"),
        (b'{"model": "m", "messages": [{}]}', "messages[0].role"),
        (b'{"model": "m", "messages": ' + b"[" * 100_000, None),
    ],
)
def test_what_is_no_call_is_refused_by_its_member(body: bytes, parameter: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        CODEC.read_call(body)
    assert refused.value.parameter == parameter


def test_the_path_may_name_model_and_streaming() -> None:
    read = CODEC.read_call(call_body(stream=False), model="other", stream=True)
    assert (read.model, read.stream) == ("other", True)


def test_what_a_client_keeps_of_answers_for_itself_is_missed_by_no_other() -> None:
    said = {"role": "assistant", "content": "a", "provider_specific_fields": {"refusal": None, "x": 1}}
    native = CODEC.read_call(call_body(messages=[said])).messages[0].native
    changes = Changes()
    put_native({}, native, "anthropic", changes, "messages[0]")
    assert not changes.of_weight("meaning")
    assert [one.what for one in changes.of_weight("loss")] == ["messages[0].provider_specific_fields"]


def test_trap_36_a_turn_whose_reasoning_was_anothers_brings_an_empty_one():
    """A call in the target's own dialect, written anew for the seals of others that it holds."""
    calls = [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    sealed = {"type": "reasoning.encrypted", "data": "hgs1.YW50aHJvcGlj.c2lnbmVk", "index": 0}
    turn = {"role": "assistant", "content": None, "tool_calls": calls, "reasoning_details": [sealed]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "it"}
    messages = [{"role": "user", "content": "hi"}, turn, result]
    read = CODEC.read_call(json.dumps({"model": "m", "messages": messages}).encode())
    body = json.loads(CODEC.write_call(read, Quirks(wants_reasoning_back=True), Changes()))
    assert body["messages"][1]["reasoning_content"] == ""
    assert "hgs1." not in json.dumps(body)
    assert "reasoning_content" not in json.loads(CODEC.write_call(read, PLAIN, Changes()))["messages"][1]
