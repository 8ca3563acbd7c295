"""Rollouts to look at: one waits for evidence, one fell back, one is held, one is through.

Units and calls are written as the shipper writes them; the moves are made through the API, or by the job,
and then put into the past, as if days had gone by. Read next: `house_experiments`.
"""

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import msgspec
from tests.browser.console_house import House, id_at
from tests.browser.house_evaluation import until
from tests.browser.house_experiments import write_exposed
from tests.contract.made_entries import make_end

from headgate.core.call import Usage
from headgate.core.entries import End, Exposure
from headgate.core.money import parse_usd
from headgate.store.database import Database

ROLLOUT = """
[models.{alias}]
targets = ["mock/small"]

[[rollouts]]
name = "{name}"
alias = "{alias}"
targets = ["mock/tiny"]
{internal}
shares = {shares}
window = "1h"
units = {units}

[[rollouts.guardrails]]
name = "errors"
measure = "errors"
margin = "0.05"

[[rollouts.guardrails]]
name = "latency"
measure = "latency"
margin = "10%"
"""
TOML = (
    ROLLOUT.format(
        name="smaller",
        alias="answers",
        internal='users = ["ann", "ben"]\nset = { temperature = 0.2 }',
        shares="[0.05, 0.25]",
        units=2000,
    )
    + ROLLOUT.format(name="fragile", alias="summaries", internal="", shares="[0.1, 0.5]", units=100)
    + ROLLOUT.format(name="waiting", alias="titles", internal="", shares="[0.1]", units=500)
    + ROLLOUT.format(name="through", alias="labels", internal="", shares="[0.5]", units=100)
)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LATENCY_MS = {"present": 1400, "candidate": 1150}


class Gathered(NamedTuple):
    """What a stage has seen: units of each arm, between so many days ago, and who failed how often."""

    rollout: str
    stage: str
    units: dict[str, int]
    days: tuple[float, float]
    errors: dict[str, float] = {"present": 0.05, "candidate": 0.05}  # noqa: RUF012 - never written to


INTERNAL = Gathered("smaller", "internal", {"candidate": 2}, (9, 8))
FIRST = Gathered("smaller", "5 %", {"present": 1140, "candidate": 60}, (8, 5))
SECOND = Gathered("smaller", "25 %", {"present": 960, "candidate": 320}, (5, 0.1))
BROKEN = Gathered(
    "fragile",
    "10 %",
    {"present": 900, "candidate": 100},
    (2, 0.1),
    {"present": 0.04, "candidate": 0.6},
)


def rolled_out(house: House) -> None:
    """Put the rollouts in force, let their stages gather evidence, and move them."""
    running = house.running
    text = running.config_path.read_text(encoding="utf-8") + TOML
    base = running.get("/status")["snapshot"]
    answer = running.api.post("/config/apply", json={"toml": text, "base": base})
    assert answer.status_code == 200, answer.text
    until(lambda: all(each["stage"] for each in running.get("/rollouts")["items"]))
    source = random.Random(11)
    calls = _stage(source, house, INTERNAL)
    _move(house, "smaller", "advance", "ann and ben found nothing")
    calls += _stage(source, house, FIRST)
    _move(house, "smaller", "advance", "errors and latency hold, <b>and</b> the launch is on Friday")
    calls += _stage(source, house, SECOND)
    calls += _stage(source, house, BROKEN)
    _move(house, "waiting", "hold", "until the new prices are known")
    _move(house, "through", "advance", "")
    _in_thread(lambda: asyncio.run(write_exposed(running.database_url(), calls)))
    until(lambda: running.get("/rollouts/fragile")["rollout"]["stage"] == "back")
    _in_thread(lambda: asyncio.run(_put_into_the_past(running.database_url())))


def _in_thread(do: Any) -> None:
    """In a thread of its own: the browser's driver may have a loop that runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(do).result()


def _move(house: House, name: str, action: str, why: str) -> None:
    answer = house.running.api.post(f"/rollouts/{name}/moves", json={"action": action, "why": why})
    assert answer.status_code == 201, answer.text


def _stage(source: random.Random, house: House, of: Gathered) -> list[End]:
    """Calls of units in a stage."""
    plan = house.running.get(f"/rollouts/{of.rollout}")["plan"]
    (found,) = [each for each in plan["stages"] if each["name"] == of.stage]
    now_ms = int(time.time() * 1000)
    calls: list[End] = []
    for arm, units in of.units.items():
        for number in range(units):
            began = now_ms - int(DAY_MS * source.uniform(of.days[1], of.days[0])) - HOUR_MS
            unit = f"{of.rollout}-{of.stage}-{arm}-{number}"
            exposure = Exposure(found["experiment"], found["version"], arm, unit, "user")
            calls += [
                _call(source, exposure, began + place * 1000, of.errors[arm])
                for place in range(source.randint(1, 3))
            ]
    return calls


def _call(source: random.Random, exposure: Exposure, started_ms: int, errors: float) -> End:
    cost = f"{source.uniform(0.4, 1.0) * 0.002:.6f}"
    return msgspec.structs.replace(
        make_end(id_at(started_ms, source)),
        started_ms=started_ms,
        duration_ms=int(LATENCY_MS[exposure.arm] * source.lognormvariate(0, 0.3)),
        status=502 if source.random() < errors else 200,
        project="default",
        user=exposure.unit,
        model="answers",
        usage=Usage(input=500, output=source.randint(60, 300)),
        cost_pico_usd=parse_usd(cost),
        exposures=(exposure,),
    )


AGES_DAYS = {"begin": 9.0, "internal": 8.0, "5 %": 5.0, "10 %": 0.1, "50 %": 1.0}
"""How long ago a rollout began, or left a stage."""


async def _put_into_the_past(url: str) -> None:
    async with (
        Database(url, connections_max=1, name="tests") as database,
        database.transaction() as connection,
    ):
        for what, days in AGES_DAYS.items():
            await connection.execute(
                "update rollout_moves set at = at - make_interval(secs => %(age_s)s) "
                "where (action = 'begin' and %(what)s = 'begin') or from_stage = %(what)s",
                {"what": what, "age_s": days * 86_400},
            )
