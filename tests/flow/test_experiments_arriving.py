"""Feedback that is imported late: its metric alone waits for it, and what is known of calls does not."""

from typing import Any

import pytest
from tests.contract.made_entries import now_ms
from tests.flow.test_api_experiments import DAY_MS, EXPERIMENT, World, at, metric, world

from headgate.core.entries import End
from headgate.store.database import Database

ARRIVES = EXPERIMENT.replace('kind = "event"', 'kind = "event"\narrives = "1d"')
HOUR_MS = DAY_MS // 24


async def lived(made: World, units: int = 200, **changes: Any) -> list[End]:
    """Users whose windows were over half a day ago, when the day's import is still to come."""
    began = now_ms() - 7 * DAY_MS - 12 * HOUR_MS
    ends = [
        made.exposed(
            f"{arm}-{n}",
            arm,
            started_ms=began + made.random.randrange(HOUR_MS),
            **(changes if arm == "new" and n % 4 == 0 else {}),
        )
        for arm in ("now", "new")
        for n in range(units)
    ]
    await made.ship(*ends)
    return ends


async def a_day_passes(database: Database) -> None:
    async with database.connection() as connection:
        moved = "{} = {} - interval '1 day'"
        await connection.execute(
            f"update experiment_units set {moved.format('first_at', 'first_at')}".encode()
        )
        await connection.execute(f"update scores set {moved.format('at', 'at')}".encode())


def complete(report: Any, name: str) -> list[int]:
    return list(metric(report, name)["complete"].values())


async def test_a_unit_is_complete_once_late_feedback_can_be_here(database: Database) -> None:
    async with world(database, ARRIVES) as made:
        ends = await lived(made)
        report = (await made.shown())["report"]
        assert [arm["complete"] for arm in report["arms"]] == [200, 200]
        assert (report["window_days"], report["arrives_days"]) == (7, 1)
        assert [(complete(report, each["name"]), each["arrives_days"]) for each in report["metrics"]] == [
            ([0, 0], 1),
            ([200, 200], 0),
            ([200, 200], 0),
            ([200, 200], 0),
        ]
        (one,) = metric(report, "solved")["comparisons"]
        assert (one["finding"], one["mean"]) == ("none", None)
        assert report["sentence"].startswith(
            "new is not known yet: solved waits for what comes late, and has its first units on "
        )
        looks = await made.api.get("/experiments/tiny/looks")
        assert looks["arms"][0]["complete"][-1] == 200
        ends_of = {line["metric"]: line["high"][-1] for line in looks["lines"]}
        assert ends_of["solved"] is None
        assert ends_of["cost"] is not None
        # The import, and a day later.
        await made.say(
            [
                {"name": "solved", "value": True, "user": end.user, "at": at(end, 1)}
                for end in ends
                if made.random.random() < 0.5
            ]
        )
        await a_day_passes(database)
        report = (await made.shown())["report"]
        assert complete(report, "solved") == complete(report, "cost") == [200, 200]
        (one,) = metric(report, "solved")["comparisons"]
        assert 35 < one["baseline"] < 65
        looks = await made.api.get("/experiments/tiny/looks")
        (line,) = [each for each in looks["lines"] if each["metric"] == "solved"]
        assert line["high"][-1] == pytest.approx(one["high"])


async def test_a_guardrail_on_errors_breaks_while_what_comes_late_is_awaited(database: Database) -> None:
    """Every fourth user of the new arm gets nothing but an error; nobody knows yet who was solved."""
    async with world(database, ARRIVES) as made:
        await lived(made, 400, status=503)
        shown = await made.shown()
        report = shown["report"]
        assert complete(report, "solved") == [0, 0]
        assert metric(report, "errors")["comparisons"][0]["finding"] == "broken"
        assert report["sentence"].startswith("new breaks the guardrail errors: at least ")
        decision = await made.api.post("/experiments/tiny/stop", {})
        sealed = decision["sealed"]["report"]
        assert complete(sealed, "solved") == [0, 0]
        assert complete(sealed, "errors") == [400, 400]
        looks = await made.api.get("/experiments/tiny/looks")
        assert [each["finding"][-1] for each in looks["lines"] if each["metric"] == "errors"] == ["broken"]


async def test_each_metric_counts_the_units_that_are_complete_for_it(database: Database) -> None:
    """Half of the users came two days earlier: what comes late is here of those, and of those alone."""
    async with world(database, ARRIVES) as made:
        ends = [
            made.exposed(f"{arm}-{n}", arm, started_ms=now_ms() - (7 * 24 + 12 + 48 * (n % 2)) * HOUR_MS)
            for arm in ("now", "new")
            for n in range(400)
        ]
        await made.ship(*ends)
        await made.say(
            [
                {"name": "solved", "value": True, "user": end.user, "at": at(end, 1)}
                for end in ends
                if made.random.random() < 0.5
            ]
        )
        async with database.connection() as connection:
            await connection.execute(
                "update experiment_units set past_calls = 2, past_cost_usd = 1.1 * cost_usd_float, "
                "past_call_ms = duration_ms, past_error_rate = errors where unit not like '%7'"
            )
        report = (await made.shown())["report"]
        assert (complete(report, "solved"), complete(report, "errors")) == ([200, 200], [400, 400])
        assert metric(report, "cost")["adjusted"]
        (solved,) = metric(report, "solved")["comparisons"]
        assert solved["units"] == 400
        assert metric(report, "cost")["comparisons"][0]["units"] == 800
        looks = await made.api.get("/experiments/tiny/looks")
        for line in looks["lines"]:
            (one,) = metric(report, line["metric"])["comparisons"]
            assert line["high"][-1] == pytest.approx(one["high"])
