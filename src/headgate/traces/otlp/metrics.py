"""Metrics that belong to GenAI, as points that add up by the hour. Pure.

Histograms (explicit and exponential), sums and gauges, delta and cumulative; all else is refused in words.
Source: opentelemetry.io/docs/specs/otel/metrics/data-model. Read next: `otlp.decoding`, `metrics.streams`.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from headgate.access.model import Key
from headgate.traces.conventions.texts import encoded
from headgate.traces.metrics.buckets import merged
from headgate.traces.metrics.model import Bucket, MetricKind, MetricPoint
from headgate.traces.otlp.bounds import ITEMS_MAX
from headgate.traces.otlp.decoding import Decoded, Form, Item, batches, check_length, items, parse
from headgate.traces.otlp.reasons import Reasons, Wrong
from headgate.traces.otlp.spans import Source
from headgate.traces.otlp.values import Kept, attributes
from headgate.traces.otlp.withholding import bare_fields

PREFIXES: Final = ("gen_ai.", "mcp.", "llm.openai.", "llm.chat_completions.")
"""What names of metrics begin with that belong to GenAI: OpenTelemetry's, and OpenLLMetry's of earlier."""
BUCKETS_MAX: Final = 512
"""Of one histogram."""
SCALE_MAX: Final = 2
"""Exponential buckets that are finer are put together: one is then 19 % wide."""
ATTRIBUTES_MAX: Final = 16
VALUE_CHARACTERS_MAX: Final = 200
COUNT_MAX: Final = 2**40
_SCALE_MIN: Final = -10
_INDEX_MAX: Final = 2**40
_NO_VALUE: Final = 1
"""The flag of a point that says that there is none."""
_DELTA, _CUMULATIVE = 1, 2
_NS_MAX: Final = 2**62
_ENCODE: Final = msgspec.msgpack.Encoder().encode

_TOLD_APART: Final = ("gen_ai.", "openai.", "azure.", "aws.", "error.", "server.", "http.response.", "mcp.")
_NOBODYS: Final = ("gen_ai.conversation.", "gen_ai.response.id", "gen_ai.user", "gen_ai.tool.call.")
_OF_RESOURCE: Final = ("service.name", "service.version", "deployment.environment.name")
"""By which points are told apart: by what they are about, never by who asked."""
_KINDS: Final = ("gauge", "sum", "histogram", "exponential_histogram")
_new_metric: Any = Metric


def decode_metrics(data: bytes, form: Form, key: Key, received_ms: int) -> Decoded:
    """Return the points of a request as `MetricBatch`es. Raises Malformed."""
    reasons = Reasons("data points")
    reader = _MetricReader(reasons, key, received_ms)
    entries = list(batches(reader.read(items(data, form, reasons, received_ms), form), key, received_ms))
    reader.say_foreign()
    return Decoded(entries, reasons)


class _MetricReader:
    """Reads the metrics of one request, one at a time."""

    def __init__(self, reasons: Reasons, key: Key, received_ms: int) -> None:
        self._reasons = reasons
        self._key = key.id
        self._with_content = key.record != "metadata"
        self._received_ns = received_ms * 1_000_000
        self._foreign = 0
        self._room = ITEMS_MAX

    def read(self, found: Iterator[tuple[Source, Item]], form: Form) -> Iterator[bytes]:
        """Return encoded points."""
        for number, (source, item) in enumerate(found):
            metric = _new_metric()
            try:
                check_length(item)
                parse(metric, item, form)
            except Wrong as wrong:
                self._reasons.reject(_label(metric, number), str(wrong))
                continue
            kind = metric.WhichOneof("data")
            count = len(getattr(metric, kind).data_points) if kind else 0
            if not metric.name.startswith(PREFIXES):
                self._foreign += count or 1
            elif kind not in _KINDS:
                why = f"is a {kind or 'metric without data'}; {', '.join(_KINDS)} are kept"
                self._reasons.reject(_label(metric, number), why, count or 1)
            else:
                yield from self._points(metric, kind, number, source)

    def say_foreign(self) -> None:
        """Say how many points were of no GenAI."""
        if self._foreign:
            prefixes = f"{', '.join(PREFIXES[:-1])} or {PREFIXES[-1]}"
            why = f"their names don't begin with {prefixes}; other metrics have their place elsewhere"
            self._reasons.reject(f"{self._foreign} of no GenAI", why, self._foreign)

    def _points(self, metric: Any, kind: str, number: int, source: Source) -> Iterator[bytes]:
        data = getattr(metric, kind)
        label = _label(metric, number)
        for place, message in enumerate(data.data_points):
            if self._room <= 0:
                left = len(data.data_points) - place
                self._reasons.reject(label, f"more than {ITEMS_MAX} points in one request", left)
                return
            if message.flags & _NO_VALUE:
                continue
            self._room -= 1
            try:
                yield _ENCODE(self._point(metric, kind, message, source))
            except Wrong as wrong:
                self._reasons.reject(f"{label} point {place + 1}", str(wrong))

    def _point(self, metric: Any, kind: str, message: Any, source: Source) -> MetricPoint:
        temporality = 0 if kind == "gauge" else getattr(metric, kind).aggregation_temporality
        if kind != "gauge" and temporality not in (_DELTA, _CUMULATIVE):
            raise Wrong("aggregation_temporality", f"is {temporality}; it must be delta or cumulative")
        is_cumulative = temporality == _CUMULATIVE
        kept_kind: MetricKind = "gauge" if kind == "gauge" else "sum" if kind == "sum" else "histogram"
        if kind == "sum" and is_cumulative and not metric.sum.is_monotonic:
            # What goes up and down is of interest as it stands, not as what was added.
            kept_kind, is_cumulative = "gauge", False
        kept = Kept(is_small=True)
        said = attributes(message.attributes, kept)
        start_ns = message.start_time_unix_nano
        name, unit = kept.name(metric.name), metric.unit[:64]
        at_ns = min(message.time_unix_nano or self._received_ns, _NS_MAX)
        # A process that starts again, or another that says the same of itself, begins a stream of its own.
        whose = (
            *(self._key, source.resource, source.scope, name, unit, kept_kind, said),
            start_ns if is_cumulative else 0,
        )
        values = _NUMBERS["gauge" if kept_kind == "gauge" else kind](message)
        return MetricPoint(
            stream=hashlib.sha256(encoded(whose).encode("utf-8", "replace")).digest()[:16],
            name=name,
            unit=unit,
            kind=kept_kind,
            is_cumulative=is_cumulative,
            has_start=bool(start_ns),
            at_ns=at_ns,
            attributes=_told_apart(said if self._with_content else bare_fields(said), source.resource),
            **values,
        )


def _told_apart(said: Mapping[str, Any], resource: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that a series is told by: few, of few values, and of nobody."""
    named = {
        name: value
        for name, value in said.items()
        if name.startswith(_TOLD_APART) and not name.startswith(_NOBODYS)
    }
    named |= {name: resource[name] for name in _OF_RESOURCE if name in resource}
    texts = {name: _text(value)[:VALUE_CHARACTERS_MAX] for name, value in sorted(named.items())}
    return dict(list(texts.items())[:ATTRIBUTES_MAX])


def _text(value: object) -> str:
    return value if isinstance(value, str) else encoded(value)


def _number(message: Any) -> dict[str, Any]:
    kind = message.WhichOneof("value")
    if kind is None:
        raise Wrong("value", "is missing")
    value = _finite(float(getattr(message, kind)), "value")
    return {"count": 1, "total": value, "least": value, "most": value}


def _total(message: Any) -> dict[str, Any]:
    return {**_number(message), "least": None, "most": None}


def _histogram(message: Any) -> dict[str, Any]:
    bounds, counts = list(message.explicit_bounds), list(message.bucket_counts)
    if len(counts) > BUCKETS_MAX + 1:
        raise Wrong("bucket_counts", f"has {len(counts)} members; at most {BUCKETS_MAX + 1} are read")
    if counts and len(counts) != len(bounds) + 1:
        raise Wrong("bucket_counts", f"has {len(counts)} members for {len(bounds)} bounds; one more is due")
    if any(not math.isfinite(bound) for bound in bounds) or bounds != sorted(set(bounds)):
        raise Wrong("explicit_bounds", "must be numbers that grow")
    edges: list[float | None] = [None, *bounds, None]
    pairs = zip(edges, edges[1:], counts, strict=False)
    found = [(lower, upper, int(count)) for lower, upper, count in pairs if count]
    return _distribution(message, found)


def _exponential(message: Any) -> dict[str, Any]:
    scale = message.scale
    found: list[Bucket] = []
    if message.zero_count:
        near = abs(_finite(message.zero_threshold, "zero_threshold"))
        found.append((-near, near, int(message.zero_count)))
    for side, sign in ((message.positive, 1), (message.negative, -1)):
        if len(side.bucket_counts) > BUCKETS_MAX:
            raise Wrong(
                "bucket_counts", f"has {len(side.bucket_counts)} members; at most {BUCKETS_MAX} are read"
            )
        if scale < _SCALE_MIN or abs(side.offset) > _INDEX_MAX:
            raise Wrong("scale", f"is {scale} and offset {side.offset}: that is beyond all numbers")
        for place, count in enumerate(side.bucket_counts):
            if count:
                found.append((*_edges(scale, side.offset + place, sign), int(count)))
    return _distribution(message, merged(found, ()))


def _edges(scale: int, index: int, sign: int) -> tuple[float, float]:
    """The bounds of an exponential bucket, on a scale that is no finer than SCALE_MAX."""
    if scale > SCALE_MAX:
        index >>= scale - SCALE_MAX
        scale = SCALE_MAX
    try:
        lower, upper = 2.0 ** (index * 2.0**-scale), 2.0 ** ((index + 1) * 2.0**-scale)
    except OverflowError:
        why = f"puts a bucket at {index} of scale {scale}: that is beyond all numbers"
        raise Wrong("offset", why) from None
    return (lower, upper) if sign > 0 else (-upper, -lower)


def _distribution(message: Any, buckets: Iterable[Bucket]) -> dict[str, Any]:
    found = tuple(buckets)
    count = int(message.count)
    held = sum(one[2] for one in found)
    if count > COUNT_MAX:
        raise Wrong("count", f"is {count}; at most {COUNT_MAX} are added up")
    if found and held != count:
        raise Wrong("count", f"is {count}, but the buckets hold {held}")
    return {
        "count": count,
        "total": _finite(message.sum, "sum"),
        "least": _finite(message.min, "min") if message.HasField("min") else None,
        "most": _finite(message.max, "max") if message.HasField("max") else None,
        "buckets": found,
    }


def _finite(value: float, field: str) -> float:
    if not math.isfinite(value):
        raise Wrong(field, f"is {value}; it must be a number")
    return value


def _label(metric: Any, number: int) -> str:
    return f"metric {metric.name[:60]!r}" if metric.name else f"metric number {number + 1}"


_NUMBERS: Final = {
    "gauge": _number,
    "sum": _total,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
}
