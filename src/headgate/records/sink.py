"""What the shipper applies of the journal: calls that began, and the rows and rollups of those that ended.

Runs inside the shipper's transaction, which moves the journal's position, so that each call counts once: no
statement here asks whether a row exists already. Read next: `records.bodies`, `records.rollup`.
"""

import uuid
from collections.abc import Mapping, Sequence, Set
from datetime import date
from typing import LiteralString

import msgspec
from psycopg.rows import TupleRow

from headgate.core.call import Usage
from headgate.core.entries import BEGIN, END, SETTLED, Begin, End
from headgate.core.identity import span_number, span_text, time_ms_of
from headgate.core.money import format_usd, parse_usd
from headgate.core.ports import Envelope
from headgate.records import rollup, sketch
from headgate.records.rows import (
    REQUEST_COLUMNS,
    clean,
    day_of,
    exposures_json,
    exposures_of,
    identity,
    instant,
    name,
    request_row,
    reserved_pico_usd,
    usd,
)
from headgate.records.running import Running, interrupted_cost, sort_calls
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES = Queries.load("headgate.records")

INTERRUPTED = "interrupted"
"""The code of a call whose gateway ended before the call did."""


class RecordSink:
    """Applies BEGIN, SETTLED and END (`core.ports.Sink`)."""

    kinds = frozenset({BEGIN, SETTLED, END})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch. Raises ValueError or psycopg.Error for an entry that can't be written."""
        running, ended = sort_calls(batch)
        releases = await release_ids(connection, [end for _, end in ended])
        await write_ended(connection, [(boot, with_release(end, releases)) for boot, end in ended])
        await _write_running(connection, running)

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Put the calls on record that a process had begun and not ended when it died.

        Each costs what its attempts were charged, and what the open one had reserved, as its meters are
        charged; unknown where nothing was.
        """
        rows = await _open_calls_of(connection, boot)
        await write_ended(connection, [(boot, _interrupted(row)) for row in rows if row[-1]])
        # Those of which no begin was ever known.
        await connection.execute(QUERIES.close_calls, {"ids": [row[0] for row in rows if not row[-1]]})


async def interrupted_calls(connection: Connection, boot: uuid.UUID) -> list[End]:
    """Return the calls that `RecordSink.close_journal` is about to put on record."""
    return [_interrupted(row) for row in await _open_calls_of(connection, boot) if row[-1]]


async def _open_calls_of(connection: Connection, boot: uuid.UUID) -> list[TupleRow]:
    cursor = await connection.execute(QUERIES.boot_open_calls, {"boot": boot})
    return await cursor.fetchall()


ReleaseIds = Mapping[tuple[str, str], str]
"""The id of the release that is meant, by project and by what calls say: its name, commit, or a part."""


async def release_ids(connection: Connection, ends: Sequence[End]) -> ReleaseIds:
    """Return the ids of the releases that calls name; what means none that is stored is left out."""
    asserted = sorted({(name(end.project), name(end.release)) for end in ends if end.release})
    if not asserted:
        return {}
    cursor = await connection.execute(
        QUERIES.resolve_releases,
        {"projects": [project for project, _ in asserted], "wanted": [wanted for _, wanted in asserted]},
    )
    return {(project, wanted): found async for project, wanted, found in cursor}


def with_release(end: End, releases: ReleaseIds) -> End:
    """Return the call with the id of its release; what means none stays as it was said."""
    found = releases.get((name(end.project), name(end.release)))
    return end if found is None else msgspec.structs.replace(end, release=found)


async def write_ended(connection: Connection, ended: Sequence[tuple[uuid.UUID, End]]) -> None:
    """Write the rows and the rollups of calls that ended, and take them off the open ones."""
    if not ended:
        return
    await ensure_partitions(connection, [identity(end.call) for _, end in ended])
    await connection.execute(QUERIES.close_calls, {"ids": [identity(end.call) for _, end in ended]})
    rows = [request_row(boot, end) for boot, end in ended if end.record != "none"]
    if rows:
        async with connection.cursor() as cursor, cursor.copy(_COPY_REQUESTS) as copy:
            for row in rows:
                await copy.write_row(row)
    await _write_rollups(connection, [end for _, end in ended])


_COPY_REQUESTS = QUERIES.copy_requests
if len(REQUEST_COLUMNS) != _COPY_REQUESTS.count(",") + 1:
    raise RuntimeError("copy_requests and REQUEST_COLUMNS have to name the same columns")


async def ensure_partitions(connection: Connection, calls: Sequence[uuid.UUID]) -> None:
    """Make the partitions of the days that these calls belong to; a day far off goes to the default one."""
    await ensure_day_partitions(connection, {day_of(call) for call in calls})


async def ensure_day_partitions(connection: Connection, days: Set[date]) -> None:
    """Make the partitions of these days, of calls and of spans; a day far off goes to the default one."""
    await connection.execute(QUERIES.ensure_partitions, {"days": sorted(days)})


async def _write_running(connection: Connection, running: dict[uuid.UUID, Running]) -> None:
    if not running:
        return
    begun: list[dict[str, object]] = []
    settled: list[dict[str, object]] = []
    for call, one in sorted(running.items()):
        state: dict[str, object] = {"id": call, "charged_usd": usd(one.charged), "is_open": one.is_open}
        if one.begin is None:
            settled.append({**state, "boot": one.boot})
        else:
            begun.append({**state, "boot": one.boot, "begins": one.begins, **_begun(one.begin)})
    async with connection.cursor() as cursor:
        await cursor.executemany(QUERIES.open_call, begun)
        await cursor.executemany(QUERIES.settle_call, settled)


def _begun(begin: Begin) -> dict[str, object]:
    return {
        "attempt": begin.attempt,
        "started_at": instant(begin.started_ms),
        "target": name(begin.target),
        "project": name(begin.project),
        "key": name(begin.key),
        "user": name(begin.user),
        "model": name(begin.model),
        "tags": [name(tag) for tag in begin.tags],
        "session": name(begin.session),
        "trace_id": name(begin.trace_id),
        "parent_span_id": span_number(begin.parent_span_id) if begin.parent_span_id else None,
        "reserved_usd": usd(reserved_pico_usd(begin)),
        "exposures": exposures_json(begin.exposures),
    }


async def add_slots(connection: Connection, deltas: Mapping[rollup.SlotKey, rollup.Delta]) -> None:
    """Add to the rollup by slot, in the order given, and to the sums of its hours and days.

    A slot that no call is left in goes.
    """
    slots = [
        {
            "slot": key[0],
            "dimensions": rollup.dimensions_of(key),
            "project": key[1],
            **dict(zip(rollup.NAMES, key[2:8], strict=True)),
            "status_class": key[8],
            **_sums(delta),
            "duration_sketch": delta.duration_sketch,
            "first_token_sketch": delta.first_token_sketch,
        }
        for key, delta in deltas.items()
    ]
    emptied = [
        {"slot": key[0], "dimensions": rollup.dimensions_of(key), "project_ids": [key[1]]}
        for key, delta in deltas.items()
        if delta.requests < 0
    ]
    async with connection.cursor() as writing:
        await writing.executemany(QUERIES.add_rollup, slots)
        await writing.executemany(QUERIES.forget_slot, emptied)
    await _add_names(connection, rollup.by_name(deltas))


async def _add_names(connection: Connection, found: Mapping[rollup.NameKey, Sequence[int]]) -> None:
    rows: list[dict[str, object]] = []
    for (dimension, step_s, project, begin, value, status_class), sums in found.items():
        *counts, durations, first_tokens = sums
        named: dict[str, object] = dict(zip(rollup.SUMS, counts, strict=True))
        named |= {"dimension": dimension, "step_s": step_s, "project": project, "at": begin.isoformat()}
        named |= {"value": value, "status_class": status_class}
        named["cost_usd"] = format_usd(counts[rollup.SUMS.index("cost_pico_usd")])
        # As texts: JSON's numbers of a hundred digits are read as they stand by few.
        rows.append({**named, "durations": str(durations), "first_tokens": str(first_tokens)})
    await connection.execute(QUERIES.add_series_sums, {"rows": msgspec.json.encode(rows).decode()})
    emptied = [row for row, sums in zip(rows, found.values(), strict=True) if sums[0] < 0]
    if emptied:
        parameters = {"rows": msgspec.json.encode(emptied).decode(), "project_ids": _projects(emptied)}
        await connection.execute(QUERIES.forget_series_sums, parameters)


def _projects(rows: Sequence[Mapping[str, object]]) -> list[str]:
    return sorted({str(row["project"]) for row in rows})


async def _write_rollups(connection: Connection, ends: Sequence[End]) -> None:
    await add_slots(connection, rollup.by_slot(ends))
    days = rollup.by_day(ends)
    keys = list(days)
    parameters = {
        "projects": [key[0] for key in keys],
        "days": [key[1] for key in keys],
        "dimensions": [key[2] for key in keys],
        "values": [key[3] for key in keys],
    }
    cursor = await connection.execute(QUERIES.known_values, parameters)
    known: set[rollup.DayKey] = set()
    counts: dict[tuple[str, date, str], int] = {}
    async for project, day, dimension, value, count in cursor:
        counts[project, day, dimension] = count
        if value is not None:
            known.add((project, day, dimension, value))
    kept = rollup.capped(days, known, counts)
    await _add_rows(connection, QUERIES.add_rollup_days, [_day_row(*each) for each in kept.items()])
    sessions = rollup.by_session(ends)
    await _add_rows(connection, QUERIES.add_session_days, [_session_row(*each) for each in sessions.items()])


async def _add_rows(
    connection: Connection, statement: LiteralString, rows: Sequence[Mapping[str, object]]
) -> None:
    await connection.execute(statement, {"rows": msgspec.json.encode(rows).decode()})


def _day_row(key: rollup.DayKey, delta: rollup.DayDelta) -> Mapping[str, object]:
    project, day, dimension, value = key
    return {
        "project": project,
        "day": day.isoformat(),
        "dimension": dimension,
        "value": value,
        **_sums(delta),
        "measured": delta.requests,
        "client_errors": delta.client_errors,
        "server_errors": delta.server_errors,
        "durations": str(sketch.as_number(delta.duration_sketch)),
        "first_tokens": str(sketch.as_number(delta.first_token_sketch)),
    }


def _session_row(key: rollup.SessionKey, delta: rollup.Delta) -> Mapping[str, object]:
    project, day, session, user = key
    return {"project": project, "day": day.isoformat(), "session": session, "user": user, **_sums(delta)}


def _sums(delta: rollup.Delta) -> dict[str, object]:
    return {
        "requests": delta.requests,
        "input": delta.input,
        "cache_read": delta.cache_read,
        "cache_write": delta.cache_write,
        "output": delta.output,
        "reasoning": delta.reasoning,
        "cost_usd": format_usd(delta.cost_pico_usd),
        "unpriced": delta.unpriced,
        "estimated": delta.estimated,
    }


def _interrupted(row: TupleRow) -> End:
    call, started_at, duration_ms, target, project, key, user, model, tags, session, *rest = row
    trace_id, parent, reserved, charged, is_open, exposures, _ = rest
    return End(
        call=call.bytes,
        started_ms=min(int(started_at.timestamp() * 1000), time_ms_of(call)),
        duration_ms=max(0, duration_ms),
        first_token_ms=None,
        project=project,
        key=key,
        user=user,
        session=session,
        tags=tuple(tags),
        dialect="",
        operation="",
        stream=False,
        model=model,
        target=target,
        status=503,
        code=INTERRUPTED,
        message=clean("the gateway process ended before this call did"),
        attempts=(),
        excluded=(),
        changes=(),
        snapshot="",
        release="",
        trace_id=trace_id,
        parent_span_id=b"" if parent is None else bytes.fromhex(span_text(parent)),
        usage=Usage(),
        cost_pico_usd=interrupted_cost(parse_usd(charged), parse_usd(reserved), is_open=is_open),
        estimated=True,
        truncated=True,
        record="metadata",
        exposures=exposures_of(exposures),
    )
