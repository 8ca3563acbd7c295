"""Bodies on record: a request's is cut into messages, each of which is stored once per project and day.

Put together they are the body, byte for byte. Messages are found by HMAC under a secret of their project, so
that equal messages of two projects don't show. Read next: `wire.segments`.
"""

import hashlib
import hmac
import os
import uuid
from collections.abc import Sequence
from datetime import date

import msgspec
from psycopg.types.json import Jsonb

from headgate.core.entries import BODY, Body
from headgate.core.ports import Envelope
from headgate.records.model import Bodies
from headgate.records.rows import clean, day_of, identity, json_text, name
from headgate.records.sink import QUERIES, ensure_partitions
from headgate.store.database import Connection
from headgate.wire.parameters import is_dialect, parameters_in
from headgate.wire.segments import Message, split

ERASED = b"null"
"""What stands in a body for a message that has been erased."""

CHAT_DIALECTS = frozenset({"openai-chat", "openai-responses", "anthropic", "google"})
"""Those whose bodies hold messages; of the plain rest, completions alone do."""

_COLUMN_TYPES = (
    *("date", "uuid", "text", "bytea[]", "bytea[]", "bytea", "bytea", "bytea"),
    *("int8", "int8", "text", "jsonb"),
)


Labelled = tuple[bytes, str]
"""A message and its label."""


class BodySink:
    """Applies BODY (`core.ports.Sink`)."""

    kinds = frozenset({BODY})

    def __init__(self) -> None:
        self._decode = msgspec.msgpack.Decoder(Body).decode

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch. Raises ValueError or psycopg.Error for an entry that can't be written."""
        bodies = [self._decode(envelope.payload) for envelope in batch if envelope.kind == BODY]
        if not bodies:
            return
        await ensure_partitions(connection, [identity(body.call) for body in bodies])
        secrets = await _secrets(connection, {name(body.project) for body in bodies})
        messages: dict[tuple[str, date, bytes], Labelled] = {}
        rows: list[tuple[object, ...]] = []
        for body in bodies:
            call, project = identity(body.call), name(body.project)
            raw, parts = cut(body.dialect, body.request)
            # The label is part of what is digested: one text under two labels is two messages.
            marked = body.label.encode() + b"\0" if body.label else b""
            digests = [hmac.digest(secrets[project], marked + part, "sha256") for part in parts]
            for digest, part in zip(digests, parts, strict=True):
                messages[project, day_of(call), digest] = (part, clean(body.label))
            rows.append(_row(call, project, body, (raw, digests)))
        await _write_messages(connection, messages)
        async with connection.cursor() as cursor, cursor.copy(QUERIES.copy_bodies) as copy:
            copy.set_types(_COLUMN_TYPES)
            for row in rows:
                await copy.write_row(row)
        await _queue(connection, bodies)


def cut(dialect: str, body: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return what stands around the messages, and the messages: always one more of the former."""
    raw: list[bytes] = [b""]
    messages: list[bytes] = []
    for piece in split(dialect, body):
        if isinstance(piece, Message):
            messages.append(piece.raw)
            raw.append(b"")
        else:
            raw[-1] += piece
    return raw, messages


def join(raw: Sequence[bytes], messages: Sequence[bytes]) -> bytes:
    """Put a body together again."""
    pieces = [raw[0]]
    for message, following in zip(messages, raw[1:], strict=True):
        pieces += (message, following)
    return b"".join(pieces)


async def read_bodies(
    connection: Connection, project_ids: Sequence[str] | None, call: uuid.UUID
) -> Bodies | None:
    """Return the recorded bodies of a call; None where there are none, or not for these projects."""
    scope = {"project_ids": None if project_ids is None else list(project_ids)}
    cursor = await connection.execute(QUERIES.get_body, {**scope, "day": day_of(call), "id": call})
    row = await cursor.fetchone()
    if row is None:
        return None
    project, raw, digests, response, *rest = row
    cursor = await connection.execute(
        QUERIES.get_messages, {**scope, "project": project, "day": day_of(call), "hmacs": list(set(digests))}
    )
    known = {bytes(digest): bytes(body) async for digest, body in cursor}
    messages = [known.get(bytes(digest), ERASED) for digest in digests]
    request_digest, response_digest, request_length, response_length, content_type, parameters = rest
    return Bodies(
        request=join(raw, messages),
        response=response,
        messages=messages,
        request_length=request_length,
        response_length=response_length,
        request_digest=request_digest,
        response_digest=response_digest,
        response_content_type=content_type,
        parameters=parameters,
    )


async def read_requests(
    connection: Connection, project_ids: Sequence[str] | None, project: str, calls: Sequence[uuid.UUID]
) -> dict[uuid.UUID, bytes]:
    """Return the recorded request bodies of some calls of one project; each message is read once."""
    scope = {"project_ids": None if project_ids is None else list(project_ids), "project": project}
    days = sorted({day_of(call) for call in calls})
    parameters = {**scope, "days": days, "ids": list(calls)}
    cursor = await connection.execute(QUERIES.get_request_bodies, parameters)
    found = {call: (raw, digests) async for call, raw, digests in cursor}
    known: dict[tuple[date, bytes], bytes] = {}
    for day in days:
        wanted = {bytes(one) for call, (_, all_) in found.items() if day_of(call) == day for one in all_}
        parameters = {**scope, "day": day, "hmacs": sorted(wanted)}
        cursor = await connection.execute(QUERIES.get_messages, parameters)
        known |= {(day, bytes(digest)): bytes(body) async for digest, body in cursor}
    return {
        call: join(raw, [known.get((day_of(call), bytes(digest)), ERASED) for digest in digests])
        for call, (raw, digests) in found.items()
    }


async def _queue(connection: Connection, bodies: Sequence[Body]) -> None:
    """Have the calls matched to the prompts of their project's code, where their dialect has messages.

    Always, whether there is a catalogue or not: one may be pushed at this very moment.
    """
    async with connection.cursor() as cursor, cursor.copy(QUERIES.copy_match_queue) as copy:
        copy.set_types(("text", "date", "uuid"))
        for body in bodies:
            if body.dialect in CHAT_DIALECTS or b'"prompt"' in body.request:
                call = identity(body.call)
                await copy.write_row((name(body.project), day_of(call), call))


def _row(
    call: uuid.UUID, project: str, body: Body, request: tuple[list[bytes], list[bytes]]
) -> tuple[object, ...]:
    return (
        *(day_of(call), call, project, *request, body.response, body.request_digest, body.response_digest),
        *(body.request_length, body.response_length, clean(body.response_content_type)),
        None if body.request_digest else Jsonb(body, dumps=_parameters),
    )


def _parameters(body: Body) -> str:
    """The parameters that stand in a body, as JSON."""
    found = parameters_in(body.dialect, body.request) if is_dialect(body.dialect) else {}
    return json_text(msgspec.json.encode(found))


async def _secrets(connection: Connection, projects: set[str]) -> dict[str, bytes]:
    """Read the projects' secrets, made where there is none. Not kept: a transaction may roll back."""
    names = sorted(projects)
    cursor = await connection.execute(QUERIES.get_secrets, {"projects": names})
    found = {str(project): bytes(secret) async for project, secret in cursor}
    missing = [project for project in names if project not in found]
    if not missing:
        return found
    fresh = [os.urandom(hashlib.sha256().digest_size) for _ in missing]
    await connection.execute(QUERIES.add_secrets, {"projects": missing, "secrets": fresh})
    cursor = await connection.execute(QUERIES.get_secrets, {"projects": names})
    return {str(project): bytes(secret) async for project, secret in cursor}


async def _write_messages(connection: Connection, messages: dict[tuple[str, date, bytes], Labelled]) -> None:
    if not messages:
        return
    # In one order everywhere, so that two shippers with the same messages don't wait in a ring.
    ordered = sorted(messages.items())
    await connection.execute(
        QUERIES.add_messages,
        {
            "projects": [key[0] for key, _ in ordered],
            "days": [key[1] for key, _ in ordered],
            "hmacs": [key[2] for key, _ in ordered],
            "bodies": [body for _, (body, _) in ordered],
            "labels": [label for _, (_, label) in ordered],
        },
    )
