"""Routes of rate limits.

Those of headgate.toml are shown and never changed here; those made here are live objects, in force within a
second. Read next: `meters.console` (what is taken), `meters.listing`, `access.changes`.
"""

from typing import Any

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from headgate.access.changes import LiveChange
from headgate.access.gate import CallerKey, PageLimit, grant
from headgate.core.pages import LIMIT_DEFAULT, Page
from headgate.meters.console import NewRateLimit, RateLimitChange, changed_rate_limit, rate_limit_of
from headgate.meters.http import ManagedBy
from headgate.meters.listing import (
    DeletedMeter,
    InForce,
    Writer,
    audit_entry,
    check_names,
    check_project,
    named,
    own,
    page,
    visible_meters,
)
from headgate.meters.model import OnOutage, RateLimit, RateWindow, Scope


class RateLimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A rate limit. `limit` is such as `60 requests`."""

    name: str
    scope: Scope
    limit: str
    window: RateWindow
    on_outage: OnOutage
    managed_by: ManagedBy
    key: str | None


class ChangedRateLimit(RateLimitView, frozen=True, kw_only=True):
    """A rate limit as it now stands. `not_acknowledged` names live gateways that don't apply it yet."""

    not_acknowledged: list[str]


class RateLimitsController(Controller):
    """Limits on requests or tokens a time."""

    path = "/rate_limits"
    tags = ("rate limits",)

    @get(opt={"grant": grant("rate_limits:read")})
    async def list_rate_limits(
        self,
        caller: CallerKey,
        in_force: InForce,
        limit: PageLimit = LIMIT_DEFAULT,
        next: FromQuery[str | None] = None,  # noqa: A002 - the contract's name
    ) -> Page[RateLimitView]:
        """List rate limits by name."""
        shown, following = page(visible_meters(in_force.rate_limits(), caller, in_force), limit, next)
        return Page(items=[_rate_limit_view(each) for each in shown], next=following)

    @get("/{name:str}", opt={"grant": grant("rate_limits:read")})
    async def show_rate_limit(
        self, caller: CallerKey, in_force: InForce, name: FromPath[str]
    ) -> RateLimitView:
        """Show one rate limit."""
        return _rate_limit_view(
            named(visible_meters(in_force.rate_limits(), caller, in_force), name, "rate limit")
        )

    @post(opt={"grant": grant("rate_limits:write")})
    async def create_rate_limit(
        self, caller: CallerKey, in_force: InForce, changes: Writer, data: JSONBody[NewRateLimit]
    ) -> ChangedRateLimit:
        """Make a rate limit; it is in force when this returns. 409 where one of that name exists."""
        limit = rate_limit_of(data)
        check_project(caller, limit.scope)
        check_names([limit], in_force.rate_limits(), "rate limit")
        entry = audit_entry("create", caller, limit, in_force, after=data)
        return _changed_rate_limit(limit, await changes.commit(entry, [live_rate_limit(limit)]))

    @patch("/{name:str}", opt={"grant": grant("rate_limits:write")})
    async def change_rate_limit(
        self,
        caller: CallerKey,
        in_force: InForce,
        changes: Writer,
        name: FromPath[str],
        data: JSONBody[RateLimitChange],
    ) -> ChangedRateLimit:
        """Change a rate limit made here; what is left out stays. 409 for one of headgate.toml."""
        old = own(visible_meters(in_force.rate_limits(), caller, in_force), name, "rate limit")
        limit = changed_rate_limit(old, data)
        if old.key is None:
            check_project(caller, limit.scope)
        live = [live_rate_limit(limit)]
        if limit.id != old.id:
            live.insert(0, LiveChange("rate_limit", old.id, None))
        entry = audit_entry("change", caller, limit, in_force, before=old, after=limit)
        late = await changes.commit(entry, live)
        return _changed_rate_limit(limit, late)

    @delete("/{name:str}", status_code=200, opt={"grant": grant("rate_limits:write")})
    async def delete_rate_limit(
        self, caller: CallerKey, in_force: InForce, changes: Writer, name: FromPath[str]
    ) -> DeletedMeter:
        """Delete a rate limit made here. 409 for one of headgate.toml."""
        old = own(visible_meters(in_force.rate_limits(), caller, in_force), name, "rate limit")
        entry = audit_entry("delete", caller, old, in_force, before=old)
        late = await changes.commit(entry, [LiveChange("rate_limit", old.id, None)])
        return DeletedMeter(name=name, not_acknowledged=late)


def live_rate_limit(limit: RateLimit) -> LiveChange:
    """Return the live object of a rate limit."""
    return LiveChange("rate_limit", limit.id, msgspec.json.encode(limit), unique_name=limit.name)


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
