"""Alarms for what changes some day: at most one false alarm in as many looks as one says. Pure.

Each detector is a frozen state; `observe` gives the next. `evidence` of several may be averaged
(`multiplicity.combined_evidence`) and held against the same run length. Read next: `statistics.requirements`,
the same bets for a question that ends.
"""

import math
from collections.abc import Sequence

import msgspec

from headgate.core.faults import InvalidRequest

CEILING = 1e300
"""Evidence beyond this says nothing more, and would become infinite."""


class MeanDetector(msgspec.Struct, frozen=True, kw_only=True):
    """Watches values in [0, 1] whose mean was at most `baseline`, for one that is larger.

    Its average run length without a change is at least `run_length` values, whatever their distribution. For
    a mean that falls, give `1 - value` and `1 - baseline`. A baseline that was measured is an upper end of
    its interval, never its estimate.

    The e-SR procedure with a mixture of bets. Source: Shin, Ramdas, Rinaldo, "E-detectors: A nonparametric
    framework for sequential change detection", NEJSDS 2(2), 2024, arXiv 2203.03532, section 2.
    """

    baseline: float
    run_length: float
    capitals: tuple[float, ...] = (0.0,) * 8
    seen: int = 0

    def __post_init__(self) -> None:
        """Raise InvalidRequest where the baseline leaves no room, or the run length is less than 1."""
        if not (0 < self.baseline < 1 and 1 <= self.run_length < CEILING):
            raise InvalidRequest(
                f"baseline {self.baseline} and run length {self.run_length}: the baseline lies between 0 and "
                "1, the run length is 1 or more"
            )

    @property
    def evidence(self) -> float:
        """How much speaks for a change; the alarm is at `run_length`."""
        return math.fsum(self.capitals) / len(self.capitals)

    @property
    def alarms(self) -> bool:
        """Whether there is an alarm."""
        return self.evidence >= self.run_length

    def observe(self, value: float) -> "MeanDetector":
        """Return the state after one more value. Raises InvalidRequest for one outside [0, 1]."""
        if not 0 <= value <= 1:
            raise InvalidRequest(f"a value of {value} is not between 0 and 1; scale values first")
        surprise = value / self.baseline - 1
        bets = len(self.capitals) + 1
        capitals = tuple(
            min(CEILING, (capital + 1) * (1 + place / bets * surprise))
            for place, capital in enumerate(self.capitals, 1)
        )
        return msgspec.structs.replace(self, capitals=capitals, seen=self.seen + 1)


def likeliest_change(values: Sequence[float], baseline: float) -> int:
    """Return the place of the first value after the change: where bets that begin there have won most.

    Of values in [0, 1] whose mean was at most `baseline` before; an estimate, without an interval of its own.
    Source: Page, Biometrika 41, 1954, for the detector above (its e-CUSUM, section 2 of the paper).
    """
    if not values:
        raise InvalidRequest("there are no values; a change lies among some")
    detector = MeanDetector(baseline=baseline, run_length=1)
    bets = len(detector.capitals) + 1
    logs = [0.0] * len(detector.capitals)
    best, place = -math.inf, 0
    for start in range(len(values) - 1, -1, -1):
        surprise = values[start] / baseline - 1
        logs = [log + math.log1p(bet / bets * surprise) for bet, log in enumerate(logs, 1)]
        most = max(logs)
        won = most + math.log(math.fsum(math.exp(log - most) for log in logs))
        if won >= best:
            best, place = won, start
    return place
