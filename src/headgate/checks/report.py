"""What is known after a run, in words and numbers.

Every interval holds although the run stopped when it was decided (`deciding.bounds`).
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.checks.correcting import Correction, marks_of
from headgate.checks.deciding import Tally, bounds
from headgate.checks.erring import estimate_of, obstacle
from headgate.checks.looking_ahead import More, more_of
from headgate.checks.model import ByJudge, Check, Result, Scorer, Target
from headgate.checks.running import Ended, Outcome
from headgate.checks.wording import percent, without_errors, would_tell
from headgate.core.money import format_usd
from headgate.statistics.requirements import Verdict

LISTED_MAX: Final = 20


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a requirement. `more` is about how many more units would tell, where it is open.

    `mean` counts missing scores as wrong; `low` and `high` bound the share of all units that it is about;
    None where marks are missing. Where a judge's errors count (`judged` is `corrected`) they are without
    these, None where too few answers are `marked` by people; `said` is what the judge says itself, and
    `more_marks` how many more marks by people would tell.
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
    judged: str = ""
    """Empty where the scorer is no judge, else `corrected` or `as said`."""
    said: float | None = None
    marked: int | None = None
    more_marks: int | None = None


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
    # A pair that the other target won is no fault of this one's answer.
    pairwise = {each.name for each in check.pairwise}
    failed = [_fault(each, None, each.answer.problem) for each in outcome.results if each.answer.problem]
    marked = [
        (each, scorer, mark)
        for each in outcome.results
        for scorer, mark in each.marks.items()
        if mark.score is None or (mark.score < 1 and scorer not in pairwise)
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


def _requirement(check: Check, tally: Tally, outcome: Outcome) -> Requirement:
    said = math.fsum(tally.saids) / len(tally.saids) if tally.saids else None
    low = high = None
    mean, is_known, judged = said, True, ""
    if tally.judged is not None:
        is_known = not obstacle(tally.judged, tally.required) and marks_of(tally.judged) > 0
        mean = (
            None
            if said is None or not is_known
            else estimate_of(tally.judged, said, tally.failed / tally.units)
        )
        judged = "corrected"
    elif isinstance(_scorer(check, tally.scorer), ByJudge):
        judged = "as said"
    if tally.units and is_known and not tally.missing:
        low, high = bounds(tally)
    more = more_of(tally)
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
        more=more.units,
        sentence="",
        judged=judged,
        said=said,
        marked=None if tally.judged is None else marks_of(tally.judged),
        more_marks=more.marks,
    )
    return msgspec.structs.replace(known, sentence=_said(check, tally, known, more))


def _scorer(check: Check, name: str) -> Scorer:
    return next(each for each in check.scorers if each.name == name)


def _said(check: Check, tally: Tally, known: Requirement, more: More) -> str:
    units = f"{known.unit}s"
    told = f", in all of {known.all_of} tries" if known.all_of is not None else ""
    asked = (
        f"at least {percent(known.at_least)} of {_those(check, units)}{told}, at {percent(known.error)} error"
    )
    if known.said is None:
        return f"{known.scorer} is not known: {asked}; no {known.unit} was asked to the end."
    ends = None if known.low is None or known.high is None else (known.low, known.high)
    if tally.judged is None:
        seen = f"{_seen(known)} {units} right"
        seen += "" if ends is None else f", {percent(ends[0])} to {percent(ends[1])} of all"
    else:
        seen = without_errors(tally, known.said, units, ends)
    if known.missing:
        seen += f", {known.missing} marks missing, which count both ways"
    word = ", as its judge says" if known.judged == "as said" else ""
    match known.verdict:
        case "met":
            return f"{known.scorer} holds{word}: {asked} ({seen})."
        case "not met":
            return f"{known.scorer} does not hold{word}: {asked} ({seen})."
        case "open":
            would = would_tell(tally, units, more)
            return f"{known.scorer} is not known yet{word}: {asked} ({seen}){would}."


def _seen(known: Requirement) -> str:
    assert known.said is not None
    right = known.said * known.units
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
            asks = "" if outcome.message else _asks(requirements, outcome.planned.unit)
            return f"{check.name} is not decided: {why}{calls} were made{asks}."


def _asks(requirements: Sequence[Requirement], unit: str) -> str:
    """What would decide all that is open: of one requirement cases or marks, whichever it asks for."""
    more = max((each.more or 0 for each in requirements), default=0)
    marks = max((each.more_marks or 0 for each in requirements), default=0)
    asked = [f"{more} more {unit}s"] if more else []
    asked += [f"{marks} more marks by people"] if marks else []
    return f"; it asks for about {' or '.join(asked)}" if asked else ""


def _fault(result: Result, scorer: str | None, reason: str) -> Fault:
    return Fault(
        case=result.case,
        repeat=result.repeat,
        scorer=scorer,
        request_id=result.answer.request_id,
        reason=reason,
    )
