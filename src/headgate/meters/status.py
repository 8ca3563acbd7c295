"""What the control API and the console say of budgets, and which alerts are due.

Reads what the database knows: what calls in flight have spent and not yet shipped counts as reserved.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.core.entries import Alert
from headgate.core.money import format_usd
from headgate.meters.model import Budget
from headgate.meters.rows import QUERIES, fetch
from headgate.meters.scope import ANY, describe
from headgate.meters.windows import NEVER_MS, edges, format_instant
from headgate.store.database import Connection

ROWS_MAX = 10_000


class BudgetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One meter of a budget, as the control API shows it: money as decimal USD, times as RFC 3339.

    `window_start` and `window_end` are None where the budget never resets.
    """

    name: str
    scope: dict[str, str]
    window: str
    window_start: str | None
    window_end: str | None
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    overrun_usd: str
    managed_by: str
    timezone: str = "UTC"
    key: str | None = None


async def list_budgets(
    connection: Connection, budgets: Sequence[Budget], *, rows_max: int = ROWS_MAX
) -> list[BudgetStatus]:
    """Return the budgets' meters in their current windows, in the order given, dearest first.

    A budget with `*` has a row for each value that has spent, and none before that; the others always have
    one. At most `rows_max` rows.
    """
    rows = await fetch(
        connection, QUERIES["list_windows"], {"budgets": [one.id for one in budgets], "rows_max": rows_max}
    )
    now_ms = (await fetch(connection, QUERIES["now_ms"]))[0]["now_ms"]
    by_budget: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_budget.setdefault(row["budget"], []).append(row)
    found: list[BudgetStatus] = []
    for budget in budgets:
        rows_of = by_budget.get(budget.id, [])
        found.extend(_status(budget, row) for row in rows_of)
        if not rows_of and ANY not in _scope(budget).values():
            found.append(_status(budget, _unused(budget, now_ms)))
    return found


async def due_alerts(connection: Connection) -> list[Alert]:
    """Return an alert for each window that newly passed 50, 80 or 100 % of its limit, or was overrun.

    Each is returned once, when the transaction commits; of several thresholds passed at once, the highest.
    """
    rows = await fetch(connection, QUERIES["due_alerts"])
    passed: dict[int, set[str]] = {}
    for row in rows:
        passed.setdefault(row["window_id"], set()).add(row["threshold"])
    if not passed:
        return []
    windows = await fetch(connection, QUERIES["describe_windows"], {"windows": list(passed)})
    alerts: list[Alert] = []
    for row in windows:
        thresholds = passed[row["window_id"]]
        parts = thresholds - {"overrun"}
        if parts:
            alerts.append(_alert("budget", f"has passed {max(parts, key=int)} % of its limit", row))
        if "overrun" in thresholds:
            text = f"was overrun by {format_usd(int(row['overrun']))} USD: calls cost more than their bound"
            alerts.append(_alert("overrun", text, row))
    return alerts


def _alert(kind: str, what: str, row: dict[str, Any]) -> Alert:
    about = describe(row["subject"])
    name = f"{row['name']} ({row['subject']})" if row["subject"] else row["name"]
    until = "" if row["ends_ms"] >= NEVER_MS else f"; its window ends {format_instant(row['ends_ms'])}"
    spent, limit = format_usd(int(row["spent"])), format_usd(int(row["limit_pico"]))
    return Alert(
        at_ms=row["now_ms"],
        kind=kind,
        subject=name,
        message=f"budget {name} {what}: {spent} of {limit} USD are spent{until}",
        project=about.get("project") or json.loads(row["scope"]).get("project", ""),
    )


def _scope(budget: Budget) -> dict[str, str]:
    return msgspec.to_builtins(budget.scope)


def _unused(budget: Budget, now_ms: int) -> dict[str, Any]:
    window = edges(budget.window, budget.timezone, now_ms)
    return {
        "subject": "",
        "starts_ms": window.starts_ms,
        "ends_ms": window.ends_ms,
        "limit_pico": budget.limit_pico_usd,
        "spent": 0,
        "leased": 0,
        "overrun": 0,
    }


def _status(budget: Budget, row: dict[str, Any]) -> BudgetStatus:
    resets = row["ends_ms"] < NEVER_MS
    return BudgetStatus(
        name=budget.name,
        scope={**_scope(budget), **describe(row["subject"])},
        window=budget.window,
        window_start=format_instant(row["starts_ms"]) if resets else None,
        window_end=format_instant(row["ends_ms"]) if resets else None,
        limit_usd=format_usd(int(row["limit_pico"])),
        spent_usd=format_usd(int(row["spent"])),
        reserved_usd=format_usd(int(row["leased"])),
        overrun_usd=format_usd(int(row["overrun"])),
        managed_by=budget.managed_by,
        timezone=budget.timezone,
        key=budget.key,
    )
