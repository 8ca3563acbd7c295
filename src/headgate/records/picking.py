"""Calls that a list is narrowed to by what stands elsewhere than on their records: asked for first, by id.

Read next: `records.queries`.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.records.model import RequestFilters
from headgate.records.parts_of_ids import parts_of
from headgate.records.rows import clean, day_of
from headgate.records.sink import QUERIES
from headgate.store.database import Connection

PICKED_MAX: Final = 10_000
"""So many calls, the newest, are picked; the list says no more of older ones."""
LOOKED_MAX: Final = 5_000
"""So many calls before one, and as many after it, are compared with what it says."""
_A_DAY: Final = timedelta(days=1)


async def picked(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: RequestFilters,
) -> dict[str, list[uuid.UUID] | list[date] | None]:
    """Return the ids of the calls that may be listed, and their days; None where every call may.

    Raises InvalidRequest for what is no id of a group, an arm of no experiment, and no part of an id.
    """
    asked: dict[str, Any] = {
        "project_ids": None if project_ids is None else list(project_ids),
        "first_day": _day(filters.begin, -_A_DAY),
        "last_day": _day(filters.end, _A_DAY),
        "limit": PICKED_MAX,
    }
    found: set[uuid.UUID] | None = None
    if filters.unknown is not None:
        found = await _ids(connection, "calls_of_unknown", {**asked, "unknown": _group(filters.unknown)})
    if filters.crossed is not None:
        if filters.experiment is None:
            raise InvalidRequest(
                f"crossed is {filters.crossed[:64]!r}, an arm; name its experiment, too", parameter="crossed"
            )
        named = {"experiment": clean(filters.experiment), "arm": clean(filters.crossed)}
        crossed = await _ids(connection, "calls_crossed", {**asked, **named})
        found = crossed if found is None else found & crossed
    if filters.id is not None:
        by_id: set[uuid.UUID] = set()
        for part in parts_of(filters.id):
            parameters = {**asked, **msgspec.structs.asdict(part), "end_after": part.end_after}
            by_id |= await _ids(connection, "calls_by_end" if part.end else "calls_by_beginning", parameters)
        found = by_id if found is None else found & by_id
    for like, is_whole in ((filters.same_request, True), (filters.same_opening, False)):
        if like is not None:
            alike = await _alike(connection, {**asked, "key": filters.key, "is_whole": is_whole}, like)
            found = alike if found is None else found & alike
    if found is None:
        return {"picked": None, "picked_days": None}
    return {"picked": sorted(found), "picked_days": sorted({day_of(call) for call in found})}


async def _ids(connection: Connection, statement: str, asked: dict[str, Any]) -> set[uuid.UUID]:
    cursor = await connection.execute(QUERIES[statement], asked, prepare=False)
    return {row[0] for row in await cursor.fetchall()}


async def _alike(connection: Connection, asked: dict[str, Any], like: str) -> set[uuid.UUID]:
    parts = parts_of(like)
    call = parts[0].low
    if len(parts) != 1 or call is None or call != parts[0].high:
        raise InvalidRequest(f"{like[:64]!r} is no request's id; write all of it", parameter="same_request")
    of: dict[str, Any] = {"of": call, "of_day": parts[0].low_day, "looked": LOOKED_MAX}
    return await _ids(connection, "calls_alike", {**asked, **of})


def _group(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidRequest(
            f"unknown is {text[:64]!r}; write the id of a group, as `headgate prompts unknown --json` has it",
            parameter="unknown",
        ) from None


def _day(instant: datetime | None, away: timedelta) -> date | None:
    if instant is None:
        return None
    day = instant.astimezone(UTC).date()
    # The first and the last day that there are have none beside them.
    return day if day in (date.min, date.max) else day + away
