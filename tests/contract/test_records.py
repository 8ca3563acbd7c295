"""Records on a real PostgreSQL: rows, filters, pages, bodies, costs, calls in flight, retention."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import pytest
from tests.contract.made_entries import (
    BOOT,
    envelope,
    make_attempt,
    make_begin,
    make_body,
    make_end,
    new_call,
)

from headgate.core.call import Usage
from headgate.core.entries import Begin, Body, End, Hold, Settled
from headgate.core.faults import InvalidRequest, NotFound
from headgate.records import retention, sketch
from headgate.records.bodies import BodySink, read_bodies
from headgate.records.costs import costs
from headgate.records.model import CostRow, GroupName, RequestFilters, RequestItem
from headgate.records.queries import get_request, list_requests, open_calls
from headgate.records.rollup import VALUES_MAX
from headgate.records.sink import INTERRUPTED, RecordSink
from headgate.store.database import Connection, Database


async def write(database: Database, *entries: Begin | Settled | End | Body) -> None:
    async with database.transaction() as connection:
        await RecordSink().apply(
            connection, [envelope(entry) for entry in entries if not isinstance(entry, Body)]
        )
        await BodySink().apply(connection, [envelope(entry) for entry in entries if isinstance(entry, Body)])


async def listed(
    database: Database, projects: Sequence[str] | None = None, **filters: Any
) -> list[RequestItem]:
    async with database.connection() as connection:
        page = await list_requests(connection, projects, RequestFilters(**filters))
    assert page.next is None
    return page.items


async def test_an_ended_call_is_a_row_with_everything(database: Database) -> None:
    call = new_call()
    await write(database, make_begin(call), make_end(call, message="nul \0 here", label_regions=("eu",)))
    [item] = await listed(database)
    assert item.id == str(uuid.UUID(bytes=call))
    assert msgspec.to_builtins(item.usage) == {
        "input": 3,
        "cache_read": 2,
        "cache_write": 1,
        "output": 16,
        "reasoning": 7,
    }
    assert item.cost_usd == "0.000001234567" and item.attempts == 1 and item.started_at.endswith("Z")
    async with database.connection() as connection:
        detail = await get_request(connection, ["default"], item.id)
        assert await open_calls(connection, None) == []
    encoded = msgspec.json.decode(msgspec.json.encode(detail))
    assert encoded["message"] == "nul \ufffd here" and encoded["label_regions"] == ["eu"]
    assert encoded["attempts"][0]["reserved_usd"] == "0.000005"
    assert encoded["excluded"] == [{"target": "local/llama", "reason": "region us is not allowed"}]
    assert encoded["request"] is None and encoded["session"] == "s1" and encoded["prompts"] == []


async def test_filters_and_scopes_hold(database: Database) -> None:
    one, two, three = new_call(), new_call(), new_call()
    await write(
        database,
        make_end(one, project="a", user="", session=""),
        make_end(two, project="b", key="k2", status=429, code="rate_limited", target="gemini/flash"),
        make_end(three, project="b", trace_id="t3", release="r2", tags=("red", "blue"), model="other"),
    )
    ids = [str(uuid.UUID(bytes=call)) for call in (one, two, three)]

    async def found(projects: Sequence[str] | None = None, **filters: Any) -> list[int]:
        return [ids.index(item.id) for item in await listed(database, projects, **filters)]

    assert await found() == [2, 1, 0], "newest first"
    assert await found(["a"]) == [0] and await found([]) == [] and await found(["a"], project="b") == []
    assert await found(["a", "b"], project="b") == [2, 1]
    assert (
        await found(key="k2") == [1]
        and await found(user="ann") == [2, 1]
        and await found(session="s1") == [2, 1]
    )
    assert (
        await found(status="429") == [1]
        and await found(status="4xx") == [1]
        and await found(status="ok") == [2, 0]
    )
    assert await found(status="error", code="rate_limited") == [1] and await found(code="nul\0") == []
    assert await found(target="gemini") == [1] and await found(target="gem") == []
    assert await found(target="openai/gpt-5-mini", model="other") == [2]
    assert await found(trace_id="t3", release="r2", tag="red") == [2]
    now = datetime.now(UTC)
    assert await found(begin=now - timedelta(minutes=5), end=now + timedelta(minutes=5)) == [2, 1, 0]
    assert (
        await found(begin=now + timedelta(minutes=5)) == [] and await found(end=now - timedelta(days=3)) == []
    )
    with pytest.raises(InvalidRequest, match="status"):
        await found(status="sometimes")
    async with database.connection() as connection:
        for projects, key in ((["a"], None), (None, "k9"), ([], None)):
            with pytest.raises(NotFound):
                await get_request(connection, projects, ids[1], key=key)
        with pytest.raises(NotFound):
            await get_request(connection, None, "nonsense")


async def test_pages_neither_skip_nor_repeat(database: Database) -> None:
    calls = [new_call() for _ in range(25)]
    await write(database, *(make_end(call) for call in calls))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        async with database.connection() as connection:
            page = await list_requests(connection, ["default"], RequestFilters(), limit=7, cursor=cursor)
        seen += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == [str(uuid.UUID(bytes=call)) for call in reversed(calls)]
    async with database.connection() as connection:
        with pytest.raises(InvalidRequest, match="next"):
            await list_requests(connection, None, RequestFilters(), cursor="???")


BODIES = (
    b'{"model": "m", "messages": [{"role": "user", '
    b'"content": "Gr\\u00fc\\u00dfe an alle, die das hier lesen wollen"},\n {"role": "assistant", '
    b'"content": "ein langer Satz, damit es sich lohnt, ihn nur einmal zu speichern"} ] }',
    b"no json at all \xff\xfe \0",
    b"",
    b'{"messages": []}',
)


async def test_bodies_come_back_byte_for_byte(database: Database) -> None:
    calls = [new_call() for _ in BODIES]
    response = b'data: {"x": 1}\n\n\xff\0'
    await write(
        database,
        *(make_end(call) for call in calls),
        *(make_body(call, body, response=response) for call, body in zip(calls, BODIES, strict=True)),
    )
    async with database.connection() as connection:
        for call, body in zip(calls, BODIES, strict=True):
            found = await read_bodies(connection, ["default"], uuid.UUID(bytes=call))
            assert found is not None and found.request == body and found.response == response
            assert await read_bodies(connection, ["other"], uuid.UUID(bytes=call)) is None
            shown = msgspec.json.encode(await get_request(connection, None, str(uuid.UUID(bytes=call))))
            assert msgspec.json.decode(shown)["response"].startswith("data: ")
        first = msgspec.json.decode(
            msgspec.json.encode(await get_request(connection, None, str(uuid.UUID(bytes=calls[0]))))
        )
        assert [message["role"] for message in first["messages"]] == ["user", "assistant"]
        assert first["request"]["model"] == "m"


async def test_a_conversation_stores_each_message_once_a_project(database: Database) -> None:
    turns = [
        f'{{"role": "user", "content": "turn {n} with enough text to be worth a row of its own"}}'
        for n in range(8)
    ]
    bodies = [('{"messages": [' + ", ".join(turns[: n + 1]) + "]}").encode() for n in range(8)]
    await write(database, *(make_body(new_call(), body) for body in bodies[:4]))
    await write(database, *(make_body(new_call(), body) for body in bodies[4:]))
    await write(database, make_body(new_call(), bodies[0], project="other"))
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select project, count(*), count(distinct hmac) from messages group by 1"
        )
        assert {project: count for project, count, _ in await cursor.fetchall()} == {
            "default": 8,
            "other": 1,
        }
        cursor = await connection.execute("select count(distinct hmac) from messages")
        assert await cursor.fetchone() == (9,), "the same message has another name in another project"


async def test_text_is_found_in_messages_and_answers(database: Database) -> None:
    one, two = new_call(), new_call()
    await write(
        database,
        *(make_end(call) for call in (one, two)),
        make_body(one, BODIES[0]),
        make_body(two, b"{}", response='{"text": "100% sure_of it: Übung"}'.encode()),
    )

    async def found(text: str) -> list[str]:
        return [item.id for item in await listed(database, text=text)]

    first, second = str(uuid.UUID(bytes=one)), str(uuid.UUID(bytes=two))
    assert await found("Grüße AN alle") == [first] and await found("langer satz") == [first]
    assert await found("übung") == [second] and await found("100% SURE_") == [second]
    assert await found("100%it") == [] and await found("sure%of") == []


def total(rows: Sequence[CostRow]) -> Decimal:
    return sum((Decimal(row.cost_usd or "0") for row in rows), Decimal(0))


async def test_costs_equal_the_sum_of_requests_to_the_last_digit(database: Database) -> None:
    ends: list[End] = []
    for number in range(60):
        ends.append(
            make_end(
                new_call(),
                project=f"p{number % 3}",
                key=f"k{number % 4}",
                user=f"u{number % 5}",
                tags=(f"t{number % 2}",),
                model=f"m{number % 2}",
                cost_pico_usd=None if number % 7 == 0 else 10**12 // 3 + number,
                usage=Usage(input=number, output=1),
                estimated=number % 6 == 0,
            )
        )
    for begin in range(0, 60, 7):
        await write(database, *ends[begin : begin + 7])
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select sum(cost_usd), count(*) filter (where cost_usd is null) from requests"
        )
        row = await cursor.fetchone()
        assert row is not None
        groups: tuple[tuple[GroupName, ...], ...] = (
            ("project", "model"),
            ("key", "target", "release"),
            ("user",),
            ("tag", "project"),
            (),
        )
        for group_by in groups:
            rows = await costs(connection, None, group_by=group_by)
            assert total(rows) == row[0]
            assert sum(one.requests for one in rows) == 60 and sum(one.unpriced for one in rows) == row[1]
            assert sum(one.usage.input for one in rows) == sum(range(60))
            assert sum(one.estimated for one in rows) == 10
            for one in rows:
                assert set(msgspec.to_builtins(one)) == {
                    *group_by,
                    *("requests", "usage", "cost_usd", "unpriced", "estimated"),
                }
        assert (
            total(
                await costs(connection, None, interval="hour", begin=datetime.now(UTC) - timedelta(hours=2))
            )
            == row[0]
        )
        assert await costs(connection, None, end=datetime.now(UTC) - timedelta(days=2)) == []
        scoped = await costs(connection, ["p1"], group_by=["project"], interval="day")
        assert [one.project for one in scoped] == ["p1"] and isinstance(scoped[0].start, str)
        assert (
            sum(one.requests for one in await costs(connection, ["p1"], group_by=["key"], only={"key": "k1"}))
            == 5
        )
        with pytest.raises(InvalidRequest, match="kept by project and day"):
            await costs(connection, None, group_by=["user", "model"])


async def test_unknown_cost_is_null_and_metadata_modes_keep_less(database: Database) -> None:
    await write(
        database,
        make_end(new_call(), cost_pico_usd=None, record="metadata"),
        make_end(new_call(), cost_pico_usd=5, record="none", project="quiet"),
    )
    [item] = await listed(database)
    assert item.cost_usd is None
    async with database.connection() as connection:
        by_project = {
            row.project: row.cost_usd for row in await costs(connection, None, group_by=["project"])
        }
    assert by_project == {"default": None, "quiet": "0.000000000005"}


async def test_an_interrupted_call_costs_what_its_attempts_were_charged(database: Database) -> None:
    again, between = new_call(), new_call()
    hold = (Hold(1, 5_000_000),)
    await write(database, make_begin(again, holds=hold), make_begin(between, holds=hold))
    await write(
        database,
        Settled(again, 1, 2_000_000, hold),
        make_begin(again, attempt=2, holds=(Hold(1, 3_000_000),)),
        Settled(between, 1, 0, hold),
    )
    async with database.transaction() as connection:
        await RecordSink().close_journal(connection, BOOT)
    items = {item.id: item.cost_usd for item in await listed(database, code=INTERRUPTED)}
    assert items == {str(uuid.UUID(bytes=again)): "0.000005", str(uuid.UUID(bytes=between)): "0"}


async def test_an_attempt_whose_end_a_disk_has_lost_is_charged_in_full_beside_the_next_one(
    database: Database,
) -> None:
    call, other = new_call(), new_call()
    hold, small = (Hold(1, 5_000_000),), (Hold(1, 3_000_000),)
    await write(
        database,
        make_begin(call, holds=hold),
        make_begin(call, attempt=2, holds=small),
        make_begin(other, holds=hold),
    )
    await write(database, Settled(call, 2, 1_000_000, small), make_begin(other, attempt=2, holds=small))
    async with database.transaction() as connection:
        await RecordSink().close_journal(connection, BOOT)
    items = {item.id: item.cost_usd for item in await listed(database, code=INTERRUPTED)}
    assert items == {str(uuid.UUID(bytes=call)): "0.000006", str(uuid.UUID(bytes=other)): "0.000008"}


async def test_open_calls_show_and_a_dead_process_leaves_records(database: Database) -> None:
    done, lost, free = new_call(), new_call(), new_call()
    await write(database, make_begin(done), make_begin(lost), make_begin(free, holds=()))
    await write(database, make_begin(lost, attempt=2, target="gemini/flash"), make_end(done))
    async with database.connection() as connection:
        shown = {call.id: (call.attempt, call.target) for call in await open_calls(connection, ["default"])}
        assert shown == {
            str(uuid.UUID(bytes=lost)): (2, "gemini/flash"),
            str(uuid.UUID(bytes=free)): (1, "openai/gpt-5-mini"),
        }
        assert await open_calls(connection, ["other"]) == []
    async with database.transaction() as connection:
        await RecordSink().close_journal(connection, BOOT)
    items = {item.id: item for item in await listed(database, code=INTERRUPTED)}
    assert {identity: item.cost_usd for identity, item in items.items()} == {
        str(uuid.UUID(bytes=lost)): "0.00001",  # the end of its first attempt is missing: both in full
        str(uuid.UUID(bytes=free)): None,
    }
    async with database.connection() as connection:
        assert await open_calls(connection, None) == []


async def test_the_cost_of_an_attempt_whose_begin_is_lost_stays_with_its_call(
    database: Database,
) -> None:
    call, unknown = new_call(), new_call()
    for lost in (call, unknown):
        await write(database, Settled(call=lost, attempt=1, cost_pico_usd=3_000_000, holds=()))
    async with database.connection() as connection:
        assert await open_calls(connection, None) == [], "nothing is known of them yet"
    await write(database, make_begin(call, attempt=2))
    async with database.connection() as connection:
        assert [each.project for each in await open_calls(connection, ["default"])] == ["default"]
    async with database.transaction() as connection:
        await RecordSink().close_journal(connection, BOOT)
    [item] = await listed(database, code=INTERRUPTED)
    assert (item.id, item.cost_usd) == (str(uuid.UUID(bytes=call)), "0.000008")
    async with database.connection() as connection:
        cursor = await connection.execute("select count(*) from open_calls")
        assert await cursor.fetchone() == (0,)


async def test_the_same_end_twice_is_refused_whole(database: Database) -> None:
    call = new_call()
    await write(database, make_end(call))
    with pytest.raises(psycopg.errors.UniqueViolation):
        await write(database, make_end(new_call()), make_end(call))
    async with database.connection() as connection:
        assert [row.requests for row in await costs(connection, None)] == [1]


async def test_values_beyond_the_cap_count_as_other(database: Database) -> None:
    ends = [make_end(new_call(), user=f"u{number}", tags=()) for number in range(VALUES_MAX + 3)]
    await write(database, *ends[:VALUES_MAX])
    await write(database, *ends[VALUES_MAX:], make_end(new_call(), user="u1", tags=()))
    async with database.connection() as connection:
        rows = {row.user: row.requests for row in await costs(connection, None, group_by=["user"])}
    assert len(rows) == VALUES_MAX + 1 and rows["other"] == 3 and rows["u1"] == 2


async def test_who_reads_several_tables_is_in_nobodys_way_while_partitions_are_made(
    database: Database,
) -> None:
    async with database.connection() as making:
        async with database.transaction() as reading:
            await reading.execute("select 1 from spans limit 1")
            made = asyncio.create_task(retention.make_partitions_ahead(making, retention.DAYS_AHEAD + 2))
            async with database.connection() as looking:
                for _ in range(500):
                    if await _waits_for_a_lock(looking):
                        break
                    await asyncio.sleep(0.02)
            await reading.execute("select 1 from requests limit 1")
            assert not made.done()
        await made


async def _waits_for_a_lock(connection: Connection) -> bool:
    cursor = await connection.execute(
        "select exists (select from pg_locks l join pg_database d on d.oid = l.database "
        "where not l.granted and d.datname = current_database())"
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


async def test_partitions_are_made_and_expire(database: Database) -> None:
    async with database.connection() as connection:
        await retention.make_partitions_ahead(connection)
        now = datetime.now(UTC)
        old, new = (now - timedelta(days=20)), now
        for project in ("short", "long"):
            for when in (old, new):
                milliseconds = int(when.timestamp() * 1000)
                call = uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | uuid.uuid4().int % 2**62)
                body = make_body(call.bytes, BODIES[0], project=project)
                await write(database, make_end(call.bytes, project=project, started_ms=milliseconds), body)
        assert await retention.count_default_rows(connection) == 0
        assert await retention.drop_expired(connection, {"short": 5, "long": 90}) == []
        # Both new calls are of one millisecond, so that either may come first.
        assert sorted(item.project for item in await listed(database)) == ["long", "long", "short"]
        dropped = await retention.drop_expired(connection, {"short": 5, "long": 10}, default_days=10)
        tables = ("messages", "request_bodies", "requests", "span_events", "span_words", "spans")
        assert dropped == [f"{table}_{old:%Y%m%d}" for table in tables]
        assert len(await listed(database)) == 2
        far = uuid.UUID(int=1 << 80 | 0x7 << 76 | 0b10 << 62 | 5)
        await write(database, make_end(far.bytes, project="long"))
        assert await retention.count_default_rows(connection) == 1


async def test_hostile_names_are_cut_and_attempts_kept(database: Database) -> None:
    long = "x\0" * 20_000
    attempts = tuple(make_attempt(attempt=n, code=long, message=long, usage_raw=b"\xff\0") for n in (1, 2))
    end = make_end(
        new_call(),
        user=long,
        model=long,
        session=long,
        tags=(long, long),
        key=long,
        project=long,
        attempts=attempts,
    )
    await write(database, end, make_begin(new_call(), user=long, model=long))
    [item] = await listed(database)
    assert item.attempts == 2 and len(item.model) == 200 and "\0" not in item.model


def test_sketches_tell_quantiles_within_their_buckets() -> None:
    counts: list[int] = []
    for duration_ms in range(1, 1001):
        sketch.add(counts, duration_ms)
    assert sum(counts) == 1000 and sketch.quantile_ms([], 0.5) is None
    for share, true in ((0.5, 500), (0.95, 950), (1.0, 1000)):
        found = sketch.quantile_ms(counts, share)
        assert found is not None and true * 0.99 <= found <= true * 1.16
    assert sketch.bucket_of(10**12) == sketch.BUCKETS_MAX - 1
