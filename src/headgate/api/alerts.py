"""Alerts: what people should hear of, from the journal and from the meters, kept and handed to webhooks.

Never sends anything itself. Read next: `api.webhooks` (who is told), `api.alerts_http` (the routes).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from headgate.core.entries import ALERT, Alert
from headgate.core.pages import format_datetime
from headgate.core.ports import Envelope
from headgate.store.database import Database
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES = Queries.load("headgate.api")

TEXT_CHARACTERS_MAX = 2000
KEPT_DAYS = 90


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """How far an alert has come to one webhook."""

    webhook: str
    attempts: int
    delivered: bool
    given_up: bool
    last_error: str | None


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """One alert. `kind` is such as `budget`, `overrun`, `breaker_open`, `journal_growing` or
    `prompt_unreleased`; `project` is null where it concerns the whole deployment."""

    id: str
    at: str
    kind: str
    subject: str
    project: str | None
    message: str
    deliveries: list[DeliveryView]


class AlertSink:
    """Applies the journal's entries of kind ALERT. Implements `core.ports.Sink`."""

    kinds = frozenset({ALERT})

    def __init__(self) -> None:
        self._decode = msgspec.msgpack.Decoder(Alert).decode

    async def apply(self, connection: Any, batch: Sequence[Envelope]) -> None:
        """Write a batch inside the shipper's transaction. Raises for an entry that is no Alert."""
        await add_alerts(connection, [self._decode(entry.payload) for entry in batch if entry.kind == ALERT])


async def add_alerts(connection: Any, alerts: Sequence[Alert]) -> None:
    """Keep alerts and put them on their way to every webhook that wants them."""
    if not alerts:
        return
    await connection.execute(
        QUERIES["add_alerts"],
        {
            "at": [datetime.fromtimestamp(alert.at_ms / 1000, UTC) for alert in alerts],
            "kind": [_text(alert.kind) for alert in alerts],
            "subject": [_text(alert.subject) for alert in alerts],
            "project": [_text(alert.project) for alert in alerts],
            "message": [_text(alert.message) for alert in alerts],
        },
    )


async def list_alerts(
    database: Database,
    project_ids: tuple[str, ...] | None,
    *,
    limit: int,
    before: int | None = None,
    kind: str | None = None,
) -> list[AlertView]:
    """Return alerts, newest first, of these projects (None: of all, and of the deployment)."""
    parameters = {
        "project_ids": None if project_ids is None else list(project_ids),
        "before": before,
        "kind": kind,
        "limit": limit,
    }
    async with database.connection() as connection:
        rows = await fetch_rows(connection, QUERIES["list_alerts"], parameters)
    return [
        AlertView(
            id=str(row["id"]),
            at=format_datetime(row["at"]),
            kind=row["kind"],
            subject=row["subject"],
            project=row["project"] or None,
            message=row["message"],
            deliveries=msgspec.convert(row["deliveries"], list[DeliveryView]),
        )
        for row in rows
    ]


async def forget_alerts(database: Database) -> None:
    """Delete alerts that are older than 90 days."""
    async with database.connection() as connection:
        await connection.execute(QUERIES["forget_alerts"], {"days": KEPT_DAYS})


def _text(value: str) -> str:
    # PostgreSQL holds no NUL and no lone surrogate.
    cleaned = value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return cleaned[:TEXT_CHARACTERS_MAX]
