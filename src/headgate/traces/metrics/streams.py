"""What a point adds, after what its stream said before: each measurement once. Pure.

Deltas that come again are known by when they end; of cumulative points the difference counts, and all of it
after a reset. Source: opentelemetry.io/docs/specs/otel/metrics/data-model (temporality, resets and gaps).
Read next: `metrics.sink`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.traces.metrics.buckets import merged, since
from headgate.traces.metrics.model import Bucket, Change, MetricPoint

ENDS_MAX: Final = 64
"""How many points of a stream are known again; what is older than all of them has come too late."""


class StreamState(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a stream has said: when its last points ended, and what it had come to."""

    ends: tuple[int, ...] = ()
    count: int = 0
    total: float = 0.0
    least: float | None = None
    most: float | None = None
    buckets: tuple[Bucket, ...] = ()


def follow(state: StreamState | None, point: MetricPoint) -> tuple[StreamState, Change | None]:
    """Return what a stream has said now, and what that adds; None for what is known, or is too late."""
    if point.is_cumulative:
        return _follow_cumulative(state, point)
    known = () if state is None else state.ends
    if point.at_ns in known or (len(known) >= ENDS_MAX and point.at_ns < min(known)):
        return state or StreamState(), None
    ends = tuple(sorted((*known, point.at_ns)))[-ENDS_MAX:]
    return StreamState(ends=ends), _whole(point)


def _follow_cumulative(state: StreamState | None, point: MetricPoint) -> tuple[StreamState, Change | None]:
    now = StreamState(
        ends=(point.at_ns,),
        count=point.count,
        total=point.total,
        least=point.least,
        most=point.most,
        buckets=point.buckets,
    )
    if state is None:
        # Without a start nobody knows since when it was added up: the first point is where counting begins.
        return now, _whole(point) if point.has_start else None
    if point.at_ns <= max(state.ends, default=0):
        return state, None
    if point.count < state.count or (point.kind == "sum" and point.total < state.total):
        return now, _whole(point)
    return now, Change(
        count=point.count - state.count,
        total=point.total - state.total,
        # Extremes are those since the start: only a new one is of this time.
        least=_moved(point.least, state.least),
        most=_moved(point.most, state.most),
        buckets=since(point.buckets, state.buckets),
    )


def _whole(point: MetricPoint) -> Change:
    is_gauge = point.kind == "gauge"
    return Change(
        count=point.count,
        total=point.total,
        least=point.least,
        most=point.most,
        last=point.total if is_gauge else None,
        last_ns=point.at_ns if is_gauge else 0,
        buckets=point.buckets,
    )


def _moved(now: float | None, before: float | None) -> float | None:
    return now if now != before else None


def added(changes: Sequence[Change]) -> Change:
    """Return changes of one hour together."""
    from_last = max(changes, key=lambda change: change.last_ns)
    least = [change.least for change in changes if change.least is not None]
    most = [change.most for change in changes if change.most is not None]
    buckets: tuple[Bucket, ...] = ()
    for change in changes:
        buckets = merged(buckets, change.buckets)
    return Change(
        count=sum(change.count for change in changes),
        total=sum(change.total for change in changes),
        least=min(least, default=None),
        most=max(most, default=None),
        last=from_last.last,
        last_ns=from_last.last_ns,
        buckets=buckets,
    )
