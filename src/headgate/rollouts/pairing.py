"""From compared calls to what may be concluded of them: a report like that of a stage of shares. Pure.

Both arms answered the same calls, so that what differs from call to call falls out. Of each unit the first
comparison counts, which makes them independent; shares hold at every look from the first one on, costs and
waits once there are enough. Read next: `rollouts.pairs`, `statistics.counts`, `rollouts.deciding`.
"""

import math
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.experiments.margins import allowed_by, factor_of, finding_of, moved_by
from headgate.experiments.model import Amount, Better, Experiment, Measure, Metric
from headgate.experiments.report import Comparison, MetricReport
from headgate.rollouts.model import CANDIDATE, PAIRED, Agreement, PairScorer, Rollout
from headgate.rollouts.unpriced import Unpriced, without_costs
from headgate.statistics.contrasts import mean_of
from headgate.statistics.counts import share_at_every_look
from headgate.statistics.moments import Moments

IN_WORDS: Final[dict[Agreement, str]] = {
    "finish": "the same reason to end",
    "tools": "the same tools",
    "text": "the same text",
    "length": "a like length",
    "form": "the prescribed form",
}
POINTS: Final = 100.0


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """How many of so many calls something happened to: with either arm, and with one of them alone."""

    calls: int = 0
    candidate: int = 0
    present: int = 0
    candidate_alone: int = 0
    present_alone: int = 0


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Means of both arms, and the moments of the candidate's less what the present's may become."""

    candidate: float
    present: float
    apart: Moments


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report of compared calls is made of. `units` are the calls that count, one of each unit."""

    pairs: int
    units: int
    events: Mapping[Measure, Events]
    amounts: Mapping[str, Amounts]
    """By metric; those that have none yet are left out."""
    agreed: Mapping[Agreement, tuple[int, int]]
    """In how many calls both agreed, of how many of which that is known."""
    unpriced: Mapping[str, Unpriced] = {}
    """By arm, the compared calls without a price."""
    wrong: Mapping[str, Events] = {}
    """By scorer, how often an answer was wrong, of the calls that it marked."""


def metrics_of(rollout: Rollout, experiment: Experiment, seen: Seen) -> list[MetricReport]:
    """Return what is known of each guardrail that answers can be compared by, and of what they agree in."""
    reports: list[MetricReport] = []
    for metric in experiment.metrics:
        if metric.measure not in PAIRED:
            continue
        if metric.measure in ("cost", "latency"):
            one = _of_amounts(experiment, metric, seen.amounts.get(metric.name))
            scale = "USD" if metric.measure == "cost" else "ms"
        else:
            one = _of_events(experiment, metric, seen.events.get(metric.measure, Events()))
            scale = "points"
        report = _report(metric.name, metric.measure, one, scale, better=metric.better)
        reports.append(without_costs(experiment, report, seen.unpriced))
    for name, words in IN_WORDS.items():
        yes, calls = seen.agreed.get(name, (0, 0))
        one = _of_agreement(experiment, rollout.agree.get(name), yes, calls)
        if calls or name in rollout.agree:
            reports.append(_report(words, "agreement", one, "points", is_asked=name in rollout.agree))
    for scorer in rollout.scorers:
        one = _of_events(experiment, _wrong_by(scorer), seen.wrong.get(scorer.name, Events()))
        reports.append(_report(f"wrong by {scorer.name}", "score", one, "points", better="lower"))
    return reports


def _wrong_by(scorer: PairScorer) -> Metric:
    """Answers that a scorer marks as wrong, which are bounded as failures are."""
    return Metric(
        name=scorer.name,
        role="guardrail",
        measure="errors",
        better="lower",
        margin=Amount(value=scorer.margin),
    )


def _of_events(experiment: Experiment, metric: Metric, seen: Events) -> Comparison:
    """Bound two shares by themselves, at half of the error each, however they go together.

    Those of both arms where the margin is a part of the present's; else of what happened to one arm alone.
    """
    if not seen.calls:
        return _nothing(0)
    assert metric.margin is not None
    factor, alpha, calls = factor_of(metric), experiment.error / 2, seen.calls
    with_both = (seen.candidate, seen.present)
    apart = with_both if metric.margin.is_relative else (seen.candidate_alone, seen.present_alone)
    here, there = (share_at_every_look(count, calls, alpha=alpha) for count in apart)
    low, high = here.low - factor * there.high, here.high - factor * there.low
    mean, baseline = seen.candidate / calls, seen.present / calls
    moved = moved_by(metric, baseline)
    return Comparison(
        arm=CANDIDATE,
        finding=finding_of((low, high), allowed_by(metric.margin), metric.better),
        units=calls,
        mean=POINTS * mean,
        baseline=POINTS * baseline,
        difference=POINTS * (mean - baseline),
        low=POINTS * (low + moved),
        high=POINTS * (high + moved),
    )


def _of_amounts(experiment: Experiment, metric: Metric, seen: Amounts | None) -> Comparison:
    if seen is None:
        return _nothing(0)
    assert metric.margin is not None
    try:
        effect = mean_of(seen.apart)
    except InvalidRequest as fault:
        return Comparison(arm=CANDIDATE, finding="none", units=seen.apart.n, note=fault.message)
    if not effect.settled:
        return _nothing(effect.n)
    low, high = effect.ends(alpha=experiment.error, tight_at=experiment.planned_units)
    moved = moved_by(metric, seen.present)
    return Comparison(
        arm=CANDIDATE,
        finding=finding_of((low, high), allowed_by(metric.margin), metric.better),
        units=effect.n,
        mean=seen.candidate,
        baseline=seen.present,
        difference=seen.candidate - seen.present,
        low=low + moved,
        high=high + moved,
    )


def _of_agreement(experiment: Experiment, least: float | None, yes: int, calls: int) -> Comparison:
    """Agreement is compared with all of it: an arm always agrees with itself."""
    if not calls:
        return _nothing(0)
    share = share_at_every_look(yes, calls, alpha=experiment.error)
    span = share.low - 1, share.high - 1
    return Comparison(
        arm=CANDIDATE,
        finding="open" if least is None else finding_of(span, 1 - least, "higher"),
        units=calls,
        mean=POINTS * share.estimate,
        baseline=POINTS,
        difference=POINTS * (share.estimate - 1),
        low=POINTS * span[0],
        high=POINTS * span[1],
    )


def _nothing(units: int) -> Comparison:
    note = "no call was compared by it yet" if not units else "too few calls for how unevenly they lie"
    return Comparison(arm=CANDIDATE, finding="none", units=units, note=note)


def _report(
    name: str,
    measure: Measure | Literal["agreement", "score"],
    one: Comparison,
    scale: str,
    *,
    better: Better = "higher",
    is_asked: bool = True,
) -> MetricReport:
    finite = {
        end: value if value is not None and math.isfinite(value) else None
        for end, value in (("low", one.low), ("high", one.high))
    }
    return MetricReport(
        name=name,
        measure=measure,
        role="guardrail" if is_asked else "exploratory",
        kind="answer",
        better=better,
        scale=scale,
        comparisons=[msgspec.structs.replace(one, **finite)],
        answered={},
    )
