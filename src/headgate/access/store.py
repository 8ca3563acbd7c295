"""Keys and the audit log in the database. Each function works inside the caller's transaction.

Never keeps a key's text: it is returned once, when it is made. Read next: `access.gateways` (who has heard of
a change), `store.live` (how changes reach gateways).
"""

import contextlib
import secrets
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from headgate.access.keys import ID_CHARACTERS, RandomBytes, admin_key, mint
from headgate.access.model import Key, Role
from headgate.access.roles import Visible
from headgate.core.call import RecordMode
from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.secret import Secret, mask_secret
from headgate.store.database import Connection
from headgate.store.live import LiveObjects
from headgate.store.queries import Queries

KIND = "key"
NAME_CHARACTERS_MAX = 100
PAGE_MAX = 1000
SYSTEM = "headgate"
"""The actor of what Headgate does by itself."""

_QUERIES = Queries.load("headgate.access")


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is made from; the rest is minted."""

    name: str
    project: str = "default"
    role: Role = "member"
    user: str | None = None
    models: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    may_assert: bool = False
    record: RecordMode | None = None
    expires_ms: int | None = None
    environment: str = ""


class CreatedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made: its text, shown this once, and the sequence number that gateways have to reach."""

    key: Key
    text: Secret
    seq: int


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as lists show it, with the sequence number to go on from."""

    key: Key
    seq: int


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One control change. `before` and `after` are what lists show of the object, never a secret."""

    actor: str
    action: str
    kind: str
    object: str
    project: str = "default"
    before: Any = None
    after: Any = None


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """A control change as it stands in the log."""

    id: int
    at: datetime
    entry: AuditEntry


async def create_key(
    connection: Connection,
    new: NewKey,
    *,
    actor: str,
    now_ms: int,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> CreatedKey:
    """Make a key and write it down. Raises Conflict when its project has one of that name already,
    InvalidRequest when the name is empty, too long or has control characters."""
    _check_name(new.name)
    minted = mint(random_bytes)
    key = Key(
        id=minted.id,
        name=new.name,
        digest=minted.digest,
        project=new.project,
        role=new.role,
        user=new.user,
        models=new.models,
        tags=new.tags,
        may_assert=new.may_assert,
        record=new.record,
        created_ms=now_ms,
        expires_ms=new.expires_ms,
        environment=new.environment,
    )
    seq = await _put(connection, key)
    await write_audit(connection, _entry("create", key, actor=actor, after=public(key)))
    return CreatedKey(key=key, text=minted.text, seq=seq)


async def revoke_key(connection: Connection, identity: str, *, visible: Visible, actor: str) -> int:
    """Revoke a key; return the sequence number that gateways have to reach.

    Raises NotFound when there is no such key among those that the actor sees.
    """
    key = await get_key(connection, identity, visible=visible)
    seq = await LiveObjects.delete(connection, KIND, identity)
    await write_audit(connection, _entry("revoke", key, actor=actor, before=public(key)))
    return seq


async def rotate_key(
    connection: Connection,
    key: Key,
    *,
    actor: str,
    earlier_until_ms: int | None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> CreatedKey:
    """Give a key another text; the one that it had is taken until that instant, or no longer.

    All else stays: its id, so that meters and records go on, and its rights. Raises Conflict for the key of
    HEADGATE_ADMIN_KEY, whose text is chosen there.
    """
    if len(key.id) != ID_CHARACTERS:
        raise Conflict(f"the text of {key.name} is set where the server is started; change it there")
    minted = mint(random_bytes, key.id)
    rotated = msgspec.structs.replace(
        key,
        digest=minted.digest,
        earlier_digest=key.digest if earlier_until_ms is not None else b"",
        earlier_until_ms=earlier_until_ms,
    )
    seq = await _put(connection, rotated)
    entry = _entry("rotate", rotated, actor=actor, before=public(key), after=public(rotated))
    await write_audit(connection, entry)
    return CreatedKey(key=rotated, text=minted.text, seq=seq)


async def renew_key(connection: Connection, known: str | None, wanted: NewKey, *, now_ms: int) -> CreatedKey:
    """Return a key of Headgate's own with a text that nobody had: none is kept anywhere.

    The known one goes on, with the models and tags that are wanted; a new one is made where there is none, or
    where that was revoked or is another project's.
    """
    if known is not None:
        with contextlib.suppress(NotFound):
            key = await get_key(connection, known, visible=Visible(project_ids=None))
            key = msgspec.structs.replace(key, models=wanted.models, tags=wanted.tags)
            rotated = await rotate_key(connection, key, actor=SYSTEM, earlier_until_ms=None)
            if rotated.key.project == wanted.project:
                return rotated
    return await create_key(connection, wanted, actor=SYSTEM, now_ms=now_ms)


async def get_key(connection: Connection, identity: str, *, visible: Visible) -> Key:
    """Return a key. Raises NotFound when it is unknown, revoked, or not the actor's to see."""
    found = await LiveObjects.get(connection, KIND, identity)
    if found is not None and found.body is not None:
        key = msgspec.json.decode(found.body, type=Key)
        if visible.sees(key.project) and visible.key in (None, key.id):
            return key
    raise NotFound(f"there is no key {identity[:64]!r}; `headgate keys list` shows them")


async def list_keys(
    connection: Connection, visible: Visible, *, limit: int = 100, before: int | None = None
) -> list[ListedKey]:
    """Return the keys that an actor sees, newest change first; `before` is the last page's last `seq`."""
    cursor = await connection.execute(
        _QUERIES["list_keys"],
        {
            "project_ids": _array(visible.project_ids),
            "key": visible.key,
            "before": before,
            "limit": min(limit, PAGE_MAX),
        },
    )
    return [
        ListedKey(key=msgspec.json.decode(body, type=Key), seq=seq)
        for _, seq, body in await cursor.fetchall()
    ]


async def count_keys(connection: Connection, visible: Visible) -> dict[str, int]:
    """Return how many keys each project has, of those that an actor sees."""
    parameters = {"project_ids": _array(visible.project_ids), "key": visible.key}
    cursor = await connection.execute(_QUERIES["count_keys"], parameters)
    return {str(row[0]): int(row[1]) for row in await cursor.fetchall()}


async def first_admin_key(
    connection: Connection,
    *,
    now_ms: int,
    chosen: Secret | None = None,
    random_bytes: RandomBytes = secrets.token_bytes,
) -> Secret | None:
    """Make sure that an admin key exists; return its text where it is chosen or new, else None.

    `chosen` (HEADGATE_ADMIN_KEY) takes the place of a text chosen before. Of several servers that start at
    once on one database, one makes the key. Raises InvalidRequest when the chosen text can't be one.
    """
    async with connection.transaction():
        await connection.execute(_QUERIES["lock_first_admin_key"])
        if chosen is not None:
            await _put_chosen(connection, admin_key(chosen.reveal(), now_ms=now_ms))
            return chosen
        cursor = await connection.execute(_QUERIES["count_admin_keys"])
        row = await cursor.fetchone()
        if row is not None and row[0] > 0:
            return None
        new = NewKey(name="admin", role="admin", may_assert=True)
        created = await create_key(connection, new, actor=SYSTEM, now_ms=now_ms, random_bytes=random_bytes)
        return created.text


def public(key: Key) -> dict[str, Any]:
    """Return what lists and the audit log show of a key: all but its digests."""
    shown = msgspec.to_builtins(key)
    del shown["digest"], shown["earlier_digest"]
    return shown


async def write_audit(connection: Connection, entry: AuditEntry) -> int:
    """Write a control change to the log, in the transaction that makes it; return its id."""
    cursor = await connection.execute(
        _QUERIES["insert_audit"],
        {
            "actor": entry.actor,
            "action": entry.action,
            "kind": entry.kind,
            "object": entry.object,
            "project": entry.project,
            "before": _json(entry.before),
            "after": _json(entry.after),
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def list_audit(
    connection: Connection,
    project_ids: tuple[str, ...] | None,
    *,
    limit: int = 100,
    before: int | None = None,
) -> list[AuditRow]:
    """Return control changes, newest first; `before` is the last page's last `id`."""
    cursor = await connection.execute(
        _QUERIES["list_audit"],
        {"project_ids": _array(project_ids), "before": before, "limit": min(limit, PAGE_MAX)},
    )
    return [_audit_row(row) for row in await cursor.fetchall()]


async def _put(connection: Connection, key: Key) -> int:
    try:
        # A savepoint, so that the caller's transaction outlives a name that is taken.
        async with connection.transaction():
            return await LiveObjects.put(connection, KIND, key.id, msgspec.json.encode(key))
    except psycopg.errors.UniqueViolation:
        raise Conflict(
            f"the project {key.project!r} has a key {key.name!r} already; choose another name or revoke it"
        ) from None


async def _put_chosen(connection: Connection, key: Key) -> None:
    found = await LiveObjects.get(connection, KIND, key.id)
    if found is not None and found.body is not None:
        known = msgspec.json.decode(found.body, type=Key)
        if known.digest == key.digest and known.role == "admin":
            return
    await _put(connection, key)
    await write_audit(connection, _entry("create", key, actor=SYSTEM, after=public(key)))


def _entry(action: str, key: Key, *, actor: str, before: Any = None, after: Any = None) -> AuditEntry:
    return AuditEntry(
        actor=actor,
        action=action,
        kind=KIND,
        object=key.id,
        project=key.project,
        before=before,
        after=after,
    )


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        raise InvalidRequest(
            f"a key's name has 1 to {NAME_CHARACTERS_MAX} printable characters", parameter="name"
        )


def _array(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value, enc_hook=mask_secret).decode()


def _audit_row(row: tuple[Any, ...]) -> AuditRow:
    identity, at, actor, action, kind, named, project, before, after = row
    entry = AuditEntry(
        actor=actor,
        action=action,
        kind=kind,
        object=named,
        project=project,
        before=None if before is None else msgspec.json.decode(before),
        after=None if after is None else msgspec.json.decode(after),
    )
    return AuditRow(id=identity, at=at, entry=entry)
