"""Rollouts of a document, checked and compiled. Pure. Read next: `rollouts.model`, `config.experiments`."""

from collections.abc import Mapping

import msgspec

from headgate.config.document import ArmTable, Document, RolloutTable, ShadowTable
from headgate.config.experiments import Arms, TargetOf, check_metric, metric_of, rule_of_arm, with_version
from headgate.config.lines import Path
from headgate.config.problems import Problems, nearest
from headgate.config.snapshot import Alias
from headgate.config.values import read_duration
from headgate.experiments.model import OWN_PREFIX as PREFIX
from headgate.experiments.model import Arm, Experiment
from headgate.rollouts.model import (
    CANDIDATE,
    PAIRED,
    PRESENT,
    Audience,
    Rollout,
    Stage,
    StageKind,
    version_of,
)


def rollouts_of(
    document: Document, aliases: Mapping[str, Alias], target_of: TargetOf, problems: Problems
) -> tuple[tuple[Rollout, ...], Arms]:
    """Return the rollouts, and the aliases of candidates that have targets of their own."""
    found: list[Rollout] = []
    arms: Arms = {}
    for index, table in enumerate(document.rollouts):
        path: Path = ("rollouts", index)
        _check(document, table, path, problems)
        alias = aliases.get(table.alias)
        if alias is None:
            close = nearest(table.alias, aliases)
            problems.add((*path, "alias"), f"is {table.alias!r}, which [models] does not have{close}")
        elif table.targets:
            at = (*path, "targets")
            targets = [target_of(each, table.alias, (*at, place)) for place, each in enumerate(table.targets)]
            known = tuple([target for target in targets if target is not None])
            arms[PREFIX + table.name, CANDIDATE] = msgspec.structs.replace(alias, targets=known)
        found.append(_rollout(table, path, alias, problems))
    return tuple(found), arms


def _rollout(table: RolloutTable, path: Path, alias: Alias | None, problems: Problems) -> Rollout:
    to = _candidate(table, path, problems)
    stages: list[Stage] = []
    if table.shadow is not None:
        stages.append(_stage(table, to, "shadow", "shadow", 0.0))
    if table.users or table.keys or table.tags:
        stages.append(_stage(table, to, "internal", "internal", 1.0))
    stages += [_stage(table, to, f"{share * 100:g} %", "share", share) for share in table.shares]
    stages.append(_stage(table, to, "all", "all", 1.0))
    stages = [
        msgspec.structs.replace(each, experiment=with_version(each.experiment, alias)) for each in stages
    ]
    rollout = Rollout(
        name=table.name,
        alias=table.alias,
        to=to,
        stages=tuple(stages),
        guardrails=stages[-1].experiment.metrics,
        audience=Audience(users=table.users, keys=table.keys, tags=table.tags),
        agree={} if table.shadow is None else table.shadow.agree,
        units=table.units,
    )
    return msgspec.structs.replace(rollout, version=version_of(rollout))


def _candidate(table: RolloutTable, path: Path, problems: Problems) -> Arm:
    names = [each if isinstance(each, str) else f"{each.target} x {each.weight}" for each in table.targets]
    served = ArmTable(
        name=CANDIDATE, share=1, set=table.set, remove=table.remove, clamp=table.clamp, replace=table.replace
    )
    return Arm(
        name=CANDIDATE,
        share=1,
        targets=tuple(names),
        rule=rule_of_arm(table.name, served, path, problems),
        prompts=table.prompts,
        environment=table.environment or "",
    )


def _stage(table: RolloutTable, to: Arm, name: str, kind: StageKind, share: float) -> Stage:
    """One experiment a stage. Its chance of error is a part of the whole rollout's: a union bound."""
    arms = (Arm(name=PRESENT, share=1.0 - share), msgspec.structs.replace(to, share=share))
    metrics = tuple([msgspec.structs.replace(metric_of(each), role="guardrail") for each in table.guardrails])
    is_paired = kind in ("shadow", "internal") and table.shadow is not None
    experiment = Experiment(
        name=PREFIX + table.name,
        alias=table.alias,
        arms=arms,
        metrics=metrics,
        unit=table.unit,
        salt=name if kind in ("shadow", "internal") else "",
        window_s=read_duration(table.window),
        error=table.error / _questions(table),
        planned_units=max(1, table.units if is_paired else round(table.units / (share or 1.0))),
    )
    sampled = table.shadow.share if is_paired and table.shadow is not None else 0.0
    return Stage(
        name=name,
        kind=kind,
        experiment=experiment,
        sampled=sampled,
    )


def _questions(table: RolloutTable) -> int:
    """How often the whole rollout asks whether something is broken: each may err."""
    asked = len(table.guardrails) * len(table.shares)
    if table.shadow is not None:
        paired = sum(each.measure in PAIRED for each in table.guardrails) + len(table.shadow.agree)
        asked += paired * (2 if table.users or table.keys or table.tags else 1)
    return max(1, asked)


def _check(document: Document, table: RolloutTable, path: Path, problems: Problems) -> None:
    changes = table.set or table.remove or table.clamp or table.replace
    if not (table.targets or changes or table.prompts or table.environment):
        problems.add(path, "moves to nothing; give it targets, parameters, prompts or an environment")
    for place, (share, other) in enumerate(zip(table.shares, table.shares[1:], strict=False), 1):
        if not share < other:
            problems.add((*path, "shares", place), f"is {other}, not above {share}; let shares grow")
    for place, share in enumerate(table.shares):
        if not 0 < share < 1:
            problems.add((*path, "shares", place), f"is {share}; write a part of all units, such as 0.05")
    for place, metric in enumerate(table.guardrails):
        check_metric(
            msgspec.structs.replace(metric, role="guardrail"), (*path, "guardrails", place), problems
        )
    if any(each.alias == table.alias for each in document.experiments):
        problems.add(
            (*path, "alias"), f"is {table.alias!r}, which an experiment has; an alias has one of both"
        )
    if table.shadow is not None:
        _check_shadow(table, table.shadow, (*path, "shadow"), problems)
    others = [each for each in document.rollouts if each is not table]
    if any(each.alias == table.alias for each in others):
        problems.add(
            (*path, "alias"), f"is {table.alias!r} for another rollout, too; an alias has one at a time"
        )
    if any(each.name == table.name for each in others):
        problems.add((*path, "name"), f"is {table.name!r} a second time; choose another")


def _check_shadow(table: RolloutTable, shadow: ShadowTable, path: Path, problems: Problems) -> None:
    if not 0 < shadow.share <= 1:
        problems.add((*path, "share"), f"is {shadow.share}; write a part of all calls, such as 0.1")
    for name, least in shadow.agree.items():
        if not 0 < least < 1:
            problems.add((*path, "agree", name), f"is {least}; write a part below 1, such as 0.9")
    if not shadow.agree and not any(each.measure in PAIRED for each in table.guardrails):
        problems.add(
            path, "compares nothing: nobody gives feedback on its answers; add a guardrail such as errors"
        )
