"""A point of a metric as the journal holds it. Pure.

Read next: `otlp.metrics` (where it comes from), `metrics.streams`, `metrics.sink`.
"""

from typing import Literal

import msgspec

METRICS = 8
"""The journal's kind of a `MetricBatch`."""

HOUR_NS = 3_600_000_000_000
MetricKind = Literal["histogram", "sum", "gauge"]
Bucket = tuple[float | None, float | None, int]
"""What lies above the first and not above the second, and how many; None is no bound."""


class MetricPoint(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One point. `total` is the sum of a histogram or a sum, the value of a gauge.

    `stream` tells whose points these are, of whatever process: those of one stream follow each other. Of a
    cumulative stream each says all since its start. Times are Unix nanoseconds.
    """

    stream: bytes
    name: str
    unit: str
    kind: MetricKind
    is_cumulative: bool
    has_start: bool
    at_ns: int
    attributes: dict[str, str]
    count: int
    total: float
    least: float | None = None
    most: float | None = None
    buckets: tuple[Bucket, ...] = ()


class MetricBatch(msgspec.Struct, frozen=True, array_like=True):
    """What one request of an exporter of metrics brought, or a part of it: the journal's entry."""

    project: str
    key: str
    received_ms: int
    points: tuple[MetricPoint, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a point adds to its hour."""

    count: int = 0
    total: float = 0.0
    least: float | None = None
    most: float | None = None
    last: float | None = None
    last_ns: int = 0
    buckets: tuple[Bucket, ...] = ()
