"""Prints what is known after a check: sentences first, then what is behind them."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, Protocol

from headgate.checks.comparing import Comparison
from headgate.checks.judge_repeating import JudgeRepeatability
from headgate.checks.matrix import By, Gap, Matrix
from headgate.checks.repeating import Repeatability
from headgate.checks.report import LISTED_MAX, Fault, Report
from headgate.cli.output import NOTHING, Column, Output
from headgate.core.money import PICO_PER_USD
from headgate.statistics.frontier import Place

COSTS: Final = {"cost": "USD a call", "tokens": "tokens a call"}
BEFORE: Final = (Column("target", "name"), Column("score", "score"), Column("between", "between"))
AFTER: Final = (
    Column("between", "costs"),
    Column("behind the best", "behind", right=True),
    Column("at most", "most", right=True),
    Column("not worse", "not_worse"),
    Column("beaten by", "beaten_by"),
)


class Shown(Protocol):
    """One target as it is printed."""

    @property
    def run(self) -> str:
        """The run on the server."""
        ...

    @property
    def report(self) -> Report:
        """What is known."""
        ...

    @property
    def repeatability(self) -> tuple[Repeatability, ...]:
        """How alike answers are."""
        ...

    @property
    def judges(self) -> tuple[JudgeRepeatability, ...]:
        """How alike a judge's marks of one answer are."""
        ...


def print_checked(
    out: Output, targets: Sequence[Shown], comparisons: Iterable[Comparison], matrices: Iterable[Matrix]
) -> None:
    """Print a check: each target, then targets beside each other."""
    for shown in targets:
        _print_target(out, shown, named=len(targets) > 1 or shown.report.target != "target")
    for comparison in comparisons:
        out.text(comparison.sentence)
    for matrix in matrices:
        _print_matrix(out, matrix)


def _print_target(out: Output, shown: Shown, *, named: bool) -> None:
    said = shown.report
    out.text(f"{said.target}: {said.sentence}" if named else said.sentence)
    for requirement in said.requirements:
        out.text(f"  {requirement.sentence}")
    for corrected in said.corrections:
        out.text(f"  {corrected.sentence}")
    for repeated in shown.repeatability:
        out.text(f"  {repeated.sentence}")
    for judged in shown.judges:
        out.text(f"  {judged.sentence}")
    unpriced = f", and {said.unpriced} calls without a known price" if said.unpriced else ""
    run = f"run {shown.run}" if shown.run else "no run is kept, since nothing came of it"
    out.text(f"  {run}: {said.cost_usd} USD{unpriced}")
    for what, faults in (("failed", said.failed), ("wrong", said.wrong), ("no mark", said.missing)):
        _print_faults(out, what, faults)
    if said.hint:
        out.say(f"hint: {said.hint}")


def _print_faults(out: Output, what: str, faults: tuple[Fault, ...]) -> None:
    for fault in faults[:LISTED_MAX]:
        scorer = f" by {fault.scorer}" if fault.scorer else ""
        out.text(f"  {what}{scorer}: {fault.case}, request {fault.request_id or 'unknown'}: {fault.reason}")
    if len(faults) > LISTED_MAX:
        out.text(f"  {what}: {len(faults) - LISTED_MAX} more; --json lists all")


def _print_matrix(out: Output, matrix: Matrix) -> None:
    out.text(matrix.sentence)
    shown = matrix.frontier or matrix.said
    assert shown is not None
    said = {} if matrix.said is None else {each.name: each.score.estimate for each in matrix.said.places}
    rows = [
        {
            "name": place.name,
            "score": _percent(place.score.estimate),
            "between": f"{_percent(place.score.low)} to {_percent(place.score.high)}",
            "said": _percent(said.get(place.name, 0.0)),
            "cost": NOTHING if place.cost is None else _written(matrix.by, place.cost),
            "costs": _costs_between(matrix.by, place),
            "behind": f"{place.behind * 100:.1f}",
            "most": f"{place.behind_at_most * 100:.1f}",
            "not_worse": place.not_worse,
            "beaten_by": place.beaten_by,
        }
        for place in shown.places
    ]
    # Where nothing is known of its errors, all there is to see is its word: the sentence says so.
    word = (Column("its judge says", "said"),) if matrix.said and matrix.frontier else ()
    out.rows(rows, (*BEFORE, *word, Column(COSTS[matrix.by], "cost", right=True), *AFTER), empty="")
    for gap in matrix.gaps:
        out.text(f"  from {gap.home} to {gap.away}: {_lost(gap)}")


def _lost(gap: Gap) -> str:
    best, carried = f"{gap.best!r:.60}", f"carrying {gap.carried!r:.60} over loses"
    said = "" if gap.said is None else _points(gap.said.estimate, gap.said.low, gap.said.high)
    if gap.gap is None or gap.low is None or gap.high is None:
        if gap.said is None:
            return f"{best} is best on both"
        return f"what {carried} against {best} is not known; its judge says {said}"
    word = f"; its judge says {said}" if said else ""
    return f"{carried} {_points(gap.gap, gap.low, gap.high)} against {best}{word}"


def _points(estimate: float, low: float, high: float) -> str:
    return f"{estimate * 100:.1f} points ({low * 100:.1f} to {high * 100:.1f})"


def _written(by: By, cost: float) -> str:
    return f"{Decimal(round(cost)) / PICO_PER_USD:.8f}" if by == "cost" else f"{cost:.1f}"


def _costs_between(by: By, place: Place) -> str:
    interval = place.cost_interval
    if interval is None:
        return "no known price" if place.cost is None else "the same in each"
    return f"{_written(by, interval.low)} to {_written(by, interval.high)}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
