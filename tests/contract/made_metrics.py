"""Metrics as exporters send them, and as the journal holds them, with whatever a test wants to say."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from tests.contract.made_entries import BOOT, now_ms
from tests.contract.otlp_messages import say

from headgate.access.model import Key
from headgate.core.ports import Envelope
from headgate.traces.metrics.model import METRICS
from headgate.traces.otlp.metrics import decode_metrics

NEW_METRICS: Any = ExportMetricsServiceRequest
METRICS_ANSWER: Any = ExportMetricsServiceResponse
TOKENS = "gen_ai.client.token.usage"
DURATION = "gen_ai.client.operation.duration"
DELTA, CUMULATIVE = 1, 2


def new_metrics(service: str = "shop") -> Any:
    """A request without metrics."""
    request = NEW_METRICS()
    resource = request.resource_metrics.add()
    say(resource.resource.attributes, "service.name", service)
    resource.scope_metrics.add().scope.name = "instrumentation"
    return request


def add_point(request: Any, name: str, kind: str, *, temporality: int = DELTA, **fields: Any) -> Any:
    """Add a metric of one point to a request's first scope; attributes are told as a dict."""
    metric = request.resource_metrics[0].scope_metrics[0].metrics.add(name=name, unit="s")
    data = getattr(metric, kind)
    if kind != "gauge":
        data.aggregation_temporality = temporality
    if kind == "sum":
        data.is_monotonic = fields.pop("is_monotonic", True)
    said = fields.pop("attributes", {})
    point = data.data_points.add(**fields)
    for attribute, value in said.items():
        say(point.attributes, attribute, value)
    return point


def metric_envelopes(request: Any, *, received_ms: int | None = None, **changes: Any) -> Sequence[Envelope]:
    """Return what control would put into the journal of a request."""
    given: dict[str, Any] = {"id": "k1", "name": "k1", "digest": b"", **changes}
    at_ms = now_ms() if received_ms is None else received_ms
    decoded = decode_metrics(request.SerializeToString(), "protobuf", Key(**given), at_ms)
    assert decoded.reasons.text() == ""
    return [Envelope(BOOT.bytes, METRICS, entry) for entry in decoded.entries]
