"""Why providers refuse a call, in the words of each; and answers that are refusals in truth."""

import json
from typing import Any

import pytest
from tests.recorded_exchanges import every_exchange

from headgate.core.call import AnyDialect
from headgate.wire.answers import classify
from headgate.wire.declining import declined_stream, declined_whole
from headgate.wire.refusals import Reason, reason_in, reason_of


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


REFUSED: list[tuple[Reason, int, object]] = [
    ("context", 400, error("too long", code="context_length_exceeded")),
    ("context", 400, error("Your input exceeds the context window of this model.", code=None)),
    ("context", 400, {"type": "error", "error": {"message": "prompt is too long: 215000 > 200000"}}),
    ("context", 400, error("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000")),
    ("context", 400, [error("The input token count (1200000) exceeds the maximum number.")]),
    ("context", 400, {"message": "Input is too long for requested model."}),
    ("context", 400, {"message": "Input Tokens Exceeded: Number exceeds maximum length."}),
    ("context", 400, {"object": "error", "message": "40000 tokens, too large for model with 32768"}),
    ("context", 400, error("Please reduce the length of the messages or completion.")),
    ("context", 400, error("This model's maximum prompt length is 131072.")),
    ("context", 422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 9."}),
    ("context", 400, error("exceeds the available context size", type="exceed_context_size_error")),
    ("context", 400, {"message": "The decoder prompt (9) is longer than the maximum model length of 8"}),
    ("context", 400, error("Your request exceeded model token limit: 8192", type="invalid_request_error")),
    ("context", 400, error("no", metadata={"raw": '{"error":{"message":"prompt is too long"}}'})),
    ("policy", 400, error("filtered", code="content_filter")),
    ("policy", 400, error("no", code=None, innererror={"code": "ResponsibleAIPolicyViolation"})),
    ("policy", 400, error("Invalid prompt: your prompt was flagged", code="invalid_prompt")),
    ("policy", 400, error("Your request was rejected by our safety system", code="moderation_blocked")),
    ("policy", 400, error("Output blocked by content filtering policy", type="e")),
    ("policy", 403, {"code": "no permission", "error": "Content violates usage guidelines. Failed check: X"}),
    ("policy", 403, error("openai/gpt-4 requires moderation on OpenAI. Your input was flagged for hate.")),
    ("policy", 400, {"message": "This request has been blocked by our content filters."}),
    ("policy", 400, error("Content Exists Risk")),
    ("policy", 400, error("It was considered high risk", type="content_filter")),
    ("other", 400, error("messages[0].role is none", code="invalid_value")),
    ("other", 403, error("Your key has no permission for this model")),
    ("other", 429, {"message": "Too many tokens, please wait before trying again."}),
    ("other", 500, error("context length", code="context_length_exceeded")),
    ("other", 401, error("no", code="content_filter")),
    ("other", 413, error("Too large for model `m` on tokens per minute", code="rate_limit_exceeded")),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "status", "body"), REFUSED)
def test_trap_50_each_provider_s_refusal_is_recognised(reason: Reason, status: int, body: object) -> None:
    assert reason_of(status, json.dumps(body).encode()) == reason


def test_words_of_the_caller_that_an_error_quotes_are_no_reason() -> None:
    quoting = {"detail": [{"msg": "field required", "input": "my context window, my content_filter"}]}
    assert reason_of(422, json.dumps(quoting).encode()) == "other"
    assert reason_of(400, b"\xff<html>") == "other" and reason_of(400, b"") == "other"


def test_an_error_in_a_stream_has_words_alone() -> None:
    assert reason_in("Prompt is too long: 9 > 8") == "context"
    assert reason_in("your prompt may violate our Usage Policy") == "policy"
    assert reason_in("Overloaded") == "other"


def test_more_than_a_minute_allows_is_a_limit_of_the_target() -> None:
    body = json.dumps(REFUSED[-1][2]).encode()
    assert classify("openai-chat", 413, body) == "limited"
    assert classify("openai-chat", 413, b'{"error":{"message":"The body is too large"}}') == "request"


def test_no_recorded_refusal_has_another_reason() -> None:
    """None of them is for length or policy, and none is taken for one."""
    seen = [
        reason_of(one.status, one.response.encode()) for one in every_exchange() if 400 <= one.status < 500
    ]
    assert len(seen) >= 22 and set(seen) == {"other"}


def choice(reason: str, **message: Any) -> bytes:
    said = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return json.dumps({"id": "c", "model": "m", "choices": [said]}).encode()


def claude(*content: dict[str, Any]) -> bytes:
    said = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": content}
    return json.dumps(
        {**said, "stop_reason": "refusal", "usage": {"input_tokens": 1, "output_tokens": 2}}
    ).encode()


def bedrock(text: str, *, output: int, action: str = "") -> bytes:
    trace = {"trace": {"guardrail": {"actionReason": action}}} if action else {}
    message = {"role": "assistant", "content": [{"text": text}] if text else []}
    usage = {"inputTokens": 5, "outputTokens": output, "totalTokens": 5 + output}
    body = {"output": {"message": message}, "stopReason": "guardrail_intervened", "usage": usage, **trace}
    return json.dumps(body).encode()


WHOLE: list[tuple[AnyDialect, bytes, str]] = [
    ("openai-chat", choice("content_filter", content=""), "content_filter"),
    ("openai-chat", choice("content_filter", content=None), "content_filter"),
    ("openai-chat", choice("content_filter", content="Half"), ""),
    ("openai-chat", choice("stop", content=None, refusal="I can't."), ""),
    ("openai-chat", choice("stop", content=""), ""),
    ("anthropic", claude(), "refusal"),
    ("anthropic", claude({"type": "text", "text": "Well"}), ""),
    ("google", b'{"promptFeedback":{"blockReason":"SAFETY"}}', "SAFETY"),
    ("google", b'{"candidates":[{"finishReason":"SAFETY","index":0}]}', "SAFETY"),
    ("google", b'{"candidates":[{"finishReason":"SAFETY"},{"content":{"parts":[{"text":"a"}]}}]}', ""),
    ("bedrock", bedrock("", output=3), "guardrail_intervened"),
    ("bedrock", bedrock("Sorry, I can't.", output=0), "guardrail_intervened"),
    ("bedrock", bedrock("Sorry.", output=9, action="Guardrail blocked."), "guardrail_intervened"),
    ("bedrock", bedrock("The {NAME}.", output=9, action="No action.\nGuardrail masked."), ""),
    ("bedrock", bedrock("The {NAME}.", output=9), ""),
    ("openai-chat", b"{", ""),
    ("google", b'{"error":{"message":"no"}}', ""),
]


@pytest.mark.parametrize(("dialect", "body", "word"), WHOLE)
def test_trap_22_an_answer_without_a_word_of_the_model_s_is_a_refusal(
    dialect: AnyDialect, body: bytes, word: str
) -> None:
    assert declined_whole(dialect, body) == word


def test_trap_22_recorded_answers_are_told_apart() -> None:
    dialects: dict[str, AnyDialect] = {"google-generate": "google", "bedrock-converse": "bedrock"}
    found = {
        one.id: declined_whole(dialects[one.dialect], one.response.encode())
        for one in every_exchange()
        if one.dialect in dialects and one.status == 200 and not one.stream
    }
    refused = {name: word for name, word in found.items() if word}
    assert refused and set(refused.values()) == {"MODEL_ARMOR"}
    assert sum("guardrail" in name for name in found) >= 1, "what was masked is an answer"


def test_trap_22_a_stream_of_nothing_is_a_refusal_where_it_says_so() -> None:
    blocked = b'data: {"promptFeedback":{"blockReason":"OTHER"},"usageMetadata":{}}\r\n\r\n'
    assert declined_stream("google", blocked) == "OTHER"
    assert declined_stream("google", b"data: {\r\n\r\n") == ""
    assert declined_stream("openai-chat", b"data: [DONE]\n\n") == ""
