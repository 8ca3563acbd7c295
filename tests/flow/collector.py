"""A stand-in collector: takes OTLP over HTTP, decodes it by OpenTelemetry's own schema, answers as told."""

import asyncio
import contextlib
import gzip
import socket
from typing import Any

import msgspec
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.flow.server_thread import ServerThread


class TakenSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One span as it arrived. `attributes` by name; lists are tuples."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    error: bool
    message: str
    attributes: dict[str, Any]
    events: tuple[tuple[str, dict[str, Any]], ...] = ()


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One point of a histogram as it arrived."""

    metric: str
    unit: str
    temporality: int
    attributes: dict[str, Any]
    count: int
    sum: float
    counts: tuple[int, ...]
    bounds: tuple[float, ...]


def value_of(value: Any) -> Any:
    """An AnyValue as a plain one."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(value_of(one) for one in value.array_value.values)
    return getattr(value, kind) if kind else None


def _named(attributes: Any) -> dict[str, Any]:
    return {one.key: value_of(one.value) for one in attributes}


class Collector(ServerThread):
    """Answers each request with the next of `statuses`, then with 200; silent while `stalls` is set."""

    def __init__(self) -> None:
        super().__init__("collector")
        self.statuses: list[int] = []
        self.paused = 0.0
        self.rejects = 0
        self.bodies: list[tuple[str, dict[str, str], bytes]] = []
        self.calls = 0

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        assert method == "POST"
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.calls += 1
        if self.paused:
            await asyncio.sleep(self.paused)
        status = self.statuses.pop(0) if self.statuses else 200
        said = b""
        if status == 200:
            assert headers["content-encoding"] == "gzip"
            self.bodies.append((target, headers, gzip.decompress(body)))
            if self.rejects:
                partial = ExportTracePartialSuccess(rejected_spans=self.rejects, error_message="too old")
                said = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
        more = "retry-after: 1\r\n" if status == 429 else ""
        with contextlib.suppress(ConnectionError):
            writer.write(f"HTTP/1.1 {status} X\r\n{more}content-length: {len(said)}\r\n\r\n".encode() + said)
            await writer.drain()
        return True

    @property
    def url(self) -> str:
        """What an exporter's endpoint is set to."""
        return f"http://127.0.0.1:{self.port}/otlp"

    def spans(self) -> list[TakenSpan]:
        """All spans so far, in the order in which they came."""
        found: list[TakenSpan] = []
        for target, _, body in list(self.bodies):
            if target != "/otlp/v1/traces":
                continue
            request = ExportTraceServiceRequest.FromString(body)
            for one in request.resource_spans:
                assert _named(one.resource.attributes)["service.name"] == "headgate"
                for scope in one.scope_spans:
                    found += [_span(span) for span in scope.spans]
        return found

    def points(self) -> list[Point]:
        """All points of metrics so far."""
        found: list[Point] = []
        for target, _, body in list(self.bodies):
            if target != "/otlp/v1/metrics":
                continue
            request = ExportMetricsServiceRequest.FromString(body)
            for one in request.resource_metrics:
                for scope in one.scope_metrics:
                    for metric in scope.metrics:
                        found += [_point(metric, point) for point in metric.histogram.data_points]
        return found

    def holds(self, text: str) -> bool:
        """Whether a text stands anywhere in what was taken."""
        return any(text.encode() in body for _, _, body in self.bodies)


def _span(span: Any) -> TakenSpan:
    return TakenSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        error=span.status.code == 2,
        message=span.status.message,
        attributes=_named(span.attributes),
        events=tuple([(event.name, _named(event.attributes)) for event in span.events]),
    )


def _point(metric: Any, point: Any) -> Point:
    assert point.count == sum(point.bucket_counts)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    return Point(
        metric=metric.name,
        unit=metric.unit,
        temporality=metric.histogram.aggregation_temporality,
        attributes=_named(point.attributes),
        count=point.count,
        sum=point.sum,
        counts=tuple(point.bucket_counts),
        bounds=tuple(point.explicit_bounds),
    )


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
