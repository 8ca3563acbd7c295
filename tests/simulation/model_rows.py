"""The rows of the simulated database, and how they are copied for a failover that loses the last commits."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from headgate.journal.folder import StreamName

K = TypeVar("K")
V = TypeVar("V", bound=msgspec.Struct)


class Row(msgspec.Struct):
    """A row of `leases`."""

    granted: int = 0
    returned: int = 0
    settled: int = 0

    @property
    def held(self) -> int:
        """`lease_held` in the migration."""
        return max(0, self.granted - self.returned - self.settled)


class Window(msgspec.Struct):
    """A row of `meter_windows`, with the leases that name it."""

    id: int
    meter: int
    starts_ms: int
    ends_ms: int
    spent: int = 0
    leased: int = 0
    overrun: int = 0
    rows: dict[str, Row] = {}

    @property
    def total(self) -> int:
        """What is spent or may still be."""
        return self.spent + self.leased


class OpenAttempt(msgspec.Struct):
    """A row of `open_attempts`."""

    row: dict[str, Any]
    holds: list[list[int]]
    is_charged: bool = False


class LedgerRow(msgspec.Struct):
    """A row of `ledger`, as far as money goes."""

    pico_usd: int
    windows: list[int]
    in_full: bool = False


class JournalRow(msgspec.Struct):
    """A row of `journals`: positions by stream, as (segment, offset)."""

    places: dict[StreamName, tuple[int, int]]
    is_closed: bool = False


class OpenCall(msgspec.Struct):
    """A row of `open_calls`."""

    boot: str
    reserved: int
    charged: int = 0
    is_open: bool = True
    is_begun: bool = True


class Request(msgspec.Struct):
    """A row of `requests`: how a call ended and what it cost."""

    boot: str
    code: str
    cost: int | None


class Tables(msgspec.Struct):
    """All that the database holds. Budgets are limits by id; the rest is by primary key."""

    budgets: dict[str, int] = {}
    meters: dict[tuple[str, str], int] = {}
    budget_of: dict[int, str] = {}
    windows: dict[int, Window] = {}
    windows_of: dict[int, list[int]] = {}
    closed_boots: set[str] = set()
    open_attempts: dict[tuple[str, str, int], OpenAttempt] = {}
    ledger: dict[tuple[str, int], LedgerRow] = {}
    journals: dict[str, JournalRow] = {}
    open_calls: dict[str, OpenCall] = {}
    requests: dict[str, Request] = {}
    bodies: dict[str, str] = {}
    rejects: list[tuple[str, int]] = []
    damaged_bytes: int = 0

    def copy(self) -> "Tables":
        """Return the state as of now, which later commits don't touch."""
        return Tables(
            budgets=dict(self.budgets),
            meters=dict(self.meters),
            budget_of=dict(self.budget_of),
            windows={key: _window(one) for key, one in self.windows.items()},
            windows_of={key: list(ids) for key, ids in self.windows_of.items()},
            closed_boots=set(self.closed_boots),
            open_attempts=_each(self.open_attempts),
            ledger=_each(self.ledger),
            journals={
                key: JournalRow(places=dict(one.places), is_closed=one.is_closed)
                for key, one in self.journals.items()
            },
            open_calls=_each(self.open_calls),
            requests=dict(self.requests),
            bodies=dict(self.bodies),
            rejects=list(self.rejects),
            damaged_bytes=self.damaged_bytes,
        )


def _window(window: Window) -> Window:
    rows = {boot: msgspec.structs.replace(row) for boot, row in window.rows.items()}
    return msgspec.structs.replace(window, rows=rows)


def _each(rows: Mapping[K, V]) -> dict[K, V]:
    return {key: msgspec.structs.replace(row) for key, row in rows.items()}
