"""Routes of prompts: those found in code with their traffic, what matches none, and pushes of a catalogue.

A name holds slashes and colons: it is all that follows `/prompts/`, up to `/versions/VERSION` where that ends
the path. Managed prompts answer on the same routes. Read next: `catalogue.listing`, `catalogue.store`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import (
    FromPath,
    FromQuery,
    JSONBody,
    Parameter,
    SkipValidation,
)

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store
from headgate.access.model import Key
from headgate.access.roles import project_meant, visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import InvalidRequest, NotAllowed, NotFound
from headgate.core.pages import LIMIT_DEFAULT, Page, decode_cursor, encode_cursor
from headgate.prompts.catalogue.listing import (
    Listing,
    OtherPrompts,
    list_prompts,
    list_unknown,
    show_prompt,
    show_version,
    with_traffic,
)
from headgate.prompts.catalogue.looking import ENVIRONMENT, WITHIN, projects_seen, read_look
from headgate.prompts.catalogue.model import (
    CataloguePush,
    CataloguePushed,
    PromptDetail,
    PromptItem,
    PromptPage,
    SourceDetail,
    SourceView,
    State,
    UnknownItem,
    VersionDetail,
)
from headgate.prompts.catalogue.store import delete_source, list_source_templates, list_sources, put
from headgate.prompts.managed.answers import ManagedDifference, ManagedPromptView, ManagedVersionView
from headgate.prompts.managed.http import Between, is_managed, show_managed, with_tag
from headgate.prompts.managed.twins import find_managed_twin
from headgate.prompts.outcomes.listed import days_per_point, with_outcomes

AnyRequest = Request[Any, Any, Any]

UNKNOWN_DAYS_DEFAULT: Final = 7
_VERSION: Final = re.compile(r"(?P<name>.+)/versions/(?P<version>[^/]+)")
_KINDS: Final = ("code", "managed")
_STATES: Final = (*get_args(State), "all")
_SORTS: Final = ("name", "calls")

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
    "sort": _parameter("by name (the default), or those of most calls first: by calls"),
    **WITHIN,
    **ENVIRONMENT,
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
    ) -> PromptPage:
        """List prompts: managed ones first, then those of code by project, path and symbol; or by calls.

        Without `show`, which names a state, what is gone from the code and from traffic is left out. Traffic,
        and with it states, are those of the days and the environment that are asked for.
        """
        asked = request.query_params
        kind, state = _word(asked, "kind", _KINDS), _word(asked, "show", _STATES)
        by_calls = _word(asked, "sort", _SORTS) == "calls"
        look = read_look(caller, asked)
        listing = Listing(sort="calls" if by_calls else "name", state=state, limit=limit, cursor=next)
        others: list[PromptItem] = []
        async with database.connection() as connection:
            if kind != "code" and (by_calls or next is None) and look.source is None and state is None:
                others = await other_prompts.items(connection, look.project_ids)
                others = await with_traffic(connection, look, others)
            page, uses = await list_prompts(connection, look, listing, others)
            if kind == "managed":
                page = Page(items=others)
            items = await with_outcomes(connection, look, page.items)
        since, until = look.times
        return PromptPage(
            items=items,
            next=page.next,
            since=since,
            until=until,
            uses=uses,
            days_per_point=days_per_point(look),
        )


class UnknownPromptsController(Controller):
    """What no prompt explains."""

    path = "/prompts/unknown"
    tags = ("prompts",)
    parameters = {  # noqa: RUF012 - how the framework takes them
        "project": _FILTERS["project"],
        **WITHIN,
        "environment": _parameter("what calls of this environment say; - is none"),
    }

    @get(opt={"grant": grant("prompts:read")})
    async def list_unknown(
        self,
        caller: CallerKey,
        *,
        request: AnyRequest,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[UnknownItem]:
        """List what messages say that no template explains, the most frequent first.

        Counted over whole days (UTC), of all environments or of one, as are shares; when something was seen
        first and last is of all.
        """
        if visible(caller).own_key_only:
            raise NotAllowed("unknown prompts show what others say; ask with a viewer's or admin's key")
        look = read_look(caller, request.query_params, days=UNKNOWN_DAYS_DEFAULT, with_today=True)
        async with database.connection() as connection:
            return await list_unknown(connection, look, limit=limit, cursor=next)


class PromptsController(Controller):
    """One prompt."""

    path = "/prompts"
    tags = ("prompts",)
    parameters = {**_BETWEEN, **WITHIN, **ENVIRONMENT}  # noqa: RUF012 - how the framework takes them

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
    ) -> Response[PromptDetail | VersionDetail | ManagedPromptView | ManagedVersionView | ManagedDifference]:
        """Show a prompt with its versions; where the path ends in `/versions/VERSION`, that version in full.

        `project` and `source` say which, where several have the name. A managed prompt's version may be a
        label, and knows `if-none-match`; `NAME/diff?a=&b=` compares two, by default the last ones. Traffic is
        that of the days and the environment that are asked for.
        """
        wanted = name.removeprefix("/")
        look = read_look(caller, request.query_params)
        if is_managed(wanted):
            asking = request.query_params
            between = Between(a=asking.get("a"), b=asking.get("b"))
            return with_tag(request, await show_managed(database, caller, wanted, project, between))
        asked = _VERSION.fullmatch(wanted)
        async with database.connection() as connection:
            if asked is not None:
                return Response(await show_version(connection, look, asked["name"], asked["version"]))
            found = await show_prompt(connection, look, wanted)
            text = next((each.text for each in found.versions), "")
            twin = await find_managed_twin(connection, found.project, found.name, text)
            return Response(msgspec.structs.replace(found, twin=twin))


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
        project_ids = projects_seen(caller, project)
        async with database.connection() as connection:
            found = await list_sources(connection, project_ids, after=after, limit=limit + 1)
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
        project = project_meant(caller, data.project)
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
        of_project = project_meant(caller, project)
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
            await delete_source(connection, project_meant(caller, project), wanted)
            await write_audit(connection, _entry(caller, "delete", wanted, None))
        return DeletedSource(source=wanted)


def _word(asked: Mapping[str, str], parameter: str, words: Sequence[str]) -> str | None:
    word = asked.get(parameter)
    if word is not None and word not in words:
        raise InvalidRequest(f"{parameter} is {word[:64]!r}; write {' or '.join(words)}", parameter=parameter)
    return word


def _viewed(source: SourceDetail) -> SourceView:
    fields: dict[str, Any] = {
        field.name: getattr(source, field.name) for field in msgspec.structs.fields(SourceView)
    }
    return SourceView(**fields)


def _entry(caller: Key, action: str, source: str, after: dict[str, str] | None) -> AuditEntry:
    return AuditEntry(actor=caller.id, action=action, kind="catalogue", object=source, after=after)
