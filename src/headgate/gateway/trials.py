"""Experiments on the calls of one alias: who takes part, in which arm, and what that arm is served by.

Made with each state of `gateway.plane.Current`; an alias without experiments has none of it, which then costs
nothing. What leaves a call out is decided before its arm is known, so that it favours none. Read next:
`experiments.assignment`.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from headgate.access.model import Caller
from headgate.config.snapshot import Alias, Snapshot
from headgate.core.entries import Exposure
from headgate.core.labels import Label
from headgate.experiments.assignment import Assigner
from headgate.experiments.model import UnitKind
from headgate.gateway.arms import ArmServing
from headgate.policy.residency import admit

if TYPE_CHECKING:
    from headgate.gateway.call import Call


class Trials:
    """The experiments on one alias."""

    __slots__ = ("_arms", "_assigners", "_servings")

    def __init__(
        self,
        assigners: list[Assigner],
        arms: Mapping[tuple[str, str], Alias],
        servings: Mapping[tuple[str, str], ArmServing],
    ) -> None:
        self._assigners = assigners
        self._arms = arms
        self._servings = servings

    @property
    def renders(self) -> bool:
        """Whether an arm needs bodies as clients sent them."""
        return any(serving.renders for serving in self._servings.values())

    def open_to(self, caller: Caller) -> "Trials | None":
        """Return the experiments that a caller may be in, as far as its project and its label tell."""
        if caller.record == "none":
            return None  # Nothing would be there to compare.
        kept = [each for each in self._assigners if self._takes(each, caller)]
        return Trials(kept, self._arms, self._servings) if kept else None

    def _takes(self, assigner: Assigner, caller: Caller) -> bool:
        experiment = assigner.experiment
        if experiment.projects is not None and caller.project not in experiment.projects:
            return False
        return all(self._serves(experiment.name, arm.name, caller.label) for arm in experiment.arms)

    def _serves(self, experiment: str, arm: str, label: Label) -> bool:
        alias = self._arms.get((experiment, arm))
        return alias is None or not admit(alias.targets, label).excluded

    def expose(self, call: "Call", caller: Caller) -> Exposure | None:
        """Return a call's part in the experiments, which exclude each other; None where it has none."""
        stray: Exposure | None = None
        for assigner in self._assigners:
            found = assigner.assign(caller.project, _unit(assigner.experiment.unit, call, caller))
            if found is not None and found.arm:
                return found
            stray = stray or found
        return stray

    def serving_of(self, exposure: Exposure) -> ArmServing | None:
        """Return what an arm changes of a call beside its targets; None where that is nothing."""
        return self._servings.get((exposure.experiment, exposure.arm))

    def alias_of(self, exposure: Exposure) -> Alias | None:
        """Return what an arm is served by; None where that is the alias itself."""
        return self._arms.get((exposure.experiment, exposure.arm))


NO_TRIALS: Final[Mapping[str, Trials]] = {}


def trials_of(snapshot: Snapshot, secret: bytes | None, ended: Collection[str]) -> Mapping[str, Trials]:
    """Return the experiments that run, by alias. Without the secret none does."""
    if secret is None or not snapshot.experiments:
        return NO_TRIALS
    assigners: dict[str, list[Assigner]] = {}
    for experiment in snapshot.experiments:
        if experiment.version not in ended:
            assigners.setdefault(experiment.alias, []).append(Assigner(experiment, secret))
    return {alias: Trials(made, snapshot.arms, _servings(made)) for alias, made in assigners.items()}


def _servings(assigners: list[Assigner]) -> Mapping[tuple[str, str], ArmServing]:
    return {
        (each.experiment.name, arm.name): ArmServing(each.experiment.name, arm)
        for each in assigners
        for arm in each.experiment.arms
        if arm.rule or arm.prompts or arm.environment
    }


def _unit(kind: UnitKind, call: "Call", caller: Caller) -> str:
    if kind == "user":
        return caller.user
    if kind == "session":
        return caller.session
    return call.trace_id if kind == "trace" else call.request_id
