"""Experiments to look at: one whose answer is known, one that is open, one whose split is broken.

Units and calls are written as the shipper writes them, feedback as the API takes it. Read next:
`console_house`.
"""

import random
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from demo.running import Running
from tests.browser.console_house import House, id_at
from tests.browser.written_calls import in_database, write_calls
from tests.contract.made_entries import make_end

from headgate.core.call import Usage
from headgate.core.entries import End, Exposure
from headgate.core.money import parse_usd
from headgate.experiments.sink import ExperimentSink
from headgate.records.sink import RecordSink
from headgate.store.database import Connection

TOML = """
[models.chat]
targets = ["mock/small"]

[models.drafts]
targets = ["mock/small"]

[models.uneven]
targets = ["mock/small"]

[[experiments]]
name = "smaller"
alias = "chat"
window = "24h"
arms = [{ name = "large", share = 1 }, { name = "small", share = 1, targets = ["mock/tiny"] }]

[[experiments.metrics]]
name = "solved"
kind = "event"
effect = "0.03"

[[experiments.metrics]]
name = "errors"
measure = "errors"
role = "guardrail"
margin = "0.1"

[[experiments.metrics]]
name = "latency"
measure = "latency"
role = "guardrail"
margin = "10%"

[[experiments.metrics]]
name = "csat"
role = "exploratory"

[[experiments.metrics]]
name = "cost"
measure = "cost"
role = "exploratory"

[[experiments]]
name = "briefer"
alias = "drafts"
window = "24h"
arms = [{ name = "now", share = 1 }, { name = "brief", share = 1, targets = ["mock/tiny"] }]

[[experiments.metrics]]
name = "kept"
kind = "event"
arrives = "2d"

[[experiments.metrics]]
name = "errors"
measure = "errors"
role = "guardrail"
margin = "0.1"

[[experiments]]
name = "split"
alias = "uneven"
window = "24h"
arms = [{ name = "now", share = 1 }, { name = "new", share = 1, targets = ["mock/tiny"] }]

[[experiments.metrics]]
name = "kept"
kind = "event"

[models.leaning]
targets = ["mock/small"]

[[experiments]]
name = "leaning"
alias = "leaning"
window = "24h"
arms = [{ name = "now", share = 1 }, { name = "brief", share = 1, targets = ["mock/tiny"] }]

[experiments.adaptive]
parts = 4

[[experiments.metrics]]
name = "errors"
measure = "errors"
"""
HOUR_MS = 3_600_000
DAYS = 10
# After so many hours a window is over, or what comes late has come: no unit gets there while somebody looks.
COMPLETE_HOURS = (24, 72)
UNITS = {
    "smaller": {"large": 700, "small": 690},
    "briefer": {"now": 160, "brief": 171},
    "split": {"now": 300, "new": 120},
}
MOVED = ((0.5, 0.5), (0.3, 0.7), (0.15, 0.85))
"""Shares of the arms of `leaning`, by epoch: three parts of four are open."""
UNITS_A_PART = 500
SOLVED = {"large": 0.55, "small": 0.68, "now": 0.5, "brief": 0.52, "new": 0.5}
LATENCY_MS = {"large": 1400, "small": 800}


def experiment(house: House) -> None:
    """Put the experiments in force, and let them run for ten days."""
    running = house.running
    house.apply(TOML)
    versions = {each["name"]: each["version"] for each in running.get("/experiments")["items"]}
    assert set(versions) == {*UNITS, "leaning"}
    source = random.Random(5)
    calls: list[End] = []
    said: list[dict[str, Any]] = []
    for name, arms in UNITS.items():
        for arm, units in arms.items():
            for number in range(units):
                made = _unit(source, Exposure(name, versions[name], arm, f"{arm}-{number}", "user"))
                calls += made
                said += _said(source, arm, made[0])
    calls += _leaning(running, versions["leaning"], source)
    now_ms = int(time.time() * 1000)
    lost = Exposure("smaller", versions["smaller"], "", "", "user")
    calls += [_call(source, lost, now_ms - number * HOUR_MS) for number in range(12)]
    # Some units are served by the other arm, too, as after a restart with another secret.
    crossed = [
        Exposure("briefer", versions["briefer"], "now", f"brief-{number}", "user") for number in range(9)
    ]
    calls += [_call(source, each, now_ms - place * 1000) for place, each in enumerate(crossed)]
    write_calls(running, calls, RecordSink(), ExperimentSink())
    for start in range(0, len(said), 1000):
        answer = running.api.post("/feedback/batch", json={"items": said[start : start + 1000]})
        assert answer.status_code == 202, answer.text


def _leaning(running: Running, version: str, source: random.Random) -> list[End]:
    """Move shares twice, and return the calls of the parts that are open."""

    async def move(connection: Connection) -> None:
        for epoch, (now, brief) in enumerate(MOVED[1:], 1):
            await connection.execute(
                "insert into experiment_epochs values (%s, %s, %s::jsonb, now() - make_interval(days => %s))",
                (version, epoch, msgspec.json.encode({"now": now, "brief": brief}).decode(), 9 - 3 * epoch),
            )

    in_database(running, move)
    calls: list[End] = []
    for epoch, shares in enumerate(MOVED):
        for number in range(UNITS_A_PART):
            (arm,) = source.choices(("now", "brief"), shares)
            exposure = Exposure("leaning", version, arm, f"part-{epoch}-{number}", "user", epoch)
            calls += _unit(source, exposure)
    return calls


def _unit(source: random.Random, exposure: Exposure) -> list[End]:
    age_ms = HOUR_MS + source.randrange(DAYS * 24 * HOUR_MS)
    if any((hours - 2) * HOUR_MS <= age_ms < hours * HOUR_MS for hours in COMPLETE_HOURS):
        age_ms += 3 * HOUR_MS
    began = int(time.time() * 1000) - age_ms
    return [_call(source, exposure, began + number * 1000) for number in range(source.randint(1, 3))]


def _call(source: random.Random, exposure: Exposure, started_ms: int) -> End:
    arm = exposure.arm
    served = Served("chat", LATENCY_MS.get(arm, 900), 0.08, 0.002 if arm == "small" else 0.003)
    return exposed_call(source, exposure, started_ms, served)


class Served(NamedTuple):
    """How calls of an arm end: how long they take, how many fail, and what they cost at most."""

    model: str
    latency_ms: int
    errors: float
    cost_usd: float


def exposed_call(source: random.Random, exposure: Exposure, started_ms: int, served: Served) -> End:
    """Return a call of a unit in an arm."""
    cost = f"{source.uniform(0.4, 1.0) * served.cost_usd:.6f}"
    return msgspec.structs.replace(
        make_end(id_at(started_ms, source)),
        started_ms=started_ms,
        duration_ms=int(served.latency_ms * source.lognormvariate(0, 0.3)),
        status=502 if source.random() < served.errors else 200,
        project="default",
        user=exposure.unit,
        model=served.model,
        usage=Usage(input=500, output=source.randint(60, 300)),
        cost_pico_usd=parse_usd(cost),
        exposures=(exposure,),
    )


def _said(source: random.Random, arm: str, first: End) -> list[dict[str, Any]]:
    at = datetime.fromtimestamp(first.started_ms / 1000 + 1800, UTC).isoformat()
    said: list[dict[str, Any]] = []
    if source.random() < SOLVED[arm]:
        said += [{"name": name, "value": True, "user": first.user, "at": at} for name in ("solved", "kept")]
    if source.random() < 0.4:
        said.append({"name": "csat", "value": source.randint(2, 5), "user": first.user, "at": at})
    return said
