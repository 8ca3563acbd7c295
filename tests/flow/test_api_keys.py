"""Keys, budgets, rate limits and configuration through the control API, on a real database."""

import uuid
from typing import Any

import msgspec
from tests.flow.control_app import TOML, control, make_key

from headgate.access.gateways import heartbeat
from headgate.config.document import BudgetTable
from headgate.config.limits import budget_of
from headgate.meters.console import meter_id
from headgate.meters.model import Scope
from headgate.store.database import Database
from headgate.store.live import LiveObjects


async def test_a_key_is_shown_once_and_refused_once_revoked(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/keys", {"name": "app", "user": "anna", "models": ["assistant"]})
        text = made["key"]
        assert text.startswith(made["prefix"] + "_")
        own = api.as_key(text)
        who = await own.get("/whoami")
        assert (who["key"]["id"], who["key"]["user"], who["projects"]) == (made["id"], "anna", ["default"])
        everything = [await api.get(path) for path in ("/keys", f"/keys/{made['id']}", "/audit")]
        assert text.encode() not in msgspec.json.encode(everything)
        assert (await api.delete(f"/keys/{made['id']}"))["revoked"] is True
        status, found = await own.ask("GET", "/api/v1/whoami")
        assert (status, found["error"]["code"]) == (401, "invalid_key")
        assert "revoked" in found["error"]["message"]
        assert [each["name"] for each in (await api.get("/keys"))["items"]] == ["admin"]


async def test_inline_meters_come_and_go_with_their_key(database: Database) -> None:
    body = {
        "name": "app",
        "budgets": [{"name": "app-money", "limit": "2.50 USD", "window": "day"}],
        "rate_limits": [{"name": "app-pace", "limit": "5 requests", "window": "second"}],
    }
    async with control(database) as api:
        made = await api.post("/keys", body)
        async with database.connection() as connection:
            live = await LiveObjects.load_all(connection, ["budget", "rate_limit"])
        bodies = [msgspec.json.decode(each.body or b"") for each in live]
        assert [(each["key"], each["scope"]) for each in bodies] == [(made["id"], {"key": made["id"]})] * 2
        found = (await api.get("/budgets/app-money"))["meters"][0]
        assert (found["limit_usd"], found["spent_usd"], found["managed_by"]) == ("2.5", "0", "console")
        taken = await api.post("/keys", {**body, "name": "other"}, 409)
        assert "app-money" in taken["error"]["message"]
        assert len((await api.get("/keys"))["items"]) == 2
        await api.delete(f"/keys/{made['id']}")
        status, _ = await api.ask("GET", "/api/v1/budgets/app-money")
        assert status == 404


async def test_who_has_not_heard_is_named(database: Database) -> None:
    async with control(database) as api:
        async with database.connection() as connection:
            await heartbeat(connection, uuid.uuid4(), "gateway 7", 0, "none")
        made = await api.post("/keys", {"name": "app"})
        assert [name for name in made["not_acknowledged"] if "gateway 7" in name]
        async with database.connection() as connection:
            await heartbeat(connection, uuid.uuid4(), "gateway 7", 10_000, "none")
        gone = await api.delete(f"/keys/{made['id']}")
        assert gone["not_acknowledged"] == []


async def test_a_project_admin_stays_within_its_project_and_rank(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/keys", {"name": "lead", "role": "project_admin", "project": "blue"})
        await api.post("/keys", {"name": "red", "project": "red"})
        lead = api.as_key(made["key"])
        assert {each["project"] for each in (await lead.get("/keys"))["items"]} == {"blue"}
        assert (await lead.get("/keys", project="red"))["items"] == []
        assert (await lead.post("/keys", {"name": "mine"}))["project"] == "blue"
        refused = [
            ("/keys", {"name": "a", "project": "red"}),
            ("/keys", {"name": "a", "role": "admin"}),
            ("/budgets", {"name": "a", "limit": "1 USD"}),
            ("/budgets", {"name": "a", "limit": "1 USD", "scope": {"project": "*"}}),
            ("/budgets", {"name": "a", "limit": "1 USD", "scope": {"project": "red"}}),
            ("/rate_limits", {"name": "a", "limit": "1 requests", "scope": {"project": "red"}}),
        ]
        for path, body in refused:
            assert (await lead.post(path, body, 403))["error"]["code"] == "not_allowed", body
        admin = (await api.get("/whoami"))["key"]["id"]
        await lead.delete(f"/keys/{admin}", 404)
        await lead.post("/budgets", {"name": "blue", "limit": "1 USD", "scope": {"project": "blue"}})
        assert [each["name"] for each in (await lead.get("/budgets"))["items"]] == ["blue"]


async def test_budgets_made_here_change_and_those_of_the_file_do_not(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/budgets", {"name": "team", "limit": "10 USD", "scope": {"tag": "*"}})
        assert (made["limit_usd"], made["managed_by"], made["not_acknowledged"]) == ("10", "console", [])
        changed = await api.patch("/budgets/team", {"limit": "12.5 USD"})
        assert (changed["limit_usd"], changed["window"]) == ("12.5", "month")
        moved = await api.patch("/budgets/team", {"window": "day", "timezone": "Europe/Berlin"})
        assert (moved["limit_usd"], moved["window"], moved["timezone"]) == ("12.5", "day", "Europe/Berlin")
        assert len((await api.get("/budgets"))["items"]) == 2
        again = await api.post("/budgets", {"name": "team", "limit": "1 USD"}, 409)
        assert "team" in again["error"]["message"]
        for answer in (
            await api.patch("/budgets/monthly", {"limit": "1 USD"}, 409),
            await api.delete("/budgets/monthly", 409),
            await api.post("/budgets", {"name": "monthly", "limit": "1 USD"}, 409),
            await api.delete("/rate_limits/per-user", 409),
        ):
            assert "headgate.toml" in answer["error"]["message"]
        await api.delete("/budgets/team")
        assert [each["name"] for each in (await api.get("/budgets"))["items"]] == ["monthly"]


async def test_rate_limits_made_here_change(database: Database) -> None:
    async with control(database) as api:
        await api.post("/rate_limits", {"name": "pace", "limit": "100 tokens", "window": "hour"})
        changed = await api.patch("/rate_limits/pace", {"limit": "5 requests"})
        assert (changed["limit"], changed["window"]) == ("5 requests", "hour")
        assert (await api.get("/rate_limits/pace"))["limit"] == "5 requests"
        await api.delete("/rate_limits/pace")
        assert [each["name"] for each in (await api.get("/rate_limits"))["items"]] == ["per-user"]


async def test_lists_go_on_where_the_page_before_ended(database: Database) -> None:
    async with control(database) as api:
        for number in range(5):
            await api.post("/budgets", {"name": f"b{number}", "limit": "1 USD"})
        names: list[str] = []
        cursor: str | None = None
        for _ in range(10):
            query = {"limit": 2} if cursor is None else {"limit": 2, "next": cursor}
            page = await api.get("/budgets", **query)
            names += [each["name"] for each in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert names == ["b0", "b1", "b2", "b3", "b4", "monthly"]
        seen: list[str] = []
        page = await api.get("/audit", limit=3)
        while True:
            seen += [each["id"] for each in page["items"]]
            if page["next"] is None:
                break
            page = await api.get("/audit", limit=3, next=page["next"])
        assert seen == sorted(set(seen), key=int, reverse=True)
        assert len(seen) == 7


async def test_every_change_leaves_an_audit_row(database: Database) -> None:
    async with control(database) as api:
        key = await api.post("/keys", {"name": "app"})
        await api.delete(f"/keys/{key['id']}")
        await api.post("/budgets", {"name": "b", "limit": "1 USD"})
        await api.patch("/budgets/b", {"limit": "2 USD"})
        await api.delete("/budgets/b")
        await api.post("/rate_limits", {"name": "r", "limit": "1 requests"})
        await api.patch("/rate_limits/r", {"limit": "2 requests"})
        await api.delete("/rate_limits/r")
        hook = await api.post("/webhooks", {"url": "https://hooks.example/a?token=tulip"})
        await api.delete(f"/webhooks/{hook['id']}")
        await apply(api, TOML.replace("500 USD", "600 USD"))
        rows = (await api.get("/audit"))["items"]
        me = (await api.get("/whoami"))["key"]["id"]
    mine = [(row["kind"], row["action"]) for row in rows if row["actor"] == me][::-1]
    assert mine == [
        ("key", "create"),
        ("key", "revoke"),
        *[("budget", action) for action in ("create", "change", "delete")],
        *[("rate_limit", action) for action in ("create", "change", "delete")],
        *[("webhook", action) for action in ("create", "delete")],
        ("snapshot", "activate"),
    ]
    shown = msgspec.json.encode(rows)
    assert hook["secret"].encode() not in shown
    assert b"tulip" not in shown


async def apply(api: Any, toml: str) -> Any:
    planned = await api.post("/config/plan", {"toml": toml}, 200)
    return await api.post("/config/apply", {"toml": toml, "base": planned["base"]}, 200)


async def test_plan_shows_and_apply_puts_in_force_what_was_planned_against(database: Database) -> None:
    async with control(database) as api:
        toml = TOML.replace("500 USD", "600 USD")
        planned = await api.post("/config/plan", {"toml": toml}, 200)
        assert [(each["path"], each["old"], each["new"]) for each in planned["changes"]] == [
            ("budgets.monthly.limit", "500 USD", "600 USD")
        ]
        first = planned["base"]
        done = await api.post("/config/apply", {"toml": toml, "base": first}, 200)
        assert done["snapshot"] == planned["snapshot"]
        assert (await api.get("/budgets/monthly"))["limit_usd"] == "600"
        late = await api.post("/config/apply", {"toml": TOML, "base": first}, 409)
        assert done["snapshot"] in late["error"]["message"]
        assert (await api.post("/config/plan", {"toml": toml}, 200))["changes"] == []
        assert [each["active"] for each in (await api.get("/snapshots"))["items"]] == [True, False]
        back = await api.post(f"/snapshots/{first}/activate", {"expected": done["snapshot"]}, 200)
        assert back["snapshot"] == first
        assert (await api.get("/budgets/monthly"))["limit_usd"] == "500"
        await api.post(f"/snapshots/{first}/activate", {"expected": done["snapshot"]}, 409)
        document = (await api.get(f"/snapshots/{first}"))["document"]
        assert document["budgets"][0]["limit"] == "500 USD"


async def test_a_refused_configuration_names_file_line_and_reason(database: Database) -> None:
    async with control(database) as api:
        before = (await api.get("/status"))["snapshot"]
        broken = TOML.replace('kind = "mock"', 'kind = "mocc"')
        for path, more in (("/config/plan", {}), ("/config/apply", {"base": before})):
            found = await api.post(path, {"toml": broken, **more}, 400)
            assert found["error"]["code"] == "misconfigured"
            assert "headgate.toml:3" in found["error"]["message"]
        assert (await api.get("/status"))["snapshot"] == before


async def test_providers_say_whether_a_key_is_there_and_never_which(database: Database) -> None:
    toml = """
    [providers.openai]
    kind = "openai"
    api_key = "env:A_KEY"
    [providers.other]
    kind = "openai"
    api_key = "env:NO_KEY"
    [models.one]
    targets = ["openai/gpt-4o-mini"]
    """
    async with control(database, environment={"A_KEY": "sk-canary-tulip"}) as api:
        await apply(api, toml)
        answers = [await api.get(path) for path in ("/providers", "/models", "/snapshots", "/status")]
        ready = await api.client.get("/readyz")
    has_key = {each["name"]: each["has_key"] for each in answers[0]["items"]}
    assert has_key == {"openai": True, "other": False}
    target = answers[1]["items"][0]["details"][0]
    assert target["price"]["per_million_usd"]["input"] == "0.15"
    assert b"canary" not in msgspec.json.encode(answers)
    assert ready.status_code == 200
    assert "NO_KEY" in ready.text


async def test_a_member_reads_nothing_of_others(database: Database) -> None:
    async with control(database) as api:
        _, text = await make_key(database, "member")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        member = api.as_key(text)
        for path in ("/keys", "/budgets", "/audit", "/alerts", "/snapshots", "/providers", "/status"):
            status, _ = await member.ask("GET", f"/api/v1{path}")
            assert status == 403, path


def test_a_meter_keeps_its_id_when_it_moves_between_file_and_console() -> None:
    scope = Scope(project="blue", tag="*")
    parts = ("name", scope, "month", "UTC")
    of_file = budget_of(BudgetTable(name="name", limit="1 USD", scope=scope, window="month"))
    assert meter_id("budget", None, *parts) == of_file.id
    assert meter_id("budget", "k1", *parts) != meter_id("budget", "k2", *parts)
