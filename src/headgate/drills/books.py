"""Holds three accounts of the same calls against each other: clients', records', and budgets'. Pure.

Amounts are exact: what differs by 10^-12 USD differs. Read next: `visitors`, where the clients' account
comes from.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

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
        _verdict("every answered call is on record", lost, f"{len(answered)} answered", "lost"),
        _verdict("each call is on record once", twice, f"{len(counts)} records", "twice"),
        _verdict("a record says what its client saw", other, f"{len(answered)} compared", "differ"),
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


def judge_provider(billed: Mapping[str, int], lines: Sequence[Line]) -> list[Verdict]:
    """Judge against the provider's own books, in pico-USD by a call's name (its user).

    A cost that isn't an estimate is what the provider billed; an estimate covers it. A call that a crash cut
    off costs what it had reserved, and is unknown where no budget counted it.
    """
    by_name: dict[str, list[Line]] = {}
    for line in lines:
        by_name.setdefault(line.user or "", []).append(line)
    missing = [name for name in billed if name not in by_name]
    several = [name for name in billed if len(by_name.get(name, ())) > 1]
    wrong: list[str] = []
    for name, found in by_name.items():
        cost = sum(charge_of(line, 0) for line in found)
        bill = billed.get(name, 0)
        exact = not any(line.estimated for line in found)
        if not exact and any(line.cost_usd is None for line in found):
            continue
        if cost < bill or (exact and cost != bill):
            wrong.append(f"{found[0].id} at {format_usd(cost)} for a bill of {format_usd(bill)}")
    estimates = sum(1 for line in lines if line.estimated)
    seen = f"{len(billed)} billed, {estimates} of {len(lines)} records are estimates"
    return [
        _verdict("what a provider bills is on record", missing, seen, "missing"),
        _verdict("a billed call is on record once", several, seen, "several"),
        _verdict("costs are the provider's own, or estimates that cover them", wrong, seen, "wrong"),
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


def _verdict(promise: str, broken: Sequence[str], seen: str, what: str) -> Verdict:
    if not broken:
        return Verdict(promise=promise, seen=seen, kept=True)
    named = ", ".join(broken[:NAMED_MAX])
    more = f" and {len(broken) - NAMED_MAX} more" if len(broken) > NAMED_MAX else ""
    return Verdict(promise=promise, seen=f"{seen}; {what}: {named}{more}", kept=False)
