"""What the control API says of traces, in its own shapes. Pure.

Ids are hexadecimal text, money a decimal string in USD (null where unknown), times RFC 3339 in UTC.
Read next: `reading.listing`, `reading.tree`.
"""

from datetime import datetime
from typing import Literal

import msgspec

from headgate.core.call import Usage
from headgate.records.model import RequestItem, UsageBuckets
from headgate.traces.model import CostSource, Kind, Status
from headgate.traces.reading.attributes import AttributeFilter
from headgate.traces.reading.scored import ScoreFilter
from headgate.traces.scores.model import Feedback

Sort = Literal["newest", "slowest", "dearest"]
TraceStatus = Literal["ok", "error"]
SeriesGroup = Literal["name", "service", "environment", "release", "model"]


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
    kind: str | None = None
    operation: str | None = None
    prompt: str | None = None
    finish: str | None = None
    status: TraceStatus | None = None
    """`error` where a step of it failed."""
    flag: str | None = None
    min_duration_ms: float | None = None
    max_duration_ms: float | None = None
    min_cost_usd: str | None = None
    max_cost_usd: str | None = None
    min_tokens: int | None = None
    """In and out, of all its calls."""
    max_tokens: int | None = None
    text: str | None = None
    """Words, or phrases in quotes, that stand in a step of it."""
    score: ScoreFilter | None = None
    """What was said of it, or of a span or request of it."""
    attribute: AttributeFilter | None = None
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


Json = msgspec.Raw | str | None
"""What a span said: JSON where it is JSON, else text; null where it said nothing."""


class SpanContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went into a step and came out, and all else that its span said; what it lacks is left out."""

    input: Json = None
    output: Json = None
    system: Json = None
    tools: Json = None
    parameters: Json = None
    documents: Json = None
    events: Json = None
    links: Json = None
    resource: Json = None
    scope: Json = None
    usage_raw: Json = None
    attributes: Json = None
    told_by_logs: Json = None
    """The names of the fields that log events said, where the span itself says nothing."""


class SpanDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One span in full, as it was told; what of it counts is said with the trace."""

    trace_id: str
    span_id: str
    parent_id: str | None
    project: str
    key: str
    name: str
    kind: Kind
    operation: str | None
    started_at: str
    duration_ms: float
    status: Status
    status_message: str | None
    provider: str | None
    model: str | None
    request_model: str | None
    response_id: str | None
    agent: str | None
    tool: str | None
    user: str | None
    session: str | None
    tags: list[str]
    release: str | None
    environment: str | None
    service: str | None
    prompt: str | None
    prompt_version: str | None
    usage: UsageBuckets | None
    cost_usd: str | None
    cost_source: str | None
    first_token_ms: float | None
    finish_reasons: list[str]
    flags: list[str]
    convention: str | None
    content: SpanContent


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time, counted from the trace's beginning."""

    begin_ms: float
    end_ms: float


class Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a trace: a span, a recorded call, or both as one.

    `span_id` is null for a call that no span tells of. `self_ms` is the time in which no step below it ran.
    `offset_ms` is when it began, counted from the trace's beginning; `critical` when it held the trace up.
    `counted`: its usage and cost count towards the trace's. `problem` says where the tree is not what its
    spans say: `orphan`, whose parent is not there, or `cycle`, whose parents lead back to it.
    """

    span_id: str | None
    parent_id: str | None
    name: str
    kind: Kind
    depth: int
    started_at: str
    offset_ms: float
    duration_ms: float
    self_ms: float
    status: TraceStatus
    counted: bool
    on_critical_path: bool
    critical: list[Stretch] = []
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
    content: SpanContent | None = None


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
    scores: list[Feedback]
    """What was said of it, its spans and requests, and the newest of its session and of its user."""


class SpanLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a trace as it was told, on one line: a span, or a recorded call that no span tells of.

    `offset_ms` is when it began, counted from the trace's beginning. Whether its usage and cost count towards
    the trace's only the whole trace says.
    """

    span_id: str | None
    parent_id: str | None
    name: str
    kind: Kind
    offset_ms: float
    duration_ms: float
    status: TraceStatus
    request_id: str | None = None
    model: str | None = None
    tool: str | None = None
    usage: UsageBuckets | None = None
    cost_usd: str | None = None


class SpanPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the steps of a trace, the earliest first, and what is known of it without all of them."""

    trace_id: str
    project: str
    name: str | None
    started_at: str
    duration_ms: float
    span_count: int
    items: list[SpanLine]
    next: str | None = None


class FacetValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value of a facet, and in how many traces it stands."""

    value: str
    traces: int


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    """The most frequent values of a facet, under all filters but its own.

    Counted over the newest `traces` that match these; `complete`: they are all.
    """

    facet: str
    traces: int
    complete: bool
    values: list[FacetValue]


class FacetCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What traces have in common. `traces` match all filters, or are the newest of these; `complete`: all."""

    traces: int
    complete: bool
    items: list[Facet]


class TraceCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Traces of a filter by when they began: point n counts those of the `step_s` seconds from `at[n]` on.

    `counted_from` is null where all are counted; else those before it are left out, since there are too many.
    It is `end` where looking for them took too long, and none is counted.
    """

    begin: str
    end: str
    step_s: int
    at: list[str]
    counted: int
    traces: list[int]
    counted_from: str | None


class SessionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One session: what its traces, and its calls that are part of no trace, come to."""

    session: str
    project: str
    user: str | None
    started_at: str
    last_at: str
    """When its last trace or call began."""
    traces: int
    untraced: int
    """How many of its calls are part of no trace."""
    calls: int
    """All of them, each once."""
    errors: int
    usage: UsageBuckets
    cost_usd: str | None
    unpriced: int


class Turn(TraceItem, frozen=True, kw_only=True):
    """One trace of a session, with what its root was given and gave."""

    input: Json
    output: Json


class SessionDetail(SessionItem, frozen=True, kw_only=True):
    """One session as a conversation, in pages. A turn is a trace, or a call that is part of none; both lists
    of a page are in order, and of the same stretch of time."""

    items: list[Turn]
    requests: list[RequestItem]
    """The calls that are part of no trace; each by itself says what went in and came out."""
    next: str | None = None


class TextHit(msgspec.Struct, frozen=True, kw_only=True):
    """A span, or recorded call, in which a text was found, and what stands around it."""

    trace_id: str
    span_id: str
    project: str
    name: str
    kind: Kind
    started_at: str
    snippet: str
    request_id: str | None = None


class SeriesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of traces of one value in one interval. Durations are of whole traces, by model those of its
    calls, at most 15 % too high. The cost is that of calls whose cost is known; null where none is."""

    start: str | None
    value: str | None
    traces: int
    spans: int
    calls: int
    errors: int
    usage: UsageBuckets
    cost_usd: str | None
    unpriced: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
