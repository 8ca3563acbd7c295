"""Shares that follow what is known, from the database to gateways, and what is said of such experiments."""

import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from demo.running import Running, headgate
from tests.contract.made_entries import make_end, new_call, now_ms
from tests.flow.test_api_experiments import BEGAN_MS, World, metric, world

from headgate.core.entries import End, Exposure
from headgate.experiments.model import LIVE_SHARES, Adaptive, Shares
from headgate.experiments.moving import move_shares
from headgate.store.database import Database
from headgate.store.live import LiveObjects
from headgate.store.rows import fetch_rows

LATER = timedelta(minutes=5)
EXPERIMENT = """
[[experiments]]
name = "tiny"
alias = "assistant"
unit = "call"
arms = [
    { name = "now", share = 1 },
    { name = "new", share = 1, targets = ["mock/tiny"] },
    { name = "other", share = 1, targets = ["mock/other"] },
]

[experiments.adaptive]
every = "1m"

[[experiments.metrics]]
name = "errors"
measure = "errors"

[[experiments.metrics]]
name = "latency"
measure = "latency"
role = "guardrail"
margin = "50%"
"""
ERRORS = {"now": 0.3, "new": 0.3, "other": 0.15}
LATENCY_MS = 900


def calls(
    made: World, units: int, epoch: int, shares: dict[str, float], errors: dict[str, float]
) -> list[End]:
    """Calls of an epoch, in its shares; those of later epochs came later."""
    ends: list[End] = []
    names = list(shares)
    began = now_ms() - BEGAN_MS + epoch * 3_600_000
    for _ in range(units):
        (arm,) = made.random.choices(names, [shares[name] for name in names])
        call = new_call()
        unit = made.experiment.unit
        exposure = Exposure("tiny", made.experiment.version, arm, call.hex(), unit, epoch)
        ends.append(
            make_end(
                call,
                user=exposure.unit,
                exposures=(exposure,),
                started_ms=began + made.random.randrange(3_600_000),
                duration_ms=made.random.randrange(LATENCY_MS),
                status=502 if made.random.random() < errors[arm] else 200,
            )
        )
    return ends


async def moved(made: World, database: Database, now: datetime) -> Shares | None:
    assert made.experiment.adaptive is not None
    async with database.transaction() as connection:
        return await move_shares(connection, made.experiment, made.experiment.adaptive, now)


async def test_shares_move_to_the_better_arm_and_the_sentence_says_so(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        assert made.experiment.adaptive == Adaptive(floor=0.1, every_s=60.0)
        shares = dict.fromkeys(ERRORS, 1 / 3)
        await made.ship(*calls(made, 60, 0, shares, ERRORS))
        now = datetime.now(UTC) + LATER
        assert await moved(made, database, now) is None, "too few to know"
        await made.ship(*calls(made, 1000, 0, shares, ERRORS))
        assert await moved(made, database, now - LATER) is None, "not so soon"
        first = await moved(made, database, now)
        assert first is not None
        assert (first.epoch, min(first.shares.values())) == (1, pytest.approx(0.1, abs=0.01))
        assert first.shares["other"] > 0.7
        assert await moved(made, database, now) is None, "not again before its time"
        await made.ship(
            *calls(made, 3000, 1, first.shares, {name: 2 * each for name, each in ERRORS.items()})
        )
        report = (await made.shown())["report"]
        assert report["is_sound"], "three in four calls of an arm are what was meant"
        assert [round(sum(each.values()), 9) for each in report["shares"]] == [1.0, 1.0]
        errors = {one["arm"]: one for one in metric(report, "errors")["comparisons"]}
        assert (errors["new"]["finding"], errors["other"]["finding"]) == ("open", "better")
        truth = -(1060 * 15 + 3000 * 30) / 4060
        assert errors["other"]["low"] < truth < errors["other"]["high"]
        assert metric(report, "latency")["comparisons"][1]["finding"] == "holds"
        assert report["arms"][2]["share"] == pytest.approx(first.shares["other"])
        assert "Of new calls other gets " in report["sentence"]
        looks = await made.api.get("/experiments/tiny/looks")
        assert len(looks["arms"]) == 3
        for line in looks["lines"]:
            (last,) = [
                one for one in metric(report, line["metric"])["comparisons"] if one["arm"] == line["arm"]
            ]
            assert (line["difference"][-1], line["low"][-1], line["high"][-1]) == pytest.approx(
                (last["difference"], last["low"], last["high"])
            ), "the last look is the report"
        assert {(line["metric"], line["arm"]) for line in looks["lines"]} >= {("errors", "other")}
        assert looks["ratio_evidence"][-1] == pytest.approx(report["ratio_evidence"])
        assert len(report["shares_at"]) == 2
        async with database.connection() as connection:
            [row] = await fetch_rows(connection, "select epoch, shares from experiment_epochs", {})
            objects = await LiveObjects.changes_since(connection, 0)
        assert row == {"epoch": 1, "shares": first.shares}
        assert LIVE_SHARES in {each.kind for each in objects}


async def test_parts_of_users_open_one_after_the_other_and_keep_their_shares(database: Database) -> None:
    users = EXPERIMENT.replace('unit = "call"', 'unit = "user"').replace(
        'every = "1m"', 'every = "1m"\nparts = 3'
    )
    async with world(database, users) as made:
        shares = dict.fromkeys(ERRORS, 1 / 3)
        await made.ship(*calls(made, 1000, 0, shares, ERRORS))
        now = datetime.now(UTC) + LATER
        first = await moved(made, database, now)
        assert first is not None
        assert first.before == (pytest.approx(shares),), "the part before keeps what it was opened with"
        report = (await made.shown())["report"]
        assert report["parts"] == 3
        assert "Of new users that take part other gets " in report["sentence"]
        assert report["sentence"].endswith("2 of 3 parts of all users take part so far.")
        middle = (1 / 3 + first.shares["other"]) / 2
        assert report["arms"][2]["share"] == pytest.approx(middle), "of both parts"
        # Users of the first part go on coming beside those of the second.
        await made.ship(*calls(made, 500, 0, shares, ERRORS), *calls(made, 1500, 1, first.shares, ERRORS))
        second = await moved(made, database, now + LATER)
        assert second is not None
        assert len(second.before) == 2
        assert await moved(made, database, now + 2 * LATER) is None, "no part is left"
        report = (await made.shown())["report"]
        assert report["is_sound"]
        assert len(report["shares"]) == 3
        assert "parts of all users" not in report["sentence"]


async def test_units_astray_within_an_epoch_are_a_mismatch_and_shares_stay(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await made.ship(*calls(made, 3000, 0, {"now": 0.5, "new": 0.25, "other": 0.25}, ERRORS))
        assert await moved(made, database, datetime.now(UTC) + LATER) is None
        report = (await made.shown())["report"]
        assert not report["is_sound"]
        assert report["sentence"].startswith("The arms don't have the shares that were meant")


async def test_a_decision_ends_it(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await made.ship(*calls(made, 1000, 0, dict.fromkeys(ERRORS, 1 / 3), ERRORS))
        sealed: Any = await made.api.post("/experiments/tiny/stop", {"arm": "other"})
        assert sealed["sealed"]["report"]["shares"] == [pytest.approx(dict.fromkeys(ERRORS, 1 / 3))]
        assert await moved(made, database, datetime.now(UTC) + LATER) is None


HOUSE = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/model"]
"""


@pytest.fixture
def house() -> Generator[Running]:
    with headgate(HOUSE + EXPERIMENT, workers=1) as running:
        yield running


def ask(house: Running, key: str, count: int) -> None:
    for _ in range(count):
        given = httpx.post(
            f"{house.url}/v1/chat/completions",
            json={"model": "assistant", "messages": [{"role": "user", "content": "hi"}]},
            headers={"authorization": f"Bearer {key}"},
            timeout=20,
            trust_env=False,
        )
        assert given.status_code == 200


async def test_gateways_assign_by_the_shares_of_the_epoch(house: Running) -> None:
    key = house.make_key("moving")
    ask(house, key, 5)
    version = house.get("/experiments/tiny")["report"]["version"]
    shares = Shares(version=version, epoch=3, shares={"now": 0.01, "new": 0.01, "other": 0.98})
    async with Database(house.database_url(), name="test") as database, database.transaction() as connection:
        await LiveObjects.put(connection, LIVE_SHARES, version, msgspec.json.encode(shares))
    deadline = time.monotonic() + 20
    counted: dict[tuple[int, str], int] = {}
    while sum(count for (epoch, _), count in counted.items() if epoch == 3) < 40:
        assert time.monotonic() < deadline, counted
        ask(house, key, 10)
        with psycopg.connect(house.database_url(), autocommit=True) as connection:
            asked = "select epoch, arm, count(*) from experiment_units group by 1, 2"
            counted = {(epoch, arm): count for epoch, arm, count in connection.execute(asked).fetchall()}
    moved_to = {arm: count for (epoch, arm), count in counted.items() if epoch == 3}
    assert moved_to["other"] >= 0.8 * sum(moved_to.values())
    assert {epoch for epoch, _ in counted} <= {0, 3}
