"""Routes of the configuration: snapshots, plan and apply, providers, models.

Never shows a secret, only whether there is one. Read next: `config.snapshots`, `config.plan`.
"""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from headgate.access.caller import is_listed
from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store
from headgate.access.model import Project
from headgate.access.roles import visible
from headgate.catalog.model import Price, Target
from headgate.config.changes import Change, changes_to
from headgate.config.compile import compile_file, compile_stored
from headgate.config.secrets import Secrets
from headgate.config.snapshot import Alias, Snapshot
from headgate.config.snapshots import (
    StoredSnapshot,
    activate,
    current,
    get_snapshot,
    history,
    list_snapshots,
    put_in_force,
)
from headgate.core.faults import NotAllowed, Unavailable
from headgate.core.money import format_usd
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor, format_datetime
from headgate.experiments.definitions import sync_experiments
from headgate.meters.budgets import sync_budgets
from headgate.policy.residency import admit
from headgate.store.database import Connection
from headgate.traces.sending.store import sync_exporters

TOML_BYTES_MAX = 4 * 1024 * 1024
MILLION = 10**6


class Configuration(Protocol):
    """What control knows of the configuration in force."""

    snapshot: Snapshot | None
    secrets: Secrets | None

    async def refresh(self) -> None:
        """Take in what changed."""
        ...

    def health_of(self, target: str) -> "Health | None":
        """What gateways say of a target `provider/model`, or of a provider; None where nothing is known."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a target does, as gateways see it. Latency is to the first byte, in milliseconds."""

    state: str
    latency_ms: float | None = None
    calls_in_flight: int | None = None
    since_ms: int | None = None
    """Since when the breaker has not been closed, from 1970 on."""
    failure: str = ""
    failed_ms: int | None = None
    failed_target: str = ""


UNKNOWN: Final = Health(state="unknown")


class LastFailure(msgspec.Struct, frozen=True, kw_only=True):
    """What a target said, or what became of the call, when it failed last."""

    target: str
    message: str
    at: str


InForce = NamedDependency[SkipValidation[Configuration]]
SnapshotId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class PlanRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A headgate.toml, as text."""

    toml: Annotated[str, msgspec.Meta(max_length=TOML_BYTES_MAX)]


class ApplyRequest(PlanRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A headgate.toml and the snapshot that it was planned against: null where none was in force."""

    base: SnapshotId | None
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What applying would change. Pass `base` on to apply; `snapshot` would then be in force."""

    base: str | None
    snapshot: str
    changes: list[Change]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, and the snapshot that is now in force."""

    base: str | None
    snapshot: str
    seq: int
    changes: list[Change]


class SnapshotView(msgspec.Struct, frozen=True, kw_only=True):
    """A stored snapshot."""

    id: str
    format: int
    created_at: str
    created_by: str
    note: str
    active: bool


class SnapshotDetail(SnapshotView, frozen=True, kw_only=True):
    """A stored snapshot with its document: headgate.toml as it was read, without defaults."""

    document: dict[str, Any]


class ActivationView(msgspec.Struct, frozen=True, kw_only=True):
    """One moment at which a snapshot came into force, and the key that caused it."""

    seq: int
    snapshot: str
    at: str
    actor: str


class ActivateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The snapshot that the caller takes to be in force; left out, whichever is."""

    expected: SnapshotId | msgspec.UnsetType | None = msgspec.UNSET


class ActivatedView(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot that is now in force."""

    snapshot: str
    seq: int


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of the snapshot in force. `has_key`: whether the credential that it needs is there, null
    where it needs none. `regions` empty: unknown, which is nowhere. `state` is the circuit breaker's, and
    `state_since` when it left off being closed.
    `calls_max` is how many calls one gateway has with it at once, `queued_max` how many more wait there."""

    name: str
    kind: str
    base_url: str | None
    regions: list[str]
    has_key: bool | None
    reason: str | None
    models: list[str]
    state: str
    state_since: str | None
    last_failure: LastFailure | None
    latency_ms: float | None
    calls_in_flight: int | None
    calls_max: int
    queued_max: int


class PriceView(msgspec.Struct, frozen=True, kw_only=True):
    """USD per million tokens, by bucket."""

    per_million_usd: dict[str, str]
    source: str
    date: str


class TargetView(msgspec.Struct, frozen=True, kw_only=True):
    """A target of an alias. `price` null: unknown. Limits are in tokens, null where unknown. `regions` empty:
    unknown, which is nowhere. `excluded`: why no call of the project that was asked about may go there."""

    target: str
    weight: float
    price: PriceView | None
    context_window: int | None
    max_output: int | None
    state: str
    state_since: str | None
    latency_ms: float | None
    calls_in_flight: int | None
    regions: list[str]
    excluded: str | None


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """A name that clients may ask for."""

    id: str
    strategy: str
    attempts: int
    """How often one target is tried before the next."""
    targets: list[str]
    details: list[TargetView]


class ConfigController(Controller):
    """headgate.toml against what is in force."""

    path = "/config"
    tags = ("configuration",)

    @post("/plan", status_code=200, opt={"grant": grant("snapshots:write")})
    async def plan(self, database: Store, data: JSONBody[PlanRequest]) -> Planned:
        """Show what applying a headgate.toml would change; changes nothing.

        A configuration that is refused is 400 `misconfigured`, with file, line and reason of each problem.
        """
        snapshot = await _compiled(data.toml)
        async with database.connection() as connection:
            active = await current(connection)
        return Planned(
            base=None if active is None else active.id,
            snapshot=snapshot.id,
            changes=changes_to(active, snapshot.document),
        )

    @post("/apply", status_code=200, opt={"grant": grant("snapshots:write")})
    async def apply(
        self, caller: CallerKey, database: Store, configuration: InForce, data: JSONBody[ApplyRequest]
    ) -> Applied:
        """Put a headgate.toml in force, as one new snapshot.

        409 where another snapshot than `base` is in force by now; 400 `misconfigured` as for plan.
        """
        snapshot = await _compiled(data.toml)
        async with database.transaction() as connection:
            active = await current(connection)
            seq = await put_in_force(connection, snapshot, base=data.base, actor=caller.id, note=data.note)
        await configuration.refresh()
        return Applied(
            base=data.base, snapshot=snapshot.id, seq=seq, changes=changes_to(active, snapshot.document)
        )


class SnapshotsController(Controller):
    """The configuration's history."""

    path = "/snapshots"
    tags = ("configuration",)

    @get(opt={"grant": grant("snapshots:read")})
    async def list_snapshots(
        self,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[SnapshotView]:
        """List snapshots, newest first; `active` is the one in force."""
        before = None if next is None else decode_cursor(next, datetime)
        async with database.connection() as connection:
            found = await list_snapshots(connection, limit=limit + 1, before=before)
        following = encode_cursor(found[limit - 1].created_at) if len(found) > limit else None
        return Page(items=[SnapshotView(**_fields(each)) for each in found[:limit]], next=following)

    @get("/history", opt={"grant": grant("snapshots:read")})
    async def list_activations(
        self,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[ActivationView]:
        """List what came into force and when, newest first; a snapshot stands there each time it did."""
        before = None if next is None else decode_cursor(next, int)
        async with database.connection() as connection:
            found = await history(connection, limit=limit + 1, before=before)
        items = [
            ActivationView(
                seq=each.seq, snapshot=each.id, at=format_datetime(each.activated_at), actor=each.activated_by
            )
            for each in found[:limit]
        ]
        return Page(items=items, next=encode_cursor(items[-1].seq) if len(found) > limit else None)

    @get("/{snapshot_id:str}/changes", opt={"grant": grant("snapshots:read")})
    async def show_changes(
        self, database: Store, snapshot_id: FromPath[str], against: FromQuery[str | None] = None
    ) -> Planned:
        """Show what a snapshot changes against another one; left out, against the one in force."""
        async with database.connection() as connection:
            found = await get_snapshot(connection, snapshot_id)
            base = await (current(connection) if against is None else get_snapshot(connection, against))
        return Planned(
            base=None if base is None else base.id,
            snapshot=found.id,
            changes=changes_to(base, found.document),
        )

    @get("/{snapshot_id:str}", opt={"grant": grant("snapshots:read")})
    async def show_snapshot(self, database: Store, snapshot_id: FromPath[str]) -> SnapshotDetail:
        """Show a snapshot with its document."""
        async with database.connection() as connection:
            found = await get_snapshot(connection, snapshot_id)
        return SnapshotDetail(**_fields(found), document=msgspec.json.decode(found.document))

    @post("/{snapshot_id:str}/activate", status_code=200, opt={"grant": grant("snapshots:write")})
    async def activate_snapshot(
        self,
        caller: CallerKey,
        database: Store,
        configuration: InForce,
        snapshot_id: FromPath[str],
        data: JSONBody[ActivateRequest | None] = None,
    ) -> ActivatedView:
        """Put a stored snapshot in force again. Keys and revocations stay as they are.

        409 where another than `expected` is in force; 400 `misconfigured` where it no longer compiles.
        """
        async with database.transaction() as connection:
            stored = await get_snapshot(connection, snapshot_id)
            snapshot = await asyncio.to_thread(_recompiled, stored)
            expected = await _expected(connection, data)
            seq = await activate(connection, snapshot_id, expected_current=expected, actor=caller.id)
            await sync_budgets(connection, snapshot.budgets)
            await sync_exporters(connection, snapshot.exporters)
            await sync_experiments(connection, snapshot.experiments)
        await configuration.refresh()
        return ActivatedView(snapshot=snapshot_id, seq=seq)


@get("/providers", tags=["configuration"], opt={"grant": grant("providers:read")})
async def list_providers(configuration: InForce) -> Page[ProviderView]:
    """List the providers of the snapshot in force, with the state of each. All on one page."""
    snapshot = _in_force(configuration)
    return Page(items=[_provider_view(configuration, snapshot, name) for name in sorted(snapshot.providers)])


@get("/models", tags=["configuration"], opt={"grant": grant("models:read")})
async def list_models(
    caller: CallerKey, configuration: InForce, project: FromQuery[str | None] = None
) -> Page[ModelView]:
    """List the names that clients may ask for, with their targets, prices and limits. All on one page.

    With `project`, each target says why calls of that project may not go there, where they may not.
    """
    snapshot = _in_force(configuration)
    if project is not None and not visible(caller).sees(project):
        raise NotAllowed(f"your key belongs to project {caller.project!r}; ask about that one")
    asked = None if project is None else snapshot.project(project)
    return Page(
        items=[_model_view(configuration, snapshot.aliases[n], asked) for n in sorted(snapshot.aliases)]
    )


async def _compiled(toml: str) -> Snapshot:
    # Compiling reads price tables and takes its time, so it stays off the loop.
    return await asyncio.to_thread(compile_file, toml)


def _recompiled(stored: StoredSnapshot) -> Snapshot:
    return compile_stored(stored.document, identity=stored.id)


async def _expected(connection: Connection, data: JSONBody[ActivateRequest | None]) -> str | None:
    if data is not None and data.expected is not msgspec.UNSET:
        return data.expected
    active = await current(connection)
    return None if active is None else active.id


def _fields(stored: StoredSnapshot) -> dict[str, Any]:
    return {
        "id": stored.id,
        "format": stored.format,
        "created_at": format_datetime(stored.created_at),
        "created_by": stored.created_by,
        "note": stored.note,
        "active": stored.active,
    }


def _in_force(configuration: Configuration) -> Snapshot:
    if configuration.snapshot is None:
        raise Unavailable("no configuration is in force yet; `headgate apply` puts one in force")
    return configuration.snapshot


def _provider_view(configuration: Configuration, snapshot: Snapshot, name: str) -> ProviderView:
    provider = snapshot.providers[name]
    secrets = configuration.secrets
    reason = None if secrets is None else secrets.reason_missing(name)
    has_key = None if not provider.credential else secrets is not None and secrets.get(name) is not None
    named = {
        target.model
        for alias in snapshot.aliases.values()
        for target in alias.targets
        if target.provider.name == name
    }
    health = configuration.health_of(name) or UNKNOWN
    return ProviderView(
        name=name,
        kind=provider.kind,
        base_url=_base_url(snapshot, name),
        regions=sorted(provider.regions),
        has_key=has_key,
        reason=reason,
        models=sorted(named),
        state="no key" if reason else health.state,
        state_since=_instant(health.since_ms),
        last_failure=_last_failure(health),
        latency_ms=health.latency_ms,
        calls_in_flight=health.calls_in_flight,
        calls_max=provider.max_concurrent,
        queued_max=provider.max_queued,
    )


def _last_failure(health: Health) -> LastFailure | None:
    at = _instant(health.failed_ms)
    if at is None:
        return None
    return LastFailure(target=health.failed_target, message=health.failure, at=at)


def _instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_datetime(datetime.fromtimestamp(at_ms / 1000, UTC))


def _base_url(snapshot: Snapshot, name: str) -> str | None:
    provider = snapshot.providers[name]
    origin = provider.origin
    if origin.scheme not in ("http", "https"):
        return None
    default = 443 if origin.scheme == "https" else 80
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    port = "" if origin.port == default else f":{origin.port}"
    return f"{origin.scheme}://{host}{port}{provider.path}"


def _model_view(configuration: Configuration, alias: Alias, project: Project | None) -> ModelView:
    excluded: dict[str, str] = {}
    if project is not None:
        excluded = {each.target: each.reason for each in admit(alias.targets, project.label).excluded}
        if not is_listed(project.models, alias.name):
            excluded = dict.fromkeys(
                (each.name for each in alias.targets), "the project may not use the model"
            )
    details = [_target_view(configuration, target, excluded.get(target.name)) for target in alias.targets]
    return ModelView(
        id=alias.name,
        strategy=alias.strategy,
        attempts=alias.retry.attempts,
        targets=[each.target for each in details],
        details=details,
    )


def _target_view(configuration: Configuration, target: Target, excluded: str | None) -> TargetView:
    health = configuration.health_of(target.name) or UNKNOWN
    secrets = configuration.secrets
    if excluded is None and secrets is not None and secrets.reason_missing(target.provider.name):
        excluded = f"the credential of {target.provider.name} is missing"
    return TargetView(
        target=target.name,
        weight=target.weight,
        price=None if target.facts.price is None else _price_view(target.facts.price),
        context_window=target.facts.context_window,
        max_output=target.facts.max_output,
        state=health.state,
        state_since=_instant(health.since_ms),
        latency_ms=health.latency_ms,
        calls_in_flight=health.calls_in_flight,
        regions=sorted(target.regions),
        excluded=excluded,
    )


def _price_view(price: Price) -> PriceView:
    return PriceView(
        per_million_usd={
            bucket: format_usd(pico_usd * MILLION) for bucket, pico_usd in price.buckets.items()
        },
        source=price.source,
        date=price.date,
    )
