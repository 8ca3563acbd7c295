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
from headgate.experiments.assignment import UNIT_CHARACTERS_MAX, Assigner
from headgate.experiments.model import Shares
from headgate.gateway.arms import ArmServing
from headgate.gateway.pairing import Pairing, unit_of
from headgate.policy.residency import admit
from headgate.rollouts.model import CANDIDATE, Audience, Standing

if TYPE_CHECKING:
    from headgate.gateway.call import Call


class Trials:
    """The experiments on one alias."""

    __slots__ = ("_arms", "_assigners", "_audience", "_everyone", "_pairing", "_servings")

    def __init__(
        self,
        assigners: list[Assigner],
        arms: Mapping[tuple[str, str], Alias],
        servings: Mapping[tuple[str, str], ArmServing],
        *,
        audience: Audience | None = None,
        everyone: bool = False,
        pairing: Pairing | None = None,
    ) -> None:
        """`audience`: who alone takes part, as a rollout says; `everyone`: its candidate serves all calls;
        `pairing`: which of them are also answered by the other arm."""
        self._assigners = assigners
        self._arms = arms
        self._servings = servings
        self._audience = audience
        self._everyone = everyone
        self._pairing = pairing

    @property
    def keeps_sent(self) -> bool:
        """Whether bodies are needed as clients sent them."""
        return self._pairing is not None or any(each.renders for each in self._servings.values())

    def open_to(self, caller: Caller) -> "Trials | None":
        """Return the experiments that a caller may be in, as far as its project and its label tell."""
        if caller.record == "none" and not self._everyone:
            return None  # Nothing would be there to compare.
        if self._audience is not None and not _names(self._audience, caller):
            return None
        kept = [each for each in self._assigners if self._takes(each, caller)]
        if not kept:
            return None
        return Trials(kept, self._arms, self._servings, everyone=self._everyone, pairing=self._pairing)

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
        pairing = self._pairing
        if call.shadows is not None:
            return None if pairing is None else pairing.exposure_of(call.shadows)
        if pairing is not None:
            call.pair = pairing.choose(call, caller)
            if not pairing.shows_candidate:
                return None
        if self._everyone:
            experiment = self._assigners[0].experiment
            unit = unit_of(experiment.unit, call, caller)[:UNIT_CHARACTERS_MAX]
            return Exposure(experiment.name, experiment.version, CANDIDATE, unit, experiment.unit)
        stray: Exposure | None = None
        for assigner in self._assigners:
            found = assigner.assign(caller.project, unit_of(assigner.experiment.unit, call, caller))
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


NO_ROLLOUTS: Final[Mapping[str, Standing]] = {}
NO_SHARES: Final[Mapping[str, Shares]] = {}
NO_TRIALS: Final[Mapping[str, Trials]] = {}


def trials_of(
    snapshot: Snapshot,
    secret: bytes | None,
    ended: Collection[str],
    rollouts: Mapping[str, Standing] = NO_ROLLOUTS,
    shares: Mapping[str, Shares] = NO_SHARES,
) -> Mapping[str, Trials]:
    """Return the experiments that run, and the stages that rollouts are at, by alias. Without the secret
    there are none."""
    if secret is None or not (snapshot.experiments or snapshot.rollouts):
        return NO_TRIALS
    assigners: dict[str, list[Assigner]] = {}
    for experiment in snapshot.experiments:
        if experiment.version not in ended:
            made = Assigner(experiment, secret, shares.get(experiment.version))
            assigners.setdefault(experiment.alias, []).append(made)
    trials = {alias: Trials(each, snapshot.arms, _servings(each)) for alias, each in assigners.items()}
    for rollout in snapshot.rollouts:
        standing = rollouts.get(rollout.version)
        stage = standing.stage_of(rollout) if standing is not None else None
        if stage is not None:
            only = [Assigner(stage.experiment, secret)]
            trials[rollout.alias] = Trials(
                only,
                snapshot.arms,
                _servings(only),
                audience=rollout.audience if stage.kind == "internal" else None,
                everyone=stage.kind == "all",
                pairing=Pairing(stage, secret) if stage.sampled else None,
            )
    return trials


def _names(audience: Audience, caller: Caller) -> bool:
    return (
        caller.user in audience.users
        or caller.key in audience.keys
        or not set(audience.tags).isdisjoint(caller.tags)
    )


def _servings(assigners: list[Assigner]) -> Mapping[tuple[str, str], ArmServing]:
    return {
        (each.experiment.name, arm.name): ArmServing(each.experiment.name, arm)
        for each in assigners
        for arm in each.experiment.arms
        if arm.rule or arm.prompts or arm.environment
    }
