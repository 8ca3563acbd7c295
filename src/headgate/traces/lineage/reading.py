"""A trace's texts from the database, and its lineage. Bounded: one at a time, and no more text than fits.

Read next: `traces.lineage.tracing`, which does the work.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from headgate.core.faults import NotFound
from headgate.records.bodies import read_requests
from headgate.records.model import fold
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.traces.lineage.calls import with_call
from headgate.traces.lineage.model import Context, Edge, LeftOut, Step
from headgate.traces.lineage.texts import Fields, with_texts
from headgate.traces.lineage.tracing import STEPS_MAX, follow, lineage
from headgate.traces.model import span_text
from headgate.traces.reading.finding import Kept, find_trace
from headgate.traces.reading.model import CallRow, SpanRow
from headgate.traces.reading.opening import read_parts
from headgate.traces.reading.pieces import count_parts, joined_calls

QUERIES: Final = Queries.load("headgate.traces.lineage")

CHARACTERS_MAX: Final = 100_000_000
"""How much text of one trace is read from the database."""
CALLS_MAX: Final = 2_000
"""How many recorded calls' bodies are read."""
ROWS_AT_ONCE: Final = 200
_FIELDS: Final = ("input", "output", "system", "attributes", "tools", "documents", "parameters", "links")
"""In the order of `lineage_texts`."""


class TraceLineage(msgspec.Struct, frozen=True, kw_only=True):
    """Which text of one step went into another one's input, and the shares of what models read.

    `contexts` estimate tokens by characters. `left_out` counts what was too much to look at.
    """

    trace_id: str
    project: str
    span_id: str | None
    edges: list[Edge]
    contexts: list[Context]
    left_out: LeftOut


class Tracing:
    """Finds lineages, one after the other, so that what they hold in memory has a bound."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def of_trace(
        self,
        connection: Connection,
        project_ids: Sequence[str] | None,
        trace_id: str,
        *,
        key: str | None = None,
        span_id: str | None = None,
    ) -> TraceLineage:
        """Return the lineage of a trace, or what one of its steps goes back to.

        Raises NotFound for a trace or a step that isn't there, InvalidRequest when several projects have it.
        """
        kept = await find_trace(connection, project_ids, trace_id)
        async with self._turn:
            found = await _read(connection, kept, key)
            if span_id is not None and span_id not in {step.id for step in found.steps}:
                raise NotFound(
                    f"the trace {trace_id} has no step {span_id[:64]!r}; `headgate traces show` lists them"
                )
            whole = await asyncio.to_thread(lineage, found.steps)
        shown = whole if span_id is None else follow(whole, span_id)
        return TraceLineage(
            trace_id=trace_id,
            project=kept.item.project,
            span_id=span_id,
            edges=shown.edges,
            contexts=shown.contexts,
            left_out=_sum(shown.left_out, found.left_out),
        )


class _Found(msgspec.Struct, frozen=True):
    steps: list[Step]
    left_out: LeftOut


async def _read(connection: Connection, kept: Kept, key: str | None) -> _Found:
    projects = [kept.item.project]
    spans, calls = await read_parts(connection, projects, kept, key=key)
    if not spans and not calls:
        raise NotFound(f"there is no trace {kept.days['trace']!r}; `headgate traces` lists them")
    bare = {span.span_id: _step(span) for span in spans}
    scope = {**kept.days, "project_ids": projects, "key": key}
    texts = await asyncio.to_thread(_with_texts, bare, await _texts(connection, scope))
    joined = joined_calls(count_parts(spans, calls), calls)
    told = {call.id: number for number, call in joined.items()}
    steps: dict[Any, Step] = {**bare, **texts}
    wanted = [call for call in calls if call.id not in told or not _has_text(steps[told[call.id]])]
    await _add_calls(connection, steps, wanted[:CALLS_MAX], {**scope, "told": told})
    left_out = LeftOut(spans=len(bare) - len(texts) + max(0, len(wanted) - CALLS_MAX))
    return _Found(list(steps.values()), left_out)


async def _texts(connection: Connection, scope: dict[str, Any]) -> list[tuple[int, Fields]]:
    """Read the texts of spans, the earliest first, until there is no more room."""
    found: list[tuple[int, Fields]] = []
    characters = 0
    async with connection.transaction(), connection.cursor("lineage") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        await cursor.execute(QUERIES.lineage_texts, {**scope, "limit": STEPS_MAX})
        async for number, *texts in cursor:
            characters += sum(map(len, texts))
            if characters > CHARACTERS_MAX:
                break
            found.append((number, Fields(**dict(zip(_FIELDS, texts, strict=True)))))
    return found


def _with_texts(bare: Mapping[int, Step], texts: Sequence[tuple[int, Fields]]) -> dict[int, Step]:
    return {number: with_texts(bare[number], fields) for number, fields in texts if number in bare}


async def _add_calls(
    connection: Connection, steps: dict[Any, Step], calls: Sequence[CallRow], scope: dict[str, Any]
) -> None:
    """Give recorded calls a step of their own, or their texts to the span that tells of them without any."""
    wanted = {call.id: call for call in calls}
    if not wanted:
        return
    (project,) = scope["project_ids"]
    requests = await read_requests(connection, [project], project, [UUID(str(one)) for one in wanted])
    for call in calls:
        if call.id not in scope["told"]:
            steps[call.id] = _call_step(call)
    cursor = await connection.execute(QUERIES.lineage_answers, {**scope, "limit": STEPS_MAX})
    async for identity, dialect, response, content_type in cursor:
        call = wanted.get(str(identity))
        if call is not None:
            place = scope["told"].get(call.id, call.id)
            request = requests.get(identity, b"")
            steps[place] = with_call(steps[place], dialect, request, bytes(response), content_type)


def _step(span: SpanRow) -> Step:
    usage = None if span.usage is None else fold(span.usage)
    return Step(
        id=span_text(span.span_id),
        parent="" if span.parent_id is None else span_text(span.parent_id),
        kind=span.kind,
        name=span.name,
        tool=span.tool,
        start_us=span.started_us,
        end_us=span.started_us + max(0, span.duration_us),
        response_id=span.response_id,
        input_tokens=None if usage is None else usage.input + usage.cache_read + usage.cache_write,
    )


def _call_step(call: CallRow) -> Step:
    usage = fold(call.usage)
    return Step(
        id=call.id,
        parent="" if call.parent_id is None else span_text(call.parent_id),
        kind="llm",
        name=call.model,
        start_us=call.started_us,
        end_us=call.started_us + max(0, call.duration_us),
        response_id=call.response_id,
        input_tokens=usage.input + usage.cache_read + usage.cache_write,
    )


def _has_text(step: Step) -> bool:
    return bool(step.inputs and step.outputs)


def _sum(one: LeftOut, other: LeftOut) -> LeftOut:
    sums = {name: getattr(one, name) + getattr(other, name) for name in one.__struct_fields__}
    return LeftOut(**sums)
