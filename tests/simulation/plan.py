"""What a seed makes of a schedule: how many take part, what goes wrong, and how often.

No schedule has everything in it: what goes wrong together is drawn anew for each, so that faults which hide
each other still meet alone.
"""

from random import Random

import msgspec

from headgate.core.entries import BODY, Body
from headgate.journal.format import frame
from headgate.meters.model import Budget, Scope, WindowName
from headgate.meters.windows import edges

HOUR_MS = 3_600_000
START_MS = 1_800_000_000_000
WINDOWS: tuple[WindowName, ...] = ("total", "total", "total", "hour", "day")
ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe")


class Plan(msgspec.Struct, kw_only=True):
    """The parameters of a schedule."""

    seed: int
    steps: int
    hosts: int
    processes: int
    budgets: list[Budget]
    subjects: int
    bound_max: int
    start_ms: int
    leases_max: int = 64
    is_durable: bool = False
    bodies: bool = False
    clamps: bool = False
    drains: bool = False
    unbounded: float = 0.0
    lost: float = 0.0
    lost_answers: float = 0.0
    duplicated: float = 0.0
    kills: float = 0.0
    weights: dict[str, float] = {}
    may_lose_commits: bool = False
    text: bytes = b""


def plan_of(seed: int) -> Plan:
    """Return the plan that belongs to a seed."""
    random = Random(seed)
    hosts = random.choice((1, 1, 2, 3))
    bound_max = random.choice((5, 20, 100))
    budgets = [_budget(random, name, bound_max) for name in ("one", "two")[: random.choice((1, 1, 2))]]
    plan = Plan(
        seed=seed,
        steps=random.choice((40, 90, 160)),
        hosts=hosts,
        processes=hosts * random.choice((1, 1, 2)),
        budgets=budgets,
        subjects=random.choice((1, 1, 1, 2, 6)),
        bound_max=bound_max,
        start_ms=_start(random, budgets[0]),
        leases_max=random.choice((64, 64, 2)),
        is_durable=random.random() < 0.25,
        bodies=random.random() < 0.2,
        clamps=random.random() < 0.2,
        drains=random.random() < 0.4,
        unbounded=random.choice((0.0, 0.0, 0.0, 0.3)),
    )
    if random.random() < 0.8:
        _go_wrong(plan, random)
    # What a client sends may look like an entry of a journal.
    fake = Body(call=bytes(16), project="", dialect="", request=b"", response=b"")
    plan.text = frame(BODY, msgspec.msgpack.encode(fake), 0) * random.choice((1, 4))
    plan.weights = {name: one for name, one in plan.weights.items() if one}
    return plan


def _go_wrong(plan: Plan, random: Random) -> None:
    """Choose some of what can go wrong."""

    def maybe(chance: float, most: float) -> float:
        return random.uniform(0.1, 1.0) * most if random.random() < chance else 0.0

    plan.lost = maybe(0.4, 0.3)
    plan.lost_answers = maybe(0.4, 0.3)
    plan.duplicated = maybe(0.3, 0.3)
    plan.kills = maybe(0.6, 0.02)
    plan.weights = {
        "hang_up": maybe(0.4, 4),
        "kill": maybe(0.4, 2),
        "kill_shipper": maybe(0.3, 2),
        "stop_gracefully": maybe(0.3, 1),
        "database_down": maybe(0.3, 1),
        "restart_database": maybe(0.3, 1),
        "partition": maybe(0.25, 1),
        "cut_power": maybe(0.15, 1),
        "jump_clock": maybe(0.25, 1.5),
        "suspend": maybe(0.1, 1),
        "change_limit": maybe(0.3, 2),
        "poison": maybe(0.1, 2),
        "rot": maybe(0.1, 1),
        "leap": maybe(0.5, 3),
    }
    if random.random() < 0.05:
        plan.may_lose_commits = True
        plan.weights["fail_over"] = 1.0
        plan.weights["rot"] = plan.weights["cut_power"] = 0.0


def _budget(random: Random, name: str, bound_max: int) -> Budget:
    return Budget(
        id=f"id-{name}",
        name=name,
        scope=Scope(),
        limit_pico_usd=bound_max * random.choice((1, 3, 10, 30, 400)) + random.randrange(bound_max),
        window=random.choice(WINDOWS),
        timezone=random.choice(ZONES),
        max_cost_per_call_pico_usd=bound_max,
        reserve_wait_s=random.choice((0.1, 2.0)),
    )


def _start(random: Random, budget: Budget) -> int:
    """A start, often a moment before a window ends; the days on which clocks change among them."""
    at_ms = START_MS + random.randrange(400) * 24 * HOUR_MS
    if budget.window == "total" or random.random() < 0.4:
        return at_ms
    return edges(budget.window, budget.timezone, at_ms).ends_ms - random.randrange(1, 3000)
