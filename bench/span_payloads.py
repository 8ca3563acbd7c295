"""Requests of an exporter, as applications send them: an agent's turns, with calls of models and tools.

Serialised once; each request then gets ids of its own, so that sending costs the machine little.
"""

import json
import os
import time
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

SPANS_PER_TRACE: Final = 10
CALLS_PER_TRACE: Final = 3
TRACES_PER_REQUEST: Final = 10
SPANS_PER_REQUEST: Final = SPANS_PER_TRACE * TRACES_PER_REQUEST

_QUESTION: Final = "Where is my parcel with the number A-1774, which I ordered three weeks ago? " * 4
_ANSWER: Final = "Your parcel has left the warehouse in Rotterdam and arrives on Thursday before noon. " * 4
_SYSTEM: Final = "You help the customers of a shop. Be kind and brief; look up what you don't know. " * 6


class Requests:
    """Bodies for `POST /v1/traces`, each of ten traces of ten spans."""

    def __init__(self) -> None:
        self._marks = [b"trace-" + b"%010d" % number for number in range(TRACES_PER_REQUEST)]
        spans = [span for mark in self._marks for span in _trace(mark)]
        resource = ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])
        resource.resource.attributes.extend(_attributes({"service.name": "shop", "service.version": "1.4"}))
        self._body = ExportTraceServiceRequest(resource_spans=[resource]).SerializeToString()

    def make(self) -> tuple[bytes, list[bytes]]:
        """Return a body, and the ids of its traces."""
        body, ids = self._body, [os.urandom(16) for _ in self._marks]
        for mark, identity in zip(self._marks, ids, strict=True):
            body = body.replace(mark, identity)
        return body, ids


def _trace(trace_id: bytes) -> list[Span]:
    spans = [_span(trace_id, 1, 0, "invoke_agent concierge", {"gen_ai.operation.name": "invoke_agent"})]
    for turn in range(CALLS_PER_TRACE):
        first = 2 + turn * 3
        spans.append(_span(trace_id, first, 1, "chat gpt-5-mini", _call(trace_id, turn)))
        spans.append(_span(trace_id, first + 1, first, "POST", {"http.request.method": "POST"}))
        spans.append(_span(trace_id, first + 2, 1, "execute_tool find_order", _tool(turn)))
    return spans


def _call(trace_id: bytes, turn: int) -> dict[str, Any]:
    history = [_message("user", _QUESTION)]
    for _ in range(turn):
        history += [_message("assistant", _ANSWER), _message("user", "And the other one?")]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini-2025-08-07",
        "gen_ai.response.id": f"chatcmpl-{turn}-",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 400 + 90 * turn,
        "gen_ai.usage.output_tokens": 80,
        "gen_ai.conversation.id": "c-1",
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": _SYSTEM}]),
        "gen_ai.input.messages": json.dumps(history),
        "gen_ai.output.messages": json.dumps([_message("assistant", _ANSWER)]),
    }


def _tool(turn: int) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "find_order",
        "gen_ai.tool.call.arguments": json.dumps({"number": f"A-177{turn}"}),
        "gen_ai.tool.call.result": json.dumps({"status": "on its way", "place": "Rotterdam"}),
    }


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _span(trace_id: bytes, number: int, parent: int, name: str, attributes: dict[str, Any]) -> Span:
    start_ns = time.time_ns() + number * 1_000_000
    return Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=Span.SPAN_KIND_CLIENT if name == "POST" else Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + 800_000_000,
        attributes=_attributes(attributes),
    )


def _attributes(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in values.items()]


def _value(value: Any) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(one) for one in value]))  # pyright: ignore
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(string_value=str(value))
