"""What the control API says of traces, in its own shapes. Pure.

Ids are hexadecimal text, money a decimal string in USD (null where unknown), times RFC 3339 in UTC.
Read next: `reading.listing`, `reading.tree`.
"""

from datetime import datetime
from typing import Literal

import msgspec

from headgate.core.call import Usage
from headgate.records.model import UsageBuckets
from headgate.traces.model import CostSource, Kind, Status

Sort = Literal["newest", "slowest", "dearest"]
TraceStatus = Literal["ok", "error"]


class TraceFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces. Each given part must match; `begin` counts, `end` does not."""

    begin: datetime | None = None
    end: datetime | None = None
    key: str | None = None
    user: str | None = None
    session: str | None = None
    name: str | None = None
    service: str | None = None
    release: str | None = None
    environment: str | None = None
    model: str | None = None
    provider: str | None = None
    tag: str | None = None
    tool: str | None = None
    agent: str | None = None
    status: TraceStatus | None = None
    """`error` where a step of it failed."""
    flag: str | None = None
    min_duration_ms: float | None = None
    min_cost_usd: str | None = None
    only_key: str | None = None
    """Only traces in which no other key has a part: what a member sees."""


class TraceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a trace as a whole. `errors` counts steps that failed; `usage` and `cost_usd` count
    each call once, and `unpriced` those whose cost is unknown."""

    trace_id: str
    project: str
    name: str | None
    session: str | None
    user: str | None
    started_at: str
    duration_ms: float
    calls: int
    errors: int
    status: TraceStatus
    usage: UsageBuckets
    cost_usd: str | None
    unpriced: int
    models: list[str]
    providers: list[str]
    agents: list[str]
    tools: list[str]
    tags: list[str]
    keys: list[str]
    flags: list[str]
    service: str | None
    release: str | None
    environment: str | None


class TraceItem(TraceFacts, frozen=True, kw_only=True):
    """One trace as lists show it."""

    spans: int


class SpanRow(msgspec.Struct, frozen=True, array_like=True):
    """A span as the database gives it, without content. Times are Unix microseconds."""

    span_id: int
    parent_id: int | None
    key: str
    name: str
    kind: Kind
    started_us: int
    duration_us: int
    status: Status
    status_message: str
    provider: str
    model: str
    request_model: str
    response_id: str
    agent: str
    tool: str
    service: str
    usage: Usage | None
    cost_usd: str | None
    cost_source: CostSource
    first_token_ms: float | None
    flags: tuple[str, ...]


class CallRow(msgspec.Struct, frozen=True, array_like=True):
    """A recorded call of a trace. Times are Unix microseconds."""

    id: str
    parent_id: int | None
    key: str
    started_us: int
    duration_us: int
    status: int
    code: str
    message: str
    model: str
    target: str
    operation: str
    response_id: str
    usage: Usage
    cost_usd: str | None
    estimated: bool
    first_token_ms: float | None


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a trace: a span, a recorded call, or both as one.

    `span_id` is null for a call that no span tells of. `self_ms` is the time in which no step below it ran.
    `counted`: its usage and cost count towards the trace's. `problem` says where the tree is not what its
    spans say: `orphan`, whose parent is not there, or `cycle`, whose parents lead back to it.
    """

    span_id: str | None
    parent_id: str | None
    name: str
    kind: Kind
    depth: int
    started_at: str
    duration_ms: float
    self_ms: float
    status: TraceStatus
    counted: bool
    on_critical_path: bool
    status_message: str | None = None
    provider: str | None = None
    model: str | None = None
    agent: str | None = None
    tool: str | None = None
    service: str | None = None
    usage: UsageBuckets | None = None
    cost_usd: str | None = None
    cost_source: str | None = None
    estimated: bool = False
    first_token_ms: float | None = None
    request_id: str | None = None
    flags: tuple[str, ...] = ()
    problem: Literal["orphan", "cycle"] | None = None


class CostShare(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of one model, or below one step, came to. The cost is null where none is known."""

    name: str
    calls: int
    usage: UsageBuckets
    cost_usd: str | None
    unpriced: int


class TraceDetail(TraceFacts, frozen=True, kw_only=True):
    """One trace as a tree: `spans` in the order in which it is drawn, each step after the one above it."""

    span_count: int
    spans: list[Node]
    cost_by_model: list[CostShare]
    cost_by_step: list[CostShare]
    """By the name of the step that made the calls: what stands right above them."""
