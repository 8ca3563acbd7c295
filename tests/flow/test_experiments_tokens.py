"""Tokens are compared as costs are; where answers say none, there is no number."""

from typing import Any

from tests.flow.test_api_experiments import World, metric, world

from headgate.core.call import Usage
from headgate.store.database import Database

EXPERIMENT = """
[[experiments]]
name = "tiny"
alias = "assistant"
arms = [{ name = "now", share = 1 }, { name = "new", share = 1, targets = ["mock/tiny"] }]

[[experiments.metrics]]
name = "tokens"
measure = "tokens"

[[experiments.metrics]]
name = "written"
measure = "output_tokens"
role = "guardrail"
margin = "20%"
"""


def told(made: World, part: float) -> dict[str, Any]:
    return {"usage": Usage(input=10, output=int(made.random.randrange(80, 120) * part))}


async def lived(made: World, changed: int = 10, **changes: Any) -> None:
    """So many users of two calls each; new writes half as much."""
    for arm, part in (("now", 1.0), ("new", 0.5)):
        for _ in range(2):
            ends = [
                made.exposed(
                    f"{arm}-{n}",
                    arm,
                    **(told(made, part) | (changes if arm == "new" and n < changed else {})),
                )
                for n in range(200)
            ]
            await made.ship(*ends)


async def test_tokens_of_a_unit_are_compared(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made)
        report = (await made.shown())["report"]
        (tokens,) = metric(report, "tokens")["comparisons"]
        (written,) = metric(report, "written")["comparisons"]
        assert (metric(report, "tokens")["scale"], tokens["finding"]) == ("tokens", "better")
        assert 215 < tokens["baseline"] < 225
        assert -105 < tokens["low"] < tokens["difference"] < tokens["high"] < -95
        assert (written["finding"], round(written["baseline"] - tokens["baseline"])) == ("holds", -20)
        assert report["sentence"].startswith("new is better on tokens by ")
        lines = (await made.api.get("/experiments/tiny/looks"))["lines"]
        assert [round(line["difference"][-1]) for line in lines] == [
            round(tokens["difference"]),
            round(written["difference"]),
        ]


async def test_units_whose_answers_say_no_tokens_are_left_out(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made, 10, usage=Usage())
        report = (await made.shown())["report"]
        (tokens,) = metric(report, "tokens")["comparisons"]
        assert (tokens["finding"], tokens["units"]) == ("better", 390)
        assert 115 < tokens["mean"] < 125
        (note,) = metric(report, "tokens")["notes"]
        assert note.startswith("left out: 0 of 200 units of now and 10 of 200 units of new have calls whose")


async def test_answers_that_say_no_tokens_are_not_taken_for_short_ones(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made, 60, usage=Usage())
        report = (await made.shown())["report"]
        for name in ("tokens", "written"):
            (one,) = metric(report, name)["comparisons"]
            assert (one["finding"], one["low"]) == ("none", None)
            assert one["note"].startswith("60 of 200 units of new and 0 of 200 units of now have calls whose")
        assert (await made.api.get("/experiments/tiny/looks"))["lines"] == []


async def test_failures_take_no_tokens(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made, usage=Usage(), status=502, code="upstream_error")
        (one,) = metric((await made.shown())["report"], "written")["comparisons"]
        assert one["finding"] == "holds"


async def test_units_from_before_tokens_were_kept_are_left_out(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        await lived(made)
        async with database.connection() as connection:
            before = "update experiment_units set tokens = null, output_tokens = null where unit like '%0'"
            await connection.execute(before)
        report = (await made.shown())["report"]
        (one,) = metric(report, "tokens")["comparisons"]
        assert (one["units"], one["finding"]) == (360, "better")
        assert 215 < one["baseline"] < 225
