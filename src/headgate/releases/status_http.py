"""The route that says how an environment stands: its release, and what runs there that is not in it.

Read next: `releases.unreleased`.
"""

from datetime import UTC, datetime, timedelta

from litestar import get
from litestar.params import FromPath, FromQuery

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store, Time
from headgate.core.pages import format_datetime
from headgate.releases.http import EnvironmentView, environment_fields, existing, project_of
from headgate.releases.store import list_moves
from headgate.releases.unreleased import ReleasedPrompts, Unreleased, find_unreleased

DAYS_MAX = 7


class EnvironmentStatus(EnvironmentView, frozen=True, kw_only=True):
    """An environment, and the prompts that ran in it since its pointer moved, seven days at most, and that
    its release does not hold."""

    since: str
    unreleased: list[Unreleased]


@get("/environments/{name:str}/status", tags=["releases"], opt={"grant": grant("releases:read")})
async def show_environment_status(
    caller: CallerKey,
    database: Store,
    clock: Time,
    name: FromPath[str],
    project: FromQuery[str | None] = None,
) -> EnvironmentStatus:
    """Show how an environment stands: the release in force, and what runs there that is not in it."""
    own = project_of(caller, project)
    since = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) - timedelta(days=DAYS_MAX)
    async with database.connection() as connection:
        environment = await existing(connection, own, name)
        moves = await list_moves(connection, own, name, limit=1)
        last = moves[0][1] if moves else None
        if last is not None:
            since = max(since, datetime.fromisoformat(last.at))
        found = await find_unreleased(
            connection, (own,), ReleasedPrompts(), since=since, environment=environment.name
        )
    fields = environment_fields(environment, last)
    return EnvironmentStatus(**fields, since=format_datetime(since), unreleased=found)
