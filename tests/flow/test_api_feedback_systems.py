"""Business systems send signed events: who is let in, what counts, and that it counts once."""

import hashlib
import hmac
import time
from typing import Any

import msgspec
import pytest
from tests.flow.control_app import TOML, Api, control, put_in_force

from headgate.store.database import Database

SECRET = "a secret of the shop"
CONFIGURED = (
    TOML
    + """
[feedback.shop]
secrets = ["env:OLD_SECRET", "env:SHOP_SECRET"]
project = "sales"
items = "$.events"

[[feedback.shop.outcomes]]
when = { "$.type" = "paid" }
name = "paid"
value = "$.amount"
user = "$.user"
at = "$.at"
id = "$.id"
"""
)


async def set_up(database: Database, api: Api) -> Api:
    await put_in_force(database, CONFIGURED)
    await api.app.dependencies["in_force"].dependency().refresh()  # type: ignore[operator]
    return api


def event(identity: str = "e1", **changed: Any) -> dict[str, Any]:
    plain = {"type": "paid", "id": identity, "user": "anna", "amount": 12.5, "at": "2026-11-20T08:00:00Z"}
    return {**plain, **changed}


async def send(api: Api, *events: dict[str, Any], body: bytes | None = None, **how: Any) -> tuple[int, Any]:
    content = msgspec.json.encode({"events": events}) if body is None else body
    sent = int(how.get("sent", time.time()))
    signed = f"{sent}.".encode() + content
    made = hmac.new(str(how.get("secret", SECRET)).encode(), signed, hashlib.sha256).hexdigest()
    answer = await api.client.post(
        f"/api/v1/feedback/from/{how.get('system', 'shop')}",
        content=content,
        headers={"x-headgate-signature": f"t={sent},v1={made}"},
    )
    return answer.status_code, answer.json()


async def kept(api: Api) -> list[tuple[str, Any, str]]:
    found = (await api.get("/feedback"))["items"]
    return sorted((each["user"], each["value"], each["project"]) for each in found)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"SHOP_SECRET": SECRET}


async def test_what_is_signed_counts_once(database: Database, environment: dict[str, str]) -> None:
    async with control(database, environment=environment) as plain:
        api = await set_up(database, plain)
        taken = {"accepted": 1, "known": 0, "left_out": 1, "repeated": False}
        assert await send(api, event(), {"type": "sent"}) == (200, taken)
        assert await kept(api) == [("anna", 12.5, "sales")]
        [item] = (await api.get("/feedback"))["items"]
        assert (item["id"], item["key"], item["by"], item["source"]) == (
            "shop:paid:e1",
            "feedback.shop",
            "shop",
            "code",
        )
        again = await send(api, event(), {"type": "sent"})
        assert again == (200, {"accepted": 0, "known": 0, "left_out": 0, "repeated": True})
        # The same event in another body: known by its id.
        assert (await send(api, event(), event("e2", user="bob")))[1]["known"] == 1
        assert len(await kept(api)) == 2


async def test_what_was_taken_back_does_not_come_again_by_a_copy(
    database: Database, environment: dict[str, str]
) -> None:
    async with control(database, environment=environment) as plain:
        api = await set_up(database, plain)
        await send(api, event())
        status, _ = await api.ask("DELETE", "/api/v1/feedback/shop:paid:e1", project="sales")
        assert status == 200
        assert (await send(api, event()))[1]["repeated"] is True
        assert await kept(api) == []
        async with database.connection() as connection:
            await connection.execute(
                "update feedback_deliveries set received_at = received_at - interval '31 days'"
            )
        await send(api, event("e2"))
        async with database.connection() as connection:
            found = await connection.execute("select count(*) from feedback_deliveries")
            assert await found.fetchone() == (1,)


async def test_nobody_else_is_let_in(database: Database, environment: dict[str, str]) -> None:
    async with control(database, environment=environment) as plain:
        api = await set_up(database, plain)
        wrong: list[dict[str, Any]] = [{"secret": "another"}, {"sent": time.time() - 400}, {"secret": ""}]
        for how in wrong:
            status, found = await send(api, event(), **how)
            assert (status, found["error"]["code"]) == (401, "invalid_key"), how
            assert SECRET not in str(found)
        own = {"authorization": f"Bearer {api.key}"}
        unsigned = await api.client.post("/api/v1/feedback/from/shop", content=b"{}", headers=own)
        assert unsigned.status_code == 401
        status, found = await send(api, event(), system="till")
        assert (status, found["error"]["code"]) == (404, "not_found")
        assert await kept(api) == []
        large = await send(api, body=b" " * (1024 * 1024 + 1))
        assert large[0] == 413


async def test_what_is_wrong_is_told_and_the_rest_counts(
    database: Database, environment: dict[str, str]
) -> None:
    async with control(database, environment=environment) as plain:
        api = await set_up(database, plain)
        status, found = await send(api, event(), event("e2", amount="nan"), event("e3", user=None))
        assert status == 400
        message = found["error"]["message"]
        assert message.startswith("1 count, 2 are refused: event 2: value ($.amount) is 'nan'")
        assert "event 3: user ($.user) is empty" in message
        assert len(await kept(api)) == 1
        # It comes again, as systems do: what counted is known, and what is wrong is told once more.
        assert (await send(api, event(), event("e2", amount="nan"), event("e3", user=None)))[0] == 400
        assert len(await kept(api)) == 1
        status, found = await send(api, event(amount=13))
        assert status == 400 and "differs in value" in found["error"]["message"]
        for body in (b"", b"{", b"[]", b'{"events": 3}', b"\xff", b'{"events": [' + b"[" * 100_000):
            status, found = await send(api, body=body)
            assert (status, found["error"]["code"]) == (400, "invalid_request"), body[:20]


async def test_without_a_secret_nothing_is_taken(database: Database) -> None:
    async with control(database, environment={"SHOP_SECRET": " "}) as plain:
        api = await set_up(database, plain)
        status, found = await send(api, event(), secret="")
        assert status == 503 and "no secret of [feedback.shop] is set" in found["error"]["message"]
