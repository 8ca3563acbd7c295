"""A rollout as it is compiled: the candidate, the stages to it, and what must not get worse. Pure.

Each stage is an experiment of two arms with a version of its own, so that its evidence is its own: units
begin anew, in the shares of that stage. Who is served by the candidate stays so, as shares grow. Read next:
`rollouts.deciding`, `gateway.trials`.
"""

import hashlib
from typing import Final, Literal

import msgspec

from headgate.experiments.model import Arm, Experiment, Metric

PRESENT: Final = "present"
CANDIDATE: Final = "candidate"
"""The arms of each stage."""
LIVE_STAGE: Final = "rollout_stage"
"""The kind of the live objects that say which stage a rollout is at; their id is the rollout's version."""
BACK: Final = -1
"""The place of a rollout that fell back: all calls go where the alias says."""

StageKind = Literal["internal", "share", "all"]


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Who is served by the candidate before anybody else: whom any of these names."""

    users: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a rollout. `experiment` puts its calls into arms."""

    name: str
    kind: StageKind
    experiment: Experiment


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A whole rollout. `units` are how many of the candidate a stage of shares needs at least."""

    name: str
    alias: str
    to: Arm
    stages: tuple[Stage, ...]
    guardrails: tuple[Metric, ...]
    audience: Audience = Audience()
    units: int = 200
    version: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rollout stands: a place among its stages, or `BACK`. One that is held moves by hand alone."""

    version: str
    stage: int
    held: bool = False

    def stage_of(self, rollout: Rollout) -> Stage | None:
        """Return the stage; None for one that fell back."""
        return rollout.stages[self.stage] if 0 <= self.stage < len(rollout.stages) else None


def version_of(rollout: Rollout) -> str:
    """Return the digest of all that its evidence depends on."""
    fixed = (rollout.name, [stage.experiment for stage in rollout.stages], rollout.audience, rollout.units)
    return hashlib.sha256(msgspec.json.encode(fixed)).hexdigest()[:16]
