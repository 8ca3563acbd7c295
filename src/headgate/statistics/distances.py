"""Whether two sets of answers differ at all, by how far each answer is from each other. Pure.

For answers that are texts: there is a distance between two of them, and no mean.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import check_count

GROUPINGS_MAX: Final = 5000
"""Up to so many ways of splitting all are tried; of more, so many are drawn."""


def energy_test(distances: Sequence[Sequence[float]], first: int, *, seed: int = 0) -> float:
    """Return the p-value that the first answers and the others come from one and the same source.

    `distances[i][j]` is how far two answers are apart; the first `first` are of one set. The statistic is the
    energy distance, twice the mean distance between the sets less those within them. Source: Szekely, Rizzo,
    "Testing for Equal Distributions in High Dimension", InterStat 5, 2004, eq. 5. The p-value is that of a
    permutation test, so it holds for few answers and any distance. Raises InvalidRequest for a set of fewer
    than two.
    """
    check_count(first, "answers of the first set", 2)
    matrix = np.asarray(distances, dtype=np.float64)
    total = len(matrix)
    if matrix.shape != (total, total) or total - first < 2:
        raise InvalidRequest(
            f"distances have the shape {matrix.shape}, {first} are of the first set; give a square of them, "
            "and two answers of each set"
        )
    if not bool(np.isfinite(matrix).all()):
        raise InvalidRequest("a distance is not finite; leave answers without one out")
    observed = _energy(matrix, np.arange(first))
    groupings = _groupings(total, first, np.random.default_rng(seed))
    # What differs by rounding alone counts as equal.
    above = sum(_energy(matrix, np.asarray(group)) >= observed - 1e-12 for group in groupings)
    drawn = math.comb(total, first) > GROUPINGS_MAX
    return (above + drawn) / (len(groupings) + drawn)


def energy_distance(distances: Sequence[Sequence[float]], first: int) -> float:
    """Return how far two sets of answers are apart beyond how far each is by itself: in the mean 0 if alike.

    Half of the energy distance of `energy_test`, without the distances of an answer to itself, which makes it
    unbiased. Distances from 0 to 1 give -1 to 1. Source: Szekely, Rizzo, "Energy statistics: A class of
    statistics based on distances", Journal of Statistical Planning and Inference 143(8), 2013 (U-statistics).
    """
    matrix = np.asarray(distances, dtype=np.float64)
    other = len(matrix) - first
    check_count(min(first, other), "answers of a set", 2)
    between = float(matrix[:first, first:].mean())
    within = [
        float(part.sum()) / (len(part) * (len(part) - 1))
        for part in (matrix[:first, :first], matrix[first:, first:])
    ]
    return between - sum(within) / 2


def least_p(first: int, other: int) -> float:
    """Return the smallest p-value that so many answers can have: fewer of them can't show anything.

    One in all the ways to divide them. Source: as `energy_test`, of its permutation test.
    """
    ways = math.comb(first + other, first)
    return (2 if first == other else 1) / min(ways, GROUPINGS_MAX + 1)


def _energy(matrix: np.ndarray, group: np.ndarray) -> float:
    inside = np.zeros(len(matrix), dtype=bool)
    inside[group] = True
    between = float(matrix[inside][:, ~inside].mean())
    return 2 * between - float(matrix[inside][:, inside].mean()) - float(matrix[~inside][:, ~inside].mean())


def _groupings(total: int, first: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    if math.comb(total, first) <= GROUPINGS_MAX:
        return list(combinations(range(total), first))
    return [tuple(rng.permutation(total)[:first].tolist()) for _ in range(GROUPINGS_MAX)]
