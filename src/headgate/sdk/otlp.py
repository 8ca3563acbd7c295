"""Spans as OTLP says them in JSON, so that no protobuf is needed. Pure.

Read next: `sdk.spans`; the shape: opentelemetry-proto, `trace/v1/trace.proto`, and OTLP's JSON mapping.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN_CONTEXT

_encode = msgspec.json.Encoder().encode


def encode_spans(spans: Sequence[ReadableSpan]) -> bytes:
    """Return the body of a request that exports spans."""
    groups: dict[tuple[int, str, str], list[ReadableSpan]] = {}
    for span in spans:
        scope = span.instrumentation_scope
        name, version = (scope.name, scope.version or "") if scope is not None else ("", "")
        groups.setdefault((id(span.resource), name, version), []).append(span)
    resources = [
        {
            "resource": {"attributes": _attributes(group[0].resource.attributes)},
            "scopeSpans": [
                {"scope": {"name": name, "version": version}, "spans": [_span(span) for span in group]}
            ],
        }
        for (_, name, version), group in groups.items()
    ]
    return _encode({"resourceSpans": resources})


def rejected(said: Mapping[str, Any]) -> str:
    """Return what a server says of spans that it did not take; empty where it took all."""
    partial: Any = said.get("partialSuccess") or {}
    parts = cast("dict[str, Any]", partial) if isinstance(partial, dict) else {}
    count = parts.get("rejectedSpans")
    if count in (None, 0, "0"):
        return ""
    message = str(parts.get("errorMessage", ""))[:500]
    return f"Headgate took all spans of a batch but {count}: {message}"


def _span(span: ReadableSpan) -> dict[str, Any]:
    context = span.context or INVALID_SPAN_CONTEXT
    parent = span.parent
    return {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentSpanId": f"{parent.span_id:016x}" if parent is not None else "",
        "name": span.name,
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time or 0),
        "endTimeUnixNano": str(span.end_time or 0),
        "attributes": _attributes(span.attributes),
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
        "events": [
            {
                "name": each.name,
                "timeUnixNano": str(each.timestamp),
                "attributes": _attributes(each.attributes),
            }
            for each in span.events
        ],
        "links": [
            {
                "traceId": f"{each.context.trace_id:032x}",
                "spanId": f"{each.context.span_id:016x}",
                "attributes": _attributes(each.attributes),
            }
            for each in span.links
        ],
    }


def _attributes(found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in (found or {}).items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case str():
            return {"stringValue": _writable(value)}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else _not_finite(value)}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case Mapping():
            members = cast("Mapping[str, Any]", value)
            return {"kvlistValue": {"values": _attributes(members)}}
        case Sequence():
            return {"arrayValue": {"values": [_value(each) for each in cast("Sequence[Any]", value)]}}
        case _:
            return {"stringValue": str(value)}


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _writable(text: str) -> str:
    """A text that UTF-8 can say: half of a surrogate pair becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
