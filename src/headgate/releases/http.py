"""Routes of releases and environments: what goes out together, and what is in force where.

A release never changes; moving an environment's pointer is in force everywhere when the answer comes, but for
the gateways that it names. Read next: `releases.store`, `releases.comparing`.
"""

from datetime import datetime
from typing import Annotated, Any, Protocol

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store, Writer
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest, NotAllowed, NotFound
from headgate.core.names import Name
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor
from headgate.releases.model import (
    CodeFacts,
    Environment,
    Manifest,
    ParameterInCode,
    Promotion,
    PromptInCode,
    Release,
    ToolInCode,
)
from headgate.releases.store import (
    Move,
    NewRelease,
    create_release,
    find_release,
    get_environment,
    list_environments,
    list_moves,
    list_releases,
    lock_environment,
    move,
    release_before,
)

ReleaseText = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Commit = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{7,64}(?!\n)$", description="a commit's id, in hex")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?(?!\n)$")]
Note = Annotated[str, msgspec.Meta(max_length=2000)]
Model = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class KnownModels(Protocol):
    """What control knows of models and prices."""

    def price_table(self) -> str:
        """The price table that costs are counted with: its source and version."""
        ...

    def check_pin(self, alias: str, target: str) -> None:
        """Raise InvalidRequest unless alias and target are names that calls may ask for."""
        ...


Models = NamedDependency[SkipValidation[KnownModels]]


class CreateRelease(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a team's CI found, as `headgate releases create` sends it. `environment` is whose label says which
    managed prompts hold; what is in force on the server is added there."""

    commit: Commit
    project: Name | None = None
    name: Name | None = None
    note: Note = ""
    environment: Name | None = None
    dirty: Digest = ""
    prompts: Annotated[tuple[PromptInCode, ...], msgspec.Meta(max_length=50_000)] = ()
    parameters: Annotated[tuple[ParameterInCode, ...], msgspec.Meta(max_length=50_000)] = ()
    models: Annotated[tuple[str, ...], msgspec.Meta(max_length=5_000)] = ()
    tools: Annotated[tuple[ToolInCode, ...], msgspec.Meta(max_length=5_000)] = ()
    dependencies: Annotated[dict[str, str], msgspec.Meta(max_length=20_000)] = {}
    pins: Annotated[dict[Model, Model], msgspec.Meta(max_length=1_000)] = {}


class ReleaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A release. `parts` are digests, so that two releases say at once which of theirs differ."""

    id: str
    project: str
    name: str | None
    commit: str
    dirty: str | None
    note: str
    environment: str | None
    created_at: str
    created_by: str
    parts: dict[str, str]


class ReleaseDetail(ReleaseView, frozen=True, kw_only=True):
    """A release with all that it holds."""

    manifest: Manifest


class CreatedRelease(ReleaseView, frozen=True, kw_only=True):
    """A release as it is stored; `is_new` is false where it was stored before."""

    is_new: bool
    counts: dict[str, int]


class MoveEnvironment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an environment's pointer is to stand; null at no release. With `expected`, only from there."""

    release: ReleaseText | None
    expected: ReleaseText | msgspec.UnsetType | None = msgspec.UNSET
    why: Note = ""
    project: Name | None = None


class RollBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pointer that is to go back to where it stood before."""

    expected: ReleaseText | msgspec.UnsetType | None = msgspec.UNSET
    why: Note = ""
    project: Name | None = None


class EnvironmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An environment: the release in force with what it fixes, and its last move."""

    project: str
    name: str
    release: str | None
    commit: str | None
    prompts: dict[str, int]
    models: dict[str, str]
    rules: list[str]
    moved_at: str | None
    moved_by: str | None
    action: str | None
    previous: str | None
    why: str | None


class MovedEnvironment(EnvironmentView, frozen=True, kw_only=True):
    """An environment as it now stands. `not_acknowledged` names live gateways that don't serve it yet."""

    not_acknowledged: list[str]


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
    """One move of a pointer. `release` is null where it was taken off all releases."""

    action: str
    release: str | None
    previous: str | None
    at: str
    actor: str
    why: str


class ReleasesController(Controller):
    """What goes out together."""

    path = "/releases"
    tags = ("releases",)

    @get(opt={"grant": grant("releases:read")})
    async def list_releases(
        self,
        caller: CallerKey,
        database: Store,
        project: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[ReleaseView]:
        """List releases, newest first, of the projects that the caller sees."""
        before = None if next is None else decode_cursor(next, tuple[datetime, str, str])
        async with database.connection() as connection:
            found = await list_releases(
                connection, projects_of(caller, project), limit=limit + 1, before=before
            )
        following = None
        if len(found) > limit:
            last = found[limit - 1]
            following = encode_cursor((last.created_at, last.release.project, last.release.id))
        return Page(items=[release_view(each.release) for each in found[:limit]], next=following)

    @get("/{release:str}", opt={"grant": grant("releases:read")})
    async def show_release(
        self,
        caller: CallerKey,
        database: Store,
        release: FromPath[str],
        project: FromQuery[str | None] = None,
    ) -> ReleaseDetail:
        """Show a release in full, by its id, its name, its commit, or the beginning of id or commit."""
        async with database.connection() as connection:
            found = await find_release(connection, projects_of(caller, project), release)
        return ReleaseDetail(**_fields(found), manifest=found.manifest)

    @post(opt={"grant": grant("releases:write")})
    async def create_release(
        self, caller: CallerKey, database: Store, known: Models, data: JSONBody[CreateRelease]
    ) -> CreatedRelease:
        """Make a release of what is sent and of the rules and managed prompts in force.

        The same content twice is the same release; `is_new` tells. A name that another release of the project
        has is 409.
        """
        for alias, target in data.pins.items():
            known.check_pin(alias, target)
        new = NewRelease(
            project=project_of(caller, data.project),
            code=CodeFacts(
                commit=data.commit,
                dirty=data.dirty,
                prompts=data.prompts,
                parameters=data.parameters,
                models=data.models,
                tools=data.tools,
                dependencies=data.dependencies,
            ),
            pins=data.pins,
            prices=known.price_table(),
            name=data.name or "",
            note=data.note,
            label=data.environment or "",
            created_by=caller.id,
        )
        async with database.transaction() as connection:
            release, is_new = await create_release(connection, new)
        return CreatedRelease(**_fields(release), is_new=is_new, counts=_counts(release.manifest))


class EnvironmentsController(Controller):
    """Which release is in force where."""

    path = "/environments"
    tags = ("releases",)

    @get(opt={"grant": grant("releases:read")})
    async def list_environments(
        self,
        caller: CallerKey,
        database: Store,
        project: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[EnvironmentView]:
        """List environments by project and name, with the release in force in each."""
        place = 0 if next is None else decode_cursor(next, int)
        async with database.connection() as connection:
            found = await list_environments(connection, projects_of(caller, project))
        shown = [EnvironmentView(**environment_fields(*each)) for each in found[place : place + limit]]
        more = len(found) > place + limit
        return Page(items=shown, next=encode_cursor(place + limit) if more else None)

    @post("/{name:str}", status_code=200, opt={"grant": grant("releases:write")})
    async def move_environment(
        self, caller: CallerKey, changes: Writer, name: FromPath[str], data: JSONBody[MoveEnvironment]
    ) -> MovedEnvironment:
        """Put a release in force in an environment: its prompts, rules and pins, at once, everywhere.

        409 where `expected` is given and another release is in force by now. The first time makes the
        environment.
        """
        project = project_of(caller, data.project)
        async with changes.database.transaction() as connection:
            wanted = Move(
                project=project,
                environment=environment_name(name),
                release=""
                if data.release is None
                else (await find_release(connection, (project,), data.release)).id,
                actor=caller.id,
                why=data.why,
                expected=await _expected(connection, project, data.expected),
                action="clear" if data.release is None else "promote",
            )
            after, seq = await move(connection, wanted)
        return await _moved(changes, after, seq)

    @post("/{name:str}/rollback", status_code=200, opt={"grant": grant("releases:write")})
    async def roll_back(
        self, caller: CallerKey, changes: Writer, name: FromPath[str], data: JSONBody[RollBack]
    ) -> MovedEnvironment:
        """Put the release in force again that was so before; 409 where there was none."""
        project = project_of(caller, data.project)
        async with changes.database.transaction() as connection:
            await lock_environment(connection, project, name)
            await existing(connection, project, name)
            wanted = Move(
                project=project,
                environment=name,
                release=await release_before(connection, project, name),
                actor=caller.id,
                why=data.why,
                expected=await _expected(connection, project, data.expected),
                action="rollback",
            )
            after, seq = await move(connection, wanted)
        return await _moved(changes, after, seq)

    @get("/{name:str}/history", opt={"grant": grant("releases:read")})
    async def list_history(
        self,
        caller: CallerKey,
        database: Store,
        name: FromPath[str],
        *,
        project: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[MoveView]:
        """List the moves of an environment's pointer, newest first: who, when, from where, why."""
        own = project_of(caller, project)
        before = None if next is None else decode_cursor(next, int)
        async with database.connection() as connection:
            await existing(connection, own, name)
            found = await list_moves(connection, own, name, limit=limit + 1, before=before)
        following = encode_cursor(found[limit - 1][0]) if len(found) > limit else None
        return Page(items=[_move_view(each) for _, each in found[:limit]], next=following)


def projects_of(caller: Key, project: str | None) -> tuple[str, ...] | None:
    """Return the projects whose releases a caller asks for, of those that it sees; None: all."""
    seen = visible(caller)
    if project is None:
        return seen.project_ids
    return (project,) if seen.sees(project) else ()


def project_of(caller: Key, project: str | None) -> str:
    """Return the project that a change is for: the one that is named, else the caller's own.

    Raises NotAllowed for one that the caller does not see.
    """
    if project is None:
        return caller.project
    if not visible(caller).sees(project):
        raise NotAllowed(
            f"your key belongs to project {caller.project!r}; leave project out, or write {caller.project!r}"
        )
    return project


def environment_name(name: str) -> str:
    """Return a name that an environment may have. Raises InvalidRequest."""
    try:
        return msgspec.convert(name, Name)
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"{name[:100]!r} is no name for an environment; write letters, digits, dots, _ and -",
            parameter="name",
        ) from None


async def existing(connection: Any, project: str, name: str) -> Environment:
    """Return an environment. Raises NotFound where its pointer was never moved."""
    found = await get_environment(connection, project, name)
    if found is None:
        raise NotFound(
            f"there is no environment {name[:100]!r} in project {project!r}; promote a release to it"
        )
    return found


async def _expected(connection: Any, project: str, expected: str | msgspec.UnsetType | None) -> str | None:
    """The release that the mover takes to be in force: "" for none, None where it does not say."""
    if expected is msgspec.UNSET:
        return None
    return "" if expected is None else (await find_release(connection, (project,), str(expected))).id


async def _moved(changes: Any, after: Environment, seq: int) -> MovedEnvironment:
    late = await changes.settled(seq)
    async with changes.database.connection() as connection:
        moves = await list_moves(connection, after.project, after.name, limit=1)
    return MovedEnvironment(
        **environment_fields(after, moves[0][1] if moves else None), not_acknowledged=late
    )


def environment_fields(environment: Environment, last: Promotion | None) -> dict[str, Any]:
    """Return the fields of an environment's view, by name."""
    return {
        "project": environment.project,
        "name": environment.name,
        "release": environment.release or None,
        "commit": environment.commit or None,
        "prompts": environment.prompts,
        "models": environment.models,
        "rules": [f"{rule.name}@{rule.version}" for rule in environment.rules],
        "moved_at": last.at if last else None,
        "moved_by": last.actor if last else None,
        "action": last.action if last else None,
        "previous": (last.previous or None) if last else None,
        "why": (last.why or None) if last else None,
    }


def release_view(release: Release) -> ReleaseView:
    """Return what lists show of a release."""
    return ReleaseView(**_fields(release))


def _fields(release: Release) -> dict[str, Any]:
    return {
        "id": release.id,
        "project": release.project,
        "name": release.name or None,
        "commit": release.commit,
        "dirty": release.dirty or None,
        "note": release.note,
        "environment": release.label or None,
        "created_at": release.created_at,
        "created_by": release.created_by,
        "parts": release.parts,
    }


def _counts(manifest: Manifest) -> dict[str, int]:
    return {
        "prompts": len(manifest.code.prompts),
        "parameters": len(manifest.code.parameters),
        "models": len(manifest.code.models),
        "tools": len(manifest.code.tools),
        "pins": len(manifest.pins),
        "rules": len(manifest.rules),
        "managed": len(manifest.managed),
        "dependencies": len(manifest.code.dependencies),
    }


def _move_view(promotion: Promotion) -> MoveView:
    return MoveView(
        action=promotion.action,
        release=promotion.release or None,
        previous=promotion.previous or None,
        at=promotion.at,
        actor=promotion.actor,
        why=promotion.why,
    )
