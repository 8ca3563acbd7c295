"""Views that are saved for all who see a project: bounded, named once, written by those who may."""

from typing import Any

import pytest
from tests.flow.control_app import Api, control
from tests.flow.test_api_erasures import erased
from tests.flow.test_api_prompts import key_of

from headgate.records import views
from headgate.store.database import Database

FAILURES: dict[str, Any] = {
    "page": "requests",
    "name": "Failures",
    "search": {"status": "error", "user": "anna"},
}


async def names_of(api: Api, **asked: Any) -> list[tuple[str, str]]:
    return [(each["page"], each["name"]) for each in (await api.get("/views", **asked))["items"]]


async def test_a_view_is_seen_by_all_of_its_project_and_by_no_other(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/views", FAILURES)
        assert (made["search"], made["project"]) == (FAILURES["search"], "default")
        await api.post("/views", {**FAILURES, "page": "traces"})
        await api.post("/views", {**FAILURES, "project": "blue", "name": "Of blue"})
        assert await names_of(api) == [
            ("requests", "Of blue"),
            ("requests", "Failures"),
            ("traces", "Failures"),
        ]
        assert await names_of(api, page="traces") == [("traces", "Failures")]
        assert await names_of(api, project="blue") == [("requests", "Of blue")]
        viewer, stranger = await key_of(api, "viewer", "default"), await key_of(api, "project_admin", "green")
        assert await names_of(api.as_key(viewer)) == [("requests", "Failures"), ("traces", "Failures")]
        assert await names_of(api.as_key(stranger)) == []
        address = f"/api/v1/views/{made['id']}"
        for key, status in ((viewer, 403), (stranger, 404)):
            for method, body in (("PUT", {"name": "Mine"}), ("DELETE", None)):
                assert (await api.as_key(key).ask(method, address, body))[0] == status
        assert (await api.as_key(viewer).ask("POST", "/api/v1/views", FAILURES))[0] == 403
        elsewhere = {**FAILURES, "project": "default"}
        assert (await api.as_key(stranger).ask("POST", "/api/v1/views", elsewhere))[0] == 403


async def test_a_view_is_renamed_changed_and_deleted(database: Database) -> None:
    async with control(database) as api:
        made = await api.post("/views", FAILURES)
        other = await api.post("/views", {**FAILURES, "name": "Other"})
        address = f"/api/v1/views/{made['id']}"
        status, found = await api.ask("PUT", address, {"name": "All failures"})
        assert (status, found["name"], found["search"]) == (200, "All failures", FAILURES["search"])
        status, found = await api.ask("PUT", address, {"search": {"status": "5xx"}})
        assert (status, found["name"], found["search"]) == (200, "All failures", {"status": "5xx"})
        status, fault = await api.ask("PUT", f"/api/v1/views/{other['id']}", {"name": "All failures"})
        assert (status, fault["error"]["code"]) == (409, "conflict")
        assert "take another name" in fault["error"]["message"]
        assert (await api.ask("POST", "/api/v1/views", {**FAILURES, "name": "Other"}))[0] == 409
        assert (await api.ask("DELETE", address))[0] == 200
        assert (await api.ask("DELETE", address))[0] == 404
        assert await names_of(api) == [("requests", "Other")]


async def test_views_are_few_and_short(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "VIEWS_MAX", 3)
    async with control(database) as api:
        for number in range(3):
            await api.post("/views", {**FAILURES, "name": f"{number}"})
        status, fault = await api.ask("POST", "/api/v1/views", {**FAILURES, "name": "3"})
        assert status == 409
        assert "delete one" in fault["error"]["message"]
        await api.post("/views", {**FAILURES, "page": "traces"})
        for wrong in (
            {"name": ""},
            {"name": "x" * 81},
            {"name": " x"},
            {"name": "a\u0000b"},
            {"page": "spend"},
            {"search": {"status": "x" * 301}},
            {"search": {"status": "a\u0000b"}},
            {"search": {f"a{'b' * place}": "1" for place in range(41)}},
        ):
            assert (await api.ask("POST", "/api/v1/views", {**FAILURES, **wrong}))[0] == 400, wrong
        first = await api.get("/views", limit=2)
        rest = await api.get("/views", limit=2, next=first["next"])
        assert [each["name"] for each in first["items"] + rest["items"]] == ["0", "1", "2", "Failures"]
        assert rest["next"] is None


async def test_a_view_that_names_who_is_erased_goes(database: Database) -> None:
    async with control(database) as api:
        await api.post("/views", FAILURES)
        await api.post("/views", {**FAILURES, "name": "What anna asked", "search": {"live": "off"}})
        kept = await api.post("/views", {**FAILURES, "name": "Others", "search": {"user": "annabel"}})
        await api.post("/views", {**FAILURES, "project": "blue"})
        receipt = await erased(api, database, user="anna")
        assert {row["table"]: row["removed"] for row in receipt["tables"]}["saved_views"] == 2
        assert await names_of(api) == [("requests", "Failures"), ("requests", kept["name"])]
