"""What a judge's errors leave of a requirement: decided on what is right, not on what the judge says. Pure.

By what people marked of the same version of the judge. Too few marks leave it open, and it is said how many
more would tell. Read next: `statistics.judged_bounds`, `checks.deciding`.
"""

from typing import Final

from headgate.checks.correcting import (
    MARKS_LEAST,
    SCALES,
    TOP,
    YES_NO,
    Judged,
    confusion_of,
    marks_of,
)
from headgate.checks.model import ByJudge, Check, Required
from headgate.statistics.judged_bounds import Bounds, Confusion, bounds_of_numbers, bounds_of_yes_and_no

KINDS: Final = 4
"""Yes and no, by judge and by people."""


def judge_of_requirement(check: Check, required: Required) -> ByJudge | None:
    """Return the judge whose errors count in a requirement; None for no judge, or where its word is taken."""
    name = check.scorer_of(required)
    judges = [each for each in check.scorers if isinstance(each, ByJudge) and each.name == name]
    return judges[0] if judges and required.judged == "corrected" else None


def unknown(judge: ByJudge, problem: str = "") -> Judged:
    """Return a judge of which people have marked nothing, or of which it can't be told what they marked."""
    return Judged(scorer=judge.name, judge="", scale=judge.scale, pairs=(), problem=problem)


def obstacle(judged: Judged, required: Required) -> str:
    """Return why no number of marks helps; nothing where it does."""
    if judged.problem:
        return judged.problem
    if required.all_of is not None:
        return "a judge's errors are not known of several tries together (all_of)"
    if judged.scale not in SCALES:
        low, high = judged.scale
        return (
            f"its judge marks from {low} to {high}, and people with yes and no, or from 1 to {TOP} "
            f"(scale = [0, 1] or [1, {TOP}])"
        )
    return ""


def bounds_of(
    judged: Judged, share: float, error: float, cases: int | None = None, *, more: float = 0.0
) -> Bounds:
    """Return between which means of its scores the requirement is open.

    `more` adds so many marks that come as those that there are.
    """
    if judged.scale == YES_NO:
        people = confusion_of(judged)
        if more:
            people = _expected(people, more)
        return bounds_of_yes_and_no(share, people, error=error, cases=cases)
    differences: dict[float, float] = {}
    marks = marks_of(judged)
    for pair in judged.pairs:
        value = (pair.truth - pair.said) / (TOP - 1)
        differences[value] = differences.get(value, 0.0) + pair.count * (1 + more / marks)
    return bounds_of_numbers(share, differences, error=error, cases=cases)


def estimate_of(judged: Judged, said: float, failed: float) -> float | None:
    """Return the share that is right, where a judge gives a mean of `said` to all, and so many failed.

    None where marks are too few, of one kind alone, or show no judge that is better than chance.
    """
    marks = marks_of(judged)
    if marks < MARKS_LEAST:
        return None
    if judged.scale != YES_NO:
        off = sum(pair.count * (pair.truth - pair.said) for pair in judged.pairs) / (TOP - 1) / marks
        return min(1.0, max(0.0, said + off * (1 - failed)))
    people = confusion_of(judged)
    right = people.right_said_right + people.right_said_wrong
    wrong = people.wrong_said_right + people.wrong_said_wrong
    if not right or not wrong:
        return None
    found, alarms = people.right_said_right / right, people.wrong_said_right / wrong
    if found <= alarms:
        return None
    return min(1.0, max(0.0, (said - (1 - failed) * alarms) / (found - alarms)))


def _expected(people: Confusion, more: float) -> Confusion:
    """With so many more marks; a kind that has not come yet may come."""
    marks = people.marks
    told = {name: getattr(people, name) for name in people.__struct_fields__}
    return Confusion(
        **{name: count + more * (count + 1 / KINDS) / (marks + 1) for name, count in told.items()}
    )
