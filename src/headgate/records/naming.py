"""Gives calls on record the prompts that were found in them, in their rows and in the sums.

Never decides which prompts those are; runs in the caller's transaction. Read next: `records.rollup`,
`prompts.catalogue.matching_job`.
"""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from psycopg.rows import TupleRow

from headgate.core.call import Usage
from headgate.core.entries import End, PromptUsed
from headgate.core.money import parse_usd
from headgate.records import rollup
from headgate.records.sink import QUERIES, add_slots
from headgate.store.database import Connection

Json = dict[str, Any]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A call on record, as it counts in sums, with its prompts."""

    day: date
    id: uuid.UUID
    started_at: datetime
    end: End
    prompts: list[Json]


async def read_recorded(
    connection: Connection, project: str, calls: Sequence[tuple[date, uuid.UUID]]
) -> dict[uuid.UUID, Recorded]:
    """Return those of a project's calls that are on record by now."""
    parameters = {
        "project_ids": [project],
        "days": [day for day, _ in calls],
        "ids": [call for _, call in calls],
    }
    cursor = await connection.execute(QUERIES.get_recorded, parameters)
    return {row[1]: _recorded(row) async for row in cursor}


async def rename(connection: Connection, moves: Sequence[tuple[Recorded, list[Json]]]) -> None:
    """Put other prompts on the record of calls, and move what they count from one name to the other.

    A call goes by its first prompt, and by the environment that it was counted under.
    """
    if not moves:
        return
    async with connection.cursor() as cursor:
        await cursor.executemany(
            QUERIES.set_prompts,
            [
                {
                    "prompts": msgspec.json.encode(prompts).decode(),
                    "day": call.day,
                    "id": call.id,
                    "project_ids": [call.end.project],
                }
                for call, prompts in moves
            ],
        )
    renamed = [
        (_named(call.end, before), after)
        for call, prompts in moves
        for before, after in [(naming(call.prompts), naming(prompts))]
        if before != after
    ]
    counted = await _as_counted(connection, [end for end, _ in renamed])
    taken = rollup.by_slot(counted)
    added = rollup.by_slot(_named(end, after) for end, (_, after) in zip(counted, renamed, strict=True))
    moved = {key: rollup.negative(delta) for key, delta in taken.items()}
    for key, delta in added.items():
        moved[key] = rollup.merge_slots(moved[key], delta) if key in moved else delta
    # In the order of keys, as shippers write them, so that two never wait for each other in a ring.
    await add_slots(connection, dict(sorted(moved.items())))


async def _as_counted(connection: Connection, ends: Sequence[End]) -> list[End]:
    """Return calls as sums count them: without their environment where that was not known to sums."""
    taken = rollup.by_slot(ends)
    digests = {(key[0], rollup.dimensions_of(key)): key for key in taken}
    asked = {
        "slots": [slot for slot, _ in digests],
        "digests": [digest for _, digest in digests],
        "project_ids": sorted({key[1] for key in taken}),
    }
    cursor = await connection.execute(QUERIES.counted_slots, asked)
    found = {digests[slot, digest]: requests async for slot, digest, requests in cursor}
    lacking = {key for key, delta in taken.items() if found.get(key, 0) < delta.requests}
    return [
        msgspec.structs.replace(end, environment="") if lacking.intersection(rollup.by_slot([end])) else end
        for end in ends
    ]


def naming(prompts: Sequence[Json]) -> str:
    """Return the prompt that a call goes by in sums; empty where there is none."""
    return str(prompts[0]["name"]) if prompts else ""


def _named(end: End, prompt: str) -> End:
    prompts = (PromptUsed(prompt, 0),) if prompt else ()
    return msgspec.structs.replace(end, prompts=prompts)


def _recorded(row: TupleRow) -> Recorded:
    day, call, started_at, project, key, user, dialect, operation, model, target, status, *rest = row
    duration_ms, first_token_ms, usage, cost_usd, estimated, truncated, release, environment, prompts = rest
    end = End(
        call=call.bytes,
        started_ms=round(started_at.timestamp() * 1000),
        duration_ms=duration_ms,
        first_token_ms=first_token_ms,
        project=project,
        key=key,
        user=user,
        session="",
        tags=(),
        dialect=dialect,
        operation=operation,
        stream=False,
        model=model,
        target=target,
        status=status,
        code="",
        message="",
        attempts=(),
        excluded=(),
        changes=(),
        snapshot="",
        release=release,
        trace_id="",
        usage=msgspec.json.decode(usage, type=Usage),
        cost_pico_usd=None if cost_usd is None else parse_usd(cost_usd),
        estimated=estimated,
        truncated=truncated,
        environment=environment,
    )
    return Recorded(
        day=day,
        id=call,
        started_at=started_at,
        end=end,
        prompts=msgspec.json.decode(prompts, type=list[Json]),
    )
