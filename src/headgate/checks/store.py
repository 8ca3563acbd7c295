"""Runs of checks in the database. Of an answer its call is kept, and how it was marked; not what it said.

Read next: `checks.http`, `checks/queries.sql`.
"""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Final, LiteralString

import msgspec

from headgate.checks.model import ASKED_MAX
from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.names import Name
from headgate.core.pages import Page, decode_cursor, encode_cursor, format_datetime
from headgate.datasets.model import CASES_MAX
from headgate.statistics.requirements import Verdict
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES: Final = Queries.load("headgate.checks")

RESULTS_MAX: Final = 100_000
"""Of one run."""
BATCH_MAX: Final = 500
JSON_BYTES_MAX: Final = 1024 * 1024

RequestId = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?(?!\n)$")
]
Digest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?(?!\n)$")]
Text = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*$")]
Word = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]
Cost = Annotated[int, msgspec.Meta(ge=0, le=10**18)]


class KeptAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a judge said one of several times."""

    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None
    reason: Text = ""
    request_id: RequestId = ""
    digest: Digest = ""


class KeptMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a scorer marked an answer: None where it could not, and why. A judge's has call and digest.

    `asked` is what it said each time, where it was asked several times.
    """

    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None
    reason: Text = ""
    cost_pico_usd: Cost | None = 0
    request_id: RequestId = ""
    digest: Digest = ""
    asked: Annotated[list[KeptAsked], msgspec.Meta(max_length=ASKED_MAX)] = []

    @property
    def said(self) -> list[KeptAsked]:
        """What a judge said, each time."""
        once = KeptAsked(score=self.score, reason=self.reason, request_id=self.request_id, digest=self.digest)
        return self.asked or [once]


class KeptResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came of a case, once. The answer itself is on the record of its request."""

    case: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
    cluster: Word = ""
    """The case's cluster, if it is in one."""
    repeat: Annotated[int, msgspec.Meta(ge=0, le=1000)]
    request_id: RequestId = ""
    target: Word = ""
    problem: Text = ""
    cost_pico_usd: Cost | None = None
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    output_tokens: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    duration_ms: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    marks: Annotated[dict[Name, KeptMark], msgspec.Meta(max_length=20)] = {}


class NewRun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run that begins: which check, of which target, on which cases, and how it is written.

    `largest_cluster` is how many cases of the dataset its largest cluster has.
    """

    name: Name
    target: Name
    dataset: Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]
    dataset_digest: Digest
    largest_cluster: Annotated[int, msgspec.Meta(ge=1, le=CASES_MAX)] = 1
    definition: dict[str, Any]


class RunItem(msgspec.Struct, frozen=True, kw_only=True):
    """A run in a list. `verdict` is null until it has ended; `kept`: no retention takes it."""

    id: str
    project: str
    key: str
    name: str
    target: str
    dataset: str
    dataset_digest: str
    largest_cluster: int
    started_at: str
    changed_at: str
    verdict: Verdict | None
    kept: bool


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run: how it was defined, and what is known."""

    run: RunItem
    definition: msgspec.Raw
    report: msgspec.Raw | None


class JudgedBefore(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge has said."""

    digest: str
    score: float
    reason: str


async def add_run(connection: Connection, identity: uuid.UUID, project: str, key: str, new: NewRun) -> None:
    """Put a run in, in the caller's transaction. Raises InvalidRequest for a definition that is too long."""
    told = msgspec.structs.asdict(new)
    told["definition"] = _json(new.definition, "definition")
    await connection.execute(QUERIES.add_run, {**told, "id": identity, "project": project, "key": key})


async def get_run(connection: Connection, project_ids: Sequence[str] | None, identity: str) -> Run:
    """Return a run. Raises NotFound."""
    try:
        parsed = uuid.UUID(identity)
    except ValueError:
        raise _unknown(identity) from None
    scope = {"project_ids": None if project_ids is None else list(project_ids), "id": parsed}
    cursor = await connection.execute(_columns(QUERIES.get_run), scope)
    row = await cursor.fetchone()
    if row is None:
        raise _unknown(identity)
    *columns, definition, told = row
    return Run(
        run=_item(columns),
        definition=msgspec.Raw(definition.encode()),
        report=None if told is None else msgspec.Raw(told.encode()),
    )


async def list_runs(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    name: str | None,
    limit: int,
    cursor: str | None,
) -> Page[RunItem]:
    """Return a page of runs, the last to begin first."""
    before = None if cursor is None else decode_cursor(cursor, uuid.UUID)
    told = {"name": name, "before": before, "limit": limit + 1}
    scope = {"project_ids": None if project_ids is None else list(project_ids)}
    found = await connection.execute(_columns(QUERIES.list_runs), {**scope, **told})
    items = [_item(row[:-2]) for row in await found.fetchall()]
    more = encode_cursor(items[limit - 1].id) if len(items) > limit else None
    return Page(items=items[:limit], next=more)


async def add_results(connection: Connection, run: RunItem, results: Sequence[KeptResult]) -> None:
    """Put results in, each once, and what judges said, in the caller's transaction."""
    scope = {"run": uuid.UUID(run.id), "project_ids": [run.project], "project": run.project}
    cursor = await connection.execute(QUERIES.count_results, scope)
    row = await cursor.fetchone()
    assert row is not None
    if row[0] + len(results) > RESULTS_MAX:
        raise InvalidRequest(
            f"a run has at most {RESULTS_MAX} results; make a check of fewer cases or repeats"
        )
    rows = [_row(result) for result in results]
    await connection.execute(QUERIES.add_results, {**scope, "rows": msgspec.json.encode(rows).decode()})
    said = [
        {
            "digest": each.digest,
            "score": each.score,
            "reason": each.reason,
            "request_id": each.request_id or None,
        }
        for result in results
        for mark in result.marks.values()
        for each in mark.said
        if each.digest and each.score is not None
    ]
    if said:
        await connection.execute(
            QUERIES.add_judgements, {**scope, "rows": msgspec.json.encode(said).decode()}
        )


async def find_judgements(
    connection: Connection, project_ids: Sequence[str], digests: Sequence[str]
) -> list[JudgedBefore]:
    """Return what judges have said, of all that they were asked with these digests."""
    parameters = {"project_ids": list(project_ids), "digests": list(digests)}
    cursor = await connection.execute(QUERIES.find_judgements, parameters)
    return [
        JudgedBefore(digest=digest, score=score, reason=reason)
        for digest, score, reason in await cursor.fetchall()
    ]


async def set_report(connection: Connection, run: RunItem, verdict: Verdict, told: dict[str, Any]) -> None:
    """Write down what is known after a run, in the caller's transaction."""
    parameters = {"id": uuid.UUID(run.id), "project_ids": [run.project], "verdict": verdict}
    await connection.execute(QUERIES.set_report, {**parameters, "report": _json(told, "report")})


async def set_kept(connection: Connection, run: RunItem, *, kept: bool) -> None:
    """Keep a run whatever its age, or no longer, in the caller's transaction."""
    parameters = {"id": uuid.UUID(run.id), "project_ids": [run.project], "kept": kept}
    await connection.execute(QUERIES.set_kept, parameters)


async def take_back(connection: Connection, run: RunItem) -> None:
    """Remove a run without results, in the caller's transaction. Raises Conflict where it has some."""
    scope = {"run": uuid.UUID(run.id), "project_ids": [run.project]}
    cursor = await connection.execute(QUERIES.take_back, scope)
    if await cursor.fetchone() is None:
        raise Conflict(f"run {run.id} has results, which stay; only an empty run can be taken back")


async def list_results(
    connection: Connection, run: RunItem, *, limit: int, cursor: str | None
) -> Page[KeptResult]:
    """Return a page of a run's results, by case and repeat."""
    place = ("", -1) if cursor is None else decode_cursor(cursor, tuple[str, int])
    rows = await fetch_rows(
        connection,
        QUERIES.list_results,
        {
            "run": uuid.UUID(run.id),
            "project_ids": [run.project],
            "after_case": place[0],
            "after_repeat": place[1],
            "limit": limit + 1,
        },
    )
    items = [msgspec.json.decode(row["result"], type=KeptResult) for row in rows[:limit]]
    more = encode_cursor((items[-1].case, items[-1].repeat)) if len(rows) > limit else None
    return Page(items=items, next=more)


async def all_results(connection: Connection, run: RunItem) -> list[KeptResult]:
    """Return all results of a run, of which there are at most `RESULTS_MAX`."""
    page = await list_results(connection, run, limit=RESULTS_MAX, cursor=None)
    return page.items


def _row(result: KeptResult) -> dict[str, Any]:
    judged = [each.request_id for mark in result.marks.values() for each in mark.said]
    calls = [result.request_id, *judged]
    return {
        "case": result.case,
        "repeat": result.repeat,
        "request_id": result.request_id or None,
        "result": result,
        "calls": sorted({call for call in calls if call}),
    }


def _json(value: dict[str, Any], name: str) -> str:
    try:
        text = msgspec.json.encode(value)
    except RecursionError:
        raise InvalidRequest(f"{name} is nested too deeply", parameter=name) from None
    if len(text) > JSON_BYTES_MAX or b"\\u0000" in text:
        raise InvalidRequest(
            f"{name} has {len(text)} bytes, of {JSON_BYTES_MAX} at most, or holds a character of number 0",
            parameter=name,
        )
    return text.decode()


def _columns(statement: LiteralString) -> LiteralString:
    return statement.replace("[columns]", QUERIES.columns)


def _item(row: Sequence[Any]) -> RunItem:
    values: dict[str, Any] = dict(zip(RunItem.__struct_fields__, row, strict=True))
    values |= {name: format_datetime(values[name]) for name in ("started_at", "changed_at")}
    values["id"] = str(values["id"])
    return RunItem(**values)


def _unknown(identity: str) -> NotFound:
    return NotFound(f"there is no run {identity[:64]!r}; GET /api/v1/checks/runs lists them")
