"""The compiled configuration that a gateway serves from: frozen, swapped whole, named on every record.

Keys, revocations and console-made meters are not in it: they are live objects (`store.live`).
"""

from typing import Literal

import msgspec

from headgate.access.model import Project
from headgate.catalog.model import ModelFacts, Provider, Target
from headgate.catalog.withdrawn import Withdrawal
from headgate.drift.model import Canary, DriftRule
from headgate.experiments.model import Experiment
from headgate.grounding.rules import GroundingRule
from headgate.meters.model import Budget, LoopGuard, RateLimit
from headgate.rollouts.model import Rollout
from headgate.traces.sending.model import Exporter
from headgate.traces.systems.model import BusinessSystem

Strategy = Literal["fallback", "weighted", "fastest", "cheapest"]
Strictness = Literal["strict", "lenient"]
"""What becomes of a call whose meaning a translation would change: refused at that target, or sent."""

OnRefusal = Literal["next-target", "reject"]
"""What becomes of a call that a provider refuses for what it says: tried elsewhere, or told to the client."""

StructuredOutput = Literal["trusted", "validated", "repaired"]
"""Whether an answer whose form a call prescribes is held against its schema, and repaired where it fails."""


class RetryRule(msgspec.Struct, frozen=True, kw_only=True):
    """How often one target is tried, and how long to wait between: full jitter under an exponential cap."""

    attempts: int = 2
    backoff_s: float = 0.25
    backoff_s_max: float = 4.0


class CallTimeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds a call may take: to connect, to the first token, between bytes, and in all."""

    connect_s: float = 5.0
    first_token_s: float = 120.0
    idle_s: float = 60.0
    total_s: float = 600.0


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """A name that clients ask for, standing for targets."""

    name: str
    targets: tuple[Target, ...]
    strategy: Strategy = "fallback"
    timeouts: CallTimeouts = CallTimeouts()
    retry: RetryRule = RetryRule()
    default_max_output: int | None = None
    translation: Strictness = "strict"
    structured_output: StructuredOutput | None = None
    """None: validated where no provider enforces the schema, else trusted."""
    when_context_overflows: OnRefusal = "next-target"
    when_content_refused: OnRefusal = "reject"


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what clients may send and what is kept."""

    body_bytes_max: int = 32 * 1024 * 1024
    multipart_bytes_max: int = 256 * 1024 * 1024
    header_bytes_max: int = 32 * 1024
    recorded_bytes_max: int = 1024 * 1024


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One state of the configuration. `id` is the digest of its document."""

    id: str
    format: int
    document: bytes
    """The normalised document (JSON) that it was compiled from."""
    providers: dict[str, Provider]
    aliases: dict[str, Alias]
    projects: dict[str, Project]
    budgets: tuple[Budget, ...]
    rate_limits: tuple[RateLimit, ...]
    loop_guard: LoopGuard
    limits: ServerLimits
    on_hangup: Literal["close", "drain"] = "close"
    allowed_hosts: frozenset[str] = frozenset()
    """Names, besides addresses and localhost, under which the control API may be asked for."""
    durability: Literal["process", "power"] = "process"
    max_stale_ms: int = 5 * 60 * 1000
    """For how long keys are believed without a word from the database."""
    translation: Strictness = "strict"
    """For names that no alias is of."""
    structured_output: StructuredOutput | None = None
    """For the same names."""
    price_overrides: dict[str, ModelFacts] = msgspec.field(default_factory=dict[str, ModelFacts])
    """By `provider/model`, from `[prices]`; they hold for models that no alias names, too."""
    withdrawn: dict[str, Withdrawal] = msgspec.field(default_factory=dict[str, Withdrawal])
    """By `provider/model`, from `[withdrawn]`: when models end, by what people have been told."""
    exporters: tuple[Exporter, ...] = ()
    systems: dict[str, BusinessSystem] = msgspec.field(default_factory=dict[str, BusinessSystem])
    """Whose signed events are feedback, by name."""
    experiments: tuple[Experiment, ...] = ()
    arms: dict[tuple[str, str], Alias] = msgspec.field(default_factory=dict[tuple[str, str], Alias])
    """The alias of an experiment with an arm's targets, by their names, for arms that have targets."""
    rollouts: tuple[Rollout, ...] = ()
    canaries: tuple[Canary, ...] = ()
    grounding: tuple[GroundingRule, ...] = ()
    drift: DriftRule = DriftRule()
    priced_on: str = ""
    """The day (ISO 8601) whose prices it was compiled with."""

    def __hash__(self) -> int:
        # The digest of all that is in it, so that a snapshot can be the key of a table.
        return hash(self.id)

    def project(self, name: str) -> Project:
        """The project's rules; one that the file does not name has the defaults."""
        return self.projects.get(name) or Project(name=name)
