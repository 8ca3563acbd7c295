"""Routes that make and change managed prompts, and render them for a look.

They share `/prompts/...` with prompts of code (`catalogue.http`, which also shows managed ones): what stands
behind is one address, for names hold slashes. Read next: `managed.actions`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Writer
from headgate.access.model import Key
from headgate.access.roles import require
from headgate.core.faults import InvalidRequest, NotFound
from headgate.prompts.catalogue.model import PromptItem
from headgate.prompts.managed import actions
from headgate.prompts.managed.actions import Address, project_for, read_address
from headgate.prompts.managed.answers import (
    Archive,
    ManagedDifference,
    ManagedPromptChanged,
    ManagedPromptDeleted,
    ManagedPromptView,
    ManagedVersionMade,
    ManagedVersionView,
    RenderedView,
    first_text,
)
from headgate.prompts.managed.store import list_prompts
from headgate.store.database import Connection, Database

LISTED_MAX = 500

Found = ManagedPromptView | ManagedVersionView | ManagedDifference
AnyRequest = Request[Any, Any, Any]


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """What else a request for a managed prompt says: the versions to compare."""

    a: str | None = None
    b: str | None = None


class ManagedPrompts:
    """Shows managed prompts on the routes of all prompts: `catalogue.listing.OtherPrompts`."""

    async def items(self, connection: Connection, project_ids: Sequence[str] | None) -> list[PromptItem]:
        """Return all of them, by name and project; at most 500."""
        return [
            PromptItem(
                kind="managed",
                name=each.name,
                project=each.project,
                source=None,
                version=str(each.newest.version.number),
                versions=each.newest.version.number,
                text=first_text(each),
                state=None,
                seen=[],
                traffic=None,
            )
            for each in await list_prompts(connection, project_ids, limit=LISTED_MAX)
        ]


def is_managed(address: str) -> bool:
    """Say whether an address means a managed prompt: no name of code is without a colon."""
    return ":" not in address


async def show_managed(
    database: Database, caller: Key, address: str, project: str | None, asked: Between
) -> Found:
    """Show a managed prompt with its history, one version, or what changed between two. Raises NotFound."""
    place = read_address(address)
    of_project = project_for(caller, project)
    async with database.connection() as connection:
        match place.part:
            case "":
                return await actions.show_prompt(connection, of_project, place)
            case "versions" if place.item:
                return await actions.show_version(connection, of_project, place)
            case "diff":
                return await actions.show_difference(connection, of_project, place, (asked.a, asked.b))
            case _:
                raise _nothing(address)


def with_tag(request: AnyRequest, found: Found) -> Response[Any]:
    """Answer with an entity tag where a version is shown, or with 304 where the client has it already."""
    if not isinstance(found, ManagedVersionView):
        return Response(found)
    labels = ",".join(found.labels)
    tag = f'"{found.version}-{found.digest[:32]}-{labels}"'
    if request.headers.get("if-none-match") == tag:
        return Response(None, status_code=304, headers={"etag": tag})
    return Response(found, headers={"etag": tag})


class ManagedPromptsController(Controller):
    """Managed prompts: made, labelled, archived, rendered for a look."""

    path = "/prompts"
    tags = ("prompts",)

    @post("/{name:path}", opt={"grant": grant("prompts:read")})
    async def post_prompt(
        self,
        *,
        caller: CallerKey,
        changes: Writer,
        database: Store,
        name: FromPath[str],
        data: JSONBody[dict[str, Any]],
        project: FromQuery[str | None] = None,
    ) -> Response[ManagedVersionMade | ManagedPromptChanged | RenderedView]:
        """Make a version (`NAME/versions`), render (`NAME/render`), archive or take back (`NAME/unarchive`).

        A version is `{messages, engine, model, parameters, tools, response_schema, note, labels}`, and makes
        the prompt where it is new: 201, or 200 where the newest version says the same. A rendering takes
        `{version, variables, strict, dialect, body}`, and no more than the grant to read; all else takes
        `prompts:write`. `POST NAME/labels/LABEL` is as `PUT`.
        """
        place = read_address(name)
        if place.part == "render":
            found = await actions.render_prompt(database, project_for(caller, project), place, data)
            return Response(found, status_code=200)
        require(caller.role, "prompts:write")
        match place.part:
            case "versions" if not place.item:
                made = await actions.create_version(changes, caller, place, data, project)
                return Response(made, status_code=201 if made.made else 200)
            case "labels" if place.item:
                of_project = project_for(caller, project)
                moved = await actions.move_label(changes, caller, of_project, place, data)
                return Response(moved, status_code=200)
            case "archive" | "unarchive":
                actions.read_as(data, Archive)
                archived = place.part == "archive"
                of_project = project_for(caller, project)
                done = await actions.archive(changes, caller, of_project, place, archived=archived)
                return Response(done, status_code=200)
            case _:
                raise _nothing(name)

    @put("/{name:path}", opt={"grant": grant("prompts:write")})
    async def put_label(
        self,
        *,
        caller: CallerKey,
        changes: Writer,
        name: FromPath[str],
        data: JSONBody[dict[str, Any]],
        project: FromQuery[str | None] = None,
    ) -> ManagedPromptChanged:
        """Move a label (`NAME/labels/LABEL`) to `{version}`, at once everywhere.

        With `from_version`, only if it is there now (0: nowhere), else 409.
        """
        place = _labelled(name)
        return await actions.move_label(changes, caller, project_for(caller, project), place, data)

    @delete("/{name:path}", status_code=200, opt={"grant": grant("prompts:write")})
    async def delete_prompt(
        self,
        *,
        caller: CallerKey,
        changes: Writer,
        name: FromPath[str],
        project: FromQuery[str | None] = None,
    ) -> Response[ManagedPromptDeleted | ManagedPromptChanged]:
        """Delete a prompt with all its versions (`NAME`), or take a label away (`NAME/labels/LABEL`).

        409 while a release in force holds the prompt; to keep its versions, archive it instead.
        """
        of_project = project_for(caller, project)
        if read_address(name).part:
            return Response(await actions.remove_label(changes, caller, of_project, _labelled(name)))
        return Response(await actions.delete(changes, caller, of_project, read_address(name)))


def _labelled(name: str) -> Address:
    place = read_address(name)
    if place.part != "labels" or not place.item:
        raise InvalidRequest("only labels are moved: PUT /prompts/NAME/labels/LABEL", parameter="name")
    return place


def _nothing(address: str) -> NotFound:
    return NotFound(
        f"there is nothing at /prompts/{address.strip('/')[:200]}; /api/openapi.json says what is"
    )
