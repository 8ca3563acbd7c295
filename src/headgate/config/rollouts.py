"""Rollouts of a document, checked and compiled. Pure. Read next: `rollouts.model`, `config.experiments`."""

import re
from collections.abc import Mapping

import msgspec

from headgate.config.document import ArmTable, Document, RolloutTable
from headgate.config.experiments import Arms, TargetOf, check_metric, metric_of, rule_of_arm, with_version
from headgate.config.lines import Path
from headgate.config.problems import Problems, nearest
from headgate.config.shadow_tables import PairScorerTable, ShadowTable
from headgate.config.snapshot import Alias
from headgate.config.values import read_amount, read_duration
from headgate.experiments.model import OWN_PREFIX as PREFIX
from headgate.experiments.model import Arm, Experiment
from headgate.rollouts.model import (
    CANDIDATE,
    PAIRED,
    PRESENT,
    Audience,
    PairScorer,
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
        stages.append(_stage(table, to, "internal", "internal", table.internal_share))
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
        scorers=() if table.shadow is None else _scorers(table.shadow, (*path, "shadow"), problems),
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
        # Chosen callers are few: each of their calls is drawn by itself, where both arms serve them.
        unit="call" if kind == "internal" and share < 1 else table.unit,
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
    apart = len(table.shares) + _draws_internal(table)
    asked = len(table.guardrails) * apart
    if table.shadow is not None:
        paired = sum(each.measure in PAIRED for each in table.guardrails)
        paired += len(table.shadow.agree) + len(table.shadow.scorers)
        asked += paired * (2 if table.users or table.keys or table.tags else 1)
    return max(1, asked)


def _draws_internal(table: RolloutTable) -> bool:
    """Whether internal callers are served by both arms, which are compared."""
    return bool(table.users or table.keys or table.tags) and table.internal_share < 1


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
    _check_internal(table, path, problems)
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


def _scorers(shadow: ShadowTable, path: Path, problems: Problems) -> tuple[PairScorer, ...]:
    found: list[PairScorer] = []
    for place, table in enumerate(shadow.scorers):
        at = (*path, "scorers", place)
        needed = {"contains": table.text, "regex": table.pattern, "schema": table.schema}
        if table.kind in needed and not needed[table.kind]:
            word = {"contains": "text", "regex": "pattern", "schema": "schema"}[table.kind]
            problems.add(at, f"is of kind {table.kind} without {word}; write what answers are held against")
        if table.kind == "judge" and not (table.model and table.rubric):
            problems.add(at, "is a judge without model or rubric; write both")
        if table.kind == "semantic" and not (table.model and table.threshold is not None):
            problems.add(at, "is of kind semantic without model or threshold; write both")
        if any(each.name == table.name for each in found):
            problems.add((*at, "name"), f"is {table.name!r} a second time; choose another")
        _check_held(table, at, problems)
        found.append(
            PairScorer(
                name=table.name,
                kind=table.kind,
                margin=table.margin,
                text=table.text,
                pattern=table.pattern,
                schema="" if table.schema is None else msgspec.json.encode(table.schema).decode(),
                model=table.model,
                rubric=table.rubric,
                threshold=table.threshold or 0.0,
                share=table.share,
                budget_pico_usd=_budget(table.budget_a_day, at, problems),
            )
        )
    return tuple(found)


def _check_held(table: PairScorerTable, path: Path, problems: Problems) -> None:
    try:
        re.compile(table.pattern)
    except (re.error, OverflowError, RecursionError) as error:
        problems.add((*path, "pattern"), f"is no pattern: {error}")


def _budget(text: str, path: Path, problems: Problems) -> int:
    try:
        return read_amount(text)
    except ValueError as error:
        problems.add((*path, "budget_a_day"), str(error))
        return 0


def _check_internal(table: RolloutTable, path: Path, problems: Problems) -> None:
    if table.internal_share == 1:
        return
    at = (*path, "internal_share")
    if not table.internal_share:
        problems.add(at, "is 0: nobody would be served; write a part of their calls, such as 0.8")
    elif not (table.users or table.keys or table.tags):
        problems.add(at, "is a share of nobody's calls; name users, keys or tags, or leave it out")
    elif table.shadow is not None:
        problems.add(at, "stands beside shadow, which compares internal callers' calls already; write one")


def _check_shadow(table: RolloutTable, shadow: ShadowTable, path: Path, problems: Problems) -> None:
    if not 0 < shadow.share <= 1:
        problems.add((*path, "share"), f"is {shadow.share}; write a part of all calls, such as 0.1")
    for name, least in shadow.agree.items():
        if not 0 < least < 1:
            problems.add((*path, "agree", name), f"is {least}; write a part below 1, such as 0.9")
    if not (shadow.agree or shadow.scorers) and not any(each.measure in PAIRED for each in table.guardrails):
        problems.add(
            path, "compares nothing: nobody gives feedback on its answers; add a guardrail such as errors"
        )
