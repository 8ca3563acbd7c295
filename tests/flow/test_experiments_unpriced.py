"""Calls without a known price: an arm is neither cheaper nor dearer by them, and no guardrail holds."""

from typing import Any

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


async def lived(made: World, *, priced: float, **changes: Any) -> None:
    """So many users, each with one call; of small's this share has a price."""
    for arm in ("large", "small"):
        ends = [
            made.exposed(
                f"{arm}-{n}",
                arm,
                started_ms=now_ms() - BEGAN_MS + made.random.randrange(DAY_MS),
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
            assert one["note"].startswith("200 of 400 calls of small (mock/tiny) have no known price")
            assert "[prices] in headgate.toml" in one["note"]
        assert report["sentence"].startswith("small is not known yet: 200 of 400 calls of small (mock/tiny)")
        assert (await made.api.get("/experiments/tiny/looks"))["lines"] == []
        decision = await made.api.post("/experiments/tiny/stop", {})
        assert "200 of 400 calls of small" in decision["sealed"]["report"]["sentence"]


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
        (one,) = metric((await made.shown())["report"], "cost")["comparisons"]
        assert "4 of 400 calls of small (mock/first) have" in one["note"]
