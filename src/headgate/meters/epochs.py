"""Which server grants money: whether it is still the one that this process has spoken to. Pure.

After a failover another server answers, which may lack the last grants of the one before: each process
registers what it holds before anything is granted. A server that was left behind answers with an older
timeline, and is not believed. Read next: `store/migrations/0012_failover.sql`, `meters.returns`.
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from headgate.meters.leases import Lease

Standing = Literal["same", "new", "older"]

HELD = "after a failover of the database nothing is granted until all gateways have said what they hold"
OLDER = "a database that has been replaced answers; it must not take writes any more"


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """The database's word on itself: whether it grants, and how many holders it waits for."""

    epoch: int
    identity: str
    is_open: bool
    waiting: int


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """One element of `register_leases`' argument; the fields are described there."""

    window_id: int
    budget: str
    subject: str
    starts_ms: int
    ends_ms: int
    known: int
    returned: int


def standing(known: str | None, answering: str) -> Standing:
    """Compare the server that answers with the one where this process is registered (None: nowhere yet).

    Identities are `system/timeline/database`. A timeline that is lower on the same system and database is
    that of a server which a standby has replaced; anything else that differs is another server to register
    with: a standby that took over, or a database that was restored.
    """
    if known == answering:
        return "same"
    if known is None:
        return "new"
    system, timeline, database = known.split("/")
    system_now, timeline_now, database_now = answering.split("/")
    if (system, database) == (system_now, database_now) and int(timeline_now, 16) < int(timeline, 16):
        return "older"
    return "new"


def registration(leases: Iterable[Lease]) -> list[dict[str, Any]]:
    """Say of each lease what its holder knows."""
    return [
        msgspec.to_builtins(
            Registered(
                window_id=lease.window,
                budget=lease.meter.limit,
                subject=lease.meter.subject,
                starts_ms=lease.edges.starts_ms,
                ends_ms=lease.edges.ends_ms,
                known=lease.granted,
                returned=lease.returned,
            )
        )
        for lease in leases
    ]
