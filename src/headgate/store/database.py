"""The pool of connections to PostgreSQL, and the one place that tells "away" from "wrong".

Never retries a statement: who called knows whether that is safe. Read next: `store.queries`, `store.migrate`.
"""

import asyncio
import select
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from headgate.core.faults import Unavailable
from headgate.store.queries import Queries
from headgate.store.tasks import end_tasks

_queries = Queries.load("headgate.store")

Connection = psycopg.AsyncConnection[TupleRow]
"""A connection in autocommit: each statement stands alone, but inside `transaction()`."""

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    PoolTimeout,
    PoolClosed,
    TooManyRequests,
)
"""What psycopg raises when the database is away, and in a few other cases that pass: see `is_away`."""

_AWAY_CLASSES = ("08", "57P", "53")
"""SQLSTATE classes (PostgreSQL manual, appendix A): connection, operator intervention, no resources."""

_CONFLICT_CLASSES = ("40", "55P03", "57014")
"""Rolled back for the sake of another transaction, a lock not available, cancelled by a timeout."""

_KEEP_ALIVE: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""How soon a server that has vanished is noticed, idle or in the midst of a statement; libpq's own names."""

_KEEP_ALIVE_THERE: dict[str, str] = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",
    "idle_in_transaction_session_timeout": "15000",
}
"""How soon the server notices that we have vanished, and lets go of what a transaction of ours has locked: by
itself it would take hours, in which nobody could grant from a budget whose row was locked."""

_SESSION: dict[str, str] = {**_KEEP_ALIVE_THERE, "TimeZone": "UTC"}

ATTEMPT_S = 1.0
"""While anybody waits for a connection, one is tried for so often: by itself the pool gives up."""

CLOSE_S = 2.0
"""How long a pool that closes waits for what it was doing."""


def is_away(error: BaseException) -> bool:
    """Say whether an error means that the database can't be reached or can't work now."""
    if isinstance(error, PoolTimeout | PoolClosed | TooManyRequests):
        return True
    if isinstance(error, psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction):
        return True
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_AWAY_CLASSES)


def will_pass(error: BaseException) -> bool:
    """Say whether the same work may succeed when it is tried again: away, or in another's way for now."""
    if is_away(error):
        return True
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(_CONFLICT_CLASSES)


def keep_alive(url: str) -> dict[str, Any]:
    """Return the parameters of a connection with which we notice that the server has vanished.

    What the URL names stays as it is.
    """
    named = conninfo_to_dict(url)
    return {name: value for name, value in _KEEP_ALIVE.items() if name not in named}


async def configure(connection: Connection) -> None:
    """Have the server notice that we have vanished, unless the URL's `options` say how, and count in UTC.

    Asked for once connected, since a pooler (PgBouncer) refuses most of it as a connection begins.
    """
    try:
        names, values = list(_SESSION), list(_SESSION.values())
        await connection.execute(_queries.set_session, {"names": names, "values": values})
        if not connection.autocommit:
            await connection.commit()
    except BaseException:
        await connection.close()
        raise


async def connect(url: str, name: str) -> Connection:
    """Open one connection of its own, in autocommit. Raises Unavailable when the database is away."""
    try:
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, application_name=f"headgate {name}", **keep_alive(url)
        )
        await configure(connection)
    except psycopg.OperationalError as error:
        raise _unavailable(error) from error
    return connection


class Database:
    """A bounded pool. `name` shows in pg_stat_activity; `wait_s` is how long to wait for a connection."""

    def __init__(
        self,
        url: str,
        *,
        connections_min: int = 0,
        connections_max: int = 4,
        name: str = "worker",
        wait_s: float = 5.0,
    ) -> None:
        self.url = url
        self._wait_s = wait_s
        self._insisting: asyncio.Task[None] | None = None
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[TupleRow],
            kwargs={"autocommit": True, "application_name": f"headgate {name}", **keep_alive(url)},
            min_size=connections_min,
            max_size=connections_max,
            timeout=wait_s,
            max_waiting=1024,
            reconnect_timeout=ATTEMPT_S,
            configure=configure,
            check=check_open,
            name=name,
            open=False,
        )

    async def open(self) -> None:
        """Start the pool without waiting: a database that is away may come later."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections; those in use when they are given back."""
        await self._pool.close(timeout=CLOSE_S)
        if self._insisting is not None:
            await end_tasks([self._insisting])

    async def __aenter__(self) -> "Database":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Take a connection, in autocommit. Raises Unavailable when the database is, or goes, away."""
        try:
            connection = await self._take()
            try:
                async with connection:  # the pool's: it is rolled back where that is needed, and stays open
                    yield connection
            except psycopg.errors.ReadOnlySqlTransaction:
                await connection.close()  # no primary any more: the next connection looks for one
                raise
            finally:
                await self._pool.putconn(connection)
        except AWAY as error:
            if is_away(error):
                raise _unavailable(error) from error
            raise

    async def _take(self) -> Connection:
        """Wait for a connection in one place of the pool's queue, which is first come, first served."""
        timer = asyncio.get_running_loop().call_later(ATTEMPT_S, self._insist)
        try:
            return await self._pool.getconn(timeout=self._wait_s)
        except (PoolTimeout, TooManyRequests):
            self._insist()
            raise
        finally:
            timer.cancel()

    def _insist(self) -> None:
        if not self._pool.closed and (self._insisting is None or self._insisting.done()):
            self._insisting = asyncio.create_task(self._connect_for_those_who_wait(), name="connect again")

    async def _connect_for_those_who_wait(self) -> None:
        """Have the pool try again for as long as its queue is not empty.

        It gives up after one failure, tries again only when somebody joins the queue, and lets nobody join a
        full one. Who has given up waiting stays in it until there is a connection.
        """
        while self._pool.get_stats().get("requests_waiting"):
            await self._pool.check()
            await asyncio.sleep(ATTEMPT_S)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Take a connection and open a transaction: committed at the end of the block, else rolled back."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    def statistics(self) -> dict[str, int]:
        """The pool's own figures, for metrics."""
        return dict(self._pool.get_stats())


async def check_open(connection: Connection) -> None:
    """Find a connection that the server has closed, without a round trip: its socket reads as ended."""
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    # The server's last words come first, the end only with the next read; that one raises.
    for _ in range(3):
        if not poll.poll(0):
            return
        connection.pgconn.consume_input()


def first_line(error: BaseException) -> str:
    """Return what an error says, in one line: psycopg adds the whole context below it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(f"the database is away ({first_line(error)}); it is tried again", retry_after_s=1.0)
