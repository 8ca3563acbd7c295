"""The parts that a gateway process serves calls with, put together once in `main`. No logic of its own.

Read next: `gateway.serve`, which is handed this and an exchange.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

import msgspec

from headgate.access.book import AccessBook
from headgate.config.compile import nearest_names, resolve_alias
from headgate.config.secrets import Secrets
from headgate.config.snapshot import Alias, Snapshot
from headgate.core.entries import ALERT, Alert
from headgate.core.faults import NotFound
from headgate.core.identity import IdentitySource
from headgate.core.ports import Clock, Egress
from headgate.gateway.counters import Counters
from headgate.gateway.health import Health
from headgate.gateway.overriding import Overriding
from headgate.gateway.proofs import NO_PROOFS, Proofs
from headgate.gateway.schema_checker import SchemaChecker
from headgate.gateway.standing import STANDINGS_MAX, Standing, StandingIdentity, is_short
from headgate.gateway.trials import NO_TRIALS, Trials
from headgate.gateway.way import Ways
from headgate.journal.writer import JournalWriter
from headgate.meters.loop import LoopDetector
from headgate.meters.model import Budget, RateLimit, Scope
from headgate.meters.purse import Purse
from headgate.meters.rate import RateLimiter
from headgate.meters.shares import RateShares

if TYPE_CHECKING:
    from headgate.gateway.shadows import Shadows

ALIASES_MAX = 1024
"""How many aliases' ways are kept; any `provider/model` is one."""

ENCODE = msgspec.msgpack.Encoder().encode


class Current:
    """What the gateway serves from right now: one snapshot, its secrets, and all meters in force.

    Replaced whole when any of it changes; a call keeps the one it began with.
    """

    __slots__ = (
        "_proofs",
        "_ways",
        "budgets",
        "call_limits",
        "clamps",
        "keeps_sent",
        "overriding",
        "secrets",
        "snapshot",
        "snapshot_field",
        "standings",
        "target_limits",
        "trials",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        secrets: Secrets,
        budgets: Sequence[Budget],
        rate_limits: Sequence[RateLimit],
        overriding: Overriding | None = None,
        *,
        proofs: Proofs = NO_PROOFS,
        trials: Mapping[str, Trials] = NO_TRIALS,
    ) -> None:
        self.snapshot = snapshot
        self._proofs = proofs
        self.secrets = secrets
        self.overriding = overriding
        """What changes calls before they are sent; None where nothing does, which then costs nothing."""
        self.trials = trials
        """The experiments that run, by alias."""
        self.keeps_sent = any(each.keeps_sent for each in trials.values())
        """Whether an experiment, or a shadow, may need a body as its client sent it."""
        self.budgets = tuple(budgets)
        self.clamps = any(budget.when_near == "clamp" for budget in budgets)
        self.call_limits = tuple(limit for limit in rate_limits if not _names_target(limit.scope))
        """Rate limits that count a call before a target is chosen."""
        self.target_limits = tuple(limit for limit in rate_limits if _names_target(limit.scope))
        """Rate limits that count attempts at a provider or one of its models."""

        self.snapshot_field = (b"x-headgate-snapshot", snapshot.id.encode())
        self.standings: dict[StandingIdentity, Standing] = {}
        self._ways: dict[str, Ways] = {}

    def remember(self, identity: StandingIdentity, standing: Standing) -> None:
        """Keep what was worked out for calls."""
        if len(self.standings) >= STANDINGS_MAX:
            self.standings.clear()
        if is_short(identity[3]):
            self.standings[identity] = standing

    def ways(self, alias: Alias) -> Ways:
        """Return the ways to an alias's targets, which all callers share."""
        ways = self._ways.get(alias.name)
        if ways is None:
            if len(self._ways) >= ALIASES_MAX:
                self._ways.clear()
            ways = self._ways[alias.name] = Ways(self.secrets, alias.timeouts, self._proofs)
        return ways

    def alias(self, name: str) -> Alias:
        """Return the alias of that name, or one made of a plain `provider/model`.

        Raises NotFound with the nearest names.
        """
        known = resolve_alias(self.snapshot, name)
        if known is None:
            near = nearest_names(self.snapshot, name)
            listed = f"; the nearest names are {', '.join(near)}" if near else ""
            raise NotFound(f"there is no model {name[:200]!r}{listed}", code="model_not_found")
        return known


def _names_target(scope: Scope) -> bool:
    return scope.provider is not None or scope.model is not None


class DataPlane(msgspec.Struct, kw_only=True, eq=False):
    """All that serving a call needs, for one gateway process. `current` is replaced whole, between calls."""

    clock: Clock
    identities: IdentitySource
    book: AccessBook
    purse: Purse
    limiter: RateLimiter
    shares: RateShares
    loops: LoopDetector
    egress: Egress
    journal: JournalWriter
    current: Current
    checker: SchemaChecker = msgspec.field(default_factory=SchemaChecker)
    health: Health = msgspec.field(default_factory=Health)
    counters: Counters = msgspec.field(default_factory=Counters)
    random: Random = msgspec.field(default_factory=Random)
    callers: Health | None = None
    """What callers see of targets, where this plane serves shadows beside them."""
    shadows: "Shadows | None" = None
    """Makes the shadows of calls; none on a plane that serves them."""
    draining: bool = False
    spool_folder: str | None = None
    """Where large uploads go; None is the system's folder for temporary files."""

    async def durable(self, snapshot: Snapshot) -> None:
        """Wait for the journal to reach the disk, where `durability = "power"` asks for it.

        Everywhere for one whose disk stalls to be written at all. Raises Unavailable.
        """
        if self.journal.is_late:
            await self.journal.written()
        if snapshot.durability == "power":
            await self.journal.durable()

    def alert(self, kind: str, subject: str, message: str, project: str = "") -> None:
        """Write down something that people should hear of."""
        entry = Alert(self.clock.now_ms(), kind, subject, message, project)
        self.journal.append(ALERT, ENCODE(entry))
