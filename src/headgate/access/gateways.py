"""Which gateways are there, and up to which change each has heard: so that a revocation knows it took effect.

Never makes a gateway do anything: they poll. Read next: `access.store`, `access.book`.
"""

import asyncio
import os
import platform
import time
import uuid
from datetime import datetime

import msgspec

from headgate.store.database import Connection, Database
from headgate.store.queries import Queries

LIVE_S = 3.0
"""A gateway seen within this time is live, and is waited for."""
SERVES_S = 5 * 60.0
"""A gateway that lost the database serves from what it knew for this long (`access.book`)."""
FORGOTTEN_S = 86400.0
POLL_S = 0.02

_QUERIES = Queries.load("headgate.access")


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway process as it last reported."""

    boot: uuid.UUID
    name: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    live_seq: int
    snapshot: str
    live: bool

    def __str__(self) -> str:
        return f"{self.name} on {self.host} (pid {self.pid})"


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Who has not taken a change: `behind` are live, `silent` were last seen some time ago and may still
    serve from what they knew. Both empty: every gateway has it."""

    seq: int
    behind: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def everywhere(self) -> bool:
        """Whether every gateway has taken the change."""
        return not self.behind and not self.silent


async def heartbeat(
    connection: Connection,
    boot: uuid.UUID,
    name: str,
    live_seq: int,
    snapshot: str,
    *,
    host_id: str | None = None,
) -> int:
    """Report that a gateway lives and what it has applied; return how many are live, this one included.

    `host_id` tells its data folder from all others; by default it is the host's name.
    """
    cursor = await connection.execute(
        _QUERIES["beat"],
        {
            "boot": boot,
            "name": name,
            "host": platform.node(),
            "host_id": host_id or platform.node(),
            "pid": os.getpid(),
            "live_seq": live_seq,
            "snapshot": snapshot,
            "live_s": LIVE_S,
        },
    )
    row = await cursor.fetchone()
    return 1 + (int(row[0]) if row else 0)


async def leave(connection: Connection, boot: uuid.UUID) -> None:
    """Report that a gateway has drained and takes no more calls."""
    await connection.execute(_QUERIES["delete_gateway"], (boot,))


async def forget_gone(connection: Connection) -> None:
    """Delete gateways that were not seen for a day."""
    await connection.execute(_QUERIES["delete_gateways_gone"], (FORGOTTEN_S,))


async def list_gateways(connection: Connection) -> list[Gateway]:
    """Return the gateways that may still serve: those seen within the last five minutes."""
    cursor = await connection.execute(_QUERIES["list_gateways"], {"live_s": LIVE_S, "seen_s": SERVES_S})
    return [
        Gateway(
            boot=boot,
            name=name,
            host=host,
            pid=pid,
            started_at=started_at,
            seen_at=seen_at,
            live_seq=live_seq,
            snapshot=snapshot,
            live=live,
        )
        for boot, name, host, pid, started_at, seen_at, live_seq, snapshot, live in await cursor.fetchall()
    ]


async def acknowledged(database: Database, seq: int, *, timeout_s: float = 1.0) -> Acknowledged:
    """Wait until all live gateways have applied changes up to `seq`, and name those that have not.

    To be called after the transaction of the change has committed.
    """
    ends_s = time.monotonic() + timeout_s
    while True:
        async with database.connection() as connection:
            gateways = await list_gateways(connection)
        missing = [gateway for gateway in gateways if gateway.live_seq < seq]
        behind = tuple(str(gateway) for gateway in missing if gateway.live)
        if not behind or time.monotonic() >= ends_s:
            silent = tuple(str(gateway) for gateway in missing if not gateway.live)
            return Acknowledged(seq=seq, behind=behind, silent=silent)
        await asyncio.sleep(POLL_S)
