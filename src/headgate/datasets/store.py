"""Datasets in the database: what is added makes a new version, and no version ever changes.

Only an erasure takes cases out of versions that are. Read next: `datasets/queries.sql`, `datasets.http`.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.identity import span_text
from headgate.core.pages import Page, decode_cursor, encode_cursor, format_datetime
from headgate.datasets.model import CASES_MAX, Case, content_of
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES: Final = Queries.load("headgate.datasets")

DATASETS_MAX: Final = 1000
VERSIONS_SHOWN: Final = 50


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The call, or the span that told of one, that a case came from, and whose it was."""

    request_id: uuid.UUID | None = None
    trace_id: uuid.UUID | None = None
    span_id: int | None = None
    session: str = ""
    user: str = ""
    key: str = ""


class CaseSource(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded call or the span that a case came from, if any, and the version that it came with."""

    id: str
    first_version: int
    request_id: str | None
    trace_id: str | None
    span_id: str | None


class DatasetItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, as it is now. `digest` is that of its cases."""

    project: str
    name: str
    version: int
    digest: str
    cases: int
    changed_at: str


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a dataset."""

    version: int
    digest: str
    cases: int
    made_at: str
    made_by: str


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What came of adding cases: the version that holds them, and how many are new, changed or gone."""

    project: str
    name: str
    version: int
    digest: str
    cases: int
    added: int
    changed: int
    removed: int


async def list_datasets(
    connection: Connection, project_ids: Sequence[str] | None, *, limit: int, cursor: str | None
) -> Page[DatasetItem]:
    """Return a page of datasets, by project and name."""
    place = None if cursor is None else decode_cursor(cursor, tuple[str, str])
    rows = await fetch_rows(
        connection,
        QUERIES.list_datasets,
        {
            "project_ids": None if project_ids is None else list(project_ids),
            "after_project": place[0] if place else None,
            "after_name": place[1] if place else None,
            "limit": limit + 1,
        },
    )
    items = [_item(row) for row in rows[:limit]]
    more = encode_cursor((items[-1].project, items[-1].name)) if len(rows) > limit else None
    return Page(items=items, next=more)


async def get_dataset(connection: Connection, project: str, name: str) -> DatasetItem:
    """Return a dataset. Raises NotFound."""
    rows = await fetch_rows(connection, QUERIES.get_dataset, {"project_ids": [project], "name": name})
    if not rows:
        raise NotFound(f"there is no dataset {name[:100]!r} in {project}; GET /api/v1/datasets lists them")
    return _item(rows[0])


async def list_versions(connection: Connection, project: str, name: str) -> list[DatasetVersion]:
    """Return the last versions of a dataset, the newest first."""
    rows = await fetch_rows(
        connection,
        QUERIES.list_versions,
        {"project_ids": [project], "name": name, "limit": VERSIONS_SHOWN},
    )
    return [
        DatasetVersion(
            version=row["version"],
            digest=row["digest"],
            cases=row["cases"],
            made_at=format_datetime(row["made_at"]),
            made_by=row["made_by"],
        )
        for row in rows
    ]


async def make_dataset(connection: Connection, project: str, name: str) -> bool:
    """Make a dataset without cases; False where there is one. Raises Conflict where there are too many."""
    cursor = await connection.execute(QUERIES.count_datasets, {"project_ids": [project]})
    row = await cursor.fetchone()
    assert row is not None
    if row[0] >= DATASETS_MAX:
        raise Conflict(f"{project} has {row[0]} datasets, which is the most; delete one first")
    made = await connection.execute(
        QUERIES.make_dataset, {"project": project, "name": name, "digest": version_digest(())}
    )
    return made.rowcount == 1


async def add_cases(
    connection: Connection,
    dataset: DatasetItem,
    cases: Sequence[tuple[Case, Source]],
    *,
    by: str,
    replace: bool = False,
) -> Added:
    """Add checked cases, in the caller's transaction; with `replace`, those that are not among them go.

    What is there with the same content is left as it is; another content under a known id takes its place.
    Raises InvalidRequest beyond the bound.
    """
    scope: dict[str, Any] = {"project_ids": [dataset.project], "name": dataset.name}
    cursor = await connection.execute(QUERIES.lock_dataset, scope)
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"dataset {dataset.name!r} was deleted meanwhile; make it again")
    cursor = await connection.execute(QUERIES.digests, scope)
    there = {str(identity): bytes(digest) for identity, digest in await cursor.fetchall()}
    given = {case.id: case_digest(case) for case, _ in cases}
    fresh = [(case, source) for case, source in cases if there.get(case.id) != given[case.id]]
    changed = [case.id for case, _ in fresh if case.id in there]
    gone = sorted(set(there) - set(given)) if replace else []
    after = {**({} if replace else there), **given}
    if len(after) > CASES_MAX:
        raise InvalidRequest(
            f"the dataset would have {len(after)} cases, and may have {CASES_MAX}; make several"
        )
    version = int(row[0])
    digest = version_digest(after.values())
    if fresh or gone:
        version += 1
        scope |= {"project": dataset.project, "version": version}
        await connection.execute(QUERIES.end_cases, {**scope, "ids": [*changed, *gone]})
        rows = msgspec.json.encode([_row(case, source) for case, source in fresh]).decode()
        await connection.execute(QUERIES.add_cases, {**scope, "rows": rows})
        told = {**scope, "digest": digest, "cases": len(after), "by": by}
        await connection.execute(QUERIES.add_version, told)
        await connection.execute(QUERIES.set_version, told)
    return Added(
        project=dataset.project,
        name=dataset.name,
        version=version,
        digest=digest,
        cases=len(after),
        added=len(fresh) - len(changed),
        changed=len(changed),
        removed=len(gone),
    )


async def list_cases(
    connection: Connection,
    dataset: DatasetItem,
    version: int | None,
    *,
    limit: int,
    cursor: str | None,
) -> Page[Case]:
    """Return a page of the cases of a version, by their ids. Raises NotFound for a version that never was."""
    wanted = dataset.version if version is None else version
    if not 0 <= wanted <= dataset.version:
        raise NotFound(f"{dataset.name} has no version {wanted}; its last is {dataset.version}")
    rows = await fetch_rows(
        connection,
        QUERIES.list_cases,
        {
            "project_ids": [dataset.project],
            "name": dataset.name,
            "version": wanted,
            "after": "" if cursor is None else decode_cursor(cursor, str),
            "limit": limit + 1,
        },
    )
    items = [msgspec.json.decode(row["body"], type=Case) for row in rows[:limit]]
    return Page(items=items, next=encode_cursor(items[-1].id) if len(rows) > limit else None)


async def list_sources(
    connection: Connection, dataset: DatasetItem, version: int | None, *, limit: int, cursor: str | None
) -> Page[CaseSource]:
    """Return where the cases of a version came from, page by page as `list_cases` gives these."""
    wanted = dataset.version if version is None else version
    if not 0 <= wanted <= dataset.version:
        raise NotFound(f"{dataset.name} has no version {wanted}; its last is {dataset.version}")
    parameters = {
        "project_ids": [dataset.project],
        "name": dataset.name,
        "version": wanted,
        "after": "" if cursor is None else decode_cursor(cursor, str),
        "limit": limit + 1,
    }
    rows = await fetch_rows(connection, QUERIES.list_sources, parameters)
    items = [
        CaseSource(
            id=row["id"],
            first_version=row["first_version"],
            request_id=None if row["request_id"] is None else str(row["request_id"]),
            trace_id=None if row["trace_id"] is None else row["trace_id"].hex,
            span_id=None if row["span_id"] is None else span_text(row["span_id"]),
        )
        for row in rows[:limit]
    ]
    return Page(items=items, next=encode_cursor(items[-1].id) if len(rows) > limit else None)


async def delete_dataset(connection: Connection, dataset: DatasetItem) -> None:
    """Delete a dataset with all its versions, in the caller's transaction."""
    scope = {"project_ids": [dataset.project], "name": dataset.name}
    await connection.execute(QUERIES.delete_cases, scope)
    await connection.execute(QUERIES.delete_versions, scope)
    await connection.execute(QUERIES.delete_dataset, scope)


def case_digest(case: Case) -> bytes:
    """Return the digest of a case with its id."""
    return hashlib.sha256(case.id.encode() + b"\0" + content_of(case)).digest()


def version_digest(digests: Iterable[bytes]) -> str:
    """Return the digest of a version from those of its cases, as `datasets.model.digest_of` does."""
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _row(case: Case, source: Source) -> dict[str, Any]:
    return {
        "id": case.id,
        "digest": case_digest(case).hex(),
        "body": case,
        **{name: value for name, value in msgspec.structs.asdict(source).items() if value},
    }


def _item(row: Mapping[str, Any]) -> DatasetItem:
    return DatasetItem(
        project=row["project"],
        name=row["name"],
        version=row["version"],
        digest=row["digest"],
        cases=row["cases"],
        changed_at=format_datetime(row["changed_at"]),
    )
