"""Calls on record to look at, written as the shipper writes them. Read next: `console_house`."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
from demo.running import Running

from headgate.core.entries import END, End
from headgate.core.ports import Envelope, Sink
from headgate.store.database import Connection, Database

BATCH = 500


def write_calls(running: Running, calls: Sequence[End], *sinks: Sink) -> None:
    """Write calls by the sinks, all at once: no job sees a part of them."""

    async def write(connection: Connection) -> None:
        for start in range(0, len(calls), BATCH):
            batch = [
                Envelope(uuid.uuid4().bytes, END, msgspec.msgpack.encode(call))
                for call in calls[start : start + BATCH]
            ]
            for sink in sinks:
                await sink.apply(connection, batch)

    in_database(running, write)


def in_database(running: Running, do: Callable[[Connection], Awaitable[None]]) -> None:
    """Do something in one transaction of a Headgate's database."""
    url = running.database_url()

    async def run() -> None:
        async with (
            Database(url, connections_max=1, name="tests") as database,
            database.transaction() as connection,
        ):
            await do(connection)

    # In a thread of its own: the browser's driver may have a loop that runs in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()
