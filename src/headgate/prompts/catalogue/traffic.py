"""What each version of a prompt came to, by day, environment and release: kept up as calls are matched.

Calls are counted whole under each version that they hold. Read next: `catalogue.listing`, `prompts.outcomes`.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from datetime import date, datetime
from typing import Any, Final

import msgspec

from headgate.core.entries import END, End
from headgate.core.money import format_usd
from headgate.core.ports import Envelope
from headgate.prompts.catalogue.entries import Json, versions_used
from headgate.prompts.catalogue.model import MANAGED, digest_of
from headgate.prompts.catalogue.store import QUERIES
from headgate.prompts.outcomes.counting import queue_said_of
from headgate.records import rollup
from headgate.records.naming import Recorded
from headgate.records.rows import clean, day_of, identity, instant, name
from headgate.records.sink import release_ids, with_release
from headgate.store.database import Connection

FAILED: Final = 400
"""From this status on a call has failed, as lists of calls count it."""

Used = tuple[str, str, str]
"""Source, name and version."""

_Key = tuple[date, str, str, str, str, str]
"""Day, source, name, version, environment, release."""

_Place = tuple[date, str, str, str, str, str]
"""Day, source, name, environment, kind, and what is named."""

_decode = msgspec.msgpack.Decoder(End).decode


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A call that counts under some versions, or (`sign` is -1) no more."""

    day: date
    started_at: datetime
    end: End
    used: Set[Used]
    sign: int = 1


class _Sum(msgspec.Struct):
    delta: rollup.Delta
    failed: int
    first_seen: datetime
    last_seen: datetime


class RenderedSink:
    """Applies END to the sums of managed prompts, which the gateway rendered (`core.ports.Sink`)."""

    kinds = frozenset({END})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Count a batch, whose calls are on record by now. Those that go on no record don't count."""
        ends = [_decode(envelope.payload) for envelope in batch if envelope.kind == END]
        ends = [end for end in ends if end.prompts and end.record != "none"]
        releases = await release_ids(connection, ends)
        for project in sorted({name(end.project) for end in ends}):
            counted = [_rendered(with_release(end, releases)) for end in ends if name(end.project) == project]
            await add_counted(connection, project, counted)
            await queue_said_of(connection, project, [(day_of(call), call) for call in map(_id_of, counted)])

    async def close_journal(self, connection: Connection, boot: uuid.UUID) -> None:
        """Nothing is left to do: what did not end says nothing of its prompts."""


async def add_traffic(
    connection: Connection, project: str, moves: Sequence[tuple[Recorded, list[Json]]]
) -> None:
    """Count calls under the prompts that they have now, and no more under those that they had."""
    counted: list[Counted] = []
    for call, prompts in moves:
        before, after = versions_used(call.prompts), versions_used(prompts)
        for used, sign in ((before - after, -1), (after - before, 1)):
            counted.append(
                Counted(day=call.day, started_at=call.started_at, end=call.end, used=used, sign=sign)
            )
    await add_counted(connection, project, counted)


async def add_counted(connection: Connection, project: str, counted: Iterable[Counted]) -> None:
    """Add calls to the sums, in the caller's transaction."""
    sums: dict[_Key, _Sum] = {}
    places: Counter[_Place] = Counter()
    for call in counted:
        end = call.end
        for used in call.used:
            _count(sums, (call.day, *used, name(end.environment), name(end.release)), call)
            for kind, named in (("model", end.model), ("key", end.key)):
                places[call.day, *used[:2], name(end.environment), kind, name(named)] += call.sign
    if not sums:
        return
    rows = [_row(project, key, each) for key, each in sums.items()]
    async with connection.cursor() as cursor:
        # In one order everywhere, so that two hosts don't wait for each other in a ring.
        await cursor.executemany(QUERIES.add_traffic, sorted(rows, key=_order))
        written = [
            _place_row(project, place, calls) for place, calls in places.items() if place[-1] and calls
        ]
        await cursor.executemany(QUERIES.add_places, sorted(written, key=_order))
    if any(row["calls"] < 0 for row in rows):
        days = sorted({row["day"] for row in rows})
        await connection.execute(QUERIES.forget_traffic, {"project": project, "days": days})
        await connection.execute(QUERIES.forget_places, {"project": project, "days": days})


def _rendered(end: End) -> Counted:
    used = {(MANAGED, clean(each.name), str(each.version)) for each in end.prompts}
    return Counted(day=day_of(identity(end.call)), started_at=instant(end.started_ms), end=end, used=used)


def _id_of(counted: Counted) -> uuid.UUID:
    return identity(counted.end.call)


def _row(project: str, key: _Key, each: _Sum) -> dict[str, Any]:
    day, source, named, version, environment, release = key
    delta = msgspec.structs.asdict(each.delta)
    return {
        **delta,
        "project": project,
        "day": day,
        "key": digest_of(source, named, version, environment, release),
        "prompt": digest_of(source, named),
        "source": source,
        "name": named,
        "version": version,
        "environment": environment,
        "release": release,
        "calls": each.delta.requests,
        "cost_usd": format_usd(each.delta.cost_pico_usd),
        "failed": each.failed,
        "first_seen": each.first_seen,
        "last_seen": each.last_seen,
    }


def _place_row(project: str, place: _Place, calls: int) -> dict[str, Any]:
    day, source, prompt, environment, kind, named = place
    return {
        "project": project,
        "day": day,
        "key": digest_of(source, prompt, environment, kind, named),
        "prompt": digest_of(source, prompt),
        "environment": environment,
        "kind": kind,
        "named": named,
        "calls": calls,
    }


def _order(row: dict[str, Any]) -> tuple[date, uuid.UUID]:
    return row["day"], row["key"]


def _count(sums: dict[_Key, _Sum], key: _Key, call: Counted) -> None:
    started = call.started_at
    delta = rollup.Delta()
    delta.count(call.end)
    if call.sign < 0:
        delta = rollup.negative(delta)
    found = sums.setdefault(key, _Sum(rollup.Delta(), 0, started, started))
    found.delta = rollup.merge_slots(found.delta, delta)
    found.failed += call.sign * (call.end.status >= FAILED)
    found.first_seen = min(found.first_seen, started)
    found.last_seen = max(found.last_seen, started)
