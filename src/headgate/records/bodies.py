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

from headgate.core.entries import BODY, Body
from headgate.core.ports import Envelope
from headgate.records.model import Bodies
from headgate.records.rows import clean, day_of, identity, name
from headgate.records.sink import QUERIES, ensure_partitions
from headgate.store.database import Connection
from headgate.wire.segments import Message, split

ERASED = b"null"
"""What stands in a body for a message that has been erased."""

_COLUMN_TYPES = (
    *("date", "uuid", "text", "bytea[]", "bytea[]", "bytea", "bytea", "bytea"),
    *("int8", "int8", "text"),
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
    request_digest, response_digest, request_length, response_length, content_type = rest
    return Bodies(
        request=join(raw, messages),
        response=response,
        messages=messages,
        request_length=request_length,
        response_length=response_length,
        request_digest=request_digest,
        response_digest=response_digest,
        response_content_type=content_type,
    )


def _row(
    call: uuid.UUID, project: str, body: Body, request: tuple[list[bytes], list[bytes]]
) -> tuple[object, ...]:
    return (
        *(day_of(call), call, project, *request, body.response, body.request_digest, body.response_digest),
        *(body.request_length, body.response_length, clean(body.response_content_type)),
    )


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
