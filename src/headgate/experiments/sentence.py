"""What is known of an experiment now, in one sentence, and when more would be. Pure.

First what makes the arms incomparable, then harm, then what is decided, else what it still takes. Read next:
`experiments.report`.
"""

from datetime import datetime, timedelta

from headgate.experiments.analysis import findings
from headgate.experiments.model import Experiment
from headgate.experiments.report import ArmReport, Comparison, MetricReport


def sentence_of(
    experiment: Experiment,
    arms: list[ArmReport],
    reports: list[MetricReport],
    *,
    is_sound: bool,
    first_at: datetime | None,
    epochs: int = 1,
) -> str:
    """Return the sentence. `epochs`: how many an adaptive experiment has had."""
    if first_at is None:
        return "No unit has been exposed yet."
    if not is_sound:
        counts = ", ".join(f"{arm.units} in {arm.name}" for arm in arms)
        shares = " : ".join(f"{arm.share:g}" for arm in arms)
        return (
            f"The arms don't have the shares that were meant ({counts}, meant as {shares}): assignment or "
            "recording is broken, and nothing can be concluded."
        )
    if len(arms) == 1:
        return "There is one arm alone, and nothing to compare it with."
    if not any(arm.complete for arm in arms):
        when = first_at + timedelta(seconds=experiment.window_s)
        return (
            "Not known yet: the first units have been watched for their whole window on "
            f"{when:%Y-%m-%d at %H:%M} UTC."
        )
    parts = [_of_arm(experiment.baseline.name, arm.name, reports) for arm in arms[1:]]
    if experiment.adaptive is not None:
        most = max(arms, key=lambda arm: arm.share)
        taking = "calls" if experiment.adaptive.parts == 1 else f"{experiment.unit}s that take part"
        parts.append(f"Of new {taking} {most.name} gets {most.share:.0%}, since shares follow what is known.")
        if epochs < experiment.adaptive.parts:
            parts.append(
                f"{epochs} of {experiment.adaptive.parts} parts of all {experiment.unit}s take part so far."
            )
    return " ".join(parts)


def _of_arm(baseline: str, arm: str, reports: list[MetricReport]) -> str:
    found = findings(reports, arm)
    broken = [(metric, one) for metric, one in found if one.finding == "broken"]
    if broken:
        metric, one = broken[0]
        return f"{arm} breaks the guardrail {metric.name}: {_span(metric, one)} than {baseline}; stop it."
    decisions = [(metric, one) for metric, one in found if metric.role == "decision"]
    worse = [(metric, one) for metric, one in decisions if one.finding == "worse"]
    if worse:
        return f"{arm} is {_listed(worse, baseline)}; safe to stop."
    better = [(metric, one) for metric, one in decisions if one.finding == "better"]
    waiting = [(m, one) for m, one in found if m.role == "guardrail" and one.finding in ("open", "none")]
    unknown = [(m, one) for m, one in decisions if one.finding in ("open", "none")]
    if better and waiting:
        metric, one = waiting[0]
        return f"{arm} is {_listed(better, baseline)}; its guardrail {metric.name} is {_until(one)}."
    if better:
        return f"{arm} is {_listed(better, baseline)}; safe to stop."
    if not unknown and not waiting:
        return (
            f"{arm} and {baseline} differ by less than matters ({_plain(decisions)}); safe to stop, "
            "whichever is cheaper."
        )
    metric, one = (unknown or waiting)[0]
    if one.finding == "none" or one.low is None or one.high is None:
        return f"{arm} is {_until(one)}."
    unit = f" {metric.differs_in}" if metric.differs_in else ""
    return (
        f"{arm} is {_until(one)}: {metric.name} differs from {baseline} by "
        f"{number(one.low)} to {number(one.high)}{unit}."
    )


def _listed(found: list[tuple[MetricReport, Comparison]], baseline: str) -> str:
    told = [f"{one.finding} on {metric.name} by {_size(metric, one)}" for metric, one in found]
    return f"{' and '.join(told)} than {baseline}"


def _plain(found: list[tuple[MetricReport, Comparison]]) -> str:
    told: list[str] = []
    for metric, one in found:
        if one.low is not None and one.high is not None:
            unit = f" {metric.differs_in}" if metric.differs_in else ""
            told.append(f"{metric.name} by {number(one.low)} to {number(one.high)}{unit}")
    return ", ".join(told)


def _size(metric: MetricReport, one: Comparison) -> str:
    """The size of a difference, from the smaller end to the larger, without its sign."""
    low, high = sorted((abs(one.low or 0.0), abs(one.high or 0.0)))
    unit = f" {metric.differs_in}" if metric.differs_in else ""
    return f"{number(low)} to {number(high)}{unit}"


def _span(metric: MetricReport, one: Comparison) -> str:
    unit = f" {metric.differs_in}" if metric.differs_in else ""
    word = "more" if (one.difference or 0.0) > 0 else "less"
    least = one.low if word == "more" else one.high
    return f"at least {number(abs(least or 0.0))}{unit} {word}"


def _until(one: Comparison) -> str:
    if one.finding == "none":
        return f"not known yet: {one.note}"
    if one.more_days is None:
        return "not known yet, and more days can't be told at this traffic"
    days = max(1, round(one.more_days))
    return f"not known yet; about {days} {'day' if days == 1 else 'days'} more at this traffic"


def number(value: float) -> str:
    """Write a number with three digits that count, and no exponent where one can read it without."""
    if value == 0:
        return "0"
    digits = f"{value:.3g}"
    return digits if "e" not in digits else f"{value:,.0f}" if abs(value) >= 1 else digits
