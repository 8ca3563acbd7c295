"""What arms really were: a label or a release that moves under a running experiment is told, and sealed."""

from typing import Any

import psycopg
from tests.flow.test_api_experiments import world

from headgate.store.database import Database

EXPERIMENT = """
[[experiments]]
name = "tiny"
alias = "assistant"
arms = [
    { name = "now", share = 1 },
    { name = "new", share = 1, prompts = { greeting = "next" } },
    { name = "released", share = 1, environment = "candidate" },
]
metrics = [{ name = "solved", kind = "event" }]
"""


async def promoted(connection: psycopg.AsyncConnection[Any], release: str, previous: str) -> None:
    await connection.execute(
        "insert into environment_moves (project, environment, action, release, previous, actor, why) "
        "values ('default', 'candidate', 'promote', %s, %s, 'k', '')",
        (release, previous),
    )


async def test_names_that_move_while_it_runs_are_told_and_sealed(database: Database) -> None:
    async with world(database, EXPERIMENT) as made:
        for text, labels in (("Say one.", ["next"]), ("Say two.", [])):
            said = {"messages": [{"role": "system", "content": text}], "labels": labels}
            await made.api.post("/prompts/greeting/versions", said)
        async with database.connection() as connection:
            await promoted(connection, "first", "")
            # What came before the start is no move.
            await connection.execute("update experiments set started_at = clock_timestamp()")
        await made.live(5, {"now": 0.5, "new": 0.5, "released": 0.5})
        report = (await made.shown())["report"]
        assert [
            (each["what"], each["arms"], each["stands_for"], each["moves"]) for each in report["meant"]
        ] == [
            ("the release of candidate", ["released"], "first", []),
            ("prompt greeting@next", ["new"], "1", []),
        ]
        assert report["arms"][0]["targets"] == report["arms"][1]["targets"] != []
        assert not any("moved" in note for note in report["notes"])
        await made.api.ask("PUT", "/api/v1/prompts/greeting/labels/next", {"version": 2})
        async with database.connection() as connection:
            await promoted(connection, "second", "first")
        sealed = (await made.api.post("/experiments/tiny/stop", {}))["sealed"]["report"]
        release, label = sealed["meant"]
        assert (label["stands_for"], [(each["before"], each["after"]) for each in label["moves"]]) == (
            "2",
            [("1", "2")],
        )
        assert (release["stands_for"], release["moves"][0]["before"]) == ("second", "first")
        (note,) = [each for each in sealed["notes"] if "greeting" in each]
        assert note.startswith("prompt greeting@next in default, as new is served, moved from 1 to 2 on ")
        assert note.endswith("count together: to begin anew, give the experiment another salt")
