"""Requirements as tests: is at least this share right, at this error? Decided as soon as it can be. Pure.

A `Requirement` is a frozen state; `observe` gives the next. Read next: `statistics.detectors`.
"""

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from headgate.core.faults import InvalidRequest

Verdict = Literal["met", "not met", "open"]

BETS = 16


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the mean of scores in [0, 1] is at least `share`; wrong with a chance of at most `error`.

    The chance is the same however often one looks, and for either wrong verdict. `cases` says of how many
    cases in all the mean is meant: these come in random order, each once, and the verdict says what all of
    them would have shown. None means cases without end, of which those seen are a random sample.

    Bets against "below" and against "at least", a mixture of fractions of what can be lost. Source:
    Waudby-Smith, Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86(1), 2024,
    section 4; for a known number of cases section 5 (sampling without replacement).
    """

    share: float
    error: float = 0.05
    cases: int | None = None
    seen: int = 0
    total: float = 0.0
    for_it: tuple[float, ...] = (0.0,) * BETS
    """The logarithms of what was won with bets that the mean is larger."""
    against_it: tuple[float, ...] = (0.0,) * BETS
    verdict: Verdict = "open"
    """What is known; once decided, it stays."""

    def __post_init__(self) -> None:
        """Raise InvalidRequest for a share, an error or a number of cases that can't be."""
        if not (0 < self.share < 1 and 0 < self.error < 1 and (self.cases is None or self.cases >= 1)):
            raise InvalidRequest(
                f"share {self.share}, error {self.error}, cases {self.cases}: share and error lie between 0 "
                "and 1, cases are 1 or more"
            )

    def observe(self, score: float) -> "Requirement":
        """Return the state after one more score; raises InvalidRequest for one outside [0, 1]."""
        if not 0 <= score <= 1:
            raise InvalidRequest(f"a score of {score} is not between 0 and 1; scale scores first")
        if self.seen == self.cases:
            raise InvalidRequest(f"all {self.cases} cases have been seen; a case counts once")
        expected = self._expected()
        after = msgspec.structs.replace(self, seen=self.seen + 1, total=self.total + score)
        if self.verdict != "open" or not 0 < expected < 1:
            return msgspec.structs.replace(after, verdict=after._decide())
        gain = score - expected
        after = msgspec.structs.replace(
            after,
            for_it=_won(self.for_it, gain / expected),
            against_it=_won(self.against_it, -gain / (1 - expected)),
        )
        return msgspec.structs.replace(after, verdict=after._decide())

    def observe_all(self, scores: Iterable[float]) -> "Requirement":
        """Return the state when it is decided, or after the last score."""
        state = self
        for score in scores:
            if state.verdict != "open":
                break
            state = state.observe(score)
        return state

    def _expected(self) -> float:
        """The next score's mean, were the share just met."""
        if self.cases is None:
            return self.share
        return (self.cases * self.share - self.total) / (self.cases - self.seen)

    def _decide(self) -> Verdict:
        if self.verdict != "open":
            return self.verdict
        if self.cases is not None:
            missing = self.cases * self.share - self.total
            if missing <= 1e-9:
                return "met"
            if missing > self.cases - self.seen + 1e-9:
                return "not met"
        enough = math.log(BETS / self.error)
        if _sum(self.for_it) >= enough:
            return "met"
        return "not met" if _sum(self.against_it) >= enough else "open"


def _won(capitals: tuple[float, ...], gain: float) -> tuple[float, ...]:
    return tuple(capital + math.log1p(place / (BETS + 1) * gain) for place, capital in enumerate(capitals, 1))


def _sum(logarithms: tuple[float, ...]) -> float:
    most = max(logarithms)
    return most + math.log(math.fsum(math.exp(each - most) for each in logarithms))
