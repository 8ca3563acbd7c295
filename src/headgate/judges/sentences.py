"""Numbers in words, for findings. Pure."""

from headgate.judges.model import Scale
from headgate.judges.report import Finding, Scope
from headgate.statistics.model import Interval


def share(found: Interval) -> str:
    """Write a share with its interval."""
    return f"{found.estimate:.0%} ({found.low:.0%} to {found.high:.0%})"


def points(found: Interval) -> str:
    """Write a difference of shares in points, with its interval."""
    return f"{100 * found.estimate:+.0f} points ({100 * found.low:+.0f} to {100 * found.high:+.0f})"


def number(found: Interval) -> str:
    """Write a mean with its interval."""
    return f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})"


def score_of(scale: Scale, found: Interval) -> str:
    """Write a score: of yes and no the share of good answers, of pairs how often the first is better."""
    match scale:
        case "yes_no":
            return f"{share(found)} of the answers are good"
        case "pairwise":
            return f"a is better in {share(found)} of the pairs"
        case "one_to_five":
            return f"the answers are worth {number(found)} of 5"


def between(name: str, scope: Scope, found: Interval, sentence: str) -> Finding:
    """Return a finding with its numbers."""
    return Finding(
        name=name,
        scope=scope,
        sentence=sentence,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        n=found.n,
    )
