"""Routes of studies of what pieces of contexts did: begun and filled by clients, read by all who see checks.

Nothing is replayed here; `headgate grounding replay` does that. Read next: `grounding.studies`.
"""

from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store, Time
from headgate.access.roles import visible
from headgate.core.faults import NotAllowed
from headgate.core.identity import IdentitySource
from headgate.core.pages import LIMIT_DEFAULT, Page
from headgate.grounding.studies import (
    NewReplays,
    NewStudy,
    Study,
    StudyItem,
    add_replays,
    begin_study,
    find_study,
    get_study,
    list_studies,
)
from headgate.prompts.managed.actions import project_for


class StudiesController(Controller):
    """Studies of many calls replayed without pieces of their contexts."""

    path = "/grounding/studies"
    tags = ("grounding",)

    @get(opt={"grant": grant("checks:read")})
    async def list_studies(
        self,
        caller: CallerKey,
        *,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[StudyItem]:
        """List studies of your project, the last to begin first; an admin sees those of all projects."""
        async with database.connection() as connection:
            return await list_studies(connection, visible(caller).project_ids, limit=limit, cursor=next)

    @post(status_code=201, opt={"grant": grant("checks:write")})
    async def begin_study(
        self,
        caller: CallerKey,
        *,
        database: Store,
        clock: Time,
        data: JSONBody[NewStudy],
        project: FromQuery[str | None] = None,
    ) -> Study:
        """Begin a study, or go on with your own of the same definition: it says which calls it has."""
        of_project = project_for(caller, project)
        async with database.transaction() as connection:
            identity = await begin_study(
                connection, IdentitySource(clock).next(), of_project, caller.id, data
            )
            return await get_study(connection, [of_project], identity)

    @get("/{study_id:str}", opt={"grant": grant("checks:read")})
    async def show_study(self, caller: CallerKey, database: Store, study_id: FromPath[str]) -> Study:
        """Show what a study found, by kind, source, document and position of pieces."""
        async with database.connection() as connection:
            return await get_study(connection, visible(caller).project_ids, study_id)

    @post("/{study_id:str}/replays", status_code=202, opt={"grant": grant("checks:write")})
    async def add_replays(
        self, caller: CallerKey, *, database: Store, study_id: FromPath[str], data: JSONBody[NewReplays]
    ) -> StudyItem:
        """Add calls that were replayed, with the key that began the study; what is sent again counts once."""
        seen = visible(caller)
        async with database.transaction() as connection:
            study = await find_study(connection, seen.project_ids, study_id)
            if seen.key not in (None, study.key):
                raise NotAllowed(
                    f"study {study.id} was begun with another key; calls come from that one alone"
                )
            await add_replays(connection, study, data)
            return await find_study(connection, [study.project], study_id)
