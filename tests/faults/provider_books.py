"""The fourth account: what a provider that keeps books has billed, held against the records. Pure."""

from collections.abc import Mapping, Sequence

from headgate.core.money import format_usd
from headgate.drills.books import charge_of, verdict_of
from headgate.drills.model import Line, Verdict


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
        verdict_of("what a provider bills is on record", missing, seen, "missing"),
        verdict_of("a billed call is on record once", several, seen, "several"),
        verdict_of("costs are the provider's own, or estimates that cover them", wrong, seen, "wrong"),
    ]
