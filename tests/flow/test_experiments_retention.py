"""Units of experiments go with their project's retention, once their decision is old enough; sums stay."""

from typing import Any

from tests.flow.control_app import TOML, make_key, put_in_force
from tests.flow.test_api_experiments import EXPERIMENT, World, metric, world

from headgate.experiments.retention import expire_units
from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows

DAYS = {"default": 30, "shop": 90}


async def expire(database: Database) -> dict[str, int]:
    """Do what tidying does, and return how many units are left of each project."""
    async with database.connection() as connection:
        await expire_units(connection, DAYS)
        found = await fetch_rows(
            connection, "select project, count(*)::int as units from experiment_units group by 1", {}
        )
    return {row["project"]: row["units"] for row in found}


async def aged(database: Database, days: int) -> None:
    """Make the decision and all units older."""
    async with database.transaction() as connection:
        await connection.execute("alter table experiment_decisions disable trigger all")
        for statement in (
            "update experiment_decisions set decided_at = decided_at - make_interval(days => %(days)s)",
            "update experiment_units set first_at = first_at - make_interval(days => %(days)s)",
            "update experiment_calls set at = at - make_interval(days => %(days)s)",
        ):
            await connection.execute(statement.encode(), {"days": days})
        await connection.execute("alter table experiment_decisions enable trigger all")


async def calls(connection: Connection) -> int:
    [row] = await fetch_rows(connection, "select count(*)::int as calls from experiment_calls", {})
    return int(row["calls"])


async def filled(made: World) -> None:
    await made.live(150, {"now": 0.5, "new": 0.6})
    await made.ship(*[made.exposed(f"x{n}", "now", project="shop") for n in range(3)])


async def test_what_runs_or_was_not_decided_keeps_its_units(database: Database) -> None:
    async with world(database) as made:
        await filled(made)
        await aged(database, 1000)
        assert await expire(database) == {"default": 300, "shop": 3}
        await put_in_force(database, TOML)
        assert await expire(database) == {"default": 300, "shop": 3}, "removed, but never decided"


async def test_units_go_once_the_decision_is_older_than_the_project_keeps(database: Database) -> None:
    async with world(database) as made:
        await filled(made)
        known = (await made.shown())["report"]
        sealed = (await made.api.post("/experiments/tiny/stop", {"arm": "new"}))["sealed"]
        await aged(database, 29)
        assert await expire(database) == {"default": 300, "shop": 3}
        await aged(database, 2)
        assert await expire(database) == {"shop": 3}
        async with database.connection() as connection:
            assert await calls(connection) == 3
        shown: Any = await made.shown()
        assert shown["decision"]["intact"]
        assert shown["decision"]["sealed"] == sealed
        report = shown["report"]
        assert (report["sentence"], report["metrics"]) == (known["sentence"], known["metrics"])
        assert report["notes"][0].startswith("units are gone by retention since ")
        assert [arm["units"] for arm in report["arms"]] == [153, 150]
        await aged(database, 60)
        assert await expire(database) == {}
        viewer = made.api.as_key((await make_key(database, "viewer", "shop"))[1])
        await made.shown()  # takes in the keys, too
        assert (await made.shown(viewer))["report"]["sentence"].startswith(
            "It was decided, and its units are gone"
        )


async def test_the_sealed_sums_are_those_that_the_report_was_made_of(database: Database) -> None:
    async with world(database) as made:
        await made.live(500, {"now": 0.5, "new": 0.6})
        sealed = (await made.api.post("/experiments/tiny/stop", {}))["sealed"]
        assert set(sealed["sums"]) == {"solved", "csat", "cost", "errors"}
        for name in ("solved", "csat"):
            (one,) = metric(sealed["report"], name)["comparisons"]
            factor = 100 if name == "solved" else 1
            means = {arm: each["moments"]["y"] * factor for arm, each in sealed["sums"][name].items()}
            assert abs(means["new"] - means["now"] - one["difference"]) < 1e-6 * factor


async def test_a_version_that_was_replaced_can_be_stopped_so_that_its_units_may_go(
    database: Database,
) -> None:
    async with world(database) as made:
        await made.live(5, {"now": 0.5, "new": 0.5})
        old = made.experiment.version
        salted = EXPERIMENT.replace('name = "tiny"', 'name = "tiny"\nsalt = "two"', 1)
        await put_in_force(database, TOML + salted)
        decided = await made.api.post("/experiments/tiny/stop", {"version": old, "reason": "replaced"})
        assert decided["sealed"]["version"] == old
        assert (await made.shown())["report"]["state"] == "running", "the other one"
        await aged(database, 31)
        assert await expire(database) == {}
