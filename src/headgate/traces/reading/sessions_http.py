"""Routes of sessions: what the traces and calls of each come to, and one as a conversation.

Read next: `reading.sessions`, `reading.http`.
"""

from typing import Any, Final

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromPath

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.pages import Page
from headgate.records.http import PAGING, WHEN, query_parameter, read_limit
from headgate.traces.reading.http import read_filters
from headgate.traces.reading.model import SessionDetail, SessionItem
from headgate.traces.reading.sessions import list_sessions, open_session

AnyRequest = Request[Any, Any, Any]

_PROJECT: Final = {"project": query_parameter("sessions of this project")}
_NARROWED: Final = {
    "user": query_parameter("with traces or calls of this user"),
    "environment": query_parameter("with traces or calls of this environment; - is none"),
}


class SessionListController(Controller):
    """Sessions, as a list."""

    path = "/sessions"
    tags = ("traces",)
    parameters = {**_PROJECT, **_NARROWED, **WHEN, **PAGING}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("traces:read")})
    async def list_sessions(
        self, caller: CallerKey, request: AnyRequest, database: Store
    ) -> Page[SessionItem]:
        """List sessions, those first in which something happened last, with sums of what matches."""
        query = request.query_params
        filters, seen = read_filters(query, visible(caller))
        async with database.connection() as connection:
            return await list_sessions(
                connection, seen.project_ids, filters, limit=read_limit(query), cursor=query.get("next")
            )


class SessionController(Controller):
    """One session."""

    path = "/sessions"
    tags = ("traces",)
    parameters = {**_PROJECT, **PAGING}  # noqa: RUF012 - how the framework takes them

    @get("/{session:path}", opt={"grant": grant("traces:read")})
    async def show_session(
        self, caller: CallerKey, request: AnyRequest, database: Store, session: FromPath[str]
    ) -> SessionDetail:
        """Show a session as a conversation: its traces in order, with what each one's root took and gave, and
        its calls that are part of no trace."""
        query = request.query_params
        filters, seen = read_filters(query, visible(caller))
        filters = msgspec.structs.replace(filters, session=session.removeprefix("/"))
        async with database.connection() as connection:
            return await open_session(
                connection, seen.project_ids, filters, limit=read_limit(query), cursor=query.get("next")
            )
