"""Canaries as they are compiled, and what drift is held against. Pure; part of the snapshot.

Read next: `drift.watching` (what answers are worth as evidence), `config.canaries`.
"""

import hashlib
import math
from typing import Final, Literal

import msgspec

Scorer = Literal["exact", "contains", "schema", "length", "none"]
"""How an answer is marked: equal to what is expected but for white space around it, containing it, JSON of
that schema, at most so many characters; or not at all."""

Signal = Literal[
    "score",
    "new_answer",
    "wording",
    "length",
    "tokens",
    "refused",
    "errors",
    "mismatched",
    "cut",
    "tools",
    "cost",
    "latency",
    "first_token",
]
"""What is watched of answers, as a share or on a scale from 0 to 1."""

Side = Literal["up", "down"]

DAYS_A_MONTH: Final = 365.25 / 12

TAG: Final = "canary"
"""The tag of all calls that canaries make; each has one with its name, too."""


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question of a suite."""

    name: str
    prompt: str
    system: str = ""
    scorer: Scorer = "none"
    expected: str = ""
    messages: str = ""
    """JSON of what is asked, where it is more than a text."""


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """A pinned suite that is asked of targets on a schedule. `version` is what its answers hang on."""

    name: str
    targets: tuple[str, ...]
    cases: tuple[Case, ...]
    every_s: float = 86400.0
    draws: int = 20
    """Cases a run, drawn at random: each value then has the suite's mean, whatever came before."""
    reference: int = 200
    """Answers that say what is usual; the first runs ask for as many at once."""
    parameters: bytes = b"{}"
    project: str = "default"
    budget_pico_usd: int = 0
    version: str = ""
    dataset: str = ""
    """The dataset of its project, or its `name@version`, that its cases are, at each run."""
    scorer: Scorer | None = None
    """How answers to a dataset's cases are marked; by default exactly, where something is expected."""


class DriftRule(msgspec.Struct, frozen=True, kw_only=True):
    """How often all watches together may be wrong, and whether live traffic is watched."""

    months: float = 12.0
    traffic: bool = True

    @property
    def days(self) -> float:
        """The time in which there is at most one false alarm on average, in days."""
        return self.months * DAYS_A_MONTH


def version_of(canary: Canary) -> str:
    """Return the digest of all that answers depend on: another one begins anew."""
    fixed = (canary.cases, canary.parameters)
    return hashlib.sha256(msgspec.json.encode(fixed)).hexdigest()[:16]


def scaled(value: float, half: float) -> float:
    """Return an amount of 0 or more as a value from 0 to 1: a half at `half`, however large it is."""
    return 1.0 if value == math.inf else value / (value + half)


def unscaled(value: float, half: float) -> float:
    """Return the amount that `scaled` makes such a value of."""
    return math.inf if value >= 1 else value * half / (1 - value)


def tags_of(name: str) -> tuple[str, str]:
    """Return the tags of a canary's calls."""
    return (TAG, f"{TAG}:{name}")
