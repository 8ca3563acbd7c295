"""Targets beside each other, on the same cases: which is better.

Paired by case, and by cluster where cases have one; a cluster counts for as many cases as it has. A case
counts where it has a score of every target; how many do not is said. By a judge it is said without its
errors, and its word beside. Read next: `checks.matrix`, `checks.differing`.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from headgate.checks.correcting import Judged
from headgate.checks.differing import ScoreDifference, Sides, difference_of_interval, discern
from headgate.checks.model import Check, Result, Target
from headgate.checks.running import Outcome, costs_of
from headgate.checks.stopping import END_ERROR, LOOKS_ERROR, difference_so_far
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case
from headgate.statistics.effects import paired_difference
from headgate.statistics.model import Interval
from headgate.statistics.proportions import paired_shares
from headgate.statistics.sequences import betting

ALPHA = 0.05

Finding = Literal["better", "worse", "open"]
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
    failed: dict[str, list[float]]
    """Which part of a case's calls failed; their score is 0."""
    costs: dict[str, list[float] | None]
    tokens: dict[str, list[float] | None]
    clusters: list[str] | None
    cases: int
    left_out: int
    repeats: int = 1
    """How many times each case was asked."""
    largest: int = 1
    """The number of cases in the dataset's largest cluster."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The first target against the second by one scorer: `difference` is the first's less the other's.

    By a judge it is without its errors, None where nothing is known of these, and then `finding` is open;
    `said` is what the judge says itself, and so are the means; `marks` is how many answers, or pairs, people
    have marked of it, `unknown` why they don't tell.
    """

    scorer: str
    one: str
    other: str
    one_mean: float
    other_mean: float
    difference: float | None
    low: float | None
    high: float | None
    finding: Finding
    cases: int
    left_out: int
    sentence: str
    undecided: int | None = None
    """Of a pairwise judge: the cases in which it prefers neither, or another once the order is turned."""
    stopped_early: bool = False
    """Whether it was decided before all cases were asked; the interval is then one for every look."""
    said: ScoreDifference | None = None
    marks: int | None = None
    unknown: str = ""

    @property
    def known(self) -> ScoreDifference | None:
        """What is known of the difference."""
        if self.difference is None or self.low is None or self.high is None:
            return None
        return ScoreDifference(estimate=self.difference, low=self.low, high=self.high)

    @property
    def is_settled(self) -> bool:
        """Whether more cases tell nothing more: by a judge of unknown errors once its word is plain."""
        plain = self.known or self.said
        return plain is not None and finding_of(plain) != "open"


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
        failed={name: [_failed(one[case.id]) for case in found] for name, one in of_target.items()},
        costs={name: _known([_cost(one[case.id]) for case in found]) for name, one in of_target.items()},
        tokens={name: [_tokens(one[case.id]) for case in found] for name, one in of_target.items()},
        clusters=clusters_of(found),
        cases=len(found),
        left_out=len(cases) - len(found),
        repeats=check.repeats,
        largest=max(Counter(case.cluster or case.id for case in cases).values()),
    )


def clusters_of(cases: Sequence[Case]) -> list[str] | None:
    """Return the cluster of each case, a case in none being one by itself; None where no case has any."""
    return [case.cluster or case.id for case in cases] if any(case.cluster for case in cases) else None


def compare(scorer: str, told: Scores, looks: Looks = "one", judged: Judged | None = None) -> Comparison:
    """Compare the first two targets by one scorer; by a judge without its errors.

    With looks on the way, by an interval for every look; after the last of them by one look, at the error
    that those on the way have left.
    """
    one, other = told.names[:2]
    sides = Sides(
        one=told.scores[one],
        other=told.scores[other],
        one_failed=told.failed[one],
        other_failed=told.failed[other],
    )

    def find(first: Sequence[float], second: Sequence[float], alpha: float) -> Interval:
        if looks == "every":
            return difference_so_far(first, second, told.clusters, told.largest, alpha=alpha)
        return difference_of(first, second, told.clusters, alpha=alpha)

    alpha = {"every": LOOKS_ERROR, "last": END_ERROR, "one": ALPHA}[looks]
    by_judge = None if judged is None else discern(judged, sides, find, alpha)
    known = (
        difference_of_interval(find(sides.one, sides.other, alpha)) if by_judge is None else by_judge.known
    )
    said = Comparison(
        scorer=scorer,
        one=one,
        other=other,
        one_mean=math.fsum(sides.one) / told.cases,
        other_mean=math.fsum(sides.other) / told.cases,
        difference=None if known is None else known.estimate,
        low=None if known is None else known.low,
        high=None if known is None else known.high,
        finding="open" if known is None else finding_of(known),
        cases=told.cases,
        left_out=told.left_out,
        sentence="",
        stopped_early=looks == "every",
        said=None if by_judge is None else by_judge.said,
        marks=None if by_judge is None else by_judge.marks,
        unknown="" if by_judge is None else by_judge.why,
    )
    return msgspec.structs.replace(said, sentence=_sentence(said))


def finding_of(found: ScoreDifference) -> Finding:
    """Return what a difference tells."""
    if found.low <= 0 <= found.high:
        return "open"
    return "better" if found.estimate > 0 else "worse"


def difference_of(
    one: Sequence[float],
    other: Sequence[float],
    clusters: list[str] | None = None,
    *,
    alpha: float = ALPHA,
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
    beside = f"{said.one_mean:.1%} and {said.other_mean:.1%} of the same {said.cases} cases".replace(
        "%", " %"
    )
    left = f"; {said.left_out} cases without a score of both are left out" if said.left_out else ""
    early = "; known before all were asked" if said.stopped_early else ""
    return f"{_told(said)}{without_errors_by(said, 'answers')}{beside}{left}{early}."


def _told(said: Comparison) -> str:
    if said.known is None:
        return f"which of {said.one} and {said.other} is better on {said.scorer} is not known"
    if said.finding == "open":
        ends = f"{said.known.low * 100:.1f} to {said.known.high * 100:.1f} points"
        return f"{said.one} and {said.other} are not known to differ on {said.scorer}: {ends}"
    return f"{said.one} is {said.finding} than {said.other} on {said.scorer} by {in_points(said.known)}"


def without_errors_by(said: Comparison, what: str) -> str:
    """Say from what a judge's errors are known, or why they aren't, and what it says; nothing of others."""
    if said.said is None:
        return "; "
    if said.known is None:
        return f": {said.unknown}; its judge says {signed(said.said)}: "
    people = f"without its judge's errors, by the {said.marks} {what} that people marked"
    return f", {people}; its judge says {signed(said.said)}: "


def in_points(found: ScoreDifference) -> str:
    """Write a difference that is known as so many points and their interval, without its sign."""
    low, high = sorted((abs(found.low) * 100, abs(found.high) * 100))
    return f"{abs(found.estimate) * 100:.1f} points ({low:.1f} to {high:.1f})"


def signed(found: ScoreDifference) -> str:
    """Write a difference as so many points, with signs."""
    return f"{found.estimate * 100:+.1f} points ({found.low * 100:+.1f} to {found.high * 100:+.1f})"


def _by_case(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.case, []).append(result)
    return found


def _mean(results: Sequence[Result], scorer: str) -> float:
    return math.fsum(result.score(scorer) or 0.0 for result in results) / len(results)


def _failed(results: Sequence[Result]) -> float:
    return sum(bool(result.answer.problem) for result in results) / len(results)


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
