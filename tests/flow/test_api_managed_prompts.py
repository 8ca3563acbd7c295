"""Managed prompts over the control API: versions, labels, differences, renderings, and who may what."""

import asyncio
from typing import Any

import msgspec
from tests.flow.control_app import control

from headgate.prompts.managed.model import ManagedPrompt, prompt_id
from headgate.prompts.model import Hole, Template
from headgate.store.database import Database
from headgate.store.live import LiveObjects

GREETING: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "You help the customers of {{company}}."},
        {"role": "user", "content": "Greet {{name}}."},
    ],
    "model": "mock/small",
    "parameters": {"temperature": 0.2, "max_output": 100},
}


def version(text: str = "Greet {{name}}.", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


async def live(database: Database, name: str, project: str = "default") -> ManagedPrompt | None:
    async with database.connection() as connection:
        found = await LiveObjects.get(connection, "prompt", prompt_id(project, name))
    return (
        None if found is None or found.body is None else msgspec.json.decode(found.body, type=ManagedPrompt)
    )


async def test_versions_are_numbered_kept_and_made_only_of_what_changed(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/prompts/greeting/versions", {**GREETING, "note": "the first"})
        assert made["made"] is True and made["version"]["version"] == 1
        assert made["version"]["labels"] == ["latest"]
        assert made["version"]["variables"] == [
            {"name": "company", "required": True},
            {"name": "name", "required": True},
        ]
        again = await api.post("/prompts/greeting/versions", {**GREETING, "note": "said anew"}, status=200)
        assert again["made"] is False and again["version"]["note"] == "the first"
        second = await api.post("/prompts/greeting/versions", version("Welcome {{name}}."))
        assert second["version"]["version"] == 2 and second["version"]["digest"] != made["version"]["digest"]
        shown = await api.get("/prompts/greeting")
        assert [each["version"] for each in shown["versions"]] == [2, 1]
        assert shown["newest"]["messages"][0]["content"] == "Welcome {{name}}."
        first = await api.get("/prompts/greeting/versions/1")
        assert first["messages"] == GREETING["messages"] and first["parameters"] == GREETING["parameters"]
        known = await live(database, "greeting")
        assert known is not None and [each.number for each in known.versions] == [2, 1]


async def test_a_label_moves_at_once_is_audited_and_compared_before_it_is_set(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", {**GREETING, "labels": ["production", "staging"]})
        await api.post("/prompts/greeting/versions", version())
        status, moved = await api.ask("PUT", "/api/v1/prompts/greeting/labels/staging", {"version": 2})
        assert status == 200 and moved["labels"] == {"production": 1, "staging": 2}
        assert (await api.get("/prompts/greeting/versions/staging"))["version"] == 2
        assert (await api.get("/prompts/greeting/versions/latest"))["version"] == 2
        stale = {"version": 1, "from_version": 1}
        status, refused = await api.ask("PUT", "/api/v1/prompts/greeting/labels/staging", stale)
        assert status == 409 and "is at version 2, not 1" in refused["error"]["message"]
        moved = await api.post(
            "/prompts/greeting/labels/canary", {"version": 2, "from_version": 0}, status=200
        )
        assert moved["labels"]["canary"] == 2
        gone = await api.delete("/prompts/greeting/labels/canary")
        assert gone["labels"] == {"production": 1, "staging": 2}
        log = [each for each in (await api.get("/audit"))["items"] if each["kind"] == "prompt"]
        assert [each["action"] for each in log[:3]] == ["remove_label", "move_label", "move_label"]
        assert log[2]["before"] == {"staging": 1} and log[2]["after"] == {"staging": 2}


async def test_versions_made_at_the_same_time_have_numbers_of_their_own(database: Database) -> None:
    async with control(database) as api:
        bodies = [version(f"text {number} of {{{{name}}}}") for number in range(6)]
        made = await asyncio.gather(*[api.post("/prompts/busy/versions", body) for body in bodies])
        assert sorted(each["version"]["version"] for each in made) == [1, 2, 3, 4, 5, 6]


REFUSED: list[tuple[dict[str, Any], str]] = [
    (version(messages=[]), "1 to 64 messages"),
    (
        version("{{#a}}never closed"),
        "messages[0].content is refused: line 1: the section 'a' is never closed",
    ),
    (version("line one\n{% include 'x' %}", engine="jinja"), "line 2: `{% include %}` is not offered"),
    (version("{{ x.__class__ }}", engine="jinja"), "'__class__' is no member"),
    (version("{% for i in range(10**9) %}x{% endfor %}", engine="jinja"), "Pow is not offered"),
    (version("x" * 100_001), "has 100001 characters"),
    (version(parameters={"temprature": 1}), "the nearest are temperature"),
    (version(parameters={"temperature": "hot"}), "is no number"),
    (version(parameters={"max_output": 0}), "whole number above 0"),
    (version(tools=[{"name": "two words"}]), "no name of a function"),
    (version(tools=[{"type": "web_search"}]), "a tool of the provider's own"),
    (version(tools=[{"name": "f"}, {"name": "f"}]), "f twice"),
    (version(parameters={"response_format": {}}, response_schema={"type": "object"}), "say the same"),
    (version(labels=["latest"]), "always means the newest"),
    (version(labels=["7"]), "not digits only"),
    (version(model="two words"), "no name of a model"),
    (version(unknown=1), "unknown field"),
    ({"messages": [{"role": "robot", "content": ""}]}, "Invalid enum value 'robot'"),
]


async def test_what_is_no_version_is_refused_with_its_place(database: Database) -> None:
    async with control(database) as api:
        for body, said in REFUSED:
            refused = await api.post("/prompts/greeting/versions", body, status=400)
            assert said in refused["error"]["message"]
        status, _ = await api.ask("GET", "/api/v1/prompts/greeting")
        assert status == 404


async def test_names_are_what_addresses_and_files_can_hold(database: Database) -> None:
    async with control(database) as api:
        for name in ("Greeting", "a/.b", "-a", "a/versions/b", "unknown", "x" * 101):
            status, refused = await api.ask("POST", f"/api/v1/prompts/{name}/versions", version())
            assert status in (400, 404, 405), refused
        assert (await api.get("/prompts", kind="managed"))["items"] == []


async def test_a_name_may_hold_slashes_and_lists_show_it_beside_prompts_of_code(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/support/greeting/versions", version(labels=["production"]))
        assert (await api.get("/prompts/support/greeting/versions/production"))["name"] == "support/greeting"
        listed = (await api.get("/prompts"))["items"]
        assert [(each["kind"], each["name"], each["version"]) for each in listed] == [
            ("managed", "support/greeting", "1")
        ]


async def test_what_changed_between_two_versions_shows_in_both_forms(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", GREETING)
        await api.post(
            "/prompts/greeting/versions", {**GREETING, "parameters": {"temperature": 0.9, "max_output": 100}}
        )
        found = await api.get("/prompts/greeting/diff")
        assert (found["a"], found["b"]) == (1, 2)
        assert "-  temperature: 0.2\n+  temperature: 0.9\n" in found["unified"]
        changed = [each for each in found["rows"] if each["change"] != "same"]
        assert changed == [
            {"change": "changed", "before": "  temperature: 0.2", "after": "  temperature: 0.9"}
        ]
        assert (await api.get("/prompts/greeting/diff", a="1", b="1"))["unified"] == ""
        back = await api.get("/prompts/greeting/diff", a="latest", b="1")
        assert (back["a"], back["b"]) == (2, 1)
        status, refused = await api.ask("GET", "/api/v1/prompts/greeting/diff", a="9")
        assert status == 404 and "no version 9; the newest is 2" in refused["error"]["message"]


async def test_a_rendering_shows_messages_and_the_body_that_would_be_sent(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", GREETING)
        wanted: dict[str, Any] = {"variables": {"company": "Acme", "name": "{{company}} <b>"}}
        shown = await api.post("/prompts/greeting/render", wanted, status=200)
        assert [each["content"] for each in shown["messages"]] == [
            "You help the customers of Acme.",
            "Greet {{company}} <b>.",
        ]
        wanted |= {"dialect": "anthropic", "body": {"temperature": 1}}
        shown = await api.post("/prompts/greeting/render", wanted, status=200)
        assert shown["request"] == {
            "temperature": 1,
            "messages": [{"role": "user", "content": "Greet {{company}} <b>."}],
            "system": "You help the customers of Acme.",
            "model": "mock/small",
            "max_tokens": 100,
        }
        missing = await api.post("/prompts/greeting/render", {"variables": {"company": "Acme"}}, status=400)
        assert "the variable 'name' is missing" in missing["error"]["message"]
        strict = {"variables": {"company": "A", "name": "B", "nmae": "C"}, "strict": True}
        refused = await api.post("/prompts/greeting/render", strict, status=400)
        assert "it has no variable 'nmae'" in refused["error"]["message"]


async def test_a_version_is_sent_again_only_when_it_or_its_labels_changed(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", {**GREETING, "labels": ["production"]})
        path = "/api/v1/prompts/greeting/versions/production"
        own = {"authorization": f"Bearer {api.key}"}
        first = await api.client.get(path, headers=own)
        again = await api.client.get(path, headers={**own, "if-none-match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        await api.post("/prompts/greeting/versions", {**version(), "labels": ["production"]})
        moved = await api.client.get(path, headers={**own, "if-none-match": first.headers["etag"]})
        assert moved.status_code == 200 and moved.json()["version"] == 2


async def test_archived_prompts_keep_their_versions_and_deleted_ones_do_not(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", GREETING)
        await api.post("/prompts/greeting/archive", {}, status=200)
        known = await live(database, "greeting")
        assert known is not None and known.archived and known.versions == ()
        assert (await api.get("/prompts"))["items"] == []
        refused = await api.post("/prompts/greeting/versions", version(), status=409)
        assert "is archived" in refused["error"]["message"]
        back = await api.post("/prompts/greeting/unarchive", {}, status=200)
        assert back["archived"] is False
        known = await live(database, "greeting")
        assert known is not None and len(known.versions) == 1
        await api.delete("/prompts/greeting")
        assert await live(database, "greeting") is None
        await api.delete("/prompts/greeting", status=404)
        assert (await api.post("/prompts/greeting/versions", version()))["version"]["version"] == 1


async def test_each_project_has_its_own_and_each_role_its_part(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", version("of default"))
        keys = [
            await api.post("/keys", {"name": role, "role": role, "project": "other"})
            for role in ("project_admin", "member")
        ]
        owner, reader = (api.as_key(key["key"]) for key in keys)
        await owner.post("/prompts/greeting/versions", version("of other"))
        assert (await reader.get("/prompts/greeting"))["newest"]["messages"][0]["content"] == "of other"
        assert (await reader.post("/prompts/greeting/render", {}, status=200))["messages"]
        refused = await reader.post("/prompts/greeting/versions", version(), status=403)
        assert "prompts:write" in refused["error"]["message"]
        await reader.delete("/prompts/greeting", status=403)
        status, _ = await reader.ask("PUT", "/api/v1/prompts/greeting/labels/x", {"version": 1})
        assert status == 403
        status, _ = await reader.ask("GET", "/api/v1/prompts/greeting", project="default")
        assert status == 403
        shown = await api.get("/prompts/greeting", project="other")
        assert shown["project"] == "other"


async def test_a_release_in_force_keeps_its_prompts(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", GREETING)
        body = {"project": "default", "name": "staging", "release": "r1", "prompts": {"greeting": 1}}
        async with database.transaction() as connection:
            await LiveObjects.put(connection, "environment", "default/staging", msgspec.json.encode(body))
        for verb, path in (("POST", "/prompts/greeting/archive"), ("DELETE", "/prompts/greeting")):
            status, refused = await api.ask(verb, f"/api/v1{path}", {} if verb == "POST" else None)
            assert (
                status == 409
                and "environment 'staging' holds prompt 'greeting'" in refused["error"]["message"]
            )
        for number in range(60):
            await api.post("/prompts/greeting/versions", version(f"text {number}"))
        known = await live(database, "greeting")
        assert known is not None
        assert {each.number for each in known.versions} == {1, *range(12, 62)}


async def test_members_of_schemas_keep_their_order(database: Database) -> None:
    async with control(database) as api:
        schema = {"type": "object", "properties": {"zeta": {"type": "string"}, "a": {"type": "number"}}}
        tools = [{"name": "look_up", "description": "Finds.", "parameters": schema}]
        await api.post("/prompts/greeting/versions", version(response_schema=schema, tools=tools))
        known = await live(database, "greeting")
        assert known is not None
        text = msgspec.json.encode(schema).decode()
        assert known.versions[0].response_schema == text and known.versions[0].tools[0].parameters == text
        shown = await api.get("/prompts/greeting/versions/1")
        assert list(shown["response_schema"]["properties"]) == ["zeta", "a"]


async def test_a_twin_in_code_shows_the_difference(database: Database) -> None:
    code = ["You help the customers of ", {"type": "hole", "name": "company"}, ".\nBe brief, and be polite."]
    other = ["Summarise this text in one paragraph of plain words: ", {"type": "hole", "name": "text"}]
    push: dict[str, Any] = {
        "source": "shop",
        "templates": [{"parts": code}, {"parts": other}],
        "commits": {"start": 0, "ids": ["a" * 40], "times": [1_700_000_000]},
        "state": {"head": "a" * 40, "versions": []},
    }
    for symbol, parts in (("GREETING", code), ("SUMMARY", other)):
        version_id = Template.of([p if isinstance(p, str) else Hole(name=p["name"]) for p in parts]).version
        push["state"]["versions"].append(
            {
                "path": "shop/prompts.py", "symbol": symbol, "version": version_id, "kind": "constant",
                "line": 3, "first": 0, "last": 0, "is_newest": True,
            }
        )  # fmt: skip
    same = "You help the customers of {{company}}.\nBe brief, and be polite."
    async with control(database) as api:
        await api.post("/prompts/greeting/versions", version(same))
        assert (await api.get("/prompts/greeting"))["twin"] is None
        await api.post("/prompts/catalogue", push, status=200)
        twin = (await api.get("/prompts/greeting"))["twin"]
        assert (twin["name"], twin["source"], twin["likeness"]) == ("shop/prompts.py:GREETING", "shop", 1.0)
        assert twin["unified"] == ""
        changed = same.replace("brief", "thorough").replace("{{company}}", "{{ company }}")
        await api.post("/prompts/greeting/versions", version(changed, engine="jinja"))
        twin = (await api.get("/prompts/greeting"))["twin"]
        assert twin["name"] == "shop/prompts.py:GREETING" and 0.8 < twin["likeness"] < 1
        assert "-Be brief, and be polite.\n+Be thorough, and be polite." in twin["unified"]
        assert twin["by"] == "text"
        back = (await api.get("/prompts/shop/prompts.py:GREETING"))["twin"]
        assert (back["name"], back["version"], back["likeness"]) == ("greeting", 2, twin["likeness"])
        assert (await api.get("/prompts/shop/prompts.py:SUMMARY"))["twin"] is None
        # By its name alone, where nothing says as much.
        await api.post("/prompts/greeting/versions", version("Something else than all that code says."))
        twin = (await api.get("/prompts/greeting"))["twin"]
        assert (twin["name"], twin["by"]) == ("shop/prompts.py:GREETING", "name")
        back = (await api.get("/prompts/shop/prompts.py:GREETING"))["twin"]
        assert (back["name"], back["by"]) == ("greeting", "name")
        await api.post("/prompts/other/versions", version(same))
        assert (await api.get("/prompts/shop/prompts.py:GREETING"))["twin"]["name"] == "other"
