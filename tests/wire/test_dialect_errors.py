"""Faults as the official clients see them: each must raise its own exception class."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from headgate.core.call import Dialect
from headgate.core.faults import (
    BudgetExhausted,
    Fault,
    InvalidKey,
    InvalidRequest,
    Limited,
    NotAllowed,
    NotFound,
    UpstreamError,
)
from headgate.wire.errors import error_body, error_event

FAULTS: list[tuple[Fault, type[openai.APIStatusError], type[anthropic.APIStatusError]]] = [
    (InvalidRequest("n is 0", parameter="n"), openai.BadRequestError, anthropic.BadRequestError),
    (InvalidKey("no key"), openai.AuthenticationError, anthropic.AuthenticationError),
    (BudgetExhausted("spent"), openai.APIStatusError, anthropic.APIStatusError),
    (NotAllowed("not here"), openai.PermissionDeniedError, anthropic.PermissionDeniedError),
    (NotFound("no model", code="model_not_found"), openai.NotFoundError, anthropic.NotFoundError),
    (Limited("slow down"), openai.RateLimitError, anthropic.RateLimitError),
    (UpstreamError("broken"), openai.InternalServerError, anthropic.InternalServerError),
]
CHAT_MESSAGES: Any = [{"role": "user", "content": "x"}]


def openai_client(status: int, body: bytes, content_type: str = "application/json") -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type})

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://x/v1", http_client=client, max_retries=0)


def anthropic_client(status: int, body: bytes, content_type: str = "application/json") -> anthropic.Anthropic:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type})

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return anthropic.Anthropic(api_key="k", base_url="http://x", http_client=client, max_retries=0)


@pytest.mark.parametrize(("fault", "expected", "_"), FAULTS, ids=lambda value: type(value).__name__)
def test_the_openai_client_raises_its_own_class(fault: Fault, expected: type[Exception], _: Any):
    with (
        openai_client(fault.status, error_body("openai-chat", fault, "req-1")) as client,
        pytest.raises(expected) as raised,
    ):
        client.chat.completions.create(model="m", messages=CHAT_MESSAGES)
    seen = raised.value
    assert isinstance(seen, openai.APIStatusError)
    assert seen.code == fault.code
    assert fault.message in str(seen)
    assert fault.hint in str(seen)
    assert "req-1" in str(seen)
    assert seen.param == (fault.parameter if isinstance(fault, InvalidRequest) else None)


@pytest.mark.parametrize(("fault", "_", "expected"), FAULTS, ids=lambda value: type(value).__name__)
def test_the_anthropic_client_raises_its_own_class(fault: Fault, _: Any, expected: type[Exception]):
    with (
        anthropic_client(fault.status, error_body("anthropic", fault, "req-1")) as client,
        pytest.raises(expected) as raised,
    ):
        client.messages.create(model="m", max_tokens=1, messages=CHAT_MESSAGES)
    assert fault.message in str(raised.value)
    assert "req-1" in str(raised.value)


def stream_openai(body: bytes) -> None:
    with openai_client(200, body, "text/event-stream") as client:
        list(client.chat.completions.create(model="m", messages=CHAT_MESSAGES, stream=True))


def stream_responses(body: bytes) -> None:
    with openai_client(200, body, "text/event-stream") as client:
        list(client.responses.create(model="m", input="x", stream=True))


def stream_anthropic(body: bytes) -> None:
    with anthropic_client(200, body, "text/event-stream") as client:
        list(client.messages.create(model="m", max_tokens=1, messages=CHAT_MESSAGES, stream=True))


@pytest.mark.parametrize(
    ("dialect", "consume", "expected"),
    [
        ("openai-chat", stream_openai, openai.APIError),
        ("openai-responses", stream_responses, openai.APIError),
        ("anthropic", stream_anthropic, anthropic.APIStatusError),
    ],
)
def test_an_error_inside_a_stream_raises_too(
    dialect: Dialect, consume: Callable[[bytes], None], expected: type[Exception]
):
    event = error_event(dialect, UpstreamError("the provider went away"), "req-1")
    assert event.endswith(b"\n\n")
    assert b"[DONE]" not in event
    with pytest.raises(expected, match="the provider went away"):
        consume(event)


def test_google_errors_have_google_s_shape():
    fault = Limited("slow down", retry_after_s=1.5)
    error = json.loads(error_body("google", fault, "req-1"))["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["details"][0]["reason"] == "rate_limited"
    assert error["details"][1]["requestId"] == "req-1"
    assert error["details"][2]["retryDelay"] == "1.5s"
    assert error_event("google", fault, "req-1").startswith(b'data: {"error"')
