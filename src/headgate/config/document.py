"""The shape of headgate.toml: each table, each key, its type and its default. Pure.

Values stay as they are written (`"500 USD"`, `"10s"`), so that a document can be shown and compared; they
are checked by `config.load` and read by `config.compile`. What nothing enforces is not here, and so refused.
"""

from typing import Annotated, Literal

import msgspec

from headgate.catalog.model import KindName
from headgate.config.drift_tables import CanaryTable, DriftTable
from headgate.config.grounding_table import GroundingTable
from headgate.config.shadow_tables import ShadowTable
from headgate.config.snapshot import OnRefusal, Strategy, Strictness, StructuredOutput
from headgate.config.values import (
    Amount,
    Credential,
    Day,
    Days,
    Duration,
    ModelName,
    Name,
    PerCall,
    PerMillion,
    PerThousand,
    RateText,
    ScoreName,
    Size,
    Url,
)
from headgate.core.call import AnyDialect, RecordMode
from headgate.experiments.model import Better, FeedbackKind, Measure, Plan, Role, UnitKind
from headgate.meters.model import OnOutage, RateWindow, Scope, WhenExhausted, WindowName
from headgate.releases.rule_forms import Clamps, Parameters, Removed, Replacements
from headgate.traces.scores.model import Source
from headgate.traces.systems.model import Signature

Positive = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Weight = Annotated[float, msgspec.Meta(gt=0, le=10**6)]
HostName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]{1,253}(?!\n)$")]
ProjectId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]{0,99}(?!\n)$")]
Bytes = Annotated[int, msgspec.Meta(ge=1024, le=2**40)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
ErrorStatus = Annotated[int, msgspec.Meta(ge=400, le=599)]


class ProviderTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[providers.NAME]`: an endpoint that serves models. The second half is for kinds mock and replay."""

    kind: KindName
    base_url: Url | None = None
    api_key: Credential | None = None
    regions: tuple[Name, ...] = ()
    """Where it processes calls. Kinds of a cloud know their own region or location."""
    region: Name | None = None
    """For kinds bedrock and bedrock-mantle: the region that is called, and that signatures name."""
    location: Name | None = None
    """For kind vertex: a region, or `global`, `eu`, `us`."""
    project: ProjectId | None = None
    """For kind vertex: the project that is called, and billed."""
    api_version: str | None = None
    headers: dict[str, str] = {}
    max_concurrent: Positive = 512
    max_queued: Count = 512
    inject_usage: bool = True
    stops_on_hangup: bool = False
    price_provider: str | None = None
    service: Name | None = None
    """For kind openai-compatible: the service or engine behind the address, where its host does not tell."""
    dialects: tuple[AnyDialect, ...] = ()
    """Those of its kind's dialects that it is to be spoken to in; all of them by default."""

    latency: Duration | None = None
    first_token: Duration | None = None
    tokens_per_second: Annotated[float, msgspec.Meta(ge=0, le=10**6)] | None = None
    output_tokens: Count | None = None
    error_rate: Rate | None = None
    error_status: ErrorStatus | None = None
    broken_stream_rate: Rate | None = None
    stalled_stream_rate: Rate | None = None
    seed: Seed | None = None

    file: str | None = None


MOCK_KEYS = (
    "latency",
    "first_token",
    "tokens_per_second",
    "output_tokens",
    "error_rate",
    "error_status",
    "broken_stream_rate",
    "stalled_stream_rate",
    "seed",
)
"""Keys of a provider that only kind mock knows."""


class TargetTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A target with its weight, for the strategy `weighted`."""

    target: str
    weight: Weight = 1.0


class TimeoutTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How long a call may take, part by part."""

    connect: Duration = "5s"
    first_token: Duration = "120s"  # noqa: S105 - a duration
    idle: Duration = "60s"
    total: Duration = "600s"


class RetryTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often one target is tried, and how long to wait between."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 2
    backoff: Duration = "250ms"
    backoff_max: Duration = "4s"


class ModelTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[models.NAME]`: a name that clients ask for, standing for targets."""

    targets: Annotated[tuple[str | TargetTable, ...], msgspec.Meta(min_length=1, max_length=64)]
    strategy: Strategy = "fallback"
    timeout: TimeoutTable = TimeoutTable()
    retry: RetryTable = RetryTable()
    default_max_output: Positive | None = None
    translation: Strictness | None = None
    """What the server's `translation` is for this name."""
    structured_output: StructuredOutput | None = None
    """What the server's `structured_output` is for this name."""
    when_context_overflows: OnRefusal = "next-target"
    """Whether a conversation too long for one target goes on to those whose window is larger, or unknown."""
    when_content_refused: OnRefusal = "reject"
    """Whether what one provider refuses by its content policy is sent to the next one."""


class BudgetTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[budgets]]`: a limit on spend in a calendar window."""

    name: Name
    limit: Amount
    scope: Scope = Scope()
    window: WindowName = "month"
    timezone: str = "UTC"
    when_exhausted: WhenExhausted = "next-target"
    when_near: Literal["refuse", "clamp"] = "refuse"
    max_cost_per_call: Amount = "0 USD"
    on_outage: OnOutage = "deny"
    reserve_wait: Duration = "2s"


class RateLimitTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[[rate_limits]]`: a limit on requests or tokens a time."""

    name: Name
    limit: RateText
    scope: Scope = Scope()
    window: RateWindow = "minute"
    on_outage: OnOutage = "allow"


class ProjectTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[projects.NAME]`: which models and regions, and what is recorded for how long."""

    models: tuple[str, ...] | None = None
    regions: tuple[Name, ...] | None = None
    record: RecordMode = "full"
    retention: Days = "30 days"
    check_retention: Days = "365 days"
    """Of runs of checks, but for those that are kept, and the last one of each check and target."""


class PriceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[prices."provider/model"]`: USD per million tokens, in place of the price table's."""

    input: PerMillion
    output: PerMillion | None = None
    cache_read: PerMillion | None = None
    cache_write: PerMillion | None = None
    cache_write_1h: PerMillion | None = None
    reasoning: PerMillion | None = None
    input_audio: PerMillion | None = None
    output_audio: PerMillion | None = None
    cache_read_audio: PerMillion | None = None
    input_image: PerMillion | None = None
    output_image: PerMillion | None = None
    per_call: PerCall | None = None
    web_search: PerThousand | None = None
    social_search: PerThousand | None = None
    file_search: PerThousand | None = None
    code_execution: PerThousand | None = None
    audio_seconds: PerThousand | None = None
    characters: PerThousand | None = None
    context_window: Positive | None = None
    max_output: Positive | None = None


LIMIT_KEYS = ("context_window", "max_output")
"""Keys of a price table that are no price but what the model can take, in tokens."""


class WithdrawnTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[withdrawn."provider/model"]`: when a model ends, in place of what the catalogue says."""

    on: Day
    """The first day on which it is served no more."""
    instead: ModelName = ""
    """What to take in its place."""


class ExporterTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[[exporters]]`: a collector that every call is sent to as OpenTelemetry spans and metrics."""

    name: Name
    endpoint: Url
    """Of OTLP over HTTP, without `/v1/traces`, such as `http://collector:4318`."""
    headers: dict[str, Credential] = {}
    """Whole values, such as `authorization = "env:COLLECTOR_AUTHORIZATION"`."""
    content: bool = False
    """Whether messages, tools and the words of errors are sent, too."""
    traces: bool = True
    metrics: bool = True
    projects: tuple[Name, ...] | None = None
    """Whose calls; all by default."""
    regions: tuple[Name, ...] = ()
    """Where the collector keeps what it gets. Calls that may only be in some regions go nowhere else."""


class OutcomeTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[feedback.NAME.outcomes]]`: what one kind of event says. `$.` begins where it stands in the event."""

    name: str
    """Of the feedback, such as `paid`, or where the name stands."""
    value: bool | float | str
    """Such as `true`, or where it stands: `$.data.amount`."""
    when: Annotated[dict[str, bool | int | float | str], msgspec.Meta(max_length=16)] = {}
    """Only events in which these stand, such as `{ "$.type" = "order.paid" }`."""
    at: str | None = None
    """When it was so: ISO 8601, or seconds or milliseconds since 1970; by default when it comes."""
    id: str | None = None
    """Of the event, so that what is sent again counts once; by default made of all that is said."""
    comment: str | None = None
    by: str | None = None
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session: str | None = None
    user: str | None = None
    business_id: str | None = None
    """Who or what it is about: exactly one."""


class FeedbackTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[feedback.NAME]`: a business system that sends signed events to `/api/v1/feedback/from/NAME`."""

    secrets: Annotated[tuple[Credential, ...], msgspec.Meta(min_length=1, max_length=4)]
    """What it signs with; any of them, so that one can be changed without a gap."""
    outcomes: Annotated[tuple[OutcomeTable, ...], msgspec.Meta(min_length=1, max_length=32)]
    signature: Signature = "timestamped"
    header: str | None = None
    """Where the signature stands; by default `x-headgate-signature`, for `body` `x-signature`."""
    tolerance: Duration | None = None
    """How old a signature that bears its time may be; by default 5m."""
    project: Name = "default"
    """Whose feedback it is."""
    items: str | None = None
    """Where in the body a list of events stands, such as `$.events`; by default a body is one event."""
    source: Source = "code"


class ArmTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[experiments.arms]]`: one way of serving calls. The first is the baseline."""

    name: Name
    share: Weight
    """Of the units that take part; shares are weighed against each other."""
    targets: Annotated[tuple[str | TargetTable, ...], msgspec.Meta(max_length=64)] = ()
    """In place of the alias's own; without any it serves as the alias does."""
    set: Parameters = {}
    """Parameters that its calls get, such as `temperature`, as by an override rule."""
    remove: Removed = ()
    clamp: Clamps = {}
    replace: Replacements = ()
    """Literal fragments of prompts, and what stands in their place."""
    prompts: Annotated[dict[Name, int | Name], msgspec.Meta(max_length=32)] = {}
    """The version or label of managed prompts, for calls that name none."""
    environment: Name | None = None
    """Served as by the release in force there: its prompts, rules and pinned models."""


class MetricTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[experiments.metrics]]`: what arms are compared by."""

    name: ScoreName
    """Of the feedback, too, where that is what is measured and `feedback` names no other."""
    feedback: ScoreName | None = None
    """The feedback that is read, so that one name of it makes several metrics: an event and a mean, say."""
    measure: Measure = "feedback"
    role: Role = "decision"
    kind: FeedbackKind = "answer"
    """What feedback is: the mean of a unit's answers, whether an event happened, or the sum of amounts."""
    per: Name | None = None
    """Divides it by feedback of this name, of the metric's `kind`, such as the cost by solved cases; or by
    `calls`, `sessions`, `tokens`, `output_tokens`, `cost`, `latency`, `errors` or `refusals` of its units."""
    relative: bool = False
    """Tells differences as parts of the baseline's mean: "4.2 % more", with an interval that allows for that
    mean's own error."""
    arrives: Duration = "0s"
    """How late its feedback is sent, such as by an import once a day: for this metric, units are complete so
    much later."""
    better: Better | None = None
    """Feedback is better higher, everything else lower, unless this says otherwise."""
    effect: Size | None = None
    """The least difference that matters."""
    margin: Size | None = None
    """The most that may be lost: a guardrail needs it."""


class AdaptiveTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[experiments.adaptive]`: shares follow what is known of the first decision."""

    floor: Annotated[float, msgspec.Meta(ge=0.05, le=0.5)] = 0.1
    """The least share of an arm; the lower, the wider the intervals of the worse ones."""
    every: Duration = "1d"
    """How often shares may move."""
    parts: Annotated[int, msgspec.Meta(ge=2, le=100)] | None = None
    """Where units come back, they are divided into so many parts (10 by default), opened one after the
    other; each keeps the shares that it was opened with."""


class ExperimentTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[[experiments]]`: arms that share the calls for an alias, and what they are compared by."""

    name: Name
    alias: ModelName
    arms: Annotated[tuple[ArmTable, ...], msgspec.Meta(min_length=1, max_length=8)]
    metrics: Annotated[tuple[MetricTable, ...], msgspec.Meta(min_length=1, max_length=16)]
    unit: UnitKind = "user"
    """Whom an arm is chosen for."""
    layer: Name | None = None
    """Experiments of one layer take turns in its traffic; by default each alias has its own."""
    traffic: Annotated[tuple[Rate, ...], msgspec.Meta(max_length=2)] = (0.0, 1.0)
    """From and to which part of the layer units take part."""
    salt: Name | None = None
    """Changed to put units into arms anew."""
    window: Duration = "7d"
    """For how long after a unit's first exposure outcomes count."""
    error: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.05
    """The chance of ever calling a difference that is none."""
    planned_units: Positive | None = None
    """At how many units, of the two arms that are compared, intervals are tightest; 1000 unless given."""
    looks: Plan | None = None
    """`planned`, by default where `planned_units` are given: decide at them, for a tenth more units than a
    single look takes. `every`, by default else and where shares move: at any look alike.
    """
    adaptive: AdaptiveTable | None = None
    """Shares that move to better arms; without it they stay as they are written."""
    projects: Annotated[tuple[Name, ...], msgspec.Meta(max_length=64)] | None = None
    """Whose calls; all by default."""


class LoopGuardTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[loop_guard]`: when near-identical calls, or the velocity of spend, are taken for a runaway loop."""

    identical_calls: Count = 0
    identical_within: Duration = "60s"
    spend: Amount = "0 USD"
    spend_within: Duration = "60s"


class ServerTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[server]`: bounds on what clients may send, and what a hang-up and a power cut may cost."""

    body_bytes_max: Bytes = 32 * 1024 * 1024
    multipart_bytes_max: Bytes = 256 * 1024 * 1024
    header_bytes_max: Bytes = 32 * 1024
    recorded_bytes_max: Bytes = 1024 * 1024
    on_hangup: Literal["close", "drain"] = "close"
    allowed_hosts: Annotated[tuple[HostName, ...], msgspec.Meta(max_length=64)] = ()
    durability: Literal["process", "power"] = "process"
    max_stale: Duration = "5m"
    """For how long a gateway without the database goes on with the keys that it knows; 5m at most."""
    translation: Strictness = "strict"
    """Whether a target is left out where a translation would change what the call means, or is told of it."""
    structured_output: StructuredOutput | None = None
    """Whether answers are held against the JSON schema of a call. Unset: where no provider does it."""


class RolloutTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[rollouts]]`: an alias moves to a candidate by stages: internal callers, shares of all units, all.

    The candidate has what an arm of an experiment may have.
    """

    name: Name
    alias: ModelName
    guardrails: Annotated[tuple[MetricTable, ...], msgspec.Meta(min_length=1, max_length=16)]
    """What must not get worse by more than its margin; `role` and `effect` are not read."""
    targets: Annotated[tuple[str | TargetTable, ...], msgspec.Meta(max_length=64)] = ()
    set: Parameters = {}
    remove: Removed = ()
    clamp: Clamps = {}
    replace: Replacements = ()
    prompts: Annotated[dict[Name, int | Name], msgspec.Meta(max_length=32)] = {}
    environment: Name | None = None
    users: Annotated[tuple[str, ...], msgspec.Meta(max_length=256)] = ()
    """Internal callers are served by the candidate first: these users, keys (by id) and tags."""
    keys: Annotated[tuple[str, ...], msgspec.Meta(max_length=256)] = ()
    tags: Annotated[tuple[str, ...], msgspec.Meta(max_length=256)] = ()
    internal_share: Rate = 1.0
    """Of internal callers' calls, what the candidate serves: below 1 that stage moves by itself, too."""
    shadow: ShadowTable | None = None
    """Compares both on the same calls before anybody is served by the candidate; none unless given."""
    shares: Annotated[tuple[Rate, ...], msgspec.Meta(min_length=1, max_length=8)] = (0.01, 0.05, 0.25)
    """Of all units, one stage after the other."""
    unit: UnitKind = "user"
    window: Duration = "10m"
    """For how long after a unit's first exposure outcomes count; evidence is as late as this."""
    units: Positive = 200
    """How many units of the candidate each share needs at least."""
    error: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.05
    """The chance of ever falling back, or moving on, without a reason."""


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole headgate.toml."""

    providers: dict[Name, ProviderTable] = {}
    models: dict[ModelName, ModelTable] = {}
    budgets: tuple[BudgetTable, ...] = ()
    rate_limits: tuple[RateLimitTable, ...] = ()
    projects: dict[Name, ProjectTable] = {}
    prices: dict[ModelName, PriceTable] = {}
    withdrawn: dict[ModelName, WithdrawnTable] = {}
    exporters: tuple[ExporterTable, ...] = ()
    feedback: dict[Name, FeedbackTable] = {}
    experiments: tuple[ExperimentTable, ...] = ()
    rollouts: Annotated[tuple[RolloutTable, ...], msgspec.Meta(max_length=64)] = ()
    canaries: tuple[CanaryTable, ...] = ()
    grounding: tuple[GroundingTable, ...] = ()
    drift: DriftTable = DriftTable()
    loop_guard: LoopGuardTable = LoopGuardTable()
    server: ServerTable = ServerTable()


def normalised(document: Document) -> bytes:
    """Return the document as JSON with sorted keys and without defaults: what its digest is taken from."""
    return msgspec.json.encode(document, order="sorted")


def from_json(document: bytes) -> Document:
    """Read a normalised document back."""
    return msgspec.json.decode(document, type=Document)
