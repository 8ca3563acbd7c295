"""Decides requirements from scores as they come, by `statistics.requirements`. Pure.

A score that is missing is counted both ways: a requirement is met only if it would be with all missing ones
wrong, and not met only if it would not be with all of them right. Where a judge's errors count, what it says
has to show more for either verdict (`checks.erring`). Read next: `checks.planning`, `checks.looking_ahead`.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.checks.correcting import Judged
from headgate.checks.erring import bounds_of, obstacle
from headgate.checks.model import Required, Result
from headgate.statistics.judged_bounds import Bounds
from headgate.statistics.requirements import Requirement, Verdict

HALVINGS: Final = 12
EDGE: Final = 1e-6
"""No mean is shown to be so near to 0 or 1: what can't be shown takes this for its share."""
NOTHING_KNOWN: Final = Bounds(low=0.0, high=1.0, for_cases=0.01)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one requirement after some units.

    `judged` is set where a judge's errors count, and `as_said` is then the requirement on its word alone.
    """

    required: Required
    scorer: str
    low: Requirement
    """As if all missing scores were 0."""
    high: Requirement
    """As if they were 1."""
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    saids: tuple[float, ...] = ()
    """What the scorer says: a failed answer is 0, and so is a missing score."""
    missing: int = 0
    failed: float = 0.0
    """The units' shares of failed answers, together."""
    judged: Judged | None = None
    bounds: Bounds = NOTHING_KNOWN
    as_said: Requirement | None = None

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

    @property
    def is_hidden(self) -> bool:
        """Whether no case can decide it: the judge's mean is known, and its errors leave the rest open."""
        if self.as_said is None or self.as_said.verdict == "open":
            return False
        is_below = self.bounds.high >= 1 or self.low.verdict == "not met"
        return is_below and (self.bounds.low <= 0 or self.high.verdict == "met")

    def observe(self, results: Sequence[Result]) -> "Tally":
        """Return the tally after one more unit: all its cases and repeats."""
        scores = [_score(result, self.scorer, first=self.judged is not None) for result in results]
        fails = [bool(result.answer.problem) for result in results]
        worst = [0.0 if score is None else score for score in scores]
        best = [1.0 if score is None else score for score in scores]
        drop, said, as_said = self.bounds.drop, self._unit(worst, fails, 0.0), self.as_said
        low = (self._unit(worst, fails, -drop) + drop) / (1 + drop) if drop else said
        high = self._unit(best, fails, self.bounds.failed)
        return msgspec.structs.replace(
            self,
            low=self.low.observe(low),
            high=self.high.observe(high),
            lows=(*self.lows, low),
            highs=(*self.highs, high),
            saids=(*self.saids, said),
            missing=self.missing + sum(score is None for score in scores),
            failed=self.failed + sum(fails) / len(fails),
            as_said=None if as_said is None else as_said.observe(said),
        )

    def _unit(self, scores: list[float], fails: list[bool], failed: float) -> float:
        if self.judged is None:
            return unit_score(scores, self.required)
        counted = [failed if fails[place] else score for place, score in enumerate(scores)]
        return math.fsum(counted) / len(counted)


def begin(required: Required, scorer: str, units: int | None, judged: Judged | None = None) -> Tally:
    """Return the tally of a requirement before the first unit.

    `units` is how many there are in all, if the requirement is on these alone; `judged` what people marked of
    the scorer's judge, if its errors count.
    """
    if judged is None:
        state = Requirement(share=required.at_least, error=required.error, cases=units)
        return Tally(required=required, scorer=scorer, low=state, high=state)
    bounds = known_bounds(judged, required, required.at_least, units)
    return Tally(
        required=required,
        scorer=scorer,
        low=for_met(bounds, units),
        high=for_not_met(bounds, units),
        judged=judged,
        bounds=bounds,
        as_said=Requirement(share=required.at_least, error=required.error, cases=units),
    )


def known_bounds(
    judged: Judged, required: Required, share: float, units: int | None, *, more: float = 0.0
) -> Bounds:
    """Return between which means of its scores a share is open; any, where marks by people don't help."""
    if obstacle(judged, required):
        return NOTHING_KNOWN
    return bounds_of(judged, share, required.error, units, more=more)


def for_met(bounds: Bounds, units: int | None) -> Requirement:
    """Return what has to be met by a judge's scores."""
    share = (bounds.high + bounds.drop) / (1 + bounds.drop)
    return Requirement(share=_inside(share), error=bounds.for_cases, cases=units)


def for_not_met(bounds: Bounds, units: int | None) -> Requirement:
    """Return what has to be not met by a judge's scores."""
    return Requirement(share=_inside(bounds.low), error=bounds.for_cases, cases=units)


def _inside(share: float) -> float:
    return min(1 - EDGE, max(EDGE, share))


def _score(result: Result, scorer: str, *, first: bool) -> float | None:
    """A result's score; of a judge whose errors count what it said first, as in people's marks."""
    if result.answer.problem or not first:
        return result.score(scorer)
    return result.marks[scorer].said[0].score


def unit_score(scores: Sequence[float], required: Required) -> float:
    """Return a unit's score: the mean of its scores, or the chance that `all_of` of its tries are right."""
    if required.all_of is None:
        return min(1.0, math.fsum(scores) / len(scores))
    right = sum(score >= 1 for score in scores)
    return math.comb(right, required.all_of) / math.comb(len(scores), required.all_of)


def is_decided(tallies: Sequence[Tally]) -> bool:
    """Whether no further case can change what the check says: one is not met, or all are known or hidden."""
    if any(tally.verdict == "not met" for tally in tallies):
        return True
    return bool(tallies) and all(tally.verdict == "met" or tally.is_hidden for tally in tallies)


def overall(tallies: Sequence[Tally]) -> Verdict:
    """Return the verdict on all requirements together."""
    verdicts = [tally.verdict for tally in tallies]
    if "not met" in verdicts:
        return "not met"
    return "open" if "open" in verdicts else "met"


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
        low, high = (middle, high) if _has(tally, share, verdict) else (low, middle)
    return low


def _has(tally: Tally, share: float, verdict: Verdict) -> bool:
    error, units = tally.required.error, tally.low.cases
    if tally.judged is None:
        state = Requirement(share=share, error=error, cases=units)
        return state.observe_all(tally.lows).verdict == verdict
    found = known_bounds(tally.judged, tally.required, share, units)
    if verdict == "met":
        return for_met(found, units).observe_all(tally.lows).verdict == verdict
    return for_not_met(found, units).observe_all(tally.highs).verdict == verdict
