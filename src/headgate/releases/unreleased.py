"""Prompts that an environment's calls were made of and that its release does not hold: drift, told of once.

Somebody deployed without `headgate releases create`, or promoted a release that is not what runs. Never looks
at calls outside of environments, nor at the prompts of libraries, which no release lists. Read next:
`prompts.catalogue`, which finds the prompts of calls.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from headgate.core.entries import Alert
from headgate.core.pages import format_datetime
from headgate.releases.store import QUERIES
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

ALERT_KIND: Final = "prompt_unreleased"
LOOK_BACK: Final = timedelta(minutes=15)
"""How far back the job looks each time: matching follows calls by seconds, and may be behind by minutes."""
CLOCKS_APART: Final = timedelta(minutes=5)
SEEN_MAX: Final = 2_000
RELEASES_KEPT: Final = 64

Held = dict[str, frozenset[str]]
"""The versions of each prompt, by its name, that a release holds."""


class Unreleased(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that runs and is not in the release; `released` are the versions of it that are."""

    project: str
    environment: str
    release: str
    prompt: str
    version: str
    calls: int
    last_at: str
    released: list[str]


class _Prompt(msgspec.Struct, frozen=True):
    path: str
    symbol: str
    version: str


class _Code(msgspec.Struct, frozen=True):
    prompts: tuple[_Prompt, ...] = ()


class _Manifest(msgspec.Struct, frozen=True):
    code: _Code


class ReleasedPrompts:
    """What releases hold, remembered: a release never changes. At most 64 are kept."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Held | None] = {}
        self._decode = msgspec.json.Decoder(_Manifest).decode

    async def of(self, connection: Connection, project: str, release: str) -> Held | None:
        """Return the prompts of a release; None where it is not stored, so that nothing is known of it."""
        place = (project, release)
        if self._kept.get(place) is None:
            cursor = await connection.execute(QUERIES.get_release, {"project": project, "id": release})
            row = await cursor.fetchone()
            if len(self._kept) >= RELEASES_KEPT:
                self._kept.clear()
            self._kept[place] = None if row is None else _held(self._decode(row[10]).code.prompts)
        return self._kept[place]


async def find_unreleased(
    connection: Connection,
    project_ids: Sequence[str] | None,
    released: ReleasedPrompts,
    *,
    since: datetime,
    environment: str | None = None,
) -> list[Unreleased]:
    """Return the prompts that ran since then outside of their release, those of most calls first."""
    first = since.astimezone(UTC) - CLOCKS_APART
    rows = await fetch_rows(
        connection,
        QUERIES.prompts_seen,
        {
            "project_ids": None if project_ids is None else list(project_ids),
            "environment": environment,
            "since": since,
            "since_day": first.date(),
            "since_id": first_id_of(first),
            "limit": SEEN_MAX,
        },
    )
    found: list[Unreleased] = []
    for row in rows:
        held = await released.of(connection, row["project"], row["release"])
        if held is None or is_released(held, row["name"], (row["version"], *(row["versions"] or ()))):
            continue
        found.append(
            Unreleased(
                project=row["project"],
                environment=row["environment"],
                release=row["release"],
                prompt=row["name"],
                version=row["version"],
                calls=row["calls"],
                last_at=format_datetime(row["last_at"]),
                released=sorted(held.get(row["name"], ())),
            )
        )
    return found


def first_id_of(instant: datetime) -> uuid.UUID:
    """Return the least id that a call may have which began then (RFC 9562, section 5.7)."""
    return uuid.UUID(int=max(0, int(instant.timestamp() * 1000)) << 80)


def is_released(held: Held, prompt: str, versions: Iterable[str]) -> bool:
    """Say whether one of the versions that a message may be of is in the release."""
    return not held.get(prompt, frozenset()).isdisjoint(versions)


async def due_alerts(
    connection: Connection, released: ReleasedPrompts, now: Callable[[], datetime]
) -> list[Alert]:
    """Return an alert for each that nobody was told of before, in the caller's transaction."""
    found = await find_unreleased(connection, None, released, since=now() - LOOK_BACK)
    if not found:
        return []
    by_place = {(one.project, one.environment, one.release, one.prompt, one.version): one for one in found}
    places = sorted(by_place)
    columns: list[list[str]] = [list(column) for column in zip(*places, strict=True)]
    names = ("projects", "environments", "releases", "prompts", "versions")
    cursor = await connection.execute(
        QUERIES.told_unreleased, dict[str, Any](zip(names, columns, strict=True))
    )
    at_ms = int(now().timestamp() * 1000)
    return [_alert(by_place[row[0], row[1], row[2], row[3], row[4]], at_ms) async for row in cursor]


def _alert(one: Unreleased, at_ms: int) -> Alert:
    has = f"which has {', '.join(one.released)}" if one.released else "which has no prompt of that name"
    return Alert(
        at_ms,
        ALERT_KIND,
        f"{one.environment}: {one.prompt}@{one.version}",
        f"{one.environment} runs {one.prompt} at version {one.version}, which is not in its release "
        f"{one.release}, {has}; make a release of what runs, and promote it",
        one.project,
    )


def _held(prompts: Iterable[_Prompt]) -> Held:
    held: dict[str, set[str]] = {}
    for prompt in prompts:
        held.setdefault(f"{prompt.path}:{prompt.symbol}", set()).add(prompt.version)
    return {name: frozenset(versions) for name, versions in held.items()}
