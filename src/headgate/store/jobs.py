"""The job queue: procrastinate on the same database. Slices register their periodic tasks on the app.

Never runs a job by itself: control starts the app's worker. Read next: `store.migrate`, which applies its
schema.
"""

from importlib import resources
from typing import LiteralString, cast

import procrastinate
from procrastinate.schema import SchemaManager

from headgate.store.database import Connection, configure, keep_alive

_PREFIX = "procrastinate/"


def build_app(database_url: str, *, connections_max: int = 4) -> procrastinate.App:
    """Return the app of the queue; `async with app.open_async()` opens it, `run_worker_async` works."""
    connector = procrastinate.PsycopgConnector(
        conninfo=database_url,
        min_size=1,
        max_size=connections_max,
        kwargs={"application_name": "headgate jobs", **keep_alive(database_url)},
        configure=configure,
    )
    return procrastinate.App(connector=connector)


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
