"""Keys, audit and gateways on a real PostgreSQL: a change, its audit row and its sequence number are one."""

import asyncio
import secrets
import uuid
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from headgate.access.book import AccessBook, KeyChange
from headgate.access.gateways import acknowledged, forget_gone, heartbeat, leave, list_gateways
from headgate.access.model import Key
from headgate.access.roles import Visible
from headgate.access.store import (
    AuditEntry,
    NewKey,
    create_key,
    first_admin_key,
    get_key,
    list_audit,
    list_keys,
    revoke_key,
    write_audit,
)
from headgate.core.faults import Conflict, InvalidKey, InvalidRequest, NotFound
from headgate.core.secret import Secret
from headgate.store.database import Connection, Database
from headgate.store.live import LiveObjects

NOW_MS = 1_790_000_000_000
EVERYTHING = Visible(project_ids=None)


async def book_of(database: Database) -> AccessBook:
    """Do what a gateway does: take all changes from the start."""
    book = AccessBook()
    async with database.connection() as connection:
        for change in await LiveObjects.changes_since(connection, 0):
            key = None if change.body is None else msgspec.json.decode(change.body, type=Key)
            book.apply([KeyChange(id=change.id, seq=change.seq, key=key)])
    book.contacted(NOW_MS)
    return book


async def test_a_key_is_made_used_and_revoked(database: Database) -> None:
    new = NewKey(name="app", project="p", user="alice", models=("assistant",), tags=("a",), record="metadata")
    async with database.transaction() as connection:
        created = await create_key(connection, new, actor="admin", now_ms=NOW_MS)
    text = created.text.reveal().encode()
    key = (await book_of(database)).authenticate(text, NOW_MS)
    assert key == created.key
    assert (key.project, key.user, key.models, key.record) == ("p", "alice", ("assistant",), "metadata")

    async with database.transaction() as connection:
        seq = await revoke_key(connection, key.id, visible=EVERYTHING, actor="admin")
    assert seq > created.seq
    book = await book_of(database)
    assert book.seq == seq
    with pytest.raises(InvalidKey, match="revoked"):
        book.authenticate(text, NOW_MS)
    async with database.transaction() as connection:
        with pytest.raises(NotFound):
            await revoke_key(connection, key.id, visible=EVERYTHING, actor="admin")


async def test_every_change_is_in_the_audit_log_without_secrets(database: Database) -> None:
    async with database.transaction() as connection:
        created = await create_key(connection, NewKey(name="app"), actor="k9", now_ms=NOW_MS)
        await revoke_key(connection, created.key.id, visible=EVERYTHING, actor="k8")
        entry = AuditEntry(actor="k7", action="set", kind="x", object="y", after={"key": Secret("canary")})
        await write_audit(connection, entry)
        rows = await list_audit(connection, None)
    assert [(row.entry.actor, row.entry.action, row.entry.kind) for row in rows] == [
        ("k7", "set", "x"),
        ("k8", "revoke", "key"),
        ("k9", "create", "key"),
    ]
    assert rows[0].entry.after == {"key": "***"}
    assert rows[1].entry.before["name"] == rows[2].entry.after["name"] == "app"
    assert rows[0].at.tzinfo is not None
    async with database.connection() as connection:
        cursor = await connection.execute("select string_agg(t::text, ' ') from audit_log t")
        row = await cursor.fetchone()
        assert row is not None
        shown = str(row[0])
    secret = created.text.reveal()
    digest = msgspec.json.encode(created.key.digest).decode().strip('"')
    assert secret[16:] not in shown and digest not in shown and "canary" not in shown


async def test_the_change_and_its_audit_row_are_one(database: Database) -> None:
    class Interrupted(Exception):
        pass

    with pytest.raises(Interrupted):
        async with database.transaction() as connection:
            await create_key(connection, NewKey(name="app"), actor="admin", now_ms=NOW_MS)
            raise Interrupted
    async with database.connection() as connection:
        assert await list_keys(connection, EVERYTHING) == []
        assert await list_audit(connection, None) == []


async def test_lists_show_only_what_the_actor_sees(database: Database) -> None:
    async with database.transaction() as connection:
        keys = [
            (await create_key(connection, NewKey(name=f"k{n}", project=project), actor="a", now_ms=n)).key
            for n, project in enumerate(["p", "q", "p", "r"])
        ]
    ids = [key.id for key in keys]

    async def seen(visible: Visible) -> list[str]:
        async with database.connection() as connection:
            return [listed.key.id for listed in await list_keys(connection, visible)]

    assert await seen(EVERYTHING) == ids[::-1]
    assert await seen(Visible(project_ids=("p",))) == [ids[2], ids[0]]
    assert await seen(Visible(project_ids=("p",), key=ids[0])) == [ids[0]]
    assert await seen(Visible(project_ids=())) == []
    async with database.transaction() as connection:
        for hidden in (Visible(project_ids=("q",)), Visible(project_ids=("p",), key=ids[2])):
            with pytest.raises(NotFound):
                await get_key(connection, ids[0], visible=hidden)
            with pytest.raises(NotFound):
                await revoke_key(connection, ids[0], visible=hidden, actor="x")
        assert len(await list_audit(connection, ("p",))) == 2
        first = await list_keys(connection, EVERYTHING, limit=3)
        rest = await list_keys(connection, EVERYTHING, limit=3, before=first[-1].seq)
    assert [listed.key.id for listed in [*first, *rest]] == ids[::-1]


async def test_names_are_unique_within_a_project_while_they_live(database: Database) -> None:
    async with database.transaction() as connection:
        created = await create_key(connection, NewKey(name="app"), actor="a", now_ms=1)
        await create_key(connection, NewKey(name="app", project="other"), actor="a", now_ms=1)
        with pytest.raises(Conflict, match="has a key 'app' already"):
            await create_key(connection, NewKey(name="app"), actor="a", now_ms=1)
        await revoke_key(connection, created.key.id, visible=EVERYTHING, actor="a")
        await create_key(connection, NewKey(name="app"), actor="a", now_ms=1)
        assert len(await list_keys(connection, EVERYTHING)) == 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
async def test_a_name_that_no_list_can_show_is_refused(database: Database, name: str) -> None:
    async with database.transaction() as connection:
        with pytest.raises(InvalidRequest, match="1 to 100 printable"):
            await create_key(connection, NewKey(name=name), actor="a", now_ms=1)


async def test_servers_that_start_at_once_make_one_admin_key(database: Database) -> None:
    async def start() -> Secret | None:
        async with database.transaction() as connection:
            return await first_admin_key(connection, now_ms=NOW_MS)

    made = [text for text in await asyncio.gather(*(start() for _ in range(5))) if text is not None]
    assert len(made) == 1
    key = (await book_of(database)).authenticate(made[0].reveal().encode(), NOW_MS)
    assert (key.role, key.may_assert) == ("admin", True)


async def test_a_chosen_admin_key_takes_the_place_of_the_one_before(database: Database) -> None:
    async def choose(text: str) -> None:
        async with database.transaction() as connection:
            assert await first_admin_key(connection, now_ms=1, chosen=Secret(text)) == Secret(text)

    await choose("correct-horse-battery-staple")
    await choose("correct-horse-battery-staple")
    async with database.connection() as connection:
        assert len(await list_audit(connection, None)) == 1
    await choose("another-horse-battery-staple")
    book = await book_of(database)
    assert book.authenticate(b"another-horse-battery-staple", NOW_MS).role == "admin"
    with pytest.raises(InvalidKey):
        book.authenticate(b"correct-horse-battery-staple", NOW_MS)
    async with database.transaction() as connection:
        assert await first_admin_key(connection, now_ms=1) is None
        with pytest.raises(InvalidRequest):
            await first_admin_key(connection, now_ms=1, chosen=Secret("short"))


Beat = Callable[[int], Awaitable[int]]


def gateway(database: Database, name: str) -> tuple[uuid.UUID, Beat]:
    boot = uuid.UUID(bytes=secrets.token_bytes(16))

    async def beat(seq: int) -> int:
        async with database.connection() as connection:
            return await heartbeat(connection, boot, name, seq, "s1")

    return boot, beat


async def age(connection: Connection, boot: uuid.UUID, by_s: float) -> None:
    await connection.execute(
        "update gateways set seen_at = seen_at - make_interval(secs => %s) where boot = %s", (by_s, boot)
    )


async def test_a_change_is_acknowledged_once_all_live_gateways_have_it(database: Database) -> None:
    _, one = gateway(database, "gateway 1")
    _, two = gateway(database, "gateway 2")
    assert [await one(4), await two(3), await one(4)] == [1, 2, 2]

    late = await acknowledged(database, 4, timeout_s=0.05)
    assert not late.everywhere and late.silent == ()
    assert len(late.behind) == 1 and late.behind[0].startswith("gateway 2 on ")

    waiting = asyncio.create_task(acknowledged(database, 4, timeout_s=30))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await two(4)
    assert (await waiting).everywhere


async def test_a_gateway_that_went_silent_is_named_but_not_waited_for(database: Database) -> None:
    boot, beat = gateway(database, "gateway 1")
    await beat(1)
    async with database.connection() as connection:
        await age(connection, boot, 10)
        (listed,) = await list_gateways(connection)
        assert (listed.live, listed.live_seq, listed.snapshot) == (False, 1, "s1")
    silent = await acknowledged(database, 2, timeout_s=30)
    assert silent.behind == () and len(silent.silent) == 1
    async with database.connection() as connection:
        await age(connection, boot, 300)
        assert (await acknowledged(database, 2, timeout_s=30)).everywhere
        await age(connection, boot, 90_000)
        await forget_gone(connection)
        cursor = await connection.execute("select count(*) from gateways")
        assert await cursor.fetchone() == (0,)


async def test_a_gateway_that_left_or_was_replaced_is_not_named(database: Database) -> None:
    boot, one = gateway(database, "gateway 1")
    _, successor = gateway(database, "gateway 1")
    await one(1)
    assert await successor(2) == 1
    assert (await acknowledged(database, 2, timeout_s=0.05)).everywhere
    boot, two = gateway(database, "gateway 2")
    await two(1)
    async with database.connection() as connection:
        await leave(connection, boot)
    assert (await acknowledged(database, 2, timeout_s=0.05)).everywhere
