"""A shipper that goes on while its database is replaced by one that lacks the last commits."""

import asyncio
import uuid
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import sql
from tests.contract.made_entries import make_begin, make_end, new_call

from headgate.core.entries import BEGIN, END
from headgate.core.faults import Unavailable
from headgate.journal.shipper import Shipper
from headgate.journal.writer import JournalWriter
from headgate.records.sink import RecordSink
from headgate.store.database import Database

encoded = msgspec.msgpack.encode


def write_calls(journal: JournalWriter, count: int) -> None:
    for _ in range(count):
        call = new_call()
        journal.append(BEGIN, encoded(make_begin(call)))
        journal.append(END, encoded(make_end(call)))


async def ship_all(shipper: Shipper) -> None:
    while await shipper.ship_once():
        pass


def run(url: str, *statements: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(sql.SQL(statement))  # pyright: ignore[reportArgumentType]
            rows = cursor.fetchall() if cursor.description else []
    return rows


def go_back(url: str) -> None:
    """Bring back what was there before: nothing of the calls, and the position at the start."""
    run(
        url,
        "truncate requests, rollups, series_sums, rollup_days, session_days",
        "update journals set acct_segment = 1, acct_offset = 0, closed_at = null",
    )


@pytest.mark.parametrize("is_over", [False, True], ids=["its writer lives", "its writer has ended"])
async def test_what_a_failover_lost_is_shipped_again(
    database: Database, database_url: str, tmp_path: Path, is_over: bool
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    write_calls(journal, 7)
    if is_over:
        await asyncio.to_thread(journal.close)
    shipper = Shipper(tmp_path, database, [RecordSink()], host="here")
    await ship_all(shipper)
    await asyncio.to_thread(go_back, database_url)
    await ship_all(shipper)
    assert run(database_url, "select count(*) from requests") == [(0,)], (
        "nothing new, nothing to notice it by"
    )
    await shipper.compare()
    await ship_all(shipper)
    assert run(database_url, "select count(*) from requests") == [(7,)]
    assert run(database_url, "select closed_at is not null from journals") == [(is_over,)]
    if not is_over:
        await asyncio.to_thread(journal.close)


async def test_a_journal_is_not_closed_of_which_something_was_lost(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    write_calls(journal, 7)
    shipper = Shipper(tmp_path, database, [RecordSink()], host="here")
    await ship_all(shipper)
    await asyncio.to_thread(go_back, database_url)
    await asyncio.to_thread(journal.close)
    with pytest.raises(Unavailable):
        await ship_all(shipper)
    await ship_all(shipper)
    assert run(database_url, "select count(*) from requests") == [(7,)]
    assert run(database_url, "select closed_at is not null from journals") == [(True,)]


async def test_a_row_that_is_gone_is_made_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    write_calls(journal, 3)
    shipper = Shipper(tmp_path, database, [RecordSink()], host="here")
    await ship_all(shipper)
    await asyncio.to_thread(
        run, database_url, "truncate requests, rollups, series_sums, rollup_days, session_days, journals"
    )
    await shipper.compare()
    await ship_all(shipper)
    assert run(database_url, "select count(*) from requests") == [(3,)]
    await asyncio.to_thread(journal.close)
