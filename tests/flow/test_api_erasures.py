"""Erasures through the control API: who may ask, for what, the receipt, the second look, and the audit."""

from typing import Any

import pytest
from tests.contract.traces_by_hand import new_trace, put_spans, put_trace
from tests.flow.control_app import Api, control, make_key
from tests.flow.test_api_requests import ended, record

from headgate.store.database import Database
from headgate.traces.erasure.erasing import Eraser


async def erased(api: Api, database: Database, **asked: Any) -> Any:
    """Ask, do what control's own job does, and return the receipt."""
    made = await api.post("/erasures", {"project": "default", **asked})
    await Eraser(database).work()
    while (found := await api.get(f"/erasures/{made['id']}"))["state"] != "done":
        await Eraser(database).work()
    return found


async def test_a_user_is_erased_with_a_receipt_that_a_second_look_confirms(database: Database) -> None:
    async with control(database) as api:
        await record(database, ended(), ended(), ended(user="ben"), ended(project="blue"))
        trace = await put_trace(database, new_trace(), user="anna")
        await put_spans(database, trace, {"user": "anna"}, {"user": ""})
        counted = await erased(api, database, user="anna", dry_run=True)
        assert {row["table"]: row["removed"] for row in counted["tables"]}["spans"] == 2
        assert len((await api.get("/requests"))["items"]) == 4
        receipt = await erased(api, database, user="anna")
        told = {row["table"]: row["removed"] for row in receipt["tables"]}
        assert (told["requests"], told["spans"], told["traces"]) == (2, 2, 1)
        assert all(row["found"] == 0 for row in receipt["second_look"])
        assert len(receipt["digest"]) == 64
        assert {"journal segments", "backups"} <= set(receipt["elsewhere"])
        assert "audit_log" in receipt["kept"]
        users = {(each["project"], each["user"]) for each in (await api.get("/requests"))["items"]}
        assert users == {("default", "ben"), ("blue", "anna")}
        status, again = await api.ask("POST", f"/api/v1/erasures/{receipt['id']}/verify")
        assert (status, all(row["found"] == 0 for row in again["second_look"])) == (200, True)
        assert [each["id"] for each in (await api.get("/erasures"))["items"]] == [
            receipt["id"],
            counted["id"],
        ]
        page = await api.get("/erasures", limit=1)
        following = await api.get("/erasures", limit=1, next=page["next"])
        assert [each["id"] for each in following["items"]] == [counted["id"]]
        audit = await api.get("/audit")
        said = [row for row in audit["items"] if row["action"] == "erase"]
        assert len(said) == 2
        assert "anna" not in str(said)


async def test_a_project_admin_erases_in_its_own_project_alone(database: Database) -> None:
    async with control(database) as api:
        _, key = await make_key(database, "project_admin", "blue")
        _, viewer = await make_key(database, "viewer", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        blue = api.as_key(key)
        made = await api.post("/erasures", {"project": "default", "user": "anna"})
        assert (await blue.ask("GET", f"/api/v1/erasures/{made['id']}"))[0] == 404
        assert (await blue.get("/erasures"))["items"] == []
        status, found = await blue.ask("POST", "/api/v1/erasures", {"project": "default", "user": "anna"})
        assert (status, found["error"]["code"]) == (403, "not_allowed")
        await blue.post("/erasures", {"project": "blue", "user": "anna"})
        status, _ = await api.as_key(viewer).ask("POST", "/api/v1/erasures", {"project": "blue", "user": "a"})
        assert status == 403


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "name exactly one of user, session, trace_id, key, all_before; this names none"),
    ({"user": "a", "key": "b"}, "name exactly one of"),
    ({"trace_id": "x"}, "trace_id is 'x'; write 32 hexadecimal digits"),
    ({"all_before": "soon"}, "all_before is 'soon'"),
]


@pytest.mark.parametrize(("asked", "message"), REFUSED)
async def test_what_names_no_subject_is_refused(
    database: Database, asked: dict[str, Any], message: str
) -> None:
    async with control(database) as api:
        status, found = await api.ask("POST", "/api/v1/erasures", {"project": "default", **asked})
        assert (status, found["error"]["code"]) == (400, "invalid_request")
        assert found["error"]["message"].startswith(message)
        status, found = await api.ask("GET", "/api/v1/erasures/nothing")
        assert (status, found["error"]["code"]) == (404, "not_found")
