"""What a what-if says: amounts with intervals, groups of calls, budgets, and the methods in words. Pure.

Money is a decimal string in USD. Read next: `releases.whatif`, whose sums these are.
"""

from typing import Final

import msgspec

from headgate.core.money import format_usd
from headgate.core.pages import format_datetime, format_ms
from headgate.meters.scope import describe
from headgate.meters.windows import NEVER_MS
from headgate.releases.replaying import MeterState
from headgate.releases.repricing import CALLS_MIN, INPUT_ASSUMED, OUTPUT_ASSUMED, Factor
from headgate.releases.whatif import RESAMPLES, Group, WhatIf
from headgate.releases.whatif_run import Outcome, Wanted

GROUPS_MAX: Final = 200


class AmountView(msgspec.Struct, frozen=True, kw_only=True):
    """USD: an estimate between a low and a high edge. Exact where all three are the same."""

    value_usd: str
    low_usd: str
    high_usd: str


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that asked for one name and were answered by one target; `new_target` is where they would have
    gone. Before budgets are replayed."""

    model: str
    target: str | None
    new_target: str | None
    calls: int
    actual_usd: str
    would_usd: AmountView
    exact: bool


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """A window of a budget in the replay. `ended_at` is when it first refused a call; null where it never
    did."""

    name: str
    scope: dict[str, str]
    window: str
    window_start: str
    window_end: str | None
    limit_usd: str
    spent_usd: str
    refused_calls: int
    refused_usd: str
    ended_at: str | None


class WhatIfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What calls cost, and what they would have. `calls` are all of the period, `looked_at` those that the
    sums are made from; `exact` says that nothing was estimated. `refused` are ids, the first twenty."""

    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    calls: int
    looked_at: int
    complete: bool
    seed: int
    actual_usd: str
    would_usd: AmountView
    change_usd: AmountView
    exact: bool
    unpriced_calls: int
    refused_then: int
    refused_calls: int
    refused_usd: str
    refused: list[str]
    groups: list[GroupView]
    budgets: list[BudgetView]
    methods: list[str]


def answer_of(wanted: Wanted, outcome: Outcome, *, has_rules: bool) -> WhatIfAnswer:
    """Return the answer: sums of a sample are scaled up, and its error is added to both edges."""
    sums = outcome.sums
    scale = 1.0 if outcome.share >= 1 else outcome.calls / max(1, outcome.looked_at)
    below, above = outcome.sampling
    low, value, high = (round(each * scale) for each in sums.admitted)
    actual = round(sums.actual_pico_usd * scale)
    low, high = max(0, low - below), high + above
    groups = sorted(sums.groups.values(), key=lambda group: -max(group.high, group.actual))
    exact = outcome.share >= 1 and low == high and not sums.unpriced and not sums.estimated
    end = outcome.until or wanted.end
    return WhatIfAnswer(
        begin=format_datetime(wanted.begin),
        end=format_datetime(end),
        calls=outcome.calls,
        looked_at=outcome.looked_at,
        complete=outcome.until is None,
        seed=wanted.seed,
        actual_usd=format_usd(actual),
        would_usd=_amount(low, value, high),
        change_usd=_amount(low - actual, value - actual, high - actual),
        exact=exact,
        unpriced_calls=round(sums.unpriced * scale),
        refused_then=round(sums.refused_then * scale),
        refused_calls=round(sums.replay.refused * scale),
        refused_usd=format_usd(round(sums.refused_pico_usd * scale)),
        refused=sums.replay.refused_calls,
        groups=[_group(group, scale) for group in groups[:GROUPS_MAX]],
        budgets=[_budget(meter, scale) for meter in sums.replay.shown()],
        methods=_methods(sums, outcome, has_rules=has_rules),
    )


def _methods(sums: WhatIf, outcome: Outcome, *, has_rules: bool) -> list[str]:
    said = [_of_factors(old, plan.target, plan.input, plan.output) for (old, _), plan in sums.plans.items()]
    methods = [text for text in said if text]
    if outcome.share < 1:
        methods.append(
            f"{outcome.looked_at} of {outcome.calls} calls were looked at, chosen by a hash of their ids; "
            f"the interval holds the sampling error, by {RESAMPLES} resamples"
        )
    if outcome.until is not None:
        methods.append("time ran out: only the calls up to `to` were looked at")
    if sums.unpriced:
        methods.append(f"{sums.unpriced} calls have no price, then or otherwise, and add nothing")
    if sums.estimated:
        methods.append(
            f"{sums.estimated} calls were charged what they had reserved, because their usage is not known"
        )
    if sums.scenario.budgets:
        methods.append(
            "budgets are replayed in the order in which calls began, one after the other; a refused call "
            "costs nothing and tries no other target"
        )
    if sums.refused_then:
        methods.append(
            f"{sums.refused_then} calls were refused by a budget then; what they would have cost is not known"
        )
    if has_rules:
        methods.append(
            f"rules change {sums.changed_by_rules} of the calls; a lower output limit cuts answers there, a "
            "higher one lets those that were cut go on as far as it says; other parameters are taken to "
            "change no length"
        )
        if outcome.without_body:
            methods.append(f"{outcome.without_body} calls have no whole body on record, and stay as they are")
    return methods


def _of_factors(old: str, new: str, given: Factor, made: Factor) -> str:
    if old == new:
        return ""
    read = {
        "exact": "as many tokens in (the same tokenizer)",
        "measured": f"{_range(given)} times the tokens in (a byte, on recorded calls of both)",
        "assumed": f"{_range(Factor(*INPUT_ASSUMED, 'assumed'))} times the tokens in (assumed)",
    }[given.basis]
    written = {
        "exact": "as many tokens out",
        "measured": f"{_range(made)} times the tokens out (mean of recorded calls of both, which may "
        "differ in more than their model)",
        "assumed": f"{_range(Factor(*OUTPUT_ASSUMED, 'assumed'))} times the tokens out (assumed: fewer than "
        f"{CALLS_MIN} calls of one are on record)",
    }[made.basis]
    return f"{old} to {new}: {read}; {written}"


def _range(factor: Factor) -> str:
    return f"{factor.low:.2f} to {factor.high:.2f}"


def _amount(low: int, value: int, high: int) -> AmountView:
    return AmountView(value_usd=format_usd(value), low_usd=format_usd(low), high_usd=format_usd(high))


def _group(group: Group, scale: float) -> GroupView:
    return GroupView(
        model=group.asked,
        target=group.target or None,
        new_target=group.new_target or None,
        calls=round(group.calls * scale),
        actual_usd=format_usd(round(group.actual * scale)),
        would_usd=_amount(*(round(each * scale) for each in (group.low, group.value, group.high))),
        exact=group.is_exact and scale == 1.0,
    )


def _budget(meter: MeterState, scale: float) -> BudgetView:
    ended_ms, ends_ms = meter.first_refused_ms, meter.window.ends_ms
    return BudgetView(
        name=meter.budget.name,
        scope=describe(meter.subject),
        window=meter.budget.window,
        window_start=format_ms(meter.window.starts_ms),
        window_end=None if ends_ms >= NEVER_MS else format_ms(ends_ms),
        limit_usd=format_usd(meter.budget.limit_pico_usd),
        spent_usd=format_usd(meter.spent_pico_usd),
        refused_calls=round(meter.refused * scale),
        refused_usd=format_usd(meter.refused_pico_usd),
        ended_at=None if ended_ms is None else format_ms(ended_ms),
    )
