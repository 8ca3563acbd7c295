"""What each version of a prompt came to, by day and environment, kept up as calls are matched.

Calls are counted whole under each version that they hold. Read next: `catalogue.listing`.
"""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from headgate.core.money import format_usd
from headgate.prompts.catalogue.entries import Json, versions_used
from headgate.prompts.catalogue.model import digest_of
from headgate.prompts.catalogue.store import QUERIES
from headgate.records.naming import Recorded
from headgate.store.database import Connection


class _Sum(msgspec.Struct):
    calls: int
    cost_pico_usd: int
    unpriced: int
    first_seen: datetime
    last_seen: datetime


async def add_traffic(
    connection: Connection, project: str, moves: Sequence[tuple[Recorded, list[Json]]]
) -> None:
    """Count calls under the prompts that they have now, and no more under those that they had."""
    sums: dict[tuple[date, str, str, str, str], _Sum] = {}
    for call, prompts in moves:
        before, after = versions_used(call.prompts), versions_used(prompts)
        for changed, sign in ((before - after, -1), (after - before, 1)):
            for source, name, version in changed:
                _count(sums, (call.day, source, name, version, call.end.environment), call, sign)
    if not sums:
        return
    rows: list[dict[str, Any]] = [
        {
            "project": project,
            "day": day,
            "key": digest_of(source, name, version, environment),
            "prompt": digest_of(source, name),
            "source": source,
            "name": name,
            "version": version,
            "environment": environment,
            "calls": each.calls,
            "cost_usd": format_usd(each.cost_pico_usd),
            "unpriced": each.unpriced,
            "first_seen": each.first_seen,
            "last_seen": each.last_seen,
        }
        for (day, source, name, version, environment), each in sums.items()
    ]
    async with connection.cursor() as cursor:
        # In one order everywhere, so that two hosts don't wait for each other in a ring.
        await cursor.executemany(QUERIES.add_traffic, sorted(rows, key=_order))
    if any(row["calls"] < 0 for row in rows):
        days = sorted({row["day"] for row in rows})
        await connection.execute(QUERIES.forget_traffic, {"project": project, "days": days})


def _order(row: dict[str, Any]) -> tuple[date, uuid.UUID]:
    return row["day"], row["key"]


def _count(
    sums: dict[tuple[date, str, str, str, str], _Sum],
    key: tuple[date, str, str, str, str],
    call: Recorded,
    sign: int,
) -> None:
    started, cost = call.started_at, call.end.cost_pico_usd
    found = sums.setdefault(key, _Sum(0, 0, 0, started, started))
    found.calls += sign
    found.cost_pico_usd += sign * (cost or 0)
    found.unpriced += sign * (cost is None)
    found.first_seen = min(found.first_seen, started)
    found.last_seen = max(found.last_seen, started)
