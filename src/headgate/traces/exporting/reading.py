"""The pieces of one trace from the database, as many at once as fit; no connection waits meanwhile.

What is erased while an export goes on is in it no more. Read next: `exporting.lines`.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from headgate.core.ports import Origin
from headgate.store.database import Database
from headgate.store.queries import Queries
from headgate.traces.exporting.model import Place, StoredSpan
from headgate.traces.reading.finding import Kept
from headgate.traces.scores.model import Feedback
from headgate.traces.scores.queries import scores_of
from headgate.traces.sending.calls import load_calls
from headgate.traces.sending.model import Exporter, SentCall

QUERIES: Final = Queries.load("headgate.traces.exporting")
PLACES_MAX: Final = 20_000
"""Spans of a trace whose places are read at once."""
SPANS_MAX: Final = 500
BYTES_MAX: Final = 1024 * 1024
"""Of the texts of spans that are read at once, unless a single one has more."""
CALLS_MAX: Final = 8
"""Calls that are read at once: each with up to 2 MiB of recorded bodies."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What of a trace was read together with others; `spans` are None where there are too many for that."""

    name: str
    spans: list[StoredSpan] | None
    calls: list[Place]
    is_scored: bool


class TraceReader:
    """Reads one trace; with `key` only what this key made. What is known of it is not read again."""

    def __init__(
        self, database: Database, kept: Kept, key: str | None, *, known: Known | None = None
    ) -> None:
        self._known = known
        self._database = database
        self._kept = kept
        self._key = key
        self._scope: dict[str, Any] = {**kept.days, "project_ids": [kept.item.project], "key": key}

    @property
    def trace_id(self) -> str:
        """Its id, as people see it."""
        return self._kept.item.trace_id

    @property
    def project(self) -> str:
        """Whose it is."""
        return self._kept.item.project

    async def said_name(self) -> str:
        """Return the name that a span gave the trace; empty where it goes by its root's, or for one key."""
        if self._known is not None:
            return self._known.name
        async with self._database.connection() as connection:
            cursor = await connection.execute(QUERIES.trace_named, self._scope)
            row = await cursor.fetchone()
        is_named = self._key is None and row is not None and bool(row[0])
        return (self._kept.item.name or "") if is_named else ""

    async def spans(self) -> AsyncIterator[list[StoredSpan]]:
        """Yield the spans, the earliest first."""
        if self._known is not None and self._known.spans is not None:
            if self._known.spans:
                yield self._known.spans
            return
        trace = self._scope["trace_id"]
        async for places in self._places("span_places"):
            for group in grouped(places):
                named = [(trace, place) for place in group]
                found = await read_spans_at(self._database, self._kept.item.project, named)
                yield found.get(trace, [])

    async def calls(self, exporter: Exporter) -> AsyncIterator[list[SentCall]]:
        """Yield the recorded calls, with their words where these were recorded and are for all readers."""
        async for places in self._call_places():
            for start in range(0, len(places), CALLS_MAX):
                group = [(place.day, place.id) for place in places[start : start + CALLS_MAX]]
                wanted = [(day, call) for day, call in group if isinstance(call, UUID)]
                async with self._database.connection() as connection:
                    calls = await load_calls(connection, exporter, wanted, content=True)
                yield sorted(calls, key=lambda call: (call.started_ms, call.id))

    async def scores(self) -> list[Feedback]:
        """Return what was said of the trace, its spans and its requests."""
        if self._known is not None and not self._known.is_scored:
            return []
        async with self._database.connection() as connection:
            return await scores_of(
                connection,
                [self._kept.item.project],
                self._kept.days["trace_id"],
                self._kept.days,
                key=self._key,
            )

    async def _call_places(self) -> AsyncIterator[list[Place]]:
        if self._known is not None:
            yield self._known.calls
            return
        async for places in self._places("call_places"):
            yield places

    async def _places(self, statement: str) -> AsyncIterator[list[Place]]:
        after: dict[str, Any] = {"after": None, "after_id": None}
        while True:
            asked = {**self._scope, **after, "limit": PLACES_MAX}
            async with self._database.connection() as connection:
                cursor = await connection.execute(QUERIES[statement], asked, prepare=False)
                places = [place_of(row) for row in await cursor.fetchall()]
            if places:
                yield places
            if len(places) < PLACES_MAX:
                return
            after = {"after": places[-1].started_at, "after_id": places[-1].id}


def exporter_of(project: str) -> Exporter:
    """As what the calls of a project are written: with their words, under the names of its own providers."""
    return Exporter(name="export", origin=Origin("http", "", 0), path="", content=True, projects=(project,))


def grouped(places: Sequence[Place]) -> list[list[Place]]:
    """Divide places into groups that are read at once: each so many, with so much text."""
    groups: list[list[Place]] = []
    room = 0
    for place in places:
        if not groups or len(groups[-1]) >= SPANS_MAX or place.length > room:
            groups.append([])
            room = BYTES_MAX
        groups[-1].append(place)
        room -= place.length
    return groups


async def read_spans_at(
    database: Database, project: str, places: Sequence[tuple[UUID, Place]]
) -> dict[UUID, list[StoredSpan]]:
    """Return the spans at these places, by their traces: those of each in the order of time."""
    asked = {
        "project_ids": [project],
        "traces": [trace for trace, _ in places],
        "days": [place.day for _, place in places],
        "numbers": [place.id for _, place in places],
    }
    async with database.connection() as connection:
        cursor = await connection.execute(QUERIES.spans_at, asked)
        rows = await cursor.fetchall()
    found: dict[UUID, list[StoredSpan]] = {}
    for *row, trace in rows:
        found.setdefault(trace, []).append(StoredSpan(*row))
    return found


def place_of(row: Sequence[Any]) -> Place:
    """Return a row of places; calls have no length."""
    day, identity, started_at, *length = row
    return Place(day, identity, started_at, length[0] if length else 0)
