"""What the shipper applies of the journal: attempts that began, and what they cost.

Runs inside the shipper's transaction, which moves the journal's position: each entry counts once. Windows
are locked last and for a moment only, since grants wait for them; register this sink last. No timeout ever
releases a lease: that is for the holder, for `close_journal`, or for an operator (`release_boot`).
Read next: `settle_leases` and `close_boot` in `store/migrations/0010_meters.sql`.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from headgate.core.entries import BEGIN, END, SETTLED, Begin, End, Hold, Settled
from headgate.core.ports import Envelope
from headgate.meters.rows import QUERIES, fetch
from headgate.store.database import Connection

Attempt = tuple[uuid.UUID, uuid.UUID, int]
"""Boot, call and number."""


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What closing a boot did: attempts charged in full, their sum, what was given back (pico-USD)."""

    attempts: int
    charged: int
    given_back: int


class Settlement(msgspec.Struct, kw_only=True):
    """The end of one attempt."""

    boot: uuid.UUID
    request: uuid.UUID
    attempt: int
    charged: int
    holds: tuple[Hold, ...]
    facts: dict[str, Any] | None = None
    """Who and what it was for, as a row; a SETTLED has it from its begin only."""
    is_open: bool = True
    """Whether its begin is to be looked for in `open_attempts`."""
    is_refund: bool = False
    """Whether its holds were charged in full before, when its boot was closed."""

    @property
    def key(self) -> Attempt:
        """What tells it from others."""
        return self.boot, self.request, self.attempt


class MeterSink:
    """Applies BEGIN, SETTLED and END to the meters (`core.ports.Sink`)."""

    kinds = frozenset({BEGIN, SETTLED, END})

    def __init__(self) -> None:
        self._begin = msgspec.msgpack.Decoder(Begin)
        self._settled = msgspec.msgpack.Decoder(Settled)
        self._end = msgspec.msgpack.Decoder(End)

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write the batch: attempts that began and have not ended, ledger rows, and what windows spent."""
        begun, settlements = self._sort(batch)
        await _join_open(connection, [one for one in settlements if one.is_open])
        if begun:
            await connection.execute(QUERIES["open_attempts"], {"rows": json.dumps(list(begun.values()))})
        charged = await _enter(
            connection, [one for one in settlements if one.charged > 0 and not one.is_refund]
        )
        refunds = [one for one in settlements if one.is_refund]
        if refunds:
            rows = [_ledger_row(one) for one in refunds]
            await connection.execute(QUERIES["correct_ledger"], {"rows": json.dumps(rows)})
        await _settle(connection, charged + refunds)

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Settle what a boot left open, once its process is gone and its journal shipped to the end."""
        await close_journal(connection, boot)

    def _sort(self, batch: Sequence[Envelope]) -> tuple[dict[Attempt, dict[str, Any]], list[Settlement]]:
        """The attempts that only began in this batch, and those that ended."""
        begun: dict[Attempt, dict[str, Any]] = {}
        settlements: dict[Attempt, Settlement] = {}
        for envelope in batch:
            boot = uuid.UUID(bytes=envelope.boot)
            if envelope.kind == BEGIN:
                row = _begun(boot, self._begin.decode(envelope.payload))
                begun[boot, uuid.UUID(row["request"]), row["attempt"]] = row
                continue
            if envelope.kind == SETTLED:
                found = _of_settled(boot, self._settled.decode(envelope.payload))
            else:
                found = _of_end(boot, self._end.decode(envelope.payload))
            if found is None or found.key in settlements:
                continue
            row = begun.pop(found.key, None)
            if row is not None:
                found.facts = row
                found.is_open = False
            settlements[found.key] = found
        return begun, list(settlements.values())


async def close_journal(connection: Connection, boot: uuid.UUID) -> Closing:
    """Close a boot whose process is gone and whose journal has been shipped to its end.

    Charges in full what had begun and not ended, and gives the rest of its leases back. Doing it again
    changes nothing.
    """
    return await release_boot(connection, boot, "its journal was shipped to the end")


async def release_boot(connection: Connection, boot: uuid.UUID, reason: str) -> Closing:
    """Close a boot whose host is gone for good, journal and all. Only on an operator's word, who has it
    written into the audit log: what that host spent and did not ship is not known to anyone.

    If its journal turns up after all, the true costs take the place of the full ones.
    """
    rows = await fetch(connection, QUERIES["close_boot"], {"boot": boot, "reason": reason})
    row = rows[0]
    return Closing(attempts=row["attempts"], charged=int(row["charged"]), given_back=int(row["given_back"]))


def _begun(boot: uuid.UUID, entry: Begin) -> dict[str, Any]:
    return {
        "boot": str(boot),
        "request": str(uuid.UUID(bytes=entry.call)),
        "attempt": entry.attempt,
        "at_ms": entry.started_ms,
        "project": _clean(entry.project),
        "key": _clean(entry.key),
        "user": _clean(entry.user),
        "target": _clean(entry.target),
        "model": _clean(entry.model),
        "tags": [_clean(tag) for tag in entry.tags],
        "holds": [[hold.window, hold.pico_usd] for hold in entry.holds],
    }


def _of_settled(boot: uuid.UUID, entry: Settled) -> Settlement:
    return Settlement(
        boot=boot,
        request=uuid.UUID(bytes=entry.call),
        attempt=entry.attempt,
        charged=entry.cost_pico_usd,
        holds=entry.holds,
    )


def _of_end(boot: uuid.UUID, entry: End) -> Settlement | None:
    """The call's last attempt; those before it have a SETTLED each."""
    if not entry.attempts:
        return None
    last = entry.attempts[-1]
    return Settlement(
        boot=boot,
        request=uuid.UUID(bytes=entry.call),
        attempt=last.attempt,
        charged=last.charged_pico_usd,
        holds=last.holds,
        facts={
            "at_ms": last.started_ms,
            "project": _clean(entry.project),
            "key": _clean(entry.key),
            "user": _clean(entry.user),
            "target": _clean(last.target),
            "model": _clean(entry.model),
            "tags": [_clean(tag) for tag in entry.tags],
        },
    )


async def _join_open(connection: Connection, settlements: Sequence[Settlement]) -> None:
    """Take the begins of these ends out of `open_attempts`, and complete the ends from them."""
    if not settlements:
        return
    by_key = {one.key: one for one in settlements}
    rows = await fetch(
        connection,
        QUERIES["take_open_attempts"],
        {
            "boots": [one.boot for one in settlements],
            "requests": [one.request for one in settlements],
            "attempts": [one.attempt for one in settlements],
        },
    )
    for row in rows:
        settlement = by_key[row["boot"], row["request"], row["attempt"]]
        settlement.facts = row
        settlement.is_refund = row["is_charged"]
        if settlement.is_refund:
            # What it had been charged is what it had begun with.
            settlement.holds = tuple(Hold(window, amount) for window, amount in json.loads(row["holds"]))


def _ledger_row(settlement: Settlement) -> dict[str, Any]:
    facts = settlement.facts or {}
    return {
        "request": str(settlement.request),
        "attempt": settlement.attempt,
        "at_ms": facts.get("at_ms", 0),
        "project": facts.get("project", ""),
        "key": facts.get("key", ""),
        "user": facts.get("user", ""),
        "target": facts.get("target", ""),
        "model": facts.get("model", ""),
        "tags": facts.get("tags", []),
        "pico_usd": settlement.charged,
        "windows": [hold.window for hold in settlement.holds],
    }


async def _enter(connection: Connection, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Write ledger rows; return those that are new, and so have still to be charged."""
    if not settlements:
        return []
    rows = [_ledger_row(one) for one in settlements]
    entered = await fetch(connection, QUERIES["enter_ledger"], {"rows": json.dumps(rows)})
    new = {(row["request"], row["attempt"]) for row in entered}
    return [one for one in settlements if (one.request, one.attempt) in new]


async def _settle(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """Charge windows and leases, summed by boot and window."""
    sums: defaultdict[tuple[uuid.UUID, int], list[int]] = defaultdict(lambda: [0, 0])
    for one in settlements:
        for hold in one.holds:
            added = sums[one.boot, hold.window]
            added[0] += one.charged - (hold.pico_usd if one.is_refund else 0)
            added[1] += max(0, one.charged - hold.pico_usd)
    if sums:
        await connection.execute(
            QUERIES["settle_leases"],
            {
                "boots": [boot for boot, _ in sums],
                "windows": [window for _, window in sums],
                "charged": [charged for charged, _ in sums.values()],
                "overrun": [overrun for _, overrun in sums.values()],
            },
        )


def _clean(text: str) -> str:
    # PostgreSQL holds no NUL.
    return text.replace("\0", "")
