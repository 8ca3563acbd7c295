"""Conducts one drill: a key and a budget of its own, visitors, the trouble, and then the accounts.

What it makes it takes away again, or the key ends by itself soon after. Read next: `plans`, `books`.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from headgate.core.faults import Fault, Misconfigured
from headgate.core.money import parse_usd
from headgate.core.pages import format_ms
from headgate.drills.books import judge_budget, judge_calls
from headgate.drills.household import Household
from headgate.drills.model import BudgetLine, Control, Line, Report, Verdict
from headgate.drills.plans import BACK_S_MAX, DRILLS, Drill, Stage
from headgate.drills.visitors import Manner, Visitors

LIMIT: Final = "1 USD"
UNKNOWN: Final = "0.0001 USD"
"""What the drill's own budget charges for a call whose cost is unknown, as a mock's without a price is."""
UNKNOWN_PICO_USD: Final = parse_usd(UNKNOWN.partition(" ")[0])
FIELDS: Final = {"max_tokens": 100}
SETTLED_S_MAX: Final = 45.0
KEY_S: Final = 600.0
"""How much longer than the trouble a drill's key lasts, where nobody comes to take it away."""
WARM_S_MAX: Final = 20.0
WELL_CALLS: Final = 4
"""How many calls have to be answered before and after: one a client, as long as there are no more."""
DRILL_NAMED: Final = {drill.name: drill for drill in DRILLS}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to conduct a drill: for how long the trouble lasts, how many clients call, and which model."""

    seconds: float | None = None
    clients: int = 4
    model: str | None = None


def drill_named(name: str) -> Drill:
    """Return the drill of that name. Raises Misconfigured with the names that there are."""
    if name not in DRILL_NAMED:
        raise Misconfigured(f"there is no drill {name!r}; there are {', '.join(DRILL_NAMED)}")
    return DRILL_NAMED[name]


def conduct(
    control: Control,
    drill: Drill,
    options: Options,
    household: Household | None,
    *,
    note: Callable[[str], None],
) -> Report:
    """Run one drill, from its first call to its verdicts. Raises Unavailable when the server is away."""
    began_s = time.monotonic()
    done: list[str] = []

    def say(step: str) -> None:
        line = f"{time.monotonic() - began_s:5.1f} s  {step}"
        done.append(line)
        note(line)

    model = options.model or f"{standin_of(control)}/{drill.model}"
    name = f"drill-{drill.name}-{secrets.token_hex(4)}"
    budget = {"name": name, "limit": LIMIT, "window": "total", "max_cost_per_call": UNKNOWN}
    seconds = options.seconds or drill.seconds
    ends = format_ms(round((time.time() + seconds + KEY_S) * 1000))
    made = control.post("/keys", {"name": name, "may_assert": True, "budgets": [budget], "expires_at": ends})
    try:
        manner = msgspec.convert(
            {"model": model, "clients": options.clients, "fields": FIELDS, **drill.manner}, Manner
        )
        visitors = Visitors(control.url, str(made["key"]), manner)
        stage = Stage(household=household, visitors=visitors, seconds=seconds, note=say)
        say(f"calls {model} with {manner.clients} clients")
        verdicts = asyncio.run(_play(drill, stage))
        say("holds clients, records and budget against each other")
        verdicts += _judge(control, visitors, str(made["id"]), name)
    finally:
        try:
            control.delete(f"/keys/{made['id']}")
        except Fault as fault:
            # Not raised: it would hide what has gone wrong before.
            say(f"can't take the key {name} away, and it ends at {ends}: {fault.message}")
    return Report(
        drill=drill.name, done=done, verdicts=verdicts, calls=len(visitors.seen), answered=visitors.answered
    )


def standin_of(control: Control) -> str:
    """Return the name of a mock provider of the set-up. Raises Misconfigured where it has none."""
    for provider in control.items("/providers"):
        if provider.get("kind") == "mock":
            return str(provider["name"])
    raise Misconfigured(
        'drills call stand-ins only, and there is none: add [providers.mock] with kind = "mock" to '
        "headgate.toml, or name a model of yours with --model"
    )


async def _play(drill: Drill, stage: Stage) -> list[Verdict]:
    verdicts: list[Verdict] = []
    async with stage.visitors as visitors:
        if drill.answers:
            well = await visitors.see(WELL_CALLS, WARM_S_MAX)
            verdicts.append(
                Verdict(promise="calls are answered before", seen=_last(visitors, well), kept=well)
            )
            if not well:
                return verdicts
        verdicts += await drill.trouble(stage)
        if drill.answers:
            began_s = time.monotonic()
            well = await visitors.see(WELL_CALLS, BACK_S_MAX)
            seen = f"after {time.monotonic() - began_s:.1f} s" if well else _last(visitors, well)
            verdicts.append(
                Verdict(promise=f"calls are answered again within {BACK_S_MAX:.0f} s", seen=seen, kept=well)
            )
    return verdicts


def _last(visitors: Visitors, well: bool) -> str:
    if well:
        return "they are"
    if not visitors.seen:
        return "no call came to an end"
    one = visitors.seen[-1]
    return f"the last got {one.status or 'no answer'}: {one.said[:200]}"


def _judge(control: Control, visitors: Visitors, key: str, budget_name: str) -> list[Verdict]:
    lines, budget = _settled(control, visitors, key, budget_name)
    return [
        *judge_calls(visitors.seen, lines),
        *judge_budget(budget, lines, unknown_pico_usd=UNKNOWN_PICO_USD),
        Verdict(
            promise=f"nothing stays reserved for longer than {SETTLED_S_MAX:.0f} s",
            seen=f"{budget.reserved_usd} USD reserved",
            kept=parse_usd(budget.reserved_usd) == 0,
        ),
    ]


def _settled(
    control: Control, visitors: Visitors, key: str, budget_name: str
) -> tuple[Sequence[Line], BudgetLine]:
    """Look until all that was answered is on record and nothing is reserved, or time is up."""
    wanted = {one.call for one in visitors.seen if one.is_answered}
    until_s = time.monotonic() + SETTLED_S_MAX
    while True:
        try:
            budget = _budget(control, budget_name)
            lines = msgspec.convert(control.items("/requests", key=key), list[Line])
            again = _budget(control, budget_name)
            is_settled = wanted <= {line.id for line in lines} and parse_usd(budget.reserved_usd) == 0
            if (is_settled and again == budget) or time.monotonic() > until_s:
                return lines, budget
        except Fault:
            if time.monotonic() > until_s:
                raise
        time.sleep(0.3)


def _budget(control: Control, name: str) -> BudgetLine:
    found: Any = control.get(f"/budgets/{name}")
    return msgspec.convert(found["meters"][0], BudgetLine)
