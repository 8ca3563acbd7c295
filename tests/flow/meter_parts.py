"""Parts that the tests of the meters share: budgets, subjects, journal entries, and what must always hold."""

import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from headgate.core.call import Bounded, Usage
from headgate.core.entries import BEGIN, END, SETTLED, Alert, AttemptRecord, Begin, End, Hold, Settled
from headgate.core.ports import Envelope
from headgate.meters.model import Budget, Scope, Subject
from headgate.meters.purse import Purse
from headgate.meters.rows import fetch
from headgate.meters.sink import MeterSink
from headgate.meters.till import PurseSettings
from headgate.store.clock import DatabaseClock
from headgate.store.database import Database

PATIENT = PurseSettings(grant_timeout_s=20.0, retry_s=0.01, strict=True)
"""A loaded machine is no outage."""


def budget(name: str = "all", limit: int = 1000, **fields: Any) -> Budget:
    given: dict[str, Any] = {"scope": Scope(), "window": "total", "reserve_wait_s": 5.0, **fields}
    return Budget(id=f"id-{name}", name=name, limit_pico_usd=limit, **given)


def subject(**fields: Any) -> Subject:
    given: dict[str, Any] = {
        "project": "default",
        "key": "k1",
        "user": "anna",
        "alias": "assistant",
        "provider": "mock",
        "target": "mock/one",
        **fields,
    }
    return Subject(**given)


def purse_on(
    database: Database,
    *,
    processes: int = 1,
    settings: PurseSettings = PATIENT,
    on_alert: Callable[[Alert], None] | None = None,
    boot: uuid.UUID | None = None,
) -> Purse:
    return Purse(
        boot or uuid.uuid4(),
        database,
        DatabaseClock(),
        processes=lambda: processes,
        on_alert=on_alert or (lambda _: None),
        settings=settings,
    )


def bound(amount: int) -> Bounded:
    return Bounded(amount)


class Journal:
    """What one boot would have written, and the sink that applies it."""

    def __init__(self, boot: uuid.UUID) -> None:
        self.boot = boot
        self.entries: list[Envelope] = []
        self.sink = MeterSink()

    def begin(self, call: uuid.UUID, holds: tuple[Hold, ...], *, attempt: int = 1, **fields: Any) -> None:
        given: dict[str, Any] = {
            "started_ms": DatabaseClock().now_ms(),
            "target": "mock/one",
            "project": "default",
            "key": "k1",
            "user": "anna",
            "model": "assistant",
            **fields,
        }
        self._add(BEGIN, Begin(call=call.bytes, attempt=attempt, holds=holds, **given))

    def settled(self, call: uuid.UUID, holds: tuple[Hold, ...], charged: int, *, attempt: int = 1) -> None:
        self._add(SETTLED, Settled(call.bytes, attempt, charged, holds))

    def end(self, call: uuid.UUID, holds: tuple[Hold, ...], charged: int, *, attempt: int = 1) -> None:
        now_ms = DatabaseClock().now_ms()
        record = AttemptRecord(
            attempt=attempt,
            target="mock/one",
            status=200,
            code="",
            started_ms=now_ms,
            duration_ms=1,
            reserved_pico_usd=max((hold.pico_usd for hold in holds), default=0),
            cost_pico_usd=charged,
            charged_pico_usd=charged,
            estimated=False,
            usage=Usage(),
            usage_raw=b"",
            holds=holds,
        )
        self._add(
            END,
            End(
                call=call.bytes,
                started_ms=now_ms,
                duration_ms=1,
                first_token_ms=None,
                project="default",
                key="k1",
                user="anna",
                session="",
                tags=(),
                dialect="openai-chat",
                operation="chat",
                stream=False,
                model="assistant",
                target="mock/one",
                status=200,
                code="",
                message="",
                attempts=(record,),
                excluded=(),
                changes=(),
                snapshot="",
                release="",
                trace_id="",
                usage=Usage(),
                cost_pico_usd=charged,
                estimated=False,
                truncated=False,
            ),
        )

    async def ship(self, database: Database) -> None:
        """Apply everything written so far, in one transaction, as the shipper does."""
        batch, self.entries = self.entries, []
        async with database.transaction() as connection:
            await self.sink.apply(connection, batch)

    def _add(self, kind: int, entry: msgspec.Struct) -> None:
        self.entries.append(Envelope(self.boot.bytes, kind, msgspec.msgpack.encode(entry)))


async def windows(database: Database) -> list[dict[str, Any]]:
    """All windows with their budget's limit, amounts as integers, after checking what must always hold."""
    async with database.connection() as connection:
        found = await fetch(
            connection,
            """
            select w.id, b.name, m.subject, b.limit_pico, w.spent, w.leased, w.overrun,
                coalesce((select sum(greatest(0, granted - returned - settled))
                    from leases where window_id = w.id), 0) as held,
                coalesce((select sum(pico_usd) from ledger where w.id = any(windows)), 0) as entered
            from meter_windows w join meters m on m.id = w.meter join budgets b on b.id = m.budget
            order by w.id
            """,
        )
    for row in found:
        row.update(
            {name: int(row[name]) for name in ("limit_pico", "spent", "leased", "overrun", "held", "entered")}
        )
        assert row["leased"] == row["held"], row
        assert row["spent"] + row["leased"] <= row["limit_pico"] + row["overrun"], row
    return found
