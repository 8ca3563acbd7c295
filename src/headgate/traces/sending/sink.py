"""Puts calls that have ended on their way to collectors, inside the shipper's transaction.

Only their ids: what is sent is read from the record when it is sent. While no exporter is configured, a batch
costs one question. Read next: `traces.sending.job`.
"""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from headgate.core.entries import END, End
from headgate.core.ports import Envelope
from headgate.records.rows import day_of, identity, name
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.traces.sending")


class ExportSink:
    """Applies END (`core.ports.Sink`). Stands before that of records, which forgets open calls."""

    kinds = frozenset({END})

    def __init__(self) -> None:
        self._decode = msgspec.msgpack.Decoder(End).decode

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Queue a batch for every exporter that wants it."""
        if not await _is_wanted(connection):
            return
        ends = [self._decode(entry.payload) for entry in batch if entry.kind == END]
        calls = [(identity(end.call), name(end.project)) for end in ends if end.record != "none"]
        await _enqueue(connection, calls)

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Queue what a process had begun and not ended when it died: it is put on record, too."""
        if not await _is_wanted(connection):
            return
        cursor = await connection.execute(QUERIES.open_calls_of, {"boot": boot, "project_ids": None})
        await _enqueue(connection, [(row[0], row[2]) async for row in cursor])


async def _is_wanted(connection: Connection) -> bool:
    cursor = await connection.execute(QUERIES.any_exporter)
    row = await cursor.fetchone()
    return bool(row and row[0])


async def _enqueue(connection: Connection, calls: Sequence[tuple[uuid.UUID, str]]) -> None:
    if not calls:
        return
    days: list[date] = [day_of(call) for call, _ in calls]
    parameters = {
        "days": days,
        "ids": [call for call, _ in calls],
        "projects": [project for _, project in calls],
    }
    await connection.execute(QUERIES.enqueue, parameters)
