"""Whether units came to the arms in the shares that were meant (sample ratio mismatch). Pure."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaincc, gammaln

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Sample, check_count

PRIOR_UNITS = 1000.0
"""How closely the alternative lies about the shares that were meant: as if it had seen so many units.

Fits mismatches of a few percent, which is what broken assignment looks like.
"""


def mismatch_at_one_look(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the p-value of Pearson's chi-square test that counts come from these shares.

    Source: Fabijan et al., "Diagnosing Sample Ratio Mismatch in Online Controlled Experiments", KDD 2019.
    Raises InvalidRequest below five units expected in an arm, where the test does not hold.
    """
    observed, expected = _checked(counts, shares)
    meant = observed.sum() * expected
    if meant.min() < 5:
        raise InvalidRequest(
            f"only {meant.min():.1f} units are expected in an arm; from 5 on this test holds, "
            "`mismatch_at_every_look` from the first"
        )
    statistic = float((((observed - meant) ** 2) / meant).sum())
    return float(gammaincc((len(counts) - 1) / 2, statistic / 2))


def mismatch_at_every_look(
    counts: Sequence[int], shares: Sequence[float], *, prior_units: float = PRIOR_UNITS
) -> float:
    """Return the evidence (an e-value) that counts don't come from these shares.

    1/alpha or more is a mismatch, whenever one looks.

    The multinomial Bayes factor against a Dirichlet prior about the shares. Source: Lindon, Malek,
    "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022, arXiv 2011.03567.
    """
    observed, expected = _checked(counts, shares)
    if not 0 < prior_units < math.inf:
        raise InvalidRequest(f"prior_units are {prior_units}; give a number above 0, such as {PRIOR_UNITS:g}")
    prior = prior_units * expected
    logarithm = _log_beta(prior + observed) - _log_beta(prior) - float((observed * np.log(expected)).sum())
    return math.exp(min(logarithm, 700.0))


def _log_beta(shape: Sample) -> float:
    return float(gammaln(shape).sum()) - float(gammaln(float(shape.sum())))


def _checked(counts: Sequence[int], shares: Sequence[float]) -> tuple[Sample, Sample]:
    if len(counts) != len(shares) or len(counts) < 2:
        raise InvalidRequest(
            f"{len(counts)} counts and {len(shares)} shares; give one of each for two arms or more"
        )
    for count in counts:
        check_count(count, "units of an arm")
    if not all(0 < share < math.inf for share in shares):
        raise InvalidRequest(f"shares are {list(shares)}; give each arm one above 0, or leave the arm out")
    if sum(counts) == 0:
        raise InvalidRequest("no unit is in any arm yet; look again when some are")
    expected = np.asarray(shares, dtype=np.float64)
    return np.asarray(counts, dtype=np.float64), expected / expected.sum()
