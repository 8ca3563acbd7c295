"""Routes of datasets: made, filled from bodies and from recorded calls, listed, shown case by case, deleted.

A dataset is its project's: whoever has a key of it that may read datasets sees all its cases, those from
calls of others, too. Read next: `datasets.store`, `datasets.gathering`.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.http import Store, Time
from headgate.access.roles import visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest
from headgate.core.names import Name
from headgate.core.pages import LIMIT_DEFAULT, Page, parse_instant_ms
from headgate.datasets.gathering import CALLS_MAX, Wanted, cases_of_calls
from headgate.datasets.model import CASES_MAX, Case, Gathered
from headgate.datasets.store import (
    Added,
    CaseSource,
    DatasetItem,
    DatasetVersion,
    Source,
    add_cases,
    delete_dataset,
    get_dataset,
    list_cases,
    list_datasets,
    list_sources,
    list_versions,
    make_dataset,
)
from headgate.prompts.managed.actions import project_for

DAYS: Final = 30

RequestId = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\n)$")
]
TraceId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}(?!\n)$")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Number = Annotated[float, msgspec.Meta(ge=-1e300, le=1e300)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]


class NewDataset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name of a dataset that is to be."""

    name: Name


class NewCases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cases to add; with `replace`, they are all that there will be."""

    cases: Annotated[list[Case], msgspec.Meta(min_length=1, max_length=CASES_MAX)]
    replace: bool = False


class FromCalls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which recorded calls to take cases from; all that is given has to be so.

    `feedback` is a name: calls of which something of that name was said, or of whose trace; `least` and
    `most` narrow its value (a yes is 1, a no is 0). Times are RFC 3339; by default the last 30 days.
    """

    request_ids: Annotated[list[RequestId], msgspec.Meta(max_length=CALLS_MAX)] = []
    trace_ids: Annotated[list[TraceId], msgspec.Meta(max_length=100)] = []
    model: Word | None = None
    tag: Word | None = None
    feedback: Word | None = None
    least: Number | None = None
    most: Number | None = None
    since: Word | None = None
    until: Word | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=CALLS_MAX)] = 100
    tags: Annotated[list[Tag], msgspec.Meta(max_length=16)] = []


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What came of taking cases from calls: what was added, and how many calls are no case, and why."""

    added: Added
    calls: int
    other_dialects: int
    without_body: int
    repeated: int


class ShownDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset and its last versions, the newest first."""

    dataset: DatasetItem
    versions: list[DatasetVersion]


class DatasetsController(Controller):
    """Datasets: named collections of cases to check with."""

    path = "/datasets"
    tags = ("datasets",)

    @get(opt={"grant": grant("datasets:read")})
    async def list_datasets(
        self,
        caller: CallerKey,
        *,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[DatasetItem]:
        """List the datasets of your project, by name; an admin sees those of all projects."""
        async with database.connection() as connection:
            return await list_datasets(connection, visible(caller).project_ids, limit=limit, cursor=next)

    @post(status_code=201, opt={"grant": grant("datasets:write")})
    async def create_dataset(
        self,
        caller: CallerKey,
        *,
        database: Store,
        data: JSONBody[NewDataset],
        project: FromQuery[str | None] = None,
    ) -> DatasetItem:
        """Make a dataset without cases; 409 where there is one of that name."""
        of_project = project_for(caller, project)
        async with database.transaction() as connection:
            if not await make_dataset(connection, of_project, data.name):
                raise Conflict(f"there is a dataset {data.name!r} in {of_project} already; add to it")
            made = await get_dataset(connection, of_project, data.name)
            await _audit(connection, caller, "create", made)
        return made

    @get("/{name:str}", opt={"grant": grant("datasets:read")})
    async def show_dataset(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromPath[str],
        project: FromQuery[str | None] = None,
    ) -> ShownDataset:
        """Show a dataset and its last versions."""
        of_project = project_for(caller, project)
        async with database.connection() as connection:
            dataset = await get_dataset(connection, of_project, name)
            versions = await list_versions(connection, of_project, name)
        return ShownDataset(dataset=dataset, versions=versions)

    @delete("/{name:str}", status_code=200, opt={"grant": grant("datasets:write")})
    async def delete_dataset(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromPath[str],
        project: FromQuery[str | None] = None,
    ) -> DatasetItem:
        """Delete a dataset with all its versions. Answers with what it was."""
        of_project = project_for(caller, project)
        async with database.transaction() as connection:
            gone = await get_dataset(connection, of_project, name)
            await delete_dataset(connection, gone)
            await _audit(connection, caller, "delete", gone)
        return gone

    @get("/{name:str}/cases", opt={"grant": grant("datasets:read")})
    async def list_cases(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromPath[str],
        project: FromQuery[str | None] = None,
        version: FromQuery[int | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[Case]:
        """List the cases of a version, by their ids; by default of the last."""
        of_project = project_for(caller, project)
        async with database.connection() as connection:
            dataset = await get_dataset(connection, of_project, name)
            return await list_cases(connection, dataset, version, limit=limit, cursor=next)

    @get("/{name:str}/sources", opt={"grant": grant("datasets:read")})
    async def list_sources(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromPath[str],
        project: FromQuery[str | None] = None,
        version: FromQuery[int | None] = None,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[CaseSource]:
        """List where the cases of a version came from: calls on record, or nothing for those of files."""
        of_project = project_for(caller, project)
        async with database.connection() as connection:
            dataset = await get_dataset(connection, of_project, name)
            return await list_sources(connection, dataset, version, limit=limit, cursor=next)

    @post("/{name:str}/cases", status_code=201, opt={"grant": grant("datasets:write")})
    async def add_cases(
        self,
        caller: CallerKey,
        *,
        database: Store,
        name: FromPath[str],
        data: JSONBody[NewCases],
        project: FromQuery[str | None] = None,
    ) -> Added:
        """Add cases, which makes a new version; what is there already makes none."""
        of_project = project_for(caller, project)
        gathered = Gathered()
        for place, case in enumerate(data.cases):
            gathered.add(case, f"cases[{place}]")
        source = Source(key=caller.id)
        async with database.transaction() as connection:
            dataset = await get_dataset(connection, of_project, name)
            cases = [(case, source) for case in gathered.cases]
            return await add_cases(connection, dataset, cases, by=caller.id, replace=data.replace)

    @post("/{name:str}/calls", status_code=201, opt={"grant": grant("datasets:write")})
    async def add_calls(
        self,
        caller: CallerKey,
        *,
        database: Store,
        clock: Time,
        name: FromPath[str],
        data: JSONBody[FromCalls],
        project: FromQuery[str | None] = None,
    ) -> Taken:
        """Take cases from recorded calls. Their `expected` is yours to add.

        Where a call's user is erased, its case goes, too.
        """
        of_project = project_for(caller, project)
        wanted = _wanted(data, of_project, visible(caller).key, clock.now_ms())
        async with database.transaction() as connection:
            dataset = await get_dataset(connection, of_project, name)
            found = await cases_of_calls(connection, wanted, data.tags)
            added = await add_cases(connection, dataset, found.cases, by=caller.id)
            await _audit(connection, caller, "add_calls", dataset, data)
        return Taken(
            added=added,
            calls=found.calls,
            other_dialects=found.other_dialects,
            without_body=found.without_body,
            repeated=found.repeated,
        )


def _wanted(data: FromCalls, project: str, key: str | None, now_ms: int) -> Wanted:
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if not (data.request_ids or data.trace_ids or data.feedback or data.model or data.tag):
        raise InvalidRequest("name calls by request_ids, trace_ids, feedback, model or tag")
    if data.feedback is None and (data.least is not None or data.most is not None):
        raise InvalidRequest("least and most are of feedback; name which", parameter="feedback")
    return Wanted(
        project=project,
        key=key,
        begin=_instant(data.since, "since") or now - timedelta(days=DAYS),
        end=_instant(data.until, "until") or now,
        ids=tuple([uuid.UUID(each) for each in data.request_ids]),
        trace_ids=tuple(data.trace_ids),
        model=data.model,
        tag=data.tag,
        feedback=data.feedback,
        least=data.least,
        most=data.most,
        limit=data.limit,
    )


def _instant(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=parse_instant_ms(text, name))


async def _audit(
    connection: Any, caller: CallerKey, action: str, dataset: DatasetItem, after: Any = None
) -> None:
    await write_audit(
        connection,
        AuditEntry(
            actor=caller.id,
            action=action,
            kind="dataset",
            object=dataset.name,
            project=dataset.project,
            before=dataset if action == "delete" else None,
            after=after or (dataset if action == "create" else None),
        ),
    )
