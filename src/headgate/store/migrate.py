"""Brings a database up to date: numbered SQL files, each in a transaction of its own, under an advisory lock.

Migrations expand before they contract, so that processes of two versions work on one schema; a database that
is ahead of this version is left as it is. Never edits a migration that was applied: its digest is checked.
"""

import hashlib
import logging
import re
from importlib import resources
from typing import LiteralString, cast

import msgspec
import psycopg

from headgate.core.faults import Misconfigured
from headgate.store.database import Connection

log = logging.getLogger("headgate.store")

LOCK = 4_400_001
_FILE = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")

CREATE = """
create table if not exists schema_migrations (
    number integer primary key,
    name text not null,
    digest bytea not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""


class Migration(msgspec.Struct, frozen=True):
    """One numbered step."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of its text."""
        return hashlib.sha256(self.sql.encode()).digest()


def migrations() -> list[Migration]:
    """Return all migrations of this version, in order. Raises ValueError for a number given twice."""
    found: dict[int, Migration] = {}
    for entry in resources.files("headgate.store").joinpath("migrations").iterdir():
        matched = _FILE.match(entry.name)
        if matched is None:
            continue
        number = int(matched[1])
        if number in found:
            raise ValueError(f"two migrations have the number {number:04d}")
        found[number] = Migration(number, matched[2], entry.read_text(encoding="utf-8"))
    return [found[number] for number in sorted(found)]


async def migrate(url: str) -> list[Migration]:
    """Apply what is missing and return it. Raises Misconfigured when an applied migration was edited."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("select pg_advisory_lock(%s)", (LOCK,))
        try:
            return await _apply_missing(connection)
        finally:
            await connection.execute("select pg_advisory_unlock(%s)", (LOCK,))


async def _apply_missing(connection: Connection) -> list[Migration]:
    await connection.execute(CREATE)
    cursor = await connection.execute("select number, digest from schema_migrations")
    applied = {int(number): bytes(digest) for number, digest in await cursor.fetchall()}
    done: list[Migration] = []
    for migration in migrations():
        known = applied.get(migration.number)
        if known is not None:
            if known != migration.digest:
                raise Misconfigured(
                    f"migration {migration.number:04d}_{migration.name} was applied in another form; "
                    "this version of Headgate does not belong to this database"
                )
            continue
        async with connection.transaction():
            await connection.execute(cast("LiteralString", migration.sql))
            await connection.execute(
                "insert into schema_migrations (number, name, digest) values (%s, %s, %s)",
                (migration.number, migration.name, migration.digest),
            )
        log.info("applied migration %04d_%s", migration.number, migration.name)
        done.append(migration)
    return done
