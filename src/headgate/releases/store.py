"""Releases and environments in the database. Each function works inside the caller's transaction.

A release never changes once it is stored; an environment is a live object, and each move of its pointer a row
of its history. Which release a call means that says so itself is found by `resolve_release`, in the database,
as its record is written (`records.sink`); the `service.version` and `vcs.ref.head.revision` of a trace are to
be put through the same function. Read next: `releases.http`, `access.changes`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import psycopg

from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.pages import format_datetime
from headgate.prompts.managed import store as managed
from headgate.prompts.managed.model import KIND as PROMPT_KIND
from headgate.prompts.managed.model import ManagedPrompt
from headgate.releases.manifests import canonical, digests_of, release_id
from headgate.releases.model import (
    KIND,
    CodeFacts,
    Environment,
    ManagedInRelease,
    Manifest,
    Promotion,
    Release,
    audited,
    environment_id,
    fixed_by,
)
from headgate.releases.rules import KIND as RULE_KIND
from headgate.releases.rules import Rule
from headgate.store.database import Connection
from headgate.store.live import LiveObjects
from headgate.store.queries import Queries

QUERIES = Queries.load("headgate.releases")
PAGE_MAX = 1000
MOVES_MAX = 1000
"""So many moves back a rollback looks."""


class NewRelease(msgspec.Struct, frozen=True, kw_only=True):
    """What a release is made from, beside what is in force on the server."""

    project: str
    code: CodeFacts
    pins: dict[str, str] = {}
    prices: str = ""
    name: str = ""
    note: str = ""
    label: str = ""
    created_by: str = ""


class ListedRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release without its manifest, and the place in the list to go on from."""

    release: Release
    created_at: datetime


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A pointer to be moved: to a release, or away from all where that is empty.

    `expected` is the release that the mover takes to be in force; None where any may be.
    """

    project: str
    environment: str
    release: str
    actor: str
    why: str = ""
    expected: str | None = None
    action: Literal["promote", "rollback", "clear"] = "promote"


async def create_release(connection: Connection, new: NewRelease) -> tuple[Release, bool]:
    """Store a release of what the code says and what is in force now; say whether it is new.

    The rules are those in force for the project, whole; the managed prompts are its own, by label. The same
    content twice is one release, which keeps the name and note of the first time. Raises Conflict where
    another release has the name.
    """
    manifest = Manifest(
        code=new.code,
        pins=new.pins,
        rules=await _rules(connection, new.project),
        managed=await _managed(connection, new.project),
        prices=new.prices,
    )
    digests = digests_of(manifest)
    identity = release_id(digests)
    parameters: dict[str, Any] = {
        "project": new.project,
        "id": identity,
        "name": new.name,
        "commit": new.code.commit,
        "dirty": new.code.dirty,
        "label": new.label,
        "note": new.note,
        "parts": msgspec.json.encode(digests).decode(),
        "manifest": canonical(manifest).decode(),
        "created_by": new.created_by,
    }
    try:
        # A savepoint, so that the caller's transaction outlives a name that is taken.
        async with connection.transaction():
            cursor = await connection.execute(QUERIES.add_release, parameters)
            is_new = await cursor.fetchone() is not None
    except psycopg.errors.UniqueViolation:
        raise Conflict(
            f"the project {new.project!r} has a release {new.name!r} already, of other content; "
            "choose another name"
        ) from None
    release = await get_release(connection, new.project, identity)
    if is_new:
        entry = AuditEntry(
            actor=new.created_by,
            action="create",
            kind="release",
            object=identity,
            project=new.project,
            after={"name": release.name or None, "commit": release.commit, "parts": release.parts},
        )
        await write_audit(connection, entry)
    return release, is_new


async def get_release(connection: Connection, project: str, identity: str) -> Release:
    """Return a release by its whole id. Raises NotFound."""
    cursor = await connection.execute(QUERIES.get_release, {"project": project, "id": identity})
    row = await cursor.fetchone()
    if row is None:
        raise _no_release(identity)
    return _release(row, msgspec.json.decode(row[10], type=Manifest))


async def find_release(connection: Connection, project_ids: Sequence[str] | None, wanted: str) -> Release:
    """Return the release that a text means: its id, name or commit, or six characters of id or commit on.

    Of several releases of one commit it is the newest. Raises NotFound, and InvalidRequest where several
    releases begin so, or several projects have it.
    """
    cursor = await connection.execute(
        QUERIES.find_releases,
        {"project_ids": None if project_ids is None else list(project_ids), "wanted": wanted},
    )
    rows = await cursor.fetchall()
    if not rows:
        raise _no_release(wanted)
    best = [(str(project), str(identity)) for project, identity, rank in rows if rank == rows[0][2]]
    projects = sorted({project for project, _ in best})
    if len(projects) > 1:
        raise InvalidRequest(
            f"the projects {', '.join(projects)} have a release {wanted[:64]!r}; name the project",
            parameter="project",
        )
    if rows[0][2] == 3 and len({identity for _, identity in best}) > 1:
        raise InvalidRequest(
            f"{wanted[:64]!r} begins {len(best)} releases or more; write more of it", parameter="release"
        )
    return await get_release(connection, *best[0])


async def list_releases(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    limit: int,
    before: tuple[datetime, str, str] | None = None,
) -> list[ListedRelease]:
    """Return releases without what their manifests hold, newest first; `before` is the last page's last."""
    at, project, identity = before or (None, None, None)
    cursor = await connection.execute(
        QUERIES.list_releases,
        {
            "project_ids": None if project_ids is None else list(project_ids),
            "before_at": at,
            "before_project": project,
            "before_id": identity,
            "limit": min(limit, PAGE_MAX),
        },
    )
    return [
        ListedRelease(
            release=_release(row, Manifest(code=CodeFacts(commit=row[3], dirty=row[4]))), created_at=row[7]
        )
        for row in await cursor.fetchall()
    ]


async def move(connection: Connection, wanted: Move) -> tuple[Environment, int]:
    """Move an environment's pointer, and write down who did so; return how it stands, and its sequence.

    All that the release fixes is one live object, so that no gateway ever serves half of it. Raises Conflict
    where another release than `expected` is in force, NotFound for a release that is none.
    """
    await lock_environment(connection, wanted.project, wanted.environment)
    before = await get_environment(connection, wanted.project, wanted.environment)
    current = before.release if before is not None else ""
    if wanted.expected is not None and wanted.expected != current:
        raise Conflict(
            f"{wanted.environment} stands at {current or 'no release'} by now, and the change was meant for "
            f"{wanted.expected or 'no release'}; look again, then repeat it"
        )
    after = Environment(project=wanted.project, name=wanted.environment)
    if wanted.release:
        release = await get_release(connection, wanted.project, wanted.release)
        after = fixed_by(release, wanted.environment)
    # Before the first live object is written: who changes a prompt locks in this order, too.
    held = [await _held_prompt(connection, after, name) for name in sorted(after.prompts)]
    seq = await LiveObjects.put(connection, KIND, after.id, msgspec.json.encode(after))
    for prompt in held:
        # With the pointer go the versions that it means, however long ago they were the newest.
        seq = await managed.save(connection, prompt)
    await connection.execute(
        QUERIES.add_move,
        {
            "project": wanted.project,
            "environment": wanted.environment,
            "action": wanted.action,
            "release": after.release,
            "previous": current,
            "actor": wanted.actor,
            "why": wanted.why,
        },
    )
    entry = AuditEntry(
        actor=wanted.actor,
        action=wanted.action,
        kind=KIND,
        object=wanted.environment,
        project=wanted.project,
        before=audited(before),
        after={**(audited(after) or {}), "why": wanted.why or None},
    )
    await write_audit(connection, entry)
    return after, seq


async def _held_prompt(connection: Connection, after: Environment, name: str) -> managed.StoredPrompt:
    """Return a managed prompt that the environment is to hold, locked. Raises Conflict where it is gone."""
    prompt = await managed.find(connection, after.project, name, lock=True)
    if prompt is None or prompt.archived:
        gone = "deleted" if prompt is None else "archived"
        raise Conflict(
            f"release {after.release} holds managed prompt {name!r} at version {after.prompts[name]}, and "
            f"that prompt is {gone}; make a release without it"
        )
    return prompt


async def lock_environment(connection: Connection, project: str, environment: str) -> None:
    """Let no other move the pointer until the transaction ends."""
    await connection.execute(QUERIES.lock_environment, (environment_id(project, environment),))


async def release_before(connection: Connection, project: str, environment: str) -> str:
    """Return the release that a rollback goes back to; asked again after it, the one before that.

    Raises Conflict where there was none.
    """
    moves = await list_moves(connection, project, environment, limit=MOVES_MAX)
    stood: list[str] = []
    for _, each in reversed(moves):
        if each.action == "rollback" and each.release in stood:
            # What was rolled back from is not gone back to.
            del stood[stood.index(each.release) + 1 :]
        else:
            stood.append(each.release)
    earlier = [release for release in stood[:-1] if release and release != stood[-1]]
    if not earlier:
        raise Conflict(f"{environment} has stood at no other release before; promote one instead")
    return earlier[-1]


async def list_moves(
    connection: Connection, project: str, environment: str, *, limit: int, before: int | None = None
) -> list[tuple[int, Promotion]]:
    """Return an environment's moves, newest first, each with its place."""
    cursor = await connection.execute(
        QUERIES.list_moves,
        {
            "project": project,
            "environment": environment,
            "before": before,
            "limit": min(limit, PAGE_MAX + 1),
        },
    )
    return [(int(row[0]), _promotion(row[1:])) for row in await cursor.fetchall()]


async def list_environments(
    connection: Connection, project_ids: Sequence[str] | None
) -> list[tuple[Environment, Promotion | None]]:
    """Return environments by project and name, each with its last move."""
    cursor = await connection.execute(
        QUERIES.last_moves, {"project_ids": None if project_ids is None else list(project_ids)}
    )
    moved = {(row[0], row[1]): _promotion(row) for row in await cursor.fetchall()}
    found = [
        msgspec.json.decode(each.body, type=Environment)
        for each in await LiveObjects.load_all(connection, [KIND])
        if each.body is not None
    ]
    shown = [each for each in found if project_ids is None or each.project in project_ids]
    return [
        (each, moved.get((each.project, each.name)))
        for each in sorted(shown, key=lambda each: (each.project, each.name))
    ]


async def get_environment(connection: Connection, project: str, name: str) -> Environment | None:
    """Return an environment; None where its pointer was never moved."""
    found = await LiveObjects.get(connection, KIND, environment_id(project, name))
    if found is None or found.body is None:
        return None
    return msgspec.json.decode(found.body, type=Environment)


async def _rules(connection: Connection, project: str) -> tuple[Rule, ...]:
    """The rules in force that may match calls of the project."""
    rules = [
        msgspec.json.decode(each.body, type=Rule)
        for each in await LiveObjects.load_all(connection, [RULE_KIND])
        if each.body is not None
    ]
    own = [rule for rule in rules if rule.match.project in (None, project)]
    return tuple(sorted(own, key=lambda rule: rule.name))


async def _managed(connection: Connection, project: str) -> dict[str, ManagedInRelease]:
    prompts = [
        msgspec.json.decode(each.body, type=ManagedPrompt)
        for each in await LiveObjects.load_all(connection, [PROMPT_KIND])
        if each.body is not None
    ]
    return {
        prompt.name: ManagedInRelease(
            labels=dict(sorted(prompt.labels.items())),
            newest=max((version.number for version in prompt.versions), default=0),
        )
        for prompt in sorted(prompts, key=lambda each: each.name)
        if prompt.project == project and not prompt.archived
    }


def _release(row: tuple[Any, ...], manifest: Manifest) -> Release:
    return Release(
        project=row[0],
        id=row[1],
        name=row[2],
        commit=row[3],
        dirty=row[4],
        note=row[5],
        label=row[6],
        created_at=format_datetime(row[7]),
        created_by=row[8],
        parts=msgspec.json.decode(row[9], type=dict[str, str]),
        manifest=manifest,
    )


def _promotion(row: tuple[Any, ...]) -> Promotion:
    project, environment, action, release, previous, at, actor, why = row
    return Promotion(
        project=project,
        environment=environment,
        action=action,
        release=release,
        previous=previous,
        at=format_datetime(at),
        actor=actor,
        why=why,
    )


def _no_release(wanted: str) -> NotFound:
    return NotFound(f"there is no release {wanted[:64]!r}; `headgate releases list` shows them")
