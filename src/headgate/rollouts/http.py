"""Routes of rollouts: which there are, where one stands and why, and moves by hand.

Read next: `rollouts.moving`, `rollouts.deciding`.
"""

from datetime import datetime
from typing import Annotated, Protocol

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Time
from headgate.core.faults import Conflict, NotFound
from headgate.core.pages import Page, now_of
from headgate.core.ports import Refreshed
from headgate.experiments.model import UnitKind, told
from headgate.experiments.report import Report
from headgate.rollouts.deciding import decide
from headgate.rollouts.job import RolloutsInForce
from headgate.rollouts.model import CANDIDATE, Audience, Rollout, Stage, StageKind, Standing
from headgate.rollouts.moving import (
    ByHand,
    Move,
    back_sentence,
    evidence,
    last_back,
    move,
    moves,
    stage_name,
    standings,
)
from headgate.store.database import Connection


class RolloutsKnown(Refreshed, RolloutsInForce, Protocol):
    """What control knows of the rollouts in the configuration in force."""


Known = NamedDependency[SkipValidation[RolloutsKnown]]


class RolloutItem(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout in a list: where it stands, and what it awaits."""

    name: str
    alias: str
    version: str
    stage: str
    stages: list[str]
    held: bool
    sentence: str
    back: Move | None
    """The move with which it fell back, of one that stands back."""


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """A stage as it is meant. Its evidence is that of the experiment of this name and version."""

    name: str
    kind: StageKind
    share: float | None
    """The candidate's part of all units; null where the candidate serves no part of them."""
    sampled: float
    """Of its calls, the part that the other arm answers as well, shown to nobody."""
    experiment: str
    version: str


class RolloutPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollout is meant to do: who the candidate is, whom it serves when, and from when it moves on."""

    stages: list[StageView]
    targets: tuple[str, ...]
    """The candidate's; empty where it has those of the alias."""
    serves: tuple[str, ...]
    """What the candidate changes of calls beside their targets, in words."""
    audience: Audience
    unit: UnitKind
    units: int
    window_s: float


class RolloutShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout with its plan, the evidence of its stage, and how it came there."""

    rollout: RolloutItem
    plan: RolloutPlan
    report: Report | None
    moves: list[Move]


class NewMove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A move by hand. `expected` is the stage that it was seen at."""

    action: ByHand
    why: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    expected: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class RolloutsController(Controller):
    """Rollouts: aliases that move to a candidate by stages."""

    path = "/rollouts"
    tags = ("rollouts",)

    @get(opt={"grant": grant("rollouts:read")})
    async def list_rollouts(self, *, database: Store, clock: Time, in_force: Known) -> Page[RolloutItem]:
        """List the rollouts in force, each with what it awaits."""
        await in_force.refresh()
        async with database.connection() as connection:
            known = await standings(connection, in_force.rollouts())
            items = [
                (await _look(connection, each, known.get(each.version), now_of(clock)))[0]
                for each in in_force.rollouts()
            ]
        return Page(items=items, next=None)

    @get("/{name:str}", opt={"grant": grant("rollouts:read")})
    async def show_rollout(
        self, *, database: Store, clock: Time, in_force: Known, name: FromPath[str]
    ) -> RolloutShown:
        """Show where a rollout stands, why, and how it came there."""
        await in_force.refresh()
        rollout = _find(in_force, name)
        async with database.connection() as connection:
            standing = (await standings(connection, (rollout,))).get(rollout.version)
            return await _shown(connection, rollout, standing, now_of(clock))

    @post("/{name:str}/moves", status_code=201, opt={"grant": grant("rollouts:write")})
    async def move_rollout(
        self,
        caller: CallerKey,
        *,
        database: Store,
        clock: Time,
        in_force: Known,
        name: FromPath[str],
        data: JSONBody[NewMove],
    ) -> RolloutShown:
        """Move a rollout by hand: on to its next stage, back to what there was, held, or let go on.

        409 where it can't be moved so, was moved meanwhile, or stands elsewhere than at `expected`.
        """
        await in_force.refresh()
        rollout = _find(in_force, name)
        async with database.transaction() as connection:
            standing = (await standings(connection, (rollout,))).get(rollout.version)
            if standing is None:
                raise Conflict(f"{rollout.name} has not begun yet; try again in a second")
            _check_place(rollout, standing, data.expected)
            moved = await move(
                connection, rollout, standing, action=data.action, actor=caller.id, why=data.why
            )
            return await _shown(connection, rollout, moved, now_of(clock))


def _find(in_force: RolloutsKnown, name: str) -> Rollout:
    for each in in_force.rollouts():
        if each.name == name:
            return each
    names = ", ".join(each.name for each in in_force.rollouts()) or "none"
    raise NotFound(f"there is no rollout {name[:100]!r} in the configuration in force; it has {names}")


def _check_place(rollout: Rollout, standing: Standing, expected: str | None) -> None:
    """Of who looked before it moved, nobody moves it further than was meant."""
    place = stage_name(rollout, standing.stage)
    if expected is not None and expected != place:
        raise Conflict(
            f"{rollout.name} stands at {place}, not at {expected!r}; look where it stands, and decide again"
        )


async def _look(
    connection: Connection, rollout: Rollout, standing: Standing | None, now: datetime
) -> tuple[RolloutItem, Report | None]:
    stage = standing.stage_of(rollout) if standing is not None else None
    found = await evidence(connection, rollout, stage, now=now) if stage is not None else None
    sentence = "It begins within a second."
    back: Move | None = None
    if standing is not None:
        sentence = decide(rollout, standing, found).sentence
        back = await last_back(connection, rollout) if stage is None else None
    if back is not None:
        sentence = back_sentence(back)
    item = RolloutItem(
        name=rollout.name,
        alias=rollout.alias,
        version=rollout.version,
        stage="" if standing is None else stage_name(rollout, standing.stage),
        stages=[each.name for each in rollout.stages],
        held=standing is not None and standing.held,
        sentence=sentence,
        back=back,
    )
    return item, found


async def _shown(
    connection: Connection, rollout: Rollout, standing: Standing | None, now: datetime
) -> RolloutShown:
    item, found = await _look(connection, rollout, standing, now)
    history = await moves(connection, rollout)
    return RolloutShown(rollout=item, plan=_plan(rollout), report=found, moves=history)


def _plan(rollout: Rollout) -> RolloutPlan:
    first = rollout.stages[0].experiment
    return RolloutPlan(
        stages=[
            StageView(
                name=each.name,
                kind=each.kind,
                share=_share(each),
                sampled=each.sampled,
                experiment=each.experiment.name,
                version=each.experiment.version,
            )
            for each in rollout.stages
        ],
        targets=rollout.to.targets,
        serves=told(rollout.to),
        audience=rollout.audience,
        unit=first.unit,
        units=rollout.units,
        window_s=first.window_s,
    )


def _share(stage: Stage) -> float | None:
    if stage.kind not in ("share", "all"):
        return None
    return next((arm.share for arm in stage.experiment.arms if arm.name == CANDIDATE), None)
