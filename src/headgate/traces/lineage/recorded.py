"""The texts of one recorded call, and the documents that retrieval brought in its trace.

Read next: `traces.lineage.calls`, `traces.lineage.texts`.
"""

import uuid
from typing import Final

import msgspec

from headgate.records.bodies import read_bodies
from headgate.records.rows import day_of
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.traces.lineage.calls import with_call
from headgate.traces.lineage.model import Step, Text
from headgate.traces.lineage.texts import Fields, with_texts

QUERIES: Final = Queries.load("headgate.traces.lineage")
DOCUMENTS_MAX: Final = 200


class RecordedTexts(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded call: its request's bytes and the texts in and out. Documents have names, and texts."""

    dialect: str
    request: bytes
    step: Step
    documents: tuple[tuple[str, str], ...]


async def recorded_texts(connection: Connection, project: str, call: uuid.UUID) -> RecordedTexts | None:
    """Return a call's texts; None where its body is not on record, or not whole."""
    bodies = await read_bodies(connection, [project], call)
    found = await _dialect_and_trace(connection, project, call)
    if bodies is None or found is None or bodies.request_digest:
        return None
    dialect, trace = found
    documents = await _documents(connection, project, trace)
    step = with_call(
        Step(id=str(call), start_us=0, end_us=0),
        dialect,
        bodies.request,
        bodies.response,
        bodies.response_content_type,
    )
    return RecordedTexts(dialect=dialect, request=bodies.request, step=step, documents=documents)


async def documents_of(connection: Connection, project: str, call: uuid.UUID) -> tuple[tuple[str, str], ...]:
    """Return the names and texts of the documents that steps of a call's trace retrieved, 200 at most."""
    found = await _dialect_and_trace(connection, project, call)
    return () if found is None else await _documents(connection, project, found[1])


async def _dialect_and_trace(
    connection: Connection, project: str, call: uuid.UUID
) -> tuple[str, uuid.UUID | None] | None:
    parameters = {"project_ids": [project], "day": day_of(call), "id": call}
    cursor = await connection.execute(QUERIES.dialect_and_trace, parameters)
    row = await cursor.fetchone()
    return None if row is None else (row[0], row[1])


async def _documents(
    connection: Connection, project: str, trace: uuid.UUID | None
) -> tuple[tuple[str, str], ...]:
    if trace is None:
        return ()
    parameters = {"project_ids": [project], "trace_id": trace, "limit": DOCUMENTS_MAX}
    cursor = await connection.execute(QUERIES.documents_of_trace, parameters)
    documents: list[tuple[str, str]] = []
    for (found,) in await cursor.fetchall():
        step = with_texts(Step(id="", start_us=0, end_us=0), Fields(documents=found))
        documents += [(text.name, text.value) for text in step.outputs]
    return tuple(documents[:DOCUMENTS_MAX])


def answer_of(step: Step) -> str:
    """Return what a call answered: its texts, without what it thought and the tools that it called."""
    said = [text.value for text in step.outputs if text.kind == "message" and text.name != "reasoning"]
    return "\n".join(said)


def question_of(step: Step) -> str:
    """Return what it was asked: the last text of a user."""
    asked: list[Text] = [text for text in step.inputs if text.kind == "message" and text.role != "assistant"]
    users = [text for text in asked if text.role in ("user", "")]
    return (users or asked)[-1].value if asked else ""
