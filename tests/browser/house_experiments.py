"""Experiments to look at: one whose answer is known, one that is open, one whose split is broken.

Units and calls are written as the shipper writes them, feedback as the API takes it. Read next:
`console_house`.
"""

import asyncio
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
from tests.browser.console_house import House, id_at
from tests.contract.made_entries import make_end

from headgate.core.call import Usage
from headgate.core.entries import END, End, Exposure
from headgate.core.money import parse_usd
from headgate.core.ports import Envelope
from headgate.experiments.sink import ExperimentSink
from headgate.records.sink import RecordSink
from headgate.store.database import Database

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

[[experiments]]
name = "split"
alias = "uneven"
window = "24h"
arms = [{ name = "now", share = 1 }, { name = "new", share = 1, targets = ["mock/tiny"] }]

[[experiments.metrics]]
name = "kept"
kind = "event"
"""
HOUR_MS = 3_600_000
DAYS = 10
UNITS = {
    "smaller": {"large": 700, "small": 690},
    "briefer": {"now": 160, "brief": 171},
    "split": {"now": 300, "new": 120},
}
SOLVED = {"large": 0.55, "small": 0.68, "now": 0.5, "brief": 0.52, "new": 0.5}
LATENCY_MS = {"large": 1400, "small": 800}


def experiment(house: House) -> None:
    """Put the experiments in force, and let them run for ten days."""
    running = house.running
    text = running.config_path.read_text(encoding="utf-8") + TOML
    base = running.get("/status")["snapshot"]
    answer = running.api.post("/config/apply", json={"toml": text, "base": base})
    assert answer.status_code == 200, answer.text
    versions = {each["name"]: each["version"] for each in running.get("/experiments")["items"]}
    assert set(versions) == set(UNITS)
    source = random.Random(5)
    calls: list[End] = []
    said: list[dict[str, Any]] = []
    for name, arms in UNITS.items():
        for arm, units in arms.items():
            for number in range(units):
                made = _unit(source, Exposure(name, versions[name], arm, f"{arm}-{number}", "user"))
                calls += made
                said += _said(source, arm, made[0])
    now_ms = int(time.time() * 1000)
    lost = Exposure("smaller", versions["smaller"], "", "", "user")
    calls += [_call(source, lost, now_ms - number * HOUR_MS) for number in range(12)]
    # Some units are served by the other arm, too, as after a restart with another secret.
    crossed = [
        Exposure("briefer", versions["briefer"], "now", f"brief-{number}", "user") for number in range(9)
    ]
    calls += [_call(source, each, now_ms - place * 1000) for place, each in enumerate(crossed)]
    # In a thread of its own: the browser's driver may have a loop that runs in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(write_exposed(running.database_url(), calls))).result()
    for start in range(0, len(said), 1000):
        answer = running.api.post("/feedback/batch", json={"items": said[start : start + 1000]})
        assert answer.status_code == 202, answer.text


def _unit(source: random.Random, exposure: Exposure) -> list[End]:
    began = int(time.time() * 1000) - HOUR_MS - source.randrange(DAYS * 24 * HOUR_MS)
    return [_call(source, exposure, began + number * 1000) for number in range(source.randint(1, 3))]


def _call(source: random.Random, exposure: Exposure, started_ms: int) -> End:
    arm = exposure.arm
    cost = f"{source.uniform(0.4, 1.0) * (0.002 if arm == 'small' else 0.003):.6f}"
    return msgspec.structs.replace(
        make_end(id_at(started_ms, source)),
        started_ms=started_ms,
        duration_ms=int(LATENCY_MS.get(arm, 900) * source.lognormvariate(0, 0.3)),
        status=502 if source.random() < 0.08 else 200,
        project="default",
        user=exposure.unit,
        model="chat",
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


async def write_exposed(url: str, calls: list[End]) -> None:
    """Write calls that are in arms, as the shipper writes them."""
    async with Database(url, connections_max=1, name="tests") as database:
        for start in range(0, len(calls), 500):
            batch = [
                Envelope(uuid.uuid4().bytes, END, msgspec.msgpack.encode(call))
                for call in calls[start : start + 500]
            ]
            async with database.transaction() as connection:
                for sink in (RecordSink(), ExperimentSink()):
                    await sink.apply(connection, batch)
