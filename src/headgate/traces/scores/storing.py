"""Scores put into the database: each id once, whatever is sent again, and joined to traces that came before
or come after.

Read next: `scores.queries` (what is asked of them), `traces/scores/queries.sql`.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from headgate.records.rows import day_of
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows
from headgate.traces.scores.model import Score, SpanScore, score_of_span

QUERIES: Final = Queries.load("headgate.traces.scores")

ROWS_MAX: Final = 5000
"""How many rows go into one statement."""

_COMPARED: Final = (
    *("name", "kind", "value", "text", "comment", "source", "said_by", "subject"),
    *("request_id", "span_id", "session", "user", "business_id"),
)
_SHOWN: Final = {"kind": "value", "text": "value", "said_by": "by"}


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a row: `differs` names the fields in which another of that id, there before, differs.

    `is_new` is False where the same was there before, or earlier among the same rows."""

    id: str
    is_new: bool = True
    differs: tuple[str, ...] = ()


async def add_scores(connection: Connection, project: str, scores: Sequence[Score]) -> list[Added]:
    """Put rows in, in the caller's transaction, and say what came of each, in their order.

    What is there with the same content is left as it is; the traces that rows belong to get their facets.
    """
    fresh: set[int] = set()
    first: dict[str, int] = {}
    for place, score in enumerate(scores):
        first.setdefault(score.id, place)
    found = await connection.execute(
        QUERIES.add_scores,
        {
            "project": project,
            "project_ids": [project],
            "rows": msgspec.json.encode([_row(scores[place]) for place in first.values()]).decode(),
        },
    )
    traces: set[uuid.UUID] = set()
    async for identity, trace_id in found:
        fresh.add(first[identity])
        if trace_id is not None:
            traces.add(trace_id)
    known = [score.id for place, score in enumerate(scores) if place not in fresh]
    there: dict[str, dict[str, Any]] = {}
    if known:
        rows = await fetch_rows(connection, QUERIES.get_scores, {"project_ids": [project], "ids": known})
        there = {row["id"]: row for row in rows}
    if traces:
        await set_facets(connection, project, traces)
    return [
        Added(id=score.id)
        if place in fresh
        else Added(id=score.id, is_new=False, differs=_differing(score, there.get(score.id)))
        for place, score in enumerate(scores)
    ]


async def write_span_scores(connection: Connection, rows: Iterable[SpanScore]) -> None:
    """Put in what spans carry, once for a trace, span, name and source, in the caller's transaction."""
    by_project: dict[str, dict[str, Score]] = {}
    for row in rows:
        score = score_of_span(row)
        if score is not None:
            by_project.setdefault(row.project, {})[score.id] = score
    for project in sorted(by_project):
        scores = list(by_project[project].values())
        for start in range(0, len(scores), ROWS_MAX):
            await add_scores(connection, project, scores[start : start + ROWS_MAX])


async def join_scores(
    connection: Connection,
    project: str,
    *,
    requests: Mapping[uuid.UUID, uuid.UUID] | None = None,
    spans: Mapping[int, uuid.UUID] | None = None,
    left: Iterable[uuid.UUID] = (),
) -> None:
    """Join what was said before to requests and spans that have come since, each with its trace.

    `left` are the traces that they had before.
    Runs in the transaction that has just written the traces, whose facets are set too.
    """
    scope = {"project_ids": [project]}
    cursor = await connection.execute(QUERIES.any_scores, scope)
    if await cursor.fetchone() != (True,):
        return
    traces = set(left)
    if requests:
        traces.update(requests.values())
        named = {"requests": list(requests), "traces": list(requests.values())}
        await connection.execute(QUERIES.join_requests, {**scope, **named})
    if spans:
        traces.update(spans.values())
        of_spans = {"spans": list(spans), "traces": list(spans.values())}
        await connection.execute(QUERIES.join_spans, {**scope, **of_spans})
    await set_facets(connection, project, traces)


async def set_facets(connection: Connection, project: str, trace_ids: Iterable[uuid.UUID]) -> None:
    """Set the facets of traces to the names of what is said of them, in the caller's transaction."""
    asked = {"project_ids": [project], "trace_ids": sorted(trace_ids)}
    cursor = await connection.execute(QUERIES.lock_traces, asked)
    found = [trace_id for (trace_id,) in await cursor.fetchall()]
    if found:
        await connection.execute(QUERIES.set_facets, {**asked, "trace_ids": found})


def _row(score: Score) -> dict[str, Any]:
    row = msgspec.structs.asdict(score)
    row["request_day"] = None
    if score.request_id is not None and score.request_id.version == 7:
        row["request_day"] = day_of(score.request_id)
    return row


def _differing(score: Score, there: dict[str, Any] | None) -> tuple[str, ...]:
    """Name the fields, as the API calls them, in which a row differs from one of the same id."""
    if there is None:
        return ()
    said = msgspec.structs.asdict(score)
    fields = [field for field in _COMPARED if said[field] != there[field]]
    if score.subject in ("trace", "span") and score.trace_id not in (None, there["trace_id"]):
        fields.append("trace_id")
    if score.at_ms is not None and score.at_ms != there["at_ms"]:
        fields.append("at")
    return tuple(dict.fromkeys(_SHOWN.get(field, field) for field in fields))
