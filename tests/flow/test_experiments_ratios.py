"""What a solved case costs: costs of all units divided by what they said, by the delta method."""

from typing import Any

import numpy as np
import pytest
from tests.contract.made_entries import now_ms
from tests.flow.test_api_experiments import BEGAN_MS, World, at, metric, world

from headgate.core.call import Usage
from headgate.core.entries import End
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
        lines = {line["metric"]: line for line in looks["lines"]}
        assert set(lines) == {"solved-cost", "cost"}
        assert lines["solved-cost"]["high"][-1] == pytest.approx(one["high"]), "the last look is the report"
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


ANY = (
    EXPERIMENT[: EXPERIMENT.index("[[experiments.metrics]]")]
    + """
metrics = [
    { name = "tokens-call", measure = "tokens", per = "calls" },
    { name = "cost-token", measure = "cost", per = "tokens", role = "exploratory" },
    { name = "errors-session", measure = "errors", per = "sessions", role = "exploratory" },
    { name = "praise-session", feedback = "praise", kind = "amount", per = "sessions", role = "exploratory" },
    { name = "praise-by", role = "exploratory", feedback = "praise", kind = "amount", per = "complaint" },
    { name = "errors", measure = "errors", role = "exploratory" },
]
"""
)


async def test_any_sum_of_a_unit_is_divided_by_any_other(database: Database) -> None:
    """Each against the same ratio of values, and the last look against the report."""
    async with world(database, ANY) as made:
        known: dict[str, dict[str, list[float]]] = {}
        ends: list[End] = []
        said: list[dict[str, Any]] = []
        for arm in ("now", "new"):
            of_arm = known.setdefault(arm, {name: [] for name in ("calls", "sessions", "tokens", "cost")})
            of_arm |= {name: [] for name in ("errors", "praise", "complaint")}
            for number in range(150):
                calls, sessions = made.random.randrange(1, 5), made.random.randrange(1, 3)
                sums = dict.fromkeys(of_arm, 0.0) | {"calls": calls, "sessions": min(calls, sessions)}
                unit = f"{arm}-{number}"
                for call in range(calls):
                    cost, tokens = made.random.randrange(USD, 3 * USD), made.random.randrange(50, 200)
                    failed = made.random.random() < 0.3
                    end = made.exposed(
                        unit,
                        arm,
                        cost_pico_usd=cost,
                        status=502 if failed else 200,
                        usage=Usage(input=tokens),
                        session=f"{unit}-{call % sessions}",
                        started_ms=now_ms() - BEGAN_MS + call,
                    )
                    ends.append(end)
                    sums["cost"] += cost / USD
                    sums["tokens"] += tokens
                    sums["errors"] += failed
                praise, complaint = made.random.randrange(5), made.random.randrange(1, 4)
                sums |= {"praise": praise, "complaint": complaint}
                for name, value in (("praise", praise), ("complaint", complaint)):
                    said.append({"name": name, "value": value, "user": unit, "at": at(ends[-1], 1)})
                for name, value in sums.items():
                    of_arm[name].append(value)
        await made.ship(*ends)
        await made.say(said)
        report = (await made.shown())["report"]
        looks = {line["metric"]: line for line in (await made.api.get("/experiments/tiny/looks"))["lines"]}
        for name, (above, below) in {
            "tokens-call": ("tokens", "calls"),
            "cost-token": ("cost", "tokens"),
            "errors-session": ("errors", "sessions"),
            "praise-session": ("praise", "sessions"),
            "praise-by": ("praise", "complaint"),
            "errors": ("errors", "calls"),
        }.items():
            found = metric(report, name)
            (one,) = found["comparisons"]
            new, now = [(known[arm][above], known[arm][below]) for arm in ("new", "now")]
            expected = ratio_difference(new, now)
            by = 100 if found["scale"] == "points" else 1
            assert one["difference"] == pytest.approx(by * expected.estimate), name
            assert looks[name]["difference"][-1] == pytest.approx(one["difference"]), name
            assert looks[name]["low"][-1] == pytest.approx(one["low"]), name
        told = [metric(report, name)["scale"] for name in ("tokens-call", "cost-token", "errors-session")]
        assert told == ["tokens", "USD", ""]
