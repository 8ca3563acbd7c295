"""Routes of what judges said in checks and on live traffic, and of what corrects such scores.

Who may make checks may send it, for calls with that key: these are the marks of its own checks. Read next:
`judges.feeding`, `judges.calibrating`.
"""

from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import project_meant, visible
from headgate.judges.calibrating import Calibrated, calibrated
from headgate.judges.feeding import Fed, NewJudgements, feed

Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?!\n)$", description="16 hex digits")]


class JudgementsController(Controller):
    """What judges said elsewhere."""

    path = "/judgements"
    tags = ("judges",)

    @post(status_code=201, opt={"grant": grant("checks:write")})
    async def add_judgements(
        self,
        caller: CallerKey,
        database: Store,
        data: JSONBody[NewJudgements],
        project: FromQuery[str | None] = None,
    ) -> Fed:
        """Keep what a judge said in a check: it is known by model, prompt, scale, rubric and parameters.

        What it said first of an answer stays. A judge that nobody has defined is defined by this.
        """
        where = project_meant(caller, project)
        async with database.transaction() as connection:
            return await feed(connection, where, data, by=caller.id, only_key=visible(caller).key)

    @get("/{version:str}", opt={"grant": grant("checks:read")})
    async def show_calibration(
        self,
        caller: CallerKey,
        *,
        database: Store,
        version: FromPath[Version],
        project: FromQuery[str | None] = None,
    ) -> Calibrated:
        """Show how a version of a judge marked what people marked too, in numbers alone."""
        where = project_meant(caller, project)
        async with database.connection() as connection:
            return await calibrated(connection, where, version)
