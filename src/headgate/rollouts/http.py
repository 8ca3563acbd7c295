"""Routes of rollouts: which there are, where one stands and why, and moves by hand.

Read next: `rollouts.moving`, `rollouts.deciding`.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Time
from headgate.core.faults import Conflict, NotFound
from headgate.core.pages import Page
from headgate.experiments.report import Report
from headgate.rollouts.deciding import decide
from headgate.rollouts.model import Rollout, Standing
from headgate.rollouts.moving import Move, evidence, move, moves, stage_name, standings
from headgate.store.database import Connection


class RolloutsKnown(Protocol):
    """What control knows of the rollouts in the configuration in force."""

    async def refresh(self) -> None:
        """Take in what changed."""
        ...

    def rollouts(self) -> tuple[Rollout, ...]:
        """Return those of the configuration in force."""
        ...


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


class RolloutShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout with the evidence of its stage, and how it came there."""

    rollout: RolloutItem
    report: Report | None
    moves: list[Move]


class NewMove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A move by hand."""

    action: Literal["advance", "hold", "back"]
    why: Annotated[str, msgspec.Meta(max_length=2000)] = ""


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
                (await _look(connection, each, known.get(each.version), _now(clock)))[0]
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
            return await _shown(connection, rollout, standing, _now(clock))

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
        """Move a rollout by hand: on to its next stage, back to what there was, or to be held where it is.

        409 where it can't be moved so, or was moved meanwhile.
        """
        await in_force.refresh()
        rollout = _find(in_force, name)
        async with database.transaction() as connection:
            standing = (await standings(connection, (rollout,))).get(rollout.version)
            if standing is None:
                raise Conflict(f"{rollout.name} has not begun yet; try again in a second")
            moved = await move(
                connection, rollout, standing, action=data.action, actor=caller.id, why=data.why
            )
            return await _shown(connection, rollout, moved, _now(clock))


def _now(clock: Time) -> datetime:
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC)


def _find(in_force: RolloutsKnown, name: str) -> Rollout:
    for each in in_force.rollouts():
        if each.name == name:
            return each
    names = ", ".join(each.name for each in in_force.rollouts()) or "none"
    raise NotFound(f"there is no rollout {name[:100]!r} in the configuration in force; it has {names}")


async def _look(
    connection: Connection, rollout: Rollout, standing: Standing | None, now: datetime
) -> tuple[RolloutItem, Report | None]:
    stage = standing.stage_of(rollout) if standing is not None else None
    found = await evidence(connection, rollout, stage, now=now) if stage is not None else None
    sentence = "It begins within a second."
    if standing is not None:
        sentence = decide(rollout, standing, found).sentence
    item = RolloutItem(
        name=rollout.name,
        alias=rollout.alias,
        version=rollout.version,
        stage="" if standing is None else stage_name(rollout, standing.stage),
        stages=[each.name for each in rollout.stages],
        held=standing is not None and standing.held,
        sentence=sentence,
    )
    return item, found


async def _shown(
    connection: Connection, rollout: Rollout, standing: Standing | None, now: datetime
) -> RolloutShown:
    item, found = await _look(connection, rollout, standing, now)
    return RolloutShown(rollout=item, report=found, moves=await moves(connection, rollout))
