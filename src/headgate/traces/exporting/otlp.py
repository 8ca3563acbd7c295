"""OTLP as JSON: spans that came in, and calls on record, as `resourceSpans` says them. Pure.

Ids are hexadecimal, 64-bit numbers text (opentelemetry.io/docs/specs/otlp, JSON Protobuf Encoding). Read
next: `exporting.attributes`, `sending.spans`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from headgate.traces.exporting.attributes import attributes_of
from headgate.traces.exporting.model import StoredSpan
from headgate.traces.model import span_text
from headgate.traces.scores.model import Feedback
from headgate.traces.sending.spans import KIND_CLIENT, SCOPE, STATUS_ERROR, ToldSpan

KIND_INTERNAL: Final = 1
_STATUS: Final = {"ok": 1, "error": STATUS_ERROR}
_CALLS: Final = frozenset({"llm", "embedding", "reranker"})
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1
_ANNOTATORS: Final = {"person": "HUMAN", "model": "LLM", "code": "CODE"}

Around = tuple[str, str]
"""What stands around a span, as JSON: its resource and its scope."""


def span_of(
    trace_id: str, span: StoredSpan, scores: Sequence[Feedback] = (), trace_name: str = ""
) -> tuple[Around, dict[str, Any]]:
    """Return a stored span as OTLP's JSON, and what stands around it; `scores` become its events."""
    details = _object(span.details)
    start_ns = span.started_us * 1000
    end_ns = start_ns + span.duration_us * 1000
    written: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span_text(span.number),
        "parentSpanId": None if span.parent is None else span_text(span.parent),
        "name": span.name,
        "kind": KIND_CLIENT if span.kind in _CALLS else KIND_INTERNAL,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(end_ns),
        "attributes": key_values(attributes_of(span, details, trace_name)),
        "events": [*_events(details.get("events")), *[_score(score, end_ns) for score in scores]],
        "links": _links(details.get("links")),
        "status": _status(span),
    }
    resource: Any = details.get("resource")
    known = cast("dict[str, Any]", resource) if isinstance(resource, dict) else {}
    if span.service and "service.name" not in known:
        known = {"service.name": span.service, **known}
    scope, _, version = str(details.get("scope", "")).rpartition(" ")
    around = _around(known, scope or version, version if scope else "")
    return around, {name: value for name, value in written.items() if value not in (None, [], {})}


def call_span(span: ToldSpan, version: str) -> tuple[Around, dict[str, Any]]:
    """Return a call's span as OTLP's JSON, and what stands around it."""
    start_ns = span.started_ms * 1_000_000
    said = {name: value for name, value in span.said.items() if value not in (None, "", (), [])}
    written: dict[str, Any] = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_id.hex() or None,
        "name": span.name,
        "kind": KIND_CLIENT,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + max(0, span.duration_ms) * 1_000_000),
        "attributes": key_values(said),
        "status": None if span.error is None else {"code": STATUS_ERROR, "message": span.error},
    }
    around = _around({"service.name": SCOPE}, SCOPE, version)
    return around, {name: value for name, value in written.items() if value is not None}


def request_of(spans: Iterable[tuple[Around, msgspec.Raw]]) -> bytes:
    """Return an `ExportTraceServiceRequest` of encoded spans, those of one surrounding together."""
    groups: dict[Around, list[msgspec.Raw]] = {}
    for around, span in spans:
        groups.setdefault(around, []).append(span)
    found = [
        {
            "resource": msgspec.Raw(resource.encode()),
            "scopeSpans": [{"scope": msgspec.Raw(scope.encode()), "spans": of_group}],
        }
        for (resource, scope), of_group in groups.items()
    ]
    return msgspec.json.encode({"resourceSpans": found})


def key_values(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return attributes as OTLP's list of them."""
    return [{"key": name, "value": any_value(value)} for name, value in values.items()]


def any_value(value: object) -> dict[str, Any]:
    """Return an `AnyValue`; null is one that says nothing."""
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int() if _LONG_MIN <= value <= _LONG_MAX:
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else str(value)}
        case list() | tuple():
            items = cast("Iterable[object]", value)
            return {"arrayValue": {"values": [any_value(item) for item in items]}}
        case dict():
            return {"kvlistValue": {"values": key_values(cast("Mapping[str, Any]", value))}}
        case _:
            return {"stringValue": str(value)}


def _around(resource: Mapping[str, Any], scope: str, version: str) -> Around:
    named = {"name": scope, "version": version}
    return (
        msgspec.json.encode({"attributes": key_values(resource)}).decode(),
        msgspec.json.encode({name: text for name, text in named.items() if text}).decode(),
    )


def _status(span: StoredSpan) -> dict[str, Any]:
    status: dict[str, Any] = {"code": _STATUS[span.status]} if span.status in _STATUS else {}
    return {**status, "message": span.status_message} if span.status_message else status


def _events(events: object) -> list[dict[str, Any]]:
    return [
        {
            "name": event.get("name", ""),
            "timeUnixNano": str(event.get("at_ns", 0)),
            "attributes": key_values(event.get("attributes") or {}),
        }
        for event in _objects(events)
    ]


def _links(links: object) -> list[dict[str, Any]]:
    return [
        {
            "traceId": link.get("trace_id", ""),
            "spanId": link.get("span_id", ""),
            "attributes": key_values(link.get("attributes") or {}),
        }
        for link in _objects(links)
    ]


def _score(score: Feedback, at_ns: int) -> dict[str, Any]:
    """An event of evaluation (open-telemetry/semantic-conventions-genai)."""
    is_text = isinstance(score.value, str)
    said: dict[str, Any] = {
        "gen_ai.evaluation.name": score.name,
        "gen_ai.evaluation.score.value": None if is_text else float(score.value),
        "gen_ai.evaluation.score.label": score.value if is_text else score.label,
        "gen_ai.evaluation.explanation": score.comment,
        "gen_ai.evaluation.annotator_kind": _ANNOTATORS[score.source],
    }
    kept = {name: value for name, value in said.items() if value not in (None, "")}
    return {
        "name": "gen_ai.evaluation.result",
        "timeUnixNano": str(at_ns),
        "attributes": key_values(kept),
    }


def _objects(value: object) -> list[dict[str, Any]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _object(text: str) -> dict[str, Any]:
    value: object = msgspec.json.decode(text) if text.startswith("{") else {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
