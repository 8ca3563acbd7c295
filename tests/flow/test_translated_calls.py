"""What crosses between dialects: what a provider is sent, and what becomes of what it answers."""

import base64
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.flow.gateway_house import CANARY, House
from tests.flow.scripted_provider import DONE, FINISH, answer, completion, delta, error, stream, usage_chunk

PRICE = Decimal("0.00005")
"""Of 10 tokens in and 20 out, at 1 and 2 USD a million."""
MESSAGES = [{"role": "user", "content": "hi"}]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "scripted",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 20},
}


def sent(house: House, provider: str, alias: str) -> dict[str, Any]:
    received = house.provider.received(provider, alias)
    assert len(received) == 1
    return json.loads(received[0].body)


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def messages(house: House, alias: str, **fields: Any) -> httpx.Response:
    return house.post("/v1/messages", {"model": alias, "max_tokens": 50, "messages": MESSAGES, **fields})


def test_a_chat_goes_out_as_messages_with_the_provider_s_own_credential(house: House) -> None:
    alias = house.alias("claude")
    house.provider.on("claude", alias, answer(MESSAGE, 200, "request-id: req_7"))
    given = house.chat(alias, max_tokens=50, user="u1")
    assert given.json()["choices"][0]["message"]["content"] == "hello"
    assert given.headers["x-request-id"] == "req_7", "under the name that the caller's library reads"
    assert "request-id" not in given.headers
    assert Decimal(given.headers["x-headgate-cost-usd"]) == PRICE
    (received,) = house.provider.received("claude", alias)
    assert received.target == "/claude/v1/messages"
    assert received.header("x-api-key") == CANARY and received.header("authorization") is None
    assert received.header("anthropic-version") == "2023-06-01"
    body = sent(house, "claude", alias)
    assert (body["model"], body["max_tokens"]) == (alias, 50)
    assert body["messages"][0]["role"] == "user"


def test_google_s_path_says_whether_it_is_a_stream(house: House) -> None:
    alias = house.alias("gemini")
    chunk = {
        "candidates": [{"content": {"parts": [{"text": "hello"}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 20, "totalTokenCount": 30},
    }
    data = b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"
    house.provider.on("gemini", alias, answer(chunk), stream(data))
    assert house.chat(alias).json()["choices"][0]["message"]["content"] == "hello"
    streamed = house.chat(alias, stream=True)
    assert streamed.text.endswith("data: [DONE]\n\n")
    whole, live = house.provider.received("gemini", alias)
    assert whole.target == f"/gemini/v1beta/models/{alias}:generateContent"
    assert live.target == f"/gemini/v1beta/models/{alias}:streamGenerateContent?alt=sse"
    assert whole.header("x-goog-api-key") == CANARY


def test_headers_of_one_dialect_do_not_reach_another(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, answer(completion()))
    body = {"model": alias, "max_tokens": 5, "messages": MESSAGES}
    betas = {"anthropic-version": "2023-06-01", "anthropic-beta": "context-1m", "idempotency-key": "k1"}
    given = house.post("/v1/messages", body, betas)
    assert given.status_code == 200
    (received,) = house.provider.received("b", alias)
    assert received.header("anthropic-beta") is None and received.header("anthropic-version") is None
    assert received.header("idempotency-key") == "k1"
    assert "header anthropic-beta" in given.headers["x-headgate-changes"]


def test_usage_is_asked_for_in_a_stream_and_settles_it(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, stream(delta("Hel"), delta("lo"), FINISH, usage_chunk(10, 20), DONE))
    given = messages(house, alias, stream=True)
    assert sent(house, "b", alias)["stream_options"] == {"include_usage": True}
    assert given.headers["content-type"].startswith("text/event-stream")
    assert given.text.index("message_start") < given.text.index("Hel") < given.text.index("message_stop")
    assert '"output_tokens":20' in given.text
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["cost_usd"], row["estimated"], row["truncated"]) == (PRICE, False, False)
    assert row["first_token_ms"] is not None


def test_the_first_token_is_not_held_back(house: House) -> None:
    """What has come is passed on while the provider still thinks about the rest."""
    alias = house.alias("solo")
    house.provider.on("b", alias, stream(delta("Hel"), 0.4, delta("lo"), FINISH, usage_chunk(10, 20), DONE))
    body = {"model": alias, "max_tokens": 5, "messages": MESSAGES, "stream": True}
    with house.client() as client, client.stream("POST", "/v1/messages", json=body) as live:
        seen = b""
        for piece in live.iter_bytes():
            seen += piece
            if b'"Hel"' in seen:
                break
        assert b'"lo"' not in seen


CUT = [
    pytest.param((FINISH, 0.05, "cut"), id="connection"),
    pytest.param((FINISH,), id="terminator"),
    pytest.param((), id="middle"),
]


@pytest.mark.parametrize("rest", CUT)
def test_trap_17_a_stream_without_its_end_is_truncated(house: House, rest: tuple[Any, ...]) -> None:
    alias = house.alias("solo")
    cut = any(step == "cut" for step in rest)
    house.provider.on("b", alias, stream(delta("Hel"), *rest, end=not cut))
    given = messages(house, alias, stream=True)
    assert given.text.rstrip().splitlines()[-2] == "event: error"
    assert "message_stop" not in given.text
    row = house.record(given.headers["x-headgate-request-id"])
    assert row["truncated"] and row["estimated"] and row["code"] == "upstream_error"


def test_trap_17_an_error_before_the_first_token_moves_the_call(house: House) -> None:
    alias = house.alias("claude")
    begun = event("message_start", message={**MESSAGE, "content": [], "stop_reason": None})
    failed = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    house.provider.on("claude", alias, stream(begun, failed))
    given = house.chat(alias, stream=True)
    assert given.status_code == 502
    assert "Overloaded" in given.json()["error"]["message"]


def test_trap_17_an_error_after_it_ends_the_stream_in_the_caller_s_dialect(house: House) -> None:
    alias = house.alias("claude")
    parts = (
        event("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"}),
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
    )
    house.provider.on("claude", alias, stream(*parts))
    given = house.chat(alias, stream=True)
    last = [line for line in given.text.splitlines() if line][-1]
    assert "Overloaded" in json.loads(last.removeprefix("data: "))["error"]["message"]
    assert "[DONE]" not in given.text
    assert house.record(given.headers["x-headgate-request-id"])["truncated"]


@pytest.mark.parametrize("body", [b'{"choices": 7}', b"<html>", b"[]", b'{"error": {"message": "late"}}'])
def test_an_answer_that_is_none_is_the_target_s_failure(house: House, body: bytes) -> None:
    alias = house.alias("solo")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    house.provider.on("b", alias, (head + body,))
    given = messages(house, alias)
    assert (given.status_code, given.json()["type"]) == (502, "error")
    assert alias in given.json()["error"]["message"]


def test_trap_50_a_refusal_keeps_its_status_its_message_and_its_id(house: House) -> None:
    alias = house.alias("solo")
    said = "messages[0]: this is not what I eat"
    house.provider.on("b", alias, error(400, said, "x-request-id: req_400"))
    given = messages(house, alias)
    body = given.json()
    assert (given.status_code, body["type"], body["error"]["type"]) == (400, "error", "invalid_request_error")
    assert said in body["error"]["message"] and "req_400" in body["error"]["message"]
    assert given.headers["request-id"] == "req_400"
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["status"], row["code"], row["cost_usd"]) == (400, "upstream_refused", 0)
    assert row["provider_request_id"] == "req_400"


def test_trap_50_a_conversation_too_long_is_told_in_each_dialect_s_own_words(house: House) -> None:
    alias = house.alias("claude")
    long = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"},
    }
    house.provider.on("claude", alias, answer(long, 400))
    assert house.chat(alias).json()["error"]["code"] == "context_length_exceeded"
    solo = house.alias("solo")
    message = "This model's maximum context length is 8 tokens."
    house.provider.on("b", solo, error(400, message, code="context_length_exceeded"))
    said = messages(house, solo).json()["error"]
    assert said["message"].startswith("prompt is too long") and message in said["message"]


def test_trap_50_content_against_a_policy_is_recognised(house: House) -> None:
    alias = house.alias("solo")
    house.provider.on("b", alias, error(400, "The response was filtered", code="content_filter"))
    assert messages(house, alias).json()["error"]["code"] == "content_policy_violation"


def test_trap_50_a_limited_rate_says_how_long_to_wait(house: House) -> None:
    alias = house.alias("gemini")
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    said = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED", "details": [wait]}}
    house.provider.on("gemini", alias, answer(said, 429))
    given = house.chat(alias)
    assert (given.status_code, given.headers["retry-after"]) == (429, "7")
    assert given.json()["error"]["type"] == "rate_limit_error"


def test_trap_50_a_provider_s_own_trouble_is_no_fault_of_the_caller(house: House) -> None:
    alias = house.alias("claude")
    said = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    house.provider.on("claude", alias, answer(said, 401))
    given = house.chat(alias)
    assert (given.status_code, given.json()["error"]["code"]) == (502, "upstream_error")


def test_a_body_that_is_not_of_its_dialect_is_400(house: House) -> None:
    alias = house.alias("claude")
    given = house.post("/v1/chat/completions", {"model": alias, "messages": "hi"})
    assert (given.status_code, given.json()["error"]["code"]) == (400, "invalid_request")
    assert not house.provider.received("claude", alias)


def test_seals_of_others_stay_with_the_client_and_the_rest_is_passed_on(house: House) -> None:
    """A body that has been through a translation is written anew: only its foreign seals are missing."""
    alias = house.alias("claude")
    house.provider.on("claude", alias, answer(MESSAGE))
    blocks = [
        {"type": "thinking", "thinking": "mine", "signature": "c2lnbmVk"},
        {"type": "thinking", "thinking": "theirs", "signature": "hgs1.Z29vZ2xl.c2VhbA=="},
        {"type": "text", "text": "so"},
    ]
    body = {
        "model": alias,
        "max_tokens": 50,
        "messages": [*MESSAGES, {"role": "assistant", "content": blocks}, *MESSAGES],
        "x_unknown": {"kept": [1.0]},
    }
    assert house.post("/v1/messages", body).status_code == 200
    out = sent(house, "claude", alias)
    assert "hgs1." not in json.dumps(out)
    assert out["messages"][1]["content"][0] == blocks[0]
    assert out["x_unknown"] == {"kept": [1.0]}
    plain = house.alias("claude")
    house.provider.on("claude", plain, answer(MESSAGE))
    raw = json.dumps({**body, "model": plain}).replace("hgs1.", "hgs2.").encode()
    assert house.post("/v1/messages", raw).status_code == 200
    assert house.provider.received("claude", plain)[0].body == raw, "without a mark it passes byte for byte"


def test_names_that_a_client_gives_do_not_break_headers(house: House) -> None:
    alias = house.alias("claude")
    house.provider.on("claude", alias, answer(MESSAGE))
    body = {"model": alias, "messages": MESSAGES, "metadata\r\nset-cookie: a=b": "x"}
    given = house.post("/v1/chat/completions", body)
    assert given.status_code == 422 and "set-cookie" not in given.headers
    assert "metadata??set-cookie" in given.json()["error"]["message"]


CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_google_s_array_holds_what_its_events_do(house: House) -> None:
    alias = house.alias("solo")
    parts = (delta("Hel"), delta("lo"), FINISH, usage_chunk(10, 20), DONE)
    house.provider.on("b", alias, stream(*parts))
    path = f"/v1beta/models/{alias}:streamGenerateContent"
    events = [
        json.loads(line[6:]) for line in house.post(f"{path}?alt=sse", CONTENTS).text.splitlines() if line
    ]
    given = house.post(path, CONTENTS)
    assert given.headers["content-type"] == "application/json"
    assert given.json() == events and len(events) == 3
    house.provider.on("b", alias, answer(completion()))
    whole = house.post(path, CONTENTS).json()
    assert (
        "".join(part["text"] for one in whole for part in one["candidates"][0]["content"]["parts"]) == "hello"
    )


def test_trap_17_google_s_array_breaks_as_its_events_do(house: House) -> None:
    alias = house.alias("claude")
    parts = (
        event("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"}),
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
    )
    house.provider.on("claude", alias, stream(*parts))
    path = f"/v1beta/models/{alias}:streamGenerateContent"
    last = [line for line in house.post(f"{path}?alt=sse", CONTENTS).text.splitlines() if line][-1]
    given = house.post(path, CONTENTS)
    assert not given.text.endswith("]"), "what is broken has no end"
    items = json.loads(given.text + "]")
    assert items[-1] == json.loads(last.removeprefix("data: "))
    assert items[-1]["error"]["message"] == "Overloaded"
    assert house.record(given.headers["x-headgate-request-id"])["truncated"]


def test_seals_of_others_stay_with_google_s_clients_too(house: House) -> None:
    """Google's signatures are base64, foreign ones within them: they are found all the same (34, 37)."""
    alias = house.alias("gemini")
    house.provider.on("gemini", alias, answer({"candidates": [], "promptFeedback": {"blockReason": "OTHER"}}))
    foreign = base64.b64encode(b"hgs1.YW50aHJvcGlj.c2lnbmVk").decode()
    turn: list[Any] = [
        {"text": "Hm.", "thought": True, "thoughtSignature": foreign},
        {"functionCall": {"name": "look", "args": {}}},
    ]
    result = {"functionResponse": {"name": "look", "response": {"output": "it"}}}
    contents: list[Any] = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": turn},
        {"role": "user", "parts": [result]},
    ]
    given = house.post(f"/v1beta/models/{alias}:generateContent", {"contents": contents})
    assert given.status_code == 200, given.text
    said = sent(house, "gemini", alias)["contents"]
    assert foreign not in json.dumps(said)
    assert said[1]["parts"][-1]["thoughtSignature"] == "skip_thought_signature_validator"
    assert said[2] == contents[2]
