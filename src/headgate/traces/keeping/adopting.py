"""Recorded calls that came without their trace, or with that of another: they go to the one that names them.

A call came to the gateway without `traceparent`, and the instrumentation of its client reports the id of its
answer. Spans and calls are both on record before anything is looked up, each by the job that comes after its
commit, so that whichever is last finds the other. An id that several calls have names none of them. Read
next: `keeping.settling`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from headgate.store.database import Connection
from headgate.traces.keeping.adding import QUERIES, add_to_traces
from headgate.traces.keeping.gathering import Due, Gathered
from headgate.traces.keeping.summing import TracedCall, sum_calls, trace_key
from headgate.traces.scores.storing import join_scores

DAYS_APART: Final = 2
"""So many days a call and its span may arrive apart."""
BATCHES_AT_ONCE: Final = 20


class Adoption(NamedTuple):
    """A call that is to belong to a trace. `before` is the trace that it says, as text; empty for none."""

    day: date
    call: UUID
    before: str
    project: str
    trace_id: UUID
    span: int


class Looked(NamedTuple):
    """What was found for traces, by their places: calls to adopt, and answers whose calls others have."""

    adoptions: dict[int, list[Adoption]]
    elsewhere: dict[int, frozenset[str]]


async def look_for_calls(connection: Connection, due: Sequence[Due], gathered: Sequence[Gathered]) -> Looked:
    """Look up the calls whose answers spans name and that are not among their trace's own."""
    asked = [
        (place, answer, span)
        for place, one in enumerate(gathered)
        for answer, span in _unknown_answers(one).items()
    ]
    looked = Looked({}, {})
    if not asked:
        return looked
    cursor = await connection.execute(
        QUERIES.calls_by_answer,
        {
            "project_ids": sorted({due[place].project for place, _, _ in asked}),
            "projects": [due[place].project for place, _, _ in asked],
            "answers": [answer for _, answer, _ in asked],
            "firsts": [due[place].first_day for place, _, _ in asked],
            "lasts": [due[place].last_day for place, _, _ in asked],
            "days_apart": DAYS_APART,
        },
    )
    found: dict[int, list[Any]] = {}
    for row in await cursor.fetchall():
        found.setdefault(int(row[0]) - 1, []).append(row)
    for number, rows in found.items():
        if len(rows) > 1:
            continue
        place, answer, span = asked[number]
        _, day, call, before, is_named_there = rows[0]
        if is_named_there:
            looked.elsewhere[place] = looked.elsewhere.get(place, frozenset()) | {answer}
        else:
            adoption = Adoption(day, call, before, due[place].project, due[place].trace_id, span)
            looked.adoptions.setdefault(place, []).append(adoption)
    return looked


async def adopt(connection: Connection, adoptions: Iterable[Adoption]) -> None:
    """Give calls to the traces that name them, unless they have moved meanwhile; have both traces counted.

    In a transaction of its own: calls are locked first, then traces.
    """
    chosen: dict[UUID, Adoption] = {}
    for adoption in sorted(adoptions, key=lambda one: (one.project, one.trace_id)):
        chosen.setdefault(adoption.call, adoption)
    ordered = sorted(chosen.values())
    cursor = await connection.execute(
        QUERIES.adopt_calls,
        {
            "project_ids": sorted({one.project for one in ordered}),
            "days": [one.day for one in ordered],
            "ids": [one.call for one in ordered],
            "befores": [one.before for one in ordered],
            "traces": [one.trace_id.hex for one in ordered],
            "spans": [one.span for one in ordered],
        },
    )
    calls = [_traced(row) for row in await cursor.fetchall()]
    left = {
        (one.project, UUID(bytes=key[1]))
        for one in (chosen[UUID(bytes=call.call)] for call in calls)
        if (key := trace_key(one.project, one.before)) is not None
    }
    for project in sorted({call.project for call in calls}):
        requests = {UUID(bytes=call.call): UUID(call.trace_id) for call in calls if call.project == project}
        moved = [trace_id for of_project, trace_id in left if of_project == project]
        await join_scores(connection, project, requests=requests, left=moved)
    await add_to_traces(connection, sum_calls(calls), changed=left)


async def mark_named(connection: Connection) -> None:
    """Have the traces counted that name calls which have come meanwhile."""
    cursor = await connection.execute(QUERIES.take_answers, {"limit": BATCHES_AT_ONCE})
    rows = await cursor.fetchall()
    if not rows:
        return
    calls = [(project, day, call) for project, day, ids in rows for call in ids]
    cursor = await connection.execute(
        QUERIES.traces_by_answer,
        {
            "project_ids": sorted({project for project, _, _ in calls}),
            "days": [day for _, day, _ in calls],
            "ids": [call for _, _, call in calls],
            "days_apart": DAYS_APART,
        },
    )
    named = [(str(project), trace_id) for project, trace_id in await cursor.fetchall()]
    await add_to_traces(connection, {}, changed=named)


def _unknown_answers(one: Gathered) -> dict[str, int]:
    """Return the ids of answers that are none of the trace's own calls', each with the first span of it."""
    known = {call.response_id for call in one.calls}
    found: dict[str, int] = {}
    for span in one.spans:
        if span.response_id and span.tells_of_call and span.response_id not in known:
            found[span.response_id] = min(span.id, found.get(span.response_id, span.id))
    return found


def _traced(row: Sequence[Any]) -> TracedCall:
    call, project, trace_id, started_ms, duration_ms, key, user, session, tags, *rest = row
    operation, model, target, status, release, environment, prompts, finish = rest
    return TracedCall(
        call=call.bytes,
        project=project,
        trace_id=trace_id,
        started_ms=started_ms,
        duration_ms=duration_ms,
        key=key,
        user=user,
        session=session,
        tags=tuple(tags),
        operation=operation,
        model=model,
        target=target,
        status=status,
        release=release,
        environment=environment,
        prompts=tuple(prompts),
        finish=finish,
    )
