"""Scorers of compared calls on a real database: one process at a time asks, once both bodies are there."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import envelope, make_body, make_end, new_call, now_ms
from tests.rollout_settings import SMALLER, only_rollout

from headgate.access.keys import digest_of, parse
from headgate.access.model import Key
from headgate.access.store import KIND
from headgate.core.entries import COMPARED, Answered, Body, Compared, End
from headgate.core.ports import Envelope
from headgate.core.secret import Secret
from headgate.drift.calling import Answered as Said
from headgate.experiments.definitions import sync_experiments
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.rollouts.model import Rollout
from headgate.rollouts.moving import begin, evidence
from headgate.rollouts.scoring_job import BODY_S, ScoringJob
from headgate.rollouts.sink import PairSink
from headgate.store.clock import SystemClock
from headgate.store.database import Database
from headgate.store.live import LiveObjects

CONFIG = (
    SMALLER
    + """
shares = [0.5]
guardrails = [{ name = "errors", measure = "errors", margin = "0.2" }]

[rollouts.shadow]
share = 1.0
scorers = [
    { name = "kind", kind = "judge", model = "mock/judge", rubric = "Is it kind?", budget_a_day = "9 USD" },
]
"""
)
PROCESSES = 3


class InForce:
    """The configuration as every control process knows it."""

    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout

    def rollouts(self) -> tuple[Rollout, ...]:
        return (self._rollout,)


class Gateways:
    """What answers with a mark, as gateways do: to the text that a key has now, and to no other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statuses: list[int] = []

    async def chat(self, key: Secret, body: bytes) -> Said:
        presented = key.reveal().encode()
        async with self._database.connection() as connection:
            found = await LiveObjects.get(connection, KIND, parse(presented))
        assert found is not None and found.body is not None
        is_known = msgspec.json.decode(found.body, type=Key).digest == digest_of(presented)
        self.statuses.append(200 if is_known else 401)
        content = json.dumps({"reasoning": "so", "score": 1})
        answer = json.dumps({"choices": [{"message": {"content": content}}]})
        return Said(status=self.statuses[-1], body=answer.encode(), call="", cost_usd="0.001")

    async def embeddings(self, key: Secret, body: bytes) -> Said:
        raise AssertionError("a judge asks for no embeddings")


@pytest.fixture
def gateways(database: Database) -> Gateways:
    return Gateways(database)


@pytest.fixture
async def rollout(database: Database) -> Rollout:
    found = only_rollout(CONFIG)
    async with database.transaction() as connection:
        await sync_experiments(connection, [stage.experiment for stage in found.stages])
        await begin(connection, found)
    return found


@pytest.fixture
async def jobs(database: Database, rollout: Rollout, gateways: Gateways) -> AsyncIterator[list[ScoringJob]]:
    """Jobs of as many control processes, each with connections of its own."""
    others = [Database(database.url, connections_max=2, name=f"control {n}") for n in range(PROCESSES)]
    for other in others:
        await other.__aenter__()
    yield [ScoringJob(other, SystemClock(), InForce(rollout), gateways) for other in others]
    for other in others:
        await other.__aexit__(None, None, None)


async def ship(database: Database, *entries: End | Body) -> None:
    batch = [envelope(entry) for entry in entries]
    async with database.transaction() as connection:
        for sink in (RecordSink(), BodySink()):
            await sink.apply(connection, [one for one in batch if one.kind in sink.kinds])


def told(call: bytes) -> Body:
    request = {"model": "assistant", "messages": [{"role": "user", "content": f"hi {call.hex()}"}]}
    said = json.dumps(f"hello {call.hex()}")
    answer = {"choices": [{"message": {"role": "assistant", "content": said}}]}
    return make_body(call, json.dumps(request).encode(), response=json.dumps(answer).encode())


async def compared(
    database: Database, rollout: Rollout, *, ago_s: float = 5, record: str = "full"
) -> list[bytes]:
    """A call that both arms answered, on record without its bodies."""
    calls = [new_call(), new_call()]
    await ship(database, *[make_end(call, record=record) for call in calls])
    answered = Answered(False, False, 100, 1000, 10)
    version = rollout.stages[0].experiment.version
    at_ms = now_ms() - int(ago_s * 1000)
    pair = Compared(
        version, "default", f"unit {calls[0].hex()}", at_ms, calls[0], calls[1], answered, answered
    )
    async with database.transaction() as connection:
        await PairSink().apply(connection, [Envelope(b"", COMPARED, msgspec.msgpack.encode(pair))])
    return calls


async def scores(database: Database) -> list[Any]:
    async with database.connection() as connection:
        cursor = await connection.execute("select scores from rollout_pairs order by at, place")
        return [row[0] for row in await cursor.fetchall()]


async def test_of_many_processes_one_asks_with_a_key_that_holds(
    database: Database, rollout: Rollout, jobs: list[ScoringJob], gateways: Gateways
) -> None:
    for _ in range(12):
        await ship(database, *map(told, await compared(database, rollout)))
    await asyncio.gather(*[job.look() for job in jobs])
    for number in range(6):
        await ship(database, *map(told, await compared(database, rollout)))
        first = number % PROCESSES
        for job in (*jobs[first:], *jobs[:first]):
            await job.look()
    marks = [next(iter(each.values())) for each in await scores(database)]
    assert {tuple(each[:2]) for each in marks} == {(1.0, 1.0)} and len(marks) == 18
    assert set(gateways.statuses) == {200}


async def test_another_process_goes_on_where_one_died(
    database: Database, rollout: Rollout, jobs: list[ScoringJob], gateways: Gateways
) -> None:
    for job in (jobs[0], jobs[1], jobs[0]):
        await ship(database, *map(told, await compared(database, rollout)))
        await job.look()
        async with database.transaction() as connection:
            await connection.execute(
                "update rollouts set scored_until = clock_timestamp() - interval '1 second'"
            )
    assert gateways.statuses == [200] * 6


async def test_a_pair_waits_for_bodies_that_come_late_and_for_none_that_are_not_recorded(
    database: Database, rollout: Rollout, jobs: list[ScoringJob]
) -> None:
    calls = await compared(database, rollout, ago_s=20)
    await jobs[0].look()
    assert await scores(database) == [None]
    await ship(database, told(calls[0]))
    await jobs[0].look()
    assert await scores(database) == [None]
    await ship(database, told(calls[1]))
    await jobs[0].look()
    assert [next(iter(each.values()))[:2] for each in await scores(database)] == [[1.0, 1.0]]
    await compared(database, rollout, ago_s=1, record="metadata")
    await jobs[0].look()
    assert (await scores(database))[-1] == {"gone": True}
    await compared(database, rollout, ago_s=BODY_S + 1)
    await jobs[0].look()
    assert [each.get("gone") for each in await scores(database)] == [True, None, True]


async def test_a_schema_that_is_none_is_said_where_there_are_no_marks(
    database: Database, gateways: Gateways
) -> None:
    scorer = '{ name = "kind", kind = "schema", schema = { type = "nonsense" } }'
    rollout = only_rollout(re.sub(r"\{ name = \"kind\".*\}", scorer, CONFIG))
    async with database.transaction() as connection:
        await sync_experiments(connection, [stage.experiment for stage in rollout.stages])
        await begin(connection, rollout)
    await ship(database, *map(told, await compared(database, rollout)))
    await ScoringJob(database, SystemClock(), InForce(rollout), gateways).look()
    async with database.connection() as connection:
        report = await evidence(connection, rollout, rollout.stages[0], now=datetime.now(UTC))
    assert report is not None
    assert (
        "kind has no marks for 1 calls: its schema is no JSON schema that answers can be held against"
        in report.notes
    )
