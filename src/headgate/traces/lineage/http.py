"""The route of a trace's lineage. Read next: `traces.lineage.reading`."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.records.http import narrowed
from headgate.traces.lineage.reading import TraceLineage, Tracing

Work = NamedDependency[SkipValidation[Tracing]]


@get("/traces/{trace_id:str}/lineage", tags=["traces"], opt={"grant": grant("traces:read")})
async def show_lineage(
    caller: CallerKey,
    database: Store,
    tracing: Work,
    trace_id: FromPath[str],
    *,
    span_id: FromQuery[str | None] = None,
    project: FromQuery[str | None] = None,
) -> TraceLineage:
    """Show which step's output went into which step's input, by content and by structure.

    With `span_id` only what this step goes back to. Token shares are estimated by characters. A member sees
    its own key's part.
    """
    seen = narrowed(visible(caller), project)
    async with database.connection() as connection:
        return await tracing.of_trace(connection, seen.project_ids, trace_id, key=seen.key, span_id=span_id)
