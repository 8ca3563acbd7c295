"""Releases and environments over the API: made once for the same content, found by what people call them,
promoted and rolled back by compare-and-set, with history and audit."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.flow.control_app import Api, control, make_key

from headgate.prompts.managed.model import KIND as PROMPT_KIND
from headgate.prompts.managed.model import ManagedPrompt, ManagedVersion
from headgate.releases.model import KIND, Environment
from headgate.releases.rules import KIND as RULE_KIND
from headgate.releases.rules import Clamp, Rule, RuleMatch
from headgate.store.database import Database
from headgate.store.live import LiveObjects

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BODY: dict[str, Any] = {
    "commit": COMMIT,
    "prompts": [{"path": "app.py", "symbol": "SYSTEM", "version": "aaaa", "text": "Be kind."}],
    "parameters": [
        {"path": "app.py", "symbol": "ask", "name": "temperature", "value": "0.7", "call": "create"}
    ],
    "models": ["gpt-5-mini"],
    "dependencies": {"openai": "2.1.0"},
    "pins": {"assistant": "mock/small"},
}


async def put_rule(database: Database, rule: Rule) -> None:
    async with database.transaction() as connection:
        await LiveObjects.put(connection, RULE_KIND, rule.name, msgspec.json.encode(rule))


async def environment_in_force(database: Database, name: str = "production") -> Environment | None:
    async with database.connection() as connection:
        found = await LiveObjects.get(connection, KIND, f"default/{name}")
    return None if found is None or found.body is None else msgspec.json.decode(found.body, type=Environment)


async def two_releases(api: Api) -> tuple[str, str]:
    one = await api.post("/releases", {**BODY, "name": "one"})
    other = await api.post(
        "/releases", {**BODY, "name": "two", "commit": "f" * 40, "pins": {"assistant": "mock/large"}}
    )
    return one["id"], other["id"]


async def test_the_same_content_is_one_release_and_what_is_in_force_is_part_of_it(database: Database) -> None:
    calm = Rule(name="calm", version=2, clamp={"temperature": Clamp(most=0.5)})
    foreign = Rule(name="foreign", version=1, match=RuleMatch(project="blue"), remove=("temperature",))
    greeting = ManagedPrompt(
        project="default",
        name="greeting",
        labels={"production": 1},
        versions=(ManagedVersion(number=1), ManagedVersion(number=2)),
    )
    async with control(database) as api:
        await put_rule(database, calm)
        await put_rule(database, foreign)
        async with database.transaction() as connection:
            await LiveObjects.put(connection, PROMPT_KIND, greeting.id, msgspec.json.encode(greeting))
        first = await api.post("/releases", {**BODY, "name": "one", "note": "the first"})
        assert first["is_new"] is True
        assert first["counts"]["rules"] == 1
        again = await api.post("/releases", {**BODY, "note": "said otherwise"})
        assert (again["id"], again["is_new"], again["note"]) == (first["id"], False, "the first")
        manifest = (await api.get(f"/releases/{first['id']}"))["manifest"]
        assert manifest["rules"] == [msgspec.to_builtins(calm)]
        assert manifest["managed"] == {"greeting": {"labels": {"production": 1}, "newest": 2}}
        assert manifest["prices"].startswith("genai-prices ")
        await put_rule(database, msgspec.structs.replace(calm, version=3))
        changed = await api.post("/releases", BODY)
        assert {part for part in first["parts"] if first["parts"][part] != changed["parts"][part]} == {
            "rules"
        }
        assert [each["id"] for each in (await api.get("/releases"))["items"]] == [changed["id"], first["id"]]
        page = await api.get("/releases", limit=1)
        rest = await api.get("/releases", limit=1, next=page["next"])
        assert [each["id"] for each in rest["items"]] == [first["id"]]
        audited = (await api.get("/audit"))["items"]
        assert [(each["action"], each["kind"]) for each in audited[:2]] == [("create", "release")] * 2


async def test_a_release_is_found_by_id_name_commit_and_their_beginnings(database: Database) -> None:
    async with control(database) as api:
        one, other = await two_releases(api)
        for wanted in (one, one[:12], "one", COMMIT, COMMIT[:7]):
            assert (await api.get(f"/releases/{wanted}"))["id"] == one
        await api.post("/releases", {**BODY, "models": []})
        newest = await api.get(f"/releases/{COMMIT}")
        assert newest["id"] not in (one, other)
        for wanted in (COMMIT[:7], "rel_00", "rel_zzz", "nothing", "rel"):
            status, found = await api.ask("GET", f"/api/v1/releases/{wanted}")
            assert status == (400 if wanted == COMMIT[:7] else 404), found
        status, found = await api.ask("POST", "/api/v1/releases", {**BODY, "models": ["x"], "name": "two"})
        assert status == 409
        assert "another name" in found["error"]["message"]


async def test_promotion_and_rollback_move_the_pointer_whole_with_history_and_audit(
    database: Database,
) -> None:
    async with control(database) as api:
        await put_rule(database, Rule(name="calm", version=1, remove=("temperature",)))
        one, other = await two_releases(api)
        moved = await api.post("/environments/production", {"release": "one", "why": "go"}, status=200)
        assert (moved["release"], moved["rules"], moved["models"]) == (
            one,
            ["calm@1"],
            {"assistant": "mock/small"},
        )
        assert moved["not_acknowledged"] == []
        await api.post("/environments/production", {"release": other, "expected": one}, status=200)
        found = await environment_in_force(database)
        assert found is not None
        assert (found.release, found.commit, found.models) == (other, "f" * 40, {"assistant": "mock/large"})
        status, refused = await api.ask(
            "POST", "/api/v1/environments/production", {"release": one, "expected": "one"}
        )
        assert status == 409
        assert other in refused["error"]["message"]
        back = await api.post("/environments/production/rollback", {"why": "errors"}, status=200)
        assert (back["release"], back["previous"], back["action"]) == (one, other, "rollback")
        status, refused = await api.ask("POST", "/api/v1/environments/production/rollback", {})
        assert status == 409, refused
        history = (await api.get("/environments/production/history"))["items"]
        assert [(each["action"], each["release"], each["why"]) for each in history] == [
            ("rollback", one, "errors"),
            ("promote", other, ""),
            ("promote", one, "go"),
        ]
        audited = [each for each in (await api.get("/audit"))["items"] if each["kind"] == "environment"]
        assert audited[0]["before"]["release"] == other
        assert audited[0]["after"]["why"] == "errors"
        assert [each["name"] for each in (await api.get("/environments"))["items"]] == ["production"]
        cleared = await api.post("/environments/production", {"release": None}, status=200)
        assert (cleared["release"], cleared["action"]) == (None, "clear")


async def test_rollback_goes_further_back_each_time(database: Database) -> None:
    async with control(database) as api:
        one, other = await two_releases(api)
        third = (await api.post("/releases", {**BODY, "commit": "e" * 40}))["id"]
        for release in (one, other, third):
            await api.post("/environments/production", {"release": release}, status=200)
        stands: list[str] = []
        for _ in range(2):
            stands.append((await api.post("/environments/production/rollback", {}, status=200))["release"])
        assert stands == [other, one]
        await api.post("/environments/production", {"release": third}, status=200)
        assert (await api.post("/environments/production/rollback", {}, status=200))["release"] == one


async def test_of_promotions_that_cross_one_wins(database: Database) -> None:
    async with control(database) as api:
        one, other = await two_releases(api)
        await api.post("/environments/production", {"release": one}, status=200)
        third = (await api.post("/releases", {**BODY, "commit": "e" * 40}))["id"]
        answers = await asyncio.gather(
            *(
                api.ask("POST", "/api/v1/environments/production", {"release": release, "expected": one})
                for release in (other, third) * 3
            )
        )
        statuses = sorted(status for status, _ in answers)
        assert statuses == [200, 409, 409, 409, 409, 409]
        winner = next(found["release"] for status, found in answers if status == 200)
        found = await environment_in_force(database)
        assert found is not None and found.release == winner
        assert len((await api.get("/environments/production/history"))["items"]) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**BODY, "commit": "HEAD"}, "commit"),
        ({**BODY, "pins": {"assistant": "nowhere/small"}}, "nowhere/small"),
        ({**BODY, "pins": {"nobody": "mock/small"}}, "nobody"),
        ({**BODY, "pins": {"assistant": "assistant"}}, "alias"),
        ({**BODY, "dirty": "yes"}, "dirty"),
        ({**BODY, "weather": "fine"}, "weather"),
    ],
)
async def test_what_is_no_release_is_refused_by_name(
    database: Database, body: dict[str, Any], says: str
) -> None:
    async with control(database) as api:
        status, found = await api.ask("POST", "/api/v1/releases", body)
        assert status == 400
        assert says in found["error"]["message"]


async def test_projects_do_not_see_each_others_releases(database: Database) -> None:
    async with control(database) as api:
        one, _ = await two_releases(api)
        _, text = await make_key(database, "project_admin", "blue")
        _, viewer = await make_key(database, "viewer", "blue")
        await api.post("/environments/production", {"release": one}, status=200)
        blue = api.as_key(text)
        assert (await blue.get("/releases"))["items"] == []
        assert (await blue.get("/environments"))["items"] == []
        assert (await blue.ask("GET", f"/api/v1/releases/{one}"))[0] == 404
        assert (await blue.ask("GET", "/api/v1/environments/production/history"))[0] == 404
        status, _ = await blue.ask("POST", "/api/v1/environments/production", {"release": one})
        assert status == 404
        status, _ = await blue.ask(
            "POST", "/api/v1/environments/production", {"release": one, "project": "default"}
        )
        assert status == 403
        mine = await blue.post("/releases", {**BODY, "name": "one"})
        assert (mine["project"], mine["id"]) == ("blue", one)
        status, found = await api.ask("GET", "/api/v1/releases/one")
        assert status == 400 and "blue, default" in found["error"]["message"]
        assert (await api.get("/releases/one", project="blue"))["project"] == "blue"
        assert (await api.as_key(viewer).get("/releases"))["items"][0]["id"] == one
        assert (await api.as_key(viewer).ask("POST", "/api/v1/releases", BODY))[0] == 403


async def test_an_environment_has_a_name_that_people_can_write(database: Database) -> None:
    async with control(database) as api:
        one, _ = await two_releases(api)
        status, found = await api.ask("POST", "/api/v1/environments/a b", {"release": one})
        assert status == 400 and "no name" in found["error"]["message"]
