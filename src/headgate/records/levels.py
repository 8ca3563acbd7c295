"""Which sums answer a question: those by one name alone, by day and by the hour, where they can.

A time is put together of whole days, of hours at its ends, and of quarters of an hour at theirs. Read next:
`records.costs`, `records.series`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from headgate.records.rollup import DAY_S, HOUR_S, SLOT_S
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.records", "levels.sql")
STEPS_S: Final = (DAY_S, HOUR_S, SLOT_S)


class Part(msgspec.Struct, frozen=True):
    """A part of a time whose sums are kept by steps of `step_s` seconds, in Unix seconds; None is no end."""

    step_s: int
    begin: int | None
    end: int | None


def dimension_of(names: Iterable[str]) -> str | None:
    """Return by which one name sums can be asked for; empty for none, and None where it takes several.

    A provider is told from the target.
    """
    wanted = {"target" if name == "provider" else name for name in names} - {"project"}
    return None if len(wanted) > 1 else next(iter(wanted), "")


def parts_of(begin: int | None, end: int | None, steps: Sequence[int] = STEPS_S) -> list[Part]:
    """Put a time together of as long steps as there are; its ends have to be ends of the shortest."""
    step, *shorter = steps
    if not shorter:
        return [Part(step, begin, end)]
    first = None if begin is None else -(-begin // step) * step
    last = None if end is None else end // step * step
    if first is not None and last is not None and first > last:
        return parts_of(begin, end, shorter)
    found = [] if first is not None and first == last else [Part(step, first, last)]
    if begin != first:
        found += parts_of(begin, first, shorter)
    if end != last:
        found += parts_of(last, end, shorter)
    return found


def part_parameters(parts: Sequence[Part]) -> dict[str, list[Any]]:
    """Return parts as statements take them."""
    return {
        "steps": [part.step_s for part in parts],
        "begins": ["-infinity" if part.begin is None else _text(part.begin) for part in parts],
        "ends": ["infinity" if part.end is None else _text(part.end) for part in parts],
    }


async def summed_projects(connection: Connection, project_ids: Sequence[str] | None) -> list[str]:
    """Return the projects whose sums may be seen: these, or all that there are sums of."""
    if project_ids is not None:
        return list(project_ids)
    cursor = await connection.execute(QUERIES.summed_projects, {"project_ids": None})
    return [project for (project,) in await cursor.fetchall()]


def _text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()
