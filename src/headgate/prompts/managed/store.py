"""Managed prompts in the database: versions for ever, labels moved at once, and what of them is live.

A prompt's row is locked by whoever changes it, so that numbers have no gaps and no label is lost. Read next:
`managed.http`, `store.live`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from psycopg.types.json import Jsonb

from headgate.core.faults import Conflict, InvalidRequest, NotFound
from headgate.prompts.managed.checking import LABELS_MAX
from headgate.prompts.managed.model import KIND, LATEST, ManagedPrompt, ManagedVersion, prompt_id
from headgate.store.database import Connection
from headgate.store.live import LiveObjects
from headgate.store.queries import Queries

QUERIES = Queries.load("headgate.prompts.managed")

PROMPTS_MAX: Final = 500
"""Of a project."""
VERSIONS_MAX: Final = 10_000
"""Of a prompt."""
NEWEST_LIVE: Final = 50
"""How many of the newest versions calls may ask for by number; labelled ones always."""
LIVE_BYTES_MAX: Final = 2 * 1024 * 1024
"""Of a prompt's newest versions together; labelled ones come on top."""


class StoredPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt without its versions. `newest` is the number of the last one."""

    project: str
    name: str
    labels: dict[str, int]
    newest: int
    archived: bool
    created_at: datetime
    created_by: str
    changed_at: datetime

    def number(self, version: int | str) -> int:
        """Return the number that a version or label means. Raises NotFound for a label that it has not."""
        if isinstance(version, int):
            return version
        if version == LATEST:
            return self.newest
        if version not in self.labels:
            known = ", ".join(sorted({*self.labels, LATEST}))
            raise NotFound(f"prompt {self.name!r} has no label {version[:80]!r}; it has {known}")
        return self.labels[version]


class StoredVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version with its place in time."""

    version: ManagedVersion
    created_at: datetime
    created_by: str


class ListedPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as lists have it, with its newest version."""

    project: str
    name: str
    labels: dict[str, int]
    archived: bool
    newest: StoredVersion


class _Pins(msgspec.Struct):
    """What an environment's live object says of managed prompts; the rest is not for here."""

    project: str = ""
    name: str = ""
    release: str = ""
    prompts: dict[str, int] = {}


async def find(connection: Connection, project: str, name: str, *, lock: bool = False) -> StoredPrompt | None:
    """Return a prompt, locked until the transaction ends where that is asked for; None for no such."""
    query = QUERIES.lock_prompt if lock else QUERIES.get_prompt
    cursor = await connection.execute(query, {"project": project, "name": name})
    row = await cursor.fetchone()
    if row is None:
        return None
    return StoredPrompt(
        project=project,
        name=name,
        labels=row[0],
        newest=row[1],
        archived=row[2],
        created_at=row[3],
        created_by=row[4],
        changed_at=row[5],
    )


async def get(connection: Connection, project: str, name: str, *, lock: bool = False) -> StoredPrompt:
    """Return a prompt. Raises NotFound for no such."""
    found = await find(connection, project, name, lock=lock)
    if found is None:
        raise NotFound(f"there is no managed prompt {name[:120]!r} in project {project!r}")
    return found


async def get_version(connection: Connection, prompt: StoredPrompt, version: int | str) -> StoredVersion:
    """Return a version by its number or a label. Raises NotFound for no such."""
    number = prompt.number(version)
    place = {"project": prompt.project, "name": prompt.name, "number": min(number, 2**31 - 1)}
    cursor = await connection.execute(QUERIES.get_version, place)
    row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"prompt {prompt.name!r} has no version {number}; the newest is {prompt.newest}")
    return _stored(row)


async def list_versions(
    connection: Connection, prompt: StoredPrompt, *, limit: int, before: int | None = None
) -> list[StoredVersion]:
    """Return a prompt's versions, the newest first."""
    place = {"project": prompt.project, "name": prompt.name, "before": before, "limit": limit}
    cursor = await connection.execute(QUERIES.list_versions, place)
    return [_stored(row) for row in await cursor.fetchall()]


async def list_prompts(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    limit: int,
    after: tuple[str, str] = ("", ""),
    with_archived: bool = False,
) -> list[ListedPrompt]:
    """Return prompts of these projects (None: of all) by name, then project; `after` is such a pair."""
    cursor = await connection.execute(
        QUERIES.list_prompts,
        {
            "project_ids": None if project_ids is None else list(project_ids),
            "after_name": after[0],
            "after_project": after[1],
            "with_archived": with_archived,
            "limit": limit,
        },
    )
    return [
        ListedPrompt(
            project=row[0],
            name=row[1],
            labels=row[2],
            archived=row[4],
            newest=_stored((row[3], row[5], row[6], row[7])),
        )
        for row in await cursor.fetchall()
    ]


async def make(connection: Connection, project: str, name: str, actor: str) -> StoredPrompt:
    """Return a prompt, made if it is new, and locked. Raises Conflict where the project has too many."""
    found = await find(connection, project, name, lock=True)
    if found is not None:
        return found
    cursor = await connection.execute(QUERIES.count_prompts, {"project": project})
    row = await cursor.fetchone()
    if row is not None and row[0] >= PROMPTS_MAX:
        raise Conflict(f"project {project!r} has {row[0]} managed prompts, and may have {PROMPTS_MAX}")
    await connection.execute(QUERIES.make_prompt, {"project": project, "name": name, "actor": actor})
    return await get(connection, project, name, lock=True)


async def add_version(
    connection: Connection, prompt: StoredPrompt, version: ManagedVersion, actor: str
) -> tuple[StoredPrompt, int]:
    """Add a version to a locked prompt; return the prompt and its number.

    What says the same as the newest version is that version. Raises Conflict where there are too many.
    """
    if prompt.newest:
        newest = await get_version(connection, prompt, prompt.newest)
        if newest.version.digest == version.digest:
            return prompt, prompt.newest
    if prompt.newest >= VERSIONS_MAX:
        raise Conflict(
            f"prompt {prompt.name!r} has {prompt.newest} versions, which is as many as one may have"
        )
    number = prompt.newest + 1
    await connection.execute(
        QUERIES.add_version,
        {
            "project": prompt.project,
            "name": prompt.name,
            "number": number,
            "digest": version.digest,
            "body": msgspec.json.encode(msgspec.structs.replace(version, number=number)).decode(),
            "actor": actor,
        },
    )
    return msgspec.structs.replace(prompt, newest=number), number


def labelled(prompt: StoredPrompt, labels: Sequence[str], number: int) -> StoredPrompt:
    """Return a prompt with labels moved to a version. Raises InvalidRequest for too many labels."""
    moved = {**prompt.labels, **dict.fromkeys(labels, number)}
    if len(moved) > LABELS_MAX:
        raise InvalidRequest(f"a prompt has at most {LABELS_MAX} labels", parameter="labels")
    return msgspec.structs.replace(prompt, labels=moved)


async def save(connection: Connection, prompt: StoredPrompt) -> int:
    """Write a locked prompt, and make it live; return the sequence number of that."""
    await connection.execute(
        QUERIES.put_prompt,
        {
            "project": prompt.project,
            "name": prompt.name,
            "labels": Jsonb(prompt.labels),
            "newest": prompt.newest,
            "archived": prompt.archived,
        },
    )
    live = ManagedPrompt(
        project=prompt.project,
        name=prompt.name,
        labels=prompt.labels,
        versions=() if prompt.archived else await _live_versions(connection, prompt),
        archived=prompt.archived,
    )
    return await LiveObjects.put(connection, KIND, live.id, msgspec.json.encode(live))


async def delete(connection: Connection, prompt: StoredPrompt) -> int:
    """Delete a locked prompt with all its versions; return the sequence number of that."""
    await connection.execute(QUERIES.delete_prompt, {"project": prompt.project, "name": prompt.name})
    return await LiveObjects.delete(connection, KIND, prompt_id(prompt.project, prompt.name))


async def check_not_pinned(connection: Connection, prompt: StoredPrompt) -> None:
    """Raise Conflict where a release in force holds the prompt.

    To be called after a live change: from then on no release comes into force before the transaction ends.
    """
    for environment in await _pinned(connection, prompt):
        raise Conflict(
            f"the release in force in environment {environment!r} holds prompt {prompt.name!r}; "
            "promote another release first"
        )


async def _pinned(connection: Connection, prompt: StoredPrompt) -> dict[str, int]:
    """The version that the release in force in each environment holds of a prompt."""
    pinned: dict[str, int] = {}
    for item in await LiveObjects.load_all(connection, ["environment"]):
        pins = msgspec.json.decode(item.body or b"{}", type=_Pins)
        if pins.project == prompt.project and pins.release and prompt.name in pins.prompts:
            pinned[pins.name] = pins.prompts[prompt.name]
    return pinned


async def _live_versions(connection: Connection, prompt: StoredPrompt) -> tuple[ManagedVersion, ...]:
    """The versions that calls may ask for: labelled ones, those that releases in force hold, and the newest
    as far as they are not too large."""
    pinned = await _pinned(connection, prompt)
    numbers = sorted({*prompt.labels.values(), *pinned.values(), prompt.newest})
    place: dict[str, Any] = {"project": prompt.project, "name": prompt.name}
    cursor = await connection.execute(QUERIES.list_labelled, {**place, "numbers": numbers})
    chosen = {row[0]: _stored(row) for row in await cursor.fetchall()}
    size = 0
    for each in await list_versions(connection, prompt, limit=NEWEST_LIVE):
        size += len(msgspec.json.encode(each.version))
        if size > LIVE_BYTES_MAX:
            break
        chosen.setdefault(each.version.number, each)
    # Who made a version, and why, is nothing that a gateway has to know.
    return tuple(
        msgspec.structs.replace(chosen[number].version, note="") for number in sorted(chosen, reverse=True)
    )


def _stored(row: Sequence[Any]) -> StoredVersion:
    number, body, created_at, created_by = row
    version = msgspec.convert(body, ManagedVersion)
    return StoredVersion(
        version=msgspec.structs.replace(version, number=number), created_at=created_at, created_by=created_by
    )
