"""What a guardrail's margin allows, and what an interval says of it. Pure.

An arm is compared with a multiple of the baseline, so that a margin that is a part of it allows for the
baseline's mean being an estimate, too. Read next: `experiments.analysis`, `rollouts.pairing`.
"""

from typing import Final

from headgate.experiments.model import Amount, Better, Metric
from headgate.experiments.report import Finding
from headgate.statistics.contrasts import Margin, against_margin

FINDINGS: Final[dict[Margin, Finding]] = {"not worse": "holds", "worse": "broken", "open": "open"}


def factor_of(metric: Metric) -> float:
    """Return what the baseline is multiplied by before an arm is compared with it."""
    return 1 + moved_by(metric, 1.0)


def moved_by(metric: Metric, baseline: float) -> float:
    """Return what brings a difference from that multiple back to the plain one."""
    if metric.margin is None or not metric.margin.is_relative:
        return 0.0
    return metric.margin.value * baseline if metric.better == "lower" else -metric.margin.value * baseline


def allowed_by(margin: Amount) -> float:
    """Return how much worse than that multiple an arm may be."""
    return 0.0 if margin.is_relative else margin.value


def finding_of(span: tuple[float, float], allowed: float, better: Better) -> Finding:
    """Say what the interval of a difference means, where it may be so much worse."""
    return FINDINGS[against_margin(span, allowed, worse="higher" if better == "lower" else "lower")]
