"""What the database says of its own durability, and whether it holds grants back after a failover.

Changes nothing. Read next: `store/migrations/0012_failover.sql`, the guide on several hosts.
"""

import msgspec

from headgate.api.alerts import QUERIES
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows


class DatabaseView(msgspec.Struct, frozen=True, kw_only=True):
    """How durable the database is, and whether it grants.

    `syncs` and `commits` are its `fsync` and `synchronous_commit`. `synchronous`: commits wait for a standby;
    `standbys`: how many stream from it. `waiting`: gateways that have still to say what they hold since a
    failover; nothing is granted before they have.
    """

    syncs: bool
    commits: str
    synchronous: bool
    standbys: int
    waiting: list[str]


async def database_state(connection: Connection) -> DatabaseView:
    """Ask the database about itself."""
    rows = await fetch_rows(connection, QUERIES["database_state"])
    return msgspec.convert(rows[0], DatabaseView)
