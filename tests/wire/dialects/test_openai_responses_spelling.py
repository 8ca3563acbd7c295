"""Every form in which a call of Responses can come: what has words, and what is kept beside them."""

from typing import Any

import msgspec
import pytest
from tests.wire.dialects.openai_responses_samples import rewritten, written_call

from headgate.core.chat import Message, NativePart, Sampling, Text, ToolChoice
from headgate.core.faults import InvalidRequest
from headgate.wire.dialects.openai_responses.codec import CODEC

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}

FULL: dict[str, Any] = {
    "model": "gpt-5",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "Hello"},
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "input_text",
                    "text": "See",
                    "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"},
                },
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
                {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "low"},
                {"type": "input_image", "file_id": "file-1", "detail": "high"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
                {"type": "input_file", "file_data": "aGk=", "filename": "b.pdf"},
                {"type": "input_file", "file_url": "https://example.org/a.pdf"},
                {"type": "input_file", "file_id": "file-2"},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
                {"type": "input_video", "video_url": "https://example.org/v.mp4"},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "status": "completed",
            "phase": "commentary",
            "content": [
                {
                    "type": "output_text",
                    "text": "Hi",
                    "logprobs": [],
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url": "https://a",
                            "title": "A",
                            "start_index": 0,
                            "end_index": 2,
                        },
                        {"type": "file_citation", "file_id": "f", "filename": "n", "index": 1},
                        {"type": "new_citation", "start_index": 1, "x": None},
                        {"start_index": "1"},
                    ],
                },
                {"type": "output_text", "text": "bare"},
                {"type": "refusal", "refusal": "No."},
            ],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {
            "type": "reasoning",
            "id": "rs_2",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": None,
        },
        {
            "type": "reasoning",
            "id": "rs_3",
            "status": "completed",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "c"}, {"type": "reasoning_text", "text": ""}],
            "encrypted_content": "gBBB",
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s", "more": 1}]},
        {
            "type": "function_call",
            "call_id": "c1",
            "name": "f",
            "arguments": "",
            "namespace": "n",
            "id": "fc_1",
        },
        {"type": "function_call_output", "call_id": "c1", "output": "18 °C", "status": "completed"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "name": "f",
            "output": [{"type": "input_image", "image_url": "data:image/png;base64,aGk="}],
        },
        {"type": "function_call_output", "call_id": None, "output": "x"},
        {"type": "item_reference", "id": "msg_0"},
        {"id": "msg_00"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}},
        {"type": "computer_call_output", "call_id": "c3", "output": {"type": "computer_screenshot"}},
        {"type": None, "role": "user", "content": "odd"},
        {"type": "message", "role": "critic", "content": "odd"},
        {"type": "message", "role": "user", "content": None},
    ],
    "tools": [
        {
            "type": "function",
            "name": "f",
            "description": None,
            "parameters": SCHEMA,
            "strict": True,
            "async": False,
        },
        {"type": "function", "name": "g", "parameters": None, "strict": None},
        {"type": "web_search", "search_context_size": "low"},
        {"type": "mcp", "server_label": "d", "server_url": "https://d"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}],
    },
    "parallel_tool_calls": False,
    "text": {
        "format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": "d"},
        "verbosity": "low",
    },
    "reasoning": {"effort": "high", "summary": "detailed", "context": "all_turns"},
    "max_output_tokens": 100,
    "temperature": 1,
    "top_p": 0.5,
    "top_logprobs": 3,
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "store": False,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "previous_response_id": "resp_0",
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "user": "u",
    "service_tier": "flex",
    "truncation": "auto",
    "background": False,
    "unheard_of": {"x": [1, None]},
}


def test_every_form_of_every_member_is_written_back():
    body, changes = rewritten(FULL)
    assert body == FULL
    assert not list(changes)


def test_each_item_is_one_message():
    call = CODEC.read_call(msgspec.json.encode(FULL))
    assert len(call.messages) == len(FULL["input"]) + 1
    assert call.messages[0].role == "system"
    kinds = [type(part).__name__ for message in call.messages for part in message.parts]
    assert kinds.count("Media") == 8 and kinds.count("Reasoning") == 5 and kinds.count("ToolResult") == 2
    natives = [p.kind for message in call.messages for p in message.parts if isinstance(p, NativePart)]
    assert natives == [
        "content.input_video", "reasoning", "function_call_output", "item_reference", "item_reference",
        "web_search_call", "computer_call_output", "message", "message", "message",
    ]  # fmt: skip
    assert call.sampling == Sampling(temperature=1, top_p=0.5, top_logprobs=3, logprobs=True)
    assert call.thinking is not None and call.thinking.effort == "high" and call.thinking.is_shown
    assert call.tool_choice == ToolChoice(mode="required", names=("f",))
    assert call.output is not None and call.output.schema == SCHEMA
    assert call.max_output == 100 and call.stream and call.user == "u" and call.service_tier == "flex"


@pytest.mark.parametrize(
    "more",
    [
        {"input": "Hello"},
        {"input": []},
        {"input": None},
        {},
        {"input": "Hello", "instructions": "Be brief."},
        {"input": [{"role": "user", "content": "Hello"}], "instructions": None},
        {"input": "x", "tools": [], "stream": False, "background": True, "store": None},
        {"input": "x", "tools": None, "tool_choice": "auto", "text": {}, "reasoning": {}},
        {"input": "x", "tool_choice": "none", "text": {"verbosity": "high"}, "reasoning": None},
        {"input": "x", "tool_choice": {"type": "web_search_preview"}, "text": {"format": {"type": "text"}}},
        {"input": "x", "tool_choice": {"type": "mcp", "server_label": "d"}, "text": None},
        {"input": "x", "tool_choice": {"type": "function", "name": "f"}, "reasoning": {"effort": "maximal"}},
        {
            "input": "x",
            "tool_choice": {"type": "function", "name": "f", "x": 1},
            "reasoning": {"summary": None},
        },
        {"input": "x", "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}},
        {"input": "x", "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}},
        {
            "input": "x",
            "text": {"format": {"type": "json_object"}},
            "reasoning": {"generate_summary": "auto"},
        },
        {"input": "x", "text": {"format": {"type": "grammar", "x": 1}}, "temperature": "hot"},
        {"input": "x", "max_output_tokens": None, "temperature": None, "user": None, "service_tier": None},
        {"input": "x", "include": None, "stream": None, "parallel_tool_calls": None},
    ],
)
def test_each_spelling_is_kept(more: dict[str, Any]):
    body, changes = rewritten({"model": "m", **more})
    assert body == {"model": "m", **more}
    assert not list(changes)


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b"[]", None),
        (b"{", None),
        (b'"x"', None),
        (b'{"input": "x"}', "model"),
        (b'{"model": 1, "input": "x"}', "model"),
        (b'{"model": "m", "input": 1}', "input"),
        (b'{"model": "m", "input": ["x"]}', "input"),
        (b'{"model": "m", "input": {"role": "user"}}', "input"),
        (b"[" * 10_000, None),
        (b'{"model": "m", "input": "\xff"}', None),
    ],
)
def test_what_is_no_call_is_refused_by_name(body: bytes, member: str | None):
    with pytest.raises(InvalidRequest) as refused:
        CODEC.read_call(body)
    assert refused.value.parameter == member


def test_the_path_s_model_and_stream_count():
    call = CODEC.read_call(b'{"model": "m", "input": "x"}', model="n", stream=True)
    assert call.model == "n" and call.stream
    assert written_call(call) == {"model": "n", "input": "x", "stream": True}


def test_another_model_and_limit_are_written():
    call = CODEC.read_call(b'{"model": "m", "input": "x", "stream": true, "max_output_tokens": 9}')
    changed = msgspec.structs.replace(call, model="n", max_output=7)
    assert written_call(changed) == {"model": "n", "input": "x", "stream": True, "max_output_tokens": 7}


def test_a_message_put_in_by_a_rule_is_written_among_those_that_came():
    call = CODEC.read_call(b'{"model": "m", "input": "x"}')
    more = msgspec.structs.replace(
        call, messages=(Message(role="system", parts=(Text(text="s"),)), *call.messages)
    )
    assert written_call(more)["input"] == [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "s"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
    ]
