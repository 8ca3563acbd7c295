"""Feedback that joins no unit is counted, with the reason; where none of it does, there is no number."""

from typing import Any

import pytest
from tests.flow.test_api_experiments import EXPERIMENT, World, at, metric, world

from headgate.core.entries import End
from headgate.store.database import Database


async def exposed(made: World, units: int) -> list[End]:
    ends = [
        made.exposed(f"{arm}-{n}", arm, trace_id=f"{n // 2 + 1:032x}")
        for arm in ("now", "new")
        for n in range(units)
    ]
    await made.ship(*ends)
    return ends


async def report_of(made: World) -> Any:
    return (await made.shown())["report"]


async def test_values_that_join_no_unit_are_counted_by_reason(database: Database) -> None:
    async with world(database) as made:
        ends = await exposed(made, 150)
        late = [{"user": end.user, "at": at(end, 8)} for end in ends[:40]]
        early = [{"user": end.user, "at": at(end, -0.0001)} for end in ends[40:45]]
        strangers = [{"user": f"no-{n}", "at": at(ends[n], 1)} for n in range(30)]
        shared = [{"trace_id": ends[n].trace_id, "at": at(ends[n], 1)} for n in range(20)]
        await made.say([{"name": "solved", "value": True, **one} for one in [*late, *strangers, *shared]])
        report = await report_of(made)
        (one,) = metric(report, "solved")["comparisons"]
        assert (one["finding"], one["difference"]) == ("none", None)
        words = (
            "90 of the 90 values of solved since the start joined no unit: 40 came after "
            "their unit's window, 30 name nobody who is in it, 20 are of a trace or session that units share"
        )
        assert one["note"] == words
        assert report["sentence"] == f"new is not known yet: {words}."
        in_time = [{"user": end.user, "at": at(end, 1)} for end in ends if made.random.random() < 0.5]
        await made.say([{"name": "solved", "value": True, **one} for one in [*in_time, *early]])
        report = await report_of(made)
        found = metric(report, "solved")
        came = found["received"]
        assert (came["joined"], came["late"], came["unknown"], came["shared"]) == (len(in_time), 40, 30, 20)
        assert came["early"] <= 5, "the first of all may be of before the start"
        assert found["comparisons"][0]["finding"] == "open"
        assert any("joined no unit: 40 came after" in note for note in found["notes"])


async def test_where_every_value_joins_nothing_is_said(database: Database) -> None:
    async with world(database) as made:
        ends = await exposed(made, 150)
        await made.say(
            [
                {"name": "solved", "value": n % 3 == 0, "user": end.user, "at": at(end, 1)}
                for n, end in enumerate(ends)
            ]
        )
        found = metric(await report_of(made), "solved")
        assert found["notes"] == []
        assert (found["received"]["values"], found["received"]["joined"]) == (300, 300)


LIMITED = EXPERIMENT.replace('alias = "assistant"', 'alias = "assistant"\nprojects = ["default"]')


@pytest.mark.parametrize(("toml", "came"), [(EXPERIMENT, 25), (LIMITED, 0)])
async def test_values_of_another_project_join_no_unit(database: Database, toml: str, came: int) -> None:
    async with world(database, toml) as made:
        ends = await exposed(made, 120)
        async with database.connection() as connection:
            for n, end in enumerate(ends[:25]):
                await connection.execute(
                    "insert into scores (project, id, key, name, kind, value, text, comment, source, "
                    'said_by, at, subject, session, "user", business_id) '
                    "values ('shop', %s, 'k', 'solved', 'number', 1, '', '', 'person', '', "
                    "%s::timestamptz + interval '6 days', 'user', '', %s, '')",
                    (str(n), at(end, 0), end.user),
                )
        received = metric(await report_of(made), "solved")["received"] or {"unknown": 0}
        assert received["unknown"] == came
