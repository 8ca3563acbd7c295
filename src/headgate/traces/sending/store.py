"""Exporters and their queue in the database: what is configured, what is due, and what became of it.

Read next: `traces/sending/queries.sql`.
"""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from headgate.core.pages import format_datetime
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows
from headgate.traces.sending.model import Exporter, Signal
from headgate.traces.sending.sink import QUERIES

CLAIM_S: Final = 120.0
"""How long what was taken belongs to its taker, who may die: longer than a request may last."""
BODY_S: Final = 60.0
"""How long a call waits at most for its bodies, which come beside it, or not at all: some are dropped."""
COUNT_MAX: Final = 100_000

Place = tuple[date, uuid.UUID]
"""A call's day and id."""


class ExporterState(msgspec.Struct, frozen=True, kw_only=True):
    """How far one signal of an exporter has come. `failures` are in a row; `waiting` counts to 100,000.

    `sent` counts calls, `rejected` those that the collector refused, `dropped` those that waited too long,
    and `withheld` those whose label does not allow the collector's regions.
    """

    name: str
    signal: str
    failures: int
    last_error: str | None
    last_sent_at: str | None
    sent: int
    rejected: int
    dropped: int
    withheld: int
    waiting: int


async def sync_exporters(connection: Connection, exporters: Sequence[Exporter]) -> None:
    """Put exactly these exporters in force. Call it in the transaction in which a snapshot takes effect."""
    kept: list[str] = []
    for exporter in exporters:
        for signal in exporter.signals:
            kept.append(f"{exporter.name} {signal}")
            await connection.execute(
                QUERIES.put_exporter,
                {
                    "name": exporter.name,
                    "signal": signal,
                    "settings": msgspec.json.encode(exporter).decode(),
                    "projects": None if exporter.projects is None else list(exporter.projects),
                    "wants_content": exporter.content,
                },
            )
    await connection.execute(QUERIES.retire_exporters, {"kept": kept})


async def due_exporters(connection: Connection, *, even_later: bool = False) -> list[tuple[Exporter, Signal]]:
    """Return the exporters that may be tried now, each signal for itself; `even_later`: all of them."""
    cursor = await connection.execute(QUERIES.due_exporters, {"even_later": even_later})
    return [(msgspec.json.decode(settings, type=Exporter), signal) async for _, signal, settings in cursor]


async def claim(connection: Connection, exporter: Exporter, signal: Signal, limit: int) -> list[Place]:
    """Take calls that are due, oldest first; they come again where nobody says what became of them."""
    place = {"exporter": exporter.name, "signal": signal}
    project_ids = None if exporter.projects is None else list(exporter.projects)
    bodies = {"wants_body": exporter.content and signal == "traces", "body_s": BODY_S}
    asked = {**place, **bodies, "limit": limit, "claim_s": CLAIM_S, "project_ids": project_ids}
    cursor = await connection.execute(QUERIES.claim, asked)
    return [(row[0], row[1]) async for row in cursor]


async def settle(connection: Connection, exporter: Exporter, signal: Signal, outcome: "Outcome") -> None:
    """Note what became of calls that were claimed: gone, or to be tried again."""
    place = {"exporter": exporter.name, "signal": signal}
    if outcome.done:
        await connection.execute(QUERIES.done, {**place, **columns_of(outcome.done)})
    if outcome.again:
        await connection.execute(QUERIES.again, {**place, **columns_of(outcome.again)})
    counts = {"sent": outcome.sent, "rejected": outcome.rejected, "withheld": outcome.withheld}
    await connection.execute(QUERIES.note_sent, {**place, **counts, "error": outcome.error[:500]})


class Outcome(msgspec.Struct, kw_only=True):
    """What became of calls that were claimed; `error` is empty where nothing was wrong."""

    done: list[Place] = []
    again: list[Place] = []
    sent: int = 0
    rejected: int = 0
    withheld: int = 0
    error: str = ""


def columns_of(places: Sequence[Place]) -> dict[str, Any]:
    """Return places as a query takes them: their days, and their ids."""
    return {"days": [day for day, _ in places], "ids": [call for _, call in places]}


async def failures_of(connection: Connection, exporter: Exporter, signal: Signal) -> int:
    """How often in a row it has failed."""
    cursor = await connection.execute(QUERIES.failures_of, {"exporter": exporter.name, "signal": signal})
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def note_failed(
    connection: Connection, exporter: Exporter, signal: Signal, *, error: str, wait_s: float
) -> None:
    """Leave an exporter alone for a while."""
    place = {"exporter": exporter.name, "signal": signal}
    await connection.execute(QUERIES.note_failed, {**place, "error": error[:500], "wait_s": wait_s})


async def drop_old(
    connection: Connection, exporter: Exporter, signal: Signal, *, age_s: float, waiting_max: int
) -> int:
    """Forget what has waited too long, and the oldest of too many; return how many calls that were."""
    cursor = await connection.execute(
        QUERIES.drop_old,
        {"exporter": exporter.name, "signal": signal, "age_s": age_s, "waiting_max": waiting_max},
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def note_alerted(connection: Connection, exporter: Exporter, signal: Signal) -> bool:
    """Whether people should hear of it now: once an hour."""
    cursor = await connection.execute(QUERIES.note_alerted, {"exporter": exporter.name, "signal": signal})
    return await cursor.fetchone() is not None


async def exporter_states(connection: Connection) -> list[ExporterState]:
    """Return how far each exporter has come."""
    rows = await fetch_rows(connection, QUERIES.exporter_states, {"count_max": COUNT_MAX})
    return [
        ExporterState(
            name=row["name"],
            signal=row["signal"],
            failures=row["failures"],
            last_error=row["last_error"] or None,
            last_sent_at=None if row["last_sent_at"] is None else format_datetime(row["last_sent_at"]),
            sent=row["sent"],
            rejected=row["rejected"],
            dropped=row["dropped"],
            withheld=row["withheld"],
            waiting=row["waiting"],
        )
        for row in rows
    ]
