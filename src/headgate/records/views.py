"""Views of lists that people save under a name, for all who see the project.

A view is what the console's address says beside its path: filters, columns, a time. What it lists is asked
with the rights of who looks. Few and short: a page of a project has 100 at most. Read next:
`records/views.sql`, `records.views_http`.
"""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from headgate.core.faults import Conflict, NotFound
from headgate.core.names import Name
from headgate.core.pages import Page, decode_cursor, encode_cursor, format_datetime
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES: Final = Queries.load("headgate.records", "views.sql")

VIEWS_MAX: Final = 100
"""Of one page, in one project."""
PARTS_MAX: Final = 40

ListPage = Literal["requests", "traces"]
"""The pages that have views."""

ViewName = Annotated[
    str,
    msgspec.Meta(
        max_length=80, pattern=r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?(?!\n)$"
    ),
]
Part = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[a-z_]+(?!\n)$")]
Said = Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=r"^[^\x00]*(?!\n)$")]
Search = Annotated[dict[Part, Said], msgspec.Meta(max_length=PARTS_MAX)]


class NewView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A view to be saved: of which page, under which name, and what the address says there."""

    page: ListPage
    name: ViewName
    search: Search
    project: Name | None = None


class ChangeView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Another name of a view, or what it shows now; what is left out stays."""

    name: ViewName | None = None
    search: Search | None = None


class SavedView(msgspec.Struct, frozen=True, kw_only=True):
    """A view as all see it. `made_by` is the id of the key that it was made with."""

    id: str
    project: str
    page: ListPage
    name: str
    search: dict[str, str]
    made_by: str
    changed_at: str


async def list_views(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    page: str | None,
    limit: int,
    cursor: str | None,
) -> Page[SavedView]:
    """Return views by project, page and name."""
    after = ("", "", "", str(uuid.UUID(int=0)))
    if cursor is not None:
        after = decode_cursor(cursor, tuple[str, str, str, uuid.UUID])
    rows = await fetch_rows(
        connection,
        QUERIES.list_views,
        {
            "project_ids": None if project_ids is None else list(project_ids),
            "page": page,
            "after_project": after[0],
            "after_page": after[1],
            "after_name": after[2],
            "after_id": str(after[3]),
            "limit": limit + 1,
        },
    )
    items = [_view(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    place = None if last is None else encode_cursor([last.project, last.page, last.name, last.id])
    return Page(items=items, next=place)


async def make_view(connection: Connection, project: str, new: NewView, actor: str) -> SavedView:
    """Save a view, in the caller's transaction. Raises Conflict for a name that is taken, or one too many."""
    identity = uuid.uuid4()
    found = await _beside(connection, project, new.page, (new.name, identity))
    if found >= VIEWS_MAX:
        raise Conflict(
            f"project {project} has {found} views of {new.page}; delete one before you save another"
        )
    row = {"id": identity, "project": project, "page": new.page, "name": new.name, "made_by": actor}
    return await _put(connection, {**row, "search": _written(new.search)})


async def change_view(connection: Connection, view: SavedView, change: ChangeView) -> SavedView:
    """Rename a view, or have it show something else. Raises Conflict for a name that is taken."""
    name = change.name or view.name
    await _beside(connection, view.project, view.page, (name, uuid.UUID(view.id)))
    search = view.search if change.search is None else change.search
    row = {**msgspec.structs.asdict(view), "name": name, "search": _written(search)}
    return await _put(connection, row)


async def get_view(connection: Connection, project_ids: Sequence[str] | None, identity: str) -> SavedView:
    """Return a view, locked until the transaction ends. Raises NotFound."""
    return await _one(connection, QUERIES.get_view, project_ids, identity)


async def delete_view(connection: Connection, project_ids: Sequence[str] | None, identity: str) -> SavedView:
    """Delete a view and return what it was. Raises NotFound."""
    return await _one(connection, QUERIES.delete_view, project_ids, identity)


async def _one(
    connection: Connection, statement: Any, project_ids: Sequence[str] | None, identity: str
) -> SavedView:
    refusal = NotFound(f"there is no view {identity[:64]!r}; GET /api/v1/views lists them")
    try:
        wanted = uuid.UUID(identity)
    except ValueError:
        raise refusal from None
    asked = {"project_ids": None if project_ids is None else list(project_ids), "id": wanted}
    rows = await fetch_rows(connection, statement, asked)
    if not rows:
        raise refusal
    return _view(rows[0])


async def _beside(connection: Connection, project: str, page: str, named: tuple[str, uuid.UUID]) -> int:
    await connection.execute(QUERIES.lock_views, {"project": project})
    name, identity = named
    asked = {"project": project, "page": page, "name": name, "id": identity}
    cursor = await connection.execute(QUERIES.views_beside, asked)
    [(found, is_taken)] = await cursor.fetchall()
    if is_taken:
        raise Conflict(f"project {project} has a view of {page} named {name!r} already; take another name")
    return int(found)


async def _put(connection: Connection, row: dict[str, Any]) -> SavedView:
    [saved] = await fetch_rows(connection, QUERIES.put_view, row)
    return _view(saved)


def _written(search: dict[str, str]) -> str:
    return msgspec.json.encode(search, order="sorted").decode()


def _view(row: dict[str, Any]) -> SavedView:
    return SavedView(
        id=str(row["id"]),
        project=row["project"],
        page=row["page"],
        name=row["name"],
        search=msgspec.json.decode(row["search"], type=dict[str, str]),
        made_by=row["made_by"],
        changed_at=format_datetime(row["changed_at"]),
    )
