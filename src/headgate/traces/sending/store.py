"""Exporters and their queue in the database: what is configured, what is due, and what became of it.

Read next: `traces/sending/queries.sql`.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg.rows import TupleRow

from headgate.core.call import Usage
from headgate.core.labels import Label
from headgate.core.money import parse_usd
from headgate.core.pages import format_datetime
from headgate.records.bodies import read_bodies
from headgate.records.rows import exposures_of
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows
from headgate.traces.sending.messages import spoken_of
from headgate.traces.sending.model import Exporter, SentAttempt, SentCall, SentPrompt, Signal
from headgate.traces.sending.sink import QUERIES

CLAIM_S: Final = 120.0
"""How long what was taken belongs to its taker, who may die: longer than a request may last."""
COUNT_MAX: Final = 100_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

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
    cursor = await connection.execute(QUERIES.claim, {**place, "limit": limit, "claim_s": CLAIM_S})
    return [(row[0], row[1]) async for row in cursor]


async def load_calls(
    connection: Connection, exporter: Exporter, places: Sequence[Place], *, content: bool
) -> list[SentCall]:
    """Read calls from the record; those that were erased meanwhile are not there."""
    project_ids = None if exporter.projects is None else list(exporter.projects)
    cursor = await connection.execute(QUERIES.load_calls, {**_columns(places), "project_ids": project_ids})
    calls: list[SentCall] = []
    for row in await cursor.fetchall():
        call = _call(row)
        is_open = call.label.readers is None and call.label.purposes is None
        if content and is_open and row[30] == "full":
            bodies = await read_bodies(connection, project_ids, row[0])
            if bodies is not None:
                spoken = spoken_of(call.dialect, call.model, bodies)
                call = msgspec.structs.replace(call, spoken=spoken)
        calls.append(call)
    return calls


def _call(row: TupleRow) -> SentCall:
    regions, readers, purposes = row[27:30]
    return SentCall(
        id=row[0].bytes,
        project=row[1],
        key=row[2],
        user=row[3],
        session=row[4],
        tags=tuple(row[5]),
        trace_id=row[6],
        parent_span_id=b"" if row[7] is None else row[7].to_bytes(8, "big", signed=True),
        response_id=row[8],
        started_ms=(row[9] - _EPOCH) // timedelta(milliseconds=1),
        duration_ms=row[10],
        first_token_ms=row[11],
        dialect=row[12],
        operation=row[13],
        stream=row[14],
        model=row[15],
        target=row[16],
        status=row[17],
        code=row[18],
        message=row[19],
        attempts=msgspec.json.decode(row[20], type=tuple[SentAttempt, ...]),
        truncated=row[21],
        estimated=row[22],
        release=row[23],
        environment=row[24],
        usage=msgspec.json.decode(row[25], type=Usage),
        cost_pico_usd=None if row[26] is None else parse_usd(row[26]),
        label=Label(regions=_set(regions), readers=_set(readers), purposes=_set(purposes)),
        parameters={} if row[31] is None else msgspec.json.decode(row[31], type=dict[str, Any]),
        prompts=msgspec.json.decode(row[32], type=tuple[SentPrompt, ...]),
        arms=tuple([one for one in exposures_of(row[33]) if one.arm]),
        finish=row[34],
        answered_model=row[35],
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


async def settle(connection: Connection, exporter: Exporter, signal: Signal, outcome: "Outcome") -> None:
    """Note what became of calls that were claimed: gone, or to be tried again."""
    place = {"exporter": exporter.name, "signal": signal}
    if outcome.done:
        await connection.execute(QUERIES.done, {**place, **_columns(outcome.done)})
    if outcome.again:
        await connection.execute(QUERIES.again, {**place, **_columns(outcome.again)})
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


def _columns(places: Sequence[Place]) -> dict[str, Any]:
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
