"""Routes of GenAI metrics: which there are, and one as a series.

Access stands inside the question, as for traces. Read next: `metrics.reading`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from litestar import Controller, get

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest
from headgate.core.pages import Page
from headgate.records.http import WHEN, AnyRequest, narrowed, query_parameter, read_text, read_times
from headgate.records.model import Interval
from headgate.traces.metrics.reading import Asked, MetricItem, MetricSeriesPoint, list_metrics, metric_series

DEFAULT_LENGTH: Final = timedelta(days=1)
ATTRIBUTES_MAX: Final = 16
_PROJECT: Final = {"project": query_parameter("only metrics of this project")}
_SERIES: Final = {
    "name": query_parameter("the metric, such as gen_ai.client.token.usage"),
    "attribute": query_parameter("NAME=VALUE that a series must have; may be repeated", list[str]),
    "group_by": query_parameter("an attribute, such as gen_ai.request.model; left out, all together"),
    "interval": query_parameter("hour or day; left out, one sum for all"),
}


class MetricsController(Controller):
    """GenAI metrics that applications have sent."""

    path = "/metrics"
    tags = ("traces",)
    parameters = _PROJECT

    @get(opt={"grant": grant("traces:read")})
    async def list_metrics(self, caller: CallerKey, request: AnyRequest, database: Store) -> Page[MetricItem]:
        """List the GenAI metrics that applications have sent, by name.

        A member sees those of its own key.
        """
        seen = narrowed(visible(caller), read_text(request.query_params, "project"))
        async with database.connection() as connection:
            return Page(items=await list_metrics(connection, seen.project_ids, key=seen.key))


class MetricSeriesController(Controller):
    """One metric over time."""

    path = "/metrics/series"
    tags = ("traces",)
    parameters = {**_SERIES, **_PROJECT, **WHEN}  # noqa: RUF012 - how the framework takes them

    @get(opt={"grant": grant("traces:read")})
    async def metric_series(
        self, caller: CallerKey, request: AnyRequest, database: Store
    ) -> Page[MetricSeriesPoint]:
        """Show what a metric came to, by the hour or day: counts, sums, extremes, and estimated quantiles.

        Metrics are what applications say of themselves: they are never a part of costs. Without `from` it is
        the last day. A member sees what its own key has sent.
        """
        query = request.query_params
        seen = narrowed(visible(caller), read_text(query, "project"))
        name = read_text(query, "name")
        if name is None:
            raise InvalidRequest("name is missing; `GET /api/v1/metrics` lists them", parameter="name")
        begin, end = read_times(query)
        end = end or datetime.now(UTC)
        begin = begin or end - DEFAULT_LENGTH
        if begin >= end:
            raise InvalidRequest("from is not before to; name an earlier time", parameter="from")
        asked = Asked(
            name=name,
            attributes=_attributes(query.getall("attribute", [])),
            begin=begin,
            end=end,
            interval=_interval(query.get("interval")),
            group_by=read_text(query, "group_by"),
        )
        async with database.connection() as connection:
            return Page(items=await metric_series(connection, seen.project_ids, asked, key=seen.key))


def _attributes(texts: list[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts[:ATTRIBUTES_MAX]:
        name, sign, value = str(text).partition("=")
        if not sign or not name or "\0" in text:
            raise InvalidRequest(f"attribute is {str(text)[:100]!r}; write NAME=VALUE", parameter="attribute")
        found[name] = value
    return found


def _interval(text: str | None) -> Interval | None:
    try:
        return msgspec.convert(text, Interval | None)
    except msgspec.ValidationError:
        raise InvalidRequest(f"interval is {text!r}; write hour or day", parameter="interval") from None
