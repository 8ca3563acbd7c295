"""Live objects: what takes effect without a new snapshot, in one table whose every change has a sequence number.

Keys, console-made budgets and rate limits, webhooks. Sequences become visible in order, since each change
updates one counter row first and holds it until it commits. A deletion leaves a tombstone. Never decodes a
body: that is for the slice whose kind it is. Read next: docs/design/001-how-the-slices-meet.md.
"""

from collections.abc import Sequence

import msgspec

from headgate.store.database import Connection
from headgate.store.queries import Queries

CHANNEL = "headgate_live"
_QUERIES = Queries.load("headgate.store")


class LiveObject(msgspec.Struct, frozen=True):
    """One object as of `seq`. `body` is its JSON, or None where it was deleted."""

    kind: str
    id: str
    seq: int
    body: bytes | None


class LiveObjects:
    """Reads and writes live objects, always inside the caller's transaction."""

    @staticmethod
    async def put(connection: Connection, kind: str, identity: str, body: bytes) -> int:
        """Create or replace an object; return its sequence number."""
        return await _change(connection, kind, identity, body)

    @staticmethod
    async def delete(connection: Connection, kind: str, identity: str) -> int:
        """Leave a tombstone; return its sequence number."""
        return await _change(connection, kind, identity, None)

    @staticmethod
    async def get(connection: Connection, kind: str, identity: str) -> LiveObject | None:
        """Return one object, deleted or not; None where there never was one."""
        cursor = await connection.execute(_QUERIES["get_live"], (kind, identity))
        row = await cursor.fetchone()
        return None if row is None else _read(row)

    @staticmethod
    async def load_all(connection: Connection, kinds: Sequence[str]) -> list[LiveObject]:
        """Return all objects of the kinds that are not deleted, in the order of their sequence."""
        cursor = await connection.execute(_QUERIES["list_live"], (list(kinds),))
        return [_read(row) for row in await cursor.fetchall()]

    @staticmethod
    async def changes_since(connection: Connection, seq: int) -> list[LiveObject]:
        """Return what changed after `seq`, tombstones included, in order."""
        cursor = await connection.execute(_QUERIES["list_live_changes"], (seq,))
        return [_read(row) for row in await cursor.fetchall()]

    @staticmethod
    async def sequence(connection: Connection) -> int:
        """Return the last sequence number that is visible."""
        cursor = await connection.execute(_QUERIES["get_live_sequence"])
        row = await cursor.fetchone()
        return int(row[0]) if row else 0


async def _change(connection: Connection, kind: str, identity: str, body: bytes | None) -> int:
    async with connection.transaction():
        text = body.decode() if body is not None else None
        cursor = await connection.execute(_QUERIES["change_live"], {"kind": kind, "id": identity, "body": text})
        row = await cursor.fetchone()
        assert row is not None
        await connection.execute("select pg_notify(%s, %s)", (CHANNEL, str(row[0])))
        return int(row[0])


def _read(row: Sequence[object]) -> LiveObject:
    kind, identity, seq, body = row
    assert isinstance(seq, int)
    return LiveObject(str(kind), str(identity), seq, None if body is None else str(body).encode())
