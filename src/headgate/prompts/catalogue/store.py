"""The catalogue in the database: pushes are put there, and what matching needs is read from there.

A push changes a source whole, in one transaction; the same push twice changes nothing. Read next:
`catalogue.listing` (what the API shows), `catalogue.matching_job`.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.core.pages import format_datetime
from headgate.prompts.catalogue.model import (
    COMMITS_MAX,
    TEMPLATE_CHARACTERS_MAX,
    VERSIONS_MAX,
    CataloguePush,
    CataloguePushed,
    NewState,
    NewTemplate,
    NewVersion,
    SourceDetail,
    commits_digest,
    digest_of,
    name_of,
)
from headgate.prompts.catalogue.ready import StoredCatalogue
from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.model import Part, Template
from headgate.records.rows import clean
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.store.rows import fetch_rows

QUERIES = Queries.load("headgate.prompts.catalogue")

REQUEUED_MAX = 100_000
PROJECT_VERSIONS_MAX = 60_000
"""Of all sources of a project, and twice as many templates: what matching holds in memory."""
SETTINGS_BYTES_MAX = 1_000_000

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_parts = msgspec.json.Decoder(tuple[Part, ...])
_encode = msgspec.json.Encoder(order="deterministic").encode


class SeenPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a prompt of code that an environment's calls were made of."""

    source: str
    name: str
    version: str
    calls: int
    last_seen: datetime


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """A source as it stands before a push."""

    commits: list[str]
    state: bytes = b""


async def put(connection: Connection, project: str, push: CataloguePush, actor: str) -> CataloguePushed:
    """Take a part of a push, in the caller's transaction.

    Raises InvalidRequest for what can't be placed, Conflict where commits do not follow those that are there.
    """
    await connection.execute(QUERIES.lock_catalogue, {"project": project})
    await _add_templates(connection, project, push.templates)
    known = await _known(connection, project, push.source)
    if push.state is None:
        if push.commits is not None:
            raise InvalidRequest("commits come with the state of their source", parameter="state")
        return _answer(project, push, known.commits, changed=False, versions=0)
    digest = digest_of(push.kind, _encode(push.state).decode("utf-8", "replace")).bytes
    commits, times = _commits(push, known.commits)
    if digest == known.state and commits == known.commits:
        return _answer(project, push, commits, changed=False, versions=len(push.state.versions))
    state = push.state
    if state.is_snapshot:
        state = await _onto(connection, project, push.source, state, commits.index(state.head))
    versions = _checked(state, len(commits))
    await _check_templates(connection, project, {each.version for each in versions})
    names = {"project": project, "source": push.source}
    start = len(commits) - len(times)
    await connection.execute(QUERIES.cut_commits, {**names, "start": start})
    await connection.execute(
        QUERIES.add_commits, {**names, "start": start, "ids": commits[start:], "times": times}
    )
    await connection.execute(
        QUERIES.put_source,
        {
            **names,
            "kind": push.kind,
            "head": state.head,
            "commits": len(commits),
            "commits_digest": commits_digest(commits),
            "state": digest,
            "settings": _settings(state),
            "pushed_by": actor,
        },
    )
    await connection.execute(QUERIES.delete_versions, names)
    await connection.execute(QUERIES.add_versions, {**names, **_columns(push.source, versions)})
    queued = await _changed(connection, project)
    await _check_room(connection, project)
    return _answer(project, push, commits, changed=True, versions=len(versions), queued=queued)


async def delete_source(connection: Connection, project: str, source: str) -> None:
    """Take a source out of the catalogue; what traffic was matched to it stays. Raises NotFound."""
    await connection.execute(QUERIES.lock_catalogue, {"project": project})
    rows = await fetch_rows(connection, QUERIES.delete_source, {"project": project, "source": source})
    if not rows:
        raise NotFound(f"there is no source {source[:64]!r} in project {project}")
    await _changed(connection, project)


async def list_sources(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    source: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = 100,
) -> list[SourceDetail]:
    """Return sources with the digest of their commits and their settings; `templates` are left empty."""
    rows = await fetch_rows(
        connection,
        QUERIES.list_sources,
        {
            "project_ids": None if project_ids is None else list(project_ids),
            "source": source,
            "after_project": after[0],
            "after_source": after[1],
            "limit": limit,
        },
    )
    return [
        SourceDetail(
            **{name: row[name] for name in ("project", "source", "kind", "head", "commits", "pushed_by")},
            prompts=row["prompts"],
            versions=row["versions"],
            pushed_at=format_datetime(row["pushed_at"]),
            commits_digest=bytes(row["commits_digest"]).hex(),
            templates=[],
            parameters=row["settings"]["parameters"],
            models=row["settings"]["models"],
        )
        for row in rows
    ]


async def list_source_templates(connection: Connection, project: str, source: str) -> list[str]:
    """Return the templates that a source has, by their hashes."""
    cursor = await connection.execute(QUERIES.list_source_templates, {"project": project, "source": source})
    return [row[0] for row in await cursor.fetchall()]


async def load(connection: Connection, project: str, number: int) -> StoredCatalogue:
    """Read a project's whole catalogue, as matching takes it."""
    cursor = await connection.execute(QUERIES.load_versions, {"project": project})
    rows = await cursor.fetchall()
    versions = [
        CatalogueVersion(
            source=row[0],
            path=row[1],
            symbol=row[2],
            version=row[3],
            first=row[4],
            last=row[5],
            template=Template(parts=_parts.decode(row[6])),
        )
        for row in rows
    ]
    cursor = await connection.execute(QUERIES.load_commits, {"project": project})
    commits = {(row[0], row[1]): str(row[2]) for row in await cursor.fetchall()}
    return StoredCatalogue(number=number, versions=versions, commits=commits)


async def number_of(connection: Connection, project: str) -> int | None:
    """Return the number of the last change of a project's catalogue; None where it has none."""
    cursor = await connection.execute(QUERIES.get_number, {"project": project})
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def find_commit(connection: Connection, project: str, text: str) -> dict[str, tuple[int, str]]:
    """Return place and id, by source, of the commit that a text names: its id, or a beginning of one only."""
    if not _COMMIT.fullmatch(text):
        return {}
    cursor = await connection.execute(QUERIES.find_commits, {"project": project, "prefix": text})
    found: dict[str, list[tuple[int, str]]] = {}
    for source, place, identity in await cursor.fetchall():
        found.setdefault(source, []).append((place, identity))
    return {source: places[0] for source, places in found.items() if len(places) == 1}


async def seen_in_environment(
    connection: Connection, project: str, environment: str, since: datetime, *, limit: int = 1000
) -> list[SeenPrompt]:
    """Return the prompts of code that an environment's calls were made of since a time, the latest first."""
    rows = await fetch_rows(
        connection,
        QUERIES.seen_in_environment,
        {"project": project, "environment": environment, "since": since, "limit": limit},
    )
    return [SeenPrompt(**row) for row in rows]


async def _changed(connection: Connection, project: str) -> int:
    """Have the project's calls matched again; return how many of them."""
    await connection.execute(QUERIES.forget_templates, {"project": project})
    cursor = await connection.execute(QUERIES.bump_number, {"project": project})
    row = await cursor.fetchone()
    is_first = row is None or row[0] == 1
    cursor = await connection.execute(
        QUERIES.requeue, {"project_ids": [project], "again": not is_first, "limit": REQUEUED_MAX}
    )
    return cursor.rowcount


async def _known(connection: Connection, project: str, source: str) -> _Known:
    names = {"project": project, "source": source}
    rows = await fetch_rows(connection, QUERIES.get_source, names)
    if not rows:
        return _Known(commits=[])
    cursor = await connection.execute(QUERIES.list_commit_ids, names)
    return _Known(
        commits=[str(row[0]) for row in await cursor.fetchall()],
        state=bytes(rows[0]["state"]),
    )


async def _add_templates(connection: Connection, project: str, templates: Iterable[NewTemplate]) -> None:
    made: dict[str, Template] = {}
    for each in templates:
        template = each.template
        if len(template.text) > TEMPLATE_CHARACTERS_MAX:
            raise InvalidRequest(
                f"a template has {len(template.text)} characters; {TEMPLATE_CHARACTERS_MAX} are taken",
                parameter="templates",
            )
        made[template.version] = template
    if made:
        parts = [_encode(each.parts).decode() for each in made.values()]
        await connection.execute(
            QUERIES.add_templates, {"project": project, "versions": list(made), "parts": parts}
        )
        await _check_room(connection, project)


async def _check_room(connection: Connection, project: str) -> None:
    """Raise Conflict where a project holds more than matching can hold ready."""
    cursor = await connection.execute(QUERIES.count_of_project, {"project": project})
    row = await cursor.fetchone()
    if row is not None and (row[0] > PROJECT_VERSIONS_MAX or row[1] > 2 * PROJECT_VERSIONS_MAX):
        raise Conflict(
            f"project {project} would have {row[0]} versions of prompts and {row[1]} templates; "
            f"{PROJECT_VERSIONS_MAX} versions are kept: delete a source first"
        )


def _commits(push: CataloguePush, known: list[str]) -> tuple[list[str], list[int | None]]:
    """Return all commits of a source after a push, and the times of those at the end that are new."""
    state, given = push.state, push.commits
    if state is not None and state.is_snapshot:
        if given is not None:
            raise InvalidRequest("what is known only as it is now has no commits", parameter="commits")
        return (known, []) if state.head in known else ([*known, state.head], [None])
    if given is None:
        return known, []
    if given.start > len(known):
        raise Conflict(f"{len(known)} commits are here, and those given begin at {given.start}; push again")
    if len(given.ids) != len(given.times) or given.start + len(given.ids) > COMMITS_MAX:
        raise InvalidRequest(
            f"each commit takes a time, and at most {COMMITS_MAX} are kept", parameter="commits"
        )
    return [*known[: given.start], *given.ids], list(given.times)


async def _onto(connection: Connection, project: str, source: str, state: NewState, place: int) -> NewState:
    """Add what a source holds now to what it held before, whose commits are not known."""
    cursor = await connection.execute(QUERIES.list_versions, {"project": project, "source": source})
    held = {
        (row[2], row[3], row[1]): NewVersion(
            version=row[1],
            path=row[2],
            symbol=row[3],
            kind=row[4],
            line=row[5],
            first=row[6],
            last=row[7],
            is_newest=False,
        )
        for row in await cursor.fetchall()
    }
    for each in state.versions:
        key = (each.path, each.symbol, each.version)
        before = held.get(key)
        first = place if before is None else min(before.first, place)
        last = place if before is None else max(before.last, place)
        held[key] = msgspec.structs.replace(each, first=first, last=last, is_newest=True)
    return msgspec.structs.replace(state, versions=tuple(held.values()))


def _checked(state: NewState, commits: int) -> list[NewVersion]:
    """Return the versions, each once. Raises InvalidRequest for one whose commits there are not."""
    found: dict[tuple[str, str, str], NewVersion] = {}
    for each in state.versions:
        if not each.first <= each.last < commits:
            raise InvalidRequest(
                f"{each.path}:{each.symbol} is held by commits {each.first} to {each.last} of {commits}",
                parameter="state.versions",
            )
        found[each.path, each.symbol, each.version] = each
    if len(found) > VERSIONS_MAX:
        raise InvalidRequest(
            f"{len(found)} versions: {VERSIONS_MAX} of a source are kept", parameter="state.versions"
        )
    return list(found.values())


async def _check_templates(connection: Connection, project: str, versions: set[str]) -> None:
    cursor = await connection.execute(
        QUERIES.known_templates, {"project": project, "versions": sorted(versions)}
    )
    missing = versions - {str(row[0]) for row in await cursor.fetchall()}
    if missing:
        raise Conflict(f"{len(missing)} templates are missing, such as {min(missing)}; push again")


def _settings(state: NewState) -> str:
    encoded = clean(_encode({"parameters": state.parameters, "models": state.models}).decode())
    if len(encoded) > SETTINGS_BYTES_MAX:
        raise InvalidRequest(
            f"parameters and models take {len(encoded)} bytes; {SETTINGS_BYTES_MAX} are kept",
            parameter="state.parameters",
        )
    return encoded


def _columns(source: str, versions: Sequence[NewVersion]) -> dict[str, object]:
    return {
        "prompts": [digest_of(source, name_of(each.path, each.symbol)) for each in versions],
        "versions": [each.version for each in versions],
        "paths": [each.path for each in versions],
        "symbols": [each.symbol for each in versions],
        "kinds": [each.kind for each in versions],
        "lines": [each.line for each in versions],
        "firsts": [each.first for each in versions],
        "lasts": [each.last for each in versions],
        "newest": [each.is_newest for each in versions],
    }


def _answer(
    project: str,
    push: CataloguePush,
    commits: Sequence[str],
    *,
    changed: bool,
    versions: int,
    queued: int = 0,
) -> CataloguePushed:
    return CataloguePushed(
        project=project,
        source=push.source,
        changed=changed,
        commits=len(commits),
        versions=versions,
        queued=queued,
    )
