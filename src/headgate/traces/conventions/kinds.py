"""What a step is: the words of each convention, and which convention wins. Tables, and one look-up.

Read next: `traces.model.Kind`.
"""

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from headgate.traces.model import Kind

OWN_KIND: Final = "headgate.kind"
"""How an export of Headgate's own says it."""

KIND_WORDS: Final[Mapping[str, Mapping[str, Kind]]] = {
    OWN_KIND: {kind: kind for kind in get_args(Kind)},
    "langfuse.observation.type": {
        "generation": "llm",
        "embedding": "embedding",
        "agent": "agent",
        "tool": "tool",
        "chain": "workflow",
        "retriever": "retriever",
        "evaluator": "evaluator",
        "guardrail": "guardrail",
    },
    "openinference.span.kind": {
        "llm": "llm",
        "chain": "workflow",
        "agent": "agent",
        "tool": "tool",
        "retriever": "retriever",
        "reranker": "reranker",
        "embedding": "embedding",
        "guardrail": "guardrail",
        "evaluator": "evaluator",
        "prompt": "prompt",
        "decision": "llm",
    },
    "gen_ai.operation.name": {
        "chat": "llm",
        "generate_content": "llm",
        "text_completion": "llm",
        "completion": "llm",
        "fetch_response": "llm",
        "image_generation": "llm",
        "embeddings": "embedding",
        "embedding": "embedding",
        "retrieval": "retriever",
        "search_memory": "retriever",
        "create_memory": "tool",
        "update_memory": "tool",
        "upsert_memory": "tool",
        "delete_memory": "tool",
        "create_memory_store": "tool",
        "delete_memory_store": "tool",
        "plan": "span",
        "rerank": "reranker",
        "create_agent": "agent",
        "invoke_agent": "agent",
        "execute_tool": "tool",
        "invoke_workflow": "workflow",
    },
    "genkit:metadata:subtype": {
        "model": "llm",
        "tool": "tool",
        "flow": "workflow",
        "retriever": "retriever",
        "reranker": "reranker",
        "embedder": "embedding",
        "prompt": "prompt",
        "evaluator": "evaluator",
        "agent": "agent",
    },
    "ai.operationId": {
        "ai.generatetext.dogenerate": "llm",
        "ai.streamtext.dostream": "llm",
        "ai.generateobject.dogenerate": "llm",
        "ai.streamobject.dostream": "llm",
        "ai.embed.doembed": "embedding",
        "ai.embedmany.doembed": "embedding",
        "ai.rerank.dorerank": "reranker",
        "ai.toolcall": "tool",
        "ai.generatetext": "workflow",
        "ai.streamtext": "workflow",
        "ai.generateobject": "workflow",
        "ai.streamobject": "workflow",
        "ai.embed": "workflow",
        "ai.embedmany": "workflow",
        "ai.rerank": "workflow",
    },
    "traceloop.span.kind": {"workflow": "workflow", "agent": "agent", "tool": "tool"},
    "llm.request.type": {
        "chat": "llm",
        "completion": "llm",
        "embedding": "embedding",
        "rerank": "reranker",
    },
    "mlflow.spanType": {
        "llm": "llm",
        "chat_model": "llm",
        "chain": "workflow",
        "workflow": "workflow",
        "agent": "agent",
        "tool": "tool",
        "retriever": "retriever",
        "reranker": "reranker",
        "embedding": "embedding",
        "guardrail": "guardrail",
        "evaluator": "evaluator",
    },
    "mcp.method.name": {"tools/call": "tool", "prompts/get": "prompt", "resources/read": "retriever"},
}
"""Attributes that say it, the strongest first, and their words in lower case. Words that stand for nothing
in particular (`span`, `task`, `event`) are left out, so that the next attribute is asked."""

SPAN_NAMES: Final[Mapping[str, Kind]] = {
    "llm_node": "llm",
    "llm_request": "llm",
    "function_tool": "tool",
    "agent_turn": "agent",
    "agent_session": "workflow",
    "agent run": "agent",
    "running tool": "tool",
}
"""Names of spans of LiveKit and of earlier pydantic-ai, whose attributes don't say it."""

HINTS: Final[tuple[tuple[str, Kind], ...]] = (
    ("retrieval.documents.N", "retriever"),
    ("gen_ai.retrieval.documents", "retriever"),
    ("reranker.output_documents.N", "reranker"),
    ("gen_ai.tool.call.id", "tool"),
    ("gen_ai.tool.name", "tool"),
    ("tool.name", "tool"),
    ("lk.function_tool.name", "tool"),
    ("gen_ai.input.messages", "llm"),
    ("llm.input_messages.N", "llm"),
    ("gen_ai.prompt.N", "llm"),
    ("llm.model_name", "llm"),
    ("gen_ai.response.model", "llm"),
    ("gen_ai.request.model", "llm"),
)
"""Where nothing says it: the first of these names that is there."""

OPERATIONS: Final[Mapping[Kind, str]] = {
    "llm": "chat",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "reranker": "rerank",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "workflow": "invoke_workflow",
}
"""OpenTelemetry's word for a kind, where the span itself gives none."""


def kind_of(words: Iterable[tuple[str, str]], span_name: str, heard: Mapping[str, object]) -> Kind:
    """The kind that words of attributes (strongest first), a span's name or what it holds say."""
    for name, word in words:
        if kind := KIND_WORDS[name].get(word.lower()):
            return kind
    if not heard:
        return "span"
    if kind := SPAN_NAMES.get(span_name):
        return kind
    for name, hint in HINTS:
        if name in heard:
            return hint
    return "span"
