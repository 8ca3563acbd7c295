"""From a document to the snapshot that gateways serve from: what refers to what is checked here. Pure.

All that is wrong is reported at once, with the line of each part where it is known. Read next:
`config.snapshot` (the result), `config.providers` and `config.limits` (two of its parts).
"""

import difflib
import hashlib
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path as FilePath

import msgspec

from headgate.access.book import MAX_STALE_MS
from headgate.access.model import Project
from headgate.catalog.kinds import ANYWHERE, expand_regions, kinds, region_sets, routed_to
from headgate.catalog.model import ModelFacts, Provider, Target
from headgate.config.canaries import canaries_of
from headgate.config.document import Document, ModelTable, TargetTable, from_json, normalised
from headgate.config.experiments import experiments_of
from headgate.config.exporters import exporters_of
from headgate.config.grounding import grounding_of
from headgate.config.limits import budget_of, check_meters, loop_guard_of, rate_limit_of
from headgate.config.lines import Path
from headgate.config.load import load_located
from headgate.config.prices import facts_of, overridden
from headgate.config.problems import NOWHERE, Locations, Problems, nearest
from headgate.config.providers import provider_of
from headgate.config.rollouts import rollouts_of
from headgate.config.snapshot import Alias, CallTimeouts, RetryRule, ServerLimits, Snapshot
from headgate.config.systems import systems_of
from headgate.config.values import MODEL_NAME_CHARACTERS_MAX, is_model_name, read_days, read_duration
from headgate.config.withdrawn import withdrawn_of
from headgate.core.faults import Misconfigured, NotFound
from headgate.drift.model import DriftRule

FORMAT = 1
DIRECT_NAMES_KEPT = 1024
NEAREST_SHOWN = 3
SNAPSHOT_ID_CHARACTERS = 12


def compile_file(source: FilePath | str, *, today: date | None = None) -> Snapshot:
    """Read a file, or a text that holds one, and compile it. Raises Misconfigured with file, line, reason."""
    loaded = load_located(source)
    return compile_snapshot(loaded.document, today=today, locations=loaded.locations)


def compile_snapshot(
    document: Document, *, today: date | None = None, locations: Locations = NOWHERE
) -> Snapshot:
    """Check all references of a document and compile it with the prices that hold on `today`.

    `today` is by default the day in UTC. Raises Misconfigured that lists all that is wrong. The same document
    always has the same id.
    """
    return _Compiler(document, today or datetime.now(UTC).date(), Problems(locations)).compile()


def compile_stored(document: bytes, *, identity: str, today: date | None = None) -> Snapshot:
    """Compile a document from the database under the id that it has there, whatever version wrote it.

    Raises Misconfigured for a document that this version can't read, or refuses.
    """
    try:
        read = from_json(document)
    except msgspec.MsgspecError as error:
        raise Misconfigured(f"snapshot {identity} is not one that this version reads: {error}") from None
    return msgspec.structs.replace(compile_snapshot(read, today=today), id=identity)


def snapshot_id(document: bytes) -> str:
    """Return the short digest that names the snapshot of a normalised document."""
    return hashlib.sha256(document).hexdigest()[:SNAPSHOT_ID_CHARACTERS]


def resolve_alias(snapshot: Snapshot, name: str) -> Alias | None:
    """Return the alias of a name, or one made of `provider/model` for any model of a provider; else None.

    Direct names are kept in a table of 1024, so that a repeated one costs a lookup.
    """
    alias = snapshot.aliases.get(name)
    if alias is not None or len(name) > MODEL_NAME_CHARACTERS_MAX:
        return alias
    return _direct_alias(snapshot, name)


def resolve_target(snapshot: Snapshot, name: str) -> Target:
    """Return the target that `provider/model` names. Raises NotFound with the nearest names."""
    alias = resolve_alias(snapshot, name)
    if alias is None or name in snapshot.aliases:
        raise model_not_found(snapshot, name)
    return alias.targets[0]


@lru_cache(maxsize=DIRECT_NAMES_KEPT)
def _direct_alias(snapshot: Snapshot, name: str) -> Alias | None:
    provider_name, slash, model = name.partition("/")
    provider = snapshot.providers.get(provider_name)
    if provider is None or not slash or not model or not is_model_name(name):
        return None
    facts = snapshot.price_overrides.get(name)
    if facts is None:
        facts = facts_of(provider, model, date.fromisoformat(snapshot.priced_on))
    target = Target(provider=provider, model=model, facts=facts, routed_to=routed_to(provider, model))
    return Alias(
        name=name,
        targets=(target,),
        translation=snapshot.translation,
        structured_output=snapshot.structured_output,
    )


def nearest_names(snapshot: Snapshot, name: str) -> list[str]:
    """Return up to three names that resemble one that is not known, else the first that there are."""
    known = [*snapshot.aliases, *(f"{provider}/MODEL" for provider in snapshot.providers)]
    return difflib.get_close_matches(name[:200], known, n=NEAREST_SHOWN, cutoff=0.4) or known[:NEAREST_SHOWN]


def model_not_found(snapshot: Snapshot, name: str) -> NotFound:
    """Return the refusal for a name that is neither an alias nor `provider/model`, with the nearest names."""
    close = nearest_names(snapshot, name)
    shown = name if len(name) <= 100 else f"{name[:97]}..."
    listed = f"; nearest are {', '.join(close)}" if close else ""
    return NotFound(f"there is no model {shown!r}{listed}", code="model_not_found")


class _Compiler:
    """One compilation: the document, the problems found so far, and the parts made so far."""

    def __init__(self, document: Document, today: date, problems: Problems) -> None:
        self._document = document
        self._today = today
        self._problems = problems
        self._providers: dict[str, Provider] = {}
        self._overrides: dict[str, ModelFacts] = {}

    def compile(self) -> Snapshot:
        document = self._document
        self._compile_providers()
        self._compile_prices()
        for name in document.withdrawn:
            self._provider_exists(name.partition("/")[0], ("withdrawn", name))
        withdrawn = withdrawn_of(document, self._providers, self._problems, self._today)
        aliases = {name: self._alias(name, table) for name, table in document.models.items()}
        projects = {name: self._project(name) for name in document.projects}
        check_meters(document, self._problems)
        exporters = exporters_of(document, self._providers, self._problems)
        for index, table in enumerate(document.exporters):
            for place, region in enumerate(table.regions):
                self._check_region(region, ("exporters", index, "regions", place))
        systems = systems_of(document, self._problems)
        experiments, arms = experiments_of(document, aliases, self._arm_target, self._problems)
        rollouts, candidates = rollouts_of(document, aliases, self._arm_target, self._problems)
        canaries = canaries_of(document, self._problems)
        grounding = grounding_of(document, self._problems)
        max_stale_ms = self._max_stale_ms()
        self._problems.raise_if_any()
        content = normalised(document)
        server = document.server
        return Snapshot(
            id=snapshot_id(content),
            format=FORMAT,
            document=content,
            providers=self._providers,
            aliases=aliases,
            projects=projects,
            budgets=tuple(map(budget_of, document.budgets)),
            rate_limits=tuple(map(rate_limit_of, document.rate_limits)),
            loop_guard=loop_guard_of(document.loop_guard),
            limits=ServerLimits(
                body_bytes_max=server.body_bytes_max,
                multipart_bytes_max=server.multipart_bytes_max,
                header_bytes_max=server.header_bytes_max,
                recorded_bytes_max=server.recorded_bytes_max,
            ),
            on_hangup=server.on_hangup,
            allowed_hosts=frozenset(name.lower() for name in server.allowed_hosts),
            durability=server.durability,
            max_stale_ms=max_stale_ms,
            translation=server.translation,
            structured_output=server.structured_output,
            price_overrides=self._overrides,
            withdrawn=withdrawn,
            exporters=exporters,
            systems=systems,
            experiments=experiments,
            arms=arms | candidates,
            rollouts=rollouts,
            canaries=canaries,
            grounding=grounding,
            drift=DriftRule(months=document.drift.months_a_false_alarm, traffic=document.drift.traffic),
            priced_on=self._today.isoformat(),
        )

    def _max_stale_ms(self) -> int:
        text = self._document.server.max_stale
        stale_ms = int(read_duration(text) * 1000)
        if not 1000 <= stale_ms <= MAX_STALE_MS:
            reason = f"is {text!r}; revocations must reach everyone, so between 1s and 5m can be chosen"
            self._problems.add(("server", "max_stale"), reason)
        return stale_ms

    def _compile_providers(self) -> None:
        known = kinds()
        for name, table in self._document.providers.items():
            provider = provider_of(name, table, known[table.kind], self._problems)
            if provider is not None:
                self._providers[name] = provider

    def _compile_prices(self) -> None:
        for name, table in self._document.prices.items():
            provider, slash, model = name.partition("/")
            if not slash or not model:
                self._problems.add(("prices", name), 'names no model; write [prices."provider/model"]')
            elif self._provider_exists(provider, ("prices", name)) and provider in self._providers:
                facts = overridden(self._providers[provider], model, table, self._today)
                self._overrides[name] = facts

    def _alias(self, name: str, table: ModelTable) -> Alias:
        path = ("models", name)
        owner = name.partition("/")[0]
        if owner in self._document.providers:
            self._problems.add(path, f"has a name that stands for the provider {owner!r}; choose another")
        targets: list[Target] = []
        seen: set[str] = set()
        for index, listed in enumerate(table.targets):
            target = self._target(listed, table, (*path, "targets", index))
            if target is None:
                continue
            if target.name in seen:
                self._problems.add((*path, "targets", index), f"names {target.name!r} a second time")
            seen.add(target.name)
            targets.append(target)
        timeout, retry = table.timeout, table.retry
        return Alias(
            name=name,
            targets=tuple(targets),
            strategy=table.strategy,
            timeouts=CallTimeouts(
                connect_s=read_duration(timeout.connect),
                first_token_s=read_duration(timeout.first_token),
                idle_s=read_duration(timeout.idle),
                total_s=read_duration(timeout.total),
            ),
            retry=RetryRule(
                attempts=retry.attempts,
                backoff_s=read_duration(retry.backoff),
                backoff_s_max=read_duration(retry.backoff_max),
            ),
            default_max_output=table.default_max_output,
            translation=table.translation or self._document.server.translation,
            structured_output=table.structured_output or self._document.server.structured_output,
            when_context_overflows=table.when_context_overflows,
            when_content_refused=table.when_content_refused,
        )

    def _target(self, listed: str | TargetTable, table: ModelTable, path: Path) -> Target | None:
        name = listed if isinstance(listed, str) else listed.target
        weight = 1.0 if isinstance(listed, str) else listed.weight
        if isinstance(listed, TargetTable):
            if weight != 1.0 and table.strategy != "weighted":
                self._problems.add(
                    (*path, "weight"), f"is read by strategy weighted only, and this is {table.strategy}"
                )
            path = (*path, "target")
        provider_name, slash, model = name.partition("/")
        if not slash or not model or not is_model_name(name):
            self._problems.add(path, f"is {name[:200]!r}; write 'provider/model'")
            return None
        if not self._provider_exists(provider_name, path):
            return None
        provider = self._providers.get(provider_name)
        if provider is None:
            return None  # The provider is refused itself; once is enough.
        facts = self._overrides.get(name) or facts_of(provider, model, self._today)
        elsewhere = routed_to(provider, model)
        return Target(provider=provider, model=model, facts=facts, weight=weight, routed_to=elsewhere)

    def _arm_target(self, listed: str | TargetTable, alias: str, path: Path) -> Target | None:
        return self._target(listed, self._document.models[alias], path)

    def _project(self, name: str) -> Project:
        table = self._document.projects[name]
        path = ("projects", name)
        for index, model in enumerate(table.models or ()):
            self._check_listed_model(model, (*path, "models", index))
        for index, region in enumerate(table.regions or ()):
            self._check_region(region, (*path, "regions", index))
        return Project(
            name=name,
            models=table.models,
            regions=None if table.regions is None else expand_regions(table.regions),
            record=table.record,
            retention_days=read_days(table.retention),
            check_retention_days=read_days(table.check_retention),
        )

    def _check_listed_model(self, model: str, path: Path) -> None:
        if model.endswith("*") or model in self._document.models:
            return
        provider, slash, _ = model.partition("/")
        if slash:
            self._provider_exists(provider, path)
        else:
            close = nearest(model, self._document.models)
            self._problems.add(path, f"is {model!r}, which [models] does not have{close}")

    def _check_region(self, region: str, path: Path) -> None:
        used = {each for table in self._document.providers.values() for each in table.regions}
        used |= {place for provider in self._providers.values() if (place := provider.place)} | {ANYWHERE}
        sets = region_sets()
        if region in sets or region in used or any(region in members for members in sets.values()):
            return
        close = nearest(region, {*sets, *used})
        self._problems.add(path, f"is {region!r}, which is no known region and no provider's{close}")

    def _provider_exists(self, name: str, path: Path) -> bool:
        providers = self._document.providers
        if name in providers:
            return True
        close = nearest(name, providers)
        self._problems.add(path, f"names the provider {name!r}, which [providers] does not have{close}")
        return False
