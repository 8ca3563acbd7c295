"""Budgets, rate limits and the loop guard of a document, read as meters. Pure.

The ids made here name the meters in the database: the same name, scope, window and time zone is the same
meter, whatever its limit. Also used for meters that come by the API.
"""

import zoneinfo
from collections.abc import Collection

import msgspec

from headgate.config.document import BudgetTable, Document, LoopGuardTable, RateLimitTable
from headgate.config.problems import Problems, nearest
from headgate.config.values import read_amount, read_duration, read_rate
from headgate.meters.console import meter_id
from headgate.meters.model import Budget, LoopGuard, RateLimit, Scope


def budget_of(table: BudgetTable) -> Budget:
    """Read a checked `[[budgets]]` table."""
    return Budget(
        id=meter_id("budget", None, table.name, table.scope, table.window, table.timezone),
        name=table.name,
        scope=table.scope,
        limit_pico_usd=read_amount(table.limit),
        window=table.window,
        timezone=table.timezone,
        when_exhausted=table.when_exhausted,
        when_near=table.when_near,
        max_cost_per_call_pico_usd=read_amount(table.max_cost_per_call),
        on_outage=table.on_outage,
        reserve_wait_s=read_duration(table.reserve_wait),
    )


def rate_limit_of(table: RateLimitTable) -> RateLimit:
    """Read a checked `[[rate_limits]]` table."""
    limit, unit = read_rate(table.limit)
    return RateLimit(
        id=meter_id("rate_limit", None, table.name, table.scope, table.window, unit),
        name=table.name,
        scope=table.scope,
        limit=limit,
        unit=unit,
        window=table.window,
        on_outage=table.on_outage,
    )


def loop_guard_of(table: LoopGuardTable) -> LoopGuard:
    """Read a checked `[loop_guard]` table."""
    return LoopGuard(
        identical_calls=table.identical_calls,
        identical_within_s=read_duration(table.identical_within),
        spend_pico_usd=read_amount(table.spend),
        spend_within_s=read_duration(table.spend_within),
    )


def check_meters(document: Document, problems: Problems) -> None:
    """Check names, scopes and time zones of all meters of a document."""
    for kind, tables in (("budgets", document.budgets), ("rate_limits", document.rate_limits)):
        seen: dict[str, int] = {}
        for index, table in enumerate(tables):
            path = (kind, index)
            first = seen.setdefault(table.name, index)
            if first != index:
                there = problems.where((kind, first, "name"))
                problems.add((*path, "name"), f"is {table.name!r}, which {there} has already; choose another")
            check_scope(table.scope, document, problems, (*path, "scope"))
    for index, budget in enumerate(document.budgets):
        reason = timezone_problem(budget.timezone)
        if reason is not None:
            problems.add(("budgets", index, "timezone"), reason)


def check_scope(scope: Scope, document: Document, problems: Problems, path: tuple[str | int, ...]) -> None:
    """Check that a scope names providers and models that there are."""
    for part, value in msgspec.structs.asdict(scope).items():
        if value is None:
            continue
        if not value or ("*" in value and value != "*"):
            problems.add((*path, part), f"is {value!r}; write a name, or '*' to count each {part} apart")
    if scope.provider not in (None, "*", ""):
        _check_provider(scope.provider or "", document.providers, problems, (*path, "provider"))
    model = scope.model
    if model in (None, "*", "") or model in document.models:
        return
    provider, slash, _ = (model or "").partition("/")
    if slash:
        _check_provider(provider, document.providers, problems, (*path, "model"))
    else:
        close = nearest(provider, document.models)
        problems.add((*path, "model"), f"is {model!r}, which [models] does not have{close}")


def timezone_problem(name: str) -> str | None:
    """Return why a time zone can't be used, or None. Names are those of the IANA database."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        close = nearest(name, zoneinfo.available_timezones())
        return f"is {name[:100]!r}, which is no time zone{close}"
    return None


def _check_provider(
    name: str, providers: Collection[str], problems: Problems, path: tuple[str | int, ...]
) -> None:
    if name not in providers:
        problems.add(
            path, f"names the provider {name!r}, which [providers] does not have{nearest(name, providers)}"
        )
