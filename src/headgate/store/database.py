"""A pool of connections to PostgreSQL. At its edges, a database that is away is `Unavailable`.

Read next: `store.queries`, `store.migrate`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from headgate.core.faults import Unavailable

Connection = psycopg.AsyncConnection[TupleRow]

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
"""What psycopg raises when the server can't be reached or has gone."""


class Database:
    """Connections to one database, opened as needed and at most `connections_max` of them."""

    def __init__(
        self,
        url: str,
        *,
        connections_min: int = 0,
        connections_max: int = 4,
        name: str = "headgate",
        wait_s: float = 5.0,
    ) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=connections_min,
            max_size=connections_max,
            open=False,
            timeout=wait_s,
            name=name,
            check=None,
            kwargs={"application_name": name, "autocommit": True},
        )

    async def open(self) -> None:
        """Make the pool ready. Opens no connection that is not asked for."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close(timeout=5.0)

    async def __aenter__(self) -> "Database":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit mode. Raises Unavailable when the database is away."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except AWAY as error:
            raise Unavailable(f"the database can't be reached: {first_line(error)}") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction: committed at the end, rolled back on any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    def statistics(self) -> dict[str, Any]:
        """The pool's own figures, for metrics."""
        return dict(self._pool.get_stats())


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line: psycopg adds the whole context below it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
