"""Rules of `[[grounding]]`: which calls of live traffic are held against their context, by whom, for how
much. Pure.

Read next: `grounding.choosing` (the shipper's part), `grounding.live` (control's).
"""

import hashlib
from typing import Final

import msgspec

from headgate.core.entries import End
from headgate.statistics.requirements import Requirement

TAG: Final = "grounding"
"""Of the questions to judges, which are held against nothing themselves."""


class GroundingRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: the share of calls that it holds, which ones, by which judge (empty: by words alone), and its
    bounds.

    `budget_pico_usd` and `calls_a_day` bound a day in UTC; 0 is no budget. `alert_below` raises an alert once
    the mean score is known to be below it, at this error for each stretch.
    """

    name: str
    share: float
    projects: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    judge: str = ""
    budget_pico_usd: int = 0
    calls_a_day: int = 1000
    alert_below: float | None = None
    error: float = 0.05

    @property
    def version(self) -> str:
        """The digest of all that decides what its scores mean."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    def takes(self, call: str, end: End) -> bool:
        """Whether it holds a call that has ended."""
        if (
            end.operation != "chat"
            or end.status != 200
            or end.truncated
            or end.record != "full"
            or TAG in end.tags
            or any(exposure.is_shadow for exposure in end.exposures)
        ):
            return False
        if self.projects and end.project not in self.projects:
            return False
        if self.models and end.model not in self.models and end.target not in self.models:
            return False
        if self.prompts and not {used.name for used in end.prompts} & set(self.prompts):
            return False
        return lot_of(call) < self.share


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """The scores since the last verdict, and the test of "the mean is at least `alert_below`"."""

    test: Requirement
    total: float = 0.0
    seen: int = 0

    def observe(self, score: float) -> "Stretch":
        """Return the stretch after one more score."""
        return Stretch(test=self.test.observe(score), total=self.total + score, seen=self.seen + 1)


def begin(rule: GroundingRule) -> Stretch | None:
    """Return a new stretch; None for a rule without a threshold."""
    if rule.alert_below is None:
        return None
    return Stretch(test=Requirement(share=rule.alert_below, error=rule.error))


def lot_of(call: str) -> float:
    """Return a call's lot, from 0 to 1: the same whoever asks, so that it is taken or left alike."""
    return int.from_bytes(hashlib.sha256(call.encode()).digest()[:7], "big") / 256**7


def alarm(rule: GroundingRule, stretch: Stretch, request_id: str) -> str:
    """Return what is known, in a sentence, where a stretch says that answers are worse than the threshold."""
    assert rule.alert_below is not None
    mean = stretch.total / stretch.seen
    return (
        f"answers held by the rule {rule.name} are supported by their context less than the threshold of "
        f"{100 * rule.alert_below:g} %: {100 * mean:.1f} % on average over the last {stretch.seen} (at "
        f"{100 * rule.error:g} % error, however often it is looked at); the last of them is {request_id}"
    )
