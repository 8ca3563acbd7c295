"""Which models that are used end, or ended: names in the configuration and calls against what providers say.

Pure. Days of the configuration come first. A provider's own platform sets the day; others that host its
models may set another. Read next: `catalog.withdrawn`, `config.withdrawn`, `cli.outdated`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from headgate.catalog.model import KindName
from headgate.catalog.withdrawn import Withdrawal, withdrawal_of

State = Literal["retired", "retiring"]


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """Calls to a target, by project, name of models and prompt."""

    target: str
    project: str
    model: str
    prompt: str
    calls: int
    cost_usd: Decimal


class Outdated(msgspec.Struct, frozen=True, kw_only=True):
    """A model that ends: when, what is advised instead, and what uses it. `own_platform` is false where
    another provider than its maker serves it, which may set another day."""

    target: str
    state: State
    on: str
    days_left: int
    instead: str
    own_platform: bool
    source: str
    aliases: tuple[str, ...]
    prompts: tuple[str, ...]
    projects: tuple[str, ...]
    calls: int
    cost_usd: str


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """The day on which a model ends, as the configuration says, and what is advised instead."""

    target: str
    on: str
    instead: str


def outdated(
    aliases: Mapping[str, Sequence[str]],
    providers: Mapping[str, KindName],
    used: Sequence[Used],
    today: date,
    told: Mapping[str, Withdrawal],
) -> list[Outdated]:
    """Return what ends, the first to end first. `aliases` are names with their targets, `told` says when
    targets end whose day the configuration sets."""
    targets = {target for each in aliases.values() for target in each} | {each.target for each in used}
    found: list[Outdated] = []
    for target in sorted(targets):
        withdrawal = told.get(target) or withdrawal_for(target)
        if withdrawal is None:
            continue
        calls = [each for each in used if each.target == target]
        found.append(
            Outdated(
                target=target,
                state="retired" if withdrawal.on <= today else "retiring",
                on=withdrawal.on.isoformat(),
                days_left=(withdrawal.on - today).days,
                instead=withdrawal.instead,
                own_platform=_is_own(withdrawal, providers.get(target.partition("/")[0])),
                source=withdrawal.source,
                aliases=tuple(sorted(name for name, each in aliases.items() if target in each)),
                prompts=tuple(sorted({each.prompt for each in calls if each.prompt})),
                projects=tuple(sorted({each.project for each in calls})),
                calls=sum(each.calls for each in calls),
                cost_usd=f"{sum((each.cost_usd for each in calls), Decimal(0)):f}",
            )
        )
    return sorted(found, key=lambda each: (each.on, each.target))


def withdrawal_for(target: str) -> Withdrawal | None:
    """Return when the model of a target ends, by its name with and without its maker's before it."""
    model = target.partition("/")[2]
    for name in dict.fromkeys((model, model.rpartition("/")[2], model.rpartition(".")[2])):
        withdrawal = withdrawal_of(name)
        if withdrawal is not None:
            return withdrawal
    return None


def _is_own(withdrawal: Withdrawal, kind: KindName | None) -> bool:
    """Say whether the maker itself serves it."""
    return kind == withdrawal.provider
