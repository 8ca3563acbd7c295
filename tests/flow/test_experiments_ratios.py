"""What a solved case costs: costs of all units divided by what they said, by the delta method."""

from typing import Any

import numpy as np
import pytest
from tests.contract.made_entries import now_ms
from tests.flow.test_api_experiments import BEGAN_MS, World, at, metric, world

from headgate.statistics.effects import ratio_difference
from headgate.store.database import Database

EXPERIMENT = """
[[experiments]]
name = "tiny"
alias = "assistant"
arms = [{ name = "now", share = 1 }, { name = "new", share = 1, targets = ["mock/tiny"] }]

[[experiments.metrics]]
name = "solved-cost"
measure = "cost"
per = "solved"
kind = "event"

[[experiments.metrics]]
name = "cost"
measure = "cost"
role = "exploratory"
"""
USD = 10**12


async def lived(made: World, units: int, solved: dict[str, float]) -> dict[str, tuple[Any, Any]]:
    """Users who cost something and are solved or not; what each arm's come to."""
    known: dict[str, tuple[Any, Any]] = {}
    for arm, share in solved.items():
        costs = [made.random.randrange(USD, 3 * USD) for _ in range(units)]
        events = [made.random.random() < share for _ in range(units)]
        ends = [
            made.exposed(f"{arm}-{n}", arm, cost_pico_usd=cost, started_ms=now_ms() - BEGAN_MS)
            for n, cost in enumerate(costs)
        ]
        await made.ship(*ends)
        said = [
            {"name": "solved", "value": True, "user": f"{arm}-{n}", "at": at(ends[n], 1)}
            for n, event in enumerate(events)
            if event
        ]
        if said:
            await made.say(said)
        known[arm] = (np.array(costs) / USD, np.array(events, dtype=np.float64))
    return known


async def test_costs_are_divided_by_what_units_said(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        known = await lived(made, 600, {"now": 0.4, "new": 0.7})
        report = (await made.shown())["report"]
        found = metric(report, "solved-cost")
        (one,) = found["comparisons"]
        expected = ratio_difference(known["new"], known["now"])
        assert (found["per"], found["scale"], one["finding"]) == ("solved", "USD", "better")
        assert one["difference"] == pytest.approx(expected.estimate)
        assert one["baseline"] == pytest.approx(known["now"][0].sum() / known["now"][1].sum())
        assert (one["high"] - one["low"]) / 2 == pytest.approx(expected.interval().high - expected.estimate)
        assert report["sentence"].startswith("new is better on solved-cost by ")
        looks = await made.api.get("/experiments/tiny/looks")
        assert [line["metric"] for line in looks["lines"]] == ["cost"]
        sealed = (await made.api.post("/experiments/tiny/stop", {"arm": "new"}))["sealed"]
        assert set(sealed["data"]) == {"units", "feedback solved"}


async def test_without_any_feedback_there_is_no_ratio(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made, 200, {"now": 0.0, "new": 0.0})
        (one,) = metric((await made.shown())["report"], "solved-cost")["comparisons"]
        assert (one["finding"], one["difference"]) == ("none", None)
        assert "no units with a value yet" in one["note"]
        late = at(made.exposed("x", "now", started_ms=now_ms() - BEGAN_MS), 1)
        await made.say([{"name": "solved", "value": True, "user": "now-1", "at": late}])
        (one,) = metric((await made.shown())["report"], "solved-cost")["comparisons"]
        assert (one["finding"], one["difference"]) == ("none", None)
        assert "too near 0 for a ratio" in one["note"]
