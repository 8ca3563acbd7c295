"""The mock provider as a transport: its answers, its pace, its faults and its books."""

import asyncio
from typing import Any

import msgspec
import pytest

from headgate.catalog.model import MockSettings
from headgate.core.call import Dialect, Usage
from headgate.core.faults import UpstreamError, UpstreamTimeout
from headgate.core.ports import Answer, Origin, Outgoing, Timeouts
from headgate.standins.mock import MockTransport
from headgate.wire.answers import read_answer
from headgate.wire.streams import reader

LIMIT = 10_000_000
HELLO = [{"role": "user", "content": "Tell me about rivers and lakes"}]
TOOL = {
    "type": "function",
    "function": {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}},
}

CALLS: dict[str, tuple[Dialect, str, str, dict[str, Any]]] = {
    "chat": (
        "openai-chat",
        "/v1/chat/completions",
        "/v1/chat/completions",
        {"model": "m", "messages": HELLO},
    ),
    "tools": (
        "openai-chat",
        "/v1/chat/completions",
        "/v1/chat/completions",
        {"model": "m", "messages": HELLO, "tools": [TOOL], "tool_choice": "required"},
    ),
    "reasoning": (
        "openai-chat",
        "/v1/chat/completions",
        "/v1/chat/completions",
        {"model": "m", "messages": HELLO, "reasoning_effort": "high", "n": 2},
    ),
    "responses": (
        "openai-responses",
        "/v1/responses",
        "/v1/responses",
        {"model": "m", "input": "About lakes"},
    ),
    "messages": (
        "anthropic",
        "/v1/messages",
        "/v1/messages",
        {
            "model": "m",
            "max_tokens": 4000,
            "messages": HELLO,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        },
    ),
    "google": (
        "google",
        "/v1beta/models/m:generateContent",
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {
            "contents": [{"role": "user", "parts": [{"text": "About lakes"}]}],
            "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
        },
    ),
    "google array": (
        "google",
        "/v1beta/models/m:generateContent",
        "/v1beta/models/m:streamGenerateContent",
        {"contents": [{"role": "user", "parts": [{"text": "About lakes"}]}]},
    ),
}


def request(path: str, body: dict[str, Any], timeouts: Timeouts | None = None) -> Outgoing:
    return Outgoing(
        origin=Origin("mock", "", 0),
        method="POST",
        target=path.encode(),
        headers=[(b"content-type", b"application/json")],
        body=msgspec.json.encode(body),
        timeouts=timeouts or Timeouts(),
    )


def chat(model: str = "m", **fields: Any) -> Outgoing:
    timeouts = fields.pop("timeouts", None)
    return request("/v1/chat/completions", {"model": model, "messages": HELLO, **fields}, timeouts)


async def streamed(answer: Answer) -> bytes:
    parts: list[bytes] = []
    while part := await answer.chunk():
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("name", CALLS)
async def test_whole_answers_say_what_is_billed(name: str) -> None:
    dialect, path, _, body = CALLS[name]
    transport = MockTransport(MockSettings(seed=3))
    answer = await transport.send(request(path, body))
    assert answer.status == 200
    facts = read_answer(dialect, "chat", await answer.read(LIMIT))
    assert facts.usage == transport.bill.usage
    assert facts.usage is not None
    assert facts.usage.input > 0
    assert facts.usage.output > 0


@pytest.mark.parametrize("name", CALLS)
async def test_streams_say_what_is_billed_and_end_as_they_should(name: str) -> None:
    dialect, _, path, body = CALLS[name]
    if dialect != "google":
        body = {**body, "stream": True}
    if dialect == "openai-chat":
        body = {**body, "stream_options": {"include_usage": True}}
    transport = MockTransport(MockSettings(seed=3))
    answer = await transport.send(request(path, body))
    seen = reader(dialect, "chat", strip_usage=False)
    data = await streamed(answer)
    relayed = seen.feed(data).data + seen.end().data
    assert relayed == data
    assert seen.finished
    assert seen.error is None
    assert seen.usage == transport.bill.usage


COUNTS: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/responses/input_tokens", {"model": "m", "input": "About lakes"}, "input_tokens"),
    ("/v1/messages/count_tokens", {"model": "m", "messages": HELLO}, "input_tokens"),
    ("/v1beta/models/m:countTokens", {"contents": [{"parts": [{"text": "About lakes"}]}]}, "totalTokens"),
]


@pytest.mark.parametrize(("path", "body", "member"), COUNTS)
async def test_tokens_are_counted_for_nothing(path: str, body: dict[str, Any], member: str) -> None:
    transport = MockTransport(MockSettings(seed=3))
    answer = await transport.send(request(path, body))
    assert answer.status == 200
    assert msgspec.json.decode(await answer.read(LIMIT))[member] > 2
    assert transport.bill.usage == Usage()


@pytest.mark.parametrize("name", CALLS)
async def test_answers_depend_on_seed_and_request_alone(name: str) -> None:
    _, path, _, body = CALLS[name]

    async def answered(seed: int) -> bytes:
        answer = await MockTransport(MockSettings(seed=seed)).send(request(path, body))
        return await answer.read(LIMIT)

    assert await answered(1) == await answered(1)
    assert await answered(1) != await answered(2)


@pytest.mark.parametrize(("limit", "tokens", "finish"), [(None, 250, "stop"), (40, 40, "length")])
async def test_output_tokens_can_be_fixed(limit: int | None, tokens: int, finish: str) -> None:
    transport = MockTransport(MockSettings(output_tokens=250))
    answer = await transport.send(chat(max_completion_tokens=limit))
    body = msgspec.json.decode(await answer.read(LIMIT))
    assert body["usage"]["completion_tokens"] == transport.bill.usage.output == tokens
    assert body["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/v1/chat/completions", {"model": "m"}, b"messages"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "wizard", "content": "x"}]}, b"wizard"),
        ("/v1/messages", {"model": "m", "messages": HELLO}, b"max_tokens: Field required"),
        ("/v1beta/models/m:generateContent", {"contents": []}, b"INVALID_ARGUMENT"),
        ("/v1/responses", {"model": "m", "input": 3}, b"input"),
        ("/v1/embeddings", {"model": "m", "input": ""}, b"input"),
    ],
)
async def test_what_is_no_request_is_refused_unbilled(path: str, body: dict[str, Any], words: bytes) -> None:
    transport = MockTransport(MockSettings())
    answer = await transport.send(request(path, body))
    assert answer.status == 400
    assert words in await answer.read(LIMIT)
    assert transport.bill.usage == Usage()


async def test_what_is_no_json_is_refused() -> None:
    outgoing = chat()
    outgoing.body = b'{"model": "m", '
    answer = await MockTransport(MockSettings()).send(outgoing)
    assert answer.status == 400


async def test_an_unknown_path_is_404() -> None:
    answer = await MockTransport(MockSettings()).send(request("/v1/nowhere", {}))
    assert answer.status == 404


async def test_errors_come_at_their_rate_and_in_the_same_places() -> None:
    async def statuses() -> list[int]:
        transport = MockTransport(MockSettings(error_rate=0.3, error_status=503, seed=5))
        return [(await transport.send(chat())).status for _ in range(200)]

    first = await statuses()
    assert first == await statuses()
    assert set(first) == {200, 503}
    assert 30 <= first.count(503) <= 90


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/messages", "/v1beta/models/error-429:generateContent"]
)
async def test_drill_fails_in_the_dialects_own_words(path: str) -> None:
    answer = await MockTransport(MockSettings()).send(request(path, {"model": "mock/error-429"}))
    body = msgspec.json.decode(await answer.read(LIMIT))
    assert answer.status == 429
    assert answer.header(b"retry-after") == b"1"
    assert "error" in body


async def test_broken_stream_is_cut_after_the_first_token_and_billed_so_far() -> None:
    transport = MockTransport(MockSettings(broken_stream_rate=1.0))
    answer = await transport.send(chat(stream=True))
    parts: list[bytes] = []
    with pytest.raises(UpstreamError):
        while part := await answer.chunk():
            parts.append(part)
    data = b"".join(parts)
    assert b'"content":"' in data
    assert b"[DONE]" not in data
    whole = MockTransport(MockSettings())
    await (await whole.send(chat())).read(LIMIT)
    assert 0 < transport.bill.usage.output < whole.bill.usage.output


async def test_stalled_stream_tries_the_callers_patience() -> None:
    transport = MockTransport(MockSettings(stalled_stream_rate=1.0))
    answer = await transport.send(chat(stream=True, timeouts=Timeouts(idle_s=0.05)))
    with pytest.raises(UpstreamTimeout):
        await streamed(answer)


async def test_slow_start_tries_the_callers_patience() -> None:
    transport = MockTransport(MockSettings(latency_s=30))
    with pytest.raises(UpstreamTimeout):
        await transport.send(chat(timeouts=Timeouts(first_byte_s=0.05)))


async def test_pace_is_kept() -> None:
    clock = asyncio.get_running_loop().time
    settings = MockSettings(latency_s=0.05, first_token_s=0.05, tokens_per_second=100, output_tokens=20)
    transport = MockTransport(settings)
    begun = clock()
    answer = await transport.send(chat(stream=True))
    headers_after = clock() - begun
    await streamed(answer)
    assert headers_after >= 0.05
    assert clock() - begun >= 0.05 + 0.05 + 19 / 100
    begun = clock()
    await (await transport.send(chat())).read(LIMIT)
    assert clock() - begun >= 0.05 + 0.05 + 20 / 100


async def test_a_closed_stream_ends_at_once_and_is_billed_so_far() -> None:
    transport = MockTransport(MockSettings(tokens_per_second=20, output_tokens=1000))
    answer = await transport.send(chat(stream=True))
    await answer.chunk()
    await answer.chunk()
    waiting = asyncio.create_task(answer.chunk())
    await asyncio.sleep(0)
    answer.close()
    answer.close()
    with pytest.raises(UpstreamError):
        await waiting
    assert 0 < transport.bill.usage.output < 10
    assert transport.bill.calls == transport.served == 1


async def test_kept_prefixes_are_read_the_second_time() -> None:
    transport = MockTransport(MockSettings())
    long = [{"role": "system", "content": "A long catalogue of lamps and bells. " * 300}, *HELLO]
    usages: list[Usage | None] = []
    for key in ("a", "a", None):
        fields = {"prompt_cache_key": key} if key else {}
        answer = await transport.send(chat(messages=long, **fields))
        usages.append(read_answer("openai-chat", "chat", await answer.read(LIMIT)).usage)
    first, second, third = usages
    assert first is not None
    assert second is not None
    assert first.cache_read == 0
    assert second.cache_read > 1024
    assert second.total_input == first.total_input
    assert third == first


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": 5},
        {"type": "object", "properties": {"a": {"type": "number", "multipleOf": 1e-320, "minimum": 1e300}}},
        {"type": "array", "prefixItems": 7},
        {"type": "string", "enum": {"a": 1}},
    ],
)
async def test_a_schema_that_is_none_is_refused_or_answered(schema: dict[str, Any]) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    tool = {"type": "function", "function": {"name": "add", "parameters": schema}}
    asked: list[dict[str, Any]] = [{"response_format": form}, {"tools": [tool], "tool_choice": "required"}]
    for fields in asked:
        answer = await MockTransport(MockSettings()).send(chat(**fields))
        assert answer.status in (200, 400)


async def test_nesting_without_end_is_refused() -> None:
    outgoing = chat()
    outgoing.body = b'{"model": "m", "messages": ' + b"[" * 100_000
    assert (await MockTransport(MockSettings()).send(outgoing)).status == 400


FORM = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "array"}}}


async def test_an_unfit_answer_is_what_no_schema_wants_and_a_first_one_only_at_first() -> None:
    async def said(model: str, *more: dict[str, str]) -> str:
        messages = [{"role": "user", "content": "hi"}, *more]
        body = {"model": model, "messages": messages, "response_format": FORM}
        answer = await MockTransport(MockSettings()).send(request("/v1/chat/completions", body))
        return msgspec.json.decode(await answer.read(LIMIT))["choices"][0]["message"]["content"]

    shown = ({"role": "assistant", "content": "{}"}, {"role": "user", "content": "again"})
    assert await said("unfit-answer", *shown) == await said("unfit-first-answer") == '{"unfit": true}'
    assert (await said("unfit-first-answer", *shown)).startswith("[")
