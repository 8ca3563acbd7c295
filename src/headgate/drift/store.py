"""Watches, runs, answers and alarms in the database. Each function works in the caller's transaction.

Read next: `drift.running`, `drift/queries.sql`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from headgate.core.entries import Alert
from headgate.drift.findings import Finding, Touched, Value
from headgate.drift.watching import Watch, anew
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES: Final = Queries.load("headgate.drift")

VALUES_MAX: Final = 20_000
TOUCHED_MAX: Final = 100
TOUCHED_DAYS: Final = 30
KEPT_DAYS: Final = 730
ALERT: Final = "drift"
"""The kind of the alerts that alarms raise."""

_state = msgspec.json.Decoder(Watch).decode
_encode = msgspec.json.encode


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A watch as it stands."""

    watch: Watch
    since: datetime | None
    """Since when it learns what is usual."""


class NewAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm to be raised."""

    kind: str
    watch: str
    target: str
    since: datetime
    sentence: str
    finding: Finding
    project: str = ""


async def get_watch(connection: Connection, name: str, version: str, reference: int) -> Known:
    """Return a watch and lock it; one of another version begins anew."""
    rows = await fetch_rows(connection, QUERIES.get_watch, {"watch": name})
    if not rows or rows[0]["version"] != version:
        return Known(watch=Watch(reference=reference), since=None)
    return Known(watch=_state(_encode(rows[0]["state"])), since=rows[0]["since"])


async def put_watch(
    connection: Connection,
    name: str,
    version: str,
    watch: Watch,
    *,
    values_a_day: float,
    since: datetime | None,
) -> None:
    """Write down what is known now; `since` only where the watch began anew."""
    await connection.execute(
        QUERIES.put_watch,
        {
            "watch": name,
            "version": version,
            "state": _encode(watch).decode(),
            "values_a_day": values_a_day,
            "since": since,
        },
    )


async def count_watches(connection: Connection, now: Sequence[str] = ()) -> int:
    """Return how many watches share the promise, those that see something just now among them."""
    cursor = await connection.execute(QUERIES.count_watches, {"now": list(now)})
    row = await cursor.fetchone()
    return max(1, int(row[0]) if row is not None else 1)


async def values_of(connection: Connection, watch: str, since: datetime) -> list[Value]:
    """Return the answers that a canary's watch has seen, in order."""
    parameters = {"watch": watch, "since": since, "limit": VALUES_MAX}
    rows = await fetch_rows(connection, QUERIES.answers_of_watch, parameters)
    return [
        Value(
            at=row["at"],
            is_reference=row["is_reference"],
            signals=row["signals"],
            raw={"length": float(row["characters"])},
        )
        for row in rows
    ]


async def touched(
    connection: Connection, target: str, project_ids: Sequence[str] | None = None
) -> tuple[Touched, ...]:
    """Return what asked a target in the last 30 days, the most calls first."""
    parameters = {
        "target": target,
        "days": TOUCHED_DAYS,
        "project_ids": None if project_ids is None else list(project_ids),
        "limit": TOUCHED_MAX,
    }
    rows = await fetch_rows(connection, QUERIES.touched, parameters)
    return msgspec.convert(rows, tuple[Touched, ...])


async def changed_by_hand(connection: Connection, begin: datetime, end: datetime) -> tuple[str, ...]:
    """Return what people changed between two times, the last first."""
    rows = await fetch_rows(connection, QUERIES.changed_by_hand, {"begin": begin, "end": end})
    return tuple([str(row["what"]) for row in rows])


async def raise_alarm(connection: Connection, alarm: NewAlarm) -> Alert:
    """Write an alarm down; return the alert that tells of it."""
    parameters: dict[str, Any] = {
        **{
            name: getattr(alarm, name) for name in ("kind", "watch", "target", "project", "since", "sentence")
        },
        "finding": _encode(alarm.finding).decode(),
    }
    (row,) = await fetch_rows(connection, QUERIES.add_alarm, parameters)
    return Alert(
        int(row["at"].timestamp() * 1000),
        ALERT,
        alarm.target,
        f"{alarm.sentence} (alarm {row['id']}; `headgate drift show {row['id']}`)",
        alarm.project,
    )


async def forget_drift(connection: Connection) -> None:
    """Delete what is older than two years; alarms stay."""
    for statement in (QUERIES.prune_answers, QUERIES.prune_hours, QUERIES.prune_served):
        await connection.execute(statement, {"days": KEPT_DAYS})


async def acknowledge(connection: Connection, alarm: int, *, by: str, note: str) -> bool:
    """Close an alarm and let its watch learn anew; False where it was closed before."""
    rows = await fetch_rows(connection, QUERIES.acknowledge, {"id": alarm, "by": by, "note": note})
    if not rows:
        return False
    name = rows[0]["watch"]
    (known,) = await fetch_rows(connection, QUERIES.any_watch, {"watch": name}) or [None]
    if known is not None:
        watch = anew(_state(_encode(known["state"])))
        await put_watch(
            connection, name, known["version"], watch, values_a_day=known["values_a_day"], since=None
        )
    return True
