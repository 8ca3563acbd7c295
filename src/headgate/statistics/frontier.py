"""Quality against its price: who is dear for nothing, and who is cheap and good enough. Pure.

Candidates (prompts, models, parameters) are tried on the same cases. Read next: `statistics.transfer`.
"""

import math
from collections.abc import Hashable, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from headgate.core.faults import InvalidRequest
from headgate.statistics.effects import clustered_mean, paired_difference
from headgate.statistics.model import Interval, Sample, Values, check_alpha, sample
from headgate.statistics.proportions import clustered_share, paired_shares
from headgate.statistics.sequences import betting

Known: TypeAlias = tuple[Sample, Sample | None, Sample]
"""Scores, costs and the most that scores may be of one candidate."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Scores in [0, 1] and costs, one of each for every case; case by case the same for all candidates.

    A cost is whatever is to be little: pico-USD, tokens, seconds; None where it isn't known of every case.
    Where scores are not known to the last, they are the least that they may be, and `most` the most.
    """

    name: str
    scores: Values
    costs: Values | None
    most: Values | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a candidate stands among the others.

    `behind` is how much the best one's score is above its own, `behind_at_most` how much at most: together
    for all candidates but for an error of alpha. `not_worse` says that this is within the margin.
    `beaten_by` is known to be both better and cheaper; None where no other is known to be. Without a known
    cost one is neither chosen nor on the frontier, and beats nobody.
    """

    name: str
    score: Interval
    cost: float | None
    cost_interval: Interval | None
    """None where every case cost the same, or the cost isn't known."""
    behind: float
    behind_at_most: float
    not_worse: bool
    on_frontier: bool
    """No other has, as far as was seen, a higher score for no more, or the same for less."""
    beaten_by: str | None


class Frontier(msgspec.Struct, frozen=True, kw_only=True):
    """All candidates, the cheapest first, and the cheapest that is known to be not worse than the margin."""

    places: list[Place]
    choice: str | None
    cases: int
    margin: float
    alpha: float


def frontier(
    candidates: Sequence[Candidate],
    *,
    margin: float,
    clusters: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
) -> Frontier:
    """Return where each candidate stands, and which is the cheapest not worse than the best by a margin.

    That any of those called not worse is worse by more than the margin has at most the chance alpha: for one
    candidate the claim is that it falls behind none of the others, all tested at one level (Berger,
    Technometrics 24(4), 1982), of alpha over their number. How many of the others there are costs nothing.
    Source: Hsu, "Constrained simultaneous confidence intervals for multiple comparisons with the best",
    Annals of Statistics 12(3), 1984, with paired differences. One look.
    """
    check_alpha(alpha)
    if not 0 <= margin < 1:
        raise InvalidRequest(
            f"the margin is {margin}; write how much lower a score may be, from 0 to under 1"
        )
    known = [_read(candidate) for candidate in candidates]
    cases = _check_same(candidates, known)
    names = [candidate.name for candidate in candidates]
    places: list[Place] = []
    for at, (scores, costs, _) in enumerate(known):
        others = [other for place, other in enumerate(known) if place != at]
        behind = max(float(other.mean() - scores.mean()) for other, _, _ in others)
        at_most = max(_at_most(most, scores, clusters, alpha / len(known)) for _, _, most in others)
        places.append(
            Place(
                name=names[at],
                score=_share(scores, clusters, alpha),
                cost=None if costs is None else float(costs.mean()),
                cost_interval=None if costs is None else _interval(costs, clusters, alpha),
                behind=max(0.0, behind),
                behind_at_most=max(0.0, at_most),
                not_worse=at_most <= margin,
                on_frontier=costs is not None
                and not any(_is_better(other, scores, costs) for other in others),
                beaten_by=_beaten_by(at, known, names, clusters, alpha),
            )
        )
    places.sort(key=lambda place: (math.inf if place.cost is None else place.cost, -place.score.estimate))
    choice = next((place.name for place in places if place.not_worse and place.cost is not None), None)
    return Frontier(places=places, choice=choice, cases=cases, margin=margin, alpha=alpha)


def _read(candidate: Candidate) -> Known:
    scores = sample(candidate.scores, f"scores of {candidate.name}", 2)
    costs = None if candidate.costs is None else sample(candidate.costs, f"costs of {candidate.name}", 2)
    most = scores if candidate.most is None else sample(candidate.most, f"most of {candidate.name}", 2)
    if scores.min() < 0 or most.max() > 1:
        raise InvalidRequest(
            f"scores of {candidate.name} lie between {scores.min():g} and {most.max():g}; scale them to "
            "0 to 1 first"
        )
    return scores, costs, most


def _check_same(candidates: Sequence[Candidate], known: list[Known]) -> int:
    if len(known) < 2:
        raise InvalidRequest(f"{len(known)} candidates; a comparison takes two or more")
    sizes = {candidate.name: len(scores) for candidate, (scores, _, _) in zip(candidates, known, strict=True)}
    if len(sizes) < len(known):
        raise InvalidRequest("two candidates have the same name; give each one of its own")
    costs = {len(costs) for _, costs, _ in known if costs is not None}
    if len(set(sizes.values()) | costs) > 1:
        said = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        raise InvalidRequest(
            f"candidates have different numbers of cases ({said}); give a score and a cost of each for the "
            "same cases, 0 for a case that failed"
        )
    return next(iter(sizes.values()))


def _is_better(other: Known, scores: Sample, costs: Sample) -> bool:
    if other[1] is None:
        return False
    score, cost = float(scores.mean()), float(costs.mean())
    more, less = float(other[0].mean()), float(other[1].mean())
    return (more > score and less <= cost) or (more == score and less < cost)


def _beaten_by(
    at: int,
    known: list[Known],
    names: list[str],
    clusters: Sequence[Hashable] | None,
    alpha: float,
) -> str | None:
    """The best of those known to be better and cheaper, among all pairs but for an error of alpha."""
    _, costs, most = known[at]
    if costs is None:
        return None
    level = alpha / (len(known) * (len(known) - 1))
    beating = [
        (float(more.mean()), names[place])
        for place, (more, less, _) in enumerate(known)
        if place != at
        and less is not None
        and _at_most(most, more, clusters, level) < 0
        and _cost_at_most(less, costs, clusters, level) < 0
    ]
    return max(beating)[1] if beating else None


def _at_most(one: Sample, other: Sample, clusters: Sequence[Hashable] | None, alpha: float) -> float:
    """How much one's mean score is above the other's at most: the upper end of a one-sided interval."""
    if clusters is None and _is_yes_or_no(one) and _is_yes_or_no(other):
        cells = (one * other, one * (1 - other), (1 - one) * other, (1 - one) * (1 - other))
        return paired_shares(*(int(cell.sum()) for cell in cells), alpha=2 * alpha).high
    difference = one - other
    if float(np.ptp(difference)) == 0:
        # Never yet different is not the same as never: what betting allows for.
        return betting(difference, bounds=(-1.0, 1.0), alpha=2 * alpha).high
    effect = paired_difference(one, other, clusters)
    return effect.interval(alpha=alpha, looks="one", side="upper").high


def _cost_at_most(one: Sample, other: Sample, clusters: Sequence[Hashable] | None, alpha: float) -> float:
    """The same of costs; a difference that is the same in every case, as of prompts' lengths, is known."""
    difference = one - other
    if float(np.ptp(difference)) <= 1e-9 * float(np.abs(difference).max()):
        return float(difference.mean())
    effect = paired_difference(one, other, clusters)
    return effect.interval(alpha=alpha, looks="one", side="upper").high


def _share(scores: Sample, clusters: Sequence[Hashable] | None, alpha: float) -> Interval:
    """The mean of scores; that all are the same doesn't say that they stay so, which betting allows for."""
    if float(np.ptp(scores)) == 0 and scores[0] not in (0, 1):
        return betting(scores, alpha=alpha)
    return clustered_share(scores, clusters, alpha=alpha)


def _interval(costs: Sample, clusters: Sequence[Hashable] | None, alpha: float) -> Interval | None:
    if float(np.ptp(costs)) <= 1e-9 * float(np.abs(costs).max()):
        return None
    return clustered_mean(costs, clusters).interval(alpha=alpha, looks="one")


def _is_yes_or_no(scores: Sample) -> bool:
    return bool(((scores == 0) | (scores == 1)).all())
