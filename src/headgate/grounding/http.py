"""The route of a call held against its own context. Asks no model. Read next: `grounding.holding`."""

import asyncio
import uuid

from litestar import get
from litestar.params import FromPath

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.grounding.holding import hold
from headgate.grounding.model import Grounds
from headgate.records.queries import get_request
from headgate.traces.lineage.recorded import recorded_texts


@get("/requests/{request_id:str}/grounding", tags=["grounding"], opt={"grant": grant("requests:read")})
async def show_grounding(caller: CallerKey, database: Store, request_id: FromPath[str]) -> Grounds:
    """Hold a call's answer against its context: numbers, names and quotes that stand nowhere in it.

    What can't be told (no context, images, a refusal) is said in `problem`, and no claim is counted then.
    """
    seen = visible(caller)
    async with database.connection() as connection:
        detail = await get_request(connection, seen.project_ids, request_id, key=seen.key)
        found = await recorded_texts(connection, detail.project, uuid.UUID(detail.id))
    return await asyncio.to_thread(hold, detail.id, found)
