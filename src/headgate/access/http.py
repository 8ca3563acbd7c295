"""Routes of keys, of the audit log, and of who one is.

Never returns a key's text but in the answer that makes it. Read next: `access.store`, `access.changes`.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from headgate.access.changes import Changes
from headgate.access.gate import ANY_KEY, CallerKey, PageLimit, grant
from headgate.access.keys import display_prefix
from headgate.access.model import Key, Role
from headgate.access.roles import GRANTS, SEES, Grant, Sees, may_give, visible
from headgate.access.store import (
    AuditRow,
    NewKey,
    create_key,
    get_key,
    list_audit,
    list_keys,
    public,
    revoke_key,
    rotate_key,
)
from headgate.core.call import RecordMode
from headgate.core.faults import InvalidRequest, NotAllowed
from headgate.core.names import Name
from headgate.core.pages import (
    LIMIT_DEFAULT,
    Page,
    decode_cursor,
    encode_cursor,
    format_datetime,
    format_ms,
    parse_instant_ms,
)
from headgate.core.ports import Clock
from headgate.store.database import Connection, Database

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")]
KeyName = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")]
Models = Annotated[tuple[Text, ...], msgspec.Meta(max_length=256)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f,]+(?!\n)$")]
Tags = Annotated[tuple[Tag, ...], msgspec.Meta(max_length=16)]
Inline = Annotated[tuple[dict[str, Any], ...], msgspec.Meta(max_length=16)]


class KeyMeters(Protocol):
    """Makes and deletes the meters that a key brings along; `meters.http` has it."""

    async def make(
        self,
        connection: Connection,
        key: Key,
        budgets: Sequence[dict[str, Any]],
        rate_limits: Sequence[dict[str, Any]],
    ) -> int:
        """Make them in the caller's transaction; return the last sequence number, 0 for none.

        Raises InvalidRequest and Conflict.
        """
        ...

    async def delete(self, connection: Connection, key: Key) -> int:
        """Delete them in the caller's transaction; return the last sequence number, 0 for none."""
        ...


Meters = NamedDependency[SkipValidation[KeyMeters]]
Store = NamedDependency[SkipValidation[Database]]
Writer = NamedDependency[SkipValidation[Changes]]
Time = NamedDependency[SkipValidation[Clock]]


class CreateKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. `budgets` and `rate_limits` are as in `POST /budgets` and `POST /rate_limits`, and
    count this key's calls only."""

    name: KeyName
    project: Name | None = None
    """By default `default`, or the caller's own where it is bound to one."""
    user: Text | None = None
    models: Models | None = None
    tags: Tags = ()
    may_assert: bool = False
    record: RecordMode | None = None
    environment: Name | None = None
    """Whose release holds for its calls."""
    role: Role = "member"
    budgets: Inline = ()
    rate_limits: Inline = ()
    expires_at: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})] | None = None


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is shown: without its text, which is not kept."""

    id: str
    prefix: str
    name: str
    project: str
    role: Role
    user: str | None
    models: tuple[str, ...] | None
    tags: tuple[str, ...]
    may_assert: bool
    record: RecordMode | None
    created_at: str
    expires_at: str | None
    managed_by: str
    environment: str | None
    earlier_until: str | None
    """Until when the text is taken that it had before it was rotated."""


class CreatedKeyView(KeyView, frozen=True, kw_only=True):
    """A key just made. `key` is its text, shown this once; `not_acknowledged` names live gateways that do
    not take it yet."""

    key: str
    not_acknowledged: list[str]


class RotateKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many more seconds the text that a key has now is taken beside its new one; at most a week."""

    earlier_lasts_s: Annotated[int, msgspec.Meta(ge=0, le=7 * 86_400)] = 0


class RevokedKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key just revoked. `not_acknowledged` names gateways that may still take it."""

    id: str
    revoked: bool
    not_acknowledged: list[str]


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """One control change: which key made it, what was done to which object, and how it stood."""

    id: str
    at: str
    actor: str
    action: str
    kind: str
    object: str
    project: str
    before: Any
    after: Any


class WhoAmI(msgspec.Struct, frozen=True, kw_only=True):
    """The key that was presented, and what its role may do. `projects` null: all."""

    key: KeyView
    grants: list[Grant]
    projects: tuple[str, ...] | None


class RoleView(msgspec.Struct, frozen=True, kw_only=True):
    """A role: what it may do, whose records it sees, and which roles it may give to keys."""

    role: Role
    grants: list[Grant]
    sees: Sees
    gives: list[Role]


class KeysController(Controller):
    """What clients present."""

    path = "/keys"
    tags = ("keys",)

    @get(opt={"grant": grant("keys:read")})
    async def list_keys(
        self,
        caller: CallerKey,
        database: Store,
        project: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[KeyView]:
        """List the keys in force, newest first, of the projects that the caller sees."""
        seen = visible(caller)
        if project is not None:
            own = (project,) if seen.sees(project) else ()
            seen = msgspec.structs.replace(seen, project_ids=own)
        before = None if next is None else decode_cursor(next, int)
        async with database.connection() as connection:
            found = await list_keys(connection, seen, limit=limit + 1, before=before)
        following = encode_cursor(found[limit - 1].seq) if len(found) > limit else None
        return Page(items=[KeyView(**key_fields(each.key)) for each in found[:limit]], next=following)

    @get("/{key_id:str}", opt={"grant": grant("keys:read")})
    async def show_key(self, caller: CallerKey, database: Store, key_id: FromPath[str]) -> KeyView:
        """Show one key."""
        async with database.connection() as connection:
            return KeyView(**key_fields(await get_key(connection, key_id, visible=visible(caller))))

    @post(opt={"grant": grant("keys:write")})
    async def create_key(
        self, caller: CallerKey, changes: Writer, meters: Meters, clock: Time, data: JSONBody[CreateKey]
    ) -> Response[CreatedKeyView]:
        """Make a key; gateways take it when this returns, but for those in `not_acknowledged`.

        Its text is in this answer and nowhere else. A role above one's own, or another project than one's
        own, is 403; a name that the project has already is 409.
        """
        project = _project_for(caller, data)
        expires_ms = None if data.expires_at is None else parse_instant_ms(data.expires_at, "expires_at")
        now_ms = clock.now_ms()
        if expires_ms is not None and expires_ms <= now_ms:
            raise InvalidRequest("expires_at lies in the past; name a later time", parameter="expires_at")
        new = NewKey(
            name=data.name,
            project=project,
            role=data.role,
            user=data.user,
            models=data.models,
            tags=tuple(dict.fromkeys(data.tags)),
            may_assert=data.may_assert,
            record=data.record,
            expires_ms=expires_ms,
            environment=data.environment or "",
        )
        async with changes.database.transaction() as connection:
            created = await create_key(connection, new, actor=caller.id, now_ms=now_ms)
            seq = await meters.make(connection, created.key, data.budgets, data.rate_limits)
        late = await changes.settled(max(created.seq, seq))
        view = CreatedKeyView(**key_fields(created.key), key=created.text.reveal(), not_acknowledged=late)
        return Response(view, status_code=201, headers={"cache-control": "no-store"})

    @post("/{key_id:str}/rotate", status_code=200, opt={"grant": grant("keys:write")})
    async def rotate_key(
        self,
        caller: CallerKey,
        changes: Writer,
        clock: Time,
        key_id: FromPath[str],
        data: JSONBody[RotateKey | None] = None,
    ) -> Response[CreatedKeyView]:
        """Give a key another text, shown in this answer and nowhere else; its id, rights and meters stay.

        The text before it is refused when this returns, or goes on for `earlier_lasts_s`. What was signed in
        with it signs in again. 409 for the key of HEADGATE_ADMIN_KEY.
        """
        lasts_s = 0 if data is None else data.earlier_lasts_s
        until_ms = clock.now_ms() + lasts_s * 1000 if lasts_s else None
        async with changes.database.transaction() as connection:
            key = await get_key(connection, key_id, visible=visible(caller))
            if not may_give(caller.role, key.role):
                raise NotAllowed(f"role {caller.role} can't rotate a key of role {key.role}")
            made = await rotate_key(connection, key, actor=caller.id, earlier_until_ms=until_ms)
        late = await changes.settled(made.seq)
        view = CreatedKeyView(**key_fields(made.key), key=made.text.reveal(), not_acknowledged=late)
        return Response(view, headers={"cache-control": "no-store"})

    @delete("/{key_id:str}", status_code=200, opt={"grant": grant("keys:write")})
    async def revoke_key(
        self, caller: CallerKey, changes: Writer, meters: Meters, key_id: FromPath[str]
    ) -> RevokedKeyView:
        """Revoke a key and delete the meters that came with it; returns when gateways refuse it.

        It is refused everywhere within a second. `not_acknowledged` names gateways that may still take it.
        """
        async with changes.database.transaction() as connection:
            key = await get_key(connection, key_id, visible=visible(caller))
            if not may_give(caller.role, key.role):
                raise NotAllowed(f"role {caller.role} can't revoke a key of role {key.role}")
            seq = await revoke_key(connection, key_id, visible=visible(caller), actor=caller.id)
            seq = max(seq, await meters.delete(connection, key))
        return RevokedKeyView(id=key_id, revoked=True, not_acknowledged=await changes.settled(seq))


class AuditController(Controller):
    """Who changed what."""

    path = "/audit"
    tags = ("audit",)

    @get(opt={"grant": grant("audit:read")})
    async def list_audit(
        self,
        caller: CallerKey,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[AuditView]:
        """List control changes, newest first."""
        before = None if next is None else decode_cursor(next, int)
        async with database.connection() as connection:
            rows = await list_audit(connection, visible(caller).project_ids, limit=limit + 1, before=before)
        following = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
        return Page(items=[_audit_view(row) for row in rows[:limit]], next=following)


@get("/whoami", tags=["keys"], opt={"grant": ANY_KEY})
async def who_am_i(caller: CallerKey) -> WhoAmI:
    """Show the key that is presented, and what it may do."""
    return WhoAmI(
        key=KeyView(**key_fields(caller)),
        grants=sorted(GRANTS[caller.role]),
        projects=visible(caller).project_ids,
    )


@get("/roles", tags=["keys"], opt={"grant": ANY_KEY})
async def list_roles() -> Page[RoleView]:
    """List the roles, the most powerful first, with what each may do. All on one page."""
    return Page(
        items=[
            RoleView(
                role=role,
                grants=sorted(grants),
                sees=SEES[role],
                gives=[other for other in GRANTS if may_give(role, other)],
            )
            for role, grants in GRANTS.items()
        ]
    )


def key_fields(key: Key) -> dict[str, Any]:
    """Return the fields of a key's view, by name."""
    shown = public(key)
    shown["prefix"] = display_prefix(key.id)
    shown["created_at"] = format_ms(shown.pop("created_ms"))
    expires_ms = shown.pop("expires_ms")
    shown["environment"] = shown["environment"] or None
    shown["expires_at"] = None if expires_ms is None else format_ms(expires_ms)
    earlier_ms = shown.pop("earlier_until_ms")
    shown["earlier_until"] = None if earlier_ms is None else format_ms(earlier_ms)
    return shown


def _project_for(caller: Key, data: CreateKey) -> str:
    if not may_give(caller.role, data.role):
        raise NotAllowed(f"role {caller.role} can't make a key of role {data.role}; ask for a lesser one")
    if data.project is None:
        return "default" if visible(caller).project_ids is None else caller.project
    if not visible(caller).sees(data.project):
        raise NotAllowed(
            f"your key belongs to project {caller.project!r} and can't make one in {data.project!r}; "
            f"leave project out or write {caller.project!r}"
        )
    return data.project


def _audit_view(row: AuditRow) -> AuditView:
    return AuditView(
        id=str(row.id),
        at=format_datetime(row.at),
        actor=row.entry.actor,
        action=row.entry.action,
        kind=row.entry.kind,
        object=row.entry.object,
        project=row.entry.project,
        before=row.entry.before,
        after=row.entry.after,
    )
