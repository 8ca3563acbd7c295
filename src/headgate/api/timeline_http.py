"""The route of what changed in a time. Read next: `api.timeline`."""

from typing import Final

from litestar import Controller, get

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.api.timeline import Timeline, timeline
from headgate.records.http import AnyRequest, query_parameter, read_name, read_span, read_text

_PARAMETERS: Final[dict[str, str]] = {
    "project": "without what belongs to other projects",
    "environment": "without releases of other environments; - is none",
    "from": "from this time on; a day before `to` if left out",
    "to": "until this time; now if left out",
}


class TimelineController(Controller):
    """What changed."""

    path = "/timeline"
    tags = ("costs",)
    parameters = {name: query_parameter(text) for name, text in _PARAMETERS.items()}  # noqa: RUF012

    @get(opt={"grant": grant("requests:read")})
    async def show_timeline(self, caller: CallerKey, request: AnyRequest, database: Store) -> Timeline:
        """Show what changed in a time: environments that took a release, configuration, rules, managed
        prompts, rollouts that moved, targets that were rested, and alerts; of each kind what one's role may
        list."""
        query = request.query_params
        begin, end = read_span(query)
        async with database.connection() as connection:
            return await timeline(
                connection,
                visible(caller).project_ids,
                caller.role,
                begin=begin,
                end=end,
                project=read_text(query, "project"),
                environment=read_name(query, "environment"),
            )
