"""Makes a control change: live objects and the audit row in one transaction, then waits for the gateways.

Never decides whether a change is allowed: routes do, before. Read next: `access.gateways`, `store.live`.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from headgate.access.gateways import acknowledged
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict
from headgate.store.database import Connection, Database
from headgate.store.live import LiveObjects

WAIT_S = 1.0

Within = Callable[[Connection], Awaitable[None]]
"""What else belongs into a transaction."""


class LiveChange(msgspec.Struct, frozen=True):
    """A live object as it is to stand, or None where it is to go. With `unique_name` the change is refused
    where another object of the kind has that name."""

    kind: str
    id: str
    body: bytes | None
    unique_name: str = ""


class _Named(msgspec.Struct):
    name: str = ""


class Changes:
    """Commits changes of one deployment. `heard` makes this process itself take them in."""

    def __init__(
        self, database: Database, heard: Callable[[], Awaitable[None]], *, wait_s: float = WAIT_S
    ) -> None:
        self.database = database
        self._heard = heard
        self._wait_s = wait_s

    async def commit(
        self, entry: AuditEntry, changes: Sequence[LiveChange], also: Within | None = None
    ) -> list[str]:
        """Make all changes or none, with one row in the audit log; return who has not taken them in time.

        `also` runs in the same transaction. Raises Conflict where a name is taken, Unavailable when the
        database is away.
        """
        async with self.database.transaction() as connection:
            seq = await put_all(connection, changes)
            if also is not None:
                await also(connection)
            await write_audit(connection, entry)
        return await self.settled(seq)

    async def settled(self, seq: int) -> list[str]:
        """Wait until live gateways have applied a committed change; name those that have not."""
        await self._heard()
        answer = await acknowledged(self.database, seq, timeout_s=self._wait_s)
        return [*answer.behind, *answer.silent]


async def put_all(connection: Connection, changes: Sequence[LiveChange]) -> int:
    """Write live objects inside the caller's transaction; return the last sequence number.

    Raises Conflict where a `unique_name` is taken.
    """
    seq = 0
    for change in changes:
        if change.body is None:
            seq = await LiveObjects.delete(connection, change.kind, change.id)
        else:
            seq = await LiveObjects.put(connection, change.kind, change.id, change.body)
    # After the first write this transaction holds the counter, so no other can take a name meanwhile.
    for change in changes:
        if change.unique_name:
            await _check_unique(connection, change)
    return seq


async def _check_unique(connection: Connection, change: LiveChange) -> None:
    for other in await LiveObjects.load_all(connection, [change.kind]):
        if other.id == change.id or other.body is None:
            continue
        if msgspec.json.decode(other.body, type=_Named).name == change.unique_name:
            kind = change.kind.replace("_", " ")
            raise Conflict(f"there is a {kind} {change.unique_name!r} already; choose another name")
