"""What `shadow` of a rollout says in headgate.toml: which calls are compared, and what marks their answers.

Read next: `config.rollouts`.
"""

from typing import Annotated, Any, Literal

import msgspec

from headgate.core.names import Name
from headgate.rollouts.model import Agreement

Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]


class PairScorerTable(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What marks both answers of a compared call right or wrong."""

    name: Name
    kind: Literal["exact", "contains", "regex", "schema", "judge", "semantic"]
    margin: Rate = 0.05
    """How much oftener the candidate may be wrong than the present, of all compared calls."""
    text: str = ""
    """What an answer has to contain, for `contains`."""
    pattern: str = ""
    """What has to be found in it, for `regex`."""
    schema: dict[str, Any] | None = None
    """What it has to be, for `schema`: a JSON schema."""
    model: str = ""
    """The model that marks answers by `rubric`, for `judge`; that embeds them, for `semantic`."""
    rubric: str = ""
    threshold: Annotated[float, msgspec.Meta(ge=-1, le=1)] | None = None
    """How near the candidate's answer has to be to the present's, as the cosine of their embeddings."""
    share: Rate = 1.0
    """Of compared calls, those that it marks."""
    budget_a_day: str = "1 USD"
    """The most that a judge, or embeddings, may cost a day, in UTC."""


class ShadowTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The stage before all others: part of the calls goes to the candidate, too, shown to nobody."""

    share: Rate
    """Of all calls, those that are also sent to the candidate; of internal callers' calls, to the present."""
    agree: dict[Agreement, Rate] = {}
    """The least part of them in which both answers have to agree, such as `{ tools = 0.9 }`."""
    scorers: Annotated[tuple[PairScorerTable, ...], msgspec.Meta(max_length=8)] = ()
    """Mark both answers; a project has to record bodies for its calls to be marked."""
