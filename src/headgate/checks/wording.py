"""Shares in words, and what would decide a requirement that is open. Pure."""

from headgate.checks.correcting import marks_of
from headgate.checks.deciding import Tally
from headgate.checks.erring import obstacle
from headgate.checks.looking_ahead import More


def percent(share: float) -> str:
    """Write a share to a tenth of a percent; what is not all never reads as all, nor what is some as none."""
    value = share * 100
    rounded = round(value, 1)
    if rounded in (0, 100) and value != rounded:
        rounded = 0.1 if rounded == 0 else 99.9
    return f"{rounded:g} %"


def without_errors(tally: Tally, said: float, units: str, ends: tuple[float, float] | None) -> str:
    """Say what a judge says, and what is right as far as people's marks show its errors."""
    assert tally.judged is not None
    by_judge = f"{percent(said)} of {tally.units} {units} by its judge"
    reason = obstacle(tally.judged, tally.required)
    if reason:
        return f"{by_judge}, whose errors can't be taken out: {reason}"
    marks = marks_of(tally.judged)
    if not marks:
        return f"{by_judge}, whose errors are not known: people have marked none of its answers"
    by_people = f"by the {marks} answers that people marked"
    if ends is None:
        return f"{by_judge}; without its errors not known, {by_people}"
    return f"{by_judge}; without its errors {percent(ends[0])} to {percent(ends[1])} of all, {by_people}"


def would_tell(tally: Tally, units: str, more: More) -> str:
    """Say how much more of what would decide it, after a semicolon; nothing where nothing is known."""
    if tally.judged is None:
        return f"; about {more.units} more {units} would tell" if more.units else ""
    if obstacle(tally.judged, tally.required):
        return '; judged = "as said" decides on its word'
    where = f" (`headgate reviews next --judge {tally.judged.judge}`)" if tally.judged.judge else ""
    if not marks_of(tally.judged):
        return f"; about {more.marks} marks by people would tell how many it takes{where}"
    if more.marks and more.units:
        return (
            f"; about {more.marks} more marks by people{where} would tell, or about {more.units} more {units}"
        )
    if more.marks:
        cases = "" if tally.low.cases is not None else f", and no number of {units} alone"
        return f"; about {more.marks} more marks by people{where} would tell{cases}"
    if more.units:
        return f"; about {more.units} more {units} would tell, and no number of marks by people alone"
    if more.together is not None:
        marks, cases_more = more.together
        return f"; about {marks} more marks by people{where} with {cases_more} more {units} would tell"
    return "; it is too near to what is required for any number of marks or cases that could be foreseen"
