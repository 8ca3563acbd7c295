"""Budgets and rate limits as frozen values: the meters' part of the snapshot. Pure.

Made by `config.compile`; a key's own budgets come with the key (`access.model.Key`).
"""

from typing import Literal

import msgspec

WindowName = Literal["hour", "day", "week", "month", "total"]
RateWindow = Literal["second", "minute", "hour", "day"]
RateUnit = Literal["requests", "tokens"]
WhenExhausted = Literal["next-target", "reject"]
OnOutage = Literal["deny", "allow"]


class Scope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which calls a meter counts: all named parts must match. `*` counts each value apart."""

    project: str | None = None
    key: str | None = None
    user: str | None = None
    provider: str | None = None
    model: str | None = None
    """An alias, or `provider/model`."""
    tag: str | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a call is counted under. Provider and target are empty before a target is chosen."""

    project: str
    key: str
    user: str
    """Never empty: without a user it is the key's id."""
    alias: str
    tags: tuple[str, ...] = ()
    provider: str = ""
    target: str = ""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on spend in a calendar window. `id` is a digest of name, scope, window and timezone, so that
    a changed limit keeps its meter and a changed scope makes a new one."""

    id: str
    name: str
    scope: Scope
    limit_pico_usd: int
    window: WindowName
    timezone: str = "UTC"
    when_exhausted: WhenExhausted = "next-target"
    when_near: Literal["refuse", "clamp"] = "refuse"
    max_cost_per_call_pico_usd: int = 0
    on_outage: OnOutage = "deny"
    reserve_wait_s: float = 2.0
    managed_by: Literal["file", "console"] = "file"
    key: str | None = None
    """The id of the key that brought it along."""


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on requests or tokens a time, for the whole deployment."""

    id: str
    name: str
    scope: Scope
    limit: int
    unit: RateUnit
    window: RateWindow
    on_outage: OnOutage = "allow"
    managed_by: Literal["file", "console"] = "file"
    key: str | None = None


class LoopGuard(msgspec.Struct, frozen=True, kw_only=True):
    """When near-identical calls, or the velocity of spend, are taken for a runaway loop. 0 switches off."""

    identical_calls: int = 0
    identical_within_s: float = 60.0
    spend_pico_usd: int = 0
    spend_within_s: float = 60.0


WINDOW_S: dict[RateWindow, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
