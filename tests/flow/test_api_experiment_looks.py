"""How an experiment's intervals close in over time: what reports would have said, as they say it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.flow.test_api_experiments import World, metric, world

from headgate.experiments.looks import LOOKS_MAX
from headgate.experiments.reading import defined
from headgate.experiments.reporting import report
from headgate.store.database import Database

BEFORE = (datetime.now(UTC) - timedelta(days=21)).isoformat()
"""Before anybody's first call."""


async def looked(made: World, **query: Any) -> Any:
    return await made.api.get("/experiments/tiny/looks", **query)


def line_of(found: Any, name: str) -> Any:
    (line,) = [each for each in found["lines"] if each["metric"] == name]
    return line


async def test_each_look_is_what_the_report_of_its_moment_says(database: Database) -> None:
    async with world(database) as made:
        await made.live(400, {"now": 0.5, "new": 0.62})
        await made.say(
            [{"name": "csat", "value": 3, "user": f"new-{n}", "at": BEFORE} for n in range(0, 400, 3)]
        )
        found = await looked(made)
        assert len(found["at"]) == LOOKS_MAX
        assert found["arms"][0]["complete"] == sorted(found["arms"][0]["complete"])
        assert found["arms"][0]["complete"][-1] == 400
        shown = (await made.shown())["report"]
        for name in ("solved", "csat", "cost", "errors"):
            (one,) = metric(shown, name)["comparisons"]
            line = line_of(found, name)
            assert line["finding"][-1] == one["finding"], (name, one, line)
            for part in ("difference", "low", "high"):
                assert line[part][-1] == (one[part] if one[part] is None else pytest.approx(one[part]))
        async with database.connection() as connection:
            (known,) = await defined(connection, "tiny")
            for place in (4, 17, 40):
                then = datetime.fromisoformat(found["at"][place])
                made_then = await report(connection, known, "running", now=then, project_ids=None)
                for each in made_then.metrics:
                    line = line_of(found, each.name)
                    (one,) = each.comparisons
                    assert line["finding"][place] == one.finding
                    assert line["low"][place] == (None if one.low is None else pytest.approx(one.low))
                    assert line["high"][place] == (None if one.high is None else pytest.approx(one.high))
        widths = [
            high - low
            for low, high in zip(
                line_of(found, "solved")["low"], line_of(found, "solved")["high"], strict=True
            )
            if low is not None
        ]
        assert len(widths) > LOOKS_MAX / 3
        assert widths[0] > 1.5 * widths[-1], "it closes in"


async def test_what_an_interval_has_to_be_clear_of_is_said(database: Database) -> None:
    async with world(database) as made:
        await made.live(300, {"now": 0.5, "new": 0.5})
        found = await looked(made)
        shown = (await made.shown())["report"]
        solved = line_of(found, "solved")
        assert (solved["bound"][-1], solved["least"], solved["scale"]) == (0, pytest.approx(2), "points")
        cost = line_of(found, "cost")
        (one,) = metric(shown, "cost")["comparisons"]
        assert cost["bound"][-1] == pytest.approx(0.2 * one["baseline"])
        assert line_of(found, "errors")["bound"][-1] == pytest.approx(5)


async def test_before_a_unit_is_complete_there_is_nothing_to_look_at(database: Database) -> None:
    async with world(database) as made:
        assert (await looked(made))["at"] == []
        await made.live(3, {"now": 0.5, "new": 0.5})
        async with database.connection() as connection:
            await connection.execute("update experiment_units set first_at = now()")
        found = await looked(made)
        assert (found["at"], found["lines"][0]["low"]) == ([], [])


async def test_where_the_shares_are_not_what_was_meant_looks_have_no_numbers(database: Database) -> None:
    async with world(database) as made:
        await made.ship(*[made.exposed(f"a{n}", "now") for n in range(500)])
        await made.ship(*[made.exposed(f"b{n}", "new") for n in range(200)])
        found = await looked(made)
        assert found["ratio_evidence"][-1] > 1000
        assert {line["low"][-1] for line in found["lines"]} == {None}
        assert {line["finding"][-1] for line in found["lines"]} == {"none"}


async def test_looks_end_with_the_decision(database: Database) -> None:
    async with world(database) as made:
        await made.live(150, {"now": 0.5, "new": 0.5})
        decision = await made.api.post("/experiments/tiny/stop", {"reason": "enough"})
        found = await looked(made)
        assert found["at"][-1] == decision["sealed"]["decided_at"]
        (one,) = metric(decision["sealed"]["report"], "solved")["comparisons"]
        assert line_of(found, "solved")["low"][-1] == pytest.approx(one["low"])
        status, _ = await made.api.ask("GET", "/api/v1/experiments/nothing/looks")
        assert status == 404
