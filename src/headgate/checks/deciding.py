"""Decides requirements from scores as they come, by `statistics.requirements`. Pure.

A score that is missing is counted both ways: a requirement is met only if it would be with all missing ones
wrong, and not met only if it would not be with all of them right. Read next: `checks.planning`.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.checks.model import Required, Result
from headgate.statistics.requirements import Requirement, Verdict

AHEAD_MAX: Final = 20_000
"""How many more units a prediction looks ahead."""
HALVINGS: Final = 12

Scores = Sequence[float | None]
"""The scores of one unit: of all its cases and repeats, None where one is missing."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one requirement after some units."""

    required: Required
    scorer: str
    low: Requirement
    """As if all missing scores were 0."""
    high: Requirement
    """As if they were 1."""
    lows: tuple[float, ...] = ()
    missing: int = 0

    @property
    def verdict(self) -> Verdict:
        """What is known."""
        if self.low.verdict == "met":
            return "met"
        return "not met" if self.high.verdict == "not met" else "open"

    @property
    def units(self) -> int:
        """How many units were looked at."""
        return len(self.lows)

    def observe(self, scores: Scores) -> "Tally":
        """Return the tally after one more unit."""
        low = unit_score([0.0 if score is None else score for score in scores], self.required)
        high = unit_score([1.0 if score is None else score for score in scores], self.required)
        return msgspec.structs.replace(
            self,
            low=self.low.observe(low),
            high=self.high.observe(high),
            lows=(*self.lows, low),
            missing=self.missing + sum(score is None for score in scores),
        )


def begin(required: Required, scorer: str, units: int | None) -> Tally:
    """Return the tally of a requirement before the first unit; `units` is how many there are in all, if the
    requirement is on these alone."""
    state = Requirement(share=required.at_least, error=required.error, cases=units)
    return Tally(required=required, scorer=scorer, low=state, high=state)


def unit_score(scores: Sequence[float], required: Required) -> float:
    """Return a unit's score: the mean of its scores, or the chance that `all_of` of its tries are right."""
    if required.all_of is None:
        return min(1.0, math.fsum(scores) / len(scores))
    right = sum(score >= 1 for score in scores)
    return math.comb(right, required.all_of) / math.comb(len(scores), required.all_of)


def scores_of(results: Sequence[Result], scorer: str) -> Scores:
    """Return the scores of a unit's results by one scorer."""
    return [result.score(scorer) for result in results]


def is_decided(tallies: Sequence[Tally]) -> bool:
    """Whether no further case can change what the check says: one is not met, or all are known."""
    verdicts = [tally.verdict for tally in tallies]
    return bool(verdicts) and ("not met" in verdicts or "open" not in verdicts)


def overall(tallies: Sequence[Tally]) -> Verdict:
    """Return the verdict on all requirements together."""
    verdicts = [tally.verdict for tally in tallies]
    if "not met" in verdicts:
        return "not met"
    return "open" if "open" in verdicts else "met"


def units_ahead(tally: Tally) -> int | None:
    """Return after about how many more units an open requirement is decided, if those come as these did.

    None where that can't be told: nothing was seen yet, or the share seen is too near to the one required.
    """
    if tally.low.cases is not None:
        return None
    scores = tally.lows
    state = tally.low
    if not scores or state.verdict != "open":
        return None
    for ahead in range(AHEAD_MAX):
        if state.verdict != "open":
            return ahead
        state = state.observe(scores[ahead % len(scores)])
    return None


def bounds(tally: Tally) -> tuple[float, float]:
    """Return between which shares the truth lies: the largest that would be met, the least that would not.

    Each end has the requirement's own error, so the interval never contradicts the verdict.
    """
    return _end(tally, "met"), 1 - _end(tally, "not met")


def _end(tally: Tally, verdict: Verdict) -> float:
    """How far from its own end of the scale a share has this verdict, by halving."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        share = middle if verdict == "met" else 1 - middle
        state = Requirement(share=share, error=tally.required.error, cases=tally.low.cases)
        has = state.observe_all(tally.lows).verdict == verdict
        low, high = (middle, high) if has else (low, middle)
    return low
