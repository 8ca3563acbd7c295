"""Drift of live traffic, from entries of the journal to an alarm, and what is no evidence."""

import random
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import envelope, make_body, make_end, new_call, now_ms

from headgate.core.call import Usage
from headgate.core.entries import Alert, Body, End, PromptUsed
from headgate.drift.hours import TrafficJob
from headgate.drift.model import DriftRule, Signal
from headgate.drift.store import QUERIES, acknowledge
from headgate.drift.traffic import TrafficSink
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows

HOUR_MS = 3_600_000
TARGET = "openai/gpt-5-mini"


class World:
    """Traffic of the last weeks, hour by hour."""

    def __init__(self, database: Database, rule: DriftRule | None = None) -> None:
        self.database = database
        self.rule = rule or DriftRule()
        self.alerts: list[Alert] = []
        self.random = random.Random(4)
        self.began_ms = now_ms() // HOUR_MS * HOUR_MS
        self.job = TrafficJob(database, self, self.take)

    def drift_rule(self) -> DriftRule:
        return self.rule

    async def take(self, connection: Connection, alerts: Sequence[Alert]) -> None:
        del connection
        self.alerts += alerts

    async def ship(self, *ends: End) -> None:
        async with self.database.transaction() as connection:
            await TrafficSink().apply(connection, [envelope(end) for end in ends])

    def hour(self, hours_ago: int, calls: int = 10, *, tokens: int = 200, **changes: Any) -> list[End]:
        """Calls of one hour, so many before that in which the test began; lengths and times vary."""
        slot = self.began_ms - hours_ago * HOUR_MS
        wordy = [max(1, int(self.random.lognormvariate(0, 0.5) * tokens)) for _ in range(calls)]
        return [
            make_end(
                new_call(),
                **{
                    "started_ms": slot + self.random.randrange(HOUR_MS),
                    "usage": Usage(input=10, output=output),
                    "duration_ms": 5 * output,
                    "first_token_ms": 300,
                    "cost_pico_usd": 10_000_000 * output,
                    "target": TARGET,
                    "operation": "chat",
                    "tags": (),
                    **changes,
                },
            )
            for output in wordy
        ]

    async def weeks(self, begin: int, end: int, **changes: Any) -> None:
        ends = [each for ago in range(begin, end, -1) for each in self.hour(ago, **changes)]
        await self.ship(*ends)

    async def alarms(self) -> list[dict[str, Any]]:
        parameters = {"project_ids": None, "before": None, "open_only": False, "limit": 50}
        async with self.database.connection() as connection:
            return await fetch_rows(connection, QUERIES.list_alarms, parameters)

    async def watches(self) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return await fetch_rows(connection, QUERIES.list_watches, {"prefix": "traffic/"})


async def test_longer_answers_of_live_traffic_are_found_and_acknowledged(database: Database) -> None:
    world = World(database)
    await world.weeks(400, 150)
    await world.job.look()
    assert await world.alarms() == []
    (watch,) = await world.watches()
    assert {each["signal"] for each in watch["state"]["lookouts"]} >= {"tokens", "latency", "cost", "errors"}
    await world.weeks(150, 2, tokens=500)
    await world.job.look()
    (alarm,) = await world.alarms()
    assert (alarm["kind"], alarm["target"], alarm["project"]) == ("traffic", TARGET, "default")
    changes = {each["signal"]: each for each in alarm["finding"]["changes"]}
    assert {"tokens", "latency", "cost"} <= set(changes)
    length = changes["tokens"]
    assert length["before"]["low"] < 227 < length["before"]["high"]
    assert length["after"]["low"] < 567 < length["after"]["high"]
    true = datetime.fromtimestamp(world.began_ms / 1000, UTC) - timedelta(hours=150)
    assert abs(alarm["since"] - true) < timedelta(hours=10)
    assert "tokens an answer went from" in alarm["sentence"]
    assert [alert.kind for alert in world.alerts] == ["drift"]
    (watch,) = await world.watches()
    assert watch["state"]["is_alarmed"]
    async with database.transaction() as connection:
        assert await acknowledge(connection, alarm["id"], by="k1", note="announced")
        assert not await acknowledge(connection, alarm["id"], by="k1", note="again")
    (watch,) = await world.watches()
    assert not watch["state"]["is_alarmed"]


CHANGES: dict[Signal, dict[str, Any]] = {
    "refused": {"code": "content_policy_violation", "status": 422},
    "mismatched": {"code": "schema_mismatch", "status": 422},
    "errors": {"code": "upstream_error", "status": 502},
    "cut": {"finish": "length"},
    "tools": {"finish": "tool_calls", "tool_calls": 2},
    "tokens": {"usage": Usage(input=10, output=2000)},
    "latency": {"duration_ms": 30_000},
    "first_token": {"first_token_ms": 4000},
    "cost": {"cost_pico_usd": 200_000_000_000},
}


@pytest.mark.parametrize("signal", CHANGES)
async def test_a_change_of_each_signal_is_found(database: Database, signal: Signal) -> None:
    """Three of ten calls change; what answers say of themselves has tests of its own."""
    world = World(database)
    await world.weeks(330, 150, finish="stop")
    for ago in range(150, 2, -1):
        await world.ship(*world.hour(ago, 7, finish="stop"))
        changed: dict[str, Any] = {"finish": "stop", **CHANGES[signal]}
        await world.ship(*world.hour(ago, 3, **changed))
    await world.job.look()
    (alarm,) = await world.alarms()
    changes = {change["signal"]: change for change in alarm["finding"]["changes"]}
    assert (signal in changes, changes[signal]["side"]) == (True, "up"), changes


async def test_answers_of_the_same_length_in_other_words_are_found(database: Database) -> None:
    world = World(database)
    plain = ("Your order is on its way.", "It will arrive tomorrow, we think.", "Thank you for asking us!")
    other = ("CERTAINLY! It travels now", "Delighted: the parcel's coming", "Kindly do await its arrival")
    for ago in range(270, 2, -1):
        made = world.hour(ago, 5, finish="stop", release="")
        ends = [msgspec.structs.replace(end, call=begun(end, world.random)) for end in made]
        await world.ship(*ends)
        said = plain if ago > 90 else other
        bodies = [worded(end, world.random.choice(said)) for end in ends]
        async with database.transaction() as connection:
            await RecordSink().apply(connection, [envelope(end) for end in ends])
            await BodySink().apply(connection, [envelope(body) for body in bodies])
    await world.job.look()
    (alarm,) = await world.alarms()
    (change,) = [each for each in alarm["finding"]["changes"] if each["signal"] == "wording"]
    assert change["before"]["high"] < change["after"]["low"]
    assert "distance of answers from the usual wording (0 to 1) went from" in alarm["sentence"]
    (watch,) = await world.watches()
    assert "CERTAINLY" not in str(watch["state"]), "of answers nothing is kept but sums of hashed pieces"


def begun(end: End, rng: random.Random) -> bytes:
    """The id of a call that began then."""
    return uuid.UUID(int=(end.started_ms << 80) | (7 << 76) | (2 << 62) | rng.getrandbits(62)).bytes


def worded(end: End, text: str) -> Body:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    content = msgspec.json.encode({"id": "1", "model": "m", "choices": [choice]})
    return make_body(end.call, b'{"messages": []}', response=content, response_length=len(content))


async def test_an_answer_that_ends_in_a_refusal_counts_as_one(database: Database) -> None:
    world = World(database)
    for finish in ("refusal", "content_filter", "stop"):
        await world.ship(*world.hour(3, 10, finish=finish))
    await world.job.look()
    (watch,) = await world.watches()
    assert watch["state"]["gathered"]["refused"] == [pytest.approx(2 / 3)]
    assert watch["state"]["gathered"]["cut"] == [0.0], "of those that answered"


async def test_traffic_that_stays_as_it_is_alarms_nobody_and_gaps_are_no_evidence(database: Database) -> None:
    world = World(database)
    for begin, end in ((900, 600), (500, 300), (200, 2)):
        await world.weeks(begin, end)
        await world.job.look()
    assert await world.alarms() == []
    (watch,) = await world.watches()
    assert watch["state"]["seen"] == 300 + 200 + 198 - 168, "an hour each, without those of the reference"


async def test_another_prompt_version_or_release_is_no_drift_of_the_model(database: Database) -> None:
    world = World(database)
    await world.weeks(400, 200, prompts=(PromptUsed("greeting", 1),))
    await world.weeks(200, 2, prompts=(PromptUsed("greeting", 2),), tokens=900)
    await world.job.look()
    assert await world.alarms() == []
    assert len(await world.watches()) == 2


async def test_more_traffic_of_another_kind_is_no_drift_of_the_model(database: Database) -> None:
    world = World(database)
    await world.weeks(400, 2, model="short", tokens=50)
    await world.weeks(300, 2, model="long", tokens=900, calls=40)
    await world.job.look()
    assert await world.alarms() == []


async def test_a_model_that_says_another_name_is_told_at_once(database: Database) -> None:
    world = World(database)
    await world.ship(*world.hour(1, 3, served_model="gpt-5-mini-2025-08-07", fingerprint="fp_1"))
    await world.job.look()
    assert await world.alarms() == [], "the first of all is what is usual"
    await world.ship(*world.hour(0, 1, served_model="gpt-5-mini-2026-02-01", fingerprint="fp_2"))
    await world.job.look()
    alarms = {each["watch"]: each for each in await world.alarms()}
    assert set(alarms) == {f"served/{TARGET}/model", f"served/{TARGET}/fingerprint"}
    told = alarms[f"served/{TARGET}/model"]
    assert "gpt-5-mini-2026-02-01; before it was gpt-5-mini-2025-08-07; certain" in told["sentence"]
    assert told["finding"].get("once_in_years") is None
    # Both are known now; another fingerprint waits until somebody has looked at the first.
    await world.ship(*world.hour(0, 1, served_model="gpt-5-mini-2025-08-07", fingerprint="fp_3"))
    await world.ship(*world.hour(0, 1, served_model="gpt-5-mini-2026-04-01", fingerprint="fp_2"))
    await world.job.look()
    assert len(await world.alarms()) == 3
    assert len(world.alerts) == 3


async def test_fingerprints_that_come_at_once_are_one_alarm(database: Database) -> None:
    world = World(database)
    await world.ship(*world.hour(1, 3, fingerprint="fp_1"))
    await world.job.look()
    for number in range(2, 6):
        await world.ship(*world.hour(0, 1, fingerprint=f"fp_{number}"))
    await world.job.look()
    assert len(await world.alarms()) == 1
    assert len(world.alerts) == 1


async def test_a_model_that_serves_again_after_it_was_gone_is_told(database: Database) -> None:
    world = World(database)
    for begin, end, model in ((60, 50, "m-1"), (50, 40, "m-2"), (40, 30, "m-1")):
        for ago in range(begin, end, -1):
            await world.ship(*world.hour(ago, 3, served_model=model))
            await world.job.look()
    first, back = sorted(await world.alarms(), key=lambda each: each["at"])
    assert "is m-2; before it was m-1; certain" in first["sentence"]
    again = r"is m-1 again, as until [0-9-]+ [0-9:]+ UTC; before it was m-2; certain"
    assert re.search(again, back["sentence"])
    hours = [round(each["since"].timestamp() * 1000) // HOUR_MS for each in (first, back)]
    assert hours == [world.began_ms // HOUR_MS - ago for ago in (50, 40)]
    # Two to and fro are enough until somebody has looked; then the next is told.
    for ago in range(30, 20, -1):
        await world.ship(*world.hour(ago, 3, served_model="m-2"))
        await world.job.look()
    assert len(await world.alarms()) == 2
    async with database.transaction() as connection:
        assert await acknowledge(connection, first["id"], by="k1", note="")
    for ago in range(20, 10, -1):
        await world.ship(*world.hour(ago, 3, served_model="m-1"))
        await world.job.look()
    assert len(await world.alarms()) == 3


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
async def test_two_models_that_share_a_target_are_no_return(share: float, database: Database) -> None:
    """Each call goes to one or the other by chance: the rarer is gone for hours, now and then."""
    world = World(database)
    for ago in range(300, 2, -1):
        ends = world.hour(ago, 6)
        models = ["rare" if world.random.random() < share else "usual" for _ in ends]
        changed = [
            msgspec.structs.replace(end, served_model=model) for end, model in zip(ends, models, strict=True)
        ]
        await world.ship(*changed)
        await world.job.look()
    assert [each["sentence"] for each in await world.alarms() if " again" in each["sentence"]] == []


async def test_a_canary_of_a_target_tells_its_name_and_is_no_traffic(database: Database) -> None:
    world = World(database)
    await world.ship(*world.hour(3, 20, tags=("canary", "canary:daily"), served_model="m-1"))
    await world.job.look()
    assert await world.watches() == []
    await world.ship(*world.hour(2, 1, tags=("canary", "canary:daily"), served_model="m-2"))
    await world.job.look()
    assert [each["kind"] for each in await world.alarms()] == ["served"]


async def test_what_is_late_early_or_too_little_is_no_evidence(database: Database) -> None:
    world = World(database)
    await world.ship(*world.hour(5, 10))
    await world.job.look()
    (watch,) = await world.watches()
    assert watch["state"]["seen"] == 1
    late = world.hour(5, 50, tokens=9000)
    ahead = world.hour(-48, 50, tokens=9000)
    few = world.hour(4, 2, tokens=9000)
    backwards = world.hour(3, 10, duration_ms=-5)
    await world.ship(*late, *ahead, *few, *backwards)
    await world.job.look()
    (watch,) = await world.watches()
    assert watch["state"]["seen"] == 2
    assert len(watch["state"]["amounts"]["latency"]) == 1
    assert len(watch["state"]["amounts"]["tokens"]) == 2
    async with database.connection() as connection:
        rows = await fetch_rows(connection, "select slot, calls, is_seen from drift_hours order by slot")
    assert [row["is_seen"] for row in rows] == [True, True, True, False]
    assert rows[0]["calls"] == 10


async def test_traffic_is_left_alone_where_that_is_wanted(database: Database) -> None:
    world = World(database, DriftRule(traffic=False))
    await world.weeks(20, 2, served_model="m")
    await world.job.look()
    assert await world.watches() == []


@pytest.mark.parametrize("status", [499, 500])
async def test_calls_that_failed_say_nothing_of_lengths(database: Database, status: int) -> None:
    world = World(database)
    await world.ship(*world.hour(3, 10, status=status))
    await world.job.look()
    for watch in await world.watches():
        assert watch["state"]["gathered"] == {"errors": [1.0]}
    assert len(await world.watches()) == (status == 500)
