"""What a person reads to mark an answer: of a case what came with it, of calls and spans what is on record.

Read next: `judges.queue`, `traces.lineage.recorded` (a call's texts).
"""

import uuid
from typing import Any, Final

import msgspec

from headgate.judges.items import Content
from headgate.judges.storing import QUERIES
from headgate.store.database import Connection
from headgate.traces.lineage.model import Text
from headgate.traces.lineage.recorded import recorded_texts

CHARACTERS_MAX: Final = 200_000
NO_TEXT: Final = "one of the two answers holds no text"
GONE: Final = "the call is no longer on record, or was recorded without its content"


class Shows(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to read; `missing` says why where there is nothing."""

    content: Content
    missing: str = ""


async def content_of(connection: Connection, item: dict[str, Any]) -> Shows:
    """Return what is shown of an answer that was kept."""
    kept = msgspec.json.decode(item["content"], type=Content) if item["content"] else Content()
    if item["content"] and item["subject"] == "case":
        return Shows(content=kept)
    if item["subject"] == "request" and item["request_id"] is not None:
        found = await _of_call(connection, item["project"], item["request_id"])
        beside = msgspec.structs.replace(found.content, context=kept.context, reference=kept.reference)
        return found if found.missing else msgspec.structs.replace(found, content=beside)
    if item["subject"] == "pair" and item["request_id"] is not None and item["other_request_id"] is not None:
        return await _of_pair(connection, item, kept)
    if item["subject"] == "span" and item["span_id"] is not None:
        return await _of_span(connection, item["project"], item["trace_id"], item["span_id"])
    return Shows(content=Content(), missing=GONE)


async def _of_call(connection: Connection, project: str, call: uuid.UUID) -> Shows:
    found = await recorded_texts(connection, project, call)
    if found is None or not (found.step.inputs or found.step.outputs):
        return Shows(content=Content(), missing=GONE)
    return Shows(content=Content(input=_joined(found.step.inputs), output=_joined(found.step.outputs)))


async def _of_pair(connection: Connection, item: dict[str, Any], kept: Content) -> Shows:
    """Both answers, and the question of the first: a pair is of calls that asked the same."""
    one = await _of_call(connection, item["project"], item["request_id"])
    other = await _of_call(connection, item["project"], item["other_request_id"])
    if not (one.content.output and other.content.output):
        return Shows(content=Content(), missing=one.missing or other.missing or NO_TEXT)
    content = Content(
        input=one.content.input,
        a=one.content.output,
        b=other.content.output,
        context=kept.context,
        reference=kept.reference,
    )
    return Shows(content=content)


async def _of_span(connection: Connection, project: str, trace: uuid.UUID, span: int) -> Shows:
    parameters = {"project_ids": [project], "trace_id": trace, "span_id": span}
    cursor = await connection.execute(QUERIES.texts_of_span, parameters)
    row = await cursor.fetchone()
    if row is None or not (row[0] or row[1]):
        return Shows(content=Content(), missing=GONE)
    return Shows(content=Content(input=row[0][:CHARACTERS_MAX], output=row[1][:CHARACTERS_MAX]))


def _joined(texts: tuple[Text, ...]) -> str:
    """Texts one below the other, each under what it is."""
    parts = [f"[{text.role or text.kind}] {text.value}" if len(texts) > 1 else text.value for text in texts]
    return "\n\n".join(parts)[:CHARACTERS_MAX]
