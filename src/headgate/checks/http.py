"""Routes of checks: a run that begins, its results as they come, what is known at its end; judgements.

Runs are made by clients, such as `headgate check`; nothing is called here. Read next: `checks.store`.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store, Time
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.checks.store import (
    BATCH_MAX,
    JudgedBefore,
    KeptResult,
    NewRun,
    Run,
    RunItem,
    add_results,
    add_run,
    find_judgements,
    get_run,
    list_results,
    list_runs,
    set_kept,
    set_report,
    take_back,
)
from headgate.core.faults import NotAllowed
from headgate.core.identity import IdentitySource
from headgate.core.pages import LIMIT_DEFAULT, Page
from headgate.prompts.managed.actions import project_for
from headgate.statistics.requirements import Verdict
from headgate.store.database import Connection

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
Results = Annotated[list[KeptResult], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]


class NewResults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 500 results of a run; what is sent again counts once."""

    results: Results


class AcceptedResults(msgspec.Struct, frozen=True, kw_only=True):
    """How many results came."""

    accepted: int


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a run."""

    verdict: Verdict
    report: dict[str, Any]


class Keeping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a run is kept whatever its age."""

    kept: bool


class AskedDigests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Digests of what judges would be asked."""

    digests: Annotated[list[Digest], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]


class KnownJudgements(msgspec.Struct, frozen=True, kw_only=True):
    """What judges have said of these."""

    items: list[JudgedBefore]


class ChecksController(Controller):
    """Runs of checks, and what came of them."""

    path = "/checks"
    tags = ("checks",)

    @get("/runs", opt={"grant": grant("checks:read")})
    async def list_runs(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromQuery[str | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[RunItem]:
        """List runs of your project, the last to begin first; an admin sees those of all projects."""
        async with database.connection() as connection:
            return await list_runs(
                connection, visible(caller).project_ids, name=name, limit=limit, cursor=next
            )

    @post("/runs", status_code=201, opt={"grant": grant("checks:write")})
    async def begin_run(
        self,
        caller: CallerKey,
        *,
        database: Store,
        clock: Time,
        data: JSONBody[NewRun],
        project: FromQuery[str | None] = None,
    ) -> RunItem:
        """Begin a run: its results and its report follow."""
        of_project = project_for(caller, project)
        identity = IdentitySource(clock).next()
        async with database.transaction() as connection:
            await add_run(connection, identity, of_project, caller.id, data)
            return (await get_run(connection, [of_project], str(identity))).run

    @get("/runs/{run_id:str}", opt={"grant": grant("checks:read")})
    async def show_run(self, caller: CallerKey, database: Store, run_id: FromPath[str]) -> Run:
        """Show a run: how it was defined, and what is known of it."""
        async with database.connection() as connection:
            return await get_run(connection, visible(caller).project_ids, run_id)

    @delete("/runs/{run_id:str}", status_code=204, opt={"grant": grant("checks:write")})
    async def take_back_run(self, caller: CallerKey, *, database: Store, run_id: FromPath[str]) -> None:
        """Take back a run that has no result, since it ended before its first; 409 for any other."""
        async with database.transaction() as connection:
            await take_back(connection, await _own(connection, caller, run_id))

    @patch("/runs/{run_id:str}", status_code=200, opt={"grant": grant("checks:write")})
    async def end_run(
        self, caller: CallerKey, *, database: Store, run_id: FromPath[str], data: JSONBody[Told]
    ) -> RunItem:
        """Say what is known of a run; a run that goes on later says it again."""
        async with database.transaction() as connection:
            found = await _own(connection, caller, run_id)
            await set_report(connection, found, data.verdict, data.report)
            return (await get_run(connection, [found.project], run_id)).run

    @put("/runs/{run_id:str}/kept", status_code=200, opt={"grant": grant("checks:write")})
    async def keep_run(
        self, caller: CallerKey, *, database: Store, run_id: FromPath[str], data: JSONBody[Keeping]
    ) -> RunItem:
        """Keep a run, such as a baseline, whatever its age, or no longer."""
        async with database.transaction() as connection:
            found = await _own(connection, caller, run_id)
            await set_kept(connection, found, kept=data.kept)
            return (await get_run(connection, [found.project], run_id)).run

    @get("/runs/{run_id:str}/results", opt={"grant": grant("checks:read")})
    async def list_results(
        self,
        caller: CallerKey,
        *,
        database: Store,
        run_id: FromPath[str],
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[KeptResult]:
        """List the results of a run, by case and repeat; what was answered is on each request's record."""
        async with database.connection() as connection:
            found = await get_run(connection, visible(caller).project_ids, run_id)
            return await list_results(connection, found.run, limit=limit, cursor=next)

    @post("/runs/{run_id:str}/results", status_code=202, opt={"grant": grant("checks:write")})
    async def add_results(
        self, caller: CallerKey, *, database: Store, run_id: FromPath[str], data: JSONBody[NewResults]
    ) -> AcceptedResults:
        """Add results of a run, with the key that began it."""
        async with database.transaction() as connection:
            found = await _own(connection, caller, run_id)
            await add_results(connection, found, data.results)
        return AcceptedResults(accepted=len(data.results))

    @post("/judgements", status_code=200, opt={"grant": grant("checks:write")})
    async def find_judgements(
        self,
        caller: CallerKey,
        *,
        database: Store,
        data: JSONBody[AskedDigests],
        project: FromQuery[str | None] = None,
    ) -> KnownJudgements:
        """Find what judges said before, by digests of all that they were asked: it is not paid twice."""
        of_project = project_for(caller, project)
        async with database.connection() as connection:
            return KnownJudgements(items=await find_judgements(connection, [of_project], data.digests))


async def _own(connection: Connection, caller: Key, run_id: str) -> RunItem:
    """Return a run that a key may add to: its own, or any for who sees all. Raises NotFound, NotAllowed."""
    seen = visible(caller)
    found = (await get_run(connection, seen.project_ids, run_id)).run
    if seen.key not in (None, found.key):
        raise NotAllowed(f"run {found.id} was begun with another key; results come from that one alone")
    return found
