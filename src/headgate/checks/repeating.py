"""How alike the answers to one case are, and how many repeats are worth their price.

Read next: `statistics.repeatability`, `statistics.power`.
"""

from collections.abc import Sequence

import msgspec

from headgate.checks.model import Check, Result
from headgate.checks.running import Outcome
from headgate.statistics.model import Interval
from headgate.statistics.power import worthwhile_repeats
from headgate.statistics.repeatability import Variances, flip_rate, passes_of, variances


class Repeatability(msgspec.Struct, frozen=True, kw_only=True):
    """How alike repeated answers are by one scorer. `all_right` is pass^k for k of 1 up to the repeats.

    `flips` is the chance that two answers to a case are marked differently; `worthwhile` how often to ask a
    case at what one more case costs, in answers (`new_case_costs` of the check).
    """

    scorer: str
    cases: int
    all_right: tuple[Interval, ...]
    flips: Interval
    variances: Variances
    worthwhile: int
    sentence: str


def repeatability(check: Check, outcome: Outcome) -> tuple[Repeatability, ...]:
    """Return how alike answers are, by each scorer; nothing where each case was asked once."""
    if check.repeats < 2:
        return ()
    by_case: dict[str, list[Result]] = {}
    for result in outcome.results:
        by_case.setdefault(result.case, []).append(result)
    whole = [results for results in by_case.values() if len(results) == check.repeats]
    found = (_of_scorer(check, scorer.name, whole) for scorer in check.scorers)
    return tuple(each for each in found if each is not None)


def _of_scorer(check: Check, scorer: str, cases: Sequence[Sequence[Result]]) -> Repeatability | None:
    scores: list[list[float]] = []
    for results in cases:
        marks = [result.score(scorer) for result in results]
        if None not in marks:
            scores.append([mark for mark in marks if mark is not None])
    if len(scores) < 2:
        return None
    right = [sum(score >= 1 for score in marks) for marks in scores]
    passes = tuple(passes_of(right, check.repeats, k) for k in range(1, check.repeats + 1))
    flips = flip_rate(scores)
    split = variances([[[score] for score in marks] for marks in scores])
    price = check.new_case_costs
    worth = worthwhile_repeats(split.within, split.between, price_of_case=price, price_of_repeat=1)
    sentence = (
        f"{scorer}: {passes[0].estimate:.1%} right once, {passes[-1].estimate:.1%} in all of {check.repeats} "
        f"tries ({passes[-1].low:.1%} to {passes[-1].high:.1%}); two answers differ in {flips.estimate:.1%}. "
    ).replace("%", " %")
    advice = "asking once is enough" if worth == 1 else f"asking {worth} times is worth it"
    answers = "1 answer" if price == 1 else f"{price:g} answers"
    return Repeatability(
        scorer=scorer,
        cases=len(scores),
        all_right=passes,
        flips=flips,
        variances=split,
        worthwhile=worth,
        sentence=f"{sentence}Where a new case costs {answers} (`new_case_costs`), {advice}.",
    )
