"""Many targets beside each other: quality at what price, the least good enough, and what is lost elsewhere.

By a judge all of it is said without the judge's errors, from what people marked, and its word stands beside.
Read next: `statistics.frontier`, `statistics.transfer`, `checks.differing`.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from headgate.checks.comparing import ALPHA, Scores
from headgate.checks.correcting import Judged, corrected_mean, marks_of
from headgate.checks.differing import ScoreDifference, strength_of, with_failed
from headgate.checks.model import Target
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case
from headgate.statistics.frontier import Candidate, Frontier, Place, frontier
from headgate.statistics.judged_differences import CASES_PART, Strength, without_errors
from headgate.statistics.model import Interval
from headgate.statistics.transfer import Transfer, transfer_gap

By = Literal["cost", "tokens"]
"""What quality is set against: pico-USD, or tokens in and out."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """What is lost on `away` by the prompt that is best on `home`; `gap` is None where it is best there.

    By a judge, which prompt is best goes by its word; what is lost is without its errors, None where these
    are not known, and `said` is what the judge says itself.
    """

    scorer: str
    home: str
    away: str
    carried: str
    best: str
    gap: float | None
    low: float | None
    high: float | None
    cases: int
    said: ScoreDifference | None = None


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """All targets by one scorer: quality against cost or tokens, the least good enough, gaps of transfer.

    By a judge `frontier` is without its errors, None where these are not known; `said` is what it says
    itself, and `marks` how many of its answers people have marked.
    """

    scorer: str
    by: By
    frontier: Frontier | None
    left_out: int
    gaps: tuple[Gap, ...]
    sentence: str
    said: Frontier | None = None
    marks: int | None = None


def matrix(
    scorer: str,
    told: Scores,
    targets: Sequence[Target],
    margin: float,
    by: By = "cost",
    *,
    judged: Judged | None = None,
) -> Matrix:
    """Set all targets beside each other by one scorer; by a judge without its errors."""
    said = _frontier(told, margin, by)
    transfers = list(_transfers(told, targets))
    made = Matrix(
        scorer=scorer,
        by=by,
        frontier=said,
        left_out=told.left_out,
        gaps=tuple(_gap(scorer, home, away, found) for home, away, found in transfers),
        sentence=f"{scorer}: {_choice(told, said, by)}.",
    )
    return made if judged is None else _without_errors(made, told, transfers, judged)


def _without_errors(
    made: Matrix, told: Scores, transfers: Sequence[tuple[str, str, Transfer]], judged: Judged
) -> Matrix:
    said = made.frontier
    assert said is not None
    strength, known, marks = None, None, marks_of(judged)
    try:
        strength = strength_of(judged)
        known = _known_frontier(told, said, made.by, judged, strength)
        people = f"without its judge's errors, by the {marks} answers that people marked"
        sentence = f"{made.scorer}: {_choice(told, known, made.by)}, {people}."
    except InvalidRequest as fault:
        word = f"by its judge's word {_choice(told, said, made.by)}"
        sentence = f"{made.scorer}: which is good enough is not known: {fault.message}; {word}."
    if any(any(failed) for failed in told.failed.values()):
        strength = None  # what a prompt loses is by the judge's marks, and failed calls have none
    gaps = [_known_gap(gap, found, strength) for gap, (_, _, found) in zip(made.gaps, transfers, strict=True)]
    return msgspec.structs.replace(
        made, frontier=known, gaps=tuple(gaps), sentence=sentence, said=said, marks=marks
    )


def scattered(cases: Sequence[Case]) -> list[Case]:
    """Return cases in an order that no file has: by a hash of each one's cluster, or of itself.

    Where every other case chooses prompts, a file that alternates between two kinds of case would choose by
    the one kind and compare by the other.
    """

    def place(case: Case) -> tuple[bytes, str]:
        return hashlib.sha256((case.cluster or case.id).encode()).digest(), case.id

    return sorted(cases, key=place)


def _frontier(told: Scores, margin: float, by: By) -> Frontier:
    """Where each target stands by its scores."""
    little = told.costs if by == "cost" else told.tokens
    candidates = [Candidate(name=name, scores=told.scores[name], costs=little[name]) for name in told.names]
    return frontier(candidates, margin=margin, clusters=told.clusters, alpha=ALPHA)


def _known_frontier(told: Scores, said: Frontier, by: By, judged: Judged, strength: Strength) -> Frontier:
    """Where each target stands without the errors of a judge, of which all of them share the strength.

    Costs are as they were; who is better is told at what the marks leave of the error, and by how much is
    divided by the least strength.
    """
    little = told.costs if by == "cost" else told.tokens
    candidates = [
        Candidate(
            name=name,
            scores=with_failed(told.scores[name], told.failed[name], strength.failed_low),
            most=with_failed(told.scores[name], told.failed[name], strength.failed_high),
            costs=little[name],
        )
        for name in told.names
    ]
    shown = frontier(candidates, margin=said.margin, clusters=told.clusters, alpha=CASES_PART * ALPHA)
    costs = {place.name: place.cost_interval for place in said.places}
    places: list[Place] = []
    for place in shown.places:
        _, most = without_errors((0.0, place.behind_at_most), strength)
        places.append(
            msgspec.structs.replace(
                place,
                score=_corrected(told, place.name, judged),
                cost_interval=costs[place.name],
                behind=min(most, place.behind / strength.estimate),
                behind_at_most=most,
                not_worse=most <= said.margin,
            )
        )
    choice = next((place.name for place in places if place.not_worse and place.cost is not None), None)
    return msgspec.structs.replace(shown, places=places, choice=choice, alpha=ALPHA)


def _corrected(told: Scores, name: str, judged: Judged) -> Interval:
    """A target's own score; the part of its calls that failed is wrong without a judge.

    A case counts for as many answers as it has: one for all, where no case has some and lacks others.
    """
    units = told.clusters or [str(number) for number in range(told.cases)]
    counts = [round((1 - failed) * told.repeats) for failed in told.failed[name]]
    step = math.gcd(*counts) or 1
    answered = [
        (score / (1 - failed), unit)
        for score, failed, unit, count in zip(
            told.scores[name], told.failed[name], units, counts, strict=True
        )
        for _ in range(count // step)
    ]
    found = corrected_mean(judged, [score for score, _ in answered], [unit for _, unit in answered])
    part = 1 - sum(told.failed[name]) / told.cases
    return msgspec.structs.replace(
        found, estimate=part * found.estimate, low=part * found.low, high=part * found.high
    )


def _choice(told: Scores, known: Frontier, by: By) -> str:
    within = f"{known.margin * 100:g} points"
    unpriced = [place.name for place in known.places if place.cost is None]
    priced = "" if not unpriced else " of those with a known price"
    if known.choice is not None:
        least = "the cheapest" if by == "cost" else "the one with the fewest tokens"
        said = f"{known.choice} is {least}{priced} that is not worse than the best by more than {within}"
        said = f"{said}, on {told.cases} cases"
    elif len(unpriced) == len(known.places):
        said = "which is cheapest is not known"
    else:
        said = (
            f"none{priced} is known to be within {within} of the best on {told.cases} cases; more would tell"
        )
    without = f"; no price is known of calls of {', '.join(unpriced)}: [prices] in headgate.toml says it"
    return f"{said}{without if unpriced else ''}"


def _gap(scorer: str, home: str, away: str, found: Transfer) -> Gap:
    interval = None if found.gap is None else found.gap.interval(alpha=ALPHA, looks="one")
    return Gap(
        scorer=scorer,
        home=home,
        away=away,
        carried=found.carried,
        best=found.best,
        gap=None if interval is None else interval.estimate,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        cases=found.cases,
    )


def _known_gap(gap: Gap, found: Transfer, strength: Strength | None) -> Gap:
    """The same without the errors of a judge; its word beside."""
    if found.gap is None or gap.gap is None or gap.low is None or gap.high is None:
        return gap
    said = ScoreDifference(estimate=gap.gap, low=gap.low, high=gap.high)
    if strength is None:
        return msgspec.structs.replace(gap, gap=None, low=None, high=None, said=said)
    shown = found.gap.interval(alpha=CASES_PART * ALPHA, looks="one")
    low, high = without_errors((shown.low, shown.high), strength)
    estimate = min(high, max(low, shown.estimate / strength.estimate))
    return msgspec.structs.replace(gap, gap=estimate, low=low, high=high, said=said)


def _transfers(told: Scores, targets: Sequence[Target]) -> Iterator[tuple[str, str, Transfer]]:
    """Of every two models that were tried with the same prompts, two or more."""
    by_model: dict[str, dict[str, list[float]]] = {}
    for target in targets:
        prompt = target.prompt or target.system
        if prompt is not None and target.model and target.name in told.scores:
            by_model.setdefault(target.model, {})[prompt] = told.scores[target.name]
    for home, own in by_model.items():
        for away, there in by_model.items():
            shared = own.keys() & there.keys()
            if home == away or len(shared) < 2:
                continue
            here = {prompt: own[prompt] for prompt in shared}
            other = {prompt: there[prompt] for prompt in shared}
            yield home, away, transfer_gap(here, other, clusters=told.clusters)
