"""From sums by arm to what may be concluded: intervals, guardrails, and how much longer. Pure.

Never looks anything up, and gives no number that only looks right: what is too early or can't be told has a
note in its place. Read next: `statistics.contrasts`, `experiments.shares`, `experiments.sentence`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.experiments.adaptive import EpochSums, weighted_contrast, weighted_ratios
from headgate.experiments.margins import allowed_by, factor_of, finding_of, moved_by
from headgate.experiments.model import TOKENS, Experiment, Metric, Role
from headgate.experiments.report import Comparison, Finding, MetricReport
from headgate.experiments.shares import KnownArm, share_bounds, unequal
from headgate.statistics.allocation import mismatch_at_every_look
from headgate.statistics.contrasts import Effect, contrast, mean_of, ratio_of, relative_contrast, slope_of
from headgate.statistics.moments import Moments
from headgate.statistics.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    e_benjamini_hochberg,
    harmonic,
    holm,
)
from headgate.statistics.sequences import planned_radius, radius

MISMATCH: Final = 1000.0
"""The evidence (an e-value) at which the arms' shares are taken for broken: one false alarm in a thousand."""

POWER_QUANTILE: Final = 0.8416
"""Of a chance of 80 % to see what is looked for."""
UNITS_MAX: Final = 10**9
P_LEAST: Final = 1e-300
"""Below this, its inverse would not be a number any more."""
DAYS_MAX: Final = 3650.0
DAY_S: Final = 86400.0


class ArmSums(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric comes to in an arm; `complete` counts units that are so for it, silent ones too."""

    moments: Moments
    complete: int
    epochs: tuple[Moments, ...] = ()
    """The same of each epoch, where shares move."""
    low: float | None = None
    high: float | None = None


SharesByEpoch = Sequence[Mapping[str, float]]
"""Each epoch's shares, as parts of 1."""


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """How fast units come: all of them so far, and new ones a day of late."""

    units: int
    per_day: float
    window_days: float

    def waiting(self, metric: Metric) -> "Traffic":
        """Return the same for a metric that waits beyond the window for what comes late."""
        return msgspec.structs.replace(self, window_days=self.window_days + metric.arrives_s / DAY_S)


class _Compared(msgspec.Struct, frozen=True, kw_only=True):
    """An arm against the baseline, before several questions at once are allowed for."""

    arm: str
    mean: Effect | None = None
    effect: Effect | None = None
    p: float = 1.0
    note: str = ""
    zeros: int = 0
    """How many units there are where none of them has a call that counts: an error, say."""
    apart: Comparison | None = None
    """What is known where an arm's units are all alike, such as all without an error."""


def ratio_evidence(experiment: Experiment, units: Mapping[str, int]) -> float | None:
    """Return how much speaks against the declared shares; None before any unit came."""
    return epoch_evidence(experiment, [{arm.name: arm.share for arm in experiment.arms}], [units])


def epoch_evidence(
    experiment: Experiment, shares: SharesByEpoch, units: Sequence[Mapping[str, int]]
) -> float | None:
    """Return how much speaks against the shares of epochs, which all have to be right: their product."""
    found: float | None = None
    for meant, came in zip(shares, units, strict=True):
        counts = [came.get(arm.name, 0) for arm in experiment.arms]
        wanted = [meant[arm.name] for arm in experiment.arms]
        # Where an arm is to have nobody, as in a rollout's last stage, nothing is compared.
        if sum(counts) and all(wanted):
            found = min(1e300, (found or 1.0) * mismatch_at_every_look(counts, wanted))
    return found


def compare(
    experiment: Experiment,
    sums: Mapping[str, Mapping[str, ArmSums]],
    traffic: Traffic,
    shares: SharesByEpoch = (),
) -> list[MetricReport]:
    """Return each metric's report; `sums` has each metric's arms, `shares` is read where these move."""
    slopes = {metric.name: _slope(experiment, metric, sums[metric.name]) for metric in experiment.metrics}
    compared = {
        metric.name: _compared(experiment, metric, sums[metric.name], slopes[metric.name], shares)
        for metric in experiment.metrics
    }
    reports: list[MetricReport] = []
    for role in ("decision", "guardrail", "exploratory"):
        metrics = [metric for metric in experiment.metrics if metric.role == role]
        told = [one for metric in metrics for one in compared[metric.name] if one.effect is not None]
        adjusted, alpha = _together(experiment, role, told)
        for metric in metrics:
            found = [
                _comparison(experiment, metric, one, adjusted.get(id(one)), (alpha, traffic.waiting(metric)))
                for one in compared[metric.name]
            ]
            is_adjusted = slopes[metric.name][0] != 0.0
            reports.append(_report(experiment, metric, found, sums[metric.name], is_adjusted=is_adjusted))
    order = {metric.name: place for place, metric in enumerate(experiment.metrics)}
    return sorted(reports, key=lambda report: order[report.name])


def _together(
    experiment: Experiment, role: Role, told: Sequence[_Compared]
) -> tuple[dict[int, float], float]:
    """Return p-values adjusted for all others of the role, and the alpha of intervals that say the same.

    Exploratory metrics by evidence (e-BH), or by p-values where a size is planned (BH), or where metrics wait
    for their units differently (BY): who looks then knows of units what one metric does not count yet, and
    evidence holds only for who stops by what it counts itself. P-values hold at any moment. Of decisions,
    each interval has its part of the error (Bonferroni), and what only Holm's step calls reaches to 0. Of
    exploratory metrics, intervals have as many parts as metrics were called: those leave out
    0 and no other does. Source: Xu, Wang, Ramdas, "Post-selection inference for e-value based confidence
    intervals", 2024, arXiv 2203.12572 (the e-BY procedure), of Benjamini, Yekutieli, JASA 100(469), 2005.
    """
    if role == "guardrail" or not told:
        return {}, experiment.error
    p_values, shared = [one.p for one in told], 1.0
    if role == "decision":
        values = holm(p_values)
    elif experiment.looks == "planned":
        values = benjamini_hochberg(p_values)
    elif len({metric.arrives_s for metric in experiment.metrics if metric.role == role}) > 1:
        values = benjamini_yekutieli(p_values)
        shared = harmonic(len(p_values))
    else:
        # At every look, evidence is an e-value, and how metrics of the same units hang together is no matter.
        evidence = e_benjamini_hochberg([1 / max(p, P_LEAST) for p in p_values])
        values = [min(1.0, 1 / each) for each in evidence]
    adjusted = {id(one): value for one, value in zip(told, values, strict=True)}
    if role == "decision":
        return adjusted, _mixed_for(experiment, role)
    called = sum(value <= experiment.error for value in values)
    return adjusted, experiment.error * max(1, called) / len(told) / shared


def _mixed_for(experiment: Experiment, role: Role) -> float:
    """The error that one comparison of a role has where all of them share it."""
    metrics = sum(metric.role == role for metric in experiment.metrics)
    return experiment.error / max(1, metrics * (len(experiment.arms) - 1))


def scale_of(metric: Metric, sums: Mapping[str, ArmSums]) -> tuple[str, float]:
    """Return what a metric's numbers are called, and by what they are multiplied."""
    if metric.measure == "cost":
        return "USD", 1.0
    if metric.measure == "latency":
        return "ms", 1.0
    if metric.measure in TOKENS:
        return "tokens", 1.0
    is_share = metric.is_by_call or (metric.kind == "event" and not metric.per)
    if metric.measure == "feedback" and metric.kind == "answer":
        ends = [end for each in sums.values() for end in (each.low, each.high) if end is not None]
        is_share = bool(ends) and min(ends) >= 0 and max(ends) <= 1
    return ("points", 100.0) if is_share else ("", 1.0)


def _compared(
    experiment: Experiment,
    metric: Metric,
    sums: Mapping[str, ArmSums],
    along: tuple[float, float],
    shares: SharesByEpoch,
) -> list[_Compared]:
    baseline = experiment.baseline.name
    means = _means(experiment, metric, sums)
    found: list[_Compared] = []
    for arm in experiment.arms[1:]:
        one, other = means[arm.name], means[baseline]
        if isinstance(one, str) or isinstance(other, str):
            notes = [each for each in (other, one) if isinstance(each, str)]
            moments = sums[arm.name].moments
            is_never = metric.is_by_call and moments.y == 0
            zeros = moments.n if is_never else 0
            known = None
            if metric.is_by_call:
                arms = (sums[arm.name].moments, one), (sums[baseline].moments, other)
                known = _apart(experiment, metric, arm.name, *arms)
            found.append(_Compared(arm=arm.name, note="; ".join(notes), zeros=zeros, apart=known))
            continue
        factor = factor_of(metric)
        try:
            if along[0]:
                one, other = _adjusted(metric, sums[arm.name], sums[baseline], along)
            effect = relative_contrast(one, other) if metric.is_relative else contrast(one, other, factor)
            if experiment.adaptive is not None:
                weighted = weighted_ratios if metric.is_ratio else weighted_contrast
                one, effect = weighted(epochs_of(sums, shares), arm.name, baseline, factor)
        except InvalidRequest as fault:
            found.append(_Compared(arm=arm.name, note=f"{baseline}: {fault.message}"))
            continue
        p = effect.p_value(
            looks=experiment.looks,
            tight_at=experiment.planned_units,
            mixed_for=_mixed_for(experiment, metric.role),
        )
        found.append(_Compared(arm=arm.name, mean=one, effect=effect, p=p))
    return found


def _means(experiment: Experiment, metric: Metric, sums: Mapping[str, ArmSums]) -> dict[str, Effect | str]:
    """What a metric comes to in each arm, or why to nothing."""
    means: dict[str, Effect | str] = {}
    for arm in experiment.arms:
        moments = sums[arm.name].moments
        try:
            means[arm.name] = ratio_of(moments) if metric.is_ratio else mean_of(moments)
        except InvalidRequest as fault:
            means[arm.name] = f"{arm.name}: {fault.message}"
    return means


def _slope(experiment: Experiment, metric: Metric, sums: Mapping[str, ArmSums]) -> tuple[float, float]:
    """By how much a metric goes with what units did or said before, and the middle of that."""
    if experiment.adaptive is not None:
        return 0.0, 0.0
    return slope_of([each.moments for each in sums.values()], of_ratio=metric.is_ratio)


def _adjusted(
    metric: Metric, arm: ArmSums, baseline: ArmSums, along: tuple[float, float]
) -> tuple[Effect, Effect]:
    """An arm and the baseline, less what is explained by what their units did before.

    The baseline counts as often as it is compared, so that what is taken from the difference is a slope
    times how far arms were apart before: 0 but for chance, whatever the slope is.
    """
    slope, middle = along
    told = ratio_of if metric.is_ratio else mean_of
    return (
        told(arm.moments, slope=slope, middle=middle),
        told(baseline.moments, slope=slope / factor_of(metric), middle=middle),
    )


def epochs_of(sums: Mapping[str, ArmSums], shares: SharesByEpoch) -> list[EpochSums]:
    """Return what a metric came to by epoch."""
    return [
        EpochSums(
            shares=meant,
            arms={name: each.epochs[place] for name, each in sums.items() if place < len(each.epochs)},
        )
        for place, meant in enumerate(shares)
    ]


def _comparison(
    experiment: Experiment, metric: Metric, one: _Compared, p: float | None, how: tuple[float, Traffic]
) -> Comparison:
    effect, mean = one.effect, one.mean
    alpha, traffic = how
    if effect is None or mean is None:
        return _unseen(experiment, metric, one)
    baseline = effect.baseline or 0.0
    if not effect.settled:
        return Comparison(
            arm=one.arm,
            finding="none",
            units=effect.n,
            mean=mean.estimate,
            baseline=baseline,
            note="too few units for how unevenly their values lie; an interval needs 100 an arm or more",
        )
    if metric.role == "guardrail":
        return _guardrail(experiment, metric, one, alpha, traffic)
    interval = effect.interval(
        alpha=alpha,
        looks=experiment.looks,
        tight_at=experiment.planned_units,
        mixed_for=_mixed_for(experiment, metric.role),
    )
    low, high = interval.low, interval.high
    if p is not None and p <= experiment.error:
        # Holm's intervals: what is told by the step alone reaches to 0.
        low, high = (max(low, 0.0), high) if effect.estimate > 0 else (low, min(high, 0.0))
    least = _size(metric, baseline)
    sign = 1 if metric.better == "higher" else -1
    finding: Finding = "open"
    if p is not None and p <= experiment.error:
        finding = "better" if sign * effect.estimate > 0 else "worse"
    elif least is not None and -least < low and high < least:
        finding = "same"
    more = None
    if finding == "open":
        more = _more_days(experiment, effect, (least or abs(effect.estimate), alpha), traffic)
    return Comparison(
        arm=one.arm,
        finding=finding,
        units=effect.n,
        mean=mean.estimate,
        baseline=baseline,
        difference=effect.estimate,
        low=low,
        high=high,
        p=p,
        more_days=more,
    )


def _guardrail(
    experiment: Experiment, metric: Metric, one: _Compared, alpha: float, traffic: Traffic
) -> Comparison:
    effect, mean, margin = one.effect, one.mean, metric.margin
    assert effect is not None and mean is not None and margin is not None
    baseline = effect.baseline or 0.0
    allowed = allowed_by(margin)
    low, high = effect.ends(alpha=alpha, tight_at=experiment.planned_units)
    finding = finding_of((low, high), allowed, metric.better)
    moved = moved_by(metric, baseline)
    more = None
    if finding == "open":
        loss = effect.estimate if metric.better == "lower" else -effect.estimate
        at_every_look = msgspec.structs.replace(experiment, looks="every")
        more = _more_days(at_every_look, effect, (abs(allowed - loss), 2 * alpha), traffic)
    return Comparison(
        arm=one.arm,
        finding=finding,
        units=effect.n,
        mean=mean.estimate,
        baseline=baseline,
        difference=effect.estimate + moved,
        low=low + moved,
        high=high + moved,
        more_days=more,
    )


def _unseen(experiment: Experiment, metric: Metric, one: _Compared) -> Comparison:
    """What may be said of an arm without a number: of errors that never happened, an upper bound.

    Holds at every look: with a mean of `most` the product of `(1 - value) / (1 - most)` over units is a
    fair game, and n zeros make it `(1 - most)^-n`. Source: Waudby-Smith, Ramdas, "Estimating means of
    bounded random variables by betting", JRSS B 86(1), 2024.
    """
    if one.apart is not None and one.apart.finding != "open":
        return one.apart
    told = Comparison(arm=one.arm, finding="none", units=one.zeros, note=one.note)
    margin = metric.margin
    if margin is None or margin.is_relative or metric.better != "lower" or not one.zeros:
        return told
    most = 1 - experiment.error ** (1 / one.zeros)
    if most >= margin.value:
        return told
    note = f"none in {one.zeros} units"
    return msgspec.structs.replace(told, finding="holds", mean=0.0, high=most, note=note)


def _apart(
    experiment: Experiment, metric: Metric, name: str, arm: KnownArm, base: KnownArm
) -> Comparison | None:
    """Compare shares of calls where all units of an arm are alike: none failed, or all of them did.

    Half of the error for each arm's own bound, so that their difference holds whatever they are.
    """
    alpha, margin = experiment.error / 2, metric.margin
    here, there = share_bounds(experiment, arm, alpha), share_bounds(experiment, base, alpha)
    if metric.role != "guardrail" or margin is None or here is None or there is None:
        return None
    factor = factor_of(metric)
    span = here[0] - factor * there[1], here[1] - factor * there[0]
    mean, baseline = (moments.y / moments.x for moments, _ in (arm, base))
    return Comparison(
        arm=name,
        finding=finding_of(span, allowed_by(margin), metric.better),
        units=arm[0].n + base[0].n,
        mean=mean,
        baseline=baseline,
        difference=mean - baseline,
        low=here[0] - there[1],
        high=here[1] - there[0],
    )


def _report(
    experiment: Experiment,
    metric: Metric,
    found: list[Comparison],
    sums: Mapping[str, ArmSums],
    *,
    is_adjusted: bool,
) -> MetricReport:
    scale, factor = scale_of(metric, sums)
    is_answer = metric.measure == "feedback" and metric.kind == "answer" and not metric.per
    answering = {arm: (each.moments.n, each.complete) for arm, each in sums.items()}
    return MetricReport(
        name=metric.name,
        measure=metric.measure,
        role=metric.role,
        kind=metric.kind,
        better=metric.better,
        per=metric.per,
        scale=scale,
        comparisons=[_scaled(one, factor, 100.0 if metric.is_relative else factor) for one in found],
        is_relative=metric.is_relative,
        answered={arm: answers / units for arm, (answers, units) in answering.items() if units and is_answer},
        adjusted=is_adjusted,
        notes=unequal(experiment, metric, answering) if is_answer else [],
        complete={arm: each.complete for arm, each in sums.items()},
        arrives_days=metric.arrives_s / DAY_S,
    )


def _scaled(one: Comparison, factor: float, of_change: float) -> Comparison:
    def times(value: float | None, by: float) -> float | None:
        return None if value is None else value * by

    return msgspec.structs.replace(
        one,
        mean=times(one.mean, factor),
        baseline=times(one.baseline, factor),
        difference=times(one.difference, of_change),
        low=times(one.low, of_change),
        high=times(one.high, of_change),
    )


def _size(metric: Metric, baseline: float) -> float | None:
    if metric.effect is None or metric.effect.is_relative == metric.is_relative:
        return None if metric.effect is None else metric.effect.value
    if metric.is_relative:
        return metric.effect.value / abs(baseline)
    return metric.effect.value * abs(baseline)


def _more_days(
    experiment: Experiment, effect: Effect, aim: tuple[float, float], traffic: Traffic
) -> float | None:
    """How long until an effect of a size, at an alpha, would show in four of five such experiments."""
    size, alpha = aim
    if traffic.per_day <= 0 or size <= 0 or not 0 < alpha < 1:
        return None
    of_one = effect.standard_error * math.sqrt(effect.n)
    planned = experiment.planned_units

    def is_enough(units: int) -> bool:
        if experiment.looks == "planned":
            half = planned_radius(units, planned=planned, alpha=alpha)
        else:
            half = radius(units, alpha=alpha, tight_at=planned)
        return (half + POWER_QUANTILE) * of_one / math.sqrt(units) <= size

    units = max(2, effect.n)
    while not is_enough(units):
        more = math.ceil(units * 1.05)
        units = planned if units < planned < more else more  # at the plan itself most is known
        if units > UNITS_MAX:
            return None
    # Units that have a value are a part of all: those still to come are taken to be as many.
    needed = units / effect.n * traffic.units
    days = (needed - traffic.units) / traffic.per_day + traffic.window_days
    return days if days <= DAYS_MAX else None


def findings(reports: Sequence[MetricReport], arm: str) -> list[tuple[MetricReport, Comparison]]:
    """Return what each metric says of an arm."""
    return [(report, one) for report in reports for one in report.comparisons if one.arm == arm]
