"""Counts changed traces as long as control runs: what they cost, and what they add to the sums by hour.

A trace is settled once it has been quiet for a moment, or has waited. All in one transaction, so that a
process that dies has done nothing: an advisory lock keeps others off the same share of traces while their
spans are read and counted, and rows are locked for the moment of writing only, since the shipper waits for
them. What changes meanwhile stays marked. Read next: `keeping.gathering`, `keeping.counting`,
`keeping.rollups`.
"""

import asyncio
import logging
import random
import time
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec

from headgate.core.money import format_usd
from headgate.store.database import Connection, Database
from headgate.traces.keeping.adopting import adopt, look_for_calls, mark_named
from headgate.traces.keeping.counting import Totals
from headgate.traces.keeping.gathering import Due, Gathered, count_all, gather
from headgate.traces.keeping.rollups import (
    HOUR_S,
    OTHER,
    Change,
    Contribution,
    RollupKey,
    SettledTrace,
    by_day,
    capped,
    changes,
    contributions,
)
from headgate.traces.keeping.sink import QUERIES

log = logging.getLogger("headgate.traces")

QUIET_S: Final = 0.3
WAIT_S: Final = 1.0
SPAN_S: Final = 0.0002
"""So much longer a trace may wait for each span that it has: one of 30,000 is counted every 7 s."""
SHARDS: Final = 8
SHARDS_AT_ONCE: Final = 4
"""Half of all, so that another process on this database finds something to do."""
TRACES_AT_ONCE: Final = 500
SPANS_AT_ONCE: Final = 20_000
IDLE_S: Final = 0.2
REST_SHARE: Final = 0.25
KNOWN_MAX: Final = 20_000
"""How many values of the sums are remembered as being there."""

_CONTRIBUTIONS: Final = msgspec.msgpack.Decoder(list[Contribution])
_DIMENSIONS: tuple[str, ...] = ("name", "service", "environment", "release")


Move = tuple[str, list[Contribution], list[Contribution]]
"""Project, what a trace puts into the sums, and what it had put there before."""


class SettlingJob:
    """Settles what has changed until cancelled."""

    def __init__(self, database: Database, *, quiet_s: float = QUIET_S, wait_s: float = WAIT_S) -> None:
        self._database = database
        self._waits = {"quiet_s": quiet_s, "wait_s": wait_s, "span_s": SPAN_S}
        self._known: set[RollupKey] = set()

    async def run(self) -> None:
        """Settle what is due, resting in proportion, so that control answers meanwhile."""
        while True:
            began = time.monotonic()
            settled = await self.run_once()
            took_s = time.monotonic() - began
            await asyncio.sleep(took_s * REST_SHARE if settled else IDLE_S)

    async def run_once(self) -> int:
        """Settle what is due among the shares that nobody else has; return how many traces that were."""
        async with self._database.transaction() as connection:
            await mark_named(connection)
        shards = random.sample(range(SHARDS), SHARDS)
        halves = (shards[:SHARDS_AT_ONCE], shards[SHARDS_AT_ONCE:])
        return sum([await self._settle(half) for half in halves])

    async def _settle(self, shards: Sequence[int]) -> int:
        async with self._database.transaction() as connection:
            due = await self._take(connection, shards)
            if not due:
                return 0
            gathered = await gather(connection, due)
            looked = await look_for_calls(connection, due, gathered)
            # What is to adopt calls stays marked, and is counted once it has them.
            places = [place for place in range(len(due)) if place not in looked.adoptions]
            settled = [due[place] for place in places]
            gathered = [_with_elsewhere(gathered[place], looked.elsewhere.get(place)) for place in places]
            totals = await asyncio.to_thread(count_all, gathered)
            await self._write(connection, settled, gathered, totals)
            await _take_changes(connection, settled)
        if looked.adoptions:
            async with self._database.transaction() as connection:
                await adopt(connection, chain.from_iterable(looked.adoptions.values()))
        return len(due)

    async def _take(self, connection: Connection, shards: Sequence[int]) -> list[Due]:
        """Return traces that are due, as many as are counted at once."""
        cursor = await connection.execute(QUERIES.changed_projects)
        projects = [str(row[0]) for row in await cursor.fetchall()]
        if not projects:
            return []
        mine: list[int] = []
        for shard in shards:
            cursor = await connection.execute(QUERIES.lock_shard, {"shard": shard})
            row = await cursor.fetchone()
            if row is not None and row[0]:
                mine.append(shard)
        scope = {"project_ids": projects, "shards": mine, "shards_all": SHARDS, "limit": TRACES_AT_ONCE}
        cursor = await connection.execute(QUERIES.due_traces, {**scope, **self._waits})
        due: list[Due] = []
        spans = 0
        for row in await cursor.fetchall():
            one = Due(*row)
            spans += one.spans
            if due and spans > SPANS_AT_ONCE:
                break
            due.append(one)
        return due

    async def _write(
        self,
        connection: Connection,
        due: Sequence[Due],
        gathered: Sequence[Gathered],
        totals: Sequence[Totals],
    ) -> None:
        """Write totals and sums; the rows of traces are locked from here on."""
        scope = {"project_ids": sorted({one.project for one in due})}
        named = {
            "projects": [one.project for one in due],
            "traces": [one.trace_id for one in due],
        }
        cursor = await connection.execute(QUERIES.lock_traces, {**scope, **named})
        rows = await cursor.fetchall()
        places = [int(row[0]) - 1 for row in rows]
        moves: list[Move] = []
        for place, row in zip(places, rows, strict=True):
            trace = _settled_trace(due[place].project, row, gathered[place].name)
            before = _CONTRIBUTIONS.decode(row[8]) if row[8] else []
            found = [] if gathered[place].is_nothing else contributions(trace, totals[place])
            moves.append((trace.project, found, before))
        moves = await self._capped(connection, moves)
        written = [
            _trace_row(due[place], gathered[place], totals[place], move[1])
            for place, move in zip(places, moves, strict=True)
        ]
        await connection.execute(QUERIES.settle_traces, {**scope, "rows": _json(written)})
        await _add_to_rollups(connection, changes(moves))
        empty = [due[place] for place in places if gathered[place].is_nothing]
        if empty:
            left = {"projects": [one.project for one in empty], "traces": [one.trace_id for one in empty]}
            await connection.execute(QUERIES.forget_traces, {**scope, **left})

    async def _capped(self, connection: Connection, moves: Sequence[Move]) -> list[Move]:
        """Put new values under `other` where a project has too many already."""
        asked = sorted(
            {
                (project, each.hour, each.dimension, each.value)
                for project, new, _ in moves
                for each in new
                if each.dimension
            }
            - self._known
        )
        counts: dict[RollupKey, int] = {}
        if asked:
            cursor = await connection.execute(
                QUERIES.known_rollup_values,
                {
                    "project_ids": sorted({key[0] for key in asked}),
                    "projects": [key[0] for key in asked],
                    "slots": [_slot(key[1]) for key in asked],
                    "dimensions": [key[2] for key in asked],
                    "values": [key[3] for key in asked],
                },
            )
            if len(self._known) > KNOWN_MAX:
                self._known.clear()
            for project, hour, dimension, value, is_there, number in await cursor.fetchall():
                counts[project, hour, dimension, ""] = number
                if is_there or value == OTHER:
                    self._known.add((project, hour, dimension, value))
        return [(project, capped(project, new, self._known, counts), old) for project, new, old in moves]


def _with_elsewhere(gathered: Gathered, answers: frozenset[str] | None) -> Gathered:
    return gathered if answers is None else msgspec.structs.replace(gathered, elsewhere=answers)


def _settled_trace(project: str, row: Sequence[Any], found_name: str) -> SettledTrace:
    _, name, service, environment, release, started_at, duration_ms, spans, _ = row
    said = (name or found_name, service, environment, release)
    names: dict[str, str] = dict(zip(_DIMENSIONS, said, strict=True))
    return SettledTrace(
        project=project, started_at=started_at, duration_ms=max(0, duration_ms), spans=spans, names=names
    )


def _trace_row(
    due: Due, gathered: Gathered, totals: Totals, contributed: Sequence[Contribution]
) -> dict[str, object]:
    return {
        **msgspec.structs.asdict(totals.usage),
        "project": due.project,
        "trace_id": due.trace_id.hex,
        "name": gathered.name,
        "elsewhere": sorted(gathered.elsewhere),
        "calls": totals.calls,
        "errors": totals.errors,
        "cost_usd": None if totals.cost is None else format_usd(totals.cost),
        "unpriced": totals.unpriced,
        "flags": totals.flags,
        "counted": b64encode(msgspec.msgpack.encode(contributed)).decode(),
    }


async def _add_to_rollups(connection: Connection, found: dict[RollupKey, Change]) -> None:
    if not found:
        return
    places: tuple[tuple[dict[RollupKey, Change], LiteralString, LiteralString], ...] = (
        (found, QUERIES.add_to_rollups, QUERIES.forget_rollups),
        (by_day(found), QUERIES.add_to_rollup_days, QUERIES.forget_rollup_days),
    )
    for sums, add, forget in places:
        rows = [change.row(key) for key, change in sums.items()]
        await connection.execute(add, {"rows": _json(rows)})
        emptied = sorted({key[:2] for key, change in sums.items() if change.sums[0] < 0})
        if emptied:
            named = {
                "project_ids": sorted({project for project, _ in emptied}),
                "projects": [project for project, _ in emptied],
                "slots": [_slot(hour) for _, hour in emptied],
            }
            await connection.execute(forget, named)


async def _take_changes(connection: Connection, due: Sequence[Due]) -> None:
    """Unmark what has not changed since it was read."""
    named: dict[str, list[str] | list[UUID]] = {
        "projects": [one.project for one in due],
        "traces": [one.trace_id for one in due],
    }
    seen = [one.last_at for one in due]
    cursor = await connection.execute(QUERIES.take_changes, {**named, "seen": seen})
    if cursor.rowcount < len(due):
        await connection.execute(QUERIES.wait_again, named)


def _slot(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR_S, UTC)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
