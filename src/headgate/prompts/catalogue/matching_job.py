"""Matches calls to the prompts in their project's code, as long as control runs: each host takes its share.

Calls are claimed, matched in a thread for a bounded time, and then, in one transaction, taken off the queue,
put on the records and moved in the sums. Read next: `catalogue.ready`, `catalogue.entries`, `records.naming`.
"""

import asyncio
import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from datetime import date

import msgspec

from headgate.prompts.catalogue.entries import CodePrompt, entries_of, has_managed, merged
from headgate.prompts.catalogue.ready import At, Ready
from headgate.prompts.catalogue.store import QUERIES, find_commit, load, number_of
from headgate.prompts.catalogue.texts import MessageText, texts_of
from headgate.prompts.catalogue.traffic import add_traffic
from headgate.prompts.catalogue.unknowns import (
    TEXT_CHARACTERS_MIN,
    Sighting,
    UnknownPrompts,
    forget_known,
)
from headgate.prompts.outcomes.counting import queue_said_of
from headgate.records.bodies import read_requests
from headgate.records.naming import Recorded, read_recorded, rename
from headgate.records.rows import name
from headgate.store.database import Connection, Database

log = logging.getLogger("headgate.prompts")

BATCH = 64
"""Calls that are claimed at once; each body is at most 1 MiB."""
FORGOTTEN = 10_000
"""Calls of a project without a catalogue that are taken off the queue at once."""
MATCH_S_MAX = 3.0
"""What is not matched by then waits for the next batch. A claim holds for a minute."""
READY_MAX = 8
"""Projects whose catalogue is kept ready."""
IDLE_S = 0.5
REST_SHARE = 0.5
REST_MAX_S = 0.5
EARLY_S = 1.0
TRIES_MAX = 3
OPERATIONS = ("chat", "completions")


class Waiting(msgspec.Struct, frozen=True):
    """A call on the queue."""

    day: date
    id: uuid.UUID
    again: bool
    late: bool
    """It waits since so long that its record won't come any more."""
    stale: bool
    """It waits since a day: more came in than could be matched."""
    tries: int


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that this process has taken for a minute."""

    project: str
    id: uuid.UUID
    calls: Sequence[Waiting]


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a call."""

    recorded: Recorded
    entries: list[CodePrompt]
    unknown: list[MessageText]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The commit that a call says it runs: where it stands in each source that has it, and its id there."""

    at: At = ()
    commits: dict[str, str] = {}


NOWHERE = Running()


class MatchingJob:
    """Takes calls from the queue until cancelled."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ready: OrderedDict[str, Ready] = OrderedDict()
        self._unknown: dict[str, UnknownPrompts] = {}

    async def run(self) -> None:
        """Match what is queued, resting half as long as a batch took so that control answers meanwhile."""
        while True:
            began = time.monotonic()
            taken = await self.run_once()
            took_s = time.monotonic() - began
            await asyncio.sleep(min(took_s * REST_SHARE, REST_MAX_S) if taken else IDLE_S)

    async def run_once(self) -> int:
        """Match one batch of each project that has calls waiting; return how many calls were taken off."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(QUERIES.queued_projects)
            projects = [str(row[0]) for row in await cursor.fetchall()]
        taken = 0
        for project in projects:
            taken += await self._batch(project)
        return taken

    async def _batch(self, project: str) -> int:
        async with self._database.connection() as connection:
            number = await number_of(connection, project)
        if number is None:
            return await self._forget(project)
        ready = await self._made_ready(project, number)
        claim = uuid.uuid4()
        async with self._database.connection() as connection:
            parameters = {"project": project, "claim": claim, "limit": BATCH}
            cursor = await connection.execute(QUERIES.claim_queued, parameters)
            claimed = [Waiting(*row) for row in await cursor.fetchall()]
        # One call that can't be matched takes others along only once: what failed before is tried by itself.
        together = [each for each in claimed if each.tries == 1]
        alone = [[each] for each in claimed if each.tries > 1]
        outcomes: list[int | BaseException] = []
        for calls in ([together] if together else []) + alone:
            one = Claim(project=project, id=claim, calls=calls)
            outcomes += await asyncio.gather(self._match(ready, one), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(outcome for outcome in outcomes if isinstance(outcome, int))

    async def _forget(self, project: str) -> int:
        """Take calls off the queue of a project that has no catalogue; its first push brings them back."""
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.share_catalogue, {"project": project})
            if await number_of(connection, project) is not None:
                return 0
            parameters = {"project": project, "limit": FORGOTTEN}
            return (await connection.execute(QUERIES.forget_queue, parameters)).rowcount

    async def _match(self, ready: Ready, claim: Claim) -> int:
        project = claim.project
        tried = [each for each in claim.calls if each.tries <= TRIES_MAX and not each.stale]
        stale = sum(each.stale for each in claim.calls)
        if stale:
            log.warning("%d calls waited for a day to be matched to prompts, and are left as they are", stale)
        for each in claim.calls:
            if each.tries > TRIES_MAX:
                log.error("call %s could not be matched to prompts in %d tries", each.id, TRIES_MAX)
        async with self._database.connection() as connection:
            recorded = await read_recorded(connection, project, [(each.day, each.id) for each in tried])
            calls = [recorded[each.id] for each in tried if each.id in recorded]
            chats = [call for call in calls if call.end.operation in OPERATIONS]
            bodies = await read_requests(connection, [project], project, [call.id for call in chats])
            running = await _running(connection, project, {call.end.release for call in chats})
        looked = await asyncio.to_thread(_look, ready, chats, bodies, running)
        left = {call.id for call in chats} - {each.recorded.id for each in looked}
        # A body may be there before its record; where that never comes, the call is given up.
        early = [each for each in tried if each.id not in recorded and not each.late]
        unfinished = [each for each in claim.calls if each.id in left]
        done = [each for each in claim.calls if each.id not in left and each not in early]
        async with self._database.transaction() as connection:
            await _put_off(connection, claim, early, EARLY_S)
            await _put_off(connection, claim, unfinished, 0.0)
            ours = await _take_off(connection, claim, done)
            mine = [each for each in looked if each.recorded.id in ours]
            first = {each.id for each in claim.calls if not each.again}
            await self._write(connection, project, mine, first)
        return len(done)

    async def _made_ready(self, project: str, number: int) -> Ready:
        ready = self._ready.get(project)
        if ready is None or ready.number != number:
            async with self._database.connection() as connection:
                stored = await load(connection, project, number)
            ready = await asyncio.to_thread(Ready, stored)
            async with self._database.transaction() as connection:
                await forget_known(connection, project, ready.explains)
            self._ready[project], self._unknown[project] = ready, UnknownPrompts()
            while len(self._ready) > READY_MAX:
                oldest, _ = self._ready.popitem(last=False)
                del self._unknown[oldest]
        self._ready.move_to_end(project)
        return ready

    async def _write(
        self, connection: Connection, project: str, looked: Sequence[Looked], first: set[uuid.UUID]
    ) -> None:
        """Write what was found, in the same order of tables everywhere: groups, traffic, records and sums."""
        sightings = [
            Sighting(
                call=each.recorded.id,
                day=each.recorded.day,
                environment=name(each.recorded.end.environment),
                seen_at=each.recorded.started_at,
                role=text.role,
                text=text.text,
            )
            for each in looked
            if each.recorded.id in first
            for text in each.unknown
        ]
        await self._unknown[project].count(connection, project, sightings)
        days: dict[tuple[date, str], tuple[int, int]] = {}
        for each in looked:
            if each.recorded.id in first:
                place = each.recorded.day, name(each.recorded.end.environment)
                calls, unknown = days.get(place, (0, 0))
                days[place] = (calls + 1, unknown + bool(each.unknown))
        async with connection.cursor() as cursor:
            await cursor.executemany(
                QUERIES.add_match_day,
                [
                    {
                        "project": project,
                        "day": day,
                        "environment": environment,
                        "calls": calls,
                        "unknown": unknown,
                    }
                    for (day, environment), (calls, unknown) in sorted(days.items())
                ],
            )
        moves = [
            (each.recorded, prompts)
            for each in looked
            for prompts in [merged(each.recorded.prompts, each.entries)]
            if prompts != each.recorded.prompts
        ]
        await add_traffic(connection, project, moves)
        await rename(connection, moves)
        changed = [(call.day, call.id) for call, _ in moves]
        await queue_said_of(connection, project, changed)


def _look(
    ready: Ready, calls: Sequence[Recorded], bodies: dict[uuid.UUID, bytes], running: dict[str, Running]
) -> list[Looked]:
    """Match calls until the time is up, one at least. Runs in a thread."""
    until = time.monotonic() + MATCH_S_MAX
    looked: list[Looked] = []
    for call in calls:
        if looked and time.monotonic() > until:
            break
        at = running.get(call.end.release, NOWHERE)
        texts = texts_of(call.end.dialect, bodies.get(call.id, b""))
        found = [(text, ready.match(text.text, at.at)) for text in texts]
        entries = entries_of([(text, named) for text, named in found if named], at.commits)
        # What a managed prompt wrote is known, and the body does not say which messages it wrote.
        unknown = (
            [] if has_managed(call.prompts) else _unknown_of([text for text, named in found if not named])
        )
        looked.append(Looked(recorded=call, entries=entries, unknown=unknown))
    return looked


def _unknown_of(texts: Sequence[MessageText]) -> list[MessageText]:
    """Return what counts as unknown: all that instructs the model, and the user's first and last message.

    What lies between is history, which the calls before have shown.
    """
    long = [text for text in texts if len(text.text) >= TEXT_CHARACTERS_MIN]
    users = [text for text in long if text.role == "user"]
    chosen = [*(text for text in long if text.role == "system"), *users[:1], *users[1:][-1:]]
    return list({text.text: text for text in chosen}.values())


async def _running(connection: Connection, project: str, releases: set[str]) -> dict[str, Running]:
    """Return the commits of calls by what their records say of their release: its id, or the commit."""
    named = sorted(releases - {""})
    if not named:
        return {}
    cursor = await connection.execute(QUERIES.release_commits, {"project": project, "ids": named})
    commits = {str(row[0]): str(row[1]) for row in await cursor.fetchall()}
    found: dict[str, Running] = {}
    for release in named:
        places = await find_commit(connection, project, commits.get(release, release))
        if places:
            found[release] = Running(
                at=tuple(sorted((source, place) for source, (place, _) in places.items())),
                commits={source: identity for source, (_, identity) in places.items()},
            )
    return found


async def _put_off(connection: Connection, claim: Claim, calls: Sequence[Waiting], wait_s: float) -> None:
    if calls:
        await connection.execute(QUERIES.put_off, {**_named(claim, calls), "wait_s": wait_s})


async def _take_off(connection: Connection, claim: Claim, calls: Sequence[Waiting]) -> set[uuid.UUID]:
    """Take calls off the queue; return those that were still claimed: a push has them matched anew."""
    if not calls:
        return set()
    cursor = await connection.execute(QUERIES.take_off, _named(claim, calls))
    return {row[0] for row in await cursor.fetchall()}


def _named(claim: Claim, calls: Sequence[Waiting]) -> dict[str, object]:
    days, ids = [each.day for each in calls], [each.id for each in calls]
    return {"project": claim.project, "claim": claim.id, "days": days, "ids": ids}
