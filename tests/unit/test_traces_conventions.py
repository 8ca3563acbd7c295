"""Conventions one by one: what each writes, and what Headgate reads."""

import json
from typing import Any

import pytest
from tests.unit.test_traces_resolve import BEGIN, read

from headgate.core.call import Usage
from headgate.traces.model import RawEvent, ScoreSaid


def text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


CALL = {"type": "tool_call", "id": "c1", "name": "look_up", "arguments": {"word": "span"}}
GAVE = {"type": "tool_call_response", "id": "c1", "response": "a step"}


def event(name: str, **attributes: Any) -> RawEvent:
    return RawEvent(name=name, at_ns=BEGIN + 5_000_000, attributes=attributes)


def test_legacy_names_with_indexed_messages() -> None:
    span = read(
        {
            "gen_ai.system": "az.ai.openai",
            "llm.request.type": "chat",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "What is a span?",
            "gen_ai.prompt.1.role": "assistant",
            "gen_ai.prompt.1.tool_calls.0.id": "c1",
            "gen_ai.prompt.1.tool_calls.0.name": "look_up",
            "gen_ai.prompt.1.tool_calls.0.arguments": '{"word": "span"}',
            "gen_ai.prompt.2.role": "tool",
            "gen_ai.prompt.2.tool_call_id": "c1",
            "gen_ai.prompt.2.content": "a step",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "A step.",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.usage.prompt_tokens": 12,
            "gen_ai.usage.completion_tokens": 3,
            "llm.usage.total_tokens": 15,
            "llm.request.functions.0.name": "look_up",
            "llm.request.functions.0.parameters": '{"type": "object"}',
            "traceloop.workflow.name": "glossary",
            "traceloop.association.properties.user_id": "u",
            "traceloop.association.properties.team": "red",
        }
    )
    assert (span.kind, span.provider, span.model) == ("llm", "azure.ai.openai", "gpt-4o")
    assert json.loads(span.input) == [
        text("user", "What is a span?"),
        {"role": "assistant", "parts": [CALL]},
        {"role": "tool", "parts": [GAVE]},
    ]
    assert json.loads(span.output) == [{**text("assistant", "A step."), "finish_reason": "stop"}]
    assert span.finish_reasons == ("stop",)
    assert span.usage == Usage(input=12, output=3)
    assert json.loads(span.tools) == [{"name": "look_up", "parameters": {"type": "object"}}]
    assert (span.trace_name, span.user, span.convention) == ("glossary", "u", "traceloop")
    assert json.loads(span.attributes)["traceloop.association.properties.team"] == "red"


def test_events_of_messages() -> None:
    events = [
        event("gen_ai.system.message", **{"gen_ai.system": "openai", "content": "Be brief."}),
        event("gen_ai.user.message", content="What is a span?"),
        event(
            "gen_ai.assistant.message",
            tool_calls=[{"id": "c1", "function": {"name": "look_up", "arguments": '{"word":"span"}'}}],
        ),
        event("gen_ai.tool.message", content="a step", id="c1"),
        event("gen_ai.choice", index=0, finish_reason="stop", message='{"content": "A step."}'),
        event("cache.miss", key="k"),
    ]
    span = read({"gen_ai.system": "openai", "gen_ai.operation.name": "chat"}, events=events)
    assert json.loads(span.input) == [
        text("system", "Be brief."),
        text("user", "What is a span?"),
        {"role": "assistant", "parts": [CALL]},
        {"role": "tool", "parts": [GAVE]},
    ]
    assert json.loads(span.output) == [{**text("assistant", "A step."), "finish_reason": "stop"}]
    assert [row["name"] for row in json.loads(span.events)] == ["cache.miss"]
    assert span.convention == "otel"


def test_what_somebody_said_stays_text_though_it_looks_like_json() -> None:
    said = '{"type": "text", "content": "no part"}'
    span = read({"gen_ai.system": "openai"}, events=[event("gen_ai.user.message", content=said)])
    assert json.loads(span.input) == [text("user", said)]


def test_the_event_that_holds_the_details_of_a_call() -> None:
    span = read(
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"},
        events=[
            event(
                "gen_ai.client.inference.operation.details",
                **{"gen_ai.input.messages": [text("user", "Hello")], "gen_ai.usage.input_tokens": 2},
            )
        ],
    )
    assert json.loads(span.input) == [text("user", "Hello")]
    assert (span.usage, span.events) == (Usage(input=2), "")


def test_vercels_sdk() -> None:
    span = read(
        {
            "ai.operationId": "ai.streamText.doStream",
            "operation.name": "ai.streamText.doStream chat",
            "ai.model.id": "gpt-5-mini",
            "ai.model.provider": "openai.responses",
            "ai.prompt.messages": json.dumps(
                [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [{"type": "text", "text": "What is a span?"}]},
                    {
                        "role": "tool",
                        "content": [
                            {
                                "type": "tool-result",
                                "toolCallId": "c1",
                                "toolName": "look_up",
                                "output": {"type": "text", "value": "a step"},
                            }
                        ],
                    },
                ]
            ),
            "ai.prompt.tools": ['{"type":"function","name":"look_up"}'],
            "ai.response.text": "A step.",
            "ai.response.toolCalls": json.dumps(
                [{"toolCallId": "c1", "toolName": "look_up", "input": '{"word":"span"}'}]
            ),
            "ai.response.finishReason": "stop",
            "ai.response.id": "resp_1",
            "ai.response.msToFirstChunk": 120.5,
            "ai.usage.inputTokens": 20,
            "ai.usage.outputTokens": 8,
            "ai.usage.totalTokens": 28,
            "ai.usage.cachedInputTokens": 4,
            "ai.usage.reasoningTokens": 3,
            "ai.settings.maxRetries": 2,
            "ai.settings.temperature": 0.1,
            "ai.telemetry.metadata.userId": "u",
            "ai.telemetry.metadata.sessionId": "s",
            "ai.telemetry.metadata.tags": ["a", "b"],
        }
    )
    assert (span.kind, span.provider, span.model, span.convention) == (
        "llm",
        "openai",
        "gpt-5-mini",
        "vercel",
    )
    assert [message["role"] for message in json.loads(span.input)] == ["system", "user", "tool"]
    assert json.loads(span.output) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "A step."}, CALL]}
    ]
    assert json.loads(span.tools) == [{"type": "function", "name": "look_up"}]
    assert (span.response_id, span.finish_reasons, span.first_token_ms) == ("resp_1", ("stop",), 120.5)
    assert span.usage == Usage(input=16, cache_read=4, output=5, reasoning=3)
    assert (span.user, span.session, span.tags) == ("u", "s", ("a", "b"))
    assert json.loads(span.parameters) == {"temperature": 0.1}


def test_openinference_documents_and_scores() -> None:
    span = read(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "what is a span",
            "retrieval.documents.0.document.id": "d0",
            "retrieval.documents.0.document.content": "A span is a step.",
            "retrieval.documents.0.document.score": 0.75,
            "retrieval.documents.0.document.metadata": '{"page": 3}',
            "retrieval.documents.11.document.content": "Another.",
            "annotations.0.annotation.name": "relevance",
            "annotations.0.annotation.score": 0.5,
            "annotations.0.annotation.annotator_kind": "LLM",
            "annotations.0.annotation.explanation": "half",
        }
    )
    assert (span.kind, span.operation, span.input) == ("retriever", "retrieval", '"what is a span"')
    assert json.loads(span.documents) == [
        {"id": "d0", "content": "A span is a step.", "score": 0.75, "metadata": {"page": 3}},
        {"content": "Another."},
    ]
    assert span.scores == (ScoreSaid(name="relevance", value=0.5, comment="half", source="model"),)
    assert json.loads(span.attributes) == {"openinference.span.kind": "RETRIEVER"}


def test_memory_that_is_searched_gives_documents() -> None:
    span = read(
        {
            "gen_ai.operation.name": "search_memory",
            "gen_ai.memory.query.text": "what she likes",
            "gen_ai.memory.records": '[{"id": "m1", "content": "She likes herons."}]',
        }
    )
    assert (span.kind, span.operation, span.input) == ("retriever", "search_memory", '"what she likes"')
    assert json.loads(span.documents) == [{"id": "m1", "content": "She likes herons."}]


@pytest.mark.parametrize(
    ("operation", "kind"), [("plan", "span"), ("create_memory", "tool"), ("delete_memory_store", "tool")]
)
def test_planning_and_keeping_are_no_calls_of_models_though_they_name_one(operation: str, kind: str) -> None:
    span = read({"gen_ai.operation.name": operation, "gen_ai.request.model": "gpt-5-mini"})
    assert (span.kind, span.operation) == (kind, operation)


def test_an_evaluation_is_a_score() -> None:
    said = {
        "gen_ai.evaluation.name": "tone",
        "gen_ai.evaluation.score.value": 1,
        "gen_ai.evaluation.score.label": "kind",
    }
    span = read({}, events=[event("gen_ai.evaluation.result", **said)])
    assert span.scores == (ScoreSaid(name="tone", value=1.0, text="kind"),)


@pytest.mark.parametrize(
    ("attributes", "pico_usd", "flags"),
    [
        ({"gen_ai.usage.cost": 0.000123}, 123_000_000, ()),
        ({"gen_ai.usage.cost": "0.1"}, 100_000_000_000, ()),
        ({"llm.cost.prompt": 0.1, "llm.cost.completion": 0.2}, 300_000_000_000, ()),
        ({"llm.cost.prompt": 1, "llm.cost.completion": 2, "llm.cost.total": 3}, 3_000_000_000_000, ()),
        (
            {"llm.cost.prompt": 1, "llm.cost.completion": 2, "llm.cost.total": 4},
            4_000_000_000_000,
            ("cost_inconsistent",),
        ),
        ({"langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2}'}, 300_000_000_000, ()),
        (
            {"langfuse.observation.cost_details": '{"total": 0.5}', "gen_ai.usage.cost": 9},
            500_000_000_000,
            (),
        ),
        ({"gen_ai.usage.cost": -1, "llm.cost.total": 1}, 1_000_000_000_000, ("cost_unreadable",)),
        ({"gen_ai.usage.cost": float("nan")}, None, ("cost_unreadable",)),
        ({"gen_ai.usage.cost": True}, None, ("cost_unreadable",)),
    ],
)
def test_what_a_span_reports_it_cost(
    attributes: dict[str, Any], pico_usd: int | None, flags: tuple[str, ...]
) -> None:
    span = read(attributes)
    assert (span.cost_pico_usd, span.flags) == (pico_usd, flags)
    assert span.cost_source == ("" if pico_usd is None else "reported")


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
            },
            [{"type": "uri", "modality": "image", "uri": "https://example.com/a.png"}],
        ),
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            },
            [{"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"}],
        ),
        (
            {
                "role": "user",
                "content": [
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                    }
                ],
            },
            [{"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"}],
        ),
        (
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "A"}],
            },
            [{"type": "reasoning", "content": "Hm."}, {"type": "text", "content": "A"}],
        ),
        (
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {"word": "span"}}],
            },
            [CALL],
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "a step"}]},
            [GAVE],
        ),
        (
            {
                "role": "model",
                "parts": [{"functionCall": {"name": "look_up", "args": {"word": "span"}, "id": "c1"}}],
            },
            [CALL],
        ),
        (
            {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": '{"word":"span"}'},
            [CALL],
        ),
        ({"type": "function_call_output", "call_id": "c1", "output": "a step"}, [GAVE]),
        ({"type": "human", "content": "Hello"}, [{"type": "text", "content": "Hello"}]),
        (
            {"role": "assistant", "parts": [{"type": "tool_call_response", "id": "c1", "result": "a step"}]},
            [GAVE],
        ),
    ],
)
def test_messages_of_every_dialect_become_of_one_shape(
    message: dict[str, Any], parts: list[dict[str, Any]]
) -> None:
    span = read({"gen_ai.operation.name": "chat", "input": json.dumps([message])})
    (found,) = json.loads(span.input)
    assert found["parts"] == parts


def test_indexed_attributes_are_rebuilt_in_bounded_memory() -> None:
    many = {f"llm.input_messages.{index}.message.content": "x" for index in range(0, 30_000, 2)}
    far = {"llm.input_messages.99999999999999.message.role": "user"}
    span = read({**many, **far, "llm.input_messages.0.message.role": "user"})
    assert "indexed_cut" in span.flags
    assert len(json.loads(span.input)) <= 10_001
    assert len(json.loads(span.attributes)) >= 4_990


def test_what_is_too_long_is_shortened_and_flagged() -> None:
    messages = [text("user", "x" * 3_000_000), text("user", "the end")]
    span = read({"gen_ai.input.messages": messages, "note": "y" * 3_000_000})
    assert set(span.flags) == {"input_cut", "attributes_cut"}
    assert len(span.input) + len(span.attributes) < 1 << 18
    assert json.loads(span.input)[1] == text("user", "the end")


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"langfuse.observation.type": "agent", "gen_ai.operation.name": "chat"}, "agent"),
        ({"langfuse.observation.type": "span", "gen_ai.operation.name": "chat"}, "llm"),
        ({"openinference.span.kind": "CHAIN"}, "workflow"),
        ({"traceloop.span.kind": "task"}, "span"),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "t"}, "tool"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm"),
        ({"genkit:metadata:subtype": "flow"}, "workflow"),
        ({"mcp.method.name": "tools/call"}, "tool"),
        ({"ai.operationId": "ai.embed.doEmbed"}, "embedding"),
        ({"gen_ai.operation.name": "plan"}, "span"),
        ({"gen_ai.tool.name": "t"}, "tool"),
    ],
)
def test_kinds_by_precedence(attributes: dict[str, Any], kind: str) -> None:
    assert read(attributes).kind == kind


@pytest.mark.parametrize(
    ("attributes", "field", "value"),
    [
        ({"user.id": "b", "langfuse.user.id": "a"}, "user", "a"),
        ({"user.id": ["no", "text"], "gen_ai.user": "c"}, "user", "c"),
        ({"session.id": "a", "gen_ai.conversation.id": "b"}, "session", "a"),
        ({"gen_ai.request.model": "a", "llm.model_name": "b", "gen_ai.response.model": "c"}, "model", "c"),
        ({"tag.tags": ["x", "x", "y"]}, "tags", ("x", "y")),
        ({"langfuse.trace.tags": '["x"]', "tag.tags": ["y"]}, "tags", ("x",)),
        ({"langfuse.environment": "a", "deployment.environment": "b"}, "environment", "a"),
        ({"gen_ai.prompt.name": "p", "gen_ai.prompt.version": 3}, "prompt_version", "3"),
        ({"langfuse.trace.name": "n", "traceloop.workflow.name": "w"}, "trace_name", "n"),
        ({"gen_ai.provider.name": "mistralai"}, "provider", "mistral_ai"),
    ],
)
def test_what_wins(attributes: dict[str, Any], field: str, value: object) -> None:
    assert getattr(read(attributes), field) == value


def test_a_wrong_type_stays_where_it_was() -> None:
    span = read({"user.id": {"a": 1}, "gen_ai.usage.input_tokens": "many", "gen_ai.request.model": 4.5})
    assert span.flags == ("usage_unreadable",)
    assert (span.user, span.usage, span.model) == ("", None, "")
    assert json.loads(span.attributes) == {
        "user.id": {"a": 1},
        "gen_ai.usage.input_tokens": "many",
        "gen_ai.request.model": 4.5,
    }
