"""Calls that a provider refuses for what they say: which go on to the next target, and what clients hear."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import (
    DONE,
    FINISH,
    Reply,
    answer,
    completion,
    delta,
    error,
    stream,
    usage_chunk,
)
from tests.flow.test_translated_calls import MESSAGE, MESSAGES, PRICE, event

TOO_LONG = "This model's maximum context length is 8 tokens."
FILTERED_CHOICE = {
    "index": 0,
    "message": {"role": "assistant", "content": ""},
    "finish_reason": "content_filter",
    "content_filter_results": {"hate": {"filtered": True, "severity": "high"}},
}
FILTERED = {**completion(), "choices": [FILTERED_CHOICE]}
DECLINED = {**MESSAGE, "content": [], "stop_reason": "refusal"}
BLOCKED = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
    "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10},
    "modelVersion": "scripted",
}
FILTERED_END = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}\n\n'
POLICY = (
    error(
        400,
        "The response was filtered",
        code="content_filter",
        innererror={"code": "ResponsibleAIPolicyViolation"},
    ),
    error(400, "Invalid prompt: your prompt was flagged as potentially violating our usage policy."),
    error(403, "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"),
)


def too_long(**more: object) -> Reply:
    return error(400, TOO_LONG, "x-request-id: req_long", code="context_length_exceeded", **more)


def attempts(house: House, given: httpx.Response) -> list[tuple[str, int, str]]:
    row = house.record(given.headers["x-headgate-request-id"])
    return [(one["target"].split("/")[0], one["status"], one["code"]) for one in row["attempts"]]


def excluded(house: House, given: httpx.Response) -> dict[str, str]:
    row = house.record(given.headers["x-headgate-request-id"])
    return {one["target"].split("/")[0]: one["reason"] for one in row["excluded"]}


def claude(house: House, alias: str, **fields: Any) -> httpx.Response:
    return house.post("/v1/messages", {"model": alias, "max_tokens": 50, "messages": MESSAGES, **fields})


def test_trap_50_a_conversation_too_long_goes_on_to_a_target_with_more_room(house: House) -> None:
    """One with no more room is not tried; what the refused attempt cost is nothing."""
    alias = house.alias("wider")
    house.provider.on("a", alias, too_long())
    house.provider.on("claude", alias, answer(MESSAGE))
    given = house.chat(alias)
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, f"claude/{alias}")
    assert attempts(house, given) == [("a", 400, "context_length_exceeded"), ("claude", 200, "")]
    assert "8,000 tokens" in excluded(house, given)["b"]
    assert not house.provider.received("b", alias)
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["cost_usd"], row["estimated"]) == (PRICE, False)


def test_trap_50_each_refusal_leaves_out_what_is_no_larger(house: House) -> None:
    alias = house.alias("wider")
    long = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"},
    }
    said = "The input token count (9) exceeds the maximum number of tokens allowed (8)."
    google = {"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}
    house.provider.on("a", alias, too_long())
    house.provider.on("claude", alias, answer(long, 400))
    house.provider.on("gemini", alias, answer(google, 400))
    given = house.chat(alias)
    assert (given.status_code, given.json()["error"]["code"]) == (400, "context_length_exceeded")
    assert said in given.json()["error"]["message"], "what the largest of them said"
    assert given.headers["x-headgate-target"] == f"gemini/{alias}"
    assert [one[0] for one in attempts(house, given)] == ["a", "claude", "gemini"]
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["status"], row["code"], row["cost_usd"]) == (400, "context_length_exceeded", 0)


def test_trap_50_a_refusal_is_told_as_it_came_where_no_other_target_answers(house: House) -> None:
    """Byte for byte in the caller's own dialect, with the provider's id: also where the rest has failed."""
    alias = house.alias("wider")
    house.provider.on("a", alias, too_long(more="kept"))
    house.provider.on("claude", alias, answer({"type": "error"}, 529))
    house.provider.on("gemini", alias, answer({"error": {"message": "away"}}, 503))
    given = house.chat(alias)
    assert (given.status_code, given.headers["x-request-id"]) == (400, "req_long")
    assert given.json()["error"]["more"] == "kept" and given.json()["error"]["message"] == TOO_LONG
    assert given.headers["x-headgate-target"] == f"a/{alias}"
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["provider_request_id"], row["message"]) == ("req_long", TOO_LONG)
    assert [one[1] for one in attempts(house, given)] == [400, 529, 503]


def test_trap_50_an_alias_may_have_a_long_conversation_refused(house: House) -> None:
    alias = house.alias("told")
    house.provider.on("a", alias, too_long())
    given = house.chat(alias)
    assert (given.status_code, given.json()["error"]["message"]) == (400, TOO_LONG)
    assert attempts(house, given) == [("a", 400, "context_length_exceeded")]
    assert not house.provider.received("b", alias)


@pytest.mark.parametrize("reply", POLICY)
def test_trap_50_what_a_policy_refuses_is_sent_to_no_other_unless_the_alias_says_so(
    house: House, reply: Reply
) -> None:
    told, moved = house.alias("told"), house.alias("moves")
    for alias in (told, moved):
        house.provider.on("a", alias, reply)
    given = house.chat(told)
    assert given.status_code in (400, 403) and given.headers["x-headgate-target"] == f"a/{told}"
    assert not house.provider.received("b", told)
    assert attempts(house, given)[0][2] == "content_policy_violation"
    given = house.chat(moved)
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, f"b/{moved}")
    assert attempts(house, given)[0][2] == "content_policy_violation"


WHOLE = [
    pytest.param("moves", "a", FILTERED, PRICE, id="azure"),
    pytest.param("claude-moves", "claude", DECLINED, PRICE, id="anthropic"),
    pytest.param("gemini-moves", "gemini", BLOCKED, Decimal("0.00001"), id="google"),
]


@pytest.mark.parametrize(("kind", "provider", "body", "cost"), WHOLE)
def test_trap_22_an_answer_that_was_filtered_whole_goes_on(
    house: House, kind: str, provider: str, body: dict[str, Any], cost: Decimal
) -> None:
    """What the provider bills for it stands on its attempt and in the call's cost."""
    alias = house.alias(kind)
    house.provider.on(provider, alias, answer(body))
    given = house.chat(alias)
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, f"b/{alias}")
    assert given.json()["choices"][0]["message"]["content"] == "hello"
    row = house.record(given.headers["x-headgate-request-id"])
    refused, answered = row["attempts"]
    assert (refused["status"], refused["code"]) == (200, "content_policy_violation")
    assert Decimal(refused["cost_usd"]) == cost and Decimal(answered["cost_usd"]) == PRICE
    assert row["cost_usd"] == cost + PRICE and not row["estimated"]


def test_trap_22_it_is_told_where_nobody_else_answers(house: House) -> None:
    alias = house.alias("claude-moves")
    house.provider.on("claude", alias, answer(DECLINED))
    house.provider.on("b", alias, error(500))
    given = claude(house, alias)
    assert (given.status_code, given.json()) == (200, DECLINED | {"model": given.json()["model"]})
    assert given.headers["x-headgate-target"] == f"claude/{alias}"
    row = house.record(given.headers["x-headgate-request-id"])
    assert (row["status"], row["code"], row["cost_usd"]) == (200, "", PRICE)


def test_trap_22_words_of_the_model_are_an_answer(house: House) -> None:
    """Half an answer, or the model's own declining, is nobody's to throw away."""
    said = {**FILTERED_CHOICE, "message": {"role": "assistant", "content": "Well"}}
    declining = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "refusal": "No."},
        "finish_reason": "stop",
    }
    for choice in (said, declining):
        alias = house.alias("moves")
        house.provider.on("a", alias, answer({**completion(), "choices": [choice]}))
        assert house.chat(alias).headers["x-headgate-target"] == f"a/{alias}"


STREAMS = [
    pytest.param("moves", "a", (FILTERED_END, usage_chunk(10, 0), DONE), id="azure"),
    pytest.param(
        "claude-moves",
        "claude",
        (
            event("message_start", message={**MESSAGE, "content": [], "stop_reason": None}),
            event("message_delta", delta={"stop_reason": "refusal"}, usage={"output_tokens": 0}),
            event("message_stop"),
        ),
        id="anthropic",
    ),
    pytest.param(
        "gemini-moves", "gemini", (b"data: " + json.dumps(BLOCKED).encode() + b"\r\n\r\n",), id="google"
    ),
]


@pytest.mark.parametrize("own", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(("kind", "provider", "parts"), STREAMS)
def test_trap_22_a_stream_that_was_filtered_whole_goes_on(
    house: House, kind: str, provider: str, parts: tuple[bytes, ...], own: str
) -> None:
    """Passed through and translated alike: nothing of the first stream is seen."""
    alias = house.alias(kind)
    house.provider.on(provider, alias, stream(*parts))
    house.provider.on("b", alias, stream(delta("Hel"), delta("lo"), FINISH, usage_chunk(10, 20), DONE))
    given = house.post(own, {"model": alias, "max_tokens": 50, "messages": MESSAGES, "stream": True})
    assert given.headers["x-headgate-target"] == f"b/{alias}"
    assert given.text.count("Hel") == 1 and "filter" not in given.text and "refusal" not in given.text
    assert attempts(house, given)[0][1:] == (200, "content_policy_violation")


def test_trap_22_a_filtered_stream_is_told_where_nobody_else_answers(house: House) -> None:
    alias = house.alias("moves")
    house.provider.on("a", alias, stream(FILTERED_END, usage_chunk(10, 0), DONE))
    house.provider.on("b", alias, error(500))
    given = house.chat(alias, stream=True)
    assert given.status_code == 200 and given.headers["content-type"] == "text/event-stream"
    assert given.content == FILTERED_END + DONE


BEGINS_WITH = [
    pytest.param(
        "claude",
        event("error", error={"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}),
        id="anthropic",
    ),
    pytest.param(
        "gemini",
        b'data: {"error":{"code":400,"message":"The input token count (9) exceeds it"}}\r\n\r\n',
        id="google",
    ),
]


@pytest.mark.parametrize(("provider", "first"), BEGINS_WITH)
def test_trap_17_a_stream_that_begins_with_a_refusal_is_no_failure_of_its_target(
    house: House, provider: str, first: bytes
) -> None:
    alias = house.alias(provider)
    house.provider.on(provider, alias, stream(first))
    given = house.chat(alias, stream=True)
    assert (given.status_code, given.json()["error"]["code"]) == (400, "context_length_exceeded")
    moved = house.alias(f"{provider}-moves")
    house.provider.on(provider, moved, stream(first))
    house.provider.on("b", moved, stream(delta("Hello"), FINISH, usage_chunk(10, 20), DONE))
    given = house.chat(moved, stream=True)
    assert given.headers["x-headgate-target"] == f"b/{moved}"
    assert attempts(house, given)[0][1:] == (400, "context_length_exceeded")


def test_a_refusal_of_what_a_call_says_opens_no_breaker(house: House) -> None:
    alias = house.alias("moves")
    house.provider.on("a", alias, *[too_long(), POLICY[0]] * 4, answer(completion("here")))
    for _ in range(8):
        assert house.chat(alias).headers["x-headgate-target"] == f"b/{alias}"
    assert house.chat(alias).headers["x-headgate-target"] == f"a/{alias}"
    assert len(house.provider.received("a", alias)) == 9


def test_a_call_that_one_target_can_t_be_told_goes_to_the_next(house: House) -> None:
    """Strict translation leaves a target out; only where none is left is the call refused."""
    alias = house.alias("claude-moves")
    given = house.chat(alias, logprobs=True)
    assert (given.status_code, given.headers["x-headgate-target"]) == (200, f"b/{alias}")
    assert "logprobs" in excluded(house, given)["claude"]
    assert not house.provider.received("claude", alias)
