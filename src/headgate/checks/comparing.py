"""Targets beside each other, on the same cases: which is better, at what price, and what is lost elsewhere.

Paired by case, and by cluster where cases have one; a cluster counts for as many cases as it has. A case
counts where it has a score of every target; how many do not is said. Read next: `statistics.frontier`,
`statistics.transfer`.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from headgate.checks.model import Check, Result, Target
from headgate.checks.running import Outcome, costs_of
from headgate.checks.stopping import END_ERROR, difference_so_far
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case
from headgate.statistics.effects import paired_difference
from headgate.statistics.frontier import Candidate, Frontier, frontier
from headgate.statistics.model import Interval
from headgate.statistics.proportions import paired_shares
from headgate.statistics.sequences import betting
from headgate.statistics.transfer import transfer_gap

ALPHA = 0.05

Finding = Literal["better", "worse", "open"]
By = Literal["cost", "tokens"]
"""What quality is set against: pico-USD, or tokens in and out."""

Looks = Literal["one", "every", "last"]
"""At how many looks it may be decided: one at the end, every one on the way, or the last after those."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A target and what came of it."""

    target: Target
    outcome: Outcome


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Scores, costs and tokens of all targets, case by case the same; clusters where cases have any.

    Costs are pico-USD, None of a target that has a call without a known price; tokens, in and out.
    """

    names: tuple[str, ...]
    scores: dict[str, list[float]]
    costs: dict[str, list[float] | None]
    tokens: dict[str, list[float] | None]
    clusters: list[str] | None
    cases: int
    left_out: int
    largest: int = 1
    """The number of cases in the dataset's largest cluster."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The first target against the second by one scorer: `difference` is the first's less the other's."""

    scorer: str
    one: str
    other: str
    one_mean: float
    other_mean: float
    difference: float
    low: float
    high: float
    finding: Finding
    cases: int
    left_out: int
    sentence: str
    stopped_early: bool = False
    """Whether it was decided before all cases were asked; the interval is then one for every look."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """What is lost on `away` by the prompt that is best on `home`; `gap` is None where it is best there."""

    scorer: str
    home: str
    away: str
    carried: str
    best: str
    gap: float | None
    low: float | None
    high: float | None
    cases: int


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """All targets by one scorer: quality against cost or tokens, the least good enough, gaps of transfer."""

    scorer: str
    by: By
    frontier: Frontier
    left_out: int
    gaps: tuple[Gap, ...]
    sentence: str


def aligned(check: Check, scorer: str, tried: Sequence[Tried], cases: Sequence[Case]) -> Scores:
    """Return the scores of cases that have one of every target, in the order of the cases.

    Raises InvalidRequest for fewer than two.
    """
    of_target = {each.target.name: _by_case(each.outcome.results) for each in tried}
    found: list[Case] = []
    for case in cases:
        results = [of_target[name].get(case.id, []) for name in of_target]
        complete = all(len(each) == check.repeats for each in results)
        if complete and all(result.score(scorer) is not None for each in results for result in each):
            found.append(case)
    if len(found) < 2:
        raise InvalidRequest(
            f"{len(found)} cases have a score of every target by {scorer}; a comparison takes two or more"
        )
    return Scores(
        names=tuple(of_target),
        scores={name: [_mean(one[case.id], scorer) for case in found] for name, one in of_target.items()},
        costs={name: _known([_cost(one[case.id]) for case in found]) for name, one in of_target.items()},
        tokens={name: [_tokens(one[case.id]) for case in found] for name, one in of_target.items()},
        clusters=clusters_of(found),
        cases=len(found),
        left_out=len(cases) - len(found),
        largest=max(Counter(case.cluster or case.id for case in cases).values()),
    )


def scattered(cases: Sequence[Case]) -> list[Case]:
    """Return cases in an order that no file has: by a hash of each one's cluster, or of itself.

    Where every other case chooses prompts, a file that alternates between two kinds of case would choose by
    the one kind and compare by the other.
    """

    def place(case: Case) -> tuple[bytes, str]:
        return hashlib.sha256((case.cluster or case.id).encode()).digest(), case.id

    return sorted(cases, key=place)


def clusters_of(cases: Sequence[Case]) -> list[str] | None:
    """Return the cluster of each case, a case in none being one by itself; None where no case has any."""
    return [case.cluster or case.id for case in cases] if any(case.cluster for case in cases) else None


def compare(scorer: str, told: Scores, looks: Looks = "one") -> Comparison:
    """Compare the first two targets by one scorer.

    With looks on the way, by an interval for every look; after the last of them by one look, at the error
    that those on the way have left.
    """
    one, other = told.names[:2]
    first, second = told.scores[one], told.scores[other]
    if looks == "every":
        interval = difference_so_far(first, second, told.clusters, told.largest)
    else:
        interval = difference_of(first, second, told.clusters, alpha=END_ERROR if looks == "last" else ALPHA)
    finding: Finding = "open"
    if interval.excludes(0):
        finding = "better" if interval.estimate > 0 else "worse"
    said = Comparison(
        scorer=scorer,
        one=one,
        other=other,
        one_mean=math.fsum(first) / len(first),
        other_mean=math.fsum(second) / len(second),
        difference=interval.estimate,
        low=interval.low,
        high=interval.high,
        finding=finding,
        cases=told.cases,
        left_out=told.left_out,
        sentence="",
        stopped_early=looks == "every",
    )
    return msgspec.structs.replace(said, sentence=_sentence(said))


def matrix(scorer: str, told: Scores, targets: Sequence[Target], margin: float, by: By = "cost") -> Matrix:
    """Set all targets beside each other by one scorer."""
    little = told.costs if by == "cost" else told.tokens
    candidates = [Candidate(name=name, scores=told.scores[name], costs=little[name]) for name in told.names]
    known = frontier(candidates, margin=margin, clusters=told.clusters, alpha=ALPHA)
    return Matrix(
        scorer=scorer,
        by=by,
        frontier=known,
        left_out=told.left_out,
        gaps=tuple(_gaps(scorer, told, targets)),
        sentence=_choice(scorer, told, known, by),
    )


def _choice(scorer: str, told: Scores, known: Frontier, by: By) -> str:
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
    return f"{scorer}: {said}{without if unpriced else ''}."


def _gaps(scorer: str, told: Scores, targets: Sequence[Target]) -> list[Gap]:
    """Of every two models that were tried with the same prompts, two or more."""
    by_model: dict[str, dict[str, list[float]]] = {}
    for target in targets:
        prompt = target.prompt or target.system
        if prompt is not None and target.model and target.name in told.scores:
            by_model.setdefault(target.model, {})[prompt] = told.scores[target.name]
    gaps: list[Gap] = []
    for home, own in by_model.items():
        for away, there in by_model.items():
            shared = own.keys() & there.keys()
            if home == away or len(shared) < 2:
                continue
            found = transfer_gap(
                {prompt: own[prompt] for prompt in shared},
                {prompt: there[prompt] for prompt in shared},
                clusters=told.clusters,
            )
            interval = None if found.gap is None else found.gap.interval(alpha=ALPHA, looks="one")
            gaps.append(
                Gap(
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
            )
    return gaps


def difference_of(
    one: list[float], other: list[float], clusters: list[str] | None = None, *, alpha: float = ALPHA
) -> Interval:
    """Return the mean difference of scores of the same cases, by pairs, for one look at all of them."""
    if clusters is None and {*one, *other} <= {0.0, 1.0}:
        pairs = list(zip(one, other, strict=True))
        cells = [pairs.count(kind) for kind in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))]
        return paired_shares(*cells, alpha=alpha)
    differences = [first - second for first, second in zip(one, other, strict=True)]
    if len(set(differences)) == 1:
        # Never yet different is not the same as never: what betting allows for.
        return betting(differences, bounds=(-1.0, 1.0), alpha=alpha)
    return paired_difference(one, other, clusters).interval(alpha=alpha, looks="one")


def _sentence(said: Comparison) -> str:
    points = f"{said.low * 100:.1f} to {said.high * 100:.1f} points"
    beside = f"{said.one_mean:.1%} and {said.other_mean:.1%} of the same {said.cases} cases".replace(
        "%", " %"
    )
    left = f"; {said.left_out} cases without a score of both are left out" if said.left_out else ""
    match said.finding:
        case "open":
            known = f"{said.one} and {said.other} are not known to differ on {said.scorer}: {points}"
        case finding:
            by = f"{abs(said.difference) * 100:.1f} points"
            ends = sorted((abs(said.low) * 100, abs(said.high) * 100))
            points = f"{ends[0]:.1f} to {ends[1]:.1f}"
            known = f"{said.one} is {finding} than {said.other} on {said.scorer} by {by} ({points})"
    early = "; known before all were asked" if said.stopped_early else ""
    return f"{known}; {beside}{left}{early}."


def _by_case(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.case, []).append(result)
    return found


def _mean(results: Sequence[Result], scorer: str) -> float:
    return math.fsum(result.score(scorer) or 0.0 for result in results) / len(results)


def _cost(results: Sequence[Result]) -> float | None:
    """What a case costs to ask once, in pico-USD; marks are no part of it. None without a known price."""
    costs = [cost for result in results if (cost := costs_of(result)[0]) is not None]
    return sum(costs) / len(costs) if len(costs) == len(results) else None


def _tokens(results: Sequence[Result]) -> float:
    """How many tokens a case takes to ask once, in and out."""
    answers = [result.answer for result in results]
    return sum(answer.input_tokens + answer.output_tokens for answer in answers) / len(answers)


def _known(costs: Sequence[float | None]) -> list[float] | None:
    """The costs of all cases; None where one has none: the others say nothing of it."""
    known = [cost for cost in costs if cost is not None]
    return known if len(known) == len(costs) else None
