"""What the control API says of requests and costs, in its own shapes. Pure.

Money is a decimal string in USD; null where unknown. Times are RFC 3339 in UTC. Read next: `records.queries`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, SupportsInt

import msgspec

from headgate.core.call import Usage
from headgate.core.entries import StepName
from headgate.records.parameters import EffectiveParameter

GroupName = Literal[
    "project",
    "model",
    "target",
    "user",
    "key",
    "prompt",
    "release",
    "tag",
    "session",
    "environment",
    "provider",
]
"""By what costs can be summed up; the provider is that of the target."""
Interval = Literal["hour", "day"]
NarrowName = Literal["key", "model", "target", "prompt", "release", "environment"]
"""By what costs can be narrowed, beside projects and time; a target may be all of a provider."""


class UsageBuckets(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens in five disjoint buckets, whose sum is all tokens; audio and images count as plain ones."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


def fold(usage: Usage) -> UsageBuckets:
    """Return the five buckets of a usage; their sum is the usage's total."""
    return UsageBuckets(
        input=usage.input + usage.input_audio + usage.input_image,
        cache_read=usage.cache_read + usage.cache_read_audio,
        cache_write=usage.cache_write + usage.cache_write_1h,
        output=usage.output + usage.output_audio + usage.output_image,
        reasoning=usage.reasoning,
    )


def buckets_of(counts: Iterable[SupportsInt]) -> UsageBuckets:
    """Return five counts, as statements give them, in the order of the buckets."""
    return UsageBuckets(
        **dict(zip(UsageBuckets.__struct_fields__, [int(count) for count in counts], strict=True))
    )


class RequestFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests. Each given part must match; `begin` counts, `end` does not.

    `status` is a code (`429`), a class (`4xx`), `ok` or `error`. `target` is `provider/model` or a provider.
    An empty name is that of calls without one. `text` is looked for in messages and answers, in any case.
    """

    begin: datetime | None = None
    end: datetime | None = None
    project: str | None = None
    key: str | None = None
    user: str | None = None
    session: str | None = None
    model: str | None = None
    target: str | None = None
    status: str | None = None
    code: str | None = None
    prompt: str | None = None
    release: str | None = None
    """Its id, name or commit, or six characters of id or commit on."""
    environment: str | None = None
    trace_id: str | None = None
    response_id: str | None = None
    """The id that its answer gives itself."""
    tag: str | None = None
    experiment: str | None = None
    """Its name, or that of one of its versions."""
    arm: str | None = None
    """Of an experiment; `-` is none, since the call's unit was not known."""
    crossed: str | None = None
    """Of an experiment: calls of this arm's units that another arm served."""
    prompt_version: str | None = None
    unknown: str | None = None
    """The id of a group of messages that no prompt explains."""
    price: str | None = None
    """Whether it is `known` or `unknown`."""
    min_duration_ms: float | None = None
    shadow: bool | None = None
    """Only shadows (True), or none (False): calls made beside others, and shown to nobody."""
    text: str | None = None
    id: str | None = None
    """Its beginning, its end, or both with dots between (`records.parts_of_ids`)."""
    finish: str | None = None
    """Why its answer ended, in the words of `RequestDetail.finish`."""
    same_request: str | None = None
    """The id of a request: those of its model, next to it, whose bodies are the same byte for byte."""
    same_opening: str | None = None
    """The same of the first message that has 64 bytes: shorter ones are not kept apart."""


class RequestItem(msgspec.Struct, frozen=True, kw_only=True):
    """One request as lists show it. `attempts` counts them; empty names are null."""

    id: str
    trace_id: str | None
    started_at: str
    project: str
    key: str
    user: str | None
    session: str | None
    tags: list[str]
    dialect: str
    operation: str
    stream: bool
    model: str
    target: str | None
    status: int
    code: str | None
    attempts: int
    duration_ms: int
    first_token_ms: int | None
    usage: UsageBuckets
    cost_usd: str | None
    estimated: bool
    truncated: bool
    changes: list[str]
    snapshot: str
    release: str | None
    prompts: msgspec.Raw
    environment: str | None
    shadow: bool
    """Whether it was made beside another one, and shown to nobody."""


class PathStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a step of a call took. `target` is what it was about, from `reserve` to `attempt`; `attempt` the
    number of the attempt that it made, or reserved for. `left_out`: the target could not be tried."""

    step: StepName
    duration_us: int
    target: str | None = None
    attempt: int | None = None


class CostItem(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a cost: `units` of a bucket at `price_usd` for `per` of them. `bucket` is one of tokens, what
    a provider counts besides (`web_search`), `call` for a call as such, or `estimate`: the most that an
    attempt can have cost of which nobody told the usage, without units and price."""

    attempt: int | None
    bucket: str
    units: int | None = None
    price_usd: str | None = None
    per: int | None = None
    amount_usd: str


class PriceUsed(msgspec.Struct, frozen=True, kw_only=True):
    """Where an attempt's prices come from: the price table and its version, with the day that they are of, or
    headgate.toml as it was in the request's snapshot. `service_tier`: where it has prices of its own."""

    attempt: int
    target: str
    source: str
    date: str | None
    service_tier: str | None


class CostBreakdown(msgspec.Struct, frozen=True, kw_only=True):
    """What a cost is made of: items that add up to it exactly, or why they can't be told."""

    items: list[CostItem] = []
    prices: list[PriceUsed] = []
    unknown: str | None = None


class RequestDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One request in full. `request` and `response` are JSON where they are JSON, else text; null where not
    recorded. `*_truncated`: only head and tail were kept of `*_bytes` bytes."""

    id: str
    trace_id: str | None
    started_at: str
    project: str
    key: str
    user: str | None
    session: str | None
    tags: list[str]
    dialect: str
    operation: str
    stream: bool
    model: str
    target: str | None
    status: int
    code: str | None
    message: str | None
    attempts: msgspec.Raw
    excluded: msgspec.Raw
    steps: list[PathStep] | None
    """What its time went into, one after the other: in whole microseconds, so at most as long as all of it.
    Null where it was not measured."""
    duration_ms: int
    first_token_ms: int | None
    usage: UsageBuckets
    usage_detail: msgspec.Raw
    cost_usd: str | None
    estimated: bool
    truncated: bool
    changes: list[str]
    snapshot: str
    release: str | None
    prompts: msgspec.Raw
    record: str
    label_regions: list[str] | None
    label_readers: list[str] | None
    label_purposes: list[str] | None
    provider_request_id: str | None
    parent_span_id: str | None
    """The span that made it, as `traceparent` says: 16 hex digits."""
    response_id: str | None
    """The id that its answer gives itself, as the client saw it."""
    finish: str | None
    """Why its answer ended: `stop`, `length`, `tool_calls`, `content_filter`, `refusal`, `pause`,
    `context_window` or `error`; null where nothing says it."""
    tool_calls: int
    """How many tools of the client's its answer calls."""
    served_model: str | None
    """The model that its answer says it is of."""
    overrides: msgspec.Raw
    shadow: bool
    """Whether it was made beside another one, which its exposure names as `unit`, and shown to nobody."""
    exposures: msgspec.Raw
    """Its experiments: `{experiment, version, by, arm, unit}`; without the last two it is in no arm, since it
    did not say who its unit is."""
    environment: str | None
    cost: CostBreakdown
    """What `cost_usd` is made of."""
    parameters: list[EffectiveParameter] = []
    request: msgspec.Raw | str | None = None
    response: msgspec.Raw | str | None = None
    messages: list[msgspec.Raw] = []
    request_bytes: int | None = None
    response_bytes: int | None = None
    request_truncated: bool = False
    response_truncated: bool = False
    response_content_type: str | None = None


class Bodies(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded bodies of a request, byte for byte, and the messages that the request's is made of."""

    request: bytes
    response: bytes
    messages: list[bytes]
    request_length: int
    response_length: int
    request_digest: bytes
    response_digest: bytes
    response_content_type: str
    parameters: str | None = None
    """JSON of those that stand in the request, by canonical name; None where it was not kept whole."""


class OpenCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has begun and not ended, as of its last attempt."""

    id: str
    started_at: str
    project: str
    key: str
    user: str | None
    model: str
    target: str
    attempt: int
    tags: list[str]
    reserved_usd: str


class CostRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sums of one group in one interval; only what was grouped by is there, and `start` with an interval.

    `cost_usd` is null where no call of the group has a known cost, else the sum of the known ones;
    `unpriced` counts the others.
    """

    start: str | msgspec.UnsetType = msgspec.UNSET
    project: str | msgspec.UnsetType = msgspec.UNSET
    model: str | msgspec.UnsetType = msgspec.UNSET
    target: str | msgspec.UnsetType = msgspec.UNSET
    key: str | msgspec.UnsetType = msgspec.UNSET
    prompt: str | msgspec.UnsetType = msgspec.UNSET
    release: str | msgspec.UnsetType = msgspec.UNSET
    environment: str | msgspec.UnsetType = msgspec.UNSET
    provider: str | msgspec.UnsetType = msgspec.UNSET
    user: str | msgspec.UnsetType = msgspec.UNSET
    tag: str | msgspec.UnsetType = msgspec.UNSET
    session: str | msgspec.UnsetType | None = msgspec.UNSET
    """Null for calls of which no session is known: counted before these were, erased, or of records gone."""
    requests: int
    usage: UsageBuckets
    cost_usd: str | None
    unpriced: int
    estimated: int
