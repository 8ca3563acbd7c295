"""Two runs on the same cases, held against each other case by case. Pure.

A case's score is the mean of its repeats; a call that failed is wrong. Pairs are taken in the order in which
the first run asked them, clusters in that of their first cases, and their interval is one for every look:
runs that stopped when they were decided can be compared, too. Cases that only one run asked, or that lack a
mark, are left out and counted. Read next: `checks.stopping`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from headgate.checks.correcting import Judged
from headgate.checks.differing import (
    Discerned,
    ScoreDifference,
    Sides,
    difference_of_interval,
    discern,
)
from headgate.checks.stopping import difference_so_far
from headgate.checks.store import KeptResult
from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Interval

ERROR = 0.05


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the difference of two runs by one scorer: this run's mean less the other's.

    Numbers are null where there is none to tell. `better` and `worse` count cases; `left_out` those without
    a pair of marks. `clusters` is how many the cases are in, each that is in none as one of its own. By a
    judge the difference is without its errors, null where these are not known; `said` is what it says itself,
    and so are the means; `marks` is how many of its answers people have marked, `judge` its name.
    """

    scorer: str
    sentence: str
    cases: int
    clusters: int
    left_out: int
    better: int
    worse: int
    mean: float | None = None
    against: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    said: ScoreDifference | None = None
    judge: str | None = None
    marks: int | None = None


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """Cases in the order in which they were asked, and of each run its scores and which calls failed."""

    asked: Sequence[tuple[str, str]]
    ours: Mapping[str, float | None]
    theirs: Mapping[str, float | None]
    our_failed: Mapping[str, float]
    their_failed: Mapping[str, float]
    largest: int


def pair_runs(
    results: Sequence[KeptResult],
    against: Sequence[KeptResult],
    largest: int = 1,
    judged: Mapping[str, Judged] | None = None,
) -> list[Compared]:
    """Return the difference of two runs by each scorer that both have; by those `judged` without errors.

    `largest` is how many cases the largest cluster of their dataset has, whether they were asked or not.
    """
    ours = {name for each in results for name in each.marks}
    theirs = {name for each in against for name in each.marks}
    clusters = {each.case: f"cluster {each.cluster}" for each in (*against, *results) if each.cluster}
    largest = max(largest, 1, *Counter(clusters.values()).values())
    asked = [(case, clusters.get(case, f"case {case}")) for case in _order(results)]
    failed = _failed(results), _failed(against)
    found: list[Compared] = []
    for name in sorted(ours & theirs):
        told = _Told(
            asked=asked,
            ours=_means(results, name),
            theirs=_means(against, name),
            our_failed=failed[0],
            their_failed=failed[1],
            largest=largest,
        )
        found.append(_compared(name, told, None if judged is None else judged.get(name)))
    return found


def _order(results: Sequence[KeptResult]) -> list[str]:
    """Cases in the order of their first calls, whose ids go by time; those that made none at the end."""
    first: dict[str, str] = {}
    for each in results:
        made = each.request_id.lower() or "~"
        first[each.case] = min(first.get(each.case, made), made)
    return sorted(first, key=lambda case: (first[case], case))


def _means(results: Sequence[KeptResult], scorer: str) -> dict[str, float | None]:
    """The mean score of each case; None where a mark is missing."""
    scores: dict[str, list[float | None]] = {}
    for each in results:
        mark = each.marks.get(scorer)
        score = 0.0 if each.problem else None if mark is None else mark.score
        scores.setdefault(each.case, []).append(score)
    means: dict[str, float | None] = {}
    for case, values in scores.items():
        known = [value for value in values if value is not None]
        means[case] = sum(known) / len(known) if len(known) == len(values) else None
    return means


def _failed(results: Sequence[KeptResult]) -> dict[str, float]:
    """Which part of each case's calls failed."""
    calls = Counter(each.case for each in results)
    failed = Counter(each.case for each in results if each.problem)
    return {case: failed[case] / count for case, count in calls.items()}


def _compared(scorer: str, told: _Told, judged: Judged | None) -> Compared:
    pairs = [
        (case, cluster, one, other)
        for case, cluster in told.asked
        if (one := told.ours.get(case)) is not None and (other := told.theirs.get(case)) is not None
    ]
    known = Compared(
        scorer=scorer,
        sentence="",
        cases=len(pairs),
        clusters=len({cluster for _, cluster, _, _ in pairs}),
        left_out=len(set(told.ours) | set(told.theirs)) - len(pairs),
        better=sum(one > other for _, _, one, other in pairs),
        worse=sum(one < other for _, _, one, other in pairs),
    )
    if len(pairs) < 2:
        sentence = f"{scorer}: the runs have {len(pairs)} marked cases in common, which tells nothing."
        return msgspec.structs.replace(known, sentence=sentence)
    sides = Sides(
        one=[one for _, _, one, _ in pairs],
        other=[other for _, _, _, other in pairs],
        one_failed=[told.our_failed[case] for case, _, _, _ in pairs],
        other_failed=[told.their_failed[case] for case, _, _, _ in pairs],
    )
    clusters = [cluster for _, cluster, _, _ in pairs]

    def find(one: Sequence[float], other: Sequence[float], alpha: float) -> Interval:
        return difference_so_far(one, other, clusters, told.largest, alpha=alpha)

    mean, base = sum(sides.one) / len(pairs), sum(sides.other) / len(pairs)
    known = msgspec.structs.replace(known, mean=mean, against=base)
    try:
        if judged is not None:
            return _by_judge(known, judged, discern(judged, sides, find, ERROR))
        found = difference_of_interval(find(sides.one, sides.other, ERROR))
    except InvalidRequest as fault:
        sentence = f"{scorer}: their difference can't be told: {fault.message}"
        shown = None if judged is not None else mean - base
        return msgspec.structs.replace(known, difference=shown, sentence=sentence)
    return _with(known, found, f"{_sentence(known, found)}.")


def _by_judge(known: Compared, judged: Judged, found: Discerned) -> Compared:
    """Without the judge's errors, and its word beside."""
    known = msgspec.structs.replace(known, said=found.said, judge=judged.judge, marks=found.marks)
    word = f"by its judge's word {_which(found.said)}"
    if found.known is None:
        sentence = f"{known.scorer}: which run is better is not known: {found.why}; {word}, {_where(known)}."
        return msgspec.structs.replace(known, sentence=sentence)
    people = f"without its judge's errors, by the {found.marks} answers that people marked"
    return _with(known, found.known, f"{_sentence(known, found.known)}, {people}; {word}.")


def _with(known: Compared, found: ScoreDifference, sentence: str) -> Compared:
    return msgspec.structs.replace(
        known, difference=found.estimate, low=found.low, high=found.high, sentence=sentence
    )


def _sentence(known: Compared, found: ScoreDifference) -> str:
    return f"{known.scorer}: {_which(found)}, {_where(known)}"


def _where(known: Compared) -> str:
    clusters = f", in {known.clusters} clusters," if known.clusters < known.cases else ""
    return f"on {known.cases} cases{clusters} that both asked"


def _which(found: ScoreDifference) -> str:
    low, high = found.low, found.high
    if low > 0:
        return f"this run is better by {100 * low:.1f} to {100 * high:.1f} points"
    if high < 0:
        return f"this run is worse by {-100 * high:.1f} to {-100 * low:.1f} points"
    return (
        f"it is not known which run is better: this one is between {-100 * low:.1f} points "
        f"worse and {100 * high:.1f} points better"
    )
