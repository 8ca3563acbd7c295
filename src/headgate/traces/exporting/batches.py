"""Many small traces, read together: a handful of queries for fifty of them instead of seven for each.

A trace with more spans or text than fits is read by itself, in pieces. Read next: `exporting.reading`.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec

from headgate.store.database import Database
from headgate.traces.exporting.model import Place, StoredSpan
from headgate.traces.exporting.reading import (
    BYTES_MAX,
    QUERIES,
    SPANS_MAX,
    Known,
    TraceReader,
    place_of,
    read_spans_at,
)
from headgate.traces.reading.finding import Kept
from headgate.traces.reading.model import TraceItem

TRACES_AT_ONCE: Final = 50


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parts of a trace are. `spans` are None where they are too much to be read with others."""

    kept: Kept
    name: str
    spans: list[Place] | None
    calls: list[Place]
    is_scored: bool


async def readers_of(
    database: Database, items: Sequence[TraceItem], key: str | None
) -> AsyncIterator[TraceReader]:
    """Yield a reader for each of these traces, in their order, but for those that were erased meanwhile."""
    for start in range(0, len(items), TRACES_AT_ONCE):
        part = items[start : start + TRACES_AT_ONCE]
        while part:
            same = [item for item in part if item.project == part[0].project]
            # Projects take turns only where a list has several: then what stands together is read together.
            run = same if len(same) == len(part) else part[:1]
            part = part[len(run) :]
            async for reader in _readers(database, run, key):
                yield reader


async def _readers(
    database: Database, items: Sequence[TraceItem], key: str | None
) -> AsyncIterator[TraceReader]:
    found = await _find(database, items, key)
    for group in _together(found):
        spans = await _spans(database, group)
        for each in group:
            known = Known(
                name=each.name if key is None else "",
                spans=None if each.spans is None else spans.get(each.kept.days["trace_id"], []),
                calls=each.calls,
                is_scored=each.is_scored,
            )
            yield TraceReader(database, each.kept, key, known=known)


async def _find(database: Database, items: Sequence[TraceItem], key: str | None) -> list[_Found]:
    scope: dict[str, Any] = {"project_ids": [items[0].project], "key": key, "each": SPANS_MAX + 1}
    async with database.connection() as connection:

        async def rows(statement: str) -> list[Any]:
            cursor = await connection.execute(QUERIES[statement], scope)
            return await cursor.fetchall()

        scope["traces"] = [UUID(item.trace_id) for item in items]
        traces = {row[0]: row[1:] for row in await rows("traces_of")}
        if not traces:
            return []
        scope |= _days(traces)
        spans = _by_trace(await rows("span_places_of"))
        calls = _by_trace(await rows("call_places_of"))
        scored = {trace for (trace,) in await rows("scored_of")}
    return [
        _Found(
            kept=_kept(item, trace, traces[trace]),
            name=traces[trace][3],
            spans=_few(spans.get(trace, [])),
            calls=calls.get(trace, []),
            is_scored=trace in scored,
        )
        for item in items
        if (trace := UUID(item.trace_id)) in traces
    ]


def _days(traces: dict[UUID, Any]) -> dict[str, Any]:
    firsts: list[date] = [row[0] for row in traces.values()]
    lasts: list[date] = [row[1] for row in traces.values()]
    return {
        "traces": list(traces),
        "texts": [trace.hex for trace in traces],
        "first_days": firsts,
        "last_days": lasts,
        "first_day": min(firsts),
        "last_day": max(lasts),
    }


def _by_trace(rows: Sequence[Any]) -> dict[UUID, list[Place]]:
    found: dict[UUID, list[Place]] = {}
    for trace, *place in rows:
        found.setdefault(trace, []).append(place_of(place))
    return found


def _kept(item: TraceItem, trace: UUID, row: Sequence[Any]) -> Kept:
    days = {"first_day": row[0], "last_day": row[1], "trace_id": trace, "trace": trace.hex}
    return Kept(item=item, days=days, elsewhere=frozenset(row[2]))


def _few(places: list[Place]) -> list[Place] | None:
    is_much = len(places) > SPANS_MAX or sum(place.length for place in places) > BYTES_MAX
    return None if is_much else places


def _together(found: Sequence[_Found]) -> list[list[_Found]]:
    """Divide traces into groups whose spans are read at once."""
    groups: list[list[_Found]] = []
    spans = length = 0
    for each in found:
        places = each.spans or []
        spans, length = spans + len(places), length + sum(place.length for place in places)
        if not groups or spans > SPANS_MAX or length > BYTES_MAX:
            groups.append([])
            spans, length = len(places), sum(place.length for place in places)
        groups[-1].append(each)
    return groups


async def _spans(database: Database, group: Sequence[_Found]) -> dict[UUID, list[StoredSpan]]:
    places = [(each.kept.days["trace_id"], place) for each in group for place in each.spans or ()]
    return await read_spans_at(database, group[0].kept.item.project, places) if places else {}
