"""Brings a database to the present schema: numbered SQL files, each in a transaction, once.

Expand first, contract a version later: the code before and after must run on the same schema, so migrations
that this version does not know are left alone. Read next: `store/migrations`.
"""

import hashlib
import logging
import re
from importlib import resources
from typing import LiteralString, cast

import msgspec
import psycopg

from headgate.core.faults import Misconfigured, Unavailable
from headgate.store import jobs
from headgate.store.database import Connection, connect, is_away

log = logging.getLogger("headgate.store")

LOCK_ID = 0x6865616467617465
"""The advisory lock that one migrator holds: `headgate` in ASCII."""

_FILE = re.compile(r"^(\d{4}_[a-z0-9_]+)\.sql$")


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `name` sorts by its number; `checksum` is SHA-256 of its text."""

    name: str
    sql: str
    checksum: str


def migrations() -> list[Migration]:
    """Read the files of this version, in order. Raises ValueError for a number that stands twice."""
    found: list[Migration] = []
    for entry in resources.files("headgate.store").joinpath("migrations").iterdir():
        match = _FILE.match(entry.name)
        if match is None:
            continue
        text = entry.read_text(encoding="utf-8")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        if any(other.name[:4] == match.group(1)[:4] for other in found):
            raise ValueError(f"two migrations have the number {match.group(1)[:4]}")
        found.append(Migration(name=match.group(1), sql=text, checksum=checksum))
    return sorted(found, key=lambda migration: migration.name)


async def migrate(url: str) -> list[str]:
    """Apply what is missing; return the names of what was applied now.

    Waits while another process migrates. Raises Unavailable when the database is away, Misconfigured when
    a file was changed after it had been applied.
    """
    connection = await connect(url, "migrate")
    try:
        await connection.execute("select pg_advisory_lock(%s)", (LOCK_ID,))
        await connection.execute(
            "create table if not exists schema_migrations (name text primary key, checksum text not null, "
            "applied_at timestamptz not null default clock_timestamp())"
        )
        done = await jobs.apply_schema(connection)
        for migration in migrations():
            if await _apply(connection, migration):
                done.append(migration.name)
    except psycopg.Error as error:
        if is_away(error):
            raise Unavailable(f"the database went away during migrations ({error}); start again") from error
        raise
    finally:
        await connection.close()
    if done:
        log.info("migrations applied: %s", ", ".join(done))
    return done


async def _apply(connection: Connection, migration: Migration) -> bool:
    cursor = await connection.execute(
        "select checksum from schema_migrations where name = %s", (migration.name,)
    )
    row = await cursor.fetchone()
    if row is not None:
        if row[0] != migration.checksum:
            raise Misconfigured(
                f"the migration {migration.name} was changed after it had been applied to this database; "
                "install the version of Headgate that applied it, or restore a backup"
            )
        return False
    async with connection.transaction():
        await connection.execute(cast("LiteralString", migration.sql))
        await connection.execute(
            "insert into schema_migrations (name, checksum) values (%s, %s)",
            (migration.name, migration.checksum),
        )
    return True
