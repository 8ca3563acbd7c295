"""Calls as OTLP metrics, by the current names and bucket boundaries of OpenTelemetry for generative AI. Pure.

Deltas: each request says what its calls add, from the start of the first to the end of the last of them. Only
calls that were sent to a provider count: names that clients made up would be series without end. Headgate
serves no model itself, so nothing is said by `gen_ai.server.*`. Source:
open-telemetry/semantic-conventions-genai, "Generative AI client metrics".
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from headgate.traces.sending.model import Exporter, SentCall, provider_of
from headgate.traces.sending.protobuf import (
    attributes,
    data,
    double,
    fixed,
    number,
    packed_doubles,
    packed_fixed,
    text,
)
from headgate.traces.sending.spans import SCOPE, operation_of, resource

DELTA: Final = 1
TOKENS: Final = (
    *(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536),
    *(262144, 1048576, 4194304, 16777216, 67108864),
)
DURATIONS_S: Final = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
FIRST_CHUNKS_S: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)


class Metric(msgspec.Struct, frozen=True):
    """A histogram: its name, unit, description and bucket boundaries."""

    name: str
    unit: str
    about: str
    bounds: tuple[float, ...]


TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", TOKENS
)
DURATION: Final = Metric("gen_ai.client.operation.duration", "s", "GenAI operation duration.", DURATIONS_S)
FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk", "s", "Time to receive the first chunk.", FIRST_CHUNKS_S
)
_Series = tuple[tuple[str, Any], ...]


class Histogram:
    """One series of a metric while it is added up."""

    __slots__ = ("_bounds", "_count", "_counts", "_least", "_most", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._count = 0
        self._sum = 0.0
        self._least = float("inf")
        self._most = float("-inf")

    def add(self, value: float) -> None:
        """Count a value; a boundary belongs to the bucket that it ends."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._count += 1
        self._sum += value
        self._least, self._most = min(self._least, value), max(self._most, value)

    def point(self, series: _Series, between_ns: tuple[int, int]) -> bytes:
        """An OTLP `HistogramDataPoint`."""
        return b"".join(
            [
                attributes(9, dict(series)),
                fixed(2, between_ns[0]),
                fixed(3, between_ns[1]),
                fixed(4, self._count),
                double(5, self._sum),
                packed_fixed(6, self._counts),
                packed_doubles(7, self._bounds),
                double(11, self._least),
                double(12, self._most),
            ]
        )


def metrics_request(exporter: Exporter, calls: Sequence[SentCall], version: str) -> bytes:
    """An `ExportMetricsServiceRequest` of these calls; empty where none of them counts."""
    counted = [call for call in calls if call.provider]
    if not counted:
        return b""
    found: dict[str, dict[_Series, Histogram]] = {}
    known = {metric.name: metric for metric in (TOKEN_USAGE, DURATION, FIRST_CHUNK)}
    for call in counted:
        for metric, series, value in _values(exporter, call):
            held = found.setdefault(metric.name, {})
            held.setdefault(series, Histogram(metric.bounds)).add(value)
    between_ns = (
        min(call.started_ms for call in counted) * 1_000_000,
        max(call.started_ms + max(0, call.duration_ms) for call in counted) * 1_000_000,
    )
    metrics = [data(2, _metric(known[name], series, between_ns)) for name, series in found.items()]
    scope = data(1, text(1, SCOPE) + text(2, version))
    return data(1, resource() + data(2, scope + b"".join(metrics)))


def _metric(metric: Metric, found: dict[_Series, Histogram], between_ns: tuple[int, int]) -> bytes:
    points = [data(1, histogram.point(series, between_ns)) for series, histogram in found.items()]
    held = data(9, b"".join(points) + number(2, DELTA))
    return text(1, metric.name) + text(2, metric.about) + text(3, metric.unit) + held


def _values(exporter: Exporter, call: SentCall) -> Iterator[tuple[Metric, _Series, float]]:
    sender = provider_of(exporter, call)
    series: _Series = (
        ("gen_ai.operation.name", operation_of(call)),
        ("gen_ai.provider.name", sender.name),
        ("gen_ai.request.model", call.model),
        ("gen_ai.response.model", call.served_model),
        ("server.address", sender.address),
        ("server.port", sender.port or None),
        ("headgate.project", call.project),
    )
    if call.usage.total:
        yield TOKEN_USAGE, (*series, ("gen_ai.token.type", "input")), call.usage.total_input
        yield TOKEN_USAGE, (*series, ("gen_ai.token.type", "output")), call.usage.total_output
    if call.stream and call.first_token_ms is not None:
        yield FIRST_CHUNK, series, call.first_token_ms / 1000
    ended = (*series, ("error.type", call.error_type)) if call.is_error else series
    yield DURATION, ended, max(0, call.duration_ms) / 1000
