"""Studies of what pieces of contexts did, and the calls that each replayed, in the database.

Holds no text: ids, digests and numbers. Read next: `grounding.studied`, `grounding.studies_http`.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from headgate.core.faults import InvalidRequest, NotFound
from headgate.core.pages import Page, decode_cursor, encode_cursor, format_datetime
from headgate.grounding.studied import Findings, StudiedCall, findings_of
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES: Final = Queries.load("headgate.grounding")
CALLS_MAX: Final = 2000
"""Of one study."""
BATCH_MAX: Final = 50
DEFINITION_BYTES_MAX: Final = 20_000
RETENTION_DAYS_DEFAULT: Final = 365


class NewStudy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study: what decides what it finds; the same again goes on with it. `dataset` where it is of one."""

    definition: dict[str, Any]
    dataset: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""


class NewReplays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to 50 calls that were replayed; `ended` says why the study made no more, where it ended."""

    calls: Annotated[list[StudiedCall], msgspec.Meta(max_length=BATCH_MAX)]
    ended: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")] = ""


class StudyItem(msgspec.Struct, frozen=True, kw_only=True):
    """A study in a list."""

    id: str
    project: str
    key: str
    dataset: str
    definition: msgspec.Raw
    began_at: str
    changed_at: str
    ended: str
    calls: int
    cost_pico_usd: int


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """A study, which calls it has replayed, and what it found."""

    study: StudyItem
    subjects: list[str]
    findings: Findings


async def begin_study(
    connection: Connection, identity: uuid.UUID, project: str, key: str, new: NewStudy
) -> str:
    """Return the id of this key's study with this definition, begun where there is none yet."""
    try:
        text = msgspec.json.encode(new.definition, order="deterministic")
    except RecursionError:
        raise InvalidRequest("definition is nested too deeply", parameter="definition") from None
    if len(text) > DEFINITION_BYTES_MAX or b"\\u0000" in text:
        raise InvalidRequest(
            f"definition has {len(text)} bytes, of {DEFINITION_BYTES_MAX} at most, or holds a character of "
            "number 0",
            parameter="definition",
        )
    told = {"id": identity, "project": project, "key": key, "dataset": new.dataset}
    cursor = await connection.execute(QUERIES.begin_study, {**told, "definition": text.decode()})
    row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def list_studies(
    connection: Connection, project_ids: Sequence[str] | None, *, limit: int, cursor: str | None
) -> Page[StudyItem]:
    """Return a page of studies, the last to begin first."""
    before = None if cursor is None else decode_cursor(cursor, uuid.UUID)
    parameters = {"project_ids": _scope(project_ids), "before": before, "limit": limit + 1, "id": None}
    rows = await fetch_rows(connection, QUERIES.list_studies, parameters)
    items = [_item(row) for row in rows]
    more = encode_cursor(items[limit - 1].id) if len(items) > limit else None
    return Page(items=items[:limit], next=more)


async def find_study(connection: Connection, project_ids: Sequence[str] | None, identity: str) -> StudyItem:
    """Return a study. Raises NotFound."""
    try:
        parsed = uuid.UUID(identity)
    except ValueError:
        raise _unknown(identity) from None
    parameters = {"project_ids": _scope(project_ids), "before": None, "limit": 1, "id": parsed}
    rows = await fetch_rows(connection, QUERIES.list_studies, parameters)
    if not rows:
        raise _unknown(identity)
    return _item(rows[0])


async def get_study(connection: Connection, project_ids: Sequence[str] | None, identity: str) -> Study:
    """Return a study and what it found. Raises NotFound."""
    item = await find_study(connection, project_ids, identity)
    parameters = {"project_ids": [item.project], "study": uuid.UUID(item.id), "limit": CALLS_MAX}
    rows = await fetch_rows(connection, QUERIES.list_replays, parameters)
    # Intervals of many groups take a second and more, so they stay off the loop.
    return await asyncio.to_thread(_study, item, [row["result"] for row in rows])


async def add_replays(connection: Connection, study: StudyItem, new: NewReplays) -> None:
    """Keep calls that were replayed, each once, in the caller's transaction."""
    if study.calls + len(new.calls) > CALLS_MAX:
        raise InvalidRequest(f"a study has at most {CALLS_MAX} calls; begin another one")
    rows = [
        {
            "subject": call.subject,
            "request_id": call.request_id or None,
            "calls": [each for each in call.calls if each],
            "result": msgspec.structs.replace(call, calls=[]),
        }
        for call in new.calls
    ]
    scope = {"study": uuid.UUID(study.id), "project": study.project, "project_ids": [study.project]}
    text = msgspec.json.encode(rows).decode()
    await connection.execute(QUERIES.add_replays, {**scope, "rows": text})
    await connection.execute(QUERIES.end_study, {**scope, "ended": new.ended})


async def expire_studies(
    connection: Connection, retention_days: Mapping[str, int], *, default_days: int = RETENTION_DAYS_DEFAULT
) -> None:
    """Delete studies that are older than their project's days for checks, with their replays."""
    cursor = await connection.execute(QUERIES.list_study_projects)
    for (project,) in await cursor.fetchall():
        days = retention_days.get(project, default_days)
        await connection.execute(QUERIES.expire_studies, {"project_ids": [project], "days": days})


def _study(item: StudyItem, results: Sequence[str]) -> Study:
    calls = [msgspec.json.decode(result, type=StudiedCall) for result in results]
    return Study(study=item, subjects=[call.subject for call in calls], findings=findings_of(calls))


def _scope(project_ids: Sequence[str] | None) -> list[str] | None:
    return None if project_ids is None else list(project_ids)


def _item(row: Mapping[str, Any]) -> StudyItem:
    told = {name: row[name] for name in ("project", "key", "dataset", "ended", "calls", "cost_pico_usd")}
    return StudyItem(
        id=str(row["id"]),
        definition=msgspec.Raw(row["definition"].encode()),
        began_at=format_datetime(row["began_at"]),
        changed_at=format_datetime(row["changed_at"]),
        **told,
    )


def _unknown(identity: str) -> NotFound:
    return NotFound(f"there is no study {identity[:64]!r}; GET /api/v1/grounding/studies lists them")
