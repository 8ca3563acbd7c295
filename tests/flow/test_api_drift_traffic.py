"""What is watched of live traffic, as the API lists it: by target, model and prompt, with its evidence."""

from collections.abc import Sequence

import pytest
from tests.contract.test_drift_traffic import TARGET, World
from tests.flow.control_app import control

from headgate.core.entries import PromptUsed
from headgate.drift.watching import REFERENCE_ERROR
from headgate.store.database import Database

GREETING = (PromptUsed("greeting", 3),)


async def filled(database: Database) -> World:
    """Two weeks of one prompt's traffic, and a day of another project's."""
    world = World(database)
    await world.weeks(300, 2, prompts=GREETING, model="assistant")
    await world.weeks(26, 2, project="other", target="mock/small", served_model="small-1", model="plain")
    await world.job.look()
    return world


def ids(found: Sequence[dict[str, str]]) -> list[str]:
    return [each["id"] for each in found]


async def test_watches_say_how_far_they_are_and_what_each_signal_says(database: Database) -> None:
    await filled(database)
    async with control(database) as api:
        items = (await api.get("/drift/traffic"))["items"]
        learning, watching = items
        assert (learning["target"], learning["project"], learning["phase"]) == (
            "mock/small",
            "other",
            "reference",
        )
        assert (learning["hours"], learning["reference_hours"], learning["calls"]) == (24, 168, 240)
        assert {each["evidence_up"] for each in learning["signals"]} == {None}

        assert (watching["target"], watching["model"], watching["prompt"]) == (
            TARGET,
            "assistant",
            "greeting@3",
        )
        assert (watching["phase"], watching["hours"], watching["calls"]) == ("watching", 298 - 168, 2980)
        assert 0 <= watching["evidence"] < watching["alarm_at"] == pytest.approx(12 * 365.25 / 12 * 24 * 2)
        signals = {each["signal"]: each for each in watching["signals"]}
        tokens = signals["tokens"]
        assert tokens["usual_low"] < 227 < tokens["usual_high"] + 40, "means of hours, in tokens"
        assert 100 < tokens["latest"] < 500
        assert (tokens["words"], tokens["is_share"]) == ("tokens an answer", False)
        assert 0 < signals["errors"]["usual_high"] < REFERENCE_ERROR
        sides = [each[side] for each in watching["signals"] for side in ("evidence_up", "evidence_down")]
        told = [each for each in sides if each is not None]
        assert watching["evidence"] == pytest.approx(sum(told) / len(told))


async def test_watches_are_found_by_target_model_prompt_and_phase(database: Database) -> None:
    await filled(database)
    async with control(database) as api:
        other, greeting = ids((await api.get("/drift/traffic"))["items"])
        for query, expected in (
            ({"target": TARGET}, [greeting]),
            ({"model": "plain"}, [other]),
            ({"prompt": "greeting"}, [greeting]),
            ({"prompt": "greeting@3"}, [greeting]),
            ({"prompt": "greeting@4"}, []),
            ({"phase": "reference"}, [other]),
            ({"phase": "alarmed"}, []),
        ):
            assert ids((await api.get("/drift/traffic", **query))["items"]) == expected, query
        status, said = await api.ask("GET", "/api/v1/drift/traffic", phase="asleep")
        assert (status, "write one of reference" in said["error"]["message"]) == (400, True)
        first = await api.get("/drift/traffic", limit=1)
        second = await api.get("/drift/traffic", limit=1, next=first["next"])
        assert (ids(first["items"]) + ids(second["items"]), second["next"]) == ([other, greeting], None)


async def test_a_watch_shows_its_hours(database: Database) -> None:
    await filled(database)
    async with control(database) as api:
        _, greeting = ids((await api.get("/drift/traffic"))["items"])
        shown = await api.get(f"/drift/traffic/{greeting}")
        assert shown["at"] == sorted(shown["at"])
        assert (len(shown["at"]), sum(shown["is_reference"])) == (298, 168)
        assert set(shown["calls_an_hour"]) == {10}
        lines = {each["signal"]: each["values"] for each in shown["lines"]}
        assert {len(values) for values in lines.values()} == {298}
        latest = next(each["latest"] for each in shown["signals"] if each["signal"] == "tokens")
        assert lines["tokens"][-1] == latest


async def test_others_watches_and_those_that_are_not_there_are_hidden(database: Database) -> None:
    await filled(database)
    async with control(database) as api:
        other, greeting = ids((await api.get("/drift/traffic"))["items"])
        made = await api.post("/keys", {"name": "reader", "role": "viewer", "project": "other"})
        reader = api.as_key(made["key"])
        assert ids((await reader.get("/drift/traffic"))["items"]) == [other]
        for missing in (greeting, "no-id", "00000000-0000-7000-8000-000000000000"):
            status, said = await reader.ask("GET", f"/api/v1/drift/traffic/{missing}")
            assert (status, missing in said["error"]["message"]) == (404, True)
        assert (await reader.ask("GET", "/api/v1/drift/traffic/served"))[0] == 403


async def test_who_served_is_listed(database: Database) -> None:
    await filled(database)
    async with control(database) as api:
        (served,) = (await api.get("/drift/traffic/served", target="mock/small"))["items"]
        assert (served["fact"], served["value"], served["calls"]) == ("model", "small-1", 240)
        assert served["first_at"] < served["last_at"]
        assert (await api.get("/drift/traffic/served", target="mock/none"))["items"] == []
