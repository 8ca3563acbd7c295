"""Two targets side by side, looked at on the way: the comparison ends once it is decided by every scorer.
Pure.

Cases, or clusters of them, come in random order by the check's seed, in rounds that both targets are asked.
Looks on the way spend a part of the error (`LOOKS_ERROR`), by intervals that hold at all of them; what is
left is spent at the end, when all cases were asked. Read next: `checks.comparing`, `statistics.sequences`.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from headgate.checks.model import Check
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case
from headgate.statistics.model import Interval
from headgate.statistics.sequences import betting, is_larger

LOOKS_ERROR: Final = 0.01
END_ERROR: Final = 0.04
FIRST_ROUND: Final = 20
"""Units of the first round; each following one brings half as many again."""
HALVINGS: Final = 20


def in_rounds(check: Check, cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Yield the cases to be asked so far, round after round; the last time all of them."""
    units: dict[tuple[bool, str], list[Case]] = {}
    for case in sorted(cases, key=lambda each: each.id):
        units.setdefault((case.cluster is not None, case.cluster or case.id), []).append(case)
    ordered = list(units.values())
    random.Random(check.seed).shuffle(ordered)
    count = FIRST_ROUND
    while count < len(ordered):
        yield [case for unit in ordered[:count] for case in unit]
        count += (count + 1) // 2
    yield [case for unit in ordered for case in unit]


def difference_so_far(
    one: Sequence[float],
    other: Sequence[float],
    clusters: Sequence[str] | None,
    largest: int,
    *,
    alpha: float = LOOKS_ERROR,
) -> Interval:
    """Return the difference of two targets' means over all cases, with an interval that holds at every look.

    Scores come in the order in which cases are asked. `largest` is the number of cases in the largest cluster
    of the dataset: a cluster counts for as many cases as it has, by bets on what it has more than the mean in
    question allows, so that the means are those of cases. Raises InvalidRequest where no difference explains
    all scores.
    """
    differences = [first - second for first, second in zip(one, other, strict=True)]
    if clusters is None or largest == 1:
        return betting(differences, bounds=(-1.0, 1.0), alpha=alpha)
    sums: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for cluster, difference in zip(clusters, differences, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + difference
        sizes[cluster] = sizes.get(cluster, 0) + 1
    if max(sizes.values()) > largest:
        raise InvalidRequest(
            f"a cluster has {max(sizes.values())} cases, and the largest of all is {largest}"
        )

    def is_refuted(mean: float, sign: int) -> bool:
        """Whether bets have shown the difference (by its sign) to be larger than this mean."""
        over = [(sign * sums[name] - mean * sizes[name]) / largest for name in sums]
        shares = [min(1.0, max(0.0, (each + 1 + mean) / 2)) for each in over]
        return is_larger(shares, (1 + mean) / 2, bounds=(0.0, 1.0), alpha=alpha)

    low = _end(lambda mean: is_refuted(mean, 1))
    high = -_end(lambda mean: is_refuted(mean, -1))
    if low > high:
        raise InvalidRequest(
            f"the difference in these {len(sums)} clusters moved while they came: none explains all of them"
        )
    estimate = sum(differences) / len(differences)
    return Interval(
        estimate=estimate, low=low, high=high, alpha=alpha, standard_error=0.0, n=len(differences)
    )


def _end(is_refuted: Callable[[float], bool]) -> float:
    """The largest mean that is refuted; the scale's lower end where none is."""
    low, high = -1.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_refuted(middle) else (low, middle)
    return low
