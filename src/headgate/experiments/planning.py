"""How many units an experiment takes, before it begins: of numbers given, or of what was recorded. Pure.

The error is shared by the arms that are compared with the baseline, as reports share it. Read next:
`statistics.power`, `experiments.planning_http`.
"""

import math
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.experiments.model import RATIOS, FeedbackKind, Measure, Metric, UnitKind
from headgate.statistics.model import Looks
from headgate.statistics.power import (
    design_effect,
    detectable_effect,
    units_for_every_look,
    units_for_one_look,
    units_for_planned_looks,
)
from headgate.statistics.sequences import UNITS_LEAST

Above = Annotated[float, msgspec.Meta(gt=0)]
Part = Annotated[float, msgspec.Meta(gt=0, lt=1)]

SEARCHES: Final[dict[Looks, Callable[..., int]]] = {
    "one": units_for_one_look,
    "planned": units_for_planned_looks,
    "every": units_for_every_look,
}


class PlanRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an experiment is to find. The baseline is `rate`, or `mean` with `deviation`, or measured.

    Measured on feedback (`metric`), or on sums of calls (`measure`); with `per` on their ratio.
    """

    effect: Above
    """The least difference that matters; of the baseline's mean where `is_relative`."""
    is_relative: bool = False
    rate: Part | None = None
    """The baseline's share of units with an event."""
    mean: float | None = None
    deviation: Above | None = None
    """The standard deviation of units; `mean` is only needed for a relative effect."""
    metric: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    """A name of feedback: what units of calls of the last days said stands for the baseline."""
    kind: FeedbackKind = "event"
    measure: Measure = "feedback"
    """What is measured of units' calls instead of feedback."""
    per: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    """What it is divided by, as in an experiment's metric: a sum of calls, sessions, or feedback."""
    unit: UnitKind = "user"
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    """Calls for this alias alone."""
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 28
    window_s: Annotated[float, msgspec.Meta(ge=1, le=366 * 86400)] = 7 * 86400.0
    per_day: Above | None = None
    """How many units come a day; by default as many as in the last days."""
    power: Part = 0.8
    error: Part = 0.05
    arms: Annotated[int, msgspec.Meta(ge=2, le=20)] = 2
    share: Part | None = None
    """Of each arm but the baseline, which has the rest; by default all have the same."""
    units_per_cluster: Annotated[float, msgspec.Meta(ge=1)] = 1.0
    likeness: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    """How much units of one cluster resemble each other (intra-class correlation)."""

    @property
    def measured(self) -> Metric | None:
        """The metric that is measured on what is on record; None where the baseline is given."""
        if self.metric is None and self.measure == "feedback":
            return None
        name, per = self.metric or self.measure, self.per or ""
        if self.measure in RATIOS and not per:
            per = "calls"
        return Metric(name=name, measure=self.measure, kind=self.kind, feedback=self.metric or "", per=per)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record of the last days: `measured` of the `complete` units have a value."""

    units: int
    complete: int
    measured: int
    per_day: float
    mean: float | None
    deviation: float | None


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes by how one looks. `units` are those of two arms with a value: `planned_units`."""

    looks: Looks
    units: int
    units_in_all: int
    """Of all arms, with those that will not have a value."""
    days: float | None
    """Until they have come and their window is over; null where no unit comes."""
    detectable: float | None
    """The smallest effect that as many units find as came in the last days; null where too few came."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment takes, and what that rests on."""

    effect: float
    mean: float | None
    deviation: float
    alpha: float
    """The error of each comparison with the baseline."""
    per_day: float
    days: int
    source: Literal["given", "recorded"]
    recorded: Recorded
    lines: list[PlanLine]


def plan(asked: PlanRequest, recorded: Recorded) -> Plan:
    """Return how many units it takes, and how long. Raises InvalidRequest where that can't be told."""
    mean, deviation = _baseline(asked, recorded)
    if asked.is_relative and not mean:
        raise InvalidRequest(
            "a relative effect is a part of the baseline's mean, which is "
            f"{'not given' if mean is None else '0'}; give `mean`, or an effect in the metric's own unit"
        )
    effect = asked.effect * abs(mean or 0.0) if asked.is_relative else asked.effect
    if asked.rate is not None and effect >= max(asked.rate, 1 - asked.rate):
        raise InvalidRequest(
            f"a rate of {asked.rate:g} can't move by {effect:g}, which leaves 0 to 1; give a smaller effect"
        )
    per_day = recorded.per_day if asked.per_day is None else asked.per_day
    how = _Design.of(asked, recorded)
    return Plan(
        effect=effect,
        mean=mean,
        deviation=deviation,
        alpha=how.alpha,
        per_day=per_day,
        days=asked.days,
        source="given" if asked.measured is None else "recorded",
        recorded=recorded,
        lines=[_line(looks, asked, (effect, deviation), per_day, how) for looks in SEARCHES],
    )


class _Design(msgspec.Struct, frozen=True, kw_only=True):
    """What of a plan doesn't depend on how one looks."""

    alpha: float
    share: float
    """Of an arm, of the units of it and the baseline."""
    pair: float
    """Of all units, those of an arm and the baseline that have a value."""
    inflation: float

    @staticmethod
    def of(asked: PlanRequest, recorded: Recorded) -> "_Design":
        share = 1 / asked.arms if asked.share is None else asked.share
        base = 1 - share * (asked.arms - 1)
        if base <= 0:
            raise InvalidRequest(
                f"{asked.arms - 1} arms of {share:g} each leave nothing for the baseline; give a share "
                f"below {1 / (asked.arms - 1):g}"
            )
        answered = 1.0
        if asked.metric is not None and asked.kind == "answer":
            answered = recorded.measured / recorded.complete
        return _Design(
            alpha=asked.error / (asked.arms - 1),
            share=share / (share + base),
            pair=(share + base) * answered,
            inflation=design_effect(asked.units_per_cluster, asked.likeness),
        )


def _baseline(asked: PlanRequest, recorded: Recorded) -> tuple[float | None, float]:
    given = [name for name in ("rate", "deviation", "metric") if getattr(asked, name) is not None]
    given += ["measure"] if asked.measure != "feedback" else []
    if len(given) != 1 or (asked.mean is not None and given != ["deviation"]):
        raise InvalidRequest(
            f"the baseline is given by {' and '.join(given) or 'nothing'}; give one of `rate`, `deviation` "
            "(with `mean`), `metric` or `measure`"
        )
    check_ratio(asked)
    if asked.rate is not None:
        return asked.rate, math.sqrt(asked.rate * (1 - asked.rate))
    if asked.deviation is not None:
        return asked.mean, asked.deviation
    if recorded.mean is None or not recorded.deviation:
        raise InvalidRequest(
            f"of {recorded.complete} units of the last {asked.days} days whose window is over, "
            f"{recorded.measured} have a value of {_name_of(asked)!r}"
            f"{', all the same' if recorded.measured > 1 else ''}: how much units vary is not known; give "
            "`rate` or `deviation`"
        )
    return recorded.mean, recorded.deviation


def check_ratio(asked: PlanRequest) -> None:
    """Raise InvalidRequest for what can't be divided."""
    metric = asked.measured
    if asked.per is None:
        return
    if metric is None:
        raise InvalidRequest(
            f"nothing is measured that {asked.per!r} could divide; give `metric` or `measure`, too",
            parameter="per",
        )
    if asked.per in (metric.feedback, metric.measure):
        raise InvalidRequest(
            f"it would be {asked.per!r} divided by itself; divide by something else", parameter="per"
        )
    if metric.feedbacks and metric.kind == "answer":
        raise InvalidRequest(
            "answers have a mean of their own and no sum that could be divided; count an `event` or an "
            "`amount`",
            parameter="kind",
        )


def _name_of(asked: PlanRequest) -> str:
    metric = asked.measured
    assert metric is not None
    return f"{metric.name} per {metric.per}" if metric.per else metric.name


def _line(
    looks: Looks, asked: PlanRequest, size: tuple[float, float], per_day: float, how: _Design
) -> PlanLine:
    effect, deviation = size
    units = SEARCHES[looks](effect, deviation, alpha=how.alpha, power=asked.power, share=how.share)
    units = math.ceil(units * how.inflation)
    if looks != "one":
        # Before each arm has as many, intervals are open.
        units = max(units, math.ceil(UNITS_LEAST / min(how.share, 1 - how.share)))
    in_all = math.ceil(units / how.pair)
    known = int(per_day * asked.days * how.pair / how.inflation)
    enough = 2 if looks == "one" else UNITS_LEAST / min(how.share, 1 - how.share) / how.inflation
    detectable = None
    if known >= enough:
        detectable = detectable_effect(
            known, deviation, alpha=how.alpha, power=asked.power, share=how.share, looks=looks
        )
    return PlanLine(
        looks=looks,
        units=units,
        units_in_all=in_all,
        days=in_all / per_day + asked.window_s / 86400 if per_day > 0 else None,
        detectable=detectable,
    )
