"""The route of where a call's messages came from. Read next: `provenance.reading`."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.prompts.provenance.reading import Provenance, Retrieval, provenance
from headgate.records.queries import get_request

Retrieving = NamedDependency[SkipValidation[Retrieval]]


@get("/requests/{request_id:str}/provenance", tags=["requests"], opt={"grant": grant("requests:read")})
async def show_provenance(
    caller: CallerKey, database: Store, retrieval: Retrieving, request_id: FromPath[str]
) -> Provenance:
    """Show where each stretch of a call's messages came from: a template's words, what filled its holes,
    documents that its trace retrieved, the conversation before, a tool, a rule, or nobody knows; and how much
    of the input each is, by characters. Who sees its own key's calls alone sees no documents.
    """
    seen = visible(caller)
    async with database.connection() as connection:
        detail = await get_request(connection, seen.project_ids, request_id, key=seen.key)
        return await provenance(connection, seen.project_ids, detail, None if seen.key else retrieval)
