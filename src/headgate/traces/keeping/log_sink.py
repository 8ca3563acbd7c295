"""What the shipper applies of log records: events of spans, and scores that evaluations came to.

Read next: `keeping.telling` (how events join their spans), `otlp.logs` (where they come from).
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec

from headgate.core.ports import Envelope
from headgate.records.rows import clean, instant, name
from headgate.records.sink import ensure_day_partitions
from headgate.store.database import Connection
from headgate.traces.keeping.adding import QUERIES, add_to_traces
from headgate.traces.keeping.rows import SpanPlace, usd
from headgate.traces.keeping.telling import join_events
from headgate.traces.model import LOGS, LogBatch, LogEvent, ScoreSaid, span_number
from headgate.traces.scores.model import SpanScore
from headgate.traces.scores.storing import write_span_scores

_BATCH: Final = msgspec.msgpack.Decoder(LogBatch)


class KeptEvent(msgspec.Struct, frozen=True):
    """An event that is to be written: where it belongs, and itself."""

    place: SpanPlace
    key: str
    event: LogEvent


class LogSink:
    """Applies LOGS (`core.ports.Sink`)."""

    kinds = frozenset({LOGS})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch. Raises ValueError or psycopg.Error for an entry that can't be written."""
        batches = [_BATCH.decode(envelope.payload) for envelope in batch]
        scores = [score for each in batches for score in _scores(each)]
        events = {_identity(kept): kept for each in batches for kept in _events(each)}
        # In the order of all other sinks: traces, then what waits for a second look, then scores.
        new = await _write_new(connection, [events[identity] for identity in sorted(events)])
        if new:
            await _hold_traces(connection, new)
            await join_events(connection, new)
        await write_span_scores(connection, scores)


async def _write_new(connection: Connection, events: Sequence[KeptEvent]) -> list[SpanPlace]:
    """Write those that are not there yet; return the spans that they name, each once."""
    if not events:
        return []
    await ensure_day_partitions(connection, {kept.place.day for kept in events})
    columns: dict[str, Any] = {
        "project_ids": sorted({kept.place.project for kept in events}),
        "days": [kept.place.day for kept in events],
        "projects": [kept.place.project for kept in events],
        "traces": [UUID(bytes=kept.place.trace_id) for kept in events],
        "numbers": [kept.place.number for kept in events],
        "digests": [kept.event.digest for kept in events],
        "keys": [kept.key for kept in events],
        "names": [name(kept.event.name) for kept in events],
        "times": [kept.event.at_ns for kept in events],
        "places": [kept.event.place for kept in events],
        "costs": [usd(kept.event.cost_pico_usd) for kept in events],
        "texts": [clean(kept.event.attributes) for kept in events],
    }
    cursor = await connection.execute(QUERIES.add_span_events, columns)
    found: list[tuple[str, UUID, int, date]] = await cursor.fetchall()
    places = {SpanPlace(project, trace.bytes, number, day) for project, trace, number, day in found}
    return sorted(places)


async def _hold_traces(connection: Connection, places: Sequence[SpanPlace]) -> None:
    keys = sorted({(place.project, UUID(bytes=place.trace_id)) for place in places})
    named: dict[str, Any] = {
        "project_ids": sorted({project for project, _ in keys}),
        "projects": [project for project, _ in keys],
        "traces": [trace_id for _, trace_id in keys],
    }
    await connection.execute(QUERIES.hold_traces, named)
    await add_to_traces(connection, {}, changed=keys)


def _events(batch: LogBatch) -> list[KeptEvent]:
    project, key, day = name(batch.project), name(batch.key), instant(batch.received_ms).date()
    found: list[KeptEvent] = []
    for event in batch.events:
        if event.score is None:
            _check(event, span_lengths=(8,))
            place = SpanPlace(project, event.trace_id, span_number(event.span_id), day)
            found.append(KeptEvent(place, key, event))
    return found


def _identity(kept: KeptEvent) -> tuple[SpanPlace, bytes]:
    return kept.place, kept.event.digest


def _scores(batch: LogBatch) -> list[SpanScore]:
    project, key = name(batch.project), name(batch.key)
    return [_score(project, key, event, event.score) for event in batch.events if event.score is not None]


def _score(project: str, key: str, event: LogEvent, said: ScoreSaid) -> SpanScore:
    _check(event, span_lengths=(0, 8))
    return SpanScore(
        project=project,
        key=key,
        trace_id=event.trace_id,
        span_id=event.span_id,
        at_ns=event.at_ns,
        said=said,
    )


def _check(event: LogEvent, span_lengths: tuple[int, ...]) -> None:
    if len(event.trace_id) != 16 or len(event.span_id) not in span_lengths:
        raise ValueError(f"{event.trace_id.hex()}/{event.span_id.hex()} are no ids of 16 and 8 bytes")
