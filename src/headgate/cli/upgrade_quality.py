"""Whether answers of another model are as good: by a check's scorers and requirements, or by a judge.

What is not known is said to be: a model may take another's place only where an interval says so. Read next:
`cli.upgrading`, `checks.comparing`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from headgate.checks.answering import CHAT, Ask, patiently
from headgate.checks.comparing import Comparison, difference_of
from headgate.checks.definitions import target_name
from headgate.checks.judging import Judge, Material, judgement_of, request_of, text_of
from headgate.checks.model import Answer
from headgate.cli.check_flags import Choosing, Comparing
from headgate.cli.check_run import Checked, check_of_file, run_check
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed

RUBRIC: Final = (
    "Does the answer do all of what the conversation asks last, rightly, in the form that is asked for? "
    "4: wholly; 3: but for something small; 2: half; 1: hardly; 0: not at all."
)
SCALE: Final = (0, 4)
PAIRS_LEAST: Final = 2

Verdict = Literal["yes", "no", "open"]


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of the replacement less those of the model before, by one scorer, with their interval.

    By a judge of a check both scores are its word, and the difference is without its errors: None where
    nothing is known of these.
    """

    scorer: str
    before: float
    after: float
    difference: float | None
    low: float | None
    high: float | None
    pairs: int

    def verdict(self, margin: float) -> Verdict:
        """Whether it is not worse by more than a margin."""
        if self.low is None or self.high is None:
            return "open"
        if self.low > -margin:
            return "yes"
        return "no" if self.high < -margin else "open"


def by_check(
    api: Api, models: tuple[str, str], name: str, file: Path
) -> tuple[list[Quality], dict[str, Verdict]]:
    """Run a check on both models; return each scorer's difference, and whether requirements are met."""
    check = check_of_file(file, name, Choosing())
    first = check.targets[0]
    before, after = (msgspec.structs.replace(first, name=target_name(model), model=model) for model in models)
    check = msgspec.structs.replace(check, targets=(after, before))
    made, _ = run_check(api, file, check, Choosing(), Comparing(compare=(after.name, before.name)))
    if not made.comparisons:
        raise CommandFailed(
            f"the check {name} ended before both models had answered: {_ends(made)}",
            "`headgate checks list` shows its runs",
        )
    return [_of_check(each) for each in made.comparisons], _required(made)


def by_judge(
    ask: Ask, model: str, pairs: Sequence[tuple[dict[str, Any], Answer, Answer]], left: int | None = None
) -> tuple[Quality | None, int, str]:
    """Let a model mark both answers to each call, until it has cost what is left (pico-USD) of a budget.

    Return the difference, its cost, and what was amiss.
    """
    judge = Judge(model=model, rubric=RUBRIC, scale=SCALE)
    marks: list[tuple[float, float]] = []
    cost, problem = 0, ""
    for number, (body, one, other) in enumerate(pairs):
        if left is not None and cost >= left:
            problem = f"the budget was spent after {number} pairs were marked; raise --budget for more"
            break
        scores: list[float] = []
        for answer in (one, other):
            if answer.problem:
                scores.append(0.0)  # an answer that never came does nothing of what was asked
                continue
            shown = msgspec.json.encode(answer.message).decode() if answer.message else answer.text
            asked = msgspec.json.encode(body.get("messages")).decode()
            said = patiently(ask, CHAT, request_of(judge, Material(question=asked, answer=shown)))
            cost += said.cost_pico_usd or 0
            judgement = judgement_of(judge, text_of(said.content) if said.status == 200 else None)
            if judgement.score is None:
                problem = judgement.problem
                break
            scores.append(judgement.score)
        if len(scores) == 2:
            marks.append((scores[0], scores[1]))
    if len(marks) < PAIRS_LEAST:
        return None, cost, problem or "too few calls have two answers"
    before, after = ([pair[side] for pair in marks] for side in (0, 1))
    return _quality(f"judge {model}", before, after), cost, problem


def sentence(
    models: tuple[str, str], found: Sequence[Quality], required: dict[str, Verdict], margin: float
) -> tuple[Verdict, str]:
    """Say in one sentence whether a model can take another's place."""
    before, after = models
    verdicts = [each.verdict(margin) for each in found] + list(required.values())
    overall: Verdict = "no" if "no" in verdicts else "open" if "open" in verdicts or not verdicts else "yes"
    told = [_told(each, margin) for each in found]
    words = {"yes": "meets", "no": "does not meet", "open": "is not known to meet"}
    told += [f"it {words[verdict]} the requirements of {check}" for check, verdict in required.items()]
    begins = {
        "yes": f"{after} can take the place of {before}",
        "no": f"{after} should not take the place of {before}",
        "open": f"It is not known whether {after} can take the place of {before}",
    }
    why = "; ".join(told) or "nothing has marked its answers; give --check or --judge"
    return overall, f"{begins[overall]}: {why}."


def _told(quality: Quality, margin: float) -> str:
    points = f"{100 * margin:g} points"
    if quality.difference is None or quality.low is None or quality.high is None:
        return (
            f"by {quality.scorer} it may be worse by more than {points}, or not: how its judge errs is not "
            "known until people have marked more of its answers"
        )
    says = {
        "yes": f"by {quality.scorer} it is not worse by more than {points}",
        "no": f"by {quality.scorer} it is worse by more than {points}",
        "open": f"by {quality.scorer} it may be worse by more than {points}, or not: more cases would tell",
    }
    ends = [f"{100 * each:+.1f}" for each in (quality.difference, quality.low, quality.high)]
    return f"{says[quality.verdict(margin)]} ({ends[0]}, {ends[1]} to {ends[2]}, of {quality.pairs} pairs)"


def _of_check(each: Comparison) -> Quality:
    return Quality(
        scorer=each.scorer,
        before=each.other_mean,
        after=each.one_mean,
        difference=each.difference,
        low=each.low,
        high=each.high,
        pairs=each.cases,
    )


def _required(made: Checked) -> dict[str, Verdict]:
    """What is known of the requirements on the replacement, which was asked first."""
    words: dict[str, Verdict] = {"met": "yes", "not met": "no", "open": "open"}
    report = made.targets[0].report
    return {made.name: words[report.verdict]} if report.requirements else {}


def _ends(made: Checked) -> str:
    return "; ".join(f"{each.report.target}: {each.report.ended}" for each in made.targets)


def _quality(scorer: str, before: list[float], after: list[float]) -> Quality:
    interval = difference_of(after, before)
    return Quality(
        scorer=scorer,
        before=sum(before) / len(before),
        after=sum(after) / len(after),
        difference=interval.estimate,
        low=interval.low,
        high=interval.high,
        pairs=len(before),
    )
