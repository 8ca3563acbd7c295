"""Counts feedback under the versions of prompts that the calls meant were made of, as long as control runs.

Feedback on a call counts for each prompt of that call; on a trace, for each prompt of its calls, once; on a
span, for those of the calls that it made. Of sessions and users none counts: it says nothing of one prompt.
What came, changed or went is on a queue that the database itself keeps. Read next: `outcomes.reading`.
"""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from headgate.prompts.catalogue.model import MANAGED, digest_of
from headgate.records.rows import day_of
from headgate.store.database import Connection, Database
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES: Final = Queries.load("headgate.prompts.outcomes")

BATCH: Final = 200
"""Pieces of feedback that are counted at once."""
IDLE_S: Final = 0.5
LATE_S: Final = 2.0
"""Feedback whose call has no prompts yet is looked at again after so long, and some times more."""
LARGEST: Final = 1e100
"""No value measured is as large; one that is counts as a text."""

Row = dict[str, Any]


class _Sum(msgspec.Struct):
    """What a batch adds to one sum."""

    answers: int = 0
    numbers: int = 0
    yes: int = 0
    no: int = 0
    total: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)


async def queue_said_of(
    connection: Connection, project: str, calls: Sequence[tuple[date, uuid.UUID]]
) -> None:
    """Have counted anew what was said of calls whose prompts are another now, in the caller's transaction."""
    if calls:
        parameters = {"days": [day for day, _ in calls], "ids": [call for _, call in calls]}
        await connection.execute(QUERIES.queue_said_of, {**parameters, "project_ids": [project]})


class FeedbackJob:
    """Takes feedback from the queue until cancelled."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Count what is queued."""
        while True:
            if await self.run_once() < BATCH:
                await asyncio.sleep(IDLE_S)

    async def run_once(self) -> int:
        """Count one batch; return how many pieces of feedback were taken off the queue."""
        async with self._database.transaction() as connection:
            rows = await fetch_rows(connection, QUERIES.claim, {"limit": BATCH})
            for project in sorted({row["project"] for row in rows}):
                scores = sorted(row["score"] for row in rows if row["project"] == project)
                await _count_anew(connection, project, scores)
        return len(rows)


async def _count_anew(connection: Connection, project: str, scores: Sequence[str]) -> None:
    asked = {"project": project, "project_ids": [project], "scores": list(scores)}
    gone = await fetch_rows(connection, QUERIES.forget_said, asked)
    said = await fetch_rows(connection, QUERIES.get_said, asked)
    found, late = await _held(connection, project, said)
    if late:
        await connection.execute(QUERIES.put_off, {**asked, "scores": late, "wait_s": LATE_S})
    async with connection.cursor() as cursor:
        await cursor.executemany(QUERIES.add_said, [{**row, "project": project} for row in found])
    await _add(connection, project, gone, found)


async def _held(connection: Connection, project: str, said: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """Return a row for each version that feedback counts for; and what has to wait for its call."""
    places: dict[tuple[str, Any], list[Row]] = {}
    for kind, statement, parameters in _questions(said):
        rows = await fetch_rows(connection, QUERIES[statement], {**parameters, "project_ids": [project]})
        for row in rows:
            places.setdefault((kind, row["place"]), []).append(row)
    found: list[Row] = []
    late: list[str] = []
    for each in said:
        counted = _counted(each, places.get(_place(each), []))
        found += counted
        if not counted and each["is_fresh"]:
            late.append(each["id"])
    return found, late


def _questions(said: Sequence[Row]) -> list[tuple[str, str, Row]]:
    """What is asked about calls, traces and spans, for those of them that there are."""
    calls = sorted({each["request_id"] for each in said if each["subject"] == "request"})
    calls = [call for call in calls if call.version == 7]
    traces = {each["trace_id"] for each in said if _place(each)[0] == "trace"}
    spans = [each for each in said if _place(each)[0] == "span" and each["trace_id"] is not None]
    asked: list[tuple[str, str, Row]] = []
    if calls:
        asked.append(
            ("request", "prompts_of_requests", {"ids": calls, "days": [day_of(call) for call in calls]})
        )
    if traces:
        asked.append(("trace", "prompts_of_traces", {"traces": sorted(each.hex for each in traces)}))
    if spans:
        within = sorted({each["trace_id"].hex for each in spans})
        named = sorted({each["span_id"] for each in spans})
        asked.append(("span", "prompts_of_spans", {"traces": within, "spans": named}))
    return asked


def _place(said: Row) -> tuple[str, Any]:
    match said["subject"]:
        case "request":
            return "request", said["request_id"]
        case "span":
            return "span", said["span_id"]
        case _:
            return "trace", said["trace_id"]


def _counted(said: Row, held: Iterable[Row]) -> list[Row]:
    """Return one row for each version, with the day and the environment of the first call made of it.

    `is_again` is each version of a prompt but that of its very first call: the whole prompt counts once.
    """
    first: dict[tuple[str, str, str], tuple[date, str]] = {}
    for each in held:
        if each["name"] is not None:
            key = (each["source"] or MANAGED, each["name"], each["version"] or "")
            made = (each["day"], each["environment"])
            first[key] = min(first.get(key, made), made)
    value = said["value"]
    earliest: dict[tuple[str, str], tuple[tuple[date, str], str]] = {}
    for (source, name, version), made in first.items():
        earliest[source, name] = min(earliest.get((source, name), (made, version)), (made, version))
    return [
        {
            "score": said["id"],
            "prompt": digest_of(source, name),
            "version": version,
            "source": source,
            "name": name,
            "day": day,
            "environment": environment,
            "is_again": earliest[source, name][1] != version,
            "word": said["word"],
            "kind": said["kind"],
            "value": value if value is not None and abs(value) < LARGEST else None,
        }
        for (source, name, version), (day, environment) in sorted(first.items())
    ]


_NAMED = ("prompt", "version", "environment", "is_again", "word", "kind")


async def _add(connection: Connection, project: str, gone: Iterable[Row], found: Iterable[Row]) -> None:
    sums: dict[tuple[date, uuid.UUID], _Sum] = {}
    named: dict[tuple[date, uuid.UUID], Row] = {}
    for rows, sign in ((gone, -1), (found, 1)):
        for row in rows:
            names = [row[name] for name in ("source", "name", "version", "word", "kind")]
            # Sums without an environment, and of what counts once, keep the keys that they had before.
            if row["is_again"]:
                names += [row["environment"], "again"]
            elif row["environment"]:
                names.append(row["environment"])
            key = (row["day"], digest_of(*names))
            named[key] = {name: row[name] for name in _NAMED}
            _sum(sums.setdefault(key, _Sum()), row["value"], sign)
    changed = {key: each for key, each in sorted(sums.items()) if each != _Sum()}
    writes: list[Row] = [
        {**named[key], **msgspec.structs.asdict(each), "project": project, "day": key[0], "key": key[1]}
        for key, each in changed.items()
    ]
    emptied = [row for row in writes if row["answers"] < 0]
    async with connection.cursor() as cursor:
        await cursor.executemany(QUERIES.add_feedback, writes)
        await cursor.executemany(QUERIES.forget_feedback, emptied)


def _sum(found: _Sum, value: float | None, sign: int) -> None:
    found.answers += sign
    if value is None:
        return
    exact = Decimal(repr(value))
    found.numbers += sign
    found.yes += sign * (value == 1)
    found.no += sign * (value == 0)
    found.total += sign * exact
    found.squares += sign * exact * exact
