"""Erases in bounded batches, each a transaction of its own, and looks again while an erasure stands.

An erasure that is interrupted goes on where it was: what is gone is gone, and what remains is found again.
Each look does all of it, so that what arrived late goes too. Read next: `traces/erasure/queries.sql`.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from headgate.records.rows import day_of
from headgate.store.database import Connection, Database
from headgate.store.queries import Queries
from headgate.traces.erasure.model import ErasureRow, receipt_digest
from headgate.traces.erasure.tables import COUNTED, ERASED
from headgate.traces.keeping.summing import FACETS_MAX

log = logging.getLogger("headgate.traces")

QUERIES: Final = Queries.load("headgate.traces.erasure")

CALLS_AT_ONCE: Final = 1000
TRACES_AT_ONCE: Final = 200
CLAIMED_S: Final = 120
LOCK_WAIT_MS: Final = 5000
STANDS_DAYS: Final = 30
LOOKS_MINUTES: Final = (2, 10, 60, 360, 1440)
"""How long after each look the next one comes; the last, again and again."""

_FIRST_DAY: Final = "0001-01-01"


def row_of(row: Any) -> ErasureRow:
    """Return a row of the statements with these columns."""
    values: dict[str, Any] = dict(zip(ErasureRow.__struct_fields__, row, strict=True))
    digest = values["digest"]
    values["subject_digest"] = bytes(values["subject_digest"])
    values["digest"] = None if digest is None else bytes(digest)
    return ErasureRow(**values)


def named(row: ErasureRow) -> dict[str, Any]:
    """Return what an erasure names, as its statements take it."""
    by: dict[str, Any] = dict.fromkeys(("user", "session", "trace", "key", "everything"))
    by[{"trace_id": "trace", "all_before": "everything"}.get(row.kind, row.kind)] = row.subject
    if row.kind == "all_before":
        by["everything"] = True
    is_name = row.kind != "all_before"
    return {
        **by,
        "id": row.id,
        "project_ids": [row.project],
        "cutoff": row.cutoff,
        "bytes": msgspec.msgpack.encode(row.subject) if is_name else None,
        "project_bytes": msgspec.msgpack.encode(row.project),
        "facets_max": FACETS_MAX,
        "pattern": _pattern(row.subject) if is_name else "",
    }


def _pattern(name: str) -> str:
    """A name as a regular expression that finds it as a word of its own."""
    escaped = re.sub(r"([^\w])", r"\\\1", name)
    return rf"(^|[^[:alnum:]_]){escaped}($|[^[:alnum:]_])"


async def count(connection: Connection, row: ErasureRow) -> dict[str, int]:
    """Count what there is of a subject, in each table that is erased: the second look."""
    return {table: await _count(connection, f"count_{table}", named(row)) for table in ERASED}


async def _count(connection: Connection, statement: str, parameters: dict[str, Any]) -> int:
    cursor = await connection.execute(QUERIES[statement], parameters, prepare=False)
    found = await cursor.fetchone()
    return int(found[0]) if found is not None else 0


async def erase_words(connection: Connection, project: str, traces: Sequence[UUID]) -> int:
    """Erase the words of spans and calls that are gone; return of how many."""
    scope: dict[str, Any] = {"project_ids": [project], "traces": list(traces)}
    cursor = await connection.execute(QUERIES.find_span_words, scope, prepare=False)
    found = await cursor.fetchall()
    days, ids, spans = ([row[place] for row in found] for place in range(3))
    places = {**scope, "days": days, "traces": ids, "spans": spans}
    cursor = await connection.execute(QUERIES.erase_span_words, places, prepare=False)
    return cursor.rowcount


class Eraser:
    """Does what was asked, one erasure after the other: a job of control."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def work(self) -> None:
        """Do all that is due. Other control processes leave alone what one has claimed."""
        async with self._database.connection() as connection:
            await connection.execute(QUERIES.forget_ids)
            await connection.execute(QUERIES.forget_names)
        while (row := await self._claim()) is not None:
            await _Run(self._database, row).do()

    async def _claim(self) -> ErasureRow | None:
        async with self._database.connection() as connection:
            cursor = await connection.execute(QUERIES.claim, {"seconds": CLAIMED_S})
            found = await cursor.fetchone()
        return None if found is None else row_of(found)


class _Run:
    """One look of one erasure."""

    def __init__(self, database: Database, row: ErasureRow) -> None:
        self._database = database
        self._row = row
        self._named = named(row)
        self._removed: dict[str, int] = msgspec.json.decode(row.removed, type=dict[str, int])

    async def do(self) -> None:
        if not self._row.dry_run:
            await self._erase_cases()
            await self._erase_calls()
            await self._erase_late_bodies()
            await self._erase_traces()
            await self._erase_rest()
            await self._erase_messages()
        await self._finish()

    async def _erase_calls(self) -> None:
        while True:
            async with self._database.transaction() as connection:
                parameters = {**self._named, "limit": CALLS_AT_ONCE}
                cursor = await connection.execute(QUERIES.find_calls, parameters, prepare=False)
                found = await cursor.fetchall()
                if not found:
                    return
                await self._erase_batch(connection, found)

    async def _erase_cases(self) -> None:
        """Cases that came from the subject's calls, and the calls that checks and canaries made with them."""
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.note_cases, self._named, prepare=False)
            cursor = await connection.execute(QUERIES.calls_of_cases, self._named, prepare=False)
            ids = [call for (call,) in await cursor.fetchall()]
            for start in range(0, len(ids), CALLS_AT_ONCE):
                calls = [(day_of(call), call) for call in ids[start : start + CALLS_AT_ONCE]]
                told = {"days": [day for day, _ in calls], "ids": [call for _, call in calls]}
                await connection.execute(QUERIES.note_calls, {"id": self._row.id, **told})
                await self._erase_batch(connection, calls)
            for table in ("drift_watches", "drift_answers", "dataset_cases"):
                await self._execute(connection, table, f"erase_{table}", self._named)
            await self._note(connection)

    async def _erase_late_bodies(self) -> None:
        """What came of calls after these were erased, such as bodies, which have a journal of their own."""
        place: tuple[Any, ...] = (_FIRST_DAY, UUID(int=0))
        while True:
            async with self._database.transaction() as connection:
                parameters = {"id": self._row.id, "day": place[0], "after": place[1], "limit": CALLS_AT_ONCE}
                cursor = await connection.execute(QUERIES.erased_calls, parameters)
                found = await cursor.fetchall()
                if not found:
                    return
                await self._erase_batch(connection, found)
                place = found[-1]

    async def _erase_batch(self, connection: Connection, calls: list[Any]) -> None:
        calls = [*calls, *await self._shadows(connection, calls)]
        batch = {**self._named, "days": [day for day, _ in calls], "ids": [call for _, call in calls]}
        self._add("request_bodies", await _count(connection, "erase_request_bodies", batch))
        if self._row.kind == "user":
            await self._execute(connection, "scores", "erase_scores_of_sessions", batch)
        for table, statement in (
            ("match_queue", "erase_match_queue"),
            ("scores", "erase_scores_of_calls"),
            ("ledger", "erase_ledger"),
            ("experiment_units", "erase_units_of_calls"),
            ("experiment_calls", "erase_unit_calls"),
            ("rollout_pairs", "erase_rollout_pairs"),
            ("check_results", "erase_check_results"),
            ("check_judgements", "erase_check_judgements"),
            ("context_replays", "erase_context_replays"),
            ("requests", "erase_requests"),
        ):
            await self._execute(connection, table, statement, batch)
        await self._note(connection)

    async def _shadows(self, connection: Connection, calls: list[Any]) -> list[Any]:
        """Return the shadows of calls, which have no place in their sessions and traces."""
        parameters = {**self._named, "ids": [call for _, call in calls]}
        cursor = await connection.execute(QUERIES.shadows_of_calls, parameters, prepare=False)
        shadows = [(day_of(call), call) for (call,) in await cursor.fetchall()]
        if shadows:
            told = {"days": [day for day, _ in shadows], "ids": [call for _, call in shadows]}
            await connection.execute(QUERIES.note_calls, {"id": self._row.id, **told})
        return shadows

    async def _erase_traces(self) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.find_traces, self._named, prepare=False)
            await connection.execute(QUERIES.find_span_events, self._named, prepare=False)
        if self._row.kind in ("user", "session", "key"):
            async with self._database.transaction() as connection:
                await connection.execute(QUERIES.find_spans, self._named, prepare=False)
        look = self._row.looks + 1
        while True:
            async with self._database.transaction() as connection:
                parameters = {"id": self._row.id, "look": look, "limit": TRACES_AT_ONCE}
                cursor = await connection.execute(QUERIES.next_traces, parameters)
                traces = [trace for (trace,) in await cursor.fetchall()]
                if not traces:
                    return
                texts = [trace.hex for trace in traces]
                batch = {**self._named, "traces": traces, "texts": texts}
                if self._row.kind == "user":
                    await self._execute(connection, "scores", "erase_scores_of_trace_sessions", batch)
                cursor = await connection.execute(QUERIES.erase_spans, batch, prepare=False)
                for spans, scores in await cursor.fetchall():
                    self._add("spans", spans)
                    self._add("scores", scores)
                self._add("span_words", await erase_words(connection, self._row.project, traces))
                for table, statement in (
                    ("span_events", "erase_span_events"),
                    ("scores", "erase_scores_of_traces"),
                    ("traces", "erase_traces"),
                ):
                    await self._execute(connection, table, statement, batch)
                await connection.execute(QUERIES.blank_traces, batch, prepare=False)
                await self._execute(connection, "trace_changes", "erase_trace_changes", batch)
                await connection.execute(QUERIES.seen_traces, {**batch, "look": look})
                await self._note(connection)

    async def _erase_rest(self) -> None:
        async with self._database.transaction() as connection:
            for table, statement in (
                ("scores", "erase_scores"),
                ("rollup_days", "erase_rollup_days"),
                ("session_days", "erase_session_days"),
                ("alerts", "erase_alerts"),
                ("saved_views", "erase_saved_views"),
                ("journal_rejects", "erase_journal_rejects"),
                ("experiment_units", "erase_experiment_units"),
                ("experiment_calls", "erase_experiment_calls"),
                ("marks", "erase_marks"),
                ("judged_items", "erase_judged_items"),
            ):
                await self._execute(connection, table, statement, self._named)
            if self._row.kind == "user":
                await self._execute(connection, "ledger", "erase_ledger_of_user", self._named)
            self._add("unknown_prompts", await _count(connection, "erase_unknown_prompts", self._named))
            await self._note(connection)

    async def _erase_messages(self) -> None:
        async with self._database.connection() as connection:
            cursor = await connection.execute(QUERIES.message_days, {"id": self._row.id})
            days = [day for (day,) in await cursor.fetchall()]
        for day in days:
            try:
                async with self._database.transaction() as connection:
                    await connection.execute(QUERIES.wait_for_lock, {"wait": str(LOCK_WAIT_MS)})
                    await connection.execute(QUERIES.lock_messages)
                    batch = {**self._named, "day": day}
                    await self._execute(connection, "messages", "erase_messages", batch)
                    await self._note(connection)
            except psycopg.errors.LockNotAvailable:
                log.info(
                    "messages of %s are in use; the next look of erasure %s takes them", day, self._row.id
                )

    async def _finish(self) -> None:
        """Count what remains, and what a second look finds; sign the receipt the first time."""
        async with self._database.transaction() as connection:
            if self._row.dry_run:
                # An erasure finds them as their calls go; here they are noted for as long as it is counted.
                await connection.execute(QUERIES.note_shadows, self._named, prepare=False)
            second = await count(connection, self._row)
            remained = {
                **{table: await _count(connection, f"count_{table}", self._named) for table in COUNTED},
                **second,
            }
            if self._row.dry_run:
                self._removed, remained = second, {table: remained[table] for table in COUNTED}
                await connection.execute(QUERIES.forget_calls, {"id": self._row.id})
            minutes = LOOKS_MINUTES[min(self._row.looks, len(LOOKS_MINUTES) - 1)]
            told = {"removed": self._removed, "remained": remained, "second_look": second}
            written = {name: msgspec.json.encode(counts).decode() for name, counts in told.items()}
            await connection.execute(QUERIES.finish, {"id": self._row.id, "minutes": minutes, **written})
            done = msgspec.structs.replace(self._row, **written)
            await connection.execute(QUERIES.sign, {"id": self._row.id, "digest": receipt_digest(done)})

    async def _execute(
        self, connection: Connection, table: str, statement: str, parameters: dict[str, Any]
    ) -> None:
        cursor = await connection.execute(QUERIES[statement], parameters, prepare=False)
        self._add(table, cursor.rowcount)

    def _add(self, table: str, removed: int) -> None:
        self._removed[table] = self._removed.get(table, 0) + removed

    async def _note(self, connection: Connection) -> None:
        removed = msgspec.json.encode(self._removed).decode()
        parameters = {"id": self._row.id, "removed": removed, "seconds": CLAIMED_S}
        await connection.execute(QUERIES.progress, parameters)
