"""An experiment as it is compiled: arms, unit, layer and metrics. Pure; part of the snapshot.

What assignment depends on has a digest, the version: another one is another experiment. Read next:
`experiments.assignment`.
"""

import hashlib
from typing import Final, Literal

import msgspec

from headgate.releases.rules import Rule

UnitKind = Literal["user", "session", "trace", "call"]
"""Whom an arm is chosen for: everything is summed up by unit before arms are compared."""

Role = Literal["decision", "guardrail", "exploratory"]
Measure = Literal["feedback", "cost", "latency", "errors", "refusals", "tokens", "output_tokens"]
"""What a metric reads: feedback of its name, or the records of calls. Tokens are all of them, in and out."""

FeedbackKind = Literal["answer", "event", "amount"]
"""How a unit's feedback becomes one value: the mean of what it answered, whether anything happened, or the
sum. Who is silent is left out of answers, and counts as 0 for the others."""

Better = Literal["higher", "lower"]

Plan = Literal["every", "planned"]
"""When one means to decide: at any look alike, or at the planned number of units, with nearly all of the
error spent by then. Either holds at every look; guardrails always are of the first kind."""

TOKENS: Final = frozenset({"tokens", "output_tokens"})
RATIOS: Final = frozenset({"latency", "errors", "refusals"})
"""Measures that are sums over calls, divided by the calls unless by something else."""
SUMS: Final = frozenset({"calls", "cost", "latency", "errors", "refusals", "tokens", "output_tokens"})
"""What the records of calls have of each unit, and metrics may be divided by."""
SESSIONS: Final = "sessions"
"""How many sessions a unit's calls were in: divides, too."""

LIVE_ASSIGNMENT: Final = "assignment"
"""The kind of the live object that holds the secret of all assignments; its id is `ASSIGNMENT_ID`."""
ASSIGNMENT_ID: Final = "one"
OWN_PREFIX: Final = "rollout:"
"""Before the names of experiments that stages of rollouts are; no experiment of a file can have it."""
LIVE_SHARES: Final = "experiment_shares"
"""The kind of the live objects that say by what shares an adaptive version assigns now."""
LIVE_END: Final = "experiment_end"
"""The kind of the live objects that say which versions assign nobody any more."""


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """A size in the metric's own unit, or as a share of the baseline's mean."""

    value: float
    is_relative: bool = False


class Arm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way in which calls are served; without targets as the alias says."""

    name: str
    share: float
    targets: tuple[str, ...] = ()
    rule: Rule | None = None
    """An override rule for its calls alone."""
    prompts: dict[str, int | str] = {}
    """Managed prompts by name, each with the version or label that its calls get that name none."""
    environment: str = ""
    """Its calls get what the release in force in this environment of their project holds."""


def told(arm: Arm) -> tuple[str, ...]:
    """Return what an arm changes of calls beside their targets, in words."""
    words = [f"prompt {name}@{version}" for name, version in arm.prompts.items()]
    if arm.environment:
        words.append(f"the release of {arm.environment}")
    if arm.rule is not None:
        words += [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in arm.rule.set.items()]
        words += [f"without {name}" for name in arm.rule.remove]
        words += [f"{name} clamped" for name in arm.rule.clamp]
        words += [f"{each.old[:40]!r} replaced" for each in arm.rule.replace]
    return tuple(words)


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What arms are compared by. `effect` is the least that matters, `margin` the most that may be lost."""

    name: str
    measure: Measure = "feedback"
    role: Role = "decision"
    kind: FeedbackKind = "answer"
    feedback: str = ""
    """The name of the feedback, where it is not the metric's own."""
    better: Better = "higher"
    effect: Amount | None = None
    margin: Amount | None = None
    is_relative: bool = False
    """Whether differences are told as parts of the baseline."""
    per: str = ""
    """What it is divided by: a sum of calls, sessions, or else feedback of this name and kind."""
    arrives_s: float = 0.0
    """How long after it was said its feedback may still be sent."""

    @property
    def reads(self) -> str:
        """The name of the feedback that it reads, of two the one that divides; empty where it reads none."""
        return ([*self.feedbacks] or [""])[-1]

    @property
    def feedbacks(self) -> tuple[str, ...]:
        """The names of all feedback that it reads: what is divided, and what divides."""
        above = (self.feedback or self.name,) if self.measure == "feedback" else ()
        below = (self.per,) if self.per and self.per not in SUMS and self.per != SESSIONS else ()
        return above + below

    @property
    def is_of_records(self) -> bool:
        """Whether one scan of the units has all of it."""
        return not self.feedbacks and self.per != SESSIONS

    @property
    def is_by_call(self) -> bool:
        """Whether it is a share of calls."""
        return self.measure in ("errors", "refusals") and self.per in ("", "calls")

    @property
    def is_ratio(self) -> bool:
        """Whether it is a sum over units divided by another, and not a mean of units."""
        return bool(self.per) or self.measure in RATIOS


class Adaptive(msgspec.Struct, frozen=True, kw_only=True):
    """Shares that follow what is known of the first decision: at most so often, none below the floor."""

    floor: float = 0.1
    every_s: float = 86400.0
    parts: int = 1
    """Into how many parts units that come back are divided. Each epoch opens one, whose shares then stay, so
    that nobody changes the arm; 1 for calls, which never come back."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """A whole experiment. `traffic` is the part of its layer from and to which units take part."""

    name: str
    alias: str
    arms: tuple[Arm, ...]
    metrics: tuple[Metric, ...]
    unit: UnitKind = "user"
    layer: str = ""
    traffic: tuple[float, float] = (0.0, 1.0)
    salt: str = ""
    window_s: float = 7 * 86400.0
    error: float = 0.05
    planned_units: int = 1000
    looks: Plan = "every"
    adaptive: Adaptive | None = None
    projects: tuple[str, ...] | None = None
    """Whose calls; all by default."""
    alias_targets: tuple[str, ...] = ()
    """What serves arms without targets of their own, where there are such."""
    alias_strategy: str = ""
    """How one of several targets is chosen."""
    version: str = ""

    @property
    def waits_s(self) -> tuple[float, ...]:
        """How long beyond a unit's window metrics wait for what comes late: each time once, the longest
        first, the last of them 0."""
        return tuple(sorted({0.0, *(metric.arrives_s for metric in self.metrics)}, reverse=True))

    @property
    def baseline(self) -> Arm:
        """The arm that others are compared with."""
        return self.arms[0]


class AssignmentSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The key of all assignments, in hex."""

    secret: str


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """By what shares a version assigns from an epoch on, as live objects say."""

    version: str
    epoch: int
    shares: dict[str, float]
    before: tuple[dict[str, float], ...] = ()
    """Those of the epochs before it, where units come back: their parts stay assigned by them."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a decision ended."""

    version: str


def version_of(experiment: Experiment) -> str:
    """Return the digest of all that decides who is in which arm, and what an arm is."""
    fixed = (
        *(experiment.name, experiment.alias, experiment.unit, experiment.layer, experiment.traffic),
        *(experiment.salt, experiment.window_s, experiment.arms, experiment.projects),
        *(experiment.alias_targets, experiment.alias_strategy),
    )
    if experiment.adaptive is not None:
        adaptive: dict[str, float] = msgspec.to_builtins(experiment.adaptive)
        if experiment.adaptive.parts == 1:
            del adaptive["parts"]
        fixed = (*fixed, adaptive)
    return hashlib.sha256(msgspec.json.encode(fixed)).hexdigest()[:16]
