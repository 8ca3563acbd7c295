"""The route of what is like a request. Read next: `records.similar`."""

from litestar import get
from litestar.params import FromPath

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.records.queries import get_request
from headgate.records.similar import Similar, similar


@get("/requests/{request_id:str}/similar", tags=["requests"], opt={"grant": grant("requests:read")})
async def show_similar(caller: CallerKey, database: Store, request_id: FromPath[str]) -> Similar:
    """Show what is like a request, within a day of it: the same body or opening, the same version of a
    prompt, slower ones, the same error or ending, each as filters of the list and counted to 1,000; and the
    requests of its session, or user, right before and after.
    """
    seen = visible(caller)
    async with database.connection() as connection:
        detail = await get_request(connection, seen.project_ids, request_id, key=seen.key)
        return await similar(connection, seen.project_ids, detail, key=seen.key)
