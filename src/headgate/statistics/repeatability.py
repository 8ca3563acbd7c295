"""The same question asked again: how often all answers are right, how much they differ, and why. Pure.

What `statistics.power.worthwhile_repeats` asks for comes from here.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Interval, check_count, sample
from headgate.statistics.proportions import clustered_share


class Variances(msgspec.Struct, frozen=True, kw_only=True):
    """Where the variance of a score comes from: cases, repeated answers, repeated judgements of one answer.

    They sum up to the variance of one score. `judge` is 0 where each answer was judged once.
    """

    between: float
    within: float
    judge: float

    @property
    def total(self) -> float:
        """The variance of a single score."""
        return self.between + self.within + self.judge


def variances(scores: Sequence[Sequence[Sequence[float]]]) -> Variances:
    """Split the variance of `scores[case][answer][judgement]`; each case has equally many of both.

    Nested analysis of variance; a negative component counts as 0. Source: Searle, Casella, McCulloch,
    "Variance Components", 1992, section 3.3; for evaluation Miller, arXiv 2411.00640. Raises InvalidRequest
    for one case, one answer a case, or counts that differ.
    """
    if (
        len({len(case) for case in scores}) != 1
        or len({len(answer) for case in scores for answer in case}) != 1
    ):
        raise InvalidRequest(
            "cases have different numbers of answers, answers of judgements, or there are none; give each "
            "case as many answers as the others, and each answer as many judgements"
        )
    shape = len(scores), len(scores[0]), len(scores[0][0])
    cases, answers, judgements = shape
    if cases < 2 or answers < 2 or judgements < 1:
        raise InvalidRequest(
            f"{cases} cases of {answers} answers, judged {judgements} times, can't be split; give two cases "
            "and two answers or more, judged at least once"
        )
    flat = [score for case in scores for answer in case for score in answer]
    array = sample(flat, "scores").reshape(shape)
    of_answers = array.mean(axis=2)
    of_cases = of_answers.mean(axis=1)
    judged = float(((array - of_answers[:, :, None]) ** 2).sum())
    judge = judged / (cases * answers * (judgements - 1)) if judgements > 1 else 0.0
    answered = float(((of_answers - of_cases[:, None]) ** 2).sum()) / (cases * (answers - 1))
    within = max(0.0, answered - judge / judgements)
    between = max(0.0, float(of_cases.var(ddof=1)) - answered / answers)
    return Variances(between=between, within=within, judge=judge)


def passes_of(successes: Sequence[int], tries: int, k: int, *, alpha: float = 0.05) -> Interval:
    """Return pass^k: the chance that k tries of a case all succeed, on average over cases.

    Unbiased: C(successes, k) / C(tries, k). Source: Yao et al., "tau-bench", arXiv 2406.12045, section 3; the
    interval is that of `proportions.clustered_share`, over cases.
    """
    check_count(tries, "tries", 1)
    for count in successes:
        check_count(count, "successes of a case")
    if not 1 <= k <= tries or not successes or max(successes) > tries:
        raise InvalidRequest(
            f"k is {k}, tries are {tries}, and {len(successes)} cases succeeded up to "
            f"{max(successes, default=0)} times; k and successes are at most the tries, cases at least one"
        )
    return clustered_share([math.comb(count, k) / math.comb(tries, k) for count in successes], alpha=alpha)


def flip_rate(answers: Sequence[Sequence[Hashable]], *, alpha: float = 0.05) -> Interval:
    """Return the chance that two answers to one case differ, on average over cases; unbiased.

    Source: Simpson, "Measurement of Diversity", Nature 163, 1949 (its complement). Raises InvalidRequest for
    a case with fewer than two answers.
    """
    least = min((len(case) for case in answers), default=0)
    if least < 2:
        raise InvalidRequest(f"a case has {least} answers; give each two or more, or leave it out")
    rates = [
        1 - sum(count * (count - 1) for count in Counter(case).values()) / (len(case) * (len(case) - 1))
        for case in answers
    ]
    return clustered_share(rates, alpha=alpha)
