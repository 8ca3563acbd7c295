"""Calls without a known price: an arm is neither cheaper nor dearer by them, and no guardrail holds."""

from typing import Any

import pytest
from tests.contract.made_entries import make_attempt, now_ms
from tests.flow.test_api_experiments import BEGAN_MS, DAY_MS, World, metric, world

from headgate.store.database import Database

EXPERIMENT = """
[[experiments]]
name = "tiny"
alias = "assistant"
arms = [
    { name = "large", share = 1 },
    { name = "small", share = 1, targets = ["mock/tiny"] },
]

[[experiments.metrics]]
name = "cost"
measure = "cost"

[[experiments.metrics]]
name = "spend"
measure = "cost"
role = "guardrail"
margin = "20%"
"""

BY_CALL = """
[[experiments.metrics]]
name = "by call"
measure = "cost"
per = "calls"
role = "exploratory"
"""


def evenly(number: int, over_ms: int, *, of: int = 400) -> int:
    """When the unit of this number comes: in either arm at the same time, whatever time it is now; and one
    number far from the next."""
    return now_ms() - BEGAN_MS + number * 149 % of * over_ms // of


async def lived(made: World, *, priced: float, **changes: Any) -> None:
    """So many users, each with one call; of small's this share has a price."""
    for arm in ("large", "small"):
        ends = [
            made.exposed(
                f"{arm}-{n}",
                arm,
                started_ms=evenly(n, DAY_MS),
                **({"cost_pico_usd": None, **changes} if arm == "small" and n >= 400 * priced else {}),
            )
            for n in range(400)
        ]
        await made.ship(*ends)


async def test_costs_are_not_compared_where_calls_have_no_price(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made, priced=0.5, target="mock/tiny", attempts=())
        report = (await made.shown())["report"]
        for name in ("cost", "spend"):
            (one,) = metric(report, name)["comparisons"]
            assert (one["finding"], one["low"], one["high"], one["mean"]) == ("none", None, None, None)
            assert one["note"].startswith(
                "200 of 400 units of small (mock/tiny) and 0 of 400 units of large have calls without a known"
            )
            assert "[prices] in headgate.toml" in one["note"]
        assert report["sentence"].startswith("small is not known yet: 200 of 400 units of small (mock/tiny)")
        assert (await made.api.get("/experiments/tiny/looks"))["lines"] == []
        decision = await made.api.post("/experiments/tiny/stop", {})
        assert "200 of 400 units of small" in decision["sealed"]["report"]["sentence"]


async def test_where_all_have_a_price_costs_are_compared(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made, priced=1)
        report = (await made.shown())["report"]
        assert metric(report, "spend")["comparisons"][0]["finding"] == "holds"


async def test_a_call_that_died_with_its_gateway_leaves_costs_known(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made, priced=0.995, code="interrupted", status=503)
        report = (await made.shown())["report"]
        assert metric(report, "spend")["comparisons"][0]["finding"] == "holds"


async def test_the_target_of_the_attempt_that_has_no_price_is_named(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        attempts = (make_attempt(target="mock/first", cost_pico_usd=None), make_attempt(attempt=2))
        await lived(made, priced=0.99, target="mock/tiny", attempts=attempts)
        cost = metric((await made.shown())["report"], "cost")
        assert cost["notes"] == [
            "left out: 0 of 400 units of large and 4 of 400 units of small (mock/first) have calls without a "
            "known price"
        ]
        assert cost["comparisons"][0]["units"] == 796


async def test_as_many_without_a_price_in_both_arms_are_left_out_and_costs_are_compared(
    database: Database,
) -> None:
    """A tenth of either arm falls back to a target without a price, and nobody looks dearer or cheaper."""
    async with world(database, EXPERIMENT + BY_CALL) as made:
        ends = [
            made.exposed(
                f"{arm}-{n}",
                arm,
                started_ms=evenly(n, 5 * DAY_MS),
                cost_pico_usd=None if n % 10 == 0 else 2 * 10**9 + n * 10**6,
            )
            for arm in ("large", "small")
            for n in range(400)
        ]
        await made.ship(*ends)
        report = (await made.shown())["report"]
        for name in ("cost", "spend", "by call"):
            told = metric(report, name)
            (one,) = told["comparisons"]
            assert (one["units"], one["low"] is None) == (720, False), one
            assert one["mean"] == pytest.approx(one["baseline"]) == pytest.approx(0.0022, rel=1e-3)
            assert told["notes"][0].startswith("left out: 40 of 400 units of large")
        assert metric(report, "spend")["comparisons"][0]["finding"] == "holds"
        looks = await made.api.get("/experiments/tiny/looks")
        for line in looks["lines"]:
            (one,) = metric(report, line["metric"])["comparisons"]
            assert line["high"][-1] == pytest.approx(one["high"])


async def test_costs_come_back_with_the_price(database: Database) -> None:
    """The new target had no price in the first two days: who came then is left out of both arms."""
    async with world(database, EXPERIMENT + BY_CALL) as made:
        began = now_ms() - BEGAN_MS
        ends = [
            made.exposed(
                f"{arm}-{n}",
                arm,
                started_ms=began + n % 6 * DAY_MS,
                target="mock/tiny",
                attempts=(),
                cost_pico_usd=None if arm == "small" and n % 6 < 2 else 2 * 10**9 + n * 10**6,
            )
            for arm in ("large", "small")
            for n in range(600)
        ]
        await made.ship(*ends[:120], *ends[600:720])
        report = (await made.shown())["report"]
        assert metric(report, "cost")["comparisons"][0]["finding"] == "none", "too few are left"
        await made.ship(*ends[120:600], *ends[720:])
        report = (await made.shown())["report"]
        for name in ("cost", "spend", "by call"):
            told = metric(report, name)
            assert told["comparisons"][0]["units"] == 800
            assert "left out of all arms: units that came from " in told["notes"][1]
        assert metric(report, "spend")["comparisons"][0]["finding"] == "holds"
        looks = await made.api.get("/experiments/tiny/looks")
        for line in looks["lines"]:
            (one,) = metric(report, line["metric"])["comparisons"]
            assert line["high"][-1] == pytest.approx(one["high"])
