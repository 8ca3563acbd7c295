"""A share's interval that holds at every look, from two counts alone: exact for any number of cases. Pure.

For yes or no, one each of independent cases. Nothing needs to be settled first, so that shares near 0 and 1,
and those that never changed, are no trouble. Read next: `statistics.sequences` (means),
`statistics.proportions` (shares at one look).
"""

import math
from collections.abc import Callable
from typing import Final

from headgate.statistics.model import Interval, check_alpha, check_count

HALVINGS: Final = 30
"""How often an end is halved: outwards, to a thousand-millionth."""

PRIORS: Final = (0.5, 0.25, 0.25)
"""What of the bet goes on Jeffreys' prior, on a share of 0, and on one of 1."""


def share_at_every_look(successes: int, cases: int, *, alpha: float = 0.05) -> Interval:
    """Return where a share lies; each end alone errs at most at `alpha`, and so do both together.

    Excluded is every share against which a mixture of bets has won `1 / alpha` (Ville's inequality): half of
    it on Beta(1/2, 1/2), the rest on 0 and on 1, for what never happened, or always. Source:
    Robbins, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical
    Statistics 41(5), 1970; Waudby-Smith, Ramdas, JRSS B 86(1), 2024, section 2.
    """
    check_alpha(alpha)
    check_count(cases, "cases")
    check_count(successes, "successes")
    if successes > cases:
        check_count(cases - successes, "failures")
    share = successes / cases if cases else 0.5
    enough = _evidence(successes, cases) - math.log(1 / alpha)

    def is_excluded(candidate: float) -> bool:
        return enough >= _likelihood(successes, cases, candidate)

    return Interval(
        estimate=share,
        low=0.0 if not successes else _end(0.0, share, is_excluded),
        high=1.0 if successes == cases else _end(1.0, share, is_excluded),
        alpha=alpha,
        standard_error=math.sqrt(share * (1 - share) / cases) if cases else math.inf,
        n=cases,
    )


def _end(outside: float, inside: float, is_excluded: Callable[[float], bool]) -> float:
    """The last share that is not excluded, on the way from what may be known not to be it."""
    for _ in range(HALVINGS):
        middle = (outside + inside) / 2
        if is_excluded(middle):
            outside = middle
        else:
            inside = middle
    return outside


def _likelihood(successes: int, cases: int, share: float) -> float:
    """The logarithm of what was seen being seen."""
    failures = cases - successes
    seen = successes * math.log(share) if successes else 0.0
    return seen + (failures * math.log1p(-share) if failures else 0.0)


def _evidence(successes: int, cases: int) -> float:
    """The logarithm of what was seen being seen, under the mixture."""
    failures = cases - successes
    mixed = _log_beta(successes + 0.5, failures + 0.5) - _log_beta(0.5, 0.5)
    whole = PRIORS[0] * math.exp(mixed) + PRIORS[1] * (not successes) + PRIORS[2] * (not failures)
    return math.log(whole) if whole > 0 else math.log(PRIORS[0]) + mixed


def _log_beta(one: float, other: float) -> float:
    return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)
