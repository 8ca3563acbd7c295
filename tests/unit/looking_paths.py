"""Many experiments at once, looked at after every unit: what the simulations of the statistics share."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from headgate.statistics.model import Sample
from headgate.statistics.sequences import UNITS_LEAST, UNITS_PER_SKEWNESS

Draw = Callable[[np.random.Generator, tuple[int, int]], Sample]
Known = NDArray[np.bool_]
AT_ONCE = 500


def experiments(count: int) -> Iterator[int]:
    """How many experiments each part of a simulation has, so that it needs little memory."""
    for begin in range(0, count, AT_ONCE):
        yield min(AT_ONCE, count - begin)


def moments(values: Sample) -> tuple[Sample, Sample, Known]:
    """The mean, its squared error and whether it has settled, after each value of each row."""
    count: Sample = np.arange(1, values.shape[1] + 1, dtype=np.float64)
    mean: Sample = values.cumsum(axis=1) / count
    square: Sample = (values**2).cumsum(axis=1) / count
    variance: Sample = np.maximum(square - mean**2, 1e-12)
    third: Sample = (values**3).cumsum(axis=1) / count - 3 * mean * square + 2 * mean**3
    needed: Sample = np.maximum(UNITS_LEAST, UNITS_PER_SKEWNESS * third**2 / variance**3)
    known: Known = (count >= needed) & (variance > 1e-12)
    return mean, variance / np.maximum(count - 1, 1), known


def differences(
    rows: int, units: int, draw: Draw, rng: np.random.Generator, lift: float = 0.0
) -> tuple[Sample, Sample, Known]:
    """Differences of two arms after each pair of units, their errors, and whether both have settled."""
    one, error, known = moments(draw(rng, (rows, units)) + lift)
    other, other_error, other_known = moments(draw(rng, (rows, units)))
    return one - other, np.sqrt(error + other_error), known & other_known


def share_at_most(hits: int, count: int) -> float:
    """The most that a share seen in a simulation may be: three of its standard errors above."""
    share = hits / count
    return float(share + 3 * np.sqrt(max(share * (1 - share), 1 / count) / count))
