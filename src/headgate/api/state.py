"""What the control process knows of the deployment: keys, meters and the active snapshot, a poll old at most.

Never writes. It polls and is woken by NOTIFY, like a gateway, so that a key revoked elsewhere is refused here
too. Read next: `api.services`, `store.live`.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date

import msgspec

from headgate.access.book import AccessBook
from headgate.access.model import Project
from headgate.catalog.model import KindName, Target
from headgate.catalog.prices import price_table_version
from headgate.catalog.withdrawn import Withdrawal
from headgate.config.compile import compile_stored, model_not_found, resolve_alias
from headgate.config.http import Health
from headgate.config.secrets import Secrets, read_references
from headgate.config.snapshot import Snapshot
from headgate.config.snapshots import StoredSnapshot, current
from headgate.core.faults import InvalidRequest, Misconfigured, NotFound, Unavailable
from headgate.core.pages import now_of
from headgate.core.ports import Clock
from headgate.core.secret import Secret
from headgate.drift.model import Canary, DriftRule
from headgate.experiments.model import Experiment
from headgate.gateway.catching_up import catch_up
from headgate.gateway.live import LiveState
from headgate.gateway.proofs import checked
from headgate.grounding.rules import GroundingRule
from headgate.meters.model import Budget, RateLimit
from headgate.releases.rules import Rule
from headgate.rollouts.model import Rollout
from headgate.store.database import Database
from headgate.traces.systems.model import BusinessSystem


class ControlState:
    """Implements `meters.http.MetersInForce`, and more, for one process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        environment: Mapping[str, str],
        target_health: Callable[[], Mapping[str, Health]],
    ) -> None:
        self.book = AccessBook()
        self.snapshot: Snapshot | None = None
        self.secrets: Secrets | None = None
        self.refused: str | None = None
        """Why the active snapshot can't be compiled here; None where it can."""
        self._database = database
        self._clock = clock
        self._environment = environment
        self._target_health = target_health
        self._live = LiveState(self.book)
        self._busy = asyncio.Lock()
        self._day: date | None = None
        """The day, in UTC, by whose prices the snapshot was compiled."""
        self._of_systems: Mapping[str, Sequence[Secret]] = {}

    @property
    def seq(self) -> int:
        """The last change of the live objects that was taken in."""
        return self._live.seq

    async def refresh(self) -> None:
        """Take in what changed. Raises Unavailable when the database is away."""
        async with self._busy:
            async with self._database.connection() as connection:
                await catch_up(connection, self._live)
                is_of_today = self._day == now_of(self._clock).date()
                known = self.snapshot.id if self.snapshot is not None and is_of_today else None
                active = await current(connection, unless=known)
            self.book.contacted(self._clock.now_ms(), self._live.seq)
            if active is not None:
                await asyncio.to_thread(self._compile, active)

    def allowed_hosts(self) -> frozenset[str]:
        """Names under which this server may be asked for, besides addresses and localhost."""
        return self.snapshot.allowed_hosts if self.snapshot is not None else frozenset()

    def budgets(self) -> Sequence[Budget]:
        """All budgets in force: of the file, made here, and brought along by keys."""
        of_file = self.snapshot.budgets if self.snapshot is not None else ()
        return [*of_file, *self._live.budgets.values()]

    def rate_limits(self) -> Sequence[RateLimit]:
        """All rate limits in force."""
        of_file = self.snapshot.rate_limits if self.snapshot is not None else ()
        return [*of_file, *self._live.rate_limits.values()]

    def experiments(self) -> tuple[Experiment, ...]:
        """The experiments of the snapshot in force, stopped ones too."""
        return self.snapshot.experiments if self.snapshot is not None else ()

    def rollouts(self) -> tuple[Rollout, ...]:
        """The rollouts of the snapshot in force."""
        return self.snapshot.rollouts if self.snapshot is not None else ()

    def canaries(self) -> tuple[Canary, ...]:
        """The canaries of the snapshot in force."""
        return self.snapshot.canaries if self.snapshot is not None else ()

    def grounding(self) -> tuple[GroundingRule, ...] | None:
        """The rules of groundedness of the snapshot in force; None while there is none."""
        return None if self.snapshot is None else self.snapshot.grounding

    def business_system(self, name: str) -> tuple[BusinessSystem, Sequence[Secret]] | None:
        """A business system that sends feedback, and those of its secrets that are set here."""
        found = None if self.snapshot is None else self.snapshot.systems.get(name)
        return None if found is None else (found, self._of_systems.get(name, ()))

    def drift_rule(self) -> DriftRule:
        """How often watches of models may be wrong."""
        return self.snapshot.drift if self.snapshot is not None else DriftRule()

    def alias_targets(self) -> Mapping[str, tuple[str, ...]]:
        """The targets of each name of models."""
        aliases = {} if self.snapshot is None else self.snapshot.aliases
        return {name: tuple([target.name for target in alias.targets]) for name, alias in aliases.items()}

    def provider_kinds(self) -> Mapping[str, KindName]:
        """The kind of each provider."""
        providers = {} if self.snapshot is None else self.snapshot.providers
        return {name: provider.kind for name, provider in providers.items()}

    def withdrawn(self) -> Mapping[str, Withdrawal]:
        """When targets end, by the configuration."""
        return {} if self.snapshot is None else self.snapshot.withdrawn

    def rules(self) -> Sequence[Rule]:
        """All override rules in force but those of releases."""
        return tuple(self._live.rules.values())

    def project_named(self, name: str) -> Project:
        """A project's limits. Raises Unavailable while no configuration is known."""
        if self.snapshot is None:
            raise Unavailable("no configuration is in force yet; try again shortly")
        return self.snapshot.project(name)

    def project_of_key(self, key: str) -> str | None:
        """The project of a key that is in force."""
        found = self.book.get(key)
        return None if found is None else found.project

    def health_of(self, target: str) -> Health | None:
        """What gateways say of a provider or `provider/model`; None where nothing is known."""
        return self._target_health().get(target)

    def price_table(self) -> str:
        """Which prices hold: the table's version, and a digest of what `[prices]` puts in its place."""
        overrides = {} if self.snapshot is None else self.snapshot.price_overrides
        if not overrides:
            return price_table_version()
        digest = hashlib.sha256(msgspec.json.encode(overrides, order="sorted")).hexdigest()
        return f"{price_table_version()}, [prices] {digest[:12]}"

    def targets_of(self, name: str) -> tuple[Target, ...]:
        """The targets of an alias or of a plain `provider/model`. Raises NotFound and Unavailable."""
        if self.snapshot is None:
            raise Unavailable("no configuration is in force yet; try again shortly")
        alias = resolve_alias(self.snapshot, name)
        if alias is None:
            raise model_not_found(self.snapshot, name)
        return alias.targets

    def check_pin(self, alias: str, target: str) -> None:
        """Raise InvalidRequest unless a release may pin the name `alias` to the `provider/model` `target`."""
        for name in (alias, target):
            try:
                targets = self.targets_of(name)
            except NotFound as fault:
                raise InvalidRequest(f"pins: {fault.message}", parameter="pins") from None
            if name == target and (len(targets) != 1 or targets[0].name != target):
                raise InvalidRequest(
                    f"pins: {target[:100]!r} is an alias; pin a name to one provider/model", parameter="pins"
                )

    def _compile(self, stored: StoredSnapshot) -> None:
        """A snapshot that this version can't read leaves the one before it in place."""
        self._day = now_of(self._clock).date()
        try:
            snapshot = compile_stored(stored.document, identity=stored.id, today=self._day)
        except Misconfigured as fault:
            self.refused = f"snapshot {stored.id} is not taken: {fault}"
            return
        self.secrets = checked(snapshot, Secrets.resolve(snapshot, self._environment))
        self._of_systems = {
            name: read_references(system.secrets, self._environment)
            for name, system in snapshot.systems.items()
        }
        self.snapshot = snapshot
        self.book.max_stale_ms = snapshot.max_stale_ms
        self.refused = None
