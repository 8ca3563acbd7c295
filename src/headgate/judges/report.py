"""What marks come to, as it is shown: findings, each a number with its interval and a sentence. Pure."""

from typing import Literal

import msgspec

Scope = Literal["score", "agreement", "bias", "repeatability"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is known of a judge; or why it isn't, then without numbers.

    `n` is the number of answers it rests on.
    """

    name: str
    scope: Scope
    sentence: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many answers there are: marked by the judge, by people, of the random sample, by several people.

    `unusable` are those that the judge was asked about and gave no verdict; `tied` those on which people
    differ with no majority; `left_out` those that people marked outside of the random sample.
    """

    judged: int
    unusable: int
    marked: int
    sampled: int
    by_several: int
    tied: int
    left_out: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a version of a judge, in one sentence and finding by finding."""

    sentence: str
    counts: Counts
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def finding(self, name: str) -> Finding:
        """Return a finding by its name."""
        return next(found for found in self.findings if found.name == name)
