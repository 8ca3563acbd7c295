"""The shape of `[[grounding]]`. Read next: `config.grounding`, `grounding.rules`."""

from typing import Annotated

import msgspec

from headgate.config.values import Amount, ModelName, Name


class GroundingTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`[[grounding]]`: a share of live answers is held against what the model read, and scored."""

    name: Name
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.01
    """Of the calls that it is about, by lot: a call is taken or left alike whenever it is looked at."""
    projects: Annotated[tuple[Name, ...], msgspec.Meta(max_length=64)] = ()
    """Whose calls; all by default. Their bodies have to be on record."""
    models: Annotated[tuple[ModelName, ...], msgspec.Meta(max_length=64)] = ()
    """Names that clients ask for, or `provider/model` that answered; all by default."""
    prompts: Annotated[tuple[Name, ...], msgspec.Meta(max_length=64)] = ()
    """Managed prompts; all calls by default, with or without one."""
    judge: ModelName | None = None
    """Asked of each claim, by a key of the call's project. Without one, words alone tell."""
    budget: Amount = "1 USD"
    """What a day (UTC) of questions may cost, but for those of one answer on their way; 0 for no limit."""
    calls_a_day: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1000
    alert_below: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    """An alert is raised once the mean score is known to be below this."""
    error: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.05
    """The chance of such an alert without a reason, for each stretch between two verdicts."""
