"""Holds three accounts of the same calls against each other: clients', records', and budgets'. Pure.

Amounts are exact: what differs by 10^-12 USD differs. Read next: `visitors`, where the clients' account
comes from.
"""

from collections import Counter
from collections.abc import Sequence

from headgate.core.money import format_usd, parse_usd
from headgate.drills.model import BudgetLine, Line, Seen, Verdict

NAMED_MAX = 3


def judge_calls(seen: Sequence[Seen], lines: Sequence[Line]) -> list[Verdict]:
    """Judge "nothing lost": each answered call is on record once, at the cost that its client was told."""
    counts = Counter(line.id for line in lines)
    by_id = {line.id: line for line in lines}
    answered = [one for one in seen if one.is_answered]
    lost = [one.call for one in answered if one.call not in counts]
    twice = [call for call, count in counts.items() if count > 1]
    other = [one.call for one in answered if one.call in by_id and not _agree(one, by_id[one.call])]
    return [
        verdict_of("every answered call is on record", lost, f"{len(answered)} answered", "lost"),
        verdict_of("each call is on record once", twice, f"{len(counts)} records", "twice"),
        verdict_of("a record says what its client saw", other, f"{len(answered)} compared", "differ"),
    ]


def judge_budget(budget: BudgetLine, lines: Sequence[Line], *, unknown_pico_usd: int = 0) -> list[Verdict]:
    """Judge the budget that counts just these calls: never passed, and spent to the last digit on them.

    `unknown_pico_usd` is what it charges for a call whose cost is unknown.
    """
    limit, spent = parse_usd(budget.limit_usd), parse_usd(budget.spent_usd)
    overrun = parse_usd(budget.overrun_usd)
    costs = sum(charge_of(line, unknown_pico_usd) for line in lines)
    return [
        Verdict(
            promise="the budget was never passed",
            seen=f"{format_usd(spent)} of {format_usd(limit)} USD spent, {format_usd(overrun)} overrun",
            kept=spent <= limit and overrun == 0,
        ),
        Verdict(
            promise="what the budget spent is what the records cost",
            seen=f"{format_usd(spent)} USD spent, {format_usd(costs)} USD on record",
            kept=spent == costs,
        ),
    ]


def charge_of(line: Line, unknown_pico_usd: int) -> int:
    """Return what a record's call was charged, in pico-USD."""
    if line.cost_usd is not None:
        return parse_usd(line.cost_usd)
    return unknown_pico_usd if line.attempts or line.target else 0


def _agree(one: Seen, line: Line) -> bool:
    if line.status != one.status or (line.user or one.name) != one.name:
        return False
    return one.cost_usd is None or (
        line.cost_usd is not None and parse_usd(line.cost_usd) == parse_usd(one.cost_usd)
    )


def verdict_of(promise: str, broken: Sequence[str], seen: str, what: str) -> Verdict:
    """Return a promise that is kept where nothing broke it; else name what did, at most three."""
    if not broken:
        return Verdict(promise=promise, seen=seen, kept=True)
    named = ", ".join(broken[:NAMED_MAX])
    more = f" and {len(broken) - NAMED_MAX} more" if len(broken) > NAMED_MAX else ""
    return Verdict(promise=promise, seen=f"{seen}; {what}: {named}{more}", kept=False)
