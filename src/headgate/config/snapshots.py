"""Snapshots in the database: stored once, activated by compare-and-set, and the history of what was in force.

Each function works inside the caller's transaction. Gateways poll `current` and hear NOTIFY on `CHANNEL`.
Read next: `config.plan`, `config.compile`.
"""

from datetime import datetime

import msgspec

from headgate.access.store import AuditEntry, write_audit
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Conflict, NotFound
from headgate.experiments.definitions import sync_experiments
from headgate.meters.budgets import sync_budgets
from headgate.store.database import Connection
from headgate.store.listen import notify
from headgate.store.queries import Queries
from headgate.traces.sending.store import sync_exporters

CHANNEL = "headgate_snapshot"
PAGE_MAX = 1000

_QUERIES = Queries.load("headgate.config")


class StoredSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as it is stored. `active_seq` is set for the one in force; `document` is its JSON, and
    empty in lists."""

    id: str
    format: int
    created_at: datetime
    created_by: str
    note: str
    active_seq: int | None
    document: bytes = b""

    @property
    def active(self) -> bool:
        """Whether it is in force."""
        return self.active_seq is not None


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the history: which snapshot came into force, when, by whom."""

    seq: int
    id: str
    activated_at: datetime
    activated_by: str


async def store_snapshot(
    connection: Connection, snapshot: Snapshot, *, created_by: str, note: str = ""
) -> bool:
    """Store a snapshot, which does not put it in force; say whether it is new."""
    cursor = await connection.execute(
        _QUERIES["insert_snapshot"],
        {
            "id": snapshot.id,
            "format": snapshot.format,
            "document": snapshot.document.decode(),
            "created_by": created_by,
            "note": note,
        },
    )
    return await cursor.fetchone() is not None


async def activate(connection: Connection, identity: str, *, expected_current: str | None, actor: str) -> int:
    """Put a stored snapshot in force and return the new sequence number.

    `expected_current` is the id that the change was planned against; None where none was in force. Raises
    Conflict when another is in force by now, NotFound for a snapshot that is not stored.
    """
    async with connection.transaction():
        cursor = await connection.execute(_QUERIES["lock_active"])
        row = await cursor.fetchone()
        assert row is not None
        active, seq = row
        if active != expected_current:
            raise Conflict(
                f"snapshot {active or 'none'} is in force by now, and the change was planned against "
                f"{expected_current or 'none'}; plan it again"
            )
        cursor = await connection.execute(_QUERIES["snapshot_exists"], (identity,))
        found = await cursor.fetchone()
        if not (found and found[0]):
            raise NotFound(f"there is no snapshot {identity[:64]!r}; GET /api/v1/snapshots lists them")
        if active == identity:
            return int(seq)
        cursor = await connection.execute(_QUERIES["set_active"], (identity,))
        row = await cursor.fetchone()
        assert row is not None
        await connection.execute(_QUERIES["insert_history"], (row[0], identity, actor))
        entry = AuditEntry(
            actor=actor,
            action="activate",
            kind="snapshot",
            object=identity,
            before={"id": active},
            after={"id": identity},
        )
        await write_audit(connection, entry)
        await notify(connection, CHANNEL, identity)
        return int(row[0])


async def put_in_force(
    connection: Connection, snapshot: Snapshot, *, base: str | None, actor: str, note: str = ""
) -> int:
    """Store a snapshot, activate it in place of `base`, tell whom it concerns; return its sequence.

    Raises Conflict when another snapshot than `base` is in force by now.
    """
    await store_snapshot(connection, snapshot, created_by=actor, note=note)
    seq = await activate(connection, snapshot.id, expected_current=base, actor=actor)
    await sync_budgets(connection, snapshot.budgets)
    await sync_exporters(connection, snapshot.exporters)
    stages = [stage.experiment for rollout in snapshot.rollouts for stage in rollout.stages]
    await sync_experiments(connection, (*snapshot.experiments, *stages))
    return seq


async def current(connection: Connection, *, unless: str | None = None) -> StoredSnapshot | None:
    """Return the snapshot in force; None where there is none, or where it is the one named by `unless`."""
    cursor = await connection.execute(_QUERIES["get_active"], {"unless": unless})
    row = await cursor.fetchone()
    return None if row is None else _stored(row)


async def get_snapshot(connection: Connection, identity: str) -> StoredSnapshot:
    """Return a stored snapshot with its document. Raises NotFound."""
    cursor = await connection.execute(_QUERIES["get_snapshot"], (identity,))
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no snapshot {identity[:64]!r}; GET /api/v1/snapshots lists them")
    return _stored(row)


async def list_snapshots(
    connection: Connection, *, limit: int = 100, before: datetime | None = None
) -> list[StoredSnapshot]:
    """Return stored snapshots without their documents, newest first; `before` is the last page's last."""
    cursor = await connection.execute(
        _QUERIES["list_snapshots"], {"before": before, "limit": min(limit, PAGE_MAX)}
    )
    return [
        StoredSnapshot(
            id=identity, format=form, created_at=created_at, created_by=created_by, note=note, active_seq=seq
        )
        for identity, form, created_at, created_by, note, seq in await cursor.fetchall()
    ]


async def history(connection: Connection, *, limit: int = 100, before: int | None = None) -> list[Activation]:
    """Return what came into force and when, newest first; `before` is the last page's last `seq`."""
    cursor = await connection.execute(
        _QUERIES["list_history"], {"before": before, "limit": min(limit, PAGE_MAX)}
    )
    return [
        Activation(seq=seq, id=identity, activated_at=activated_at, activated_by=activated_by)
        for seq, identity, activated_at, activated_by in await cursor.fetchall()
    ]


def _stored(row: tuple[object, ...]) -> StoredSnapshot:
    identity, form, document, created_at, created_by, note, seq = row
    assert isinstance(form, int) and isinstance(created_at, datetime)
    return StoredSnapshot(
        id=str(identity),
        format=form,
        document=str(document).encode(),
        created_at=created_at,
        created_by=str(created_by),
        note=str(note),
        active_seq=seq if isinstance(seq, int) else None,
    )
