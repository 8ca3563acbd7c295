"""The job queue: procrastinate on the same database. Slices register their periodic tasks on the app.

Never runs a job by itself: control starts the app's worker. Read next: `store.migrate`, which applies its
schema.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import resources
from typing import LiteralString, cast

import procrastinate
from procrastinate.schema import SchemaManager
from psycopg_pool import AsyncConnectionPool

from headgate.store.database import CLOSE_S, Connection, check_open, configure, keep_alive

_PREFIX = "procrastinate/"


@asynccontextmanager
async def open_queue(database_url: str, *, connections_max: int = 4) -> AsyncGenerator[procrastinate.App]:
    """Open the app of the queue for the length of the block; its `run_worker_async` works on the jobs.

    Connections come as they are needed, so that a block that is left at any moment leaves none behind: the
    library's own way of opening waits for the first, and is never closed when it is cancelled there.
    """
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        database_url,
        min_size=0,
        max_size=connections_max,
        kwargs={"application_name": "headgate jobs", **keep_alive(database_url)},
        configure=configure,
        check=check_open,
        name="jobs",
        open=False,
    )
    app = procrastinate.App(connector=procrastinate.PsycopgConnector())
    try:
        await pool.open(wait=False)
        async with app.open_async(pool):
            yield app
    finally:
        await pool.close(timeout=CLOSE_S)


async def apply_schema(connection: Connection) -> list[str]:
    """Bring the queue's own tables up to the installed version; return what was applied now.

    Needs the table `schema_migrations`; holds no lock of its own.
    """
    folder = resources.files("procrastinate.sql").joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    cursor = await connection.execute("select to_regclass('procrastinate_jobs') is not null")
    row = await cursor.fetchone()
    if row is None or not row[0]:
        async with connection.transaction():
            await connection.execute(SchemaManager.get_schema())
            await _note(connection, names)
        return [f"{_PREFIX}schema"]
    cursor = await connection.execute("select name from schema_migrations")
    known = {name async for (name,) in cursor}
    missing = [name for name in names if _PREFIX + name not in known]
    for name in missing:
        sql = folder.joinpath(name).read_text(encoding="utf-8")
        async with connection.transaction():
            await connection.execute(cast("LiteralString", sql))
            await _note(connection, [name])
    return [_PREFIX + name for name in missing]


async def _note(connection: Connection, names: list[str]) -> None:
    await connection.execute(
        "insert into schema_migrations (name, checksum) select unnest(%s::text[]), 'upstream'",
        ([_PREFIX + name for name in names],),
    )
