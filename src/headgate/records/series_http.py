"""The route of charts: calls, costs, latencies and failures by time.

Access stands inside the question, as for requests. Read next: `records.series`.
"""

from typing import Any, Final, get_args

import msgspec
from litestar import Controller, get

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.core.faults import InvalidRequest
from headgate.records.http import AnyRequest, of_key, query_parameter, read_name, read_span, read_yes_no
from headgate.records.series import Series, SeriesFilters, SeriesGroupName, series

_TEXTS: Final[dict[str, str]] = {
    "project": "only calls of this project",
    "key": "made with the key of this id; - is none",
    "model": "that asked for this model; - is none",
    "target": "that this provider, or provider/model, answered; - is none",
    "prompt": "that used this prompt; - is none",
    "release": "of the release of this id; - is none",
    "environment": "of this environment; - is none",
    "user": "of this user; - is none",
    "tag": "with this tag; - is none",
}
_TIMES: Final = {
    "from": "from this time on; a day before `to` if left out",
    "to": "until this time; now if left out",
}
_GROUP: Final = {
    "group_by": f"one of {', '.join(get_args(SeriesGroupName))}; left out, all calls together",
    "latencies": "no leaves them out, which over long times is quicker",
    "failing_groups": "yes counts each code of failures by group, too",
}


class SeriesController(Controller):
    """What charts show."""

    path = "/series"
    tags = ("costs",)
    parameters = {name: query_parameter(text) for name, text in (_TEXTS | _TIMES | _GROUP).items()}  # noqa: RUF012

    @get(opt={"grant": grant("costs:read")})
    async def show_series(self, caller: CallerKey, request: AnyRequest, database: Store) -> Series:
        """Show calls by class of status, costs, latencies and failures by code over time, 500 points at most.

        Steps are a minute for two hours or less, else a quarter of an hour or more. With `group_by` the eight
        largest groups have lines of their own, and all others one.

        Users and tags: by day over more than two days, as their sums are kept; else, and together with other
        filters, the newest 100,000 calls that match are counted one by one; `counted_from` says since when.
        """
        query = request.query_params
        seen = visible(caller)
        texts = {name: read_name(query, name) for name in _TEXTS}
        seen, texts["key"] = of_key(seen, texts["key"])
        begin, end = read_span(query)
        filters = SeriesFilters(**texts, begin=begin, end=end)
        async with database.connection() as connection:
            return await series(
                connection,
                seen.project_ids,
                filters,
                group_by=_group(query.get("group_by")),
                with_latencies=read_yes_no(query, "latencies") is not False,
                with_failing_groups=read_yes_no(query, "failing_groups") is True,
            )


def _group(text: Any) -> SeriesGroupName | None:
    try:
        return msgspec.convert(text, SeriesGroupName | None)
    except msgspec.ValidationError:
        raise InvalidRequest(
            f"group_by is {text!r}; write one of {', '.join(get_args(SeriesGroupName))}", parameter="group_by"
        ) from None
