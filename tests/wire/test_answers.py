from typing import Any

import msgspec
import pytest

from headgate.core.call import AnyDialect, Dialect, Operation, Usage
from headgate.wire.answers import classify, provider_message, read_answer, retry_after_s

CHAT = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}


def answer(usage: Any, **members: Any) -> bytes:
    return msgspec.json.encode({"id": "a1", "model": "m-1", "usage": usage, **members})


@pytest.mark.parametrize(
    ("dialect", "operation", "body", "usage"),
    [
        ("openai-chat", "chat", answer(CHAT), Usage(input=30, output=12)),
        ("openai-chat", "chat", answer({"prompt_tokens": 0, "completion_tokens": 0}), Usage()),
        ("openai-chat", "chat", answer(None), None),
        ("openai-chat", "chat", answer([]), None),
        ("openai-chat", "chat", answer({"prompt_tokens": -5, "completion_tokens": "x"}), Usage()),
        (
            "openai-chat",
            "chat",
            answer(
                {
                    **CHAT,
                    "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 5},
                    "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 2},
                }
            ),
            Usage(input=15, cache_read=10, input_audio=5, output=6, reasoning=4, output_audio=2),
        ),
        (
            "openai-chat",
            "chat",
            answer({**CHAT, "prompt_cache_hit_tokens": 10, "prompt_cache_miss_tokens": 20}),
            Usage(input=20, cache_read=10, output=12),
        ),
        (
            "openai-chat",
            "chat",
            answer({**CHAT, "prompt_tokens_details": {"cached_tokens": 99}}),
            Usage(cache_read=30, output=12),
        ),
        # reasoning that only the total shows
        (
            "openai-chat",
            "chat",
            answer({**CHAT, "total_tokens": 70}),
            Usage(input=30, output=12, reasoning=28),
        ),
        ("openai-chat", "chat", answer(None, x_groq={"usage": CHAT}), Usage(input=30, output=12)),
        (
            "openai-responses",
            "chat",
            answer(
                {"input_tokens": 9, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}},
                output=[{"type": "web_search_call"}, {"type": "code_interpreter_call"}],
            ),
            Usage(input=9, output=2, reasoning=3, units={"web_search": 1, "code_execution": 1}),
        ),
        (
            "openai-responses",
            "chat",
            answer(
                {"input_tokens": 9, "output_tokens": 5},
                output=[{"type": "web_search_call"}],
                tool_usage={"web_search": {"num_requests": 4}},
            ),
            Usage(input=9, output=5, units={"web_search": 4}),
        ),
        ("openai", "embeddings", answer({"prompt_tokens": 8, "total_tokens": 8}), Usage(input=8)),
        ("openai", "embeddings", answer({"total_tokens": 8}), Usage(input=8)),
        (
            "openai",
            "images",
            answer(
                {
                    "input_tokens": 50,
                    "output_tokens": 70,
                    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                }
            ),
            Usage(input=10, input_image=40, output_image=70),
        ),
        (
            "openai",
            "audio",
            answer({"type": "duration", "seconds": 12.3}),
            Usage(units={"audio_seconds": 13}),
        ),
        (
            "openai",
            "audio",
            answer(
                {
                    "type": "tokens",
                    "input_tokens": 9,
                    "output_tokens": 4,
                    "input_token_details": {"text_tokens": 2, "audio_tokens": 7},
                }
            ),
            Usage(input=2, input_audio=7, output=4),
        ),
        ("openai", "moderations", answer(None), Usage()),
        ("anthropic", "count_tokens", b'{"input_tokens":12}', Usage()),
        (
            "anthropic",
            "chat",
            answer(
                {
                    "input_tokens": 5,
                    "cache_creation_input_tokens": 30,
                    "output_tokens": 9,
                    "cache_read_input_tokens": 7,
                    "cache_creation": {"ephemeral_1h_input_tokens": 10},
                    "server_tool_use": {"web_search_requests": 2},
                }
            ),
            Usage(
                input=5, cache_read=7, cache_write=20, cache_write_1h=10, output=9, units={"web_search": 2}
            ),
        ),
        (
            "anthropic",
            "chat",
            answer(
                {
                    "input_tokens": 5,
                    "output_tokens": 9,
                    "iterations": [
                        {"type": "compaction", "input_tokens": 100, "output_tokens": 20},
                        {"type": "message", "input_tokens": 5, "output_tokens": 9},
                    ],
                }
            ),
            Usage(input=105, output=29),
        ),
        (
            "anthropic",
            "chat",
            answer(
                {
                    "input_tokens": 5,
                    "output_tokens": 9,
                    "iterations": [
                        {
                            "type": "advisor_message",
                            "model": "other",
                            "input_tokens": 100,
                            "output_tokens": 20,
                        },
                        {"type": "message", "input_tokens": 5, "output_tokens": 9},
                    ],
                }
            ),
            Usage(input=5, output=9, units={"advisor": 1}),
        ),
        (
            "google",
            "chat",
            msgspec.json.encode(
                {
                    "usageMetadata": {
                        "promptTokenCount": 29,
                        "candidatesTokenCount": 10,
                        "thoughtsTokenCount": 202,
                        "totalTokenCount": 241,
                    }
                }
            ),
            Usage(input=29, output=10, reasoning=202),
        ),
        (
            "google",
            "chat",
            msgspec.json.encode(
                {
                    "usageMetadata": {
                        "promptTokenCount": 9,
                        "candidatesTokenCount": 1290,
                        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
                    },
                    "candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}],
                }
            ),
            Usage(input=9, output_image=1290, units={"web_search": 2}),
        ),
        (
            "google",
            "chat",
            b'[{"usageMetadata":{"promptTokenCount":1}},{"usageMetadata":{"promptTokenCount":2}}]',
            Usage(input=2),
        ),
        ("openai-chat", "chat", b"not json", None),
        ("openai-chat", "chat", b"", None),
        ("google", "chat", b"[]", None),
    ],
)
def test_usage_is_read_in_disjoint_buckets(dialect: Dialect, operation: Operation, body: bytes, usage: Usage):
    assert read_answer(dialect, operation, body).usage == usage


def test_tiers_are_read():
    found = read_answer("openai-chat", "chat", answer(CHAT, service_tier="priority"))
    assert found.service_tier == "priority"
    assert msgspec.json.decode(found.usage_raw) == CHAT
    found = read_answer("anthropic", "chat", answer({"input_tokens": 1, "service_tier": "standard"}))
    assert found.service_tier is None
    found = read_answer("anthropic", "chat", answer({"input_tokens": 1, "speed": "fast"}))
    assert found.service_tier == "fast"


def error(message: str = "", **members: Any) -> bytes:
    return msgspec.json.encode({"error": {"message": message, **members}})


@pytest.mark.parametrize(
    ("dialect", "status", "body", "kind"),
    [
        ("openai-chat", 400, error("bad temperature"), "request"),
        ("openai-chat", 401, error("no key"), "target"),
        ("openai-chat", 402, b"", "exhausted"),
        ("openai-chat", 403, error(), "target"),
        ("openai-chat", 404, error("no such model"), "target"),
        ("openai-chat", 408, b"", "server"),
        ("openai-chat", 409, b"", "server"),
        ("openai-chat", 413, b"", "request"),
        ("openai-chat", 422, b'{"detail":[{"msg":"x"}]}', "request"),
        ("openai-chat", 429, error("slow down", code="rate_limit_exceeded"), "limited"),
        ("openai-chat", 429, error("You exceeded", code="insufficient_quota"), "exhausted"),
        ("openai-chat", 400, error("x", code="billing_hard_limit_reached"), "exhausted"),
        ("openai-chat", 400, error("Incorrect API key provided"), "target"),
        ("openai-chat", 400, error("x", code="model_not_found"), "target"),
        ("openai-chat", 500, b"<html>", "server"),
        ("openai-chat", 502, b"", "server"),
        ("openai-chat", 302, b"", "server"),
        ("cohere", 429, b'{"id":"1","message":"limited to 1000 API calls / month"}', "exhausted"),
        ("cohere", 429, b'{"id":"1","message":"limited to 20 API calls / minute"}', "limited"),
        ("cohere", 404, b'{"id":"1","message":"model was removed"}', "target"),
        ("cohere", 422, b'{"id":"1","message":"messages is required"}', "request"),
        ("anthropic", 400, error("Your credit balance is too low to access the API"), "exhausted"),
        ("anthropic", 400, error("max_tokens: required", type="invalid_request_error"), "request"),
        ("anthropic", 529, error("Overloaded", type="overloaded_error"), "server"),
        ("google", 400, error("API key not valid. Please pass a valid API key."), "target"),
        ("google", 400, error("x", details=[{"reason": "API_KEY_INVALID"}]), "target"),
        ("google", 400, b"[" + error("API key expired") + b"]", "target"),
        (
            "google",
            429,
            error("You exceeded your current quota, please check your plan and billing"),
            "limited",
        ),
        (
            "google",
            429,
            error(
                "You exceeded your current quota, please check your plan and billing",
                details=[{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}],
            ),
            "exhausted",
        ),
    ],
)
def test_an_error_is_blamed_on_whose_fault_it_is(dialect: AnyDialect, status: int, body: bytes, kind: str):
    assert classify(dialect, status, body) == kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (error("it broke"), "it broke"),
        (b"[" + error("in an array") + b"]", "in an array"),
        (b'{"object":"error","message":"bare","code":1}', "bare"),
        (b'{"error":"a text"}', "a text"),
        (b'{"detail":[{"msg":"field"}]}', '[{"msg":"field"}]'),
        (b"<html>gateway</html>", "<html>gateway</html>"),
        (b"", ""),
        (error("x" * 9000), "x" * 2000),
    ],
)
def test_a_provider_s_message_is_found(body: bytes, message: str):
    assert provider_message("openai-chat", body) == message


@pytest.mark.parametrize(
    ("headers", "body", "wait_s"),
    [
        ([], b"", None),
        ([(b"retry-after", b"12")], b"", 12.0),
        ([(b"retry-after", b"1.5")], b"", 1.5),
        ([(b"retry-after", b"5"), (b"retry-after-ms", b"250")], b"", 0.25),
        (
            [(b"retry-after", b"Sat, 21 Nov 2026 10:00:30 GMT"), (b"date", b"Sat, 21 Nov 2026 10:00:00 GMT")],
            b"",
            30.0,
        ),
        ([(b"retry-after", b"Sat, 21 Nov 2026 10:00:30 GMT")], b"", None),
        (
            [(b"retry-after", b"Sat, 21 Nov 2026 09:00:00 GMT"), (b"date", b"Sat, 21 Nov 2026 10:00:00 GMT")],
            b"",
            0.0,
        ),
        ([(b"retry-after", b"-4")], b"", None),
        ([(b"retry-after", b"soon")], b"", None),
        ([(b"retry-after", b"9999999999")], b"", 86_400.0),
        ([], error("x", details=[{"@type": "x"}, {"retryDelay": "12.5s"}]), 12.5),
        ([], error("x", details=[{"retryDelay": "soon"}]), None),
        ([], error("x", retryDelay="5s"), None),
    ],
)
def test_how_long_to_wait_is_read(headers: list[tuple[bytes, bytes]], body: bytes, wait_s: float | None):
    assert retry_after_s(headers, body) == wait_s
