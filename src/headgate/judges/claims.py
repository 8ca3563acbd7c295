"""What a judge said of the claims of a recorded answer, as marks that people can be asked for, too. Pure.

Each claim is an answer of its own: people read it with the question and the context, as the judge did. Read
next: `judges.feeding`.
"""

import hashlib
from typing import Final

import msgspec

from headgate.judges.feeding import NewJudgements
from headgate.judges.items import Content, Judged, Verdict
from headgate.judges.model import NewJudge

NAME: Final = "groundedness"
CONTEXT_CHARACTERS_MAX: Final = 20_000
CLAIM_CHARACTERS_MAX: Final = 20_000
REASON_CHARACTERS_MAX: Final = 8_000


class SaidClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim, and whether the judge says that the context supports it; None for no verdict."""

    text: str
    supported: bool | None
    reason: str


class SaidClaims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of one call's answer as a model judged them by a rubric."""

    request_id: str
    model: str
    rubric: str
    question: str
    context: tuple[str, ...]
    claims: tuple[SaidClaim, ...]


def judgements_of(said: SaidClaims) -> NewJudgements:
    """Return the judge and its marks, one for each claim."""
    context = "\n\n".join(said.context)[:CONTEXT_CHARACTERS_MAX]
    items = [
        Judged(
            request_id=said.request_id,
            case=f"{said.request_id} {hashlib.sha256(claim.text.encode()).hexdigest()[:12]}",
            content=Content(
                input=said.question[:CONTEXT_CHARACTERS_MAX],
                output=claim.text[:CLAIM_CHARACTERS_MAX],
                context=context,
            ),
            marks=[Verdict(value=claim.supported, reason=claim.reason[:REASON_CHARACTERS_MAX])],
        )
        for claim in said.claims
    ]
    return NewJudgements(judge=judge_of(said.model, said.rubric), items=items)


def judge_of(model: str, rubric: str) -> NewJudge:
    """Return the judge of claims that a model is."""
    return NewJudge(name=NAME, model=model, scale="yes_no", rubric=rubric)
