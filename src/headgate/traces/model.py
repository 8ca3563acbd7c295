"""A span as OTLP says it, and as it is kept. Pure.

Read next: `traces.otlp` (bytes to `RawSpan`), `traces.conventions` (`RawSpan` to `Span`), `traces.keeping`.
"""

from typing import Any, Literal

import msgspec

from headgate.core.call import Usage
from headgate.core.identity import span_bytes as span_bytes  # noqa: PLC0414 - where spans are kept, these are looked for here
from headgate.core.identity import span_number as span_number  # noqa: PLC0414 - where spans are kept, these are looked for here
from headgate.core.identity import span_text as span_text  # noqa: PLC0414 - where spans are kept, these are looked for here

SPANS = 6
"""The journal's kind of a `SpanBatch`."""

LOGS = 7
"""The journal's kind of a `LogBatch`."""

Kind = Literal[
    "llm",
    "embedding",
    "tool",
    "retriever",
    "reranker",
    "agent",
    "workflow",
    "guardrail",
    "evaluator",
    "prompt",
    "span",
]
"""What a step is. `llm`, `embedding` and `reranker` are calls of models."""

Status = Literal["unset", "ok", "error"]
CostSource = Literal["", "reported", "priced"]


class RawEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a span. `at_ns` is Unix time."""

    name: str
    at_ns: int
    attributes: dict[str, Any] = {}


class RawLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to another span."""

    trace_id: bytes
    span_id: bytes
    attributes: dict[str, Any] = {}


class RawSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A span as OTLP says it. Ids are 16 and 8 bytes, `parent_id` empty at a root; times Unix nanoseconds.

    Values of attributes are str, bool, int, float, lists and dicts of these; bytes become base64 text.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status: Status = "unset"
    status_message: str = ""
    attributes: dict[str, Any] = {}
    events: list[RawEvent] = []
    links: list[RawLink] = []
    resource: dict[str, Any] = {}
    scope: str = ""
    scope_version: str = ""


class ScoreSaid(msgspec.Struct, frozen=True, array_like=True):
    """A score that a span carries: of an evaluation event or of annotations."""

    name: str
    value: float | None = None
    text: str = ""
    comment: str = ""
    source: str = "code"


class Span(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A span as it is kept. Empty text is unknown; JSON fields hold JSON text, empty where there is none.

    `usage` is None where the span says nothing of tokens. `input` and `output` are a JSON list of messages
    `{role, parts: [{type, ...}]}` in OpenTelemetry's shape where the span says messages, else any JSON
    value. `attributes` holds what is not in these two. Fields are only ever appended.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    kind: Kind
    start_ns: int
    end_ns: int
    status: Status = "unset"
    status_message: str = ""
    operation: str = ""
    provider: str = ""
    model: str = ""
    request_model: str = ""
    response_id: str = ""
    agent: str = ""
    tool: str = ""
    user: str = ""
    session: str = ""
    tags: tuple[str, ...] = ()
    release: str = ""
    environment: str = ""
    service: str = ""
    prompt: str = ""
    prompt_version: str = ""
    usage: Usage | None = None
    usage_raw: str = ""
    cost_pico_usd: int | None = None
    cost_source: CostSource = ""
    first_token_ms: float | None = None
    finish_reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    input: str = ""
    output: str = ""
    system: str = ""
    """JSON of the system instructions, where they stand apart from the messages."""
    tools: str = ""
    parameters: str = ""
    documents: str = ""
    """JSON list of `{id, content, score, metadata}` that a retriever or reranker gave."""
    scores: tuple[ScoreSaid, ...] = ()
    attributes: str = ""
    events: str = ""
    links: str = ""
    resource: str = ""
    scope: str = ""
    convention: str = ""
    """Whose names were read: otel, otel-legacy, openinference, traceloop, langfuse, vercel, ..."""
    trace_name: str = ""


class SpanBatch(msgspec.Struct, frozen=True, array_like=True):
    """What one request of an exporter brought, or a part of it: the journal's entry."""

    project: str
    key: str
    received_ms: int
    spans: tuple[Span, ...]


class LogEvent(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An event of a span that came as a log record. `span_id` is empty for a score of a whole trace.

    `attributes` is JSON: what it says, as an event of a span would. `digest` tells it from all others of its
    span, `place` is where it stood in its request, `cost_pico_usd` what its tokens cost by the price table.
    A score is nothing else.
    """

    trace_id: bytes
    span_id: bytes
    name: str
    at_ns: int
    digest: bytes = b""
    place: int = 0
    attributes: str = ""
    score: ScoreSaid | None = None
    cost_pico_usd: int | None = None


class LogBatch(msgspec.Struct, frozen=True, array_like=True):
    """What one request of an exporter of logs brought, or a part of it: the journal's entry."""

    project: str
    key: str
    received_ms: int
    events: tuple[LogEvent, ...]


def trace_text(trace_id: bytes) -> str:
    """Return an id as people see it: 32 hex digits."""
    return trace_id.hex()
