"""What comes twice, too early, from a clock that errs, or to one arm alone: said plainly, or counted once."""

from typing import Any

import pytest
from tests.contract.made_entries import now_ms
from tests.flow.test_api_experiments import DAY_MS, EXPERIMENT, World, at, metric, world

from headgate.store.database import Database


def only(report: Any, name: str) -> Any:
    (one,) = metric(report, name)["comparisons"]
    return one


async def reported(made: World) -> Any:
    return (await made.shown())["report"]


SEVERAL = EXPERIMENT.replace(
    'name = "csat"\nrole = "exploratory"',
    'name = "csat"\nrole = "exploratory"\n\n'
    '[[experiments.metrics]]\nname = "answered"\nfeedback = "csat"\nkind = "event"\nrole = "exploratory"',
)


async def test_one_name_of_feedback_makes_several_metrics(database: Database) -> None:
    async with world(database, SEVERAL) as made:
        await made.live(300, {"now": 0.5, "new": 0.5})
        await made.say([{"name": "csat", "value": "fine", "user": "now-1"}])
        report = await reported(made)
        answers = metric(report, "csat")["answered"]
        mean, event = only(report, "csat"), only(report, "answered")
        assert 2 < mean["baseline"] < 4
        assert event["baseline"] == pytest.approx(100 * answers["now"]), "in points, of all units"
        for name in ("csat", "answered"):
            assert "1 texts named csat don't count; say a number, yes or no" in metric(report, name)["notes"]
        lines = {each["metric"]: each for each in (await made.api.get("/experiments/tiny/looks"))["lines"]}
        assert lines["answered"]["difference"][-1] == pytest.approx(event["difference"])
        sealed = (await made.api.post("/experiments/tiny/stop", {}))["sealed"]
        assert {"feedback csat", "feedback answered"} <= set(sealed["data"])


async def test_feedback_that_is_sent_twice_counts_once(database: Database) -> None:
    async with world(database) as made:
        await made.live(150, {"now": 0.5, "new": 0.5})
        end = made.exposed("twice", "now")
        await made.ship(end)
        before = await reported(made)
        one = {"name": "solved", "value": True, "user": "twice", "at": at(end, 1)}
        said = [{"id": f"t{n}", **one} for n in (1, 2)]
        await made.say([*said, *said])
        once = await reported(made)
        await made.say(said)
        assert only(await reported(made), "solved") == only(once, "solved")
        units = 151
        gained = only(once, "solved")["baseline"] - only(before, "solved")["baseline"]
        assert abs(gained - 100 / units) < 1e-9, "an event is an event, however often it is told"


async def test_exposures_of_a_clock_that_is_ahead_are_said_and_do_not_count_yet(database: Database) -> None:
    async with world(database) as made:
        await made.live(150, {"now": 0.5, "new": 0.5})
        known = only(await reported(made), "solved")
        ahead = now_ms() + 400 * DAY_MS
        await made.ship(*[made.exposed(f"f{n}", "new", started_ms=ahead) for n in range(20)])
        report = await reported(made)
        assert only(report, "solved") == known
        assert [arm["complete"] for arm in report["arms"]] == [150, 150]
        assert any("dated after now" in note for note in report["notes"])


async def test_a_unit_that_was_in_two_arms_counts_for_its_first(database: Database) -> None:
    async with world(database) as made:
        await made.live(150, {"now": 0.5, "new": 0.5})
        began = now_ms() - 19 * DAY_MS
        await made.ship(made.exposed("both", "new", started_ms=began + 1000))
        await made.ship(made.exposed("both", "now", started_ms=began))
        report = await reported(made)
        assert [(arm["units"], arm["crossed"]) for arm in report["arms"]] == [(151, 1), (150, 0)]
        assert any("1 calls were served by another arm" in note for note in report["notes"])


async def test_where_one_arm_alone_has_units_nothing_is_concluded(database: Database) -> None:
    async with world(database) as made:
        await made.ship(*[made.exposed(f"u{n}", "now") for n in range(5)])
        report = await reported(made)
        assert {one["finding"] for each in report["metrics"] for one in each["comparisons"]} == {"none"}
        assert "new: no units with a value yet" in only(report, "solved")["note"]
        await made.live(400, {"now": 0.5})
        report = await reported(made)
        assert report["sentence"].startswith(
            "The arms don't have the shares that were meant (405 in now, 0 in new"
        )
