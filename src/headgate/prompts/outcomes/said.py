"""What was said of calls, as the API says it: answers under one name, and what they come to. Pure.

Never computes an interval, which takes more than a command starts with. Read next: `outcomes.model`.
"""

from typing import Literal

import msgspec


class OutcomeEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """A share or a mean with its 95 % interval; without one where too little is known of how values vary."""

    value: float
    low: float | None
    high: float | None


class VersionFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a version's calls under one name: how many times, and what it comes to.

    `share` is the part of yes among answers of yes and no, `mean` that of numbers; texts are only counted.
    """

    name: str
    of: Literal["share", "mean", "text"]
    answers: int
    estimate: OutcomeEstimate | None
