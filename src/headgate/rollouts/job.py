"""Looks at each rollout in force, and moves it where the evidence asks for it. Runs in each control process.

Read next: `rollouts.deciding`, `rollouts.moving`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from headgate.core.entries import Alert
from headgate.core.faults import Conflict
from headgate.core.pages import now_of
from headgate.core.ports import Clock
from headgate.rollouts.deciding import decide
from headgate.rollouts.model import Rollout, Standing
from headgate.rollouts.moving import SYSTEM, begin, evidence, move, stage_name, standings
from headgate.store.database import Connection, Database

REST: Final = 10.0
"""How many times as long as a look took one waits for the next one."""

AddAlerts = Callable[[Connection, Sequence[Alert]], Awaitable[None]]


class RolloutsInForce(Protocol):
    """What control knows of the configuration in force."""

    def rollouts(self) -> tuple[Rollout, ...]:
        """Return its rollouts."""
        ...


class RolloutJob:
    """Begins rollouts that are new, and moves those that may move."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        in_force: RolloutsInForce,
        add_alerts: AddAlerts,
        *,
        rest: float = REST,
    ) -> None:
        self._database = database
        self._clock = clock
        self._in_force = in_force
        self._add_alerts = add_alerts
        self._rest = rest
        self._rests_until_s: dict[str, float] = {}

    async def look(self) -> None:
        """Look once. Raises Unavailable when the database is away."""
        rollouts = self._in_force.rollouts()
        if not rollouts:
            return
        async with self._database.connection() as connection:
            known = await standings(connection, rollouts)
        for rollout in rollouts:
            standing = known.get(rollout.version)
            if standing is None:
                async with self._database.transaction() as connection:
                    await begin(connection, rollout)
            else:
                await self._judge(rollout, standing)

    async def _judge(self, rollout: Rollout, standing: Standing) -> None:
        stage = standing.stage_of(rollout)
        if stage is None or not stage.moves_by_itself:
            return
        began_s, now_ms = self._clock.monotonic(), self._clock.now_ms()
        if began_s < self._rests_until_s.get(rollout.version, began_s):
            return
        async with self._database.connection() as connection:
            found = await evidence(connection, rollout, stage, now=now_of(self._clock))
        took_s = self._clock.monotonic() - began_s
        self._rests_until_s[rollout.version] = began_s + self._rest * took_s
        verdict = decide(rollout, standing, found)
        if verdict.step == "wait":
            return
        try:
            async with self._database.transaction() as connection:
                moved = await move(
                    connection,
                    rollout,
                    standing,
                    action=verdict.step,
                    actor=SYSTEM,
                    why=verdict.sentence,
                )
                word = "fell back" if verdict.step == "back" else "moved on"
                message = (
                    f"rollout {rollout.name} of {rollout.alias} {word} from {stage.name} to "
                    f"{stage_name(rollout, moved.stage)}: {verdict.sentence}"
                )
                await self._add_alerts(connection, [Alert(now_ms, "rollout", rollout.name, message)])
        except Conflict:
            return  # Another control process, or a person, was first.
