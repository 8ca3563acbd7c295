"""All routes of what is asked of traces, as `api.app` mounts them."""

from typing import Any, Final

from headgate.traces.reading.http import (
    SpanPagesController,
    TraceFacetsController,
    TraceFollowController,
    TraceListController,
    show_span,
    show_trace,
)
from headgate.traces.reading.searching_http import (
    TraceCountController,
    TraceSearchController,
    TraceSeriesController,
)
from headgate.traces.reading.sessions_http import SessionController, SessionListController

TRACE_ROUTES: Final[tuple[Any, ...]] = (
    TraceListController,
    TraceFollowController,
    TraceFacetsController,
    TraceSearchController,
    TraceCountController,
    TraceSeriesController,
    show_trace,
    SpanPagesController,
    show_span,
    SessionListController,
    SessionController,
)
