"""What a rollout does next, and the sentence that says why: from the report of its stage. Pure.

Falls back as soon as one guardrail is known to be broken, at any look; moves on once all of them are known to
hold for enough units. Read next: `experiments.analysis`, `rollouts.moving`.
"""

from typing import Literal

import msgspec

from headgate.experiments.report import Comparison, MetricReport, Report
from headgate.experiments.sentence import number
from headgate.rollouts.model import CANDIDATE, Rollout, Stage, Standing

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
    if stage.kind == "internal" and not stage.moves_by_itself:
        calls = sum(arm.calls for arm in report.arms) if report is not None else 0
        return Verdict(
            step="wait",
            sentence=f"Internal callers alone are served by the candidate, in {calls} calls so far; they are "
            f"no sample of all, so this waits for `headgate rollouts advance {rollout.name}`; with "
            "internal_share = 0.5, or a shadow, it moves by itself.",
        )
    if report is None:
        return Verdict(step="wait", sentence=f"No call of stage {stage.name} has come yet.")
    verdict = _on_evidence(rollout, stage, report)
    if standing.held and verdict.step == "advance":
        return Verdict(step="wait", sentence=f"It is held. {verdict.sentence}")
    return verdict


def _on_evidence(rollout: Rollout, stage: Stage, report: Report) -> Verdict:
    if not report.is_sound:
        return Verdict(step="wait", sentence=report.sentence)
    asked = [metric for metric in report.metrics if metric.role == "guardrail"]
    found = [(metric, one) for metric in asked for one in metric.comparisons]
    for metric, one in found:
        if one.finding == "broken":
            least = one.low if (one.difference or 0.0) > 0 else one.high
            return Verdict(step="back", sentence=_broken(metric, least))
    complete = next((arm.complete for arm in report.arms if arm.name == CANDIDATE), 0)
    if complete < rollout.units:
        watched = "units of the candidate were watched to the end"
        if stage.draws_internal:
            watched = "calls of internal callers that the candidate served were watched to the end"
        seen = "calls were answered by both arms" if stage.sampled else watched
        return Verdict(
            step="wait",
            sentence=f"{complete} {seen} at {stage.name}; it moves on from {rollout.units}, once no "
            "guardrail can be broken.",
        )
    waiting = [(metric, one) for metric, one in found if one.finding != "holds"]
    if waiting:
        return Verdict(step="wait", sentence=_awaited(*waiting[0]))
    seen = "calls that both arms answered" if stage.sampled else "units of the candidate"
    if stage.draws_internal:
        seen = "calls of internal callers that the candidate served"
    return Verdict(step="advance", sentence=f"All guardrails hold at {stage.name}, for {complete} {seen}.")


def _awaited(metric: MetricReport, one: Comparison) -> str:
    if one.note:
        return f"{metric.name} is not known yet: {one.note}."
    if metric.measure == "agreement":
        least = number(100.0 + (one.low or 0.0))
        return f"Both answers have {metric.name} in at least {least} % of calls, which may still be too few."
    days = (
        "" if one.more_days is None else f", about {max(1, round(one.more_days))} days more at this traffic"
    )
    worst = _amount(metric, _worst(metric, one.low, one.high))
    return f"{metric.name} may still be worse by {worst} in the candidate{days}."


def _broken(metric: MetricReport, least: float | None) -> str:
    if metric.measure == "agreement":
        most = number(100.0 + (least or 0.0))
        return f"Both answers have {metric.name} in at most {most} % of calls, less than is asked for."
    return (
        f"{metric.name} is worse by at least {_amount(metric, least)} in the candidate than now, more than "
        "its margin."
    )


def _worst(metric: MetricReport, low: float | None, high: float | None) -> float | None:
    return high if metric.better == "lower" else low


def _amount(metric: MetricReport, value: float | None) -> str:
    unit = f" {metric.scale}" if metric.scale else ""
    return f"{number(abs(value or 0.0))}{unit}"
