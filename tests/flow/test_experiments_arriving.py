"""Feedback that is imported late: units are complete once it can be here, and no sooner."""

from tests.contract.made_entries import now_ms
from tests.flow.test_api_experiments import DAY_MS, EXPERIMENT, at, metric, world

from headgate.store.database import Database

ARRIVES = EXPERIMENT.replace('kind = "event"', 'kind = "event"\narrives = "1d"')
HOUR_MS = DAY_MS // 24


async def test_a_unit_is_complete_once_late_feedback_can_be_here(database: Database) -> None:
    """Windows were over half a day ago, and the day's import of what was solved is still to come."""
    async with world(database, ARRIVES) as made:
        began = now_ms() - 7 * DAY_MS - 12 * HOUR_MS
        ends = [
            made.exposed(f"{arm}-{n}", arm, started_ms=began + made.random.randrange(HOUR_MS))
            for arm in ("now", "new")
            for n in range(200)
        ]
        await made.ship(*ends)
        report = (await made.shown())["report"]
        assert [arm["complete"] for arm in report["arms"]] == [0, 0]
        assert (report["window_days"], report["arrives_days"]) == (7, 1)
        assert "whole window, and what comes late is here, on" in report["sentence"]
        assert (await made.api.get("/experiments/tiny/looks"))["at"] == []
        # The import, and a day later.
        await made.say(
            [
                {"name": "solved", "value": True, "user": end.user, "at": at(end, 1)}
                for end in ends
                if made.random.random() < 0.5
            ]
        )
        async with database.connection() as connection:
            moved = "{} = {} - interval '1 day'"
            await connection.execute(
                f"update experiment_units set {moved.format('first_at', 'first_at')}".encode()
            )
            await connection.execute(f"update scores set {moved.format('at', 'at')}".encode())
        report = (await made.shown())["report"]
        assert [arm["complete"] for arm in report["arms"]] == [200, 200]
        (one,) = metric(report, "solved")["comparisons"]
        assert 35 < one["baseline"] < 65
        looks = await made.api.get("/experiments/tiny/looks")
        assert looks["arms"][0]["complete"][-1] == 200
