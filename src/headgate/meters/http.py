"""Routes of budgets and rate limits.

Those of headgate.toml are shown and never changed here; those made here are live objects, in force within a
second. Read next: `meters.console` (what is taken), `meters.status` (what is spent), `access.changes`.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol, TypeVar

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.params import Dependency

from headgate.access.changes import Changes, LiveChange
from headgate.access.gate import grant
from headgate.access.model import Key
from headgate.access.roles import visible
from headgate.core.faults import Conflict, InvalidRequest, NotAllowed, NotFound
from headgate.core.money import format_usd
from headgate.core.pages import LIMIT_DEFAULT, Page, PageLimit, decode_cursor, encode_cursor, format_ms
from headgate.meters.console import (
    BudgetChange,
    NewBudget,
    NewRateLimit,
    RateLimitChange,
    budget_of,
    changed_budget,
    changed_rate_limit,
    rate_limit_of,
)
from headgate.meters.model import Budget, OnOutage, RateLimit, RateWindow, Scope, WhenExhausted, WindowName
from headgate.meters.windows import NEVER_MS

ManagedBy = Literal["file", "console"]


class MetersInForce(Protocol):
    """What control knows of the meters that gateways apply."""

    def budgets(self) -> Sequence[Budget]:
        """All budgets: of the file, made here, and brought along by keys."""
        ...

    def rate_limits(self) -> Sequence[RateLimit]:
        """All rate limits."""
        ...

    def project_of_key(self, key: str) -> str | None:
        """The project of a key that is in force."""
        ...


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What one budget counts in its present window, over all its meters, in pico-USD."""

    starts_ms: int | None = None
    ends_ms: int | None = None
    spent: int = 0
    reserved: int = 0
    overrun: int = 0


class SpendReader(Protocol):
    """Reads what budgets count."""

    async def __call__(self, budgets: Sequence[Budget]) -> dict[str, Spend]:
        """Return the spend of each budget by its id."""
        ...


InForce = Annotated[MetersInForce, Dependency(skip_validation=True)]
ReadSpend = Annotated[SpendReader, Dependency(skip_validation=True)]
Writer = Annotated[Changes, Dependency(skip_validation=True)]


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and what it counts now. `reserved_usd` is held by gateways for calls in flight or to come;
    `window_end` is null for `total`. With `*` in its scope the sums are over all its meters."""

    name: str
    scope: Scope
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


class RateLimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A rate limit. `limit` is such as `60 requests`."""

    name: str
    scope: Scope
    limit: str
    window: RateWindow
    on_outage: OnOutage
    managed_by: ManagedBy
    key: str | None


class ChangedBudget(BudgetView, frozen=True, kw_only=True):
    """A budget as it now stands. `not_acknowledged` names live gateways that don't apply it yet."""

    not_acknowledged: list[str]


class ChangedRateLimit(RateLimitView, frozen=True, kw_only=True):
    """A rate limit as it now stands. `not_acknowledged` names live gateways that don't apply it yet."""

    not_acknowledged: list[str]


class DeletedMeter(msgspec.Struct, frozen=True, kw_only=True):
    """The name of what was deleted. What it counted stays on record."""

    name: str
    not_acknowledged: list[str]


Meter = TypeVar("Meter", Budget, RateLimit)


class InlineMeters:
    """Reads the budgets and rate limits that a new key brings along."""

    def __init__(self, in_force: MetersInForce) -> None:
        self._in_force = in_force

    def read(
        self, key: str, budgets: Sequence[dict[str, Any]], rate_limits: Sequence[dict[str, Any]]
    ) -> list[LiveChange]:
        """Return the live objects to be made. Raises InvalidRequest and Conflict."""
        changes: list[LiveChange] = []
        names: set[str] = set()
        for index, raw in enumerate(budgets):
            budget = budget_of(_converted(raw, NewBudget, f"budgets[{index}]"), key)
            _check_name(budget.name, self._in_force.budgets(), names, "budget")
            changes.append(live_budget(budget))
        names.clear()
        for index, raw in enumerate(rate_limits):
            limit = rate_limit_of(_converted(raw, NewRateLimit, f"rate_limits[{index}]"), key)
            _check_name(limit.name, self._in_force.rate_limits(), names, "rate limit")
            changes.append(live_rate_limit(limit))
        return changes

    def of_key(self, key: str) -> list[LiveChange]:
        """Return what is to be deleted when a key is."""
        budgets = [LiveChange("budget", each.id, None) for each in self._in_force.budgets() if each.key == key]
        limits = [
            LiveChange("rate_limit", each.id, None) for each in self._in_force.rate_limits() if each.key == key
        ]
        return budgets + limits


class BudgetsController(Controller):
    """Limits on spend."""

    path = "/budgets"
    tags = ("budgets",)

    @get(opt={"grant": grant("budgets:read")})
    async def list_budgets(
        self,
        caller: Key,
        in_force: InForce,
        read_spend: ReadSpend,
        limit: PageLimit = LIMIT_DEFAULT,
        next: str | None = None,  # noqa: A002 - the contract's name
    ) -> Page[BudgetView]:
        """List budgets by name, with what is spent and reserved in the present window."""
        shown, following = _page(_visible(in_force.budgets(), caller, in_force), limit, next)
        spends = await read_spend(shown)
        return Page(items=[_budget_view(each, spends.get(each.id)) for each in shown], next=following)

    @get("/{name:str}", opt={"grant": grant("budgets:read")})
    async def show_budget(
        self, caller: Key, in_force: InForce, read_spend: ReadSpend, name: str
    ) -> BudgetView:
        """Show one budget with what is spent and reserved in the present window."""
        budget = _named(_visible(in_force.budgets(), caller, in_force), name, "budget")
        return _budget_view(budget, (await read_spend([budget])).get(budget.id))

    @post(opt={"grant": grant("budgets:write")})
    async def create_budget(
        self, caller: Key, in_force: InForce, changes: Writer, data: NewBudget
    ) -> ChangedBudget:
        """Make a budget; it is in force when this returns. 409 where one of that name exists."""
        budget = budget_of(data)
        _check_project(caller, budget.scope)
        _check_name(budget.name, in_force.budgets(), set(), "budget")
        late = await changes.commit(
            caller, "budgets.create", budget.name, [live_budget(budget)], detail=data
        )
        return _changed_budget(budget, None, late)

    @patch("/{name:str}", opt={"grant": grant("budgets:write")})
    async def change_budget(
        self,
        caller: Key,
        in_force: InForce,
        read_spend: ReadSpend,
        changes: Writer,
        name: str,
        data: BudgetChange,
    ) -> ChangedBudget:
        """Change a budget made here; what is left out stays. 409 for one of headgate.toml."""
        old = _own(_visible(in_force.budgets(), caller, in_force), name, "budget")
        budget = changed_budget(old, data)
        if old.key is None:
            _check_project(caller, budget.scope)
        live = [live_budget(budget)]
        if budget.id != old.id:
            live.insert(0, LiveChange("budget", old.id, None))
        late = await changes.commit(caller, "budgets.change", name, live, detail=data)
        return _changed_budget(budget, (await read_spend([budget])).get(budget.id), late)

    @delete("/{name:str}", status_code=200, opt={"grant": grant("budgets:write")})
    async def delete_budget(
        self, caller: Key, in_force: InForce, changes: Writer, name: str
    ) -> DeletedMeter:
        """Delete a budget made here; what it counted stays on record. 409 for one of headgate.toml."""
        old = _own(_visible(in_force.budgets(), caller, in_force), name, "budget")
        late = await changes.commit(caller, "budgets.delete", name, [LiveChange("budget", old.id, None)])
        return DeletedMeter(name=name, not_acknowledged=late)


class RateLimitsController(Controller):
    """Limits on requests or tokens a time."""

    path = "/rate_limits"
    tags = ("rate limits",)

    @get(opt={"grant": grant("rate_limits:read")})
    async def list_rate_limits(
        self,
        caller: Key,
        in_force: InForce,
        limit: PageLimit = LIMIT_DEFAULT,
        next: str | None = None,  # noqa: A002 - the contract's name
    ) -> Page[RateLimitView]:
        """List rate limits by name."""
        shown, following = _page(_visible(in_force.rate_limits(), caller, in_force), limit, next)
        return Page(items=[_rate_limit_view(each) for each in shown], next=following)

    @get("/{name:str}", opt={"grant": grant("rate_limits:read")})
    async def show_rate_limit(self, caller: Key, in_force: InForce, name: str) -> RateLimitView:
        """Show one rate limit."""
        return _rate_limit_view(_named(_visible(in_force.rate_limits(), caller, in_force), name, "rate limit"))

    @post(opt={"grant": grant("rate_limits:write")})
    async def create_rate_limit(
        self, caller: Key, in_force: InForce, changes: Writer, data: NewRateLimit
    ) -> ChangedRateLimit:
        """Make a rate limit; it is in force when this returns. 409 where one of that name exists."""
        limit = rate_limit_of(data)
        _check_project(caller, limit.scope)
        _check_name(limit.name, in_force.rate_limits(), set(), "rate limit")
        late = await changes.commit(
            caller, "rate_limits.create", limit.name, [live_rate_limit(limit)], detail=data
        )
        return _changed_rate_limit(limit, late)

    @patch("/{name:str}", opt={"grant": grant("rate_limits:write")})
    async def change_rate_limit(
        self, caller: Key, in_force: InForce, changes: Writer, name: str, data: RateLimitChange
    ) -> ChangedRateLimit:
        """Change a rate limit made here; what is left out stays. 409 for one of headgate.toml."""
        old = _own(_visible(in_force.rate_limits(), caller, in_force), name, "rate limit")
        limit = changed_rate_limit(old, data)
        if old.key is None:
            _check_project(caller, limit.scope)
        live = [live_rate_limit(limit)]
        if limit.id != old.id:
            live.insert(0, LiveChange("rate_limit", old.id, None))
        late = await changes.commit(caller, "rate_limits.change", name, live, detail=data)
        return _changed_rate_limit(limit, late)

    @delete("/{name:str}", status_code=200, opt={"grant": grant("rate_limits:write")})
    async def delete_rate_limit(
        self, caller: Key, in_force: InForce, changes: Writer, name: str
    ) -> DeletedMeter:
        """Delete a rate limit made here. 409 for one of headgate.toml."""
        old = _own(_visible(in_force.rate_limits(), caller, in_force), name, "rate limit")
        live = [LiveChange("rate_limit", old.id, None)]
        late = await changes.commit(caller, "rate_limits.delete", name, live)
        return DeletedMeter(name=name, not_acknowledged=late)


def live_budget(budget: Budget) -> LiveChange:
    """Return the live object of a budget."""
    return LiveChange("budget", budget.id, msgspec.json.encode(budget), unique_name=budget.name)


def live_rate_limit(limit: RateLimit) -> LiveChange:
    """Return the live object of a rate limit."""
    return LiveChange("rate_limit", limit.id, msgspec.json.encode(limit), unique_name=limit.name)


New = TypeVar("New", NewBudget, NewRateLimit)


def _converted(raw: dict[str, Any], kind: type[New], where: str) -> New:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{where}: {error}", parameter=where) from None


def _visible(meters: Sequence[Meter], caller: Key, in_force: MetersInForce) -> list[Meter]:
    """The meters that a caller may see: all, or those that count its project's calls only."""
    seen = visible(caller)
    if seen.project_ids is None:
        return list(meters)
    return [
        each
        for each in meters
        if (each.scope.project is not None and seen.sees(each.scope.project))
        or (each.key is not None and (in_force.project_of_key(each.key) or "") in seen.project_ids)
    ]


def _check_project(caller: Key, scope: Scope) -> None:
    if not visible(caller).sees(scope.project or "") or scope.project == "*":
        if visible(caller).project_ids is None:
            return
        raise NotAllowed(f"the scope has to name your project: write project = {caller.project!r} in it")


def _check_name(name: str, meters: Sequence[Budget | RateLimit], names: set[str], what: str) -> None:
    taken = next((each for each in meters if each.name == name), None)
    if taken is not None or name in names:
        where = "headgate.toml" if taken is not None and taken.managed_by == "file" else "the console"
        raise Conflict(f"there is a {what} {name!r} already, managed by {where}; choose another name")
    names.add(name)


def _named(meters: Sequence[Meter], name: str, what: str) -> Meter:
    for meter in meters:
        if meter.name == name:
            return meter
    raise NotFound(f"there is no {what} {name[:100]!r}; GET the list for the names")


def _own(meters: Sequence[Meter], name: str, what: str) -> Meter:
    meter = _named(meters, name, what)
    if meter.managed_by == "file":
        raise Conflict(f"{what} {name!r} is managed by headgate.toml; change it there, then `headgate apply`")
    return meter


def _page(meters: Sequence[Meter], limit: int, cursor: str | None) -> tuple[list[Meter], str | None]:
    ordered = sorted(meters, key=_place)
    if cursor is not None:
        after = decode_cursor(cursor, tuple[str, str])
        ordered = [meter for meter in ordered if _place(meter) > after]
    shown = ordered[:limit]
    return shown, encode_cursor(_place(shown[-1])) if len(ordered) > limit else None


def _place(meter: Budget | RateLimit) -> tuple[str, str]:
    return meter.name, meter.id


def _instant(instant_ms: int | None) -> str | None:
    return None if instant_ms is None or instant_ms >= NEVER_MS else format_ms(instant_ms)


def _budget_view(budget: Budget, spend: Spend | None) -> BudgetView:
    return BudgetView(**_budget_fields(budget, spend or Spend()))


def _changed_budget(budget: Budget, spend: Spend | None, late: list[str]) -> ChangedBudget:
    return ChangedBudget(**_budget_fields(budget, spend or Spend()), not_acknowledged=late)


def _budget_fields(budget: Budget, spend: Spend) -> dict[str, Any]:
    return {
        "name": budget.name,
        "scope": budget.scope,
        "window": budget.window,
        "timezone": budget.timezone,
        "window_start": _instant(spend.starts_ms),
        "window_end": _instant(spend.ends_ms),
        "limit_usd": format_usd(budget.limit_pico_usd),
        "spent_usd": format_usd(spend.spent),
        "reserved_usd": format_usd(spend.reserved),
        "overrun_usd": format_usd(spend.overrun),
        "when_exhausted": budget.when_exhausted,
        "when_near": budget.when_near,
        "max_cost_per_call_usd": format_usd(budget.max_cost_per_call_pico_usd),
        "on_outage": budget.on_outage,
        "managed_by": budget.managed_by,
        "key": budget.key,
    }


def _rate_limit_view(limit: RateLimit) -> RateLimitView:
    return RateLimitView(**_rate_limit_fields(limit))


def _changed_rate_limit(limit: RateLimit, late: list[str]) -> ChangedRateLimit:
    return ChangedRateLimit(**_rate_limit_fields(limit), not_acknowledged=late)


def _rate_limit_fields(limit: RateLimit) -> dict[str, Any]:
    return {
        "name": limit.name,
        "scope": limit.scope,
        "limit": f"{limit.limit} {limit.unit}",
        "window": limit.window,
        "on_outage": limit.on_outage,
        "managed_by": limit.managed_by,
        "key": limit.key,
    }
