"""Routes of drift: alarms and what is done about them, canaries and their runs.

Read next: `drift.views`, `drift.running`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store, Time
from headgate.access.roles import visible
from headgate.access.store import AuditEntry, write_audit
from headgate.catalog.model import KindName
from headgate.catalog.withdrawn import Withdrawal
from headgate.core.faults import Conflict, Fault, NotFound
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor
from headgate.core.ports import Refreshed
from headgate.drift.model import Canary, DriftRule
from headgate.drift.outdated import Outdated, Used, Withdrawn, outdated
from headgate.drift.pinning import with_cases
from headgate.drift.running import DAY_S, watch_of
from headgate.drift.signals import CanarySignals, TargetSignals, signals_of
from headgate.drift.store import QUERIES, acknowledge, count_watches
from headgate.drift.views import (
    AlarmView,
    CanaryDetail,
    CanaryView,
    alarm_view,
    case_view,
    run_view,
    target_view,
)
from headgate.drift.watching import Promise
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

RUNS_SHOWN = 50
POINTS_MAX = 500
DAYS_DEFAULT = 30

Days = Annotated[int, QueryParameter(ge=1, le=400, description="how many days of traffic count")]


class CanariesInForce(Refreshed, Protocol):
    """What control knows of the canaries in force."""

    def canaries(self) -> tuple[Canary, ...]:
        """Return those of the configuration in force."""
        ...

    def drift_rule(self) -> DriftRule:
        """Return how often all watches together may be wrong."""
        ...

    def alias_targets(self) -> Mapping[str, Sequence[str]]:
        """Return the targets of each name of models."""
        ...

    def provider_kinds(self) -> Mapping[str, KindName]:
        """Return the kind of each provider."""
        ...

    def withdrawn(self) -> Mapping[str, Withdrawal]:
        """Return when targets end, by the configuration."""
        ...


Known = NamedDependency[SkipValidation[CanariesInForce]]


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an alarm needs no more looking at."""

    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that were asked for; they begin within seconds."""

    runs: list[str]


class AlarmsController(Controller):
    """Alarms of models that changed."""

    path = "/drift/alarms"
    tags = ("drift",)

    @get(opt={"grant": grant("drift:read")})
    async def list_alarms(
        self,
        caller: CallerKey,
        database: Store,
        *,
        open_only: FromQuery[bool] = False,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[AlarmView]:
        """List alarms, newest first. An admin sees all, others those of their own project."""
        parameters = {
            "project_ids": _projects(caller),
            "before": None if next is None else decode_cursor(next, int),
            "open_only": open_only,
            "limit": limit + 1,
        }
        async with database.connection() as connection:
            rows = await fetch_rows(connection, QUERIES.list_alarms, parameters)
        following = encode_cursor(rows[limit - 1]["id"]) if len(rows) > limit else None
        return Page(items=[alarm_view(row) for row in rows[:limit]], next=following)

    @get("/{alarm_id:int}", opt={"grant": grant("drift:read")})
    async def show_alarm(self, caller: CallerKey, database: Store, alarm_id: FromPath[int]) -> AlarmView:
        """Show an alarm."""
        async with database.connection() as connection:
            return await _alarm(connection, alarm_id, _projects(caller))

    @post("/{alarm_id:int}/acknowledge", status_code=200, opt={"grant": grant("drift:write")})
    async def acknowledge_alarm(
        self, caller: CallerKey, database: Store, alarm_id: FromPath[int], data: JSONBody[Acknowledge]
    ) -> AlarmView:
        """Say that an alarm was looked at: its watch learns anew what is usual from here on.

        409 where it was acknowledged before.
        """
        async with database.transaction() as connection:
            before = await _alarm(connection, alarm_id, None)
            if not await acknowledge(connection, alarm_id, by=caller.id, note=data.note):
                raise Conflict(f"alarm {alarm_id} was acknowledged before, by {before.acknowledged_by}")
            after = await _alarm(connection, alarm_id, None)
            entry = AuditEntry(
                actor=caller.id,
                action="acknowledge",
                kind="drift_alarm",
                object=str(alarm_id),
                project=before.project or "",
                before={"watch": before.watch, "sentence": before.sentence},
                after={"note": data.note},
            )
            await write_audit(connection, entry)
        return after


class CanariesController(Controller):
    """Pinned suites that are asked of models on a schedule."""

    path = "/drift/canaries"
    tags = ("drift",)

    @get(opt={"grant": grant("snapshots:read")})
    async def list_canaries(self, database: Store, in_force: Known) -> Page[CanaryView]:
        """List the canaries of the configuration in force, with the state of each target. All on one page."""
        await in_force.refresh()
        canaries = in_force.canaries()
        async with database.connection() as connection:
            views = await _views(connection, canaries, in_force.drift_rule())
        return Page(items=[CanaryView(**each) for each in views])

    @get("/{name:str}", opt={"grant": grant("snapshots:read")})
    async def show_canary(self, database: Store, in_force: Known, name: FromPath[str]) -> CanaryDetail:
        """Show a canary: what each target answered to each case since its watch began, and the last runs."""
        await in_force.refresh()
        canary = _find(in_force.canaries(), name)
        async with database.connection() as connection:
            # First the runs: what those have found that have ended is in all that is read after them.
            runs = await fetch_rows(connection, QUERIES.list_runs, {"canary": name, "limit": RUNS_SHOWN})
            (view,) = await _views(connection, (canary,), in_force.drift_rule())
            results = [
                case_view(target.target, row)
                for target in view["targets"]
                if target.since is not None
                for row in await fetch_rows(
                    connection,
                    QUERIES.answers_by_case,
                    {"watch": watch_of(name, target.target), "since": target.since},
                )
            ]
        return CanaryDetail(**view, results=results, runs=[run_view(row) for row in runs])

    @get("/{name:str}/signals", opt={"grant": grant("snapshots:read")})
    async def show_signals(self, database: Store, in_force: Known, name: FromPath[str]) -> CanarySignals:
        """Show what a canary's last runs found at each target, signal by signal over time."""
        await in_force.refresh()
        canary = _find(in_force.canaries(), name)
        found: list[TargetSignals] = []
        async with database.connection() as connection:
            for target in canary.targets:
                parameters = {"canary": name, "target": target, "limit": POINTS_MAX}
                rows = await fetch_rows(connection, QUERIES.signals_by_run, parameters)
                found.append(signals_of(target, rows))
        return CanarySignals(targets=tuple(found))

    @post("/{name:str}/run", status_code=202, opt={"grant": grant("drift:write")})
    async def run_canary(
        self, caller: CallerKey, database: Store, in_force: Known, name: FromPath[str]
    ) -> Asked:
        """Run a canary now, at all its targets, beside its schedule. Its answers count as evidence."""
        await in_force.refresh()
        canary = _find(in_force.canaries(), name)
        parameters = {
            "canary": canary.name,
            "version": canary.version,
            "targets": list(canary.targets),
            "by": caller.id,
        }
        async with database.transaction() as connection:
            rows = await fetch_rows(connection, QUERIES.ask_run, parameters)
        return Asked(runs=[str(row["id"]) for row in rows])


@get("/drift/outdated", tags=["drift"], opt={"grant": grant("drift:read")})
async def list_outdated(
    caller: CallerKey, database: Store, clock: Time, in_force: Known, days: Days = DAYS_DEFAULT
) -> Page[Outdated]:
    """List models in use that end or have ended: targets of names, and where calls of the last days went.

    With the day, what is advised instead, and the calls, costs and prompts that it touches. On one page."""
    await in_force.refresh()
    parameters = {"days": days, "project_ids": _projects(caller)}
    async with database.connection() as connection:
        rows = await fetch_rows(connection, QUERIES.used_targets, parameters)
    today = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date()
    used = msgspec.convert(rows, list[Used])
    told = in_force.withdrawn()
    return Page(items=outdated(in_force.alias_targets(), in_force.provider_kinds(), used, today, told))


@get("/drift/withdrawn", tags=["drift"], opt={"grant": grant("drift:read")})
async def list_withdrawn(in_force: Known) -> Page[Withdrawn]:
    """List days on which models end that the configuration sets, whether in use or not. On one page."""
    await in_force.refresh()
    told = sorted(in_force.withdrawn().items())
    return Page(
        items=[Withdrawn(target=name, on=each.on.isoformat(), instead=each.instead) for name, each in told]
    )


async def _views(
    connection: Connection, canaries: tuple[Canary, ...], rule: DriftRule
) -> list[dict[str, Any]]:
    runs = await fetch_rows(connection, QUERIES.last_runs, {"canaries": [each.name for each in canaries]})
    last: Mapping[tuple[str, str], Mapping[str, Any]] = {(row["canary"], row["target"]): row for row in runs}
    rows = await fetch_rows(connection, QUERIES.list_watches, {"prefix": "canary/"})
    known: Mapping[str, Mapping[str, Any]] = {row["watch"]: row for row in rows}
    watches = await count_watches(connection)
    views: list[dict[str, Any]] = []
    for each in canaries:
        canary = await _pinned(connection, each)
        rate = canary.draws * DAY_S / canary.every_s
        promise = Promise(rule=rule, watches=watches, values_a_day=rate)
        views.append(
            {
                "name": canary.name,
                "version": canary.version,
                "dataset": canary.dataset or None,
                "cases": len(canary.cases),
                "cases_a_run": canary.draws,
                "every_s": canary.every_s,
                "project": canary.project,
                "targets": tuple(
                    [target_view(canary, target, known, last, promise) for target in canary.targets]
                ),
            }
        )
    return views


async def _pinned(connection: Connection, canary: Canary) -> Canary:
    """Return a canary with the cases of its dataset; without any where there is none to ask."""
    try:
        return await with_cases(connection, canary)
    except Fault:  # its runs say why
        return canary


async def _alarm(connection: Connection, alarm_id: int, project_ids: list[str] | None) -> AlarmView:
    parameters = {"id": min(alarm_id, 2**63 - 1), "project_ids": project_ids}
    rows = await fetch_rows(connection, QUERIES.get_alarm, parameters)
    if not rows:
        raise NotFound(f"there is no alarm {alarm_id}; GET /api/v1/drift/alarms lists them")
    return alarm_view(rows[0])


def _projects(caller: Any) -> list[str] | None:
    projects = visible(caller).project_ids
    return None if projects is None else list(projects)


def _find(canaries: tuple[Canary, ...], name: str) -> Canary:
    for canary in canaries:
        if canary.name == name:
            return canary
    listed = ", ".join(each.name for each in canaries[:10]) or "there is none"
    raise NotFound(f"there is no canary {name[:100]!r} in force ({listed}); define it under [[canaries]]")
