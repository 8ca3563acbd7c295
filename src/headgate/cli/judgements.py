"""How `headgate doctor` judges what it found: one pure function a check. Read next: `checks`, the table.

What could not be learnt is `unknown`, never `ok`.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, cast

import msgspec

from headgate.cli.client import Json
from headgate.cli.evidence import Evidence
from headgate.cli.output import reach

State = Literal["ok", "warning", "failing", "unknown"]

NEAR_LIMIT = Decimal("0.8")
RESERVED_MUCH = Decimal("0.5")
ALERT_AGE_MAX = timedelta(hours=1)
DISK_FREE_MIN = 0.10
DISK_FREE_CRITICAL = 0.02
NAMED_MAX = 5

_LITERAL_KEY = re.compile(
    r"""^[^#\n]*(?:api_key|secret|password|token)["']?\s*=\s*["'](?!env:|file:|vault:)[^"']{8,}["']""",
    re.MULTILINE,
)


class Finding(msgspec.Struct, frozen=True):
    """What a check found, in a line."""

    state: State
    detail: str


Judge = Callable[[Evidence], Finding]

NOT_LEARNT = Finding("unknown", "the server did not say; it needs an admin key and a server of this version")


def answers(evidence: Evidence) -> Finding:
    """Whether a server answers at all."""
    if evidence.unreachable is not None:
        return Finding("failing", evidence.unreachable)
    return (
        Finding("ok", evidence.url)
        if evidence.health == 200
        else Finding("failing", f"/healthz says {evidence.health}")
    )


def ready(evidence: Evidence) -> Finding:
    """Whether the server says that it is ready, and what it warns of."""
    if evidence.readiness is None:
        return NOT_LEARNT
    wrong = _texts(reach(evidence.readiness_says, "wrong"))
    warnings = _texts(reach(evidence.readiness_says, "warnings"))
    if evidence.readiness != 200:
        return Finding("failing", _brief("; ".join(wrong) or f"/readyz says {evidence.readiness}"))
    return Finding("warning", _brief("; ".join(warnings))) if warnings else Finding("ok", "/readyz says so")


def secrets_decrypt(evidence: Evidence) -> Finding:
    """Whether the provider keys can be read."""
    if evidence.providers is None:
        return NOT_LEARNT
    without = [provider for provider in evidence.providers if provider.get("has_key") is False]
    reasons = [f"{provider.get('name')}: {provider.get('reason') or 'no key'}" for provider in without]
    return Finding("failing", _brief("; ".join(reasons))) if reasons else Finding("ok", "all providers")


def admin_key_private(evidence: Evidence) -> Finding:
    """Whether only the owner can read the admin key's file."""
    if evidence.admin_key is None:
        return Finding("ok", "no admin.key on this machine")
    if evidence.admin_key.others_can_read:
        return Finding("failing", f"{evidence.admin_key.path} has mode {evidence.admin_key.mode:04o}")
    return Finding("ok", evidence.admin_key.path)


def no_literal_keys(evidence: Evidence) -> Finding:
    """Whether headgate.toml holds a secret in plain text."""
    if evidence.config_text is None:
        return Finding("ok", "no headgate.toml here")
    lines = [
        evidence.config_text[: match.end()].count("\n") + 1
        for match in _LITERAL_KEY.finditer(evidence.config_text)
    ]
    if lines:
        return Finding("failing", f"line {', '.join(map(str, lines[:NAMED_MAX]))} of headgate.toml")
    return Finding("ok", "headgate.toml names secrets by env:, file: or vault:")


def encrypted(evidence: Evidence) -> Finding:
    """Whether keys cross a network in the clear."""
    if evidence.url.startswith("https://") or re.match(r"http://(127\.|localhost|\[::1\])", evidence.url):
        return Finding("ok", evidence.url)
    return Finding("failing", f"{evidence.url} carries keys in the clear")


def budget_exists(evidence: Evidence) -> Finding:
    """Whether anything limits spend."""
    if evidence.budgets is None:
        return NOT_LEARNT
    if not evidence.budgets:
        return Finding("warning", "no budget limits anything")
    return Finding("ok", _named(evidence.budgets, "name"))


def budget_for_all(evidence: Evidence) -> Finding:
    """Whether an unknown user is under some budget."""
    if evidence.budgets is None:
        return NOT_LEARNT
    for budget in evidence.budgets:
        scope: Json = budget.get("scope") or {}
        if not scope or set(scope.values()) == {"*"}:
            return Finding("ok", str(budget.get("name")))
    return Finding("warning", "no budget covers every caller")


def budgets_have_room(evidence: Evidence) -> Finding:
    """Whether a budget is nearly spent."""
    return _budgets(
        evidence, lambda b: _share(b, "spent_usd") >= NEAR_LIMIT, "more than 80 % spent", "warning"
    )


def outage_denies(evidence: Evidence) -> Finding:
    """Whether a budget lets calls through when its store is away."""
    if evidence.budgets is None or any("on_outage" not in budget for budget in evidence.budgets):
        return NOT_LEARNT
    return _budgets(evidence, lambda b: b.get("on_outage") == "allow", "allowed during an outage", "warning")


def no_overrun(evidence: Evidence) -> Finding:
    """Whether a call has settled above what was reserved for it."""
    return _budgets(evidence, lambda b: _amount(b, "overrun_usd") > 0, "overrun", "failing")


def reservations_move(evidence: Evidence) -> Finding:
    """Whether reservations hold much of a budget."""
    return _budgets(
        evidence, lambda b: _share(b, "reserved_usd") >= RESERVED_MUCH, "more than half reserved", "warning"
    )


def prices_known(evidence: Evidence) -> Finding:
    """Whether every target has a price."""
    if evidence.models is None:
        return NOT_LEARNT
    targets = [target for model in evidence.models for target in _targets(model)]
    if any("price" not in target for target in targets):
        return NOT_LEARNT
    unknown = [target for target in targets if target["price"] is None]
    return (
        Finding("warning", f"no price: {_named(unknown, 'target')}")
        if unknown
        else Finding("ok", "all targets")
    )


def fallback_exists(evidence: Evidence) -> Finding:
    """Whether every alias can move to another provider."""
    if evidence.models is None:
        return NOT_LEARNT
    aliases = [model for model in evidence.models if _targets(model)]
    alone = [m for m in aliases if len({str(t.get("target")).partition("/")[0] for t in _targets(m)}) < 2]
    if not aliases:
        return Finding("warning", "no alias is configured, so nothing falls back")
    return (
        Finding("warning", f"one provider only: {_named(alone, 'id')}")
        if alone
        else Finding("ok", "all aliases")
    )


def regions_stated(evidence: Evidence) -> Finding:
    """Whether every provider says where it processes."""
    if evidence.providers is None:
        return NOT_LEARNT
    without = [
        p for p in evidence.providers if not p.get("regions") and p.get("kind") not in ("mock", "replay")
    ]
    return (
        Finding("warning", f"no regions: {_named(without, 'name')}")
        if without
        else Finding("ok", "all providers")
    )


def breakers_closed(evidence: Evidence) -> Finding:
    """Whether a provider is being left out because it failed."""
    if evidence.providers is None:
        return NOT_LEARNT
    broken = [p for p in evidence.providers if str(p.get("state")) in ("open", "half-open", "down")]
    return (
        Finding("failing", f"left out: {_named(broken, 'name')}")
        if broken
        else Finding("ok", "all providers")
    )


def keys_expire(evidence: Evidence) -> Finding:
    """Whether keys end by themselves."""
    if evidence.keys is None:
        return NOT_LEARNT
    endless = [key for key in evidence.keys if key.get("expires_at") is None]
    return (
        Finding("warning", f"never end: {_named(endless, 'name')}") if endless else Finding("ok", "all keys")
    )


def keys_assert_little(evidence: Evidence) -> Finding:
    """Which keys may name the user whom a call counts for."""
    if evidence.keys is None:
        return NOT_LEARNT
    trusted = [key for key in evidence.keys if key.get("may_assert")]
    return (
        Finding("warning", f"may assert: {_named(trusted, 'name')}") if trusted else Finding("ok", "no key")
    )


def journal_ships(evidence: Evidence) -> Finding:
    """Whether what gateways wrote down reaches the database."""
    if evidence.alerts is None:
        return NOT_LEARNT
    since = (evidence.now - ALERT_AGE_MAX).isoformat()
    recent = [
        alert
        for alert in evidence.alerts
        if str(alert.get("kind")).startswith("journal") and str(alert.get("at")) >= since
    ]
    if recent:
        return Finding("failing", f"{recent[0].get('kind')} at {recent[0].get('at')}")
    return Finding("ok", "no alert of a growing journal within an hour")


def survives_failover(evidence: Evidence) -> Finding:
    """Whether what the database has confirmed is still there after a crash or a failover of it."""
    database = reach(evidence.status, "database")
    if not isinstance(database, dict):
        return NOT_LEARNT
    said = cast("Json", database)
    if not said.get("syncs") or said.get("commits") == "off":
        return Finding("failing", "a crash of the database loses commits: fsync or synchronous_commit is off")
    if said.get("waiting"):
        return Finding("warning", _brief(f"nothing is granted before these register: {said['waiting']}"))
    if not said.get("standbys"):
        return Finding("ok", "no standby streams from it")
    if not said.get("synchronous") or said.get("commits") == "local":
        return Finding("warning", "an asynchronous standby: the promise on budgets ends at a failover")
    return Finding("ok", "commits wait for a standby")


def exporters_deliver(evidence: Evidence) -> Finding:
    """Whether collectors take what they are sent."""
    found = reach(evidence.status, "exporters")
    if not isinstance(found, list):
        return NOT_LEARNT
    exporters = cast("list[Json]", found)
    failing = [one for one in exporters if one.get("failures")]
    if failing:
        one = failing[0]
        what = f"{one.get('name')} takes no {one.get('signal')}: {one.get('last_error')}"
        return Finding("failing", _brief(f"{what}; {one.get('waiting')} calls wait"))
    lossy = [one for one in exporters if one.get("rejected") or one.get("dropped")]
    if lossy:
        lost = ", ".join(
            f"{one.get('name')} ({one.get('rejected')} refused, {one.get('dropped')} dropped)"
            for one in lossy
        )
        return Finding("warning", _brief(f"calls were lost to: {lost}"))
    withheld = [one for one in exporters if one.get("withheld")]
    if withheld:
        return Finding("warning", f"calls may not go to: {_named(withheld, 'name')}; state its regions")
    names = dict.fromkeys(str(one.get("name")) for one in exporters)
    return Finding("ok", ", ".join(names) or "none is configured")


def disk_has_room(evidence: Evidence) -> Finding:
    """Whether the data folder's disk has room."""
    free = evidence.disk_free_share
    if free is None:
        return Finding("unknown", "the data folder is not on this machine")
    state: State = "failing" if free < DISK_FREE_CRITICAL else "warning" if free < DISK_FREE_MIN else "ok"
    return Finding(state, f"{free:.0%} free")


def _budgets(evidence: Evidence, bad: Callable[[Json], bool], what: str, state: State) -> Finding:
    if evidence.budgets is None:
        return NOT_LEARNT
    found = [budget for budget in evidence.budgets if bad(budget)]
    return Finding(state, f"{what}: {_named(found, 'name')}") if found else Finding("ok", "all budgets")


def _targets(model: Json) -> list[Json]:
    details: list[Json] = model.get("details") or []
    names: list[str] = model.get("targets") or []
    return details or [{"target": name} for name in names]


def _amount(budget: Json, name: str) -> Decimal:
    try:
        return Decimal(str(budget.get(name) or 0))
    except InvalidOperation:
        return Decimal(0)


def _share(budget: Json, name: str) -> Decimal:
    limit = _amount(budget, "limit_usd")
    return _amount(budget, name) / limit if limit > 0 else Decimal(0)


def _texts(value: Any) -> list[str]:
    return [str(text) for text in cast("list[Any]", value)] if isinstance(value, list) else []


def _named(items: Sequence[Json], name: str) -> str:
    names = [str(item.get(name)) for item in items]
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def _brief(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "..."
