"""Rules over the API: made, changed, undone, looked back on, and refused where they make no sense."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from tests.flow.control_app import control, put_in_force

from headgate.prompts.catalogue.model import CataloguePush
from headgate.prompts.catalogue.store import put
from headgate.prompts.model import Hole, Template
from headgate.releases.rules import KIND, Rule
from headgate.store.database import Database
from headgate.store.live import LiveObjects

CALM = {"name": "calm", "match": {"model": "gpt-*"}, "set": {"temperature": 0.2}}


async def in_force(database: Database) -> dict[str, Rule]:
    """The rules as gateways are given them."""
    async with database.connection() as connection:
        found = await LiveObjects.load_all(connection, [KIND])
    return {each.id: msgspec.json.decode(each.body, type=Rule) for each in found if each.body is not None}


async def test_each_change_is_a_version_and_its_history_outlives_the_rule(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/rules", CALM)
        assert (made["version"], made["share"], made["not_acknowledged"]) == (1, 1.0, [])
        changed = await api.patch("/rules/calm", {"share": 0.1, "clamp": {"max_output": {"most": 100}}})
        assert changed["version"] == 2
        assert changed["set"] == {"temperature": 0.2}, "what is left out stays"
        status, replaced = await api.ask("PUT", "/api/v1/rules/calm", {"remove": ["temperature"]})
        assert (status, replaced["version"], replaced["set"], replaced["share"]) == (200, 3, {}, 1.0)
        rule = (await in_force(database))["calm"]
        assert (rule.version, rule.remove, rule.set) == (3, ("temperature",), {})
        assert (await api.get("/rules/calm"))["version"] == 3
        await api.delete("/rules/calm")
        assert await in_force(database) == {}
        await api.delete("/rules/calm", status=404)
        again = await api.post("/rules", CALM)
        assert again["version"] == 5, "no version is given twice"
        versions = (await api.get("/rules/calm/versions"))["items"]
        assert [(each["version"], each["rule"] is None) for each in versions] == [
            (5, False),
            (4, True),
            (3, False),
            (2, False),
            (1, False),
        ]
        page = await api.get("/rules/calm/versions", limit=2)
        rest = await api.get("/rules/calm/versions", limit=500, next=page["next"])
        assert [each["version"] for each in page["items"] + rest["items"]] == [5, 4, 3, 2, 1]
        audit = (await api.get("/audit"))["items"]
        actions = [(each["action"], each["object"]) for each in audit if each["kind"] == "rule"]
        assert actions == [("create", "calm"), ("delete", "calm")] + [("change", "calm")] * 2 + [
            ("create", "calm")
        ]


async def test_rules_are_listed_by_name_page_after_page(database: Database) -> None:
    async with control(database) as api:
        for name in ("c", "a", "b"):
            await api.post("/rules", {**CALM, "name": name})
        page = await api.get("/rules", limit=2)
        assert [each["name"] for each in page["items"]] == ["a", "b"]
        rest = await api.get("/rules", limit=2, next=page["next"])
        assert ([each["name"] for each in rest["items"]], rest["next"]) == (["c"], None)


async def test_of_two_changes_at_once_one_is_refused(database: Database) -> None:
    async with control(database) as api:
        await api.post("/rules", CALM)
        async with database.transaction() as connection:
            await connection.execute(
                "insert into rule_versions (name, version, created_by) values ('calm', 2, 'another')"
            )
        changed = await api.patch("/rules/calm", {"share": 0.5})
        assert changed["version"] == 3
        await api.post("/rules", CALM, status=409)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "the rule does nothing"),
    ({"set": {"temprature": 0}}, "the nearest are temperature"),
    ({"set": {"temperature": "hot"}}, 'set.temperature is "hot"; write a number'),
    ({"set": {"temperature": True}}, "write a number"),
    ({"set": {"temperature": None}}, "use remove"),
    ({"set": {"max_tokens": 0}}, "write a whole number from 1"),
    ({"set": {"max_output": 1.5}}, "write a whole number"),
    ({"set": {"stop": [1]}}, "write a text or an array of texts"),
    ({"set": {"reasoning_effort": 3}}, "write a text"),
    ({"set": {"model": "x"}}, "write `model` of the rule"),
    ({"set": {"stream": True}}, "no parameter"),
    ({"set": {"seed": 1}, "remove": ["seed"]}, "choose one"),
    ({"clamp": {"temperature": {}}}, "neither least nor most"),
    ({"clamp": {"temperature": {"least": 2, "most": 1}}}, "least 2 above most 1"),
    ({"clamp": {"reasoning_effort": {"most": 1}}}, "no number"),
    ({"clamp": {"temperature": {"max": 1}}}, "max"),
    ({"replace": [{"old": "", "new": "x"}]}, "old is empty"),
    ({"replace": [{"old": "x" * 20_000, "new": ""}]}, "16384"),
    ({"model": "assistent"}, "nearest are assistant"),
    ({"set": {"seed": 1}, "share": 1.5}, "share"),
    ({"set": {"seed": 1}, "expires_at": "2020-01-01T00:00:00Z"}, "past"),
    ({"set": {"seed": 1}, "expires_at": "soon"}, "write a time such as"),
    ({"set": {"seed": 1}, "match": {"model": "a*b"}}, "at the end only"),
    ({"set": {"seed": 1}, "match": {"template": "prompt"}}, "path:symbol"),
    ({"set": {"seed": 1}, "match": {"template": "a.py:ASK"}}, "the catalogue has no 'a.py:ASK'"),
    ({"set": {"seed": 1}, "match": {"user": "anna"}}, "user"),
    ({"set": {"seed": 1}, "match": {"tag": ""}}, "match.tag has 0 characters"),
    ({"set": {"seed": 1}, "match": {"headers": {"Authorization": "x"}}}, "carries a secret"),
    ({"set": {f"body.a{number}": 1 for number in range(40)}}, "length <= 32"),
    ({"set": {"body.a": "x" * 70_000}}, "at most 65536"),
    ({"set": {"seed": 1}, "name": "test"}, "a route has it"),
    ({"set": {"body.a": json.loads("[" * 40 + "]" * 40)}}, "nested too deeply"),
    ({"set": {"seed": 1}, "name": "a b"}, "name"),
]


async def test_bad_input_is_refused_in_words_that_name_the_field(database: Database) -> None:
    async with control(database) as api:
        for said, expected in REFUSED:
            status, found = await api.ask("POST", "/api/v1/rules", {"name": "calm", **said})
            assert status == 400, (said, found)
            assert expected in found["error"]["message"], said
        assert await in_force(database) == {}


async def test_a_project_admin_has_rules_of_its_own_project_alone(database: Database) -> None:
    async with control(database) as api:
        await put_in_force(database, TOML)
        await api.post("/rules", CALM)
        key = await api.post("/keys", {"name": "lead", "role": "project_admin", "project": "support"})
        lead = api.as_key(key["key"])
        own = {**CALM, "name": "own", "match": {"project": "support"}}
        await lead.post("/rules", {**CALM, "name": "all"}, status=403)
        await lead.post("/rules", {**own, "match": {"project": "default"}}, status=403)
        await lead.post("/rules", own)
        assert [each["name"] for each in (await lead.get("/rules"))["items"]] == ["own"]
        await lead.patch("/rules/own", {"match": {}}, status=403)
        await lead.patch("/rules/own", {"model": "mock/large"}, status=403)
        assert (await lead.patch("/rules/own", {"model": "assistant"}))["model"] == "assistant"
        for path in ("/rules/calm", "/rules/calm/versions"):
            assert (await lead.ask("GET", f"/api/v1{path}"))[0] == 404
        await lead.delete("/rules/calm", status=404)
        viewer = await api.post("/keys", {"name": "eyes", "role": "viewer", "project": "support"})
        assert len((await api.as_key(viewer["key"]).get("/rules"))["items"]) == 1
        await api.as_key(viewer["key"]).delete("/rules/own", status=403)
        member = await api.post("/keys", {"name": "hands", "project": "support"})
        assert (await api.as_key(member["key"]).ask("GET", "/api/v1/rules"))[0] == 403


TOML = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/small"]

[projects.support]
models = ["assistant"]
"""


async def push(database: Database, *versions: tuple[Any, ...]) -> None:
    """A source whose one prompt has had these versions, the newest last."""
    templates = [Template.of(parts) for parts in versions]
    said = {
        "source": "app",
        "templates": [{"parts": msgspec.to_builtins(each.parts)} for each in templates],
        "commits": {
            "start": 0,
            "ids": [f"{n:040x}" for n in range(len(versions))],
            "times": [1] * len(versions),
        },
        "state": {
            "head": f"{len(versions) - 1:040x}",
            "versions": [
                {
                    "path": "app/ask.py",
                    "symbol": "SYSTEM",
                    "version": each.version,
                    "kind": "constant",
                    "line": 1,
                    "first": place,
                    "last": place,
                    "is_newest": place == len(versions) - 1,
                }
                for place, each in enumerate(templates)
            ],
        },
    }
    async with database.transaction() as connection:
        await put(connection, "default", msgspec.convert(said, CataloguePush), "tests")


async def test_a_template_stands_for_the_fragments_of_all_its_versions(database: Database) -> None:
    hole = Hole(name="name")
    async with control(database) as api:
        await push(database, ("Greet ", hole, " very kindly."), ("Greet ", hole, " in one word."))
        rule = {**CALM, "match": {"template": "app/ask.py:SYSTEM"}}
        assert (await api.post("/rules", rule))["template_versions"] == 2
        found = (await in_force(database))["calm"]
        assert found.fragments == ("Greet ", " in one word.")
        assert found.earlier == (("Greet ", " very kindly."),)
        near = await api.ask(
            "POST", "/api/v1/rules", {**rule, "name": "b", "match": {"template": "app/ask.py:SYS"}}
        )
        assert "the nearest are app/ask.py:SYSTEM" in near[1]["error"]["message"]
        other = {**rule, "name": "c", "match": {"template": "app/ask.py:SYSTEM", "project": "support"}}
        assert (await api.ask("POST", "/api/v1/rules", other))[0] == 400, (
            "another project's prompt is none here"
        )


async def test_a_rule_keeps_in_step_with_its_template(database: Database) -> None:
    hole = Hole(name="name")
    async with control(database) as api:
        await push(database, ("Greet ", hole, " very kindly."))
        await api.post("/rules", {**CALM, "match": {"template": "app/ask.py:SYSTEM"}})
        await push(database, ("Greet ", hole, " very kindly."), ("Welcome ", hole, " warmly now."))
        for _ in range(300):
            if (await in_force(database))["calm"].version > 1:
                break
            await asyncio.sleep(0.1)
        found = (await in_force(database))["calm"]
        assert (found.version, found.fragments) == (2, ("Welcome ", " warmly now."))
        assert found.earlier == (("Greet ", " very kindly."),)
        newest = (await api.get("/rules/calm/versions"))["items"][0]
        assert (newest["version"], newest["created_by"]) == (2, "system")
        audit = (await api.get("/audit"))["items"][0]
        assert (audit["actor"], audit["after"]["template_versions"]) == ("system", 2)
        changed = await api.patch("/rules/calm", {"share": 0.5})
        assert (changed["version"], changed["template_versions"]) == (3, 2)


@pytest.mark.parametrize(
    "said", [{}, {"name": "nothing"}, {"rule": {}}, {"rule": CALM}, {"name": "a", "limit": 0}]
)
async def test_a_rule_that_is_none_is_not_tried(database: Database, said: dict[str, Any]) -> None:
    async with control(database) as api:
        status, _ = await api.ask("POST", "/api/v1/rules/test", said)
        assert status in (400, 404)
