"""Live objects: what has to reach every gateway within a second, without a new snapshot.

One monotone table (docs/design/001, point 1). Sequences become visible in their order, because a change holds
the counter's row until it commits. Bodies are opaque JSON here. Read next: `gateway.refresh`.
"""

from collections.abc import Sequence

import msgspec

from headgate.store.database import Connection
from headgate.store.queries import Queries

CHANNEL = "headgate_live"
"""Where each change is told, with its sequence as payload."""

_queries = Queries.load("headgate.store")
_ROW_LOST = "the table live_sequence has lost its row; restore it with the highest seq in use"


class LiveObject(msgspec.Struct, frozen=True):
    """One object as of its last change. `body` is JSON, or None where the object was deleted."""

    kind: str
    id: str
    seq: int
    body: bytes | None


class LiveObjects:
    """Reads and writes `live_objects`. Kinds: `key`, `budget`, `rate_limit`, `webhook`."""

    @staticmethod
    async def put(connection: Connection, kind: str, identity: str, body: bytes) -> int:
        """Make or replace an object; return its sequence. Raises psycopg.DataError when it is no JSON."""
        return await _change(connection, kind, identity, body.decode())

    @staticmethod
    async def delete(connection: Connection, kind: str, identity: str) -> int:
        """Leave a tombstone in place of the object; return its sequence."""
        return await _change(connection, kind, identity, None)

    @staticmethod
    async def load_all(connection: Connection, kinds: Sequence[str]) -> list[LiveObject]:
        """Return all objects of these kinds that exist, in the order of their last change."""
        cursor = await connection.execute(_queries.live_load_all, {"kinds": list(kinds)})
        return [_read(row) async for row in cursor]

    @staticmethod
    async def get(connection: Connection, kind: str, identity: str) -> LiveObject | None:
        """Return one object, deleted or not; None where there never was one."""
        cursor = await connection.execute(_queries.live_get, {"kind": kind, "id": identity})
        row = await cursor.fetchone()
        return None if row is None else _read(row)

    @staticmethod
    async def changes_since(connection: Connection, seq: int) -> list[LiveObject]:
        """Return what changed after `seq`, deletions included, in order. From 0 on: everything."""
        cursor = await connection.execute(_queries.live_changes_since, {"seq": seq})
        return [_read(row) async for row in cursor]

    @staticmethod
    async def place(connection: Connection) -> tuple[int, str]:
        """Return the last committed change, and the identity of the server whose number it is."""
        cursor = await connection.execute(_queries.live_place)
        row = await cursor.fetchone()
        if row is None:
            raise LookupError(_ROW_LOST)
        return int(row[0]), str(row[1])


async def _change(connection: Connection, kind: str, identity: str, body: str | None) -> int:
    cursor = await connection.execute(
        _queries.live_change, {"kind": kind, "id": identity, "body": body, "channel": CHANNEL}
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(_ROW_LOST)
    return int(row[0])


def _read(row: Sequence[object]) -> LiveObject:
    kind, identity, seq, body = row
    return LiveObject(
        kind=str(kind), id=str(identity), seq=int(str(seq)), body=None if body is None else str(body).encode()
    )
