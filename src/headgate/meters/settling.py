"""From journal entries to what windows and leases are charged. Pure.

What `meters.sink` decides, apart from its statements: which attempts only began, which ended and at what
cost, what the ledger says of them, and what each lease and window is charged in the end.
Read next: `meters.sink`, which writes it.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from headgate.core.entries import BEGIN, SETTLED, Begin, End, Hold, Settled
from headgate.core.ports import Envelope

Attempt = tuple[uuid.UUID, uuid.UUID, int]
"""Boot, call and number."""

Charges = dict[tuple[uuid.UUID, int], list[int]]
"""By boot and window: what is charged, and how much of it was above its holds, in pico-USD."""

_BEGIN = msgspec.msgpack.Decoder(Begin)
_SETTLED = msgspec.msgpack.Decoder(Settled)
_END = msgspec.msgpack.Decoder(End)


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

    def join(self, row: dict[str, Any], holds: Iterable[Sequence[int]], *, is_charged: bool) -> None:
        """Complete it from its begin. `is_charged`: its boot was closed before, and it was charged in full.

        An end names no holds where a SETTLED came before it; a begin that is still open then tells that the
        SETTLED was lost.
        """
        self.facts = row
        self.is_refund = is_charged
        if is_charged or not self.holds:
            self.holds = tuple(Hold(window, amount) for window, amount in holds)


def sort(batch: Sequence[Envelope]) -> tuple[dict[Attempt, dict[str, Any]], list[Settlement]]:
    """Return the attempts that only began in this batch, as rows, and those that ended."""
    begun: dict[Attempt, dict[str, Any]] = {}
    settlements: dict[Attempt, Settlement] = {}
    for envelope in batch:
        boot = uuid.UUID(bytes=envelope.boot)
        if envelope.kind == BEGIN:
            row = _begun(boot, _BEGIN.decode(envelope.payload))
            begun[boot, uuid.UUID(row["request"]), row["attempt"]] = row
            continue
        if envelope.kind == SETTLED:
            found = _of_settled(boot, _SETTLED.decode(envelope.payload))
        else:
            found = _of_end(boot, _END.decode(envelope.payload))
        if found is None or found.key in settlements:
            continue
        row = begun.pop(found.key, None)
        if row is not None:
            found.join(row, row["holds"], is_charged=False)
            found.is_open = False
        settlements[found.key] = found
    return begun, list(settlements.values())


def ledger_row(settlement: Settlement) -> dict[str, Any]:
    """Return what the ledger says of an attempt."""
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


def charges(settlements: Iterable[Settlement]) -> Charges:
    """Sum up what windows and leases are charged; a refund takes back what was charged in full before."""
    sums: Charges = defaultdict(lambda: [0, 0])
    for one in settlements:
        for hold in one.holds:
            added = sums[one.boot, hold.window]
            added[0] += one.charged - (hold.pico_usd if one.is_refund else 0)
            added[1] += max(0, one.charged - hold.pico_usd)
    return sums


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


def _clean(text: str) -> str:
    # PostgreSQL holds no NUL.
    return text.replace("\0", "")
