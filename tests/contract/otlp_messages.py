"""Requests of exporters, as OpenTelemetry's own messages and as JSON, for tests."""

from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

TRACE_ID = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
SPAN_ID = bytes.fromhex("b7ad6b7169203331")
START_NS = 1_795_000_000_000_000_000
END_NS = START_NS + 250_000_000
RECEIVED_MS = START_NS // 1_000_000 + 1_000

NEW_REQUEST: Any = ExportTraceServiceRequest
NEW_RESPONSE: Any = ExportTraceServiceResponse


def add_span(request: Any, **fields: Any) -> Any:
    """Add a span to a request's first scope, with the ids and times of above unless others are given."""
    if not request.resource_spans:
        group = request.resource_spans.add()
        service = group.resource.attributes.add(key="service.name")
        service.value.string_value = "shop"
        group.scope_spans.add().scope.name = "instrumentation"
    given = {
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "name": "chat gpt-5",
        "kind": 3,
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": END_NS,
        **fields,
    }
    return request.resource_spans[0].scope_spans[0].spans.add(**given)


def say(target: Any, name: str, value: Any) -> None:
    """Add an attribute."""
    fill(target.add(key=name).value, value)


def fill(target: Any, value: Any) -> None:
    """Put a plain value into an AnyValue."""
    match value:
        case bool():
            target.bool_value = value
        case str():
            target.string_value = value
        case int():
            target.int_value = value
        case float():
            target.double_value = value
        case bytes():
            target.bytes_value = value
        case list():
            target.array_value.SetInParent()
            for member in value:  # pyright: ignore[reportUnknownVariableType]
                fill(target.array_value.values.add(), member)
        case dict():
            target.kvlist_value.SetInParent()
            for name, member in value.items():  # pyright: ignore[reportUnknownVariableType]
                fill(target.kvlist_value.values.add(key=name).value, member)
        case _:
            assert value is None


def request_of(count: int = 1, **fields: Any) -> bytes:
    """Return a request with so many spans, told apart by their ids."""
    request = NEW_REQUEST()
    for number in range(count):
        span = add_span(request, **{"span_id": (number + 1).to_bytes(8, "big"), **fields})
        say(span.attributes, "gen_ai.operation.name", "chat")
    return request.SerializeToString()


def json_of(**fields: Any) -> dict[str, Any]:
    """Return a request in JSON with one span."""
    span = {
        "traceId": TRACE_ID.hex(),
        "spanId": SPAN_ID.hex(),
        "name": "chat gpt-5",
        "kind": 3,
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(END_NS),
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
        **fields,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scope_spans = [{"scope": {"name": "instrumentation"}, "spans": [span]}]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scope_spans}]}
