"""The route of where a call's messages came from. Read next: `provenance.reading`."""

from litestar import get
from litestar.params import FromPath

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.prompts.provenance.reading import Provenance, provenance
from headgate.records.queries import get_request


@get("/requests/{request_id:str}/provenance", tags=["requests"], opt={"grant": grant("requests:read")})
async def show_provenance(caller: CallerKey, database: Store, request_id: FromPath[str]) -> Provenance:
    """Show where each stretch of a call's messages came from: a template's words, what filled its holes, the
    conversation before, a tool, a rule, or nobody knows; and how much of the input each is, by characters."""
    seen = visible(caller)
    async with database.connection() as connection:
        detail = await get_request(connection, seen.project_ids, request_id, key=seen.key)
        return await provenance(connection, seen.project_ids, detail)
