"""Messages that no template explains, put together by what they share, and how many calls hold them.

One grouping for all hosts stands in the database; each host keeps it ready in memory and catches up with what
the others changed, under a lock that is held until the transaction ends. Read next: `matching.unknowns`.
"""

import asyncio
import hashlib
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from datetime import date, datetime

import msgspec

from headgate.prompts.catalogue.store import QUERIES
from headgate.prompts.catalogue.texts import Role
from headgate.prompts.matching.unknowns import CLUSTERS_MAX, EXAMPLE_LENGTH_MAX, UnknownClusters
from headgate.records.rows import clean
from headgate.store.database import Connection

KNOWN_MAX = 4096
"""Distinct messages whose group is remembered."""
TEXT_CHARACTERS_MIN = 24
"""Shorter messages are no prompts."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A message that nothing explains, in a call."""

    call: uuid.UUID
    day: date
    environment: str
    seen_at: datetime
    role: Role
    text: str


class _Group(msgspec.Struct):
    """What a batch adds to one group."""

    role: Role
    example: str
    day: date
    seen_at: datetime
    calls: dict[uuid.UUID, tuple[date, str]]
    """With its day and environment."""


class UnknownPrompts:
    """The groups of one project, as one process keeps them."""

    def __init__(self) -> None:
        self._clusters = UnknownClusters()
        self._number = -1
        self._ids: dict[int, uuid.UUID] = {}
        self._known: OrderedDict[bytes, int] = OrderedDict()

    async def count(self, connection: Connection, project: str, sightings: Sequence[Sighting]) -> None:
        """Count messages in the caller's transaction, which from here on holds the project's lock."""
        if not sightings:
            return
        await self._catch_up(connection, project)
        groups, templates = await asyncio.to_thread(self._place, sightings)
        cursor = await connection.execute(QUERIES.next_unknown, {"project": project})
        row = await cursor.fetchone()
        self._number = row[0] if row is not None else -1
        async with connection.cursor() as writing:
            await writing.executemany(
                QUERIES.put_unknown,
                [
                    {
                        "project": project,
                        "id": self._ids[local],
                        "number": self._number,
                        "role": group.role,
                        "template": clean(templates.get(local, "")),
                        "example": clean(group.example[:EXAMPLE_LENGTH_MAX]),
                        "day": group.day,
                        "seen": group.seen_at,
                    }
                    for local, group in sorted(groups.items())
                ],
            )
            await writing.executemany(
                QUERIES.add_unknown_day,
                [
                    {
                        "project": project,
                        "day": day,
                        "id": self._ids[local],
                        "environment": environment,
                        "calls": calls,
                    }
                    for local, group in sorted(groups.items())
                    for (day, environment), calls in sorted(Counter(group.calls.values()).items())
                ],
            )
        held = [
            (self._ids[local], day, call)
            for local, group in sorted(groups.items())
            for call, (day, _) in group.calls.items()
        ]
        await connection.execute(
            QUERIES.add_unknown_calls,
            {
                "project": project,
                "ids": [identity for identity, _, _ in held],
                "days": [day for _, day, _ in held],
                "requests": [call for _, _, call in held],
            },
        )
        await _spare(connection, project)

    async def _catch_up(self, connection: Connection, project: str) -> None:
        cursor = await connection.execute(QUERIES.lock_unknown, {"project": project})
        row = await cursor.fetchone()
        if row is None or row[0] == self._number:
            return
        cursor = await connection.execute(QUERIES.load_unknown, {"project": project, "number": self._number})
        rows = await cursor.fetchall()
        await asyncio.to_thread(self._take_in, [(row[0], row[1]) for row in rows])

    def _take_in(self, rows: Sequence[tuple[uuid.UUID, str]]) -> None:
        # A template stands for its messages: where it has wildcards, new messages agree with it all the same.
        for identity, template in rows:
            self._ids.setdefault(self._clusters.add(template), identity)

    def _place(self, sightings: Sequence[Sighting]) -> tuple[dict[int, _Group], dict[int, str]]:
        groups: dict[int, _Group] = {}
        for each in sightings:
            local = self._local(each.text)
            self._ids.setdefault(local, uuid.uuid4())
            group = groups.get(local)
            if group is None:
                calls = {each.call: (each.day, each.environment)}
                groups[local] = _Group(each.role, each.text, each.day, each.seen_at, calls)
                continue
            group.calls[each.call] = each.day, each.environment
            group.seen_at = max(group.seen_at, each.seen_at)
            if each.role == "system":
                group.role = "system"
            if each.day >= group.day:
                group.day, group.example = each.day, each.text
        return groups, {each.id: each.template for each in self._clusters.clusters()}

    def _local(self, text: str) -> int:
        digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
        local = self._known.pop(digest, None)
        if local is None:
            local = self._clusters.add(text)
        self._known[digest] = local
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return local


async def forget_known(connection: Connection, project: str, explains: Callable[[str], bool]) -> None:
    """Take out the groups whose example is explained by now; in the caller's transaction."""
    await connection.execute(QUERIES.lock_unknown, {"project": project})
    cursor = await connection.execute(QUERIES.load_unknown, {"project": project, "number": -1})
    rows = await cursor.fetchall()
    gone = await asyncio.to_thread(lambda: [row[0] for row in rows if row[3] and explains(row[3])])
    if gone:
        await connection.execute(QUERIES.delete_unknown, {"project": project, "ids": gone})


async def _spare(connection: Connection, project: str) -> None:
    cursor = await connection.execute(QUERIES.spare_unknown, {"project": project, "kept": CLUSTERS_MAX})
    spare = [row[0] for row in await cursor.fetchall()]
    if spare:
        await connection.execute(QUERIES.delete_unknown, {"project": project, "ids": spare})
