"""What the shipper applies of spans: their rows, the rows of their traces, and what waits for a second look.

Runs inside the shipper's transaction. An exporter that comes again brings spans that are there already: they
are looked up first, and only what is new is written and added up. Rows are locked in the order of projects
and traces, in `traces` before `trace_changes`, here and in settling. Read next: `keeping.rows`,
`keeping.summing`, `keeping.settling`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from headgate.core.entries import BODY, END, End
from headgate.core.ports import Envelope
from headgate.records.rows import day_of, identity, name
from headgate.records.sink import ensure_day_partitions, interrupted_calls, release_ids, with_release
from headgate.store.database import Connection
from headgate.traces.keeping.adding import QUERIES, add_to_traces, queue_text
from headgate.traces.keeping.rows import COLUMN_TYPES, KeptSpan, has_text, kept_spans, span_row
from headgate.traces.keeping.summing import sum_calls, sum_spans, trace_key, traced_call
from headgate.traces.keeping.telling import join_events
from headgate.traces.model import SPANS, SpanBatch, span_number
from headgate.traces.scores.model import SpanScore
from headgate.traces.scores.storing import join_scores, write_span_scores
from headgate.traces.sending.spans import span_id_of

CALLS_QUEUED_MAX: Final = 20
BODY_S: Final = 2.0
"""How long after its call a body is looked for."""
TRIES: Final = 3
"""How often spans are looked up and written while another shipper writes the same ones."""

if len(COLUMN_TYPES) != QUERIES.copy_spans.count(",") + 1:
    raise RuntimeError("copy_spans and COLUMN_TYPES have to name the same columns")

_BATCH: Final = msgspec.msgpack.Decoder(SpanBatch)
_END: Final = msgspec.msgpack.Decoder(End)


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What a `core.entries.Body` begins with: the rest, which is long, is not read here."""

    call: bytes
    project: str


_HEAD: Final = msgspec.msgpack.Decoder(_Head)


class SpanSink:
    """Applies SPANS (`core.ports.Sink`)."""

    kinds = frozenset({SPANS})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch. Raises ValueError or psycopg.Error for an entry that can't be written."""
        spans: dict[tuple[str, bytes, int], KeptSpan] = {}
        for envelope in batch:
            for kept in kept_spans(_BATCH.decode(envelope.payload)):
                spans.setdefault(kept.identity, kept)
        if not spans:
            return
        await ensure_day_partitions(connection, {kept.day for kept in spans.values()})
        # In one order everywhere, so that two shippers with the same spans wait, and never for each other.
        new = await _write_new(connection, [spans[identity] for identity in sorted(spans)])
        await add_to_traces(connection, sum_spans(new))
        await queue_text(connection, [kept.place for kept in new if has_text(kept.span)])
        await _add_scores(connection, new)
        await join_events(connection, [kept.place for kept in new])


class TraceCallSink:
    """Applies END (`core.ports.Sink`): a recorded call that names a trace belongs to it."""

    kinds = frozenset({END})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Add the calls to their traces. Raises ValueError or psycopg.Error for what can't be written."""
        ends = [_END.decode(envelope.payload) for envelope in batch]
        releases = await release_ids(connection, ends)
        await _add_calls(connection, [with_release(end, releases) for end in ends])


class InterruptedCallSink:
    """Applies nothing: calls that die with their gateway belong to their traces, too.

    Stands before the sink of records, which forgets open calls.
    """

    kinds: frozenset[int] = frozenset()

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Do nothing: no entry says that its writer died."""

    async def close_journal(self, connection: Connection, boot: UUID) -> None:
        """Add what a process had begun and not ended when it died."""
        await _add_calls(connection, await interrupted_calls(connection, boot))


class LateBodySink:
    """Applies BODY (`core.ports.Sink`): the words of a call whose body comes long after its record.

    Such as after an outage, or where its host was away. What comes in time, the record's own sink has queued.
    """

    kinds = frozenset({BODY})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Queue the calls. Raises ValueError or psycopg.Error for what can't be written."""
        bodies = [_HEAD.decode(envelope.payload) for envelope in batch]
        calls = [identity(body.call) for body in bodies]
        asked = {
            "project_ids": sorted({name(body.project) for body in bodies}),
            "days": [day_of(call) for call in calls],
            "calls": calls,
            "body_s": BODY_S,
        }
        cursor = await connection.execute(QUERIES.late_calls, asked)
        found = [
            _Worded(call.bytes, key)
            for _, project, trace_id, call in await cursor.fetchall()
            if (key := trace_key(project, trace_id)) is not None
        ]
        await _queue_words(connection, found, wait_s=0.0)


class _Worded(NamedTuple):
    """A call whose words are to be taken, and its trace, by project and id."""

    call: bytes
    trace: tuple[str, bytes]


async def _queue_calls(connection: Connection, ends: Iterable[End]) -> None:
    """Have the words taken of calls whose bodies are recorded and that name a trace."""
    full = [end for end in ends if end.record == "full"]
    found = [
        _Worded(end.call, key) for end in full if (key := trace_key(end.project, end.trace_id)) is not None
    ]
    await _queue_words(connection, found, wait_s=BODY_S)


async def _queue_words(connection: Connection, found: Sequence[_Worded], *, wait_s: float) -> None:
    if found:
        await connection.execute(
            QUERIES.queue_calls,
            {
                "days": [day_of(identity(each.call)) for each in found],
                "projects": [each.trace[0] for each in found],
                "traces": [UUID(bytes=each.trace[1]) for each in found],
                "numbers": [span_number(span_id_of(each.call)) for each in found],
                "calls": [UUID(bytes=each.call) for each in found],
                "body_s": wait_s,
                "most": CALLS_QUEUED_MAX,
            },
        )


async def _add_calls(connection: Connection, ends: Sequence[End]) -> None:
    kept = [end for end in ends if end.record != "none"]
    await add_to_traces(connection, sum_calls(traced_call(end) for end in kept))
    await _queue_calls(connection, kept)
    requests: dict[str, dict[UUID, UUID]] = {}
    for end in kept:
        key = trace_key(end.project, end.trace_id)
        if key is not None:
            requests.setdefault(key[0], {})[UUID(bytes=end.call)] = UUID(bytes=key[1])
    for project in sorted(requests):
        await join_scores(connection, project, requests=requests[project])
    await _queue_answers(connection, kept)


async def _queue_answers(connection: Connection, ends: Sequence[End]) -> None:
    """Have the traces looked for whose spans name these calls' answers, once these are on record."""
    groups: dict[tuple[date, str], list[UUID]] = {}
    for end in ends:
        if end.response_id:
            call = identity(end.call)
            groups.setdefault((day_of(call), name(end.project)), []).append(call)
    rows = [{"day": day, "project": project, "calls": calls} for (day, project), calls in groups.items()]
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(QUERIES.queue_answers, rows)


async def _write_new(connection: Connection, spans: Sequence[KeptSpan]) -> list[KeptSpan]:
    """Write those that are not there yet, and return them."""
    for _ in range(TRIES):
        new = await _without_known(connection, spans)
        try:
            async with connection.transaction():
                await _copy(connection, new)
        except psycopg.errors.UniqueViolation:
            continue  # another shipper has just committed some of them
        return new
    raise psycopg.errors.SerializationFailure("other shippers write the same spans; it is tried again")


async def _without_known(connection: Connection, spans: Sequence[KeptSpan]) -> list[KeptSpan]:
    new: list[KeptSpan] = []
    for day, of_day in _by_day(spans).items():
        cursor = await connection.execute(
            QUERIES.known_spans,
            {
                "project_ids": sorted({kept.project for kept in of_day}),
                "projects": [kept.project for kept in of_day],
                "traces": [UUID(bytes=kept.trace_id) for kept in of_day],
                "numbers": [kept.number for kept in of_day],
                "first": day - timedelta(days=1),
                "last": day + timedelta(days=1),
            },
        )
        known = {place - 1 for (place,) in await cursor.fetchall()}
        new += [kept for place, kept in enumerate(of_day) if place not in known]
    return new


async def _copy(connection: Connection, spans: Sequence[KeptSpan]) -> None:
    if not spans:
        return
    async with connection.cursor() as cursor, cursor.copy(QUERIES.copy_spans) as copy:
        copy.set_types(COLUMN_TYPES)
        for kept in spans:
            await copy.write_row(span_row(kept))


async def _add_scores(connection: Connection, spans: Sequence[KeptSpan]) -> None:
    """Keep what spans say of themselves, and join what was said of them before they came."""
    said = [
        SpanScore(
            project=kept.project,
            key=kept.key,
            trace_id=kept.trace_id,
            span_id=kept.span.span_id,
            at_ns=kept.span.end_ns,
            said=each,
        )
        for kept in spans
        for each in kept.span.scores
    ]
    await write_span_scores(connection, said)
    for project in sorted({kept.project for kept in spans}):
        of_project = {kept.number: UUID(bytes=kept.trace_id) for kept in spans if kept.project == project}
        await join_scores(connection, project, spans=of_project)


def _by_day(spans: Iterable[KeptSpan]) -> dict[date, list[KeptSpan]]:
    days: dict[date, list[KeptSpan]] = {}
    for kept in spans:
        days.setdefault(kept.day, []).append(kept)
    return days
