"""The shape of `[drift]` and `[[canaries]]`: how models are watched for changes. Pure.

Read next: `config.canaries`, `config.document`.
"""

from typing import Annotated

import msgspec

from headgate.config.values import Amount, Duration, ModelName, Name
from headgate.drift.model import Scorer


class CaseTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[canaries.cases]]`: one question of a suite."""

    prompt: Annotated[str, msgspec.Meta(max_length=100_000)]
    name: Name | None = None
    """By default its place, such as `case-1`."""
    system: str = ""
    scorer: Scorer | None = None
    """By default `exact` where something is expected, else `none`: answers are compared with earlier ones."""
    expected: str = ""
    """The answer, a part of it, a JSON schema, or the most characters."""


class CanaryTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[[canaries]]`: a pinned suite that is asked of models on a schedule, to notice when they change."""

    name: Name
    targets: Annotated[tuple[ModelName, ...], msgspec.Meta(min_length=1, max_length=64)]
    """Models as `provider/model`."""
    cases: Annotated[tuple[CaseTable, ...], msgspec.Meta(max_length=1000)] = ()
    """Without any, the built-in suite of short questions with one answer."""
    file: str | None = None
    """More cases, a JSON object a line, beside headgate.toml; read when that is read."""
    dataset: Annotated[str, msgspec.Meta(max_length=220)] | None = None
    """Instead: a dataset of the project on the server, or `name@version`; read at each run."""
    scorer: Scorer | None = None
    """How answers to a dataset's cases are marked; by default `exact`, where a text is expected."""
    every: Duration = "1d"
    cases_a_run: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    """Drawn at random, so that each value has the suite's mean."""
    reference: Annotated[int, msgspec.Meta(ge=20, le=10_000)] = 200
    """Answers that say what is usual; the first runs ask for them at once."""
    parameters: dict[str, bool | int | float | str] | None = None
    """Of each call, as the OpenAI chat route takes them; by default temperature 0 and 256 tokens."""
    project: Name = "default"
    """Whose calls these are."""
    budget: Amount = "1 USD"
    """What a run may cost, but for calls on their way; 0 for no limit."""


class DriftTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`[drift]`: how often watches of models may be wrong."""

    months_a_false_alarm: Annotated[float, msgspec.Meta(gt=0, le=1200)] = 12.0
    """All watches together raise at most one false alarm in so many months."""
    traffic: bool = True
    """Whether live traffic is watched, too."""
