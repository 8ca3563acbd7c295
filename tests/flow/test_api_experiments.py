"""Experiments over the API: from calls and feedback to one sentence, and a decision that stays as it was."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.flow.control_app import TOML, Api, control, make_key, put_in_force

from headgate.config.compile import compile_file
from headgate.core.entries import End, Exposure
from headgate.experiments.model import Experiment
from headgate.experiments.sink import ExperimentSink
from headgate.store.database import Database
from headgate.store.live import LiveObjects

DAY_MS = 86_400_000
BEGAN_MS = 20 * DAY_MS
"""How long ago: every window is over."""

EXPERIMENT = """
[[experiments]]
name = "tiny"
alias = "assistant"
arms = [{ name = "now", share = 1 }, { name = "new", share = 1, targets = ["mock/tiny"] }]

[[experiments.metrics]]
name = "solved"
kind = "event"
effect = "0.02"

[[experiments.metrics]]
name = "csat"
role = "exploratory"

[[experiments.metrics]]
name = "cost"
measure = "cost"
role = "guardrail"
margin = "20%"

[[experiments.metrics]]
name = "errors"
measure = "errors"
role = "guardrail"
margin = "0.05"
"""


class World:
    """Users with calls and feedback, some of whom are in an experiment."""

    def __init__(self, api: Api, database: Database, experiment: Experiment) -> None:
        self.api = api
        self.database = database
        self.experiment = experiment
        self.random = random.Random(8)

    def exposed(self, unit: str, arm: str, **changes: Any) -> End:
        experiment = self.experiment
        exposure = Exposure(experiment.name, experiment.version, arm, unit, experiment.unit)
        began = now_ms() - BEGAN_MS + self.random.randrange(5 * DAY_MS)
        call: dict[str, Any] = {"started_ms": began, "user": unit, "session": f"s-{unit}"}
        call["cost_pico_usd"] = self.random.randrange(10**9, 3 * 10**9)
        return make_end(new_call(), exposures=(exposure,), **{**call, **changes})

    async def ship(self, *ends: End) -> None:
        async with self.database.transaction() as connection:
            await ExperimentSink().apply(connection, [envelope(end) for end in ends])

    async def say(self, items: list[dict[str, Any]]) -> None:
        for start in range(0, len(items), 1000):
            done = await self.api.post("/feedback/batch", {"items": items[start : start + 1000]}, status=202)
            assert done["refused"] == 0, done

    async def live(self, units: int, solved: dict[str, float]) -> None:
        """So many users in each arm, of whom these shares have their problem solved."""
        ends: list[End] = []
        said: list[dict[str, Any]] = []
        for arm, share in solved.items():
            for number in range(units):
                user = f"{arm}-{number}"
                end = self.exposed(user, arm)
                ends.append(end)
                if self.random.random() < share:
                    said.append({"name": "solved", "value": True, "user": user, "at": at(end, 1)})
                if self.random.random() < 0.3:
                    said.append(
                        {"name": "csat", "value": self.random.randint(1, 5), "user": user, "at": at(end, 2)}
                    )
        await self.ship(*ends)
        await self.say(said)

    async def shown(self, api: Api | None = None, **query: Any) -> Any:
        return await (api or self.api).get("/experiments/tiny", **query)


def at(end: End, days: float) -> str:
    began = datetime.fromtimestamp(end.started_ms / 1000, UTC)
    return (began + timedelta(days=days)).isoformat()


@contextlib.asynccontextmanager
async def world(database: Database, toml: str = EXPERIMENT) -> AsyncGenerator[World]:
    async with control(database) as api:
        await put_in_force(database, TOML + toml)
        snapshot = await asyncio.to_thread(compile_file, TOML + toml)
        yield World(api, database, snapshot.experiments[0])


def metric(report: Any, name: str) -> Any:
    (found,) = [each for each in report["metrics"] if each["name"] == name]
    return found


async def test_a_lift_shows_in_one_sentence_and_is_decided_once_and_for_ever(database: Database) -> None:
    async with world(database) as made:
        await made.live(800, {"now": 0.5, "new": 0.65})
        listed = (await made.api.get("/experiments"))["items"]
        assert [(each["name"], each["state"], each["arms"]) for each in listed] == [
            ("tiny", "running", ["now", "new"])
        ]
        shown = await made.shown()
        report = shown["report"]
        assert report["sentence"].startswith("new is better on solved by ")
        assert report["sentence"].endswith(" points than now; safe to stop.")
        assert [(arm["units"], arm["complete"]) for arm in report["arms"]] == [(800, 800), (800, 800)]
        assert metric(report, "errors")["comparisons"][0]["finding"] == "holds"
        assert metric(report, "cost")["comparisons"][0]["finding"] == "holds"
        assert metric(report, "csat")["answered"]["now"] == pytest.approx(0.3, abs=0.06)
        assert shown["decision"] is None
        stop = {"arm": "new", "reason": "solves more"}
        decision = await made.api.post("/experiments/tiny/stop", stop)
        sealed = decision["sealed"]
        assert (sealed["arm"], sealed["reason"], decision["intact"]) == ("new", "solves more", True)
        assert sealed["report"]["sentence"] == report["sentence"]
        assert set(sealed["data"]) == {"units", "feedback solved", "feedback csat"}
        refused = await made.api.post("/experiments/tiny/stop", stop, status=409)
        assert "was decided already" in refused["error"]["message"]
        await made.live(10, {"now": 1.0})
        later = await made.shown()
        assert later["decision"] == decision, "what comes later changes nothing"
        assert later["report"]["state"] == "stopped"
        async with database.connection() as connection:
            kinds = {each.kind for each in await LiveObjects.changes_since(connection, 0)}
        assert "experiment_end" in kinds, "gateways hear of it"


async def test_a_sealed_decision_is_neither_changed_nor_deleted(database: Database) -> None:
    async with world(database) as made:
        await made.live(5, {"now": 0.5, "new": 0.5})
        await made.api.post("/experiments/tiny/stop", {})
        for statement in (
            "update experiment_decisions set sealed = '{}'",
            "delete from experiment_decisions",
            "truncate experiment_decisions",
        ):
            async with database.connection() as connection:
                with pytest.raises(psycopg.errors.RaiseException, match="sealed"):
                    await connection.execute(statement.encode())
        async with database.transaction() as connection:
            await connection.execute("alter table experiment_decisions disable trigger all")
            await connection.execute("update experiment_decisions set sealed = replace(sealed, 'now', 'not')")
        assert not (await made.shown())["decision"]["intact"], "who gets around the lock breaks the seal"


async def test_feedback_finds_its_unit_by_call_trace_and_session(database: Database) -> None:
    async with world(database) as made:
        ends = [made.exposed(f"u{number}", "now", trace_id=f"{number + 1:032x}") for number in range(6)]
        await made.ship(*ends)
        said: list[dict[str, Any]] = [
            {"user": "u0"},
            {"request_id": text_of(ends[1])},
            {"trace_id": ends[2].trace_id},
            {"session": ends[3].session},
            {"user": "u4", "at": at(ends[4], 8)},
            {"user": "u5", "at": at(ends[5], -30)},
        ]
        await made.say(
            [{"name": "csat", "value": 4, "at": at(ends[place], 1), **one} for place, one in enumerate(said)]
        )
        report = (await made.shown())["report"]
        assert metric(report, "csat")["answered"] == {"now": pytest.approx(4 / 6)}


def text_of(end: End) -> str:
    digits = end.call.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


async def test_what_does_not_count_is_said_plainly(database: Database) -> None:
    async with world(database) as made:
        await made.live(150, {"now": 0.5, "new": 0.5})
        await made.ship(made.exposed("now-1", "new"), made.exposed("", ""))
        ahead = (datetime.now(UTC) + timedelta(hours=12)).isoformat()
        await made.say(
            [
                {"name": "csat", "value": "fine", "user": "now-1"},
                {"name": "csat", "value": 3, "user": "now-2", "at": ahead},
                {"name": "solved", "value": True, "user": "stranger"},
            ]
        )
        report = (await made.shown())["report"]
        assert any("1 texts named csat" in note for note in metric(report, "csat")["notes"])
        assert any("dated after now" in note for note in metric(report, "csat")["notes"])
        assert any("1 calls were served by another arm" in note for note in report["notes"])
        assert any("1 calls said no user" in note for note in report["notes"])
        async with database.connection() as connection:
            await connection.execute(
                "insert into scores (project, id, key, name, kind, value, text, comment, source, said_by, "
                'at, subject, session, "user", business_id) '
                "values ('default', 'inf', 'k', 'solved', 'number', 'Infinity', '', '', 'person', '', "
                "now() - interval '10 minutes', 'user', '', 'now-3', '')"
            )
            await connection.execute("update experiments set started_at = now() - interval '30 days'")
        report = (await made.shown())["report"]
        (one,) = metric(report, "solved")["comparisons"]
        assert (one["finding"], one["difference"]) == ("none", None)
        assert "infinite" in one["note"]
        assert "not known yet" in report["sentence"]


async def test_a_mismatch_of_shares_withholds_every_finding(database: Database) -> None:
    async with world(database) as made:
        await made.ship(*[made.exposed(f"a{n}", "now") for n in range(500)])
        await made.ship(*[made.exposed(f"b{n}", "new") for n in range(200)])
        report = (await made.shown())["report"]
        assert report["sentence"].startswith("The arms don't have the shares that were meant")
        assert not report["is_sound"]
        assert {one["finding"] for each in report["metrics"] for one in each["comparisons"]} == {"none"}


async def test_failures_count_for_their_arm(database: Database) -> None:
    """Where calls that failed are dropped, an arm that fails every third time looks as good as the other."""
    async with world(database) as made:
        for arm in ("now", "new"):
            ends = [
                made.exposed(f"{arm}-{n}", arm, status=502 if arm == "new" and n % 3 == 0 else 200)
                for n in range(600)
            ]
            await made.ship(*ends)
        report = (await made.shown())["report"]
        (alike,) = metric(report, "errors")["comparisons"]
        assert alike["finding"] == "broken", "though no unit of now has an error, and they are all alike"
        assert (alike["low"] > 20, alike["baseline"]) == (True, 0)
        await made.ship(*[made.exposed(f"now-{n}", "now", status=502) for n in range(0, 600, 60)])
        report = (await made.shown())["report"]
        assert metric(report, "errors")["comparisons"][0]["finding"] == "broken"
        assert report["sentence"].startswith("new breaks the guardrail errors: at least")


async def test_before_anything_is_known_it_says_so(database: Database) -> None:
    async with world(database) as made:
        assert (await made.shown())["report"]["sentence"] == "No unit has been exposed yet."
        await made.ship(made.exposed("ann", "now", started_ms=now_ms()))
        sentence = (await made.shown())["report"]["sentence"]
        assert sentence.startswith("Not known yet: the first units have been watched")


async def test_another_version_begins_anew_and_the_old_one_can_still_be_seen(database: Database) -> None:
    async with world(database) as made:
        await made.live(20, {"now": 0.5, "new": 0.5})
        old = made.experiment.version
        salted = EXPERIMENT.replace('name = "tiny"', 'name = "tiny"\nsalt = "two"', 1)
        await put_in_force(database, TOML + salted)
        shown = await made.shown()
        assert shown["report"]["sentence"] == "No unit has been exposed yet."
        assert shown["versions"][1] == old
        assert (await made.shown(version=old))["report"]["state"] == "replaced"
        await put_in_force(database, TOML + EXPERIMENT.replace('effect = "0.02"', 'effect = "0.5"'))
        report = (await made.shown())["report"]
        assert report["version"] == old
        assert any("changed on" in note for note in report["notes"])
        await put_in_force(database, TOML)
        listed = (await made.api.get("/experiments"))["items"]
        assert {each["state"] for each in listed} == {"removed"}


async def test_who_sees_a_project_sees_its_units_alone_and_only_an_admin_stops(database: Database) -> None:
    async with world(database) as made:
        await made.live(10, {"now": 0.5, "new": 0.5})
        await made.ship(*[made.exposed(f"x{n}", "now", project="shop") for n in range(3)])
        viewer = made.api.as_key((await make_key(database, "viewer", "shop"))[1])
        await made.shown()  # takes in the keys, too
        report = (await made.shown(viewer))["report"]
        assert [arm["units"] for arm in report["arms"]] == [3, 0]
        owner = made.api.as_key((await make_key(database, "project_admin", "shop"))[1])
        await made.shown()
        await owner.post("/experiments/tiny/stop", {}, status=403)
        status, _ = await made.api.ask("GET", "/api/v1/experiments/nothing")
        assert status == 404
        refused = await made.api.post("/experiments/tiny/stop", {"arm": "newer"}, status=400)
        assert "name one of now, new" in refused["error"]["message"]
