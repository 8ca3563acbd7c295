"""Runs of canaries on a real database: claimed once, resumed after a restart, and what is no evidence."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.core.entries import Alert
from headgate.core.faults import UpstreamError
from headgate.core.secret import Secret
from headgate.drift.calling import Answered
from headgate.drift.model import Canary, Case, DriftRule, version_of
from headgate.drift.running import CanaryJob
from headgate.drift.store import QUERIES
from headgate.store.clock import SystemClock
from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows


def canary(prompt: str = "17 + 26?", **changes: Any) -> Canary:
    case = Case(name="sum", prompt=prompt, scorer="exact", expected="43")
    fields: dict[str, Any] = {"name": "daily", "targets": ("mock/small",), "cases": (case,)}
    fields |= {"draws": 10, "reference": 40, **changes}
    made = Canary(**fields)
    return msgspec.structs.replace(made, version=version_of(made))


class Gateways:
    """What answers: always this text, or nothing."""

    def __init__(self, text: str | None = "43") -> None:
        self.text = text
        self.calls = 0

    async def chat(self, key: Secret, body: bytes) -> Answered:
        self.calls += 1
        assert key.reveal().startswith("hg_")
        if self.text is None:
            raise UpstreamError("no gateway answers", sent=False)
        answer = {"choices": [{"message": {"content": self.text}, "finish_reason": "stop"}]}
        return Answered(status=200, body=msgspec.json.encode(answer), call="", cost_usd="0.001")

    async def embeddings(self, key: Secret, body: bytes) -> Answered:
        raise AssertionError("canaries ask for no embeddings")


class World:
    """A deployment with one canary."""

    def __init__(self, database: Database, gateways: Gateways, *canaries: Canary) -> None:
        self.database = database
        self.alerts: list[Alert] = []
        self._canaries = canaries
        self.job = CanaryJob(database, SystemClock(), gateways, self, self.take)

    def canaries(self) -> tuple[Canary, ...]:
        return self._canaries

    def drift_rule(self) -> DriftRule:
        return DriftRule()

    async def take(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        del connection
        self.alerts += alerts

    async def runs(self) -> list[dict[str, Any]]:
        """All runs, the first first."""
        parameters = {"canary": "daily", "limit": 50}
        async with self.database.connection() as connection:
            return (await fetch_rows(connection, QUERIES.list_runs, parameters))[::-1]

    async def state(self) -> dict[str, Any]:
        async with self.database.connection() as connection:
            (row,) = await fetch_rows(connection, QUERIES.list_watches, {"prefix": "canary/daily/"})
        return row["state"]

    async def again(self) -> None:
        """Ask for a run now, and make it."""
        (made,) = self._canaries
        asked = {"canary": made.name, "version": made.version, "targets": list(made.targets), "by": "k1"}
        async with self.database.transaction() as connection:
            await connection.execute(QUERIES.ask_run, asked)
        await self.job.look()


async def test_of_many_processes_one_makes_a_run_and_a_restart_goes_on(database: Database) -> None:
    gateways = Gateways()
    worlds = [World(database, gateways, canary()) for _ in range(3)]
    await asyncio.gather(*[world.job.look() for world in worlds])
    assert gateways.calls == 40
    assert [run["state"] for run in await worlds[0].runs()] == ["done"]
    await worlds[1].job.look()
    assert gateways.calls == 40, "nothing is due until tomorrow"
    restarted = World(database, gateways, canary())
    await restarted.again()
    state = await restarted.state()
    assert (state["seen"], len(state["lookouts"]) > 0) == (10, True)


async def test_a_changed_answer_is_an_alarm_once_until_it_is_acknowledged(database: Database) -> None:
    gateways = Gateways()
    world = World(database, gateways, canary())
    await world.job.look()
    gateways.text = "forty-three"
    for _ in range(4):
        await world.again()
    assert [alert.kind for alert in world.alerts] == ["drift"]
    assert "right answers went from 100 %" in world.alerts[0].message
    assert (await world.state())["is_alarmed"]


async def test_a_run_whose_process_died_or_that_nobody_answered_is_no_evidence(database: Database) -> None:
    gateways = Gateways()
    world = World(database, gateways, canary())
    await world.job.look()
    before = await world.state()
    async with database.connection() as connection:
        await connection.execute(
            "insert into drift_runs (canary, target, version, due_at, asked_by, state, started_at, seen_at) "
            "values ('daily', 'mock/small', 'v', now() - interval '3 hours', 'schedule', 'running', "
            "now() - interval '2 hours', now() - interval '2 hours')"
        )
    await world.job.look()
    assert [run["state"] for run in await world.runs()] == ["done", "abandoned"]
    gateways.text = None
    await world.again()
    *_, last = await world.runs()
    assert (last["state"], last["answers"]) == ("failed", 0)
    assert "no gateway answers" in last["note"]
    assert await world.state() == before
    assert world.alerts == []


async def test_other_cases_begin_anew_and_a_canary_that_is_gone_is_not_run(database: Database) -> None:
    gateways = Gateways()
    world = World(database, gateways, canary())
    await world.job.look()
    changed = World(database, gateways, canary("18 + 25?", reference=60))
    await changed.again()
    state = await changed.state()
    assert (state["reference"], state["seen"]) == (60, 0)
    assert gateways.calls == 40 + 60
    async with database.transaction() as connection:
        asked = {"canary": "daily", "version": "v", "targets": ["mock/gone"], "by": "k1"}
        await connection.execute(QUERIES.ask_run, asked)
    await changed.job.look()
    *_, last = await changed.runs()
    assert (last["state"], last["note"]) == ("failed", "the configuration has it no more")
    assert gateways.calls == 100


async def test_a_budget_ends_a_run_and_its_answers_count(database: Database) -> None:
    gateways = Gateways()
    world = World(database, gateways, canary(budget_pico_usd=10**10))
    await world.job.look()
    (run,) = await world.runs()
    assert (run["state"], run["answers"]) == ("done", 12)
    assert "the run's budget was spent after 12 of 40 cases" in run["note"]
    assert (await world.state())["seen"] == 12
