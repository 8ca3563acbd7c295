"""How alike a judge's marks of one answer are, and how often asking it again is worth its price. Pure.

Read next: `statistics.repeatability`, `checks.repeating` (answers to one case).
"""

from collections.abc import Sequence

import msgspec

from headgate.checks.model import ByJudge, Check, Result
from headgate.checks.running import Outcome
from headgate.statistics.model import Interval
from headgate.statistics.power import worthwhile_repeats
from headgate.statistics.repeatability import Variances, flip_rate, variances

ANSWERS_LEAST = 2


class JudgeRepeatability(msgspec.Struct, frozen=True, kw_only=True):
    """Where the variance of a score by a judge comes from, and what to do about the judge's own part.

    `flips` is the chance that two marks of one answer differ; `is_apart` says whether cases were asked
    several times, so that the variance of answers to a case is known by itself, else it is part of that
    between cases. `worthwhile` is how often to mark an answer, at what answers and marks have cost; None
    where nothing varies.
    """

    scorer: str
    answers: int
    asked: int
    flips: Interval
    variances: Variances
    is_apart: bool
    worthwhile: int | None
    sentence: str


def judge_repeatability(check: Check, outcome: Outcome) -> tuple[JudgeRepeatability, ...]:
    """Return how alike marks are, by each judge that was asked several times of an answer."""
    judges = [each for each in check.scorers if isinstance(each, ByJudge) and each.repeats > 1]
    found = (_of_judge(check, judge, outcome.results) for judge in judges)
    return tuple([each for each in found if each is not None])


def _of_judge(check: Check, judge: ByJudge, results: Sequence[Result]) -> JudgeRepeatability | None:
    by_case: dict[str, list[list[float]]] = {}
    for result in results:
        mark = result.marks.get(judge.name)
        marks = [] if mark is None else [each.score for each in mark.said if each.score is not None]
        if len(marks) == judge.repeats:
            by_case.setdefault(result.case, []).append(marks)
    answers = [marks for of_case in by_case.values() for marks in of_case]
    if len(answers) < ANSWERS_LEAST:
        return None
    whole = [of_case for of_case in by_case.values() if len(of_case) == check.repeats]
    is_apart = check.repeats > 1 and len(whole) >= ANSWERS_LEAST
    split = variances(whole) if is_apart else _without_repeats(answers)
    worth = _worthwhile(check.repeats if is_apart else 1, split, _price(judge, results))
    known = JudgeRepeatability(
        scorer=judge.name,
        answers=len(answers),
        asked=judge.repeats,
        flips=flip_rate(answers),
        variances=split,
        is_apart=is_apart,
        worthwhile=worth,
        sentence="",
    )
    return msgspec.structs.replace(known, sentence=_sentence(known))


def _without_repeats(answers: Sequence[Sequence[float]]) -> Variances:
    """Cases and answers together, and the judge: one level less than where cases are asked several times."""
    found = variances([[[score] for score in marks] for marks in answers])
    return Variances(between=found.between, within=0.0, judge=found.within)


def _price(judge: ByJudge, results: Sequence[Result]) -> tuple[float, float]:
    """What an answer and one mark of it have cost on average; 1 each where that is not known of both."""
    answers = [cost for each in results if (cost := each.answer.cost_pico_usd)]
    of_judge = [each.marks[judge.name] for each in results if judge.name in each.marks]
    marks = [cost for mark in of_judge if (cost := mark.cost_pico_usd)]
    if not answers or not marks:
        return 1.0, 1.0
    return sum(answers) / len(answers), sum(marks) / len(marks) / judge.repeats


def _worthwhile(repeats: int, split: Variances, price: tuple[float, float]) -> int | None:
    """The number of marks an answer for which a check of this price knows most.

    With n answers a case and m marks an answer the variance of a case is b + w/n + j/(n m), at n (a + m p):
    the product is least where m^2 = j a / ((n b + w) p). Cochran, "Sampling Techniques", 1977, section 10.8.
    """
    if split.total == 0:
        return None
    answer, mark = price
    rest = repeats * split.between + split.within
    return worthwhile_repeats(split.judge, rest, price_of_case=answer, price_of_repeat=mark)


def _sentence(known: JudgeRepeatability) -> str:
    flips = known.flips
    said = (
        f"{known.scorer}: asked again about the same answer, its judge marks otherwise in "
        f"{_percent(flips.estimate)} ({_percent(flips.low)} to {_percent(flips.high)})."
    )
    split = known.variances
    if known.worthwhile is None:
        return f"{said} All marks are the same: marking an answer once is enough."
    if known.is_apart:
        parts = (
            f"{_percent(split.between / split.total)} lies between cases, "
            f"{_percent(split.within / split.total)} between answers to a case, "
            f"{_percent(split.judge / split.total)} with the judge itself"
        )
    else:
        parts = (
            f"{_percent(split.between / split.total)} lies between cases and their answers, "
            f"{_percent(split.judge / split.total)} with the judge itself"
        )
    advice = (
        "marking an answer once is enough"
        if known.worthwhile == 1
        else f"marking an answer {known.worthwhile} times is worth it"
    )
    return f"{said} Of a score's variance {parts}; at these prices {advice}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
