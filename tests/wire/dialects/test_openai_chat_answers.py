"""Whole answers of OpenAI's chat: all of its spellings, and what answers of others say in it."""

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from tests.wire.dialects.openai_chat_samples import answer, answered, call_body

from headgate.core.call import Usage
from headgate.core.chat import (
    Citation,
    Finish,
    Media,
    Native,
    NativePart,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_chat.codec import CODEC

CITED: Any = {
    "type": "url_citation",
    "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1},
}

MESSAGES: list[Any] = [
    {"role": "assistant", "content": "x", "refusal": None, "annotations": [], "tool_calls": None},
    {"role": "assistant", "content": ""},
    {
        "content": None,
        "role": "assistant",
        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": ""}}],
    },
    {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f", "arguments": "{}"},
        "refusal": "no",
    },
    {"role": "Assistant", "content": "x"},
    {"role": "assistant", "content": "x", "annotations": [CITED, {"type": "file", "file": {}}, CITED]},
    {"role": "assistant", "content": "x", "annotations": [{**CITED, "more": 1}]},
    {
        "role": "assistant",
        "content": "x",
        "images": [{"type": "image_url", "image_url": {"url": "u"}, "index": 0}, {}],
    },
    {
        "role": "assistant",
        "content": None,
        "audio": {"id": "a", "data": "aGk=", "expires_at": 5, "transcript": "hi"},
    },
    {"role": "assistant", "content": "x", "extra_content": {"google": {"thought_signature": "s"}}},
    {"role": "assistant", "content": "x", "extra_content": {"google": {"thought_signature": "s", "more": 1}}},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": "x"},
        ],
    },
    {
        "role": "assistant",
        "content": "x",
        "reasoning": "hm",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": None, "format": "unknown", "index": 0}
        ],
    },
    {"role": "assistant", "content": "x", "reasoning": "other", "reasoning_content": "hm"},
    {},
]

ANSWERS: list[Any] = [
    *(
        {
            "id": "c",
            "model": "m",
            "created": 5,
            "choices": [{"index": 0, "message": one, "finish_reason": "stop"}],
        }
        for one in MESSAGES
        if one
    ),
    {"choices": []},
    {"choices": [{"index": 1, "message": None, "finish_reason": None}, {"index": "a", "text": "x"}, {}]},
    {
        "choices": [
            {"index": 0, "finish_reason": "", "logprobs": {"content": []}, "content_filter_results": {"a": 1}}
        ]
    },
    {
        "id": 5,
        "model": None,
        "created": "now",
        "service_tier": None,
        "usage": [],
        "choices": [{}],
        "x": {"y": 1},
    },
]


@pytest.mark.parametrize("body", ANSWERS, ids=lambda body: json.dumps(body)[:70])
def test_nothing_of_an_answer_is_lost_in_the_same_dialect(body: Any) -> None:
    changes = Changes()
    assert answered(CODEC.read_answer(json.dumps(body).encode()), changes=changes) == body
    assert not list(changes)


def test_an_answer_without_names_gets_the_caller_s() -> None:
    made = answer(Text(text="x"), id="", model="", created_s=None, finish=Finish(reason="stop"))
    body = answered(made, Asked(model="asked", created_s=7, request_id="req_1"))
    assert (body["id"], body["model"], body["created"], body["object"]) == (
        "req_1",
        "asked",
        7,
        "chat.completion",
    )
    ChatCompletion.model_validate(body)


def test_trap_33_thinking_of_anthropic_is_carried_to_a_client_and_back() -> None:
    parts = (
        Reasoning(text="Let me.", seal=Seal("anthropic", "sig")),
        Reasoning(text="", seal=Seal("anthropic", "only")),
        Reasoning(text="", seal=Seal("anthropic", "enc"), is_redacted=True),
        Reasoning(text="In short.", seal=Seal("openai-responses:one", "e"), is_summary=True, id="rs_1"),
        Text(text="Hi", seal=Seal("google", "t")),
        ToolCall(id="a", name="f", arguments='{"x":1}', seal=Seal("google", "u")),
    )
    body = answered(answer(*parts, finish=Finish(reason="tool_calls")))
    ChatCompletion.model_validate(body)
    message = body["choices"][0]["message"]
    assert message["reasoning_content"] == "Let me.In short."
    assert [detail["index"] for detail in message["reasoning_details"]] == [0, 1, 2, 3]
    [said] = CODEC.read_call(call_body(messages=[message])).messages
    for part, read in zip(parts, said.parts, strict=True):
        assert isinstance(read, Reasoning | Text | ToolCall)
        assert (read.seal, type(read)) == (part.seal, type(part))
        if isinstance(read, Reasoning) and isinstance(part, Reasoning):
            assert (read.text, read.is_summary, read.is_redacted, read.id) == (
                part.text,
                part.is_summary,
                part.is_redacted,
                part.id,
            )


def test_flat_text_beside_foreign_seals_is_for_people_alone() -> None:
    parts = (
        Reasoning(text="Unsealed. "),
        Reasoning(text="Sealed.", seal=Seal("anthropic", "s")),
        Text(text="x"),
    )
    message = answered(answer(*parts))["choices"][0]["message"]
    assert message["reasoning_content"] == "Unsealed. Sealed."
    [said] = CODEC.read_call(call_body(messages=[message])).messages
    assert [part.text for part in said.parts if isinstance(part, Reasoning)] == ["Sealed."]
    assert said.native is None or "reasoning_content" not in said.native.fields


def test_thinking_without_a_seal_is_text_alone() -> None:
    message = answered(answer(Reasoning(text="hm"), Text(text="x")))["choices"][0]["message"]
    assert message["reasoning_content"] == "hm"
    assert "reasoning_details" not in message


@pytest.mark.parametrize(
    ("finish", "parts", "word", "native"),
    [
        (Finish(reason="stop", native="end_turn"), (Text(text="x"),), "stop", "end_turn"),
        (
            Finish(reason="stop", native="STOP"),
            (ToolCall(id="a", name="f", arguments="{}"),),
            "tool_calls",
            "STOP",
        ),
        (Finish(reason="refusal", native="refusal"), (), "content_filter", "refusal"),
        (Finish(reason="refusal"), (Refusal(text="No."),), "stop", None),
        (None, (Text(text="x"),), "stop", None),
        (None, (ToolCall(id="", name="f", arguments=""),), "tool_calls", None),
    ],
)
def test_trap_21_and_22_reasons_of_others(
    finish: Finish | None, parts: Any, word: str, native: str | None
) -> None:
    body = answered(answer(*parts, finish=finish))
    choice: Any = ChatCompletion.model_validate(body).choices[0]
    assert choice.finish_reason == word
    assert body["choices"][0].get("native_finish_reason") == native
    for call in choice.message.tool_calls or ():
        assert call.id
        assert call.function.arguments == "{}"


@pytest.mark.parametrize(
    ("word", "message", "reason"),
    [
        ("stop", {"content": "x"}, "stop"),
        ("stop", {"content": None, "refusal": "No."}, "refusal"),
        ("stop", {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f"}}]}, "tool_calls"),
        ("content_filter", {"content": ""}, "content_filter"),
        ("error", {"content": ""}, "error"),
    ],
)
def test_trap_21_and_22_reasons_are_read(word: str, message: Any, reason: str) -> None:
    body = {"choices": [{"index": 0, "message": message, "finish_reason": word}]}
    [candidate] = CODEC.read_answer(json.dumps(body).encode()).candidates
    assert candidate.finish == Finish(reason=reason, native=word)  # pyright: ignore[reportArgumentType]


def test_trap_46_citations_of_several_texts_are_by_the_characters_of_all() -> None:
    parts = (
        Text(text="Né. "),
        Text(text="Paris is.", citations=(Citation(url="u", title="t", quote="q"), Citation(title="a.pdf"))),
        Text(text="End", citations=(Citation(url="v", start=1, end=2),)),
    )
    message = answered(answer(*parts))["choices"][0]["message"]
    assert message["content"] == "Né. Paris is.End"
    assert message["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "u", "title": "t", "content": "q", "start_index": 4, "end_index": 13},
        },
        {
            "type": "url_citation",
            "url_citation": {"url": "v", "title": "v", "start_index": 14, "end_index": 15},
        },
    ]
    assert message["citations"] == [{"title": "a.pdf", "start_index": 4, "end_index": 13}]


def test_trap_47_what_only_others_answer_is_carried_or_told() -> None:
    changes = Changes()
    body = answered(
        answer(
            Media(kind="image", media_type="image/png", data="aGk=", seal=Seal("google", "s")),
            Media(kind="audio", data="aGk="),
            Media(kind="file", file_id="f"),
            NativePart(dialect="anthropic", kind="server_tool_use", value={}),
            usage=Usage(input=1, output=1),
            service_tier="batch",
            native=Native(
                dialect="anthropic", fields={"container": {"id": "c"}, "usage": {"a": 1}, "none": None}
            ),
        ),
        changes=changes,
    )
    sdk: Any = ChatCompletion.model_validate(body)
    assert sdk.choices[0].message.audio.data == "aGk="
    [image] = body["choices"][0]["message"]["images"]
    assert image["image_url"]["url"] == "data:image/png;base64,aGk="
    assert {one.what for one in changes} == {"file", "server_tool_use", "service_tier", "container"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[]", "no JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b"{}", "no choices"),
        (b'{"choices": 1}', "no choices"),
        (b'{"choices": [1]}', "no choices"),
        (b'{"error": {"message": "Overloaded"}}', "no choices: Overloaded"),
    ],
)
def test_what_is_no_answer_is_an_error_of_the_provider(body: bytes, said: str) -> None:
    with pytest.raises(UpstreamError, match=said):
        CODEC.read_answer(body)


def test_a_blank_call_of_a_function_is_none():
    """Some services send every member that there is; clients of others would see a tool without a name."""
    blank = {"role": "assistant", "content": "4", "function_call": {"name": "", "arguments": ""}}
    body = {"id": "c", "choices": [{"index": 0, "message": blank, "finish_reason": "stop"}]}
    read = CODEC.read_answer(json.dumps(body).encode())
    assert read.candidates[0].parts == (Text(text="4"),)
    assert json.loads(CODEC.write_answer(read, Asked(model="m"), Changes())) == body
