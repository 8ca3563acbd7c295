"""Routes of prompts: those found in code with their traffic, what matches none, and pushes of a catalogue.

A name holds slashes and colons: it is all that follows `/prompts/`, up to `/versions/VERSION` where that ends
the path. Managed prompts answer on the same routes. Read next: `catalogue.listing`, `catalogue.store`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, get_args

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import (
    FromPath,
    FromQuery,
    JSONBody,
    Parameter,
    QueryParameter,
    SkipValidation,
)

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import InvalidRequest, NotAllowed, NotFound
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor
from headgate.prompts.catalogue.listing import (
    Look,
    OtherPrompts,
    list_prompts,
    list_unknown,
    show_prompt,
    show_version,
    with_traffic,
)
from headgate.prompts.catalogue.model import (
    CataloguePush,
    CataloguePushed,
    PromptDetail,
    PromptItem,
    SourceDetail,
    SourceView,
    State,
    UnknownItem,
    VersionDetail,
)
from headgate.prompts.catalogue.store import delete_source, list_source_templates, list_sources, put
from headgate.prompts.managed.answers import ManagedDifference, ManagedPromptView, ManagedVersionView
from headgate.prompts.managed.http import Between, is_managed, show_managed, with_tag

AnyRequest = Request[Any, Any, Any]

DAYS_DEFAULT: Final = 30
DAYS_MAX: Final = 365
UNKNOWN_DAYS_DEFAULT: Final = 7
_VERSION: Final = re.compile(r"(?P<name>.+)/versions/(?P<version>[^/]+)")
_KINDS: Final = ("code", "managed")
_STATES: Final = (*get_args(State), "all")

Days = Annotated[int, QueryParameter(ge=1, le=DAYS_MAX, description="how many days of traffic count")]
Others = NamedDependency[SkipValidation[OtherPrompts]]


def _parameter(description: str, annotation: type[Any] = str) -> Any:
    return Parameter(annotation, required=False, default=None, description=description)


_BETWEEN: Final[dict[str, Any]] = {
    "a": _parameter("of a managed prompt's difference: the version or label before"),
    "b": _parameter("of a managed prompt's difference: the version or label after"),
}
_FILTERS: Final[dict[str, Any]] = {
    "project": _parameter("prompts of this project"),
    "source": _parameter("of this repository or library"),
    "kind": _parameter("code or managed"),
    "show": _parameter(f"one of {', '.join(_STATES)}"),
    "days": _parameter(f"how many days of traffic count, up to {DAYS_MAX}; by default {DAYS_DEFAULT}", int),
}


class DeletedSource(msgspec.Struct, frozen=True, kw_only=True):
    """The source that was taken out of the catalogue."""

    source: str


class PromptListController(Controller):
    """All prompts, as a list."""

    path = "/prompts"
    tags = ("prompts",)
    parameters = _FILTERS

    @get(opt={"grant": grant("prompts:read")})
    async def list_prompts(
        self,
        caller: CallerKey,
        *,
        request: AnyRequest,
        database: Store,
        other_prompts: Others,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[PromptItem]:
        """List prompts: managed ones first, then those of code by project, path and symbol.

        Without `show`, which names a state, what is gone from the code and from traffic is left out.
        """
        asked = request.query_params
        kind, state = _word(asked, "kind", _KINDS), _word(asked, "show", _STATES)
        look = look_of(caller, asked.get("project"), asked.get("source"), _days(asked))
        others: list[PromptItem] = []
        async with database.connection() as connection:
            if kind != "code" and next is None and look.source is None and state is None:
                others = await other_prompts.items(connection, look.project_ids)
                others = await with_traffic(connection, look, others)
            if kind == "managed":
                return Page(items=others)
            page = await list_prompts(connection, look, state=state, limit=limit, cursor=next)
        return Page(items=others + page.items, next=page.next)


class UnknownPromptsController(Controller):
    """What no prompt explains."""

    path = "/prompts/unknown"
    tags = ("prompts",)

    @get(opt={"grant": grant("prompts:read")})
    async def list_unknown(
        self,
        caller: CallerKey,
        *,
        database: Store,
        project: FromQuery[str | None] = None,
        days: Days = UNKNOWN_DAYS_DEFAULT,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[UnknownItem]:
        """List what messages say that no template explains, the most frequent first."""
        if visible(caller).own_key_only:
            raise NotAllowed("unknown prompts show what others say; ask with a viewer's or admin's key")
        look = look_of(caller, project, None, days)
        async with database.connection() as connection:
            return await list_unknown(connection, look.project_ids, days=days, limit=limit, cursor=next)


class PromptsController(Controller):
    """One prompt."""

    path = "/prompts"
    tags = ("prompts",)
    parameters = _BETWEEN

    @get("/{name:path}", opt={"grant": grant("prompts:read")})
    async def show_prompt(
        self,
        caller: CallerKey,
        *,
        database: Store,
        request: AnyRequest,
        name: FromPath[str],
        project: FromQuery[str | None] = None,
        source: FromQuery[str | None] = None,
        days: Days = DAYS_DEFAULT,
    ) -> Response[PromptDetail | VersionDetail | ManagedPromptView | ManagedVersionView | ManagedDifference]:
        """Show a prompt with its versions; where the path ends in `/versions/VERSION`, that version in full.

        `project` and `source` say which, where several have the name. A managed prompt's version may be a
        label, and knows `if-none-match`; `NAME/diff?a=&b=` compares two, by default the last ones.
        """
        wanted = name.removeprefix("/")
        if is_managed(wanted):
            asking = request.query_params
            between = Between(a=asking.get("a"), b=asking.get("b"))
            return with_tag(request, await show_managed(database, caller, wanted, project, between))
        look = look_of(caller, project, source, days)
        asked = _VERSION.fullmatch(wanted)
        async with database.connection() as connection:
            if asked is not None:
                return Response(await show_version(connection, look, asked["name"], asked["version"]))
            return Response(await show_prompt(connection, look, wanted))


class CatalogueController(Controller):
    """What teams push of their code."""

    path = "/prompts/catalogue"
    tags = ("prompts",)

    @get(opt={"grant": grant("prompts:read")})
    async def list_sources(
        self,
        caller: CallerKey,
        *,
        database: Store,
        project: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[SourceView]:
        """List the repositories and libraries that were pushed."""
        after = ("", "") if next is None else decode_cursor(next, tuple[str, str])
        look = look_of(caller, project, None, DAYS_DEFAULT)
        async with database.connection() as connection:
            found = await list_sources(connection, look.project_ids, after=after, limit=limit + 1)
        items: list[SourceView] = [_viewed(each) for each in found[:limit]]
        last = items[-1] if len(found) > limit else None
        return Page(items=items, next=None if last is None else encode_cursor([last.project, last.source]))

    @post(status_code=200, opt={"grant": grant("prompts:write")})
    async def push(
        self, caller: CallerKey, database: Store, data: JSONBody[CataloguePush]
    ) -> CataloguePushed:
        """Take a part of a push: templates first, then all versions with their commits, at once.

        The same push twice changes nothing. Calls of the last day are matched again. 409 where commits or
        templates are missing: read the source again and push what it lacks.
        """
        project = _project(caller, data.project)
        async with database.transaction() as connection:
            pushed = await put(connection, project, data, caller.id)
            if pushed.changed:
                after = {"commits": str(pushed.commits), "versions": str(pushed.versions)}
                await write_audit(connection, _entry(caller, "push", data.source, after))
        return pushed

    @get("/{source:path}", opt={"grant": grant("prompts:read")})
    async def show_source(
        self,
        caller: CallerKey,
        *,
        database: Store,
        source: FromPath[str],
        project: FromQuery[str | None] = None,
    ) -> SourceDetail:
        """Show a source with what a push compares itself to."""
        wanted = source.removeprefix("/")
        of_project = _project(caller, project)
        async with database.connection() as connection:
            found = await list_sources(connection, [of_project], source=wanted, limit=1)
            if not found:
                raise NotFound(f"project {of_project} has no source {wanted[:64]!r}; push one")
            templates = await list_source_templates(connection, of_project, wanted)
        return msgspec.structs.replace(found[0], templates=templates)

    @delete("/{source:path}", status_code=200, opt={"grant": grant("prompts:write")})
    async def delete_source(
        self,
        caller: CallerKey,
        *,
        database: Store,
        source: FromPath[str],
        project: FromQuery[str | None] = None,
    ) -> DeletedSource:
        """Take a source out of the catalogue. What its prompts came to stays on record."""
        wanted = source.removeprefix("/")
        async with database.transaction() as connection:
            await delete_source(connection, _project(caller, project), wanted)
            await write_audit(connection, _entry(caller, "delete", wanted, None))
        return DeletedSource(source=wanted)


def _word(asked: Mapping[str, str], parameter: str, words: Sequence[str]) -> str | None:
    word = asked.get(parameter)
    if word is not None and word not in words:
        raise InvalidRequest(f"{parameter} is {word[:64]!r}; write {' or '.join(words)}", parameter=parameter)
    return word


def _days(asked: Mapping[str, str]) -> int:
    text = asked.get("days", str(DAYS_DEFAULT))
    days = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    if not 1 <= days <= DAYS_MAX:
        raise InvalidRequest(f"days is {text[:16]!r}; write a number from 1 to {DAYS_MAX}", parameter="days")
    return days


def look_of(caller: Key, project: str | None, source: str | None, days: int) -> Look:
    """Return how a caller looks at prompts: of its projects, with traffic where it sees others' calls."""
    seen = visible(caller)
    project_ids = seen.project_ids
    if project is not None:
        project_ids = (project,) if seen.sees(project) else ()
    return Look(project_ids=project_ids, days=days, shows_traffic=not seen.own_key_only, source=source)


def _project(caller: Key, project: str | None) -> str:
    """Return the project that is meant: the caller's own where none is named."""
    if project is None or project == caller.project:
        return caller.project
    if not visible(caller).sees(project):
        raise NotAllowed(f"this key belongs to project {caller.project}, not {project[:64]!r}")
    return project


def _viewed(source: SourceDetail) -> SourceView:
    fields: dict[str, Any] = {
        field.name: getattr(source, field.name) for field in msgspec.structs.fields(SourceView)
    }
    return SourceView(**fields)


def _entry(caller: Key, action: str, source: str, after: dict[str, str] | None) -> AuditEntry:
    return AuditEntry(actor=caller.id, action=action, kind="catalogue", object=source, after=after)
