"""Chat calls that Cohere's own chat answers: what it is sent, and what each caller hears."""

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.flow.gateway_house import CANARY, House
from tests.flow.scripted_provider import DONE, answer, stream

PRICE = Decimal("0.00005")
"""Of 10 tokens in and 20 out, at 1 and 2 USD a million."""
USAGE = {
    "billed_units": {"input_tokens": 10, "output_tokens": 20},
    "tokens": {"input_tokens": 500, "output_tokens": 30},
    "cached_tokens": 400,
}
TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}},
}
CALL = {"id": "look_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"sky"}'}}


def said(message: dict[str, Any], reason: str = "COMPLETE") -> dict[str, Any]:
    whole = {"role": "assistant", **message}
    return {"id": "c1", "finish_reason": reason, "message": whole, "usage": USAGE}


def sent(house: House, alias: str) -> dict[str, Any]:
    (received,) = house.provider.received("cohere", alias)
    return json.loads(received.body)


def event(kind: str, message: dict[str, Any] | None = None, **fields: Any) -> bytes:
    delta = {} if message is None else {"delta": {"message": message}}
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields, **delta})}\n\n".encode()


START = event("message-start", {"role": "assistant"}, id="c1")
END = event("message-end", delta={"finish_reason": "COMPLETE", "usage": USAGE})


def test_a_conversation_with_tools_goes_out_in_cohere_s_words(house: House) -> None:
    alias = house.alias("cohere")
    house.provider.on("cohere", alias, answer(said({"content": [{"type": "text", "text": "blue"}]})))
    given = house.post(
        "/v1/chat/completions",
        {
            "model": alias,
            "max_tokens": 50,
            "top_p": 0.5,
            "stop": ["x"],
            "tools": [TOOL],
            "tool_choice": "required",
            "messages": [
                {"role": "developer", "content": "be brief"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what colour"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    ],
                },
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "look_1", "content": "blue"},
            ],
        },
    )
    assert given.json()["choices"][0]["message"]["content"] == "blue"
    assert Decimal(given.headers["x-headgate-cost-usd"]) == PRICE, "what is billed, and not all tokens"
    (received,) = house.provider.received("cohere", alias)
    assert received.target == "/cohere/v2/chat"
    assert received.header("authorization") == f"Bearer {CANARY}"
    assert sent(house, alias) == {
        "model": alias,
        "max_tokens": 50,
        "p": 0.5,
        "stop_sequences": ["x"],
        "tools": [TOOL],
        "tool_choice": "REQUIRED",
        "messages": [
            {"role": "system", "content": "be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what colour"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "look_1", "content": "blue"},
        ],
    }


def test_a_plan_a_call_and_citations_are_heard(house: House) -> None:
    alias = house.alias("cohere")
    source = {"type": "document", "id": "d1", "document": {"title": "Sky", "url": "https://sky.example"}}
    cited = {"start": 0, "end": 4, "text": "blue", "sources": [source]}
    spoken = {"content": [{"type": "text", "text": "blue sky"}], "citations": [cited]}
    called = said({"tool_plan": "I will look.", "tool_calls": [CALL]}, "TOOL_CALL")
    house.provider.on("cohere", alias, answer(said(spoken)), answer(called))
    (annotation,) = house.chat(alias).json()["choices"][0]["message"]["annotations"]
    assert annotation["url_citation"] == {
        "url": "https://sky.example", "title": "Sky", "start_index": 0, "end_index": 4,
    }  # fmt: skip
    (choice,) = house.chat(alias, tools=[TOOL]).json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"] == [CALL]
    assert choice["message"]["reasoning_content"] == "I will look."


def test_a_stream_is_heard_by_a_client_of_another_dialect(house: House) -> None:
    alias = house.alias("cohere")
    parts = [
        START,
        event("tool-plan-delta", {"tool_plan": "I will look."}),
        event(
            "tool-call-start",
            {"tool_calls": {**CALL, "function": {"name": "look", "arguments": ""}}},
            index=0,
        ),
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"at":'}}}, index=0),
        event("tool-call-delta", {"tool_calls": {"function": {"arguments": '"sky"}'}}}, index=0),
        event("tool-call-end", index=0),
        event("message-end", delta={"finish_reason": "TOOL_CALL", "usage": USAGE}),
        DONE,
    ]
    house.provider.on("cohere", alias, stream(*parts))
    tool = {"name": "look", "input_schema": {"type": "object"}}
    body = {"model": alias, "max_tokens": 9, "stream": True, "tools": [tool]}
    given = house.post("/v1/messages", {**body, "messages": [{"role": "user", "content": "hi"}]})
    assert sent(house, alias)["stream"] is True
    events = [json.loads(line[6:]) for line in given.text.splitlines() if line.startswith("data: ")]
    arguments = "".join(one["delta"].get("partial_json", "") for one in events if "delta" in one)
    assert json.loads(arguments) == {"at": "sky"}
    (ended,) = [one for one in events if one["type"] == "message_delta"]
    assert ended["delta"]["stop_reason"] == "tool_use"
    assert ended["usage"]["output_tokens"] == 20
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["cost_usd"], row["estimated"], row["truncated"]) == (PRICE, False, False)


@pytest.mark.parametrize(
    "last", [b"", event("message-end", delta={"finish_reason": "ERROR", "error": "broke"})]
)
def test_trap_17_a_stream_that_breaks_is_no_answer(house: House, last: bytes) -> None:
    alias = house.alias("cohere")
    text = event("content-delta", {"content": {"text": "Hel"}}, index=0)
    house.provider.on("cohere", alias, stream(START, text, last))
    given = house.chat(alias, stream=True)
    assert "Hel" in given.text
    assert "[DONE]" not in given.text and '"error"' in given.text
    assert house.record(given.headers["x-headgate-request-id"])["truncated"]


@pytest.mark.parametrize(
    ("status", "message", "heard"),
    [
        (404, "model 'm' was removed on September 15, 2025", 502),
        (422, "invalid request: messages is required", 422),
        (429, "You are using a Trial key, which is limited to 10 API calls / minute", 429),
    ],
)
def test_trap_50_errors_say_what_cohere_said(house: House, status: int, message: str, heard: int) -> None:
    alias = house.alias("cohere")
    house.provider.on("cohere", alias, *[answer({"id": "e", "message": message}, status)] * 4)
    given = house.chat(alias)
    assert given.status_code == heard
    assert message in given.text


def test_what_cohere_can_t_say_is_refused_before_it_is_sent(house: House) -> None:
    alias = house.alias("cohere")
    given = house.chat(alias, n=2)
    assert given.status_code == 422
    assert given.json()["error"]["code"] == "not_translatable"
    assert not house.provider.received("cohere", alias)
