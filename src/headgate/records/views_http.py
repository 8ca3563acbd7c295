"""Routes of saved views: seen by all who see the project, written by its admins.

Read next: `records.views`.
"""

from typing import Any

from litestar import Controller, Request, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store
from headgate.access.model import Key
from headgate.access.roles import project_meant, visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.pages import LIMIT_DEFAULT, Page
from headgate.records.http import narrowed, query_parameter, read_text
from headgate.records.views import (
    ChangeView,
    NewView,
    SavedView,
    change_view,
    delete_view,
    get_view,
    list_views,
    make_view,
)
from headgate.store.database import Connection

AnyRequest = Request[Any, Any, Any]


class ViewListController(Controller):
    """Saved views, as a list."""

    path = "/views"
    tags = ("requests",)
    parameters = {  # noqa: RUF012 - how the framework takes them
        "project": query_parameter("views of this project"),
        "page": query_parameter("views of this list: requests or traces"),
    }

    @get(opt={"grant": grant("requests:read")})
    async def list_views(
        self,
        caller: CallerKey,
        *,
        request: AnyRequest,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[SavedView]:
        """List the views of lists that were saved under a name, for all who see the project."""
        query = request.query_params
        seen = narrowed(visible(caller), read_text(query, "project"))
        async with database.connection() as connection:
            return await list_views(
                connection, seen.project_ids, page=read_text(query, "page"), limit=limit, cursor=next
            )


class ViewsController(Controller):
    """One saved view."""

    path = "/views"
    tags = ("requests",)

    @post(status_code=201, opt={"grant": grant("views:write")})
    async def save_view(self, caller: CallerKey, database: Store, data: JSONBody[NewView]) -> SavedView:
        """Save what a list shows under a name, for all who see the project. 409 where the name is taken, or
        the page has 100 views already."""
        project = project_meant(caller, data.project)
        async with database.transaction() as connection:
            made = await make_view(connection, project, data, caller.id)
            await _audit(connection, caller, "create", None, made)
        return made

    @put("/{view_id:str}", opt={"grant": grant("views:write")})
    async def change_view(
        self, caller: CallerKey, database: Store, view_id: FromPath[str], data: JSONBody[ChangeView]
    ) -> SavedView:
        """Give a view another name, or have it show something else."""
        async with database.transaction() as connection:
            before = await get_view(connection, visible(caller).project_ids, view_id)
            changed = await change_view(connection, before, data)
            await _audit(connection, caller, "change", before, changed)
        return changed

    @delete("/{view_id:str}", status_code=200, opt={"grant": grant("views:write")})
    async def delete_view(self, caller: CallerKey, database: Store, view_id: FromPath[str]) -> SavedView:
        """Delete a view. Answers with what it was."""
        async with database.transaction() as connection:
            gone = await delete_view(connection, visible(caller).project_ids, view_id)
            await _audit(connection, caller, "delete", gone, None)
        return gone


async def _audit(
    connection: Connection, caller: Key, action: str, before: SavedView | None, after: SavedView | None
) -> None:
    """Write who changed which view; not its name and filters, which go with the erasure of whom they name."""
    view = after or before
    if view is not None:
        said = [None if each is None else {"page": each.page} for each in (before, after)]
        entry = AuditEntry(
            actor=caller.id,
            action=action,
            kind="view",
            object=view.id,
            project=view.project,
            before=said[0],
            after=said[1],
        )
        await write_audit(connection, entry)
