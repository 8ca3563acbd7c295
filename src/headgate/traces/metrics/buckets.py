"""Buckets of histograms put together, whatever their bounds, and quantiles estimated from them. Pure.

Bounds stay as exporters gave them: counts are never moved from one to another, but for what is beyond
`BUCKETS_MAX`, which is only known to be somewhere. Read next: `metrics.streams`, `metrics.reading`.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from headgate.traces.metrics.model import Bucket

BUCKETS_MAX: Final = 256
_STEPS: Final = 40


def merged(one: Iterable[Bucket], other: Iterable[Bucket]) -> tuple[Bucket, ...]:
    """Return both together: at most BUCKETS_MAX, and one without bounds for the rest."""
    counts: dict[tuple[float | None, float | None], int] = {}
    for lower, upper, count in (*one, *other):
        place = (lower, upper)
        if place not in counts and len(counts) >= BUCKETS_MAX:
            place = (None, None)
        counts[place] = counts.get(place, 0) + count
    return tuple((lower, upper, count) for (lower, upper), count in counts.items() if count > 0)


def since(now: Sequence[Bucket], before: Sequence[Bucket]) -> tuple[Bucket, ...]:
    """Return what was added since. Bounds may have become wider; where they are others, nothing is known."""
    counts = {(lower, upper): count for lower, upper, count in now}
    added = sum(counts.values()) - sum(count for _, _, count in before)
    for lower, upper, count in before:
        place = (lower, upper) if (lower, upper) in counts else _around(counts, lower, upper)
        if place is None or counts[place] < count:
            return ((None, None, added),) if added > 0 else ()
        counts[place] -= count
    return tuple((lower, upper, count) for (lower, upper), count in counts.items() if count)


def _around(
    counts: Iterable[tuple[float | None, float | None]], lower: float | None, upper: float | None
) -> tuple[float | None, float | None] | None:
    for place in counts:
        if _low(place[0]) <= _low(lower) and _high(upper) <= _high(place[1]):
            return place
    return None


def quantile(
    buckets: Sequence[Bucket], share: float, least: float | None, most: float | None
) -> float | None:
    """Estimate below which value so large a share lies; None where nothing bounds it.

    Within a bucket counts are taken to lie evenly, on a scale of ratios where all of it is above zero.
    """
    spans = [_span(bucket, least, most) for bucket in buckets]
    total = sum(count for _, _, count in spans)
    if not total or any(math.isinf(lower) or math.isinf(upper) for lower, upper, _ in spans):
        return None
    edges = sorted({edge for lower, upper, _ in spans for edge in (lower, upper)})
    wanted = share * total
    first, last = 0, len(edges) - 1
    while first < last:
        middle = (first + last) // 2
        if _below(spans, edges[middle]) >= wanted:
            last = middle
        else:
            first = middle + 1
    low, high = edges[max(0, first - 1)], edges[first]
    for _ in range(_STEPS):
        middle_value = (low + high) / 2
        if _below(spans, middle_value) >= wanted:
            high = middle_value
        else:
            low = middle_value
    found = high
    if least is not None:
        found = max(found, least)
    return min(found, most) if most is not None else found


def _span(bucket: Bucket, least: float | None, most: float | None) -> tuple[float, float, int]:
    """A bucket with both bounds: what is open ends where the smallest or largest value is known to be."""
    lower, upper, count = bucket
    if lower is None:
        lower = least if least is not None else (0.0 if upper is not None and upper >= 0 else -math.inf)
    if upper is None:
        upper = most if most is not None else (lower if bucket[0] is not None else math.inf)
    return min(lower, upper), max(lower, upper), count


def _below(spans: Sequence[tuple[float, float, int]], value: float) -> float:
    return sum(count * _part(lower, upper, value) for lower, upper, count in spans)


def _part(lower: float, upper: float, value: float) -> float:
    if value >= upper:
        return 1.0
    if value <= lower:
        return 0.0
    if lower > 0:
        return math.log(value / lower) / math.log(upper / lower)
    return (value - lower) / (upper - lower)


def _low(bound: float | None) -> float:
    return -math.inf if bound is None else bound


def _high(bound: float | None) -> float:
    return math.inf if bound is None else bound
