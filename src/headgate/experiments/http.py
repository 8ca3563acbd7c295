"""Routes of experiments: which there are, what is known of one, and the decision that stops it.

Read next: `experiments.reporting`, `experiments.decisions`.
"""

from typing import Annotated, Protocol

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Time
from headgate.access.roles import visible
from headgate.core.faults import NotFound
from headgate.core.pages import Page, format_datetime, now_of
from headgate.core.ports import Refreshed
from headgate.experiments.decisions import Decision, decide, get_decision
from headgate.experiments.looks import Looks, looks
from headgate.experiments.model import OWN_PREFIX, Experiment, UnitKind
from headgate.experiments.moving import ExperimentsInForce
from headgate.experiments.reading import Defined, defined
from headgate.experiments.report import Report, Running
from headgate.experiments.reporting import report, sealed_report
from headgate.store.database import Connection


class InForce(Refreshed, ExperimentsInForce, Protocol):
    """What control knows of the experiments in the configuration in force."""


Known = NamedDependency[SkipValidation[InForce]]


class ExperimentItem(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment in a list: one version of it."""

    name: str
    version: str
    alias: str
    unit: UnitKind
    arms: tuple[str, ...]
    state: Running
    started_at: str
    decided_at: str | None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an experiment, and the decision on it where there is one."""

    report: Report
    decision: Decision | None
    versions: tuple[str, ...]
    """All versions of this name, the last first."""


class Stop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which arm is decided for, if any, and why."""

    arm: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    version: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    """By default the one that runs, else the last."""


class ExperimentsController(Controller):
    """Experiments: arms that share the calls for an alias."""

    path = "/experiments"
    tags = ("experiments",)

    @get(opt={"grant": grant("experiments:read")})
    async def list_experiments(
        self, caller: CallerKey, database: Store, in_force: Known
    ) -> Page[ExperimentItem]:
        """List experiments, the last to begin first, with those that were stopped or replaced."""
        projects = visible(caller).project_ids
        running = await _running(in_force)
        async with database.connection() as connection:
            found = [
                each for each in await defined(connection) if not each.experiment.name.startswith(OWN_PREFIX)
            ]
        names = {each.experiment.name for each in found if each.experiment.version in running}
        items = [_item(each, running, names) for each in found if _shows(each.experiment, projects)]
        return Page(items=items, next=None)

    @get("/{name:str}", opt={"grant": grant("experiments:read")})
    async def show_experiment(
        self,
        caller: CallerKey,
        *,
        database: Store,
        clock: Time,
        in_force: Known,
        name: FromPath[str],
        version: FromQuery[str | None] = None,
    ) -> Shown:
        """Show what is known of an experiment, in one sentence and in full; `version` is by default the last.

        An admin sees all units, others those of their own project.
        """
        projects = visible(caller).project_ids
        running = await _running(in_force)
        now = now_of(clock)
        async with database.connection() as connection:
            found, versions = await _find(connection, name, version, projects, running)
            state = _state(found, running, {name} if set(versions) & running else set())
            made = await report(connection, found, state, now=now, project_ids=projects)
            decision = None
            if projects is None:
                decision = await get_decision(connection, found.experiment.version)
            if decision is not None and found.expired_at is not None:
                made = sealed_report(decision.sealed.report, found.expired_at)
        return Shown(report=made, decision=decision, versions=versions)

    @get("/{name:str}/looks", opt={"grant": grant("experiments:read")})
    async def list_looks(
        self,
        caller: CallerKey,
        *,
        database: Store,
        clock: Time,
        in_force: Known,
        name: FromPath[str],
        version: FromQuery[str | None] = None,
    ) -> Looks:
        """Show how an experiment's intervals closed in: what reports would have said at up to 60 moments.

        From the first complete unit to now, or to the decision. `version` is by default the last.
        """
        projects = visible(caller).project_ids
        now = now_of(clock)
        async with database.connection() as connection:
            found, _ = await _find(connection, name, version, projects, await _running(in_force))
            return await looks(connection, found, now=now, project_ids=projects)

    @post("/{name:str}/stop", status_code=201, opt={"grant": grant("experiments:write")})
    async def stop_experiment(
        self,
        caller: CallerKey,
        *,
        database: Store,
        clock: Time,
        in_force: Known,
        name: FromPath[str],
        data: JSONBody[Stop],
    ) -> Decision:
        """Stop an experiment for ever and seal what is known: from now on all calls go where the alias says.

        409 where it was decided before. To adopt an arm, give its targets to the alias in headgate.toml.
        """
        running = await _running(in_force)
        now = now_of(clock)
        async with database.transaction() as connection:
            found, _ = await _find(connection, name, data.version, None, running)
            return await decide(connection, found, now=now, arm=data.arm, reason=data.reason, actor=caller.id)


async def _running(in_force: InForce) -> set[str]:
    await in_force.refresh()
    return {each.version for each in in_force.experiments()}


async def _find(
    connection: Connection,
    name: str,
    version: str | None,
    projects: tuple[str, ...] | None,
    running: set[str],
) -> tuple[Defined, tuple[str, ...]]:
    """Return a version of a name: the one that runs, else the last; and all that there were."""
    found = [each for each in await defined(connection, name) if _shows(each.experiment, projects)]
    versions = tuple([each.experiment.version for each in found])
    found.sort(key=lambda each: each.experiment.version not in running)
    for each in found:
        if version is None or each.experiment.version == version:
            return each, versions
    what = f"experiment {name[:100]!r}" + (f" with a version {version[:32]!r}" if version else "")
    raise NotFound(f"there is no {what}; GET /api/v1/experiments lists them")


def _shows(experiment: Experiment, projects: tuple[str, ...] | None) -> bool:
    if projects is None or experiment.projects is None:
        return True
    return bool(set(projects) & set(experiment.projects))


def _item(found: Defined, running: set[str], names: set[str]) -> ExperimentItem:
    experiment = found.experiment
    return ExperimentItem(
        name=experiment.name,
        version=experiment.version,
        alias=experiment.alias,
        unit=experiment.unit,
        arms=tuple([arm.name for arm in experiment.arms]),
        state=_state(found, running, names),
        started_at=format_datetime(found.started_at),
        decided_at=None if found.decided_at is None else format_datetime(found.decided_at),
    )


def _state(found: Defined, running: set[str], names: set[str]) -> Running:
    if found.decided_at is not None:
        return "stopped"
    if found.experiment.version in running:
        return "running"
    return "replaced" if found.experiment.name in names else "removed"
