"""What a call wants of its meters, and what a process asks the database for on its behalf. Pure.

Read next: `meters.till`, which sends it; `grant_leases` in `store/migrations/0010_meters.sql`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from headgate.core.call import Bound, Bounded
from headgate.core.faults import BudgetExhausted, Limited, NotAllowed
from headgate.core.money import format_usd
from headgate.meters.leases import EXACT_BOUNDS, Answer, Lease, Leases
from headgate.meters.model import Budget
from headgate.meters.scope import Meter
from headgate.meters.windows import NEVER_MS, edges, format_instant


class Want(NamedTuple):
    """What an attempt has to reserve of one meter, in pico-USD."""

    budget: Budget
    meter: Meter
    amount: int


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One element of `grant_leases`' argument; the fields are described there."""

    place: int
    budget: str
    name: str
    scope: dict[str, Any]
    limit: int
    window: str
    timezone: str
    subject: str
    starts_ms: int
    ends_ms: int
    window_id: int | None
    known: int
    returned: int
    need: int
    pending: int
    chunk: int
    exact_below: int
    processes: int


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking. `refused` are the meters that had not enough; `is_outside`: the process's idea
    of a window is not the database's, ask again."""

    answers: tuple[tuple[Meter, Answer], ...]
    refused: frozenset[Meter]
    is_outside: bool
    now_ms: int
    identity: str | None = None
    """The server that answered; None where nothing had to be asked."""
    is_held: bool = False
    """Nothing is granted yet: holders have still to register with that server."""


def wants_of(counted: Iterable[tuple[Budget, Meter]], bound: Bound) -> list[Want]:
    """Return what an attempt has to reserve: once for each meter of each budget that counts it (`Counting`).

    An unbounded cost takes the largest `max_cost_per_call` of them all, of each: what is charged in the end
    is one amount, and no hold may be smaller than what its window can be charged. Raises NotAllowed
    (`unbounded_cost`) where a budget's is 0.
    """
    if isinstance(bound, Bounded):
        return [Want(budget, meter, bound.pico_usd) for budget, meter in counted]
    counting = list(counted)
    for budget, _ in counting:
        if budget.max_cost_per_call_pico_usd <= 0:
            raise NotAllowed(
                f"the cost of this call has no bound ({bound.reason}), and budget {budget.name!r} allows "
                "no such call; set its max_cost_per_call",
                code="unbounded_cost",
            )
    largest = max((budget.max_cost_per_call_pico_usd for budget, _ in counting), default=0)
    return [Want(budget, meter, largest) for budget, meter in counting]


def asks_for(
    wants: Sequence[Want],
    leases: Leases,
    waiting: Mapping[Meter, int],
    *,
    wall_ms: int,
    now_ms: int,
    processes: int,
    even_if_covered: bool = False,
) -> list[Ask]:
    """Return what has to be asked for so that the wants can be reserved: only of meters that lack it, or of
    all (`even_if_covered`), which asks for nothing where nothing lacks, and so learns what is on record.

    `waiting` is what all waiting calls want of each meter, these wants included.
    """
    asks: list[Ask] = []
    for want in wants:
        lease = leases.current(want.meter, wall_ms)
        available = lease.available if lease is not None else 0
        if lease is not None and available >= want.amount and not even_if_covered:
            continue
        need = max(0, want.amount - available)
        pending = max(need, waiting.get(want.meter, 0) - available)
        recent = lease.chunk(now_ms) if lease is not None else 0
        window = lease.edges if lease else edges(want.budget.window, want.budget.timezone, wall_ms)
        asks.append(
            Ask(
                place=len(asks),
                budget=want.budget.id,
                name=want.budget.name,
                scope=msgspec.to_builtins(want.budget.scope),
                limit=want.budget.limit_pico_usd,
                window=want.budget.window,
                timezone=want.budget.timezone,
                subject=want.meter.subject,
                starts_ms=window.starts_ms,
                ends_ms=window.ends_ms,
                window_id=lease.window if lease else None,
                known=lease.granted if lease else 0,
                returned=lease.returned if lease else 0,
                need=need,
                pending=pending,
                chunk=max(pending, recent - available),
                exact_below=EXACT_BOUNDS * processes * want.amount,
                processes=processes,
            )
        )
    return asks


def exhausted(want: Want, lease: Lease) -> BudgetExhausted:
    """Say that spend leaves less than the call's bound: which budget, how much, and until when."""
    left = max(0, lease.limit - lease.spent_known)
    ends_ms = lease.edges.ends_ms
    until = "and does not reset" if ends_ms >= NEVER_MS else f"until {format_instant(ends_ms)}"
    return BudgetExhausted(
        f"budget {_name(want)} has {format_usd(left)} of {format_usd(lease.limit)} USD left {until}; this "
        f"call may cost up to {format_usd(want.amount)} USD; ask for fewer output tokens or raise the limit",
        rejects=want.budget.when_exhausted == "reject",
    )


def reserved(want: Want, lease: Lease | None) -> Limited:
    """Say that calls in flight hold what this call needs."""
    spent = format_usd(lease.spent_known) if lease is not None else "0"
    limit = format_usd(lease.limit if lease is not None else want.budget.limit_pico_usd)
    return Limited(
        f"calls in flight hold what is left of budget {_name(want)} ({spent} of {limit} USD are spent); this "
        f"call may cost up to {format_usd(want.amount)} USD; repeat it when they have ended",
        code="budget_reserved",
        retry_after_s=1.0,
    )


def _name(want: Want) -> str:
    subject = want.meter.subject
    return f"{want.budget.name!r} ({subject})" if subject else repr(want.budget.name)
