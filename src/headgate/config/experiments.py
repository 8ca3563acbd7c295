"""Experiments of a document, checked and compiled. Pure. Read next: `experiments.model`."""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Final

import msgspec

from headgate.catalog.model import Target
from headgate.config.document import (
    AdaptiveTable,
    ArmTable,
    Document,
    ExperimentTable,
    MetricTable,
    TargetTable,
)
from headgate.config.lines import Path
from headgate.config.problems import Problems, check_twice, nearest
from headgate.config.projects import check_project
from headgate.config.snapshot import Alias
from headgate.config.values import read_duration, read_size
from headgate.core.faults import InvalidRequest
from headgate.experiments.model import Adaptive, Amount, Arm, Experiment, Metric, Plan, version_of
from headgate.releases.rule_forms import RuleBody, rule_of
from headgate.releases.rules import Rule

EXPERIMENTS_MAX: Final = 64
PLANNED_UNITS: Final = 1000
EPOCH_S_MIN: Final = 60.0
PARTS: Final = 10
"""Into which units that come back are divided, where shares move."""

TargetOf = Callable[[str | TargetTable, str, Path], Target | None]
"""Compiles a target as one of an alias; None where it is refused."""

Arms = dict[tuple[str, str], Alias]


def experiments_of(
    document: Document, aliases: Mapping[str, Alias], target_of: TargetOf, problems: Problems
) -> tuple[tuple[Experiment, ...], Arms]:
    """Return the experiments, and the aliases of arms that have targets of their own."""
    found: list[Experiment] = []
    arms: Arms = {}
    if len(document.experiments) > EXPERIMENTS_MAX:
        count = len(document.experiments)
        problems.add(("experiments",), f"has {count} entries; at most {EXPERIMENTS_MAX} run at once")
    for index, table in enumerate(document.experiments):
        path: Path = ("experiments", index)
        _check(document, table, path, problems)
        alias = aliases.get(table.alias)
        if alias is None:
            close = nearest(table.alias, aliases)
            problems.add((*path, "alias"), f"is {table.alias!r}, which [models] does not have{close}")
        else:
            arms.update(_arms(table, alias, target_of, path))
        found.append(_experiment(table, path, alias, problems))
    _check_together(found, problems)
    return tuple(found), arms


def with_version(experiment: Experiment, alias: Alias | None) -> Experiment:
    """Return it with what its alias serves, which is a part of what an arm is, and with its version."""
    if alias is not None:
        experiment = msgspec.structs.replace(
            experiment,
            alias_targets=_served(alias) if not all(arm.targets for arm in experiment.arms) else (),
            alias_strategy=alias.strategy,
        )
    return msgspec.structs.replace(experiment, version=version_of(experiment))


def _served(alias: Alias) -> tuple[str, ...]:
    weighs = alias.strategy == "weighted"
    return tuple([f"{each.name} x {each.weight:g}" if weighs else each.name for each in alias.targets])


def _experiment(table: ExperimentTable, path: Path, alias: Alias | None, problems: Problems) -> Experiment:
    low, high = table.traffic if len(table.traffic) == 2 else (0.0, 1.0)
    experiment = Experiment(
        name=table.name,
        alias=table.alias,
        arms=tuple([_arm(table, place, path, problems) for place in range(len(table.arms))]),
        metrics=tuple(map(metric_of, table.metrics)),
        unit=table.unit,
        layer=table.layer or "",
        traffic=(low, high),
        salt=table.salt or "",
        window_s=read_duration(table.window),
        error=table.error,
        planned_units=table.planned_units or PLANNED_UNITS,
        looks=_looks(table),
        adaptive=_adaptive(table),
        projects=table.projects,
    )
    return with_version(experiment, alias)


def _looks(table: ExperimentTable) -> Plan:
    """Who says how many units there will be means to decide there; shares that move allow no plan."""
    is_planned = table.planned_units is not None and table.adaptive is None
    return table.looks or ("planned" if is_planned else "every")


def _adaptive(table: ExperimentTable) -> Adaptive | None:
    if table.adaptive is None:
        return None
    parts = 1 if table.unit == "call" else table.adaptive.parts or PARTS
    return Adaptive(floor=table.adaptive.floor, every_s=read_duration(table.adaptive.every), parts=parts)


def _arm(table: ExperimentTable, place: int, path: Path, problems: Problems) -> Arm:
    arm = table.arms[place]
    names = [each if isinstance(each, str) else f"{each.target} x {each.weight}" for each in arm.targets]
    return Arm(
        name=arm.name,
        share=arm.share,
        targets=tuple(names),
        rule=rule_of_arm(table.name, arm, (*path, "arms", place), problems),
        prompts=arm.prompts,
        environment=arm.environment or "",
    )


def rule_of_arm(name: str, arm: ArmTable, path: Path, problems: Problems) -> Rule | None:
    """Return the override rule of an arm's own; None where it has none, or one that is refused."""
    if not (arm.set or arm.remove or arm.clamp or arm.replace):
        return None
    said = RuleBody(set=arm.set, remove=arm.remove, clamp=arm.clamp, replace=arm.replace)
    try:
        return rule_of(f"{name}-{arm.name}", said, version=0, now_ms=None)
    except InvalidRequest as refusal:
        problems.add(path, f"is refused: {refusal.message}")
        return None


def metric_of(table: MetricTable) -> Metric:
    """Return a metric as it is compiled."""
    usual = "higher" if table.measure == "feedback" else "lower"
    return Metric(
        name=table.name,
        measure=table.measure,
        role=table.role,
        kind=table.kind,
        per=table.per or "",
        is_relative=table.relative,
        feedback=table.feedback or "",
        arrives_s=read_duration(table.arrives),
        better=table.better or usual,
        effect=_amount(table.effect),
        margin=_amount(table.margin),
    )


def _amount(text: str | None) -> Amount | None:
    if text is None:
        return None
    value, is_relative = read_size(text)
    return Amount(value=value, is_relative=is_relative)


def _arms(table: ExperimentTable, alias: Alias, target_of: TargetOf, path: Path) -> Arms:
    arms: Arms = {}
    for place, arm in enumerate(table.arms):
        if not arm.targets:
            continue
        at = (*path, "arms", place, "targets")
        targets = [target_of(each, table.alias, (*at, number)) for number, each in enumerate(arm.targets)]
        known = tuple([target for target in targets if target is not None])
        arms[table.name, arm.name] = msgspec.structs.replace(alias, targets=known)
    return arms


def _check(document: Document, table: ExperimentTable, path: Path, problems: Problems) -> None:
    if len(table.arms) < 2:
        problems.add((*path, "arms"), "are one; an experiment compares two or more")
    check_twice([arm.name for arm in table.arms], (*path, "arms"), problems)
    check_twice([metric.name for metric in table.metrics], (*path, "metrics"), problems)
    if len(table.arms) > 1 and not any(map(_differs, table.arms)):
        problems.add(
            (*path, "arms"),
            "are all served as the alias is; give all but the first targets, parameters or prompts",
        )
    if not any(metric.role == "decision" for metric in table.metrics):
        problems.add((*path, "metrics"), 'decide nothing; give one of them role = "decision"')
    for place, metric in enumerate(table.metrics):
        check_metric(metric, (*path, "metrics", place), problems)
    if table.adaptive is not None:
        _check_adaptive(table, table.adaptive, path, problems)
    if len(table.traffic) != 2 or not table.traffic[0] < table.traffic[1]:
        problems.add((*path, "traffic"), f"is {list(table.traffic)}; write from and to, such as [0.0, 0.5]")
    if read_duration(table.window) < 1:
        problems.add((*path, "window"), f"is {table.window!r}; outcomes need a second at least")
    for place, project in enumerate(table.projects or ()):
        check_project(document, project, (*path, "projects", place), problems)


def _check_adaptive(table: ExperimentTable, adaptive: AdaptiveTable, path: Path, problems: Problems) -> None:
    """Refuse what makes intervals of shares that move wrong."""
    at = (*path, "adaptive")
    if table.unit == "call" and adaptive.parts is not None:
        problems.add((*at, "parts"), "is for units that come back, and a call never does; leave it out")
    if adaptive.floor * len(table.arms) > 1:
        most = 1 / len(table.arms)
        problems.add((*at, "floor"), f"is {adaptive.floor} for {len(table.arms)} arms; at most {most:.2f}")
    if min(arm.share for arm in table.arms) < adaptive.floor * sum(arm.share for arm in table.arms):
        problems.add((*at, "floor"), f"is {adaptive.floor}, and an arm begins below it; give arms more")
    if read_duration(adaptive.every) < EPOCH_S_MIN:
        problems.add((*at, "every"), f"is {adaptive.every!r}; shares move once a minute at most")
    if table.looks == "planned":
        problems.add((*path, "looks"), "is planned, which shares that move do not allow; leave it out")
    for place, metric in enumerate(table.metrics):
        if metric.relative:
            problems.add(
                (*path, "metrics", place, "relative"), "is a ratio, which shares that move don't allow yet"
            )
        if metric.measure == "feedback" and metric.kind == "answer":
            problems.add(
                (*path, "metrics", place, "kind"),
                f"is answer, which leaves silent {table.unit}s out, and their share is not known where "
                'shares move; write kind = "event" or "amount"',
            )


def _differs(arm: ArmTable) -> bool:
    changes = arm.set or arm.remove or arm.clamp or arm.replace
    return bool(arm.targets or changes or arm.prompts or arm.environment)


def check_metric(metric: MetricTable, path: Path, problems: Problems) -> None:
    """Name what of a metric can't be together."""
    if metric.role == "guardrail" and metric.margin is None:
        problems.add(path, "is a guardrail without a margin; say what may be lost, such as margin = '5%'")
    if metric.role != "guardrail" and metric.margin is not None:
        problems.add((*path, "margin"), f"is read for guardrails only, and this is of role {metric.role}")
    if metric.role == "guardrail" and metric.relative:
        problems.add(
            (*path, "relative"),
            "is not for guardrails, whose margin may be a part of the baseline; write margin = '5%'",
        )
    if metric.role != "decision" and metric.effect is not None:
        problems.add((*path, "effect"), f"is read for decisions only, and this is of role {metric.role}")
    if read_duration(metric.arrives) and not metric_of(metric).feedbacks:
        problems.add((*path, "arrives"), f"is read for feedback only, and this measures {metric.measure}")
    if metric.feedback is not None and metric.measure != "feedback":
        problems.add(
            (*path, "feedback"), f"is read where feedback is measured, and this measures {metric.measure}"
        )
    reads = metric_of(metric).feedbacks
    if metric.per in (metric.measure, *reads[:-1]):
        problems.add((*path, "per"), f"is {metric.per}, which it measures; divide by something else")
    if metric.per is not None and reads and metric.kind == "answer":
        problems.add(
            (*path, "kind"),
            "is answer, which leaves silent units out, but not what they cost; "
            'write kind = "event" or "amount"',
        )
    if not reads and metric.kind != "answer":
        problems.add((*path, "kind"), f"is read for feedback only, and this measures {metric.measure}")


def _check_together(experiments: list[Experiment], problems: Problems) -> None:
    """Those of one alias share a layer; those of one layer share a unit, and no part of its traffic."""
    for (_, one), (place, other) in combinations(enumerate(experiments), 2):
        path = ("experiments", place)
        if one.name == other.name:
            problems.add((*path, "name"), f"is {other.name!r} a second time; choose another")
        if one.alias == other.alias and one.layer != other.layer:
            problems.add(
                (*path, "layer"),
                f"is {other.layer!r}, and {one.name} has {one.layer!r}; those on one alias share a layer",
            )
        if _layer(one) != _layer(other):
            continue
        if one.unit != other.unit:
            problems.add(
                (*path, "unit"),
                f"is {other.unit}, and {one.name} of the same layer has {one.unit}; a layer has one unit",
            )
        if one.traffic[0] < other.traffic[1] and other.traffic[0] < one.traffic[1]:
            problems.add(
                (*path, "traffic"),
                f"is {list(other.traffic)}, which overlaps with {list(one.traffic)} of {one.name}; "
                "give each its own part, such as [0.0, 0.5] and [0.5, 1.0]",
            )


def _layer(experiment: Experiment) -> tuple[str, str]:
    return (experiment.layer, "" if experiment.layer else experiment.alias)
