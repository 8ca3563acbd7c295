"""Budgets and rate limits as the control API takes and shows them. Pure.

The ids are those of `config.limits`: the same name, scope, window and time zone is the same meter, whether it
 comes from headgate.toml or from here, so that what was spent stays when it moves.
Read next: `meters.http`.
"""

import hashlib
import re
from typing import Annotated, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.money import parse_usd
from headgate.core.names import Name
from headgate.meters.model import (
    Budget,
    OnOutage,
    RateLimit,
    RateUnit,
    RateWindow,
    Scope,
    WhenExhausted,
    WindowName,
)
from headgate.meters.windows import zone

ID_CHARACTERS = 16

AMOUNT_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,12})?( ?USD)?$"
RATE_PATTERN = r"^([1-9][0-9]{0,14}) ?(requests?|tokens?)$"

Amount = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        description="such as `500 USD`, or a decimal number",
        extra_json_schema={"pattern": AMOUNT_PATTERN},
    ),
]
RateText = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        description="`60 requests` or `100000 tokens`",
        extra_json_schema={"pattern": RATE_PATTERN},
    ),
]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=60)]


class NewBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A budget to be made. With a key, it counts that key's calls only."""

    name: Name
    limit: Amount
    scope: Scope = Scope()
    window: WindowName = "month"
    timezone: str = "UTC"
    when_exhausted: WhenExhausted = "next-target"
    when_near: Literal["refuse", "clamp"] = "refuse"
    max_cost_per_call: Amount = "0 USD"
    on_outage: OnOutage = "deny"
    reserve_wait_s: Seconds = 2.0


class BudgetChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a budget; what is left out stays. Another scope, window or time zone is a new
    meter, seeded from what was spent."""

    limit: Amount | msgspec.UnsetType = msgspec.UNSET
    scope: Scope | msgspec.UnsetType = msgspec.UNSET
    window: WindowName | msgspec.UnsetType = msgspec.UNSET
    timezone: str | msgspec.UnsetType = msgspec.UNSET
    when_exhausted: WhenExhausted | msgspec.UnsetType = msgspec.UNSET
    when_near: Literal["refuse", "clamp"] | msgspec.UnsetType = msgspec.UNSET
    max_cost_per_call: Amount | msgspec.UnsetType = msgspec.UNSET
    on_outage: OnOutage | msgspec.UnsetType = msgspec.UNSET
    reserve_wait_s: Seconds | msgspec.UnsetType = msgspec.UNSET


class NewRateLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate limit to be made. With a key, it counts that key's calls only."""

    name: Name
    limit: RateText
    scope: Scope = Scope()
    window: RateWindow = "minute"
    on_outage: OnOutage = "allow"


class RateLimitChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a rate limit; what is left out stays."""

    limit: RateText | msgspec.UnsetType = msgspec.UNSET
    scope: Scope | msgspec.UnsetType = msgspec.UNSET
    window: RateWindow | msgspec.UnsetType = msgspec.UNSET
    on_outage: OnOutage | msgspec.UnsetType = msgspec.UNSET


def budget_of(new: NewBudget, key: str | None = None) -> Budget:
    """Read a budget to be made. Raises InvalidRequest that names the field."""
    try:
        zone(new.timezone)
    except ValueError as error:
        raise InvalidRequest(f"timezone: {error}", parameter="timezone") from None
    check_scope(new.scope)
    return Budget(
        id=meter_id("budget", key, new.name, new.scope, new.window, new.timezone),
        name=new.name,
        scope=new.scope,
        limit_pico_usd=_amount(new.limit, "limit"),
        window=new.window,
        timezone=new.timezone,
        when_exhausted=new.when_exhausted,
        when_near=new.when_near,
        max_cost_per_call_pico_usd=_amount(new.max_cost_per_call, "max_cost_per_call"),
        on_outage=new.on_outage,
        reserve_wait_s=new.reserve_wait_s,
        managed_by="console",
        key=key,
    )


def changed_budget(old: Budget, change: BudgetChange) -> Budget:
    """Apply a change to a budget. Raises InvalidRequest that names the field."""
    given = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET
    }
    if isinstance(change.limit, str):
        given["limit_pico_usd"] = _amount(given.pop("limit"), "limit")
    if isinstance(change.max_cost_per_call, str):
        given["max_cost_per_call_pico_usd"] = _amount(given.pop("max_cost_per_call"), "max_cost_per_call")
    budget = msgspec.structs.replace(old, **given)
    try:
        zone(budget.timezone)
    except ValueError as error:
        raise InvalidRequest(f"timezone: {error}", parameter="timezone") from None
    check_scope(budget.scope)
    identity = meter_id("budget", budget.key, budget.name, budget.scope, budget.window, budget.timezone)
    return msgspec.structs.replace(budget, id=identity)


def rate_limit_of(new: NewRateLimit, key: str | None = None) -> RateLimit:
    """Read a rate limit to be made. Raises InvalidRequest that names the field."""
    check_scope(new.scope)
    limit, unit = _rate(new.limit)
    return RateLimit(
        id=meter_id("rate_limit", key, new.name, new.scope, new.window, unit),
        name=new.name,
        scope=new.scope,
        limit=limit,
        unit=unit,
        window=new.window,
        on_outage=new.on_outage,
        managed_by="console",
        key=key,
    )


def changed_rate_limit(old: RateLimit, change: RateLimitChange) -> RateLimit:
    """Apply a change to a rate limit. Raises InvalidRequest that names the field."""
    given = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET
    }
    if isinstance(change.limit, str):
        given["limit"], given["unit"] = _rate(change.limit)
    limit = msgspec.structs.replace(old, **given)
    check_scope(limit.scope)
    identity = meter_id("rate_limit", limit.key, limit.name, limit.scope, limit.window, limit.unit)
    return msgspec.structs.replace(limit, id=identity)


def check_scope(scope: Scope) -> None:
    """Refuse a scope part that is empty or a pattern. Raises InvalidRequest that names it."""
    for part, value in msgspec.structs.asdict(scope).items():
        if value is not None and (not value or ("*" in value and value != "*") or "\x00" in value):
            raise InvalidRequest(
                f"scope.{part} is {value!r}; write a name, or '*' to count each {part} apart",
                parameter=f"scope.{part}",
            )


def meter_id(kind: str, key: str | None, *parts: str | Scope) -> str:
    """Return the digest that names a meter; a key's own meters are apart from all others."""
    named = [kind, *parts] if key is None else [kind, *parts, key]
    return hashlib.sha256(msgspec.json.encode(named, order="sorted")).hexdigest()[:ID_CHARACTERS]


def _amount(text: str, parameter: str) -> int:
    if not re.fullmatch(AMOUNT_PATTERN, text):
        raise InvalidRequest(
            f"{parameter} is {text!r}; write an amount such as '500 USD' or '0.25'", parameter=parameter
        )
    try:
        return parse_usd(text)
    except ValueError as error:
        raise InvalidRequest(f"{parameter}: {error}", parameter=parameter) from None


def _rate(text: str) -> tuple[int, RateUnit]:
    match = re.fullmatch(RATE_PATTERN, text)
    if match is None:
        raise InvalidRequest(
            f"limit is {text!r}; write a limit such as '60 requests' or '100000 tokens'", parameter="limit"
        )
    return int(match[1]), "requests" if match[2].startswith("request") else "tokens"
