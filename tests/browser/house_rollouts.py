"""Rollouts to look at: one waits for evidence, one fell back, one is held, one is through, one in the shadow.

Units and calls are written as the shipper writes them, but for shadows, which a gateway makes; the moves are
made through the API, or by the job, and then put into the past, as if days had gone by. Read next:
`house_experiments`.
"""

import itertools
import random
import time
from typing import NamedTuple

from tests.browser.console_house import House
from tests.browser.house_evaluation import until
from tests.browser.house_experiments import Served, exposed_call
from tests.browser.written_calls import in_database, write_calls

from headgate.core.entries import End, Exposure
from headgate.experiments.sink import ExperimentSink
from headgate.records.sink import RecordSink
from headgate.store.database import Connection

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
SHADOW = 'users = ["ann"]\nshadow = { share = 1.0, agree = { finish = 0.9, length = 0.5 } }'
# Shadows take nothing of a budget that is half used, as those of the house's own provider are.
FRESH = """
[providers.fresh]
kind = "mock"
output_tokens = 40

[prices."fresh/small"]
input = "0.4"
output = "1.6"
max_output = 1000
context_window = 200000

[prices."fresh/tiny"]
input = "0.1"
output = "0.4"
max_output = 1000
context_window = 200000
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
    + ROLLOUT.format(name="shadowed", alias="sketches", internal=SHADOW, shares="[0.2]", units=1000).replace(
        "mock/", "fresh/"
    )
    + FRESH
)
SHADOWS = 40
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
    house.apply(TOML)
    until(lambda: _have_begun(house))
    source = random.Random(11)
    calls = _stage(source, house, INTERNAL)
    _move(house, "smaller", "advance", "ann and ben found nothing")
    calls += _stage(source, house, FIRST)
    _move(house, "smaller", "advance", "errors and latency hold, <b>and</b> the launch is on Friday")
    calls += _stage(source, house, SECOND)
    calls += _stage(source, house, BROKEN)
    _move(house, "waiting", "hold", "until the new prices are known")
    _move(house, "through", "advance", "")
    _be_shadowed(house)
    write_calls(running, calls, RecordSink(), ExperimentSink())
    until(lambda: running.get("/rollouts/fragile")["rollout"]["stage"] == "back")
    in_database(running, _put_into_the_past)


def _have_begun(house: House) -> bool:
    items = house.running.get("/rollouts")["items"]
    return len(items) == TOML.count("[[rollouts]]") and all(each["stage"] for each in items)


def _be_shadowed(house: House) -> None:
    """Make calls until enough of them had a shadow: a gateway that has much to do leaves some out."""
    users = itertools.count()

    def is_enough() -> bool:
        user = f"sketches-{next(users)}"
        assert house.call(user, "sketches", "Make a sketch.", user=user).status_code == 200
        report = house.running.get("/rollouts/shadowed")["report"]
        return report["arms"][0]["units"] >= SHADOWS

    until(is_enough)


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
            served = Served("answers", LATENCY_MS[arm], of.errors[arm], 0.002)
            calls += [
                exposed_call(source, exposure, began + place * 1000, served)
                for place in range(source.randint(1, 3))
            ]
    return calls


AGES_DAYS = {"begin": 9.0, "internal": 8.0, "5 %": 5.0, "10 %": 0.1, "50 %": 1.0}
"""How long ago a rollout began, or left a stage."""


async def _put_into_the_past(connection: Connection) -> None:
    for what, days in AGES_DAYS.items():
        await connection.execute(
            "update rollout_moves set at = at - make_interval(secs => %(age_s)s) "
            "where (action = 'begin' and %(what)s = 'begin') or from_stage = %(what)s",
            {"what": what, "age_s": days * 86_400},
        )
