"""Reads what counting asks of traces: their spans and recorded calls, light, many traces at once.

Read next: `keeping.counting`, `keeping.settling`.
"""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from headgate.core.call import Usage
from headgate.store.database import Connection
from headgate.traces.keeping.accounts import CountedSpan, RecordedCall
from headgate.traces.keeping.counting import Totals, count
from headgate.traces.keeping.sink import QUERIES

SPANS_MAX: Final = 200_000
CALLS_MAX: Final = 20_000
"""So many of one trace are counted; what is beyond is flagged."""
TOO_LARGE: Final = "too_large"
ROWS_AT_ONCE: Final = 1000
"""After so many rows whatever else control does has its turn."""

_USAGE: Final = msgspec.json.Decoder(Usage)


class Due(msgspec.Struct, frozen=True):
    """A trace that is to be counted, as it was when it was last changed."""

    project: str
    trace_id: UUID
    last_at: datetime
    spans: int
    first_day: date
    last_day: date
    is_nameless: bool


class Gathered(msgspec.Struct, frozen=True):
    """What a trace consists of; `name` is that of its topmost step, where no root says one."""

    spans: list[CountedSpan]
    calls: list[RecordedCall]
    name: str
    elsewhere: frozenset[str] = frozenset()
    """Ids of answers whose calls another trace has."""

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is left of it."""
        return not self.spans and not self.calls

    @property
    def is_cut(self) -> bool:
        """Whether it has more than is counted."""
        return len(self.spans) >= SPANS_MAX or len(self.calls) >= CALLS_MAX


async def gather(connection: Connection, due: Sequence[Due]) -> list[Gathered]:
    """Read spans and calls of each, in the same order."""
    scope = {
        "project_ids": sorted({one.project for one in due}),
        "projects": [one.project for one in due],
        "firsts": [one.first_day for one in due],
        "lasts": [one.last_day for one in due],
    }
    # Requests before spans, in the order in which partitions of these are made and locked.
    texts = {"texts": [one.trace_id.hex for one in due], "limit": CALLS_MAX}
    cursor = await connection.execute(QUERIES.read_calls, {**scope, **texts})
    calls: list[list[RecordedCall]] = [[] for _ in due]
    aliases: list[list[tuple[int, str]]] = [[] for _ in due]
    async for row in cursor:
        place = int(row[0]) - 1
        calls[place].append(_call(row))
        aliases[place].append((row[9], row[3]))
    nameless = [one.is_nameless for one in due]
    traces = {"traces": [one.trace_id for one in due], "nameless": nameless, "limit": SPANS_MAX}
    cursor = await connection.execute(QUERIES.read_spans, {**scope, **traces})
    spans: list[list[CountedSpan]] = [[] for _ in due]
    names: list[dict[int, tuple[int, str]]] = [{} for _ in due]
    while rows := await cursor.fetchmany(ROWS_AT_ONCE):
        for row in rows:
            place = int(row[0]) - 1
            spans[place].append(_span(row))
            if row[13]:
                names[place][row[1]] = (row[11], row[13])
        await asyncio.sleep(0)
    return [
        Gathered(spans[place], calls[place], _name_of(one, spans[place], names[place], aliases[place]))
        for place, one in enumerate(due)
    ]


def count_all(gathered: Sequence[Gathered]) -> list[Totals]:
    """Count each trace."""
    return [_count(one) for one in gathered]


def _count(one: Gathered) -> Totals:
    totals = count(one.spans, one.calls, elsewhere=one.elsewhere)
    if one.is_cut:
        return msgspec.structs.replace(totals, flags=tuple(sorted({*totals.flags, TOO_LARGE})))
    return totals


def _name_of(
    due: Due, spans: Sequence[CountedSpan], names: dict[int, tuple[int, str]], aliases: list[tuple[int, str]]
) -> str:
    """Name a trace without a root: after the first of its topmost spans, else after its first call."""
    if not due.is_nameless:
        return ""
    ids = {span.id for span in spans}
    top = [names[span.id] for span in spans if span.parent not in ids and span.id in names]
    return min(top or aliases, default=(0, ""))[1]


def _span(row: Sequence[Any]) -> CountedSpan:
    _, identity, parent, kind, status, model, request_model, response_id, usage, cost, flags, *rest = row
    return CountedSpan(
        id=identity,
        parent=parent,
        kind=kind,
        status=status,
        model=model,
        request_model=request_model,
        response_id=response_id,
        usage=None if usage is None else _USAGE.decode(usage),
        cost=cost,
        flags=tuple(flags),
        duration_us=rest[1],
    )


def _call(row: Sequence[Any]) -> RecordedCall:
    _, identity, parent, alias, target, response_id, usage, cost, status, started_us, duration_ms = row
    model = target.partition("/")[2] or alias
    return RecordedCall(
        id=identity,
        parent=parent,
        model=model,
        models=frozenset(name.lower() for name in (alias, target, model) if name),
        response_id=response_id,
        usage=_USAGE.decode(usage),
        cost=cost,
        status=status,
        started_us=started_us,
        duration_us=duration_ms * 1000,
    )
