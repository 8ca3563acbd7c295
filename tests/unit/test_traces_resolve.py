"""Names of telemetry: whatever a span says, it is read or left as it came, and never in the way."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.call import Usage
from headgate.traces.conventions.resolve import resolve
from headgate.traces.conventions.said import MEANINGS, PLACES
from headgate.traces.model import RawEvent, RawSpan, Span

SECOND = 1_000_000_000
BEGIN = 1_790_000_000 * SECOND


def raw(attributes: dict[str, Any], *, events: list[RawEvent] | None = None, **more: Any) -> RawSpan:
    return RawSpan(
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        parent_id=b"",
        name=more.pop("name", "a span"),
        kind=3,
        start_ns=BEGIN,
        end_ns=BEGIN + SECOND,
        attributes=attributes,
        events=events or [],
        **more,
    )


def read(attributes: dict[str, Any], **more: Any) -> Span:
    return resolve(raw(attributes, **more))


QUESTION = [{"role": "user", "parts": [{"type": "text", "content": "What is a span?"}]}]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "A step."}], "finish_reason": "stop"}]


def test_a_model_call_by_the_current_names() -> None:
    span = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.response.model": "gpt-5-mini-2025-08-07",
            "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.request.temperature": 0.5,
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 30,
            "gen_ai.usage.cache_read.input_tokens": 60,
            "gen_ai.usage.reasoning.output_tokens": 10,
            "gen_ai.input.messages": json.dumps(QUESTION),
            "gen_ai.output.messages": ANSWER,
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
            "gen_ai.tool.definitions": json.dumps([{"type": "function", "name": "look_up"}]),
            "gen_ai.conversation.id": "c-1",
            "user.id": "u-1",
            "server.address": "api.openai.com",
        },
        resource={"service.name": "shop", "service.version": "1.2", "deployment.environment.name": "live"},
    )
    assert (span.kind, span.operation, span.provider, span.convention) == ("llm", "chat", "openai", "otel")
    assert (span.model, span.request_model) == ("gpt-5-mini-2025-08-07", "gpt-5-mini")
    assert (span.response_id, span.finish_reasons, span.first_token_ms) == ("chatcmpl-1", ("stop",), 250.0)
    assert span.usage == Usage(input=40, cache_read=60, output=20, reasoning=10)
    assert json.loads(span.input) == QUESTION
    assert json.loads(span.output) == ANSWER
    assert json.loads(span.system) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(span.tools) == [{"type": "function", "name": "look_up"}]
    assert json.loads(span.parameters) == {"temperature": 0.5}
    assert (span.user, span.session) == ("u-1", "c-1")
    assert (span.service, span.release, span.environment) == ("shop", "1.2", "live")
    assert json.loads(span.attributes) == {"server.address": "api.openai.com"}
    assert span.flags == ()


def test_a_span_that_says_nothing_of_models_is_kept_as_it_came() -> None:
    attributes: dict[str, Any] = {"http.request.method": "GET", "thread.id": 7}
    span = read(attributes)
    assert (span.kind, span.convention, span.usage, span.input) == ("span", "", None, "")
    assert json.loads(span.attributes) == attributes


def test_plain_input_and_output_are_read_of_any_span() -> None:
    span = read({"input": "a question", "output": {"answer": 42}})
    assert (json.loads(span.input), json.loads(span.output)) == ("a question", {"answer": 42})
    assert (span.convention, span.attributes) == ("generic", "")


@pytest.mark.parametrize(
    ("told", "usage", "flags"),
    [
        ((100, 20, 120, 60), Usage(input=40, cache_read=60, output=20), ()),
        ((40, 20, 120, 60), Usage(input=40, cache_read=60, output=20), ()),
        ((100, 20, None, 60), Usage(input=40, cache_read=60, output=20), ()),
        ((40, 20, None, 60), Usage(input=40, cache_read=60, output=20), ("usage_inconsistent",)),
        ((100, 20, 150, 60), Usage(input=100, cache_read=60, output=20), ("usage_inconsistent",)),
        ((None, None, 7, None), Usage(input=7), ()),
        ((None, 20, 120, 60), Usage(input=40, cache_read=60, output=20), ()),
    ],
)
def test_tokens_are_divided_as_the_total_proves(
    told: tuple[int | None, ...], usage: Usage, flags: tuple[str, ...]
) -> None:
    names = ("input_tokens", "output_tokens", "total_tokens", "cache_read.input_tokens")
    span = read(
        {f"gen_ai.usage.{name}": count for name, count in zip(names, told, strict=True) if count is not None}
    )
    assert (span.usage, span.flags) == (usage, flags)


JSON = ["[", "{}", "[]", '[{"role":"user","content":"x"}]', '{"total":1.5}', '"x"', "12", "1e999", "[NaN]"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(JSON),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
STEPS = ["message", "role", "content", "contents", "0", "1", "tool_calls", "tool_call", "function", "x"]


def indexed(place: str, steps: list[str]) -> str:
    return ".".join([place.removesuffix(".N"), *steps])


def event(name: str, attributes: dict[str, Any]) -> RawEvent:
    return RawEvent(name=name, at_ns=BEGIN, attributes=attributes)


NAMES = (
    st.sampled_from(sorted(MEANINGS))
    | st.builds(
        indexed,
        st.sampled_from(sorted(PLACES)),
        st.lists(st.sampled_from(STEPS) | st.text("0123456789.", max_size=9), min_size=1, max_size=5),
    )
    | st.text(max_size=10)
)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=12)
EVENT_NAMES = [
    "gen_ai.user.message",
    "gen_ai.tool.message",
    "gen_ai.choice",
    "gen_ai.content.prompt",
    "gen_ai.evaluation.result",
    "gen_ai.client.inference.operation.details",
    "exception",
    "anything",
]
EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(EVENT_NAMES),
        st.dictionaries(
            st.sampled_from(["content", "message", "id", "role", "tool_calls", "gen_ai.prompt"]) | NAMES,
            VALUES,
            max_size=4,
        ),
    ),
    max_size=3,
)


@settings(deadline=None, max_examples=400)
@given(ATTRIBUTES, EVENTS, ATTRIBUTES)
def test_nothing_that_a_span_says_is_in_the_way(
    attributes: dict[str, Any], events: list[RawEvent], resource: dict[str, Any]
) -> None:
    span = read(attributes, events=events, resource=resource)
    for text in (span.input, span.output, span.system, span.tools, span.documents, span.attributes):
        if text:
            json.loads(text)
    assert span.cost_pico_usd is None or span.cost_pico_usd >= 0
    if span.usage is not None:
        assert all(count >= 0 for count in counts(span.usage))


def counts(usage: Usage) -> list[int]:
    return [getattr(usage, name) for name in usage.__struct_fields__ if name != "units"]


SUMS = st.sampled_from(["input_tokens", "output_tokens", "total_tokens"])
PARTS = st.sampled_from(
    ["cache_read.input_tokens", "cache_write.input_tokens", "reasoning.output_tokens", "audio.input_tokens"]
)


@given(st.dictionaries(SUMS, st.integers(0, 200)), st.dictionaries(PARTS, st.integers(0, 60)))
def test_the_buckets_are_the_total_or_flagged(sums: dict[str, int], parts: dict[str, int]) -> None:
    span = read({f"gen_ai.usage.{name}": count for name, count in (sums | parts).items()})
    given_in, made, total = (sums.get(f"{name}_tokens") for name in ("input", "output", "total"))
    if not sums and not parts:
        assert span.usage is None
        return
    assert span.usage is not None
    assert min(counts(span.usage)) >= 0
    if "usage_inconsistent" in span.flags:
        return
    if total is not None:
        assert span.usage.total == total
    else:
        assert span.usage.total == (given_in or 0) + (made or 0)
