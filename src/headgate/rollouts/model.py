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

StageKind = Literal["shadow", "internal", "share", "all"]
Agreement = Literal["finish", "tools", "text", "length", "form"]
"""In what two answers to one call may agree: the same reason to end, the same tools called in the same order,
the same text but for white space, neither twice as long as the other, and the form that the call prescribes.
"""

PAIRED: Final = frozenset({"cost", "latency", "errors", "refusals"})
"""Measures that answers can be compared by which nobody has seen."""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Who is served by the candidate before anybody else: whom any of these names."""

    users: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class PairScorer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What marks both answers of a compared call right or wrong, and how much oftener wrong one may be.

    `exact`: the candidate says what the present says; `semantic`: the embeddings of both by a model have a
    cosine of `threshold` at least. `contains`, `regex` and `schema` look at each answer by
    itself; `judge` asks a model about each by a rubric. Models are asked for the part `share` of compared
    calls, until `budget_pico_usd` a day is spent.
    """

    name: str
    kind: Literal["exact", "contains", "regex", "schema", "judge", "semantic"]
    margin: float
    text: str = ""
    pattern: str = ""
    schema: str = ""
    """A JSON schema, as text."""
    model: str = ""
    rubric: str = ""
    threshold: float = 0.0
    share: float = 1.0
    budget_pico_usd: int = 0

    @property
    def key(self) -> str:
        """Under which its marks are kept: by name and all that it is, but for its bounds."""
        bare = msgspec.structs.replace(self, margin=0.0, share=1.0, budget_pico_usd=0)
        return f"{self.name}#{hashlib.sha256(msgspec.json.encode(bare)).hexdigest()[:8]}"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a rollout. `experiment` puts its calls into arms.

    Of the part `sampled` of its calls, the arm that does not serve them is asked as well, in their shadow.
    """

    name: str
    kind: StageKind
    experiment: Experiment
    sampled: float = 0.0

    @property
    def shown(self) -> str:
        """The arm whose answers callers get, where the other one is asked in their shadow."""
        return PRESENT if self.kind == "shadow" else CANDIDATE

    @property
    def moves_by_itself(self) -> bool:
        """Whether it has two arms that are compared."""
        return self.kind == "share" or self.sampled > 0 or self.draws_internal

    @property
    def draws_internal(self) -> bool:
        """Whether chosen callers are served by both arms, each of their calls by one that chance draws."""
        return self.kind == "internal" and all(arm.share > 0 for arm in self.experiment.arms)


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A whole rollout. `units` are how many of the candidate a stage of shares needs at least."""

    name: str
    alias: str
    to: Arm
    stages: tuple[Stage, ...]
    guardrails: tuple[Metric, ...]
    audience: Audience = Audience()
    agree: dict[Agreement, float] = {}
    """The least part of compared calls in which both arms have to agree."""
    scorers: tuple[PairScorer, ...] = ()
    """What marks the answers of compared calls."""
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


def entry_of(rollout: Rollout) -> str:
    """Return the digest of a rollout's own entry: all of its version but what serves the alias."""
    stages = [
        msgspec.structs.replace(
            stage,
            experiment=msgspec.structs.replace(
                stage.experiment, alias_targets=(), alias_strategy="", version=""
            ),
        )
        for stage in rollout.stages
    ]
    return version_of(msgspec.structs.replace(rollout, stages=tuple(stages)))


def version_of(rollout: Rollout) -> str:
    """Return the digest of all that its evidence depends on."""
    fixed = (
        *(rollout.name, [stage.experiment for stage in rollout.stages], rollout.audience, rollout.units),
        *([stage.sampled for stage in rollout.stages], rollout.agree),
        *rollout.scorers,
    )
    return hashlib.sha256(msgspec.json.encode(fixed)).hexdigest()[:16]
