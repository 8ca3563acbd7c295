"""Custom tools, whose input is text of any form: functions of one text where none are known, and back."""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response, ResponseCustomToolCall
from tests.unit.targets import target

from headgate.catalog.profiles import profile_of
from headgate.core.call import AnyDialect
from headgate.core.chat import ChatCall
from headgate.wire.dialects.changes import Change, Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.registry import codec_of
from headgate.wire.translating import Translation

PATCH = '*** Begin Patch\n+ "é"\n*** End Patch'
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
RESPONSES: dict[str, Any] = {
    "model": "m",
    "max_output_tokens": 50,
    "tools": [{"type": "custom", "name": "apply_patch", "description": "Patch.", "format": GRAMMAR}],
    "tool_choice": {"type": "custom", "name": "apply_patch"},
    "input": [
        {"role": "user", "content": "Patch it."},
        {
            "type": "custom_tool_call",
            "id": "ctc_1",
            "call_id": "call_1",
            "name": "apply_patch",
            "input": PATCH,
        },
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "Done."},
        {"role": "user", "content": "Again."},
    ],
}
CHAT: dict[str, Any] = {
    "model": "m",
    "max_completion_tokens": 50,
    "tools": [
        {
            "type": "custom",
            "custom": {
                "name": "apply_patch",
                "description": "Patch.",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}},
            },
        }
    ],
    "tool_choice": {"type": "custom", "custom": {"name": "apply_patch"}},
    "messages": [
        {"role": "user", "content": "Patch it."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "custom", "custom": {"name": "apply_patch", "input": PATCH}}
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Done."},
        {"role": "user", "content": "Again."},
    ],
}
CALLERS: list[tuple[AnyDialect, dict[str, Any]]] = [("openai-responses", RESPONSES), ("openai-chat", CHAT)]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "c",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "apply_patch", "input": {"input": PATCH}}],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 20},
}


def between(own: AnyDialect, other: AnyDialect, body: dict[str, Any]) -> tuple[Translation, ChatCall]:
    model = {"anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-flash"}.get(other, "gpt-4o")
    made = Translation.between(own, other, profile_of(target("mock", model), other).quirks)
    codec = codec_of(own)
    assert made is not None and codec is not None
    return made, codec.read_call(json.dumps(body).encode(), model="m", stream=False)


def sent(own: AnyDialect, other: AnyDialect, body: dict[str, Any]) -> tuple[Any, list[Change]]:
    made, chat = between(own, other, body)
    written, changes = made.call(chat, model="m", max_output=chat.max_output)
    return json.loads(written), list(changes)


@pytest.mark.parametrize(("own", "body"), CALLERS)
def test_a_custom_tool_is_a_function_of_one_text(own: AnyDialect, body: dict[str, Any]) -> None:
    out, changes = sent(own, "anthropic", body)
    (tool,) = out["tools"]
    assert tool["name"] == "apply_patch"
    assert tool["description"].startswith("Patch.") and "start: /.+/" in tool["description"]
    assert tool["input_schema"]["required"] == ["input"]
    assert out["tool_choice"] == {"type": "tool", "name": "apply_patch"}
    called, result = out["messages"][1]["content"], out["messages"][2]["content"]
    assert called == [{"type": "tool_use", "id": "call_1", "name": "apply_patch", "input": {"input": PATCH}}]
    assert (result[0]["type"], result[0]["tool_use_id"]) == ("tool_result", "call_1")
    assert "Done." in json.dumps(result[0])
    told = {one.what: one.weight for one in changes}
    assert told["tools[0].format"] == "loss" and told["tools[0]"] == "note"
    assert "meaning" not in told.values(), changes


@pytest.mark.parametrize(("own", "body"), CALLERS)
@pytest.mark.parametrize("other", ["google", "bedrock", "openai-chat", "openai-responses"])
def test_it_crosses_into_every_dialect(own: AnyDialect, body: dict[str, Any], other: AnyDialect) -> None:
    out, changes = sent(own, other, body)
    if own == other:
        assert out == {**body, "model": "m"}
        return
    assert json.dumps(out, ensure_ascii=False).count("*** Begin Patch") == 1
    assert '"custom"' not in json.dumps(out) and "custom_tool_call" not in json.dumps(out)
    assert "meaning" not in [one.weight for one in changes if "tool_choice" not in one.what]


def answered(own: AnyDialect, body: dict[str, Any], answer: dict[str, Any]) -> Any:
    made, chat = between(own, "anthropic", body)
    return json.loads(made.answer(json.dumps(answer).encode(), chat, Asked(model="m"), Changes()).body)


def test_its_call_comes_back_as_one() -> None:
    responses = Response.model_validate(answered("openai-responses", RESPONSES, MESSAGE))
    (item,) = responses.output
    assert isinstance(item, ResponseCustomToolCall)
    assert (item.call_id, item.name, item.input) == ("toolu_1", "apply_patch", PATCH)
    assert item.id is not None and item.id.startswith("ctc_")
    chat = ChatCompletion.model_validate(answered("openai-chat", CHAT, MESSAGE))
    (choice,) = chat.choices
    assert choice.finish_reason == "tool_calls" and choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "custom" and call.id == "toolu_1"
    assert (call.custom.name, call.custom.input) == ("apply_patch", PATCH)


def test_what_is_no_custom_tool_stays_a_function() -> None:
    other = {
        **MESSAGE,
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"input": "x"}}],
    }
    (item,) = answered("openai-responses", RESPONSES, other)["output"]
    assert (item["type"], item["arguments"]) == ("function_call", '{"input":"x"}')


def test_a_model_that_keeps_to_no_text_is_taken_at_its_word() -> None:
    other = {
        **MESSAGE,
        "content": [{"type": "tool_use", "id": "t", "name": "apply_patch", "input": {"a": 1}}],
    }
    (item,) = answered("openai-responses", RESPONSES, other)["output"]
    assert item["input"] == '{"a":1}'


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


STREAM = b"".join(
    [
        event("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
        event("content_block_start", index=0, content_block={**MESSAGE["content"][0], "input": {}}),  # pyright: ignore
        *[
            event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": piece})
            for piece in (json.dumps({"input": PATCH})[:9], json.dumps({"input": PATCH})[9:])
        ],
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 20}),
        event("message_stop"),
    ]
)


@pytest.mark.parametrize(("own", "body"), CALLERS)
def test_in_a_stream_it_comes_whole(own: AnyDialect, body: dict[str, Any]) -> None:
    made, chat = between(own, "anthropic", body)
    reader = made.stream_reader(chat, Asked(model="m"), Changes())
    said = reader.feed(STREAM).data + reader.end().data
    assert reader.finished and reader.output_bytes > len(PATCH.encode())
    found = [json.loads(line[6:]) for line in said.split(b"\n") if line.startswith(b"data: {")]
    if own == "openai-responses":
        (item,) = [one["item"] for one in found if one["type"] == "response.output_item.done"]
        assert (item["type"], item["call_id"], item["input"]) == ("custom_tool_call", "toolu_1", PATCH)
        assert found[-1]["type"] == "response.completed" and found[-1]["response"]["output"] == [item]
        return
    deltas = [one["choices"][0]["delta"] for one in found if one["choices"]]
    (call,) = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert call == {
        "index": 0, "id": "toolu_1", "type": "custom", "custom": {"name": "apply_patch", "input": PATCH}
    }  # fmt: skip
    assert [one["choices"][0]["finish_reason"] for one in found if one["choices"]][-1] == "tool_calls"
