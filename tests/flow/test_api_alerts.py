"""Alerts: from the journal and the budgets, listed newest first, and sent to webhooks signed, until taken."""

import asyncio
import contextlib
import hashlib
import hmac
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flow.control_app import Api, control, make_key

from headgate.access.gateways import heartbeat
from headgate.access.vault import Vault, is_sealed
from headgate.api.alerts import AlertSink
from headgate.api.jobs import DELIVER_S
from headgate.api.webhooks import (
    ATTEMPTS_MAX,
    BACKOFF_S_MAX,
    read_destination,
    signature,
    wait_s,
    webhook_purpose,
)
from headgate.core.entries import ALERT, Alert
from headgate.core.faults import InvalidRequest
from headgate.core.pages import format_ms
from headgate.core.ports import Envelope
from headgate.core.secret import Secret
from headgate.store.clock import SystemClock
from headgate.store.database import Database

WITHIN_S = 10.0
NOW_MS = SystemClock().now_ms()


class Receiver:
    """An HTTP server that keeps what it is sent and answers what it is told to; 204 when told nothing."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers["content-length"]))
                self.received.append((headers, body))
                status = self.statuses.pop(0) if self.statuses else 204
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()


@contextlib.asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=1"
    try:
        yield receiver
    finally:
        server.close()


async def ship(database: Database, *alerts: Alert) -> None:
    batch = [Envelope(uuid.uuid4().bytes, ALERT, msgspec.msgpack.encode(alert)) for alert in alerts]
    async with database.transaction() as connection:
        await AlertSink().apply(connection, batch)


async def until(api: Api, wanted: Callable[[list[dict[str, Any]]], object]) -> list[dict[str, Any]]:
    async with asyncio.timeout(WITHIN_S):
        while True:
            items = (await api.get("/alerts"))["items"]
            if wanted(items):
                return items
            await asyncio.sleep(0.05)


async def test_alerts_of_the_journal_are_listed_newest_first_by_project(database: Database) -> None:
    async with control(database) as api:
        await ship(
            database,
            Alert(NOW_MS, "breaker_open", "openai/gpt", "it failed 5 times"),
            Alert(NOW_MS + 1000, "overrun", "monthly", "a\x00b", "blue"),
        )
        items = (await api.get("/alerts"))["items"]
        assert [each["kind"] for each in items] == ["overrun", "breaker_open"]
        assert [each["project"] for each in items] == ["blue", None]
        assert items[1]["at"] == format_ms(NOW_MS)
        page = await api.get("/alerts", limit=1)
        assert (await api.get("/alerts", limit=1, next=page["next"]))["items"] == items[1:]
        assert len((await api.get("/alerts", kind="overrun"))["items"]) == 1
        _, text = await make_key(database, "viewer", "blue")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        assert [each["kind"] for each in (await api.as_key(text).get("/alerts"))["items"]] == ["overrun"]


async def test_a_budget_that_passes_a_threshold_raises_one_alert(database: Database) -> None:
    async with control(database) as api:
        await api.post("/budgets", {"name": "small", "limit": "10 USD"})
        async with database.connection() as connection:
            await connection.execute(
                """
                with meter as (
                    insert into meters (budget, subject) select id, '' from budgets where name = 'small'
                    returning id
                )
                insert into meter_windows (meter, starts_at, ends_at, spent)
                select id, now() - interval '1 day', now() + interval '1 day', 8.5e12 from meter
                """
            )
        items = await until(api, lambda found: found)
        await asyncio.sleep(1.3)
        assert (await api.get("/alerts"))["items"] == items
    assert len(items) == 1
    assert "80 %" in items[0]["message"]


async def test_a_webhook_receives_signed_alerts_until_it_takes_them(database: Database) -> None:
    async with receiving() as receiver, control(database) as api:
        receiver.statuses = [500]
        made = await api.post("/webhooks", {"url": receiver.url, "kinds": ["overrun"]})
        assert made["secret"] not in str(await api.get("/webhooks"))
        await ship(
            database,
            Alert(NOW_MS, "breaker_open", "other", "not for this webhook"),
            Alert(NOW_MS, "overrun", "monthly", "it cost more", "blue"),
        )
        items = await until(api, lambda found: found and found[0]["deliveries"][0]["attempts"] == 1)
        failed = await until(api, lambda found: found[0]["deliveries"][0]["last_error"])
        assert failed[0]["deliveries"][0]["last_error"] == "it answered 500"
        async with database.connection() as connection:
            await connection.execute("update webhook_deliveries set due_at = clock_timestamp()")
        items = await until(api, lambda found: found[0]["deliveries"][0]["delivered"])
        assert items[0]["deliveries"][0]["attempts"] == 2
        assert items[1]["deliveries"] == []
        assert len(receiver.received) == 2
        for headers, body in receiver.received:
            assert msgspec.json.decode(body)["message"] == "it cost more"
            check_signature(headers["x-headgate-signature"], made["secret"], body)
        await api.delete(f"/webhooks/{made['id']}")
        assert (await api.get("/webhooks"))["items"] == []


def check_signature(value: str, secret: str, body: bytes) -> None:
    parts = dict(part.split("=", 1) for part in value.split(","))
    signed = parts["t"].encode() + b"." + body
    assert hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() == parts["v1"]


async def test_a_secret_that_lies_open_is_sealed_at_the_start_and_signs_on(database: Database) -> None:
    async with receiving() as receiver:
        async with database.transaction() as connection:
            await connection.execute(
                "insert into webhooks (id, url, secret, created_by) values ('w', %s, 'whsec_plain', 'tests')",
                (receiver.url,),
            )
        async with control(database) as api:
            kept = await stored_secret(database)
            assert is_sealed(kept) and "plain" not in kept
            made = await api.post("/webhooks", {"url": receiver.url})
            assert made["secret"] not in await stored_secret(database)
            await api.delete(f"/webhooks/{made['id']}")
            await ship(database, Alert(at_ms=NOW_MS, kind="overrun", subject="s", project="", message="m"))
            await until(api, lambda items: items and items[0]["deliveries"][0]["delivered"])
    headers, body = receiver.received[0]
    check_signature(headers["x-headgate-signature"], "whsec_plain", body)


async def stored_secret(database: Database) -> str:
    async with database.connection() as connection:
        cursor = await connection.execute("select string_agg(secret, ' ') as secret from webhooks")
        row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def test_a_secret_lies_open_as_long_as_hosts_have_no_common_key(database: Database) -> None:
    async with receiving() as receiver:
        async with database.transaction() as connection:
            await connection.execute(
                "insert into webhooks (id, url, secret, created_by) values ('w', %s, 'whsec_plain', 'tests')",
                (receiver.url,),
            )
        async with control(database, has_common_vault=False) as api:
            assert await stored_secret(database) == "whsec_plain"
            await ship(database, Alert(at_ms=NOW_MS, kind="overrun", subject="s", project="", message="m"))
            await until(api, lambda items: items and items[0]["deliveries"][0]["delivered"])
    headers, body = receiver.received[0]
    check_signature(headers["x-headgate-signature"], "whsec_plain", body)


async def test_a_host_that_cannot_open_a_secret_uses_up_no_attempt(database: Database) -> None:
    async with receiving() as receiver, control(database, vault=Vault.random()) as api:
        made = await api.post("/webhooks", {"url": receiver.url})
        ours = await stored_secret(database)
        theirs = Vault.random().seal(Secret(made["secret"]), webhook_purpose(made["id"]))
        async with database.connection() as connection:
            await connection.execute("update webhooks set secret = %s", (theirs,))
        await ship(database, Alert(at_ms=NOW_MS, kind="overrun", subject="s", project="", message="m"))
        await asyncio.sleep(3 * DELIVER_S)
        [delivery] = (await api.get("/alerts"))["items"][0]["deliveries"]
        assert delivery["last_error"] is None, "it is the other host's for now"
        async with database.connection() as connection:
            await connection.execute("update webhook_deliveries set due_at = due_at - interval '1 minute'")
        items = await until(api, lambda items: items[0]["deliveries"][0]["last_error"])
        assert "HEADGATE_VAULT_KEY" in items[0]["deliveries"][0]["last_error"]
        assert items[0]["deliveries"][0]["attempts"] == 0
        assert not receiver.received
        async with database.connection() as connection:
            await connection.execute("update webhooks set secret = %s", (ours,))
            await connection.execute("update webhook_deliveries set due_at = clock_timestamp()")
        items = await until(api, lambda items: items[0]["deliveries"][0]["delivered"])
        assert items[0]["deliveries"][0]["attempts"] == 1


@pytest.mark.parametrize("has_common_vault", [False, True])
async def test_several_hosts_without_a_common_key_are_warned(
    database: Database, has_common_vault: bool
) -> None:
    async with control(database, has_common_vault=has_common_vault) as api:
        for host, is_alone in (("here", True), ("there", False)):
            async with database.transaction() as connection:
                await heartbeat(connection, uuid.uuid4(), "gateway 1", 0, "", host_id=host)
                await connection.execute("update gateways set host = host_id")
            is_warned = "HEADGATE_VAULT_KEY" in (await api.client.get("/readyz")).text
            assert is_warned == (not is_alone and not has_common_vault)


async def test_a_delivery_is_given_up_after_its_last_attempt(database: Database) -> None:
    async with receiving() as receiver, control(database) as api:
        receiver.statuses = [503, 503]
        await api.post("/webhooks", {"url": receiver.url})
        await ship(database, Alert(NOW_MS, "overrun", "monthly", "it cost more"))
        await until(api, lambda found: found[0]["deliveries"][0]["last_error"])
        async with database.connection() as connection:
            await connection.execute(
                "update webhook_deliveries set due_at = clock_timestamp(), attempts = %s", (ATTEMPTS_MAX - 1,)
            )
        items = await until(api, lambda found: found[0]["deliveries"][0]["given_up"])
        assert items[0]["deliveries"][0]["delivered"] is False
        async with database.connection() as connection:
            await connection.execute("update webhook_deliveries set due_at = clock_timestamp()")
        await asyncio.sleep(0.7)
        assert len(receiver.received) == 2


async def test_a_webhook_needs_a_plain_address(database: Database) -> None:
    async with control(database) as api:
        for url in ("ftp://a/b", "http://", "https://user:pw@host/", "http://a b/", "http://h:99999/", "/x"):
            found = await api.post("/webhooks", {"url": url}, 400)
            assert found["error"]["code"] == "invalid_request", url


@given(st.text(max_size=60))
def test_an_address_is_read_or_refused_and_never_smuggles(text: str) -> None:
    try:
        found = read_destination(f"http://{text}")
    except InvalidRequest:
        return
    for part in (found.target, found.host):
        assert not set(part) & set(b"\r\n \x00")


@given(st.integers(1, ATTEMPTS_MAX), st.floats(0, 1))
def test_waits_grow_and_have_a_bound(attempts: int, jitter: float) -> None:
    assert 0 < wait_s(attempts, jitter) <= BACKOFF_S_MAX
    assert wait_s(attempts, jitter) <= wait_s(attempts + 1, jitter)


@given(st.binary(max_size=100), st.integers(0, 2**40))
def test_a_signature_covers_body_and_time(body: bytes, sent_s: int) -> None:
    secret = Secret("whsec_tulip")
    value = signature(secret, sent_s, body)
    check_signature(value, "whsec_tulip", body)
    assert signature(secret, sent_s + 1, body).partition("v1=")[2] != value.partition("v1=")[2]
    assert signature(secret, sent_s, body + b"x") != value
