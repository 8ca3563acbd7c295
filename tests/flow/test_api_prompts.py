"""Prompts of code through the control API: pushed, listed with their traffic, and what none explains."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract.test_catalogue_matching import ASK, COMMITS, NEW, OLD, letter, record, system
from tests.flow.control_app import Api, control

from headgate.core.entries import PromptUsed
from headgate.prompts.catalogue.matching_job import MatchingJob
from headgate.prompts.catalogue.model import commits_digest
from headgate.prompts.catalogue.store import seen_in_environment
from headgate.prompts.model import Template
from headgate.prompts.outcomes.counting import FeedbackJob
from headgate.store.database import Database

RULES = "shop/clerk.py:RULES"


def parts_of(template: Template) -> list[Any]:
    return [part if isinstance(part, str) else {"type": "hole", "name": part.name} for part in template.parts]


def versions(*chosen: tuple[Template, str, int, int, bool]) -> list[dict[str, Any]]:
    return [
        {
            "path": "shop/clerk.py",
            "symbol": symbol,
            "version": template.version,
            "kind": "constant",
            "line": 3,
            "first": first,
            "last": last,
            "is_newest": is_newest,
        }
        for template, symbol, first, last, is_newest in chosen
    ]


HISTORY = ((OLD, "RULES", 0, 2, False), (NEW, "RULES", 3, 4, True), (ASK, "ASK", 1, 4, True))


def push_of(*chosen: tuple[Template, str, int, int, bool], **changes: Any) -> dict[str, Any]:
    return {
        "source": "shop",
        "templates": [{"parts": parts_of(each)} for each in (OLD, NEW, ASK)],
        "commits": {"start": 0, "ids": list(COMMITS), "times": list(range(len(COMMITS)))},
        "state": {
            "head": COMMITS[-1],
            "versions": versions(*(chosen or HISTORY)),
            "parameters": [{"path": "shop/clerk.py", "line": 9, "name": "temperature", "value": "0.2"}],
        },
        **changes,
    }


async def key_of(api: Api, role: str, project: str) -> str:
    """Make a key that is in force, and return its text."""
    return str((await api.post("/keys", {"name": role, "role": role, "project": project}))["key"])


async def test_a_push_is_taken_once_and_only_by_who_may(database: Database) -> None:
    async with control(database) as api:
        first = await api.post("/prompts/catalogue", push_of(), 200)
        assert (first["changed"], first["commits"], first["versions"]) == (True, 5, 3)
        again = await api.post("/prompts/catalogue", push_of(), 200)
        assert (again["changed"], again["project"]) == (False, "default")
        (source,) = (await api.get("/prompts/catalogue"))["items"]
        assert (source["source"], source["prompts"], source["versions"], source["head"]) == (
            *("shop", 2, 3),
            COMMITS[-1],
        )
        shown = await api.get("/prompts/catalogue/shop")
        assert shown["commits_digest"] == commits_digest(COMMITS).hex()
        assert shown["templates"] == sorted(each.version for each in (OLD, NEW, ASK))
        member = await key_of(api, "member", "default")
        status, refused = await api.as_key(member).ask("POST", "/api/v1/prompts/catalogue", push_of())
        assert (status, refused["error"]["code"]) == (403, "not_allowed")
        other = await key_of(api, "project_admin", "blue")
        status, _ = await api.as_key(other).ask(
            "POST", "/api/v1/prompts/catalogue", push_of(project="default")
        )
        assert status == 403
        mine = await api.as_key(other).post("/prompts/catalogue", push_of(), 200)
        assert (mine["project"], mine["changed"]) == ("blue", True)
        assert len((await api.get("/prompts/catalogue"))["items"]) == 2
        await api.delete("/prompts/catalogue/shop")
        assert (await api.get("/prompts", project="default"))["items"] == []
        await api.delete("/prompts/catalogue/shop", 404)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"commits": {"start": 2, "ids": [], "times": []}}, 409),
        ({"commits": {"start": 0, "ids": ["a"], "times": []}}, 400),
        ({"commits": {"start": 0, "ids": ["a"], "times": [1]}}, 400),
        ({"state": None}, 400),
        ({"templates": []}, 409),
        ({"source": ""}, 400),
        ({"kind": "guess"}, 400),
        ({"more": 1}, 400),
    ],
)
async def test_a_push_that_does_not_fit_is_refused_whole(
    database: Database, change: dict[str, Any], status: int
) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(**change), status)
        assert (await api.get("/prompts"))["items"] == []


async def test_a_push_goes_on_where_the_last_one_ended(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of((OLD, "RULES", 0, 4, True)), 200)
        more = push_of((OLD, "RULES", 0, 4, False), (NEW, "RULES", 5, 5, True))
        more["commits"] = {"start": 5, "ids": ["f" * 40], "times": [9]}
        more["state"]["head"] = "f" * 40
        assert (await api.post("/prompts/catalogue", more, 200))["commits"] == 6
        shown = await api.get("/prompts/catalogue/shop")
        assert shown["commits_digest"] == commits_digest([*COMMITS, "f" * 40]).hex()
        (newest, oldest) = (await api.get(f"/prompts/{RULES}"))["versions"]
        assert (newest["first_commit"], oldest["last_commit"]) == ("f" * 40, COMMITS[4])
        rebased = push_of((NEW, "RULES", 0, 0, True))
        rebased["commits"] = {"start": 0, "ids": ["e" * 40], "times": [1]}
        rebased["state"]["head"] = "e" * 40
        assert (await api.post("/prompts/catalogue", rebased, 200))["commits"] == 1


async def test_a_library_has_no_commits_but_versions_that_were_pushed(database: Database) -> None:
    async with control(database) as api:
        for head, template in (("1.0", OLD), ("1.1", NEW), ("1.1", NEW)):
            state = {"head": head, "versions": versions((template, "RULES", 0, 0, True)), "is_snapshot": True}
            push = push_of(kind="library", state=state)
            del push["commits"]
            await api.post("/prompts/catalogue", push, 200)
        newest, oldest = (await api.get(f"/prompts/{RULES}"))["versions"]
        assert (newest["version"], newest["first_commit"], newest["is_newest"]) == (NEW.version, "1.1", True)
        assert (oldest["version"], oldest["last_commit"], oldest["is_newest"]) == (OLD.version, "1.0", False)


async def traffic(database: Database) -> None:
    for name in ("Anna", "Ben"):
        await record(database, [system(name), letter("Where is it?")])
    await record(
        database, [system("Carla", "Answer in one short sentence, politely.")], environment="production"
    )
    await record(
        database, [{"role": "system", "content": "Write a poem on parcels that never arrive, in four lines."}]
    )
    await MatchingJob(database).run_once()


async def test_prompts_show_what_traffic_they_came_to(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(*HISTORY, (ASK, "OTHER.ask", 0, 4, True)), 200)
        assert {each["state"] for each in (await api.get("/prompts"))["items"]} == {"unused"}
        await traffic(database)
        items = {each["name"]: each for each in (await api.get("/prompts"))["items"]}
        rules, ask = items[RULES], items["shop/clerk.py:ASK"]
        assert (rules["state"], rules["version"], rules["seen"]) == (
            *("differs", NEW.version),
            [NEW.version, OLD.version],
        )
        assert (rules["traffic"]["calls"], rules["traffic"]["cost_usd"]) == (3, "0.000003703701")
        assert (ask["state"], ask["traffic"]["calls"], ask["text"]) == (
            *("current", 2),
            "Here is what the customer writes to us today: {letter} Answer it.",
        )
        assert [each["name"] for each in (await api.get("/prompts", show="unused"))["items"]] == [
            "shop/clerk.py:OTHER.ask"
        ]
        shown = await api.get(f"/prompts/{RULES}")
        assert [(each["version"], each["traffic"]["calls"]) for each in shown["versions"]] == [
            (NEW.version, 2),
            (OLD.version, 1),
        ]
        assert shown["parameters"][0]["name"] == "temperature"
        version = await api.get(f"/prompts/{RULES}/versions/{OLD.version}")
        assert (version["version"]["holes"], version["parts"][1]) == (
            ["shop"],
            {"type": "hole", "name": "shop"},
        )
        await _elsewhere(api)


async def _elsewhere(api: Api) -> None:
    """Where else prompts show: in the list of requests, and in the costs."""
    found = (await api.get("/requests", prompt=RULES))["items"]
    assert len(found) == 3
    assert "values" not in found[0]["prompts"][0]
    assert (await api.get("/requests", prompt="shop/clerk.py:NONE"))["items"] == []
    sums = {row["prompt"]: row["requests"] for row in (await api.get("/costs", group_by="prompt"))["items"]}
    assert sums == {RULES: 3, "": 1}
    for path in ("/prompts/nothing:HERE", f"/prompts/{RULES}/versions/000000000000"):
        status, fault = await api.ask("GET", f"/api/v1{path}")
        assert (status, fault["error"]["code"]) == (404, "not_found")
    bearer = {"authorization": f"Bearer {api.key}"}
    for name, value in (("show", "odd"), ("days", "0"), ("kind", "x")):
        assert (
            await api.client.get("/api/v1/prompts", params={name: value}, headers=bearer)
        ).status_code == 400


async def test_managed_prompts_stand_in_the_same_list_with_their_traffic(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        messages = [{"role": "system", "content": "Greet {{name}}."}]
        await api.post("/prompts/greeting/versions", {"messages": messages})
        await record(database, [system("Anna")], prompts=(PromptUsed("greeting", 1),))
        greeting, *code = (await api.get("/prompts"))["items"]
        assert (greeting["kind"], greeting["name"], greeting["traffic"]["calls"]) == (
            "managed",
            "greeting",
            1,
        )
        assert greeting["traffic"]["cost_usd"] == "0.000001234567"
        assert [each["kind"] for each in code] == ["code", "code"]
        assert (await api.get("/prompts", kind="code"))["items"] == code
        assert (await api.get("/prompts", kind="managed"))["items"] == [greeting]


async def test_what_ran_in_an_environment_is_known(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        before = datetime.now(UTC) - timedelta(minutes=1)
        await traffic(database)
        async with database.connection() as connection:
            seen = await seen_in_environment(connection, "default", "production", before)
            assert [(each.name, each.version, each.calls) for each in seen] == [(RULES, OLD.version, 1)]
            later = before + timedelta(hours=1)
            assert await seen_in_environment(connection, "default", "production", later) == []


async def test_what_no_template_explains_shows_with_its_share(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        await traffic(database)
        (unknown,) = (await api.get("/prompts/unknown"))["items"]
        assert (unknown["calls"], unknown["share"], unknown["role"]) == (1, 0.25, "system")
        assert unknown["example"].startswith("Write a poem on parcels")
        (call,) = (await api.get("/requests", unknown=unknown["id"]))["items"]
        assert call["prompts"] == []
        assert "Write a poem on parcels" in str((await api.get(f"/requests/{call['id']}"))["request"])
        assert (await api.get("/requests", unknown=unknown["id"], project="blue"))["items"] == []
        nothing = str(uuid.uuid4())
        assert (await api.get("/requests", unknown=nothing))["items"] == []
        assert (await api.ask("GET", "/api/v1/requests", unknown="poem"))[0] == 400
        member = await key_of(api, "member", "default")
        assert (await api.as_key(member).ask("GET", "/api/v1/prompts/unknown"))[0] == 403
        (item, *_) = (await api.as_key(member).get("/prompts"))["items"]
        assert (item["traffic"], item["seen"]) == (None, [])
        other = await key_of(api, "viewer", "blue")
        for path in ("/prompts", "/prompts/unknown", "/prompts/catalogue"):
            assert (await api.as_key(other).get(path))["items"] == []
        assert (await api.as_key(other).ask("GET", f"/api/v1/prompts/{RULES}"))[0] == 404


async def test_the_calls_of_a_group_are_as_many_as_are_counted(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        for number in range(7):
            text = (
                f"Translate what customer {number} of the old shop says into plain Dutch, and nothing else."
            )
            await record(database, [{"role": "system", "content": text}, {"role": "user", "content": text}])
        await traffic(database)
        groups = (await api.get("/prompts/unknown"))["items"]
        assert [group["calls"] for group in groups] == [7, 1]
        for group in groups:
            listed: list[str] = []
            following: dict[str, Any] | None = {}
            while following is not None:
                page = await api.get("/requests", unknown=group["id"], limit=3, **following)
                listed += [item["id"] for item in page["items"]]
                following = {"next": page["next"]} if page["next"] else None
            assert len(set(listed)) == len(listed) == group["calls"]


async def test_what_no_template_explains_is_counted_by_environment(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        said = {"production": 3, "staging": 2, "": 4}
        for environment, calls in said.items():
            for number in range(calls):
                text = f"Translate what customer {number} of the shop says into plain Dutch, and no more."
                await record(database, [system(f"shop {number}")], environment=environment)
                await record(database, [{"role": "system", "content": text}], environment=environment)
        while await MatchingJob(database).run_once():
            pass
        (whole,) = (await api.get("/prompts/unknown"))["items"]
        assert (whole["calls"], whole["share"]) == (9, 0.5)
        for environment, calls in said.items():
            narrowed = {"environment": environment or "-"}
            (group,) = (await api.get("/prompts/unknown", **narrowed))["items"]
            assert (group["id"], group["calls"], group["share"]) == (whole["id"], calls, 0.5)
            listed = (await api.get("/requests", unknown=group["id"], **narrowed))["items"]
            assert len(listed) == calls
        assert (await api.get("/prompts/unknown", environment="qa"))["items"] == []


async def test_lists_go_on_from_page_to_page(database: Database) -> None:
    async with control(database) as api:
        every = [(OLD, f"RULES_{number}", 0, 4, True) for number in range(5)]
        await api.post("/prompts/catalogue", push_of(*every), 200)
        names: list[str] = []
        following: dict[str, Any] = {}
        for _ in range(3):
            page = await api.get("/prompts", limit=2, **following)
            names += [each["name"] for each in page["items"]]
            following = {"next": page["next"]}
        assert following == {"next": None}
        assert names == [f"shop/clerk.py:RULES_{number}" for number in range(5)]


async def test_a_list_by_calls_goes_on_from_page_to_page(database: Database) -> None:
    async with control(database) as api:
        every = [(OLD, f"RULES_{number}", 0, 4, True) for number in range(3)]
        await api.post("/prompts/catalogue", push_of(*every, *HISTORY[1:]), 200)
        for name, calls in (("greeting", 2), ("never", 0), ("farewell", 3)):
            messages = [{"role": "system", "content": f"Say {name} to {{{{name}}}}."}]
            await api.post(f"/prompts/{name}/versions", {"messages": messages})
            for _ in range(calls):
                await record(database, [system("Anna")], prompts=(PromptUsed(name, 1),))
        await traffic(database)
        whole = await api.get("/prompts", sort="calls")
        wanted = [each["name"] for each in whole["items"]]
        calls = [each["traffic"]["calls"] for each in whole["items"]]
        assert calls == sorted(calls, reverse=True)
        assert (whole["uses"], calls[-1]) == (sum(calls), 0)
        for asked in ({"kind": "managed"}, {"kind": "code", "show": "gone"}):
            assert (await api.get("/prompts", **asked))["uses"] == sum(calls), asked
        assert (await api.get("/prompts", kind="code", show="gone"))["items"] == []
        of_name = dict(zip(wanted, calls, strict=True))
        assert (of_name["farewell"], of_name["greeting"]) == (3, 2)
        # Of as many calls the managed ones stand first.
        assert wanted.index("never") == calls.index(0)
        for limit in (1, 2, 3):
            names: list[str] = []
            following: dict[str, Any] = {}
            for _ in range(9):
                page = await api.get("/prompts", sort="calls", limit=limit, **following)
                names += [each["name"] for each in page["items"]]
                following = {"next": page["next"]}
                if page["next"] is None:
                    break
            assert names == wanted, limit


async def test_a_list_counts_what_was_made_in_a_time_and_an_environment(database: Database) -> None:
    async with control(database) as api:
        await api.post("/prompts/catalogue", push_of(), 200)
        for environment, ending in (("production", "a"), ("production", "b"), ("staging", "c")):
            call = await record(
                database,
                [system(f"shop {ending}")],
                environment=environment,
                model="assistant" if ending == "b" else "writer",
                key=f"key-{ending}",
                release="r1",
            )
            said = {"request_id": call, "name": "helpful", "value": ending != "a"}
            await api.post("/feedback", said, status=202)
        await MatchingJob(database).run_once()
        await FeedbackJob(database).run_once()
        today = datetime.now(UTC).date()
        rules = await _rules(api, environment="production")
        assert (rules["traffic"]["calls"], rules["state"], sum(rules["by_version"][0]["points"])) == (
            *(2, "current"),
            2,
        )
        used = {
            each["kind"]: (each["amount"], [one["name"] for one in each["names"]]) for each in rules["used"]
        }
        assert used == {
            "environment": (1, ["production"]),
            "key": (2, ["key-a", "key-b"]),
            "model": (2, ["assistant", "writer"]),
            "release": (1, ["r1"]),
        }
        [said] = rules["feedback"]
        assert (said["name"], said["of"], said["answers"], said["estimate"]["value"]) == (
            "helpful",
            "share",
            2,
            0.5,
        )
        assert said["estimate"]["low"] < 0.1 < 0.9 < said["estimate"]["high"]
        assert (await _rules(api))["feedback"][0]["answers"] == 3
        assert (await _rules(api, environment="-"))["traffic"]["calls"] == 0
        unseen = {"from": str(today - timedelta(days=9)) + "T12:00:00Z", "to": str(today) + "T00:00:00Z"}
        page = await api.get("/prompts", **unseen)
        assert (page["uses"], page["since"], page["until"]) == (
            *(0, str(today - timedelta(days=9)) + "T00:00:00.000Z"),
            str(today) + "T00:00:00.000Z",
        )
        assert {each["state"] for each in page["items"]} == {"unused"}
        [name] = [each["name"] for each in page["items"] if each["name"].endswith(":RULES")]
        found = await api.get("/prompts/outcomes", name=name, environment="staging")
        assert [(each["calls"], each["feedback"][0]["answers"]) for each in found["versions"]] == [(1, 1)]
        assert (await api.get("/prompts/outcomes", name=name, **unseen))["versions"] == []
        shown = await api.get(f"/prompts/{name}", environment="staging")
        assert sum(each["traffic"]["calls"] for each in shown["versions"]) == 1
        for wrong in ("from=2999-01-01T00:00:00Z", "from=1999-01-01T00:00:00Z", "from=yesterday", "days=366"):
            assert (await api.ask("GET", f"/api/v1/prompts?{wrong}"))[0] == 400, wrong


async def _rules(api: Api, **asked: Any) -> dict[str, Any]:
    items = (await api.get("/prompts", **asked))["items"]
    return next(each for each in items if each["name"] == RULES)
