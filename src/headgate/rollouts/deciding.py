"""What a rollout does next, and the sentence that says why: from the report of its stage. Pure.

Falls back as soon as one guardrail is known to be broken, at any look; moves on once all of them are known to
hold for enough units. Read next: `experiments.analysis`, `rollouts.moving`.
"""

from typing import Literal

import msgspec

from headgate.experiments.report import MetricReport, Report
from headgate.experiments.sentence import number
from headgate.rollouts.model import CANDIDATE, Rollout, Standing

Step = Literal["wait", "advance", "back"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, and why."""

    step: Step
    sentence: str


def decide(rollout: Rollout, standing: Standing, report: Report | None) -> Verdict:
    """Return what the evidence asks for; a rollout that is held waits, but falls back all the same."""
    stage = standing.stage_of(rollout)
    if stage is None:
        return Verdict(step="wait", sentence="It fell back: all calls go where the alias says.")
    if stage.kind == "all":
        return Verdict(
            step="wait",
            sentence="All calls go to the candidate; write it into the alias, and remove the rollout.",
        )
    if stage.kind == "internal":
        calls = sum(arm.calls for arm in report.arms) if report is not None else 0
        return Verdict(
            step="wait",
            sentence=f"Internal callers alone are served by the candidate, in {calls} calls so far; they are "
            f"no sample of all, so this waits for `headgate rollouts advance {rollout.name}`.",
        )
    if report is None:
        return Verdict(step="wait", sentence=f"No call of stage {stage.name} has come yet.")
    verdict = _on_evidence(rollout, stage.name, report)
    if standing.held and verdict.step == "advance":
        return Verdict(step="wait", sentence=f"It is held. {verdict.sentence}")
    return verdict


def _on_evidence(rollout: Rollout, stage: str, report: Report) -> Verdict:
    if not report.is_sound:
        return Verdict(step="wait", sentence=report.sentence)
    found = [(metric, one) for metric in report.metrics for one in metric.comparisons]
    for metric, one in found:
        if one.finding == "broken":
            least = one.low if (one.difference or 0.0) > 0 else one.high
            return Verdict(
                step="back",
                sentence=f"{metric.name} is worse by at least {_amount(metric, least)} in the candidate than "
                "now, more than its margin.",
            )
    complete = next((arm.complete for arm in report.arms if arm.name == CANDIDATE), 0)
    if complete < rollout.units:
        return Verdict(
            step="wait",
            sentence=f"{complete} units of the candidate were watched to the end at {stage}; it moves on "
            f"from {rollout.units}, once no guardrail can be broken.",
        )
    waiting = [(metric, one) for metric, one in found if one.finding != "holds"]
    if not waiting:
        return Verdict(
            step="advance", sentence=f"All guardrails hold at {stage}, for {complete} units of the candidate."
        )
    metric, one = waiting[0]
    if one.note:
        return Verdict(step="wait", sentence=f"{metric.name} is not known yet: {one.note}.")
    days = (
        "" if one.more_days is None else f", about {max(1, round(one.more_days))} days more at this traffic"
    )
    return Verdict(
        step="wait",
        sentence=f"{metric.name} may still be worse by {_amount(metric, _worst(metric, one.low, one.high))} "
        f"in the candidate{days}.",
    )


def _worst(metric: MetricReport, low: float | None, high: float | None) -> float | None:
    return high if metric.better == "lower" else low


def _amount(metric: MetricReport, value: float | None) -> str:
    unit = f" {metric.scale}" if metric.scale else ""
    return f"{number(abs(value or 0.0))}{unit}"
