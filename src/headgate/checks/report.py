"""What is known after a run, in words and numbers.

Every interval holds although the run stopped when it was decided (`deciding.bounds`).
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.checks.correcting import Correction
from headgate.checks.deciding import Tally, bounds, units_ahead
from headgate.checks.model import Check, Result, Target
from headgate.checks.running import Ended, Outcome
from headgate.core.money import format_usd
from headgate.statistics.requirements import Verdict

LISTED_MAX: Final = 20


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a requirement. `more` is about how many more units would tell, where it is open.

    `mean` counts missing scores as wrong; `low` and `high` bound the share of all units that it is about;
    None where marks are missing.
    """

    scorer: str
    at_least: float
    error: float
    all_of: int | None
    verdict: Verdict
    units: int
    unit: str
    mean: float | None
    low: float | None
    high: float | None
    missing: int
    more: int | None
    sentence: str


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A call that failed, an answer that is wrong, or a mark that is missing, and why."""

    case: str
    repeat: int
    scorer: str | None
    request_id: str
    reason: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a check of one target."""

    check: str
    target: str
    verdict: Verdict
    ended: Ended
    sentence: str
    hint: str
    requirements: tuple[Requirement, ...]
    cases: int
    calls: int
    calls_planned: int
    cost_usd: str
    unpriced: int
    failed: tuple[Fault, ...]
    wrong: tuple[Fault, ...]
    missing: tuple[Fault, ...]
    corrections: tuple[Correction, ...] = ()
    """Scores by judges, without the judges' errors."""


def report(check: Check, target: Target, outcome: Outcome) -> Report:
    """Return what is known after a run."""
    requirements = tuple(_requirement(check, tally, outcome) for tally in outcome.tallies)
    failed = [_fault(each, None, each.answer.problem) for each in outcome.results if each.answer.problem]
    marked = [
        (each, scorer, mark)
        for each in outcome.results
        for scorer, mark in each.marks.items()
        if mark.score is None or mark.score < 1
    ]
    return Report(
        check=check.name,
        target=target.name,
        verdict=outcome.verdict,
        ended=outcome.ended,
        sentence=_sentence(check, outcome, requirements),
        hint=outcome.hint,
        requirements=requirements,
        cases=len({each.case for each in outcome.counted}),
        calls=len(outcome.results),
        calls_planned=len(outcome.planned.trials),
        cost_usd=format_usd(outcome.cost_pico_usd),
        unpriced=outcome.unpriced,
        failed=tuple(failed),
        wrong=tuple(_fault(one, name, mark.reason) for one, name, mark in marked if mark.score is not None),
        missing=tuple(_fault(one, name, mark.reason) for one, name, mark in marked if mark.score is None),
    )


def percent(share: float) -> str:
    """Write a share to a tenth of a percent; what is not all never reads as all, nor what is some as none."""
    value = share * 100
    rounded = round(value, 1)
    if rounded in (0, 100) and value != rounded:
        rounded = 0.1 if rounded == 0 else 99.9
    return f"{rounded:g} %"


def _requirement(check: Check, tally: Tally, outcome: Outcome) -> Requirement:
    scores = tally.lows
    mean = math.fsum(scores) / len(scores) if scores else None
    low = high = None
    if scores and not tally.missing:
        low, high = bounds(tally)
    more = units_ahead(tally)
    known = Requirement(
        scorer=tally.scorer,
        at_least=tally.required.at_least,
        error=tally.required.error,
        all_of=tally.required.all_of,
        verdict=tally.verdict,
        units=tally.units,
        unit=outcome.planned.unit,
        mean=mean,
        low=low,
        high=high,
        missing=tally.missing,
        more=more,
        sentence="",
    )
    return msgspec.structs.replace(known, sentence=_said(check, known))


def _said(check: Check, known: Requirement) -> str:
    units = f"{known.unit}s"
    told = f", in all of {known.all_of} tries" if known.all_of is not None else ""
    asked = (
        f"at least {percent(known.at_least)} of {_those(check, units)}{told}, at {percent(known.error)} error"
    )
    if known.mean is None:
        return f"{known.scorer} is not known: {asked}; no {known.unit} was asked to the end."
    seen = f"{_seen(known)} {units} right"
    if known.low is not None and known.high is not None:
        seen += f", {percent(known.low)} to {percent(known.high)} of all"
    if known.missing:
        seen += f", {known.missing} marks missing, which count both ways"
    match known.verdict:
        case "met":
            return f"{known.scorer} holds: {asked} ({seen})."
        case "not met":
            return f"{known.scorer} does not hold: {asked} ({seen})."
        case "open":
            more = f"; about {known.more} more {units} would tell" if known.more else ""
            return f"{known.scorer} is not known yet: {asked} ({seen}){more}."


def _seen(known: Requirement) -> str:
    assert known.mean is not None
    right = known.mean * known.units
    count = f"{right:.0f}" if abs(right - round(right)) < 1e-6 else f"{right:.1f}"
    return f"{count} of {known.units}"


def _those(check: Check, units: str) -> str:
    return f"such {units}" if check.about == "such cases" else f"these {units}"


def _sentence(check: Check, outcome: Outcome, requirements: Sequence[Requirement]) -> str:
    calls = f"{len(outcome.results)} of {len(outcome.planned.trials)} calls"
    why = f"{outcome.message}; " if outcome.message else ""
    match outcome.verdict:
        case "met" if requirements:
            return f"{check.name} passes, after {calls}."
        case "met":
            return f"{check.name} has no requirement; {why}{calls} were made."
        case "not met":
            return f"{check.name} fails, after {calls}."
        case "open":
            more = max((each.more or 0 for each in requirements), default=0)
            unit = outcome.planned.unit
            asks = f"; it asks for about {more} more {unit}s" if more and not outcome.message else ""
            return f"{check.name} is not decided: {why}{calls} were made{asks}."


def _fault(result: Result, scorer: str | None, reason: str) -> Fault:
    return Fault(
        case=result.case,
        repeat=result.repeat,
        scorer=scorer,
        request_id=result.answer.request_id,
        reason=reason,
    )
