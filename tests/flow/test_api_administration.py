"""What the pages of keys, routing and settings ask: rotation, roles, projects, the file, changes."""

from pathlib import Path

import msgspec
from tests.flow.control_app import TOML, Api, control

from headgate.config.file_http import ConfigurationFile
from headgate.config.http import Health
from headgate.store.database import Database

ROUTED = """
[providers.near]
kind = "mock"
regions = ["eu"]

[providers.far]
kind = "mock"
regions = ["us"]

[providers.locked]
kind = "openai"
api_key = "env:NO_SUCH_SECRET"
regions = ["eu"]

[models.assistant]
targets = [{ target = "near/small", weight = 3.0 }, "far/small", "locked/gpt-4o-mini"]
strategy = "weighted"

[models.secret]
targets = ["near/small"]

[projects.clinic]
regions = ["eu"]
models = ["assistant"]
retention = "7 days"
record = "metadata"
"""


async def apply(api: Api, toml: str) -> str:
    """Put a configuration in force, and return its snapshot."""
    base = (await api.get("/status"))["snapshot"]
    return (await api.post("/config/apply", {"toml": toml, "base": base}, 200))["snapshot"]


async def made(api: Api, role: str, project: str = "default") -> tuple[str, str]:
    """Make a key that is in force; return its id and text."""
    found = await api.post("/keys", {"name": f"{role} of {project}", "role": role, "project": project})
    return found["id"], found["key"]


async def test_a_key_is_rotated_and_stays_what_it_was(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/keys", {"name": "app", "user": "anna"})
        lasting = await api.post(f"/keys/{made['id']}/rotate", {"earlier_lasts_s": 3600}, 200)
        assert (lasting["id"], lasting["user"]) == (made["id"], "anna")
        assert lasting["earlier_until"] is not None and lasting["key"] != made["key"]
        for text in (made["key"], lasting["key"]):
            assert (await api.as_key(text).get("/whoami"))["key"]["id"] == made["id"]
        last = await api.post(f"/keys/{made['id']}/rotate", None, 200)
        assert last["earlier_until"] is None
        for text in (made["key"], lasting["key"]):
            status, found = await api.as_key(text).ask("GET", "/api/v1/whoami")
            assert status == 401 and "was rotated" in found["error"]["message"]
        assert (await api.as_key(last["key"]).get("/whoami"))["key"]["id"] == made["id"]
        audit = await api.get("/audit")
        assert [each["action"] for each in audit["items"]][:3] == ["rotate", "rotate", "create"]
        said = msgspec.json.encode([audit, await api.get("/keys")])
        for text in (made["key"], lasting["key"], last["key"]):
            assert text.encode() not in said
        assert b"digest" not in said


async def test_only_who_may_give_a_key_rotates_it(database: Database) -> None:
    async with control(database) as api:
        lead, text = await made(api, "project_admin", "blue")
        admin, _ = await made(api, "admin", "blue")
        red, _ = await made(api, "member", "red")
        own = api.as_key(text)
        assert (await own.post(f"/keys/{admin}/rotate", {}, 403))["error"]["code"] == "not_allowed"
        await own.post(f"/keys/{red}/rotate", {}, 404)
        await own.post(f"/keys/{lead}/rotate", {"earlier_lasts_s": 60}, 200)
        await api.post(f"/keys/{lead}/rotate", {"earlier_lasts_s": 7 * 86_400 + 1}, 400)
        await api.post(f"/keys/{lead}/rotate", {"earlier_lasts": 1}, 400)


async def test_roles_say_what_each_may_do(database: Database) -> None:
    async with control(database) as api:
        roles = {each["role"]: each for each in (await api.get("/roles"))["items"]}
        assert list(roles) == ["admin", "project_admin", "member", "viewer"]
        assert roles["admin"]["grants"] == (await api.get("/whoami"))["grants"]
        assert roles["project_admin"]["gives"] == ["project_admin", "member", "viewer"]
        assert roles["member"]["gives"] == [] and roles["member"]["sees"] == "its own calls"


async def test_projects_are_those_of_the_file_and_of_keys(database: Database) -> None:
    async with control(database) as api:
        await apply(api, ROUTED)
        await made(api, "member", "clinic")
        await made(api, "member", "loose")
        _, text = await made(api, "project_admin", "clinic")
        items = {each["name"]: each for each in (await api.get("/projects"))["items"]}
        assert sorted(items) == ["clinic", "default", "loose"]
        assert items["clinic"] == {
            "name": "clinic",
            "in_file": True,
            "models": ["assistant"],
            "regions": items["clinic"]["regions"],
            "record": "metadata",
            "retention_days": 7,
            "check_retention_days": 365,
            "keys": 2,
        }
        assert "de" in items["clinic"]["regions"]
        assert (items["loose"]["in_file"], items["loose"]["regions"], items["loose"]["keys"]) == (
            False,
            None,
            1,
        )
        assert [each["name"] for each in (await api.as_key(text).get("/projects"))["items"]] == ["clinic"]


async def test_a_target_says_why_a_project_may_not_go_there(database: Database) -> None:
    health = {"near/small": Health(state="open", latency_ms=12.5, calls_in_flight=2)}
    async with control(database, target_health=lambda: health) as api:
        await apply(api, ROUTED)
        models = {each["id"]: each for each in (await api.get("/models", project="clinic"))["items"]}
        targets = {each["target"]: each for each in models["assistant"]["details"]}
        assert targets["near/small"]["excluded"] is None
        assert "permitted: eu" in targets["far/small"]["excluded"]
        assert targets["locked/gpt-4o-mini"]["excluded"] == "the credential of locked is missing"
        assert (targets["near/small"]["state"], targets["near/small"]["calls_in_flight"]) == ("open", 2)
        assert models["secret"]["details"][0]["excluded"] == "the project may not use the model"
        anybody = (await api.get("/models"))["items"][0]["details"]
        assert [each["excluded"] for each in anybody][:2] == [None, None]
        _, text = await made(api, "member", "blue")
        status, _ = await api.as_key(text).ask("GET", "/api/v1/models", project="clinic")
        assert status == 403


async def test_the_file_on_disk_is_held_against_what_is_in_force(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "headgate.toml"
    path.write_text(TOML)
    started_with = ConfigurationFile(path=path, is_watched=False)
    async with control(database, configuration_file=started_with) as api:
        same = await api.get("/config/file")
        assert (same["path"], same["problem"], same["changes"]) == (str(path), None, [])
        assert same["snapshot"] == same["in_force"]
        path.write_text(TOML.replace("500 USD", "600 USD"))
        [change] = (await api.get("/config/file"))["changes"]
        assert (change["path"], change["old"], change["new"]) == (
            "budgets.monthly.limit",
            "500 USD",
            "600 USD",
        )
        path.write_text(TOML.replace('kind = "mock"', 'kind = "mocc"'))
        assert "headgate.toml:3" in (await api.get("/config/file"))["problem"]


async def test_a_server_without_a_file_says_so(database: Database) -> None:
    async with control(database) as api:
        found = await api.get("/config/file")
        assert (found["path"], found["problem"], found["changes"]) == (None, None, [])
        assert found["in_force"] is not None


async def test_snapshots_say_what_they_change_and_when_they_held(database: Database) -> None:
    async with control(database) as api:
        first = (await api.get("/status"))["snapshot"]
        second = await apply(api, TOML.replace("500", "600"))
        back = await api.get(f"/snapshots/{first}/changes")
        assert (back["base"], back["snapshot"]) == (second, first)
        assert [(each["old"], each["new"]) for each in back["changes"]] == [("600 USD", "500 USD")]
        forth = await api.get(f"/snapshots/{second}/changes", against=first)
        assert [(each["old"], each["new"]) for each in forth["changes"]] == [("500 USD", "600 USD")]
        await api.post(f"/snapshots/{first}/activate", {"expected": second}, 200)
        page = await api.get("/snapshots/history", limit=2)
        assert [each["snapshot"] for each in page["items"]] == [first, second]
        rest = await api.get("/snapshots/history", limit=2, next=page["next"])
        assert [each["snapshot"] for each in rest["items"]] == [first]
        status, _ = await api.ask("GET", "/api/v1/snapshots/none/changes")
        assert status == 404
