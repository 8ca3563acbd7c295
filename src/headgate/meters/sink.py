"""What the shipper applies of the journal: attempts that began, and what they cost.

Runs inside the shipper's transaction, which moves the journal's position: each entry counts once. Windows
are locked last and for a moment only, since grants wait for them; register this sink last. No timeout ever
releases a lease: that is for the holder, for `close_journal`, or for an operator (`release_boot`).
Read next: `meters.settling` (what it decides), `close_boot` in `store/migrations/0010_meters.sql`.
"""

import json
import uuid
from collections.abc import Iterable, Sequence

import msgspec

from headgate.core.entries import BEGIN, END, SETTLED
from headgate.core.ports import Envelope
from headgate.meters.rows import QUERIES, fetch
from headgate.meters.settling import Settlement, charges, ledger_row, sort
from headgate.store.database import Connection


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What closing a boot did: attempts charged in full, their sum, what was given back (pico-USD)."""

    attempts: int
    charged: int
    given_back: int


class MeterSink:
    """Applies BEGIN, SETTLED and END to the meters (`core.ports.Sink`)."""

    kinds = frozenset({BEGIN, SETTLED, END})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write the batch: attempts that began and have not ended, ledger rows, and what windows spent."""
        begun, settlements = sort(batch)
        await _join_open(connection, [one for one in settlements if one.is_open])
        if begun:
            await connection.execute(QUERIES["open_attempts"], {"rows": json.dumps(list(begun.values()))})
        charged = await _enter(
            connection, [one for one in settlements if one.charged > 0 and not one.is_refund]
        )
        refunds = [one for one in settlements if one.is_refund]
        if refunds:
            rows = [ledger_row(one) for one in refunds]
            await connection.execute(QUERIES["correct_ledger"], {"rows": json.dumps(rows)})
        await _settle(connection, charged + refunds)

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Settle what a boot left open, once its process is gone and its journal shipped to the end."""
        await close_journal(connection, boot)


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
        settlement.join(row, json.loads(row["holds"]), is_charged=row["is_charged"])


async def _enter(connection: Connection, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Write ledger rows; return those that are new, and so have still to be charged."""
    if not settlements:
        return []
    rows = [ledger_row(one) for one in settlements]
    entered = await fetch(connection, QUERIES["enter_ledger"], {"rows": json.dumps(rows)})
    new = {(row["request"], row["attempt"]) for row in entered}
    return [one for one in settlements if (one.request, one.attempt) in new]


async def _settle(connection: Connection, settlements: Iterable[Settlement]) -> None:
    """Charge windows and leases, summed by boot and window."""
    sums = charges(settlements)
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
