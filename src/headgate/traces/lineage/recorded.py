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
    parameters = {"project_ids": [project], "day": day_of(call), "id": call, "limit": DOCUMENTS_MAX}
    cursor = await connection.execute(QUERIES.dialect_and_trace, parameters)
    row = await cursor.fetchone()
    if bodies is None or row is None or bodies.request_digest:
        return None
    dialect, trace = row
    documents: list[tuple[str, str]] = []
    if trace is not None:
        cursor = await connection.execute(QUERIES.documents_of_trace, {**parameters, "trace_id": trace})
        for (found,) in await cursor.fetchall():
            step = with_texts(Step(id="", start_us=0, end_us=0), Fields(documents=found))
            documents += [(text.name, text.value) for text in step.outputs]
    step = with_call(
        Step(id=str(call), start_us=0, end_us=0),
        dialect,
        bodies.request,
        bodies.response,
        bodies.response_content_type,
    )
    return RecordedTexts(
        dialect=dialect, request=bodies.request, step=step, documents=tuple(documents[:DOCUMENTS_MAX])
    )


def answer_of(step: Step) -> str:
    """Return what a call answered: its texts, without what it thought and the tools that it called."""
    said = [text.value for text in step.outputs if text.kind == "message" and text.name != "reasoning"]
    return "\n".join(said)


def question_of(step: Step) -> str:
    """Return what it was asked: the last text of a user."""
    asked: list[Text] = [text for text in step.inputs if text.kind == "message" and text.role != "assistant"]
    users = [text for text in asked if text.role in ("user", "")]
    return (users or asked)[-1].value if asked else ""
