"""Budgets' definitions in the database, and what was spent before they began.

Control calls `sync_budgets` in the transaction in which a snapshot or a live budget takes effect. A limit
that changes keeps its meters; anything else that changes is a new budget id, whose meters begin with what
the ledger holds of their window. Calls in flight at that moment are not counted.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.meters.model import Budget, Subject
from headgate.meters.rows import QUERIES, fetch
from headgate.meters.scope import ANY, meters_of
from headgate.meters.windows import edges
from headgate.store.database import Connection

DIMENSIONS = ("project", "key", "user", "provider", "model", "tag")


async def sync_budgets(connection: Connection, budgets: Sequence[Budget]) -> None:
    """Store the definitions as they are in force, and seed the meters of those that are new.

    Budgets that are not named stay: gateways that still serve an older snapshot go on under them. Call it
    inside a transaction.
    """
    for budget in sorted(budgets, key=lambda one: one.id):
        rows = await fetch(
            connection,
            QUERIES["put_budget"],
            {
                "id": budget.id,
                "name": budget.name,
                "scope": json.dumps(msgspec.to_builtins(budget.scope)),
                "limit_pico": budget.limit_pico_usd,
                "window": budget.window,
                "timezone": budget.timezone,
            },
        )
        if not rows[0]["is_seeded"]:
            await _seed(connection, budget, rows[0]["now_ms"])


async def prune_meters(connection: Connection, *, keep_days: int = 400) -> None:
    """Delete ledger rows, and leases of closed boots, that are older than `keep_days`, and idle rate pools.

    Windows stay, so that what was spent in each is known for good. `keep_days` must exceed a month, since
    new budgets begin with what the ledger holds of their window.
    """
    for name in ("prune_ledger", "prune_leases"):
        await connection.execute(QUERIES[name], {"keep_days": keep_days})
    await connection.execute(QUERIES["prune_rate_pools"])


async def _seed(connection: Connection, budget: Budget, now_ms: int) -> None:
    window = edges(budget.window, budget.timezone, now_ms)
    between: dict[str, Any] = {"starts_ms": window.starts_ms, "ends_ms": window.ends_ms}
    parameters = {"budget": budget.id, **between, **_filters(budget)}
    spent: dict[str, int] = {}
    for row in await fetch(connection, QUERIES["spent_before"], parameters):
        for subject in meters_of(budget.scope, _subject(budget, row)):
            spent[subject] = spent.get(subject, 0) + int(row["pico_usd"])
    if spent:
        await connection.execute(
            QUERIES["seed_windows"],
            {"budget": budget.id, "subjects": list(spent), "amounts": list(spent.values()), **between},
        )
    await connection.execute(QUERIES["mark_seeded"], {"id": budget.id})


def _filters(budget: Budget) -> dict[str, Any]:
    """Each part of the scope as a value that must match, or as a dimension to count apart."""
    wanted: dict[str, str | None] = {name: getattr(budget.scope, name) for name in DIMENSIONS}
    if budget.key is not None:
        wanted["key"] = budget.key
    fixed = {name: None if value == ANY else value for name, value in wanted.items()}
    apart = {f"by_{name}": value == ANY for name, value in wanted.items()}
    return {**fixed, **apart}


def _subject(budget: Budget, row: dict[str, Any]) -> Subject:
    """The subject that a group of ledger rows was counted under."""
    scope = budget.scope
    return Subject(
        project=row["project"] or scope.project or "",
        key=row["key"] or scope.key or "",
        user=row["user"] or scope.user or "",
        alias=scope.model or "",
        tags=(row["tag"] or scope.tag or "",),
        provider=row["provider"] or scope.provider or "",
        target=row["target"] or "any/any",
    )
