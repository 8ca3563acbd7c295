"""Two runs on the same cases, held against each other case by case. Pure.

A case's score is the mean of its repeats; a call that failed is wrong. Pairs are taken in the order in which
the first run asked them, clusters in that of their first cases, and their interval is one for every look:
runs that stopped when they were decided can be compared, too. Cases that only one run asked, or that lack a
mark, are left out and counted. Read next: `checks.stopping`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from headgate.checks.stopping import difference_so_far
from headgate.checks.store import KeptResult
from headgate.core.faults import InvalidRequest

ERROR = 0.05


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the difference of two runs by one scorer: this run's mean less the other's.

    Numbers are null where there is none to tell. `better` and `worse` count cases; `left_out` those without
    a pair of marks. `clusters` is how many the cases are in, each that is in none as one of its own.
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


def pair_runs(
    results: Sequence[KeptResult], against: Sequence[KeptResult], largest: int = 1
) -> list[Compared]:
    """Return the difference of two runs by each scorer that both have.

    `largest` is how many cases the largest cluster of their dataset has, whether they were asked or not.
    """
    ours = {name for each in results for name in each.marks}
    theirs = {name for each in against for name in each.marks}
    clusters = {each.case: f"cluster {each.cluster}" for each in (*against, *results) if each.cluster}
    largest = max(largest, 1, *Counter(clusters.values()).values())
    asked = [(case, clusters.get(case, f"case {case}")) for case in _order(results)]
    return [
        _compared(name, asked, _means(results, name), _means(against, name), largest)
        for name in sorted(ours & theirs)
    ]


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


def _compared(
    scorer: str,
    asked: Sequence[tuple[str, str]],
    ours: Mapping[str, float | None],
    theirs: Mapping[str, float | None],
    largest: int,
) -> Compared:
    scores: list[float] = []
    others: list[float] = []
    clusters: list[str] = []
    for case, cluster in asked:
        one, other = ours.get(case), theirs.get(case)
        if one is not None and other is not None:
            scores.append(one)
            others.append(other)
            clusters.append(cluster)
    cases = len(scores)
    pairs = list(zip(scores, others, strict=True))
    counts = {
        "cases": cases,
        "clusters": len(set(clusters)),
        "left_out": len(set(ours) | set(theirs)) - cases,
        "better": sum(one > other for one, other in pairs),
        "worse": sum(one < other for one, other in pairs),
    }
    if cases < 2:
        sentence = f"{scorer}: the runs have {cases} marked cases in common, which tells nothing."
        return Compared(scorer=scorer, sentence=sentence, **counts)
    mean, base = sum(scores) / cases, sum(others) / cases
    known = Compared(scorer=scorer, sentence="", mean=mean, against=base, difference=mean - base, **counts)
    try:
        found = difference_so_far(scores, others, clusters, largest, alpha=ERROR)
    except InvalidRequest as fault:
        sentence = f"{scorer}: their difference can't be told: {fault.message}"
        return msgspec.structs.replace(known, sentence=sentence)
    known = msgspec.structs.replace(known, low=found.low, high=found.high)
    return msgspec.structs.replace(known, sentence=_sentence(known, found.low, found.high))


def _sentence(known: Compared, low: float, high: float) -> str:
    clusters = f", in {known.clusters} clusters," if known.clusters < known.cases else ""
    where = f"on {known.cases} cases{clusters} that both asked"
    if low > 0:
        return f"{known.scorer}: this run is better by {100 * low:.1f} to {100 * high:.1f} points, {where}."
    if high < 0:
        return f"{known.scorer}: this run is worse by {-100 * high:.1f} to {-100 * low:.1f} points, {where}."
    return (
        f"{known.scorer}: it is not known which run is better: this one is between {-100 * low:.1f} points "
        f"worse and {100 * high:.1f} points better, {where}."
    )
