"""What changed in a time: each kind is there, in order, and who may not list a kind doesn't see it here."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.attack.api_operations import RELEASE, RULE, VERSION
from tests.flow.control_app import TOML, Api, control, put_in_force

from headgate.api.alerts import add_alerts
from headgate.api.timeline import MARKS_MAX
from headgate.core.entries import Alert
from headgate.store.clock import SystemClock
from headgate.store.database import Database


async def changed(database: Database, api: Api) -> str:
    """One change of each kind, and an alert of another project; returns the release's id."""
    release = (await api.post("/releases", RELEASE))["id"]
    await api.post("/environments/production", {"release": release}, status=200)
    await put_in_force(database, TOML.replace("500 USD", "600 USD"))
    await api.post("/rules", {"name": "calm", **RULE})
    await api.post("/prompts/greeting/versions", VERSION)
    status, found = await api.ask("PUT", "/api/v1/prompts/greeting/labels/production", {"version": 1})
    assert status == 200, found
    now = SystemClock().now_ms()
    async with database.transaction() as connection:
        alerts = [
            Alert(now, "breaker_open", "mock/small", "mock/small failed repeatedly: overloaded"),
            Alert(now, "budget", "monthly", "80 % of monthly are spent", "blue"),
        ]
        await add_alerts(connection, alerts)
    return release


async def kinds(api: Api, **query: Any) -> dict[str, str]:
    found = await api.get("/timeline", **query)
    assert not found["is_cut"]
    times = [each["at"] for each in found["items"]]
    assert times == sorted(times)
    return {each["kind"]: each["name"] for each in found["items"]}


async def seen_by(api: Api, role: str, project: str = "default") -> Api:
    """The same server, as a new key of that role sees it."""
    made = await api.post("/keys", {"name": f"{role} of {project}", "role": role, "project": project})
    return api.as_key(made["key"])


async def test_each_kind_of_change_is_there(database: Database) -> None:
    async with control(database) as api:
        release = await changed(database, api)
        found = await kinds(api)
        assert found["release"] == f"production: promote {release[:8]}"
        assert found["configuration"].startswith("configuration ")
        assert found["rule"] == "rule calm: made"
        assert found["prompt"] == "prompt greeting: production is version 1"
        assert found["incident"] == "incident: mock/small failed repeatedly: overloaded"
        assert found["alert"] == "alert: 80 % of monthly are spent"


async def test_a_project_leaves_out_what_belongs_to_others(database: Database) -> None:
    async with control(database) as api:
        await changed(database, api)
        found = await kinds(api, project="default")
        assert "alert" not in found
        assert {"release", "prompt", "rule", "configuration", "incident"} <= set(found)


async def test_an_environment_leaves_out_releases_of_others(database: Database) -> None:
    async with control(database) as api:
        release = await changed(database, api)
        await api.post("/environments/staging", {"release": release}, status=200)
        for environment, marked in (("production", True), ("staging", True), ("qa", False), ("-", False)):
            found = await kinds(api, environment=environment)
            assert ("release" in found) == marked, environment
            assert not marked or found["release"].startswith(f"{environment}: ")
            assert {"rule", "prompt", "configuration", "incident", "alert"} <= set(found)


async def test_who_may_not_list_a_kind_does_not_see_it_here(database: Database) -> None:
    async with control(database) as api:
        await changed(database, api)
        assert set(await kinds(await seen_by(api, "viewer"))) == {"release", "rule", "prompt"}
        assert set(await kinds(await seen_by(api, "member"))) == {"prompt"}
        other = await seen_by(api, "viewer", "blue")
        assert set(await kinds(other)) == {"alert"}
        assert await kinds(other, project="default") == {}


async def test_a_time_is_a_time(database: Database) -> None:
    async with control(database) as api:
        await changed(database, api)
        now = datetime.now(UTC)
        before = {"from": (now - timedelta(days=3)).isoformat(), "to": (now - timedelta(days=2)).isoformat()}
        assert await kinds(api, **before) == {}
        backwards: dict[str, Any] = {"from": before["to"], "to": before["from"]}
        status, found = await api.ask("GET", "/api/v1/timeline", **backwards)
        assert (status, found["error"]["code"]) == (400, "invalid_request")


async def test_of_too_many_the_newest_are_kept(database: Database) -> None:
    async with control(database) as api:
        now = SystemClock().now_ms()
        places = range(MARKS_MAX + 5)
        alerts = [Alert(now - 1000 - place, "budget", "m", f"alert {place}") for place in places]
        async with database.transaction() as connection:
            await add_alerts(connection, alerts)
        found = await api.get("/timeline")
        assert found["is_cut"]
        assert len(found["items"]) == MARKS_MAX
        names = [each["name"] for each in found["items"]]
        assert "alert: alert 0" in names
        assert f"alert: alert {MARKS_MAX + 4}" not in names
