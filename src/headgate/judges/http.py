"""Routes of judges: which there are, what they said, and how far they can be trusted.

Read next: `judges.analysis` (the report), `judges.reviews_http` (what people mark).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import project_meant, visible
from headgate.core.pages import Page
from headgate.core.ports import Refreshed
from headgate.judges.analysis import analyse
from headgate.judges.items import ITEMS_MAX, Judged
from headgate.judges.model import Judge, NewJudge
from headgate.judges.pairs import KnownPairs, PairNames, find_pairs
from headgate.judges.queue import choose_by_rules, sweep
from headgate.judges.reading import marked, waiting
from headgate.judges.report import Report
from headgate.judges.storing import add_verdicts, define_judge, find_judge, judges_of


class ModelsInForce(Refreshed, Protocol):
    """What control knows of names of models."""

    def alias_targets(self) -> Mapping[str, Sequence[str]]:
        """Return each name of models with its targets."""
        ...


Models = NamedDependency[SkipValidation[ModelsInForce]]


class JudgeItem(msgspec.Struct, frozen=True, kw_only=True):
    """A judge in a list: its current version, and how many answers wait for people."""

    project: str
    name: str
    version: str
    model: str
    scale: str
    versions: int
    waiting: int
    done: int
    made_at: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a judge and all that is known of it."""

    judge: Judge
    report: Report
    versions: list[str]
    """All versions of this name, the current one first."""
    waiting: int
    done: int


class NewMarks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version of a judge, by default the current one, said of up to 500 answers."""

    items: Annotated[list[Judged], msgspec.Meta(min_length=1, max_length=ITEMS_MAX)]
    version: Annotated[str, msgspec.Meta(max_length=32)] | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """How many answers were taken, and how many of them came into the queue for people."""

    items: int
    chosen: int


class JudgesController(Controller):
    """Judges: models that mark answers."""

    path = "/judges"
    tags = ("judges",)

    @get(opt={"grant": grant("judges:read")})
    async def list_judges(self, caller: CallerKey, database: Store) -> Page[JudgeItem]:
        """List judges, with how many answers wait for people. An admin sees all projects, others theirs."""
        projects = visible(caller).project_ids
        async with database.connection() as connection:
            found = await judges_of(connection, projects)
            queues = await waiting(connection, projects)
        versions: dict[tuple[str, str], list[Judge]] = {}
        for judge in found:
            versions.setdefault((judge.project, judge.name), []).append(judge)
        items = [_item(each, queues.get(name, (0, 0))) for name, each in versions.items()]
        return Page(items=items, next=None)

    @post(status_code=201, opt={"grant": grant("judges:write")})
    async def define_judge(
        self,
        caller: CallerKey,
        database: Store,
        data: JSONBody[NewJudge],
        project: FromQuery[str | None] = None,
    ) -> Judge:
        """Define a judge, or a new version of it; what is defined again becomes the current version.

        Its review rules are not part of the version, and are the last ones that were given.
        """
        where = project_meant(caller, project)
        async with database.transaction() as connection:
            return await define_judge(connection, where, data, caller.id)

    @get("/{name:str}", opt={"grant": grant("judges:read")})
    async def show_judge(
        self,
        caller: CallerKey,
        *,
        database: Store,
        in_force: Models,
        name: FromPath[str],
        version: FromQuery[str | None] = None,
        project: FromQuery[str | None] = None,
    ) -> Shown:
        """Show how far a judge agrees with people, what it leans to, and the score corrected for its errors.

        What the marks can't tell is said in words, without a number.
        """
        where = project_meant(caller, project)
        async with database.connection() as connection:
            judge = await find_judge(connection, where, name, version)
            versions = [each.version for each in await judges_of(connection, [where], name)]
            items = await marked(connection, judge)
            open_, done = (await waiting(connection, [where])).get((where, name), (0, 0))
        await in_force.refresh()
        own = _own_models(judge.model, in_force.alias_targets())
        report = await asyncio.to_thread(analyse, judge.scale, own, items)
        return Shown(judge=judge, report=report, versions=versions, waiting=open_, done=done)

    @post("/{name:str}/marks", status_code=201, opt={"grant": grant("judges:write")})
    async def add_judge_marks(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromPath[str],
        data: JSONBody[NewMarks],
        project: FromQuery[str | None] = None,
    ) -> Kept:
        """Keep what a judge said, and put into the queue what its review rules want people to mark.

        The same again counts once; 409 where it said something else of the same answer, order and repeat.
        """
        where = project_meant(caller, project)
        async with database.transaction() as connection:
            judge = await find_judge(connection, where, name, data.version)
            said = await add_verdicts(connection, judge, data.items, caller.id)
            chosen = await choose_by_rules(connection, judge, said)
            chosen += await sweep(connection, judge)
        return Kept(items=len(said), chosen=chosen)

    @post("/{name:str}/pairs/find", status_code=200, opt={"grant": grant("judges:read")})
    async def find_pairs(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromPath[str],
        data: JSONBody[PairNames],
        project: FromQuery[str | None] = None,
    ) -> KnownPairs:
        """Say which pairs of calls, by their names, are there, and in which orders they were marked."""
        where = project_meant(caller, project)
        async with database.connection() as connection:
            judge = await find_judge(connection, where, name, data.version)
            return await find_pairs(connection, judge, data.names)


def _own_models(model: str, aliases: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the names of a judge's model: its own, and of an alias the targets, which records name."""
    return tuple(dict.fromkeys((model, *aliases.get(model, ()))))


def _item(versions: list[Judge], queue: tuple[int, int]) -> JudgeItem:
    current = versions[0]
    return JudgeItem(
        project=current.project,
        name=current.name,
        version=current.version,
        model=current.model,
        scale=current.scale,
        versions=len(versions),
        waiting=queue[0],
        done=queue[1],
        made_at=current.made_at,
    )
