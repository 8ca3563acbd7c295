"""Routes of budgets and rate limits.

Those of headgate.toml are shown and never changed here; those made here are live objects, in force within a
second. Read next: `meters.console` (what is taken), `meters.status` (what is spent), `access.changes`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.changes import LiveChange, put_all
from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.access.model import Key
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd
from headgate.core.pages import LIMIT_DEFAULT, Page
from headgate.meters.budgets import sync_budgets
from headgate.meters.console import (
    BudgetChange,
    NewBudget,
    NewRateLimit,
    budget_of,
    changed_budget,
    rate_limit_of,
)
from headgate.meters.listing import (
    DeletedMeter,
    InForce,
    MetersInForce,
    Store,
    Writer,
    audit_entry,
    check_names,
    check_project,
    named,
    own,
    page,
    visible_meters,
)
from headgate.meters.model import Budget, OnOutage, WhenExhausted, WindowName
from headgate.meters.status import BudgetStatus, list_budgets
from headgate.store.database import Connection, Database

ManagedBy = Literal["file", "console"]

METERS_LISTED_MAX = 20
METERS_SHOWN_MAX = 500


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """One meter of a budget. `reserved_usd` is what gateways hold for calls in flight or to come;
    `window_start` and `window_end` are null where it never resets. With `*` in its scope, a budget has one
    for each value that has spent, and `scope` says which."""

    name: str
    scope: dict[str, str]
    window: WindowName
    timezone: str
    window_start: str | None
    window_end: str | None
    limit_usd: str
    spent_usd: str
    reserved_usd: str
    overrun_usd: str
    when_exhausted: WhenExhausted
    when_near: Literal["refuse", "clamp"]
    max_cost_per_call_usd: str
    on_outage: OnOutage
    managed_by: ManagedBy
    key: str | None


class BudgetMeters(msgspec.Struct, frozen=True, kw_only=True):
    """One budget with its meters, dearest first, at most 500."""

    name: str
    managed_by: ManagedBy
    limit_usd: str
    meters: list[BudgetView]


class ChangedBudget(BudgetView, frozen=True, kw_only=True):
    """A budget as it now stands. `not_acknowledged` names live gateways that don't apply it yet."""

    not_acknowledged: list[str]


class InlineMeters:
    """Makes and deletes the meters that a key brings along: the `KeyMeters` of `access.http`."""

    def __init__(self, in_force: MetersInForce) -> None:
        self._in_force = in_force

    async def make(
        self,
        connection: Connection,
        key: Key,
        budgets: Sequence[dict[str, Any]],
        rate_limits: Sequence[dict[str, Any]],
    ) -> int:
        """Make them in the caller's transaction; return the last sequence number, 0 for none.

        Raises InvalidRequest that names the field, Conflict where a name is taken.
        """
        made = [
            budget_of(_of_key(_converted(raw, NewBudget, f"budgets[{index}]"), key), key.id)
            for index, raw in enumerate(budgets)
        ]
        limits = [
            rate_limit_of(_of_key(_converted(raw, NewRateLimit, f"rate_limits[{index}]"), key), key.id)
            for index, raw in enumerate(rate_limits)
        ]
        check_names(made, self._in_force.budgets(), "budget")
        check_names(limits, self._in_force.rate_limits(), "rate limit")
        changes = [LiveChange("budget", each.id, msgspec.json.encode(each)) for each in made]
        changes += [LiveChange("rate_limit", each.id, msgspec.json.encode(each)) for each in limits]
        await sync_budgets(connection, made)
        return await put_all(connection, changes)

    async def delete(self, connection: Connection, key: Key) -> int:
        """Delete them in the caller's transaction; return the last sequence number, 0 for none."""
        budgets = [each.id for each in self._in_force.budgets() if each.key == key.id]
        limits = [each.id for each in self._in_force.rate_limits() if each.key == key.id]
        changes = [LiveChange("budget", each, None) for each in budgets]
        changes += [LiveChange("rate_limit", each, None) for each in limits]
        return await put_all(connection, changes)


class BudgetsController(Controller):
    """Limits on spend."""

    path = "/budgets"
    tags = ("budgets",)

    @get(opt={"grant": grant("budgets:read")})
    async def list_budgets(
        self,
        caller: CallerKey,
        in_force: InForce,
        database: Store,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[BudgetView]:
        """List budgets by name, with what is spent and reserved in the present window.

        `limit` counts budgets; one with `*` in its scope shows its 20 dearest meters.
        """
        shown, following = page(visible_meters(in_force.budgets(), caller, in_force), limit, next)
        views = await _read_budgets(database, shown, METERS_LISTED_MAX)
        return Page(items=[view for each in shown for view in views[each.id]], next=following)

    @get("/{name:str}", opt={"grant": grant("budgets:read")})
    async def show_budget(
        self, caller: CallerKey, in_force: InForce, database: Store, name: FromPath[str]
    ) -> BudgetMeters:
        """Show one budget with what is spent and reserved in the present window, meter by meter."""
        budget = named(visible_meters(in_force.budgets(), caller, in_force), name, "budget")
        views = await _read_budgets(database, [budget], METERS_SHOWN_MAX)
        return BudgetMeters(
            name=budget.name,
            managed_by=budget.managed_by,
            limit_usd=format_usd(budget.limit_pico_usd),
            meters=views[budget.id],
        )

    @post(opt={"grant": grant("budgets:write")})
    async def create_budget(
        self, caller: CallerKey, in_force: InForce, changes: Writer, data: JSONBody[NewBudget]
    ) -> ChangedBudget:
        """Make a budget; it is in force when this returns. 409 where one of that name exists."""
        budget = budget_of(data)
        check_project(caller, budget.scope)
        check_names([budget], in_force.budgets(), "budget")
        entry = audit_entry("create", caller, budget, in_force, after=data)
        late = await changes.commit(entry, [live_budget(budget)], partial(sync_budgets, budgets=[budget]))
        return await _changed_budget(changes.database, budget, late)

    @patch("/{name:str}", opt={"grant": grant("budgets:write")})
    async def change_budget(
        self,
        caller: CallerKey,
        in_force: InForce,
        changes: Writer,
        name: FromPath[str],
        data: JSONBody[BudgetChange],
    ) -> ChangedBudget:
        """Change a budget made here; what is left out stays. 409 for one of headgate.toml."""
        old = own(visible_meters(in_force.budgets(), caller, in_force), name, "budget")
        budget = changed_budget(old, data)
        if old.key is None:
            check_project(caller, budget.scope)
        live = [live_budget(budget)]
        if budget.id != old.id:
            live.insert(0, LiveChange("budget", old.id, None))
        entry = audit_entry("change", caller, budget, in_force, before=old, after=budget)
        late = await changes.commit(entry, live, partial(sync_budgets, budgets=[budget]))
        return await _changed_budget(changes.database, budget, late)

    @delete("/{name:str}", status_code=200, opt={"grant": grant("budgets:write")})
    async def delete_budget(
        self, caller: CallerKey, in_force: InForce, changes: Writer, name: FromPath[str]
    ) -> DeletedMeter:
        """Delete a budget made here; what it counted stays on record. 409 for one of headgate.toml."""
        old = own(visible_meters(in_force.budgets(), caller, in_force), name, "budget")
        entry = audit_entry("delete", caller, old, in_force, before=old)
        late = await changes.commit(entry, [LiveChange("budget", old.id, None)])
        return DeletedMeter(name=name, not_acknowledged=late)


def live_budget(budget: Budget) -> LiveChange:
    """Return the live object of a budget."""
    return LiveChange("budget", budget.id, msgspec.json.encode(budget), unique_name=budget.name)


New = TypeVar("New", NewBudget, NewRateLimit)


def _converted(raw: dict[str, Any], kind: type[New], where: str) -> New:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{where}: {error}", parameter=where) from None


def _of_key(new: New, key: Key) -> New:
    """Narrow the scope of a meter to the key that brings it along."""
    if new.scope.key not in (None, key.id):
        raise InvalidRequest("scope.key names another key; leave it out", parameter="scope.key")
    return msgspec.structs.replace(new, scope=msgspec.structs.replace(new.scope, key=key.id))


async def _read_budgets(
    database: Database, budgets: Sequence[Budget], meters_max: int
) -> dict[str, list[BudgetView]]:
    """Read what budgets count, by id; each has at least one view."""
    async with database.connection() as connection:
        found = await list_budgets(connection, budgets)
    by_name: dict[tuple[str, str | None], list[BudgetStatus]] = {}
    for status in found:
        by_name.setdefault((status.name, status.key), []).append(status)
    views: dict[str, list[BudgetView]] = {}
    for budget in budgets:
        statuses = by_name.get((budget.name, budget.key), [])[:meters_max]
        views[budget.id] = [_budget_view(budget, each) for each in statuses or [_unspent(budget)]]
    return views


async def _changed_budget(database: Database, budget: Budget, late: list[str]) -> ChangedBudget:
    views = await _read_budgets(database, [budget], 1)
    return ChangedBudget(**msgspec.structs.asdict(views[budget.id][0]), not_acknowledged=late)


def _unspent(budget: Budget) -> BudgetStatus:
    """What a budget with `*` shows before the first call that it counts."""
    return BudgetStatus(
        name=budget.name,
        scope=msgspec.to_builtins(budget.scope),
        window=budget.window,
        window_start=None,
        window_end=None,
        limit_usd=format_usd(budget.limit_pico_usd),
        spent_usd="0",
        reserved_usd="0",
        overrun_usd="0",
        managed_by=budget.managed_by,
    )


def _budget_view(budget: Budget, status: BudgetStatus) -> BudgetView:
    return BudgetView(
        name=budget.name,
        scope=status.scope,
        window=budget.window,
        timezone=budget.timezone,
        window_start=status.window_start,
        window_end=status.window_end,
        limit_usd=status.limit_usd,
        spent_usd=status.spent_usd,
        reserved_usd=status.reserved_usd,
        overrun_usd=status.overrun_usd,
        when_exhausted=budget.when_exhausted,
        when_near=budget.when_near,
        max_cost_per_call_usd=format_usd(budget.max_cost_per_call_pico_usd),
        on_outage=budget.on_outage,
        managed_by=budget.managed_by,
        key=budget.key,
    )
