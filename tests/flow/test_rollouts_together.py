"""Several control processes and people move one rollout: each move is made once, by one of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
from tests.rollout_settings import SMALLER, only_rollout

from headgate.api.alerts import add_alerts
from headgate.core.entries import COMPARED, LEFT_OUT, Answered, Compared, LeftOut
from headgate.core.faults import Conflict
from headgate.core.identity import IdentitySource
from headgate.core.ports import Envelope
from headgate.experiments.definitions import sync_experiments
from headgate.rollouts.job import RolloutJob
from headgate.rollouts.model import Rollout, Standing
from headgate.rollouts.moving import Move, evidence, move, moves, standings
from headgate.rollouts.sink import PairSink
from headgate.store.clock import SystemClock
from headgate.store.database import Database

CONFIG = (
    SMALLER
    + """
users = ["ann"]
shadow = { share = 0.5, agree = { tools = 0.8 } }
shares = [0.5]
units = 50
guardrails = [
    { name = "errors", measure = "errors", margin = "0.2" },
    { name = "cost", measure = "cost", margin = "0.5" },
]
"""
)
CONTROLS = 4
CLOCK = SystemClock()
IDS = IdentitySource(CLOCK)


class InForce:
    """The configuration as every control process knows it."""

    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout

    def rollouts(self) -> tuple[Rollout, ...]:
        return (self._rollout,)


@pytest.fixture
def rollout() -> Rollout:
    return only_rollout(CONFIG)


@pytest.fixture
async def jobs(database: Database, rollout: Rollout) -> AsyncIterator[list[RolloutJob]]:
    """Jobs of as many control processes, each with connections of its own."""
    async with database.transaction() as connection:
        await sync_experiments(connection, [stage.experiment for stage in rollout.stages])
    others = [
        Database(database.url, connections_max=2, name=f"control {number}") for number in range(CONTROLS)
    ]
    for other in others:
        await other.__aenter__()
    yield [RolloutJob(other, CLOCK, InForce(rollout), add_alerts, rest=0) for other in others]
    for other in others:
        await other.__aexit__(None, None, None)


async def compare(
    database: Database, rollout: Rollout, stage: int, calls: int, *, fails: bool = False
) -> None:
    """Let so many calls of a stage have been compared."""
    version = rollout.stages[stage].experiment.version
    pairs = [
        Compared(
            version,
            "default",
            f"unit {IDS.next()}",
            CLOCK.now_ms(),
            IDS.next().bytes,
            IDS.next().bytes,
            Answered(False, False, 100, 1000 + number % 7, 10),
            Answered(fails, False, 100, 1000 + number % 5, 10),
            same_finish=True,
            same_tools=True,
        )
        for number in range(calls)
    ]
    entries = [Envelope(b"", COMPARED, msgspec.msgpack.encode(pair)) for pair in pairs]
    async with database.transaction() as connection:
        await PairSink().apply(connection, entries)


async def look(jobs: list[RolloutJob], times: int = 1) -> None:
    """Let all of them look at once."""
    for _ in range(times):
        await asyncio.gather(*[job.look() for job in jobs])


async def history(database: Database, rollout: Rollout) -> list[Move]:
    async with database.connection() as connection:
        return await moves(connection, rollout)


async def alerts(database: Database) -> int:
    async with database.connection() as connection:
        cursor = await connection.execute("select count(*) from alerts where kind = 'rollout'")
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_it_begins_once_and_moves_once_a_stage(
    database: Database, rollout: Rollout, jobs: list[RolloutJob]
) -> None:
    await look(jobs, 3)
    assert [each.action for each in await history(database, rollout)] == ["begin"]
    await compare(database, rollout, 0, 200)
    await look(jobs, 3)
    last, begun = await history(database, rollout)
    assert (last.from_stage, last.to_stage, begun.to_stage) == ("shadow", "internal", "shadow")
    assert await alerts(database) == 1
    await compare(database, rollout, 1, 200)
    await look(jobs, 3)
    assert [each.to_stage for each in await history(database, rollout)] == ["50 %", "internal", "shadow"]
    assert await alerts(database) == 2


async def test_it_falls_back_once(database: Database, rollout: Rollout, jobs: list[RolloutJob]) -> None:
    await look(jobs)
    await compare(database, rollout, 0, 60, fails=True)
    await look(jobs, 4)
    assert [each.action for each in await history(database, rollout)] == ["back", "begin"]
    assert await alerts(database) == 1


async def test_who_saw_it_where_it_stands_no_more_moves_nothing(
    database: Database, rollout: Rollout, jobs: list[RolloutJob]
) -> None:
    await look(jobs)
    async with database.connection() as connection:
        seen = (await standings(connection, (rollout,)))[rollout.version]

    async def advance(actor: str) -> Standing | Conflict:
        try:
            async with database.transaction() as connection:
                return await move(connection, rollout, seen, action="advance", actor=actor, why="")
        except Conflict as conflict:
            return conflict

    found = await asyncio.gather(*[advance(f"person {number}") for number in range(6)])
    assert sum(isinstance(each, Standing) for each in found) == 1
    assert [each.to_stage for each in await history(database, rollout)] == ["internal", "shadow"]


async def test_a_report_of_pairs_says_what_was_left_out_and_whose_first_call_counts(
    database: Database, rollout: Rollout, jobs: list[RolloutJob]
) -> None:
    await look(jobs)
    await compare(database, rollout, 0, 120)
    stage = rollout.stages[0]
    version = stage.experiment.version
    pair = Compared(
        version,
        "default",
        "the same unit",
        CLOCK.now_ms(),
        IDS.next().bytes,
        IDS.next().bytes,
        Answered(False, False, 100, None),
        Answered(True, False, None, None),
    )
    said = [Envelope(b"", COMPARED, msgspec.msgpack.encode(pair))] * 3
    left_out = LeftOut(version, "the gateway was busy", 4)
    said += [Envelope(b"", LEFT_OUT, msgspec.msgpack.encode(left_out))] * 2
    async with database.transaction() as connection:
        await PairSink().apply(connection, said)
    async with database.connection() as connection:
        report = await evidence(connection, rollout, stage, now=datetime.now(UTC))
    assert report is not None
    by_name = {each.name: each.comparisons[0] for each in report.metrics}
    assert {arm.name: (arm.complete, arm.calls) for arm in report.arms} == {
        "present": (121, 123),
        "candidate": (121, 123),
    }
    assert by_name["errors"].mean == pytest.approx(100 / 121)
    assert (by_name["cost"].units, by_name["cost"].finding) == (120, "none")
    assert by_name["cost"].note.startswith(
        "1 of 121 calls of present (mock/large) and 1 of 121 calls of candidate (mock/small) have no known"
    )
    assert by_name["the same tools"].units == 120
    assert "8 shadows were left out: the gateway was busy" in report.notes
    assert "of 123 compared calls the first of each unit counts: 121" in report.notes
