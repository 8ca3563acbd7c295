"""A judge is asked of each claim whether the context supports it: the share that is, and those that aren't.

Makes its calls through the gateway (`Ask`), within a number of claims and a budget. A judge that answers
nonsense leaves a claim undecided: it counts neither way. Read next: `checks.judging`, `grounding.holding`.
"""

from collections.abc import Generator, Mapping
from typing import Any, Final

import msgspec

from headgate.checks.answering import CHAT, Ask, Said, patiently
from headgate.checks.judging import (
    Judge,
    Judged,
    JudgedHere,
    Judgement,
    Material,
    digest_of,
    judgement_of,
    request_of,
    text_of,
)
from headgate.grounding.model import Grounds

CLAIMS_MAX: Final = 50
CONTEXT_CHARACTERS_MAX: Final = 100_000
COMMENT_CHARACTERS_MAX: Final = 7_000
RUBRIC: Final = """\
`answer` is one claim out of a longer answer to `question`; `context` is all that it may rest on.
1: everything that the claim says stands in the context or follows from it, sums and conversions included; or
it claims nothing about the world (it greets, asks, offers help, says what it is about to do).
0: something that it says is not in the context and does not follow from it, be it true or not, or it
contradicts the context.
Name in `reasoning` what is not supported."""


class JudgedClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim with the judge's word: supported or not; None where it gave no verdict, and why."""

    text: str
    supported: bool | None
    reason: str
    request_id: str = ""
    digest: str = ""


class Groundedness(msgspec.Struct, frozen=True, kw_only=True):
    """The share of supported claims among those decided, never without the claims that are not.

    `score` is None where nothing could be decided. `ended` says why not all claims were asked, if so.
    """

    score: float | None
    supported: int
    undecided: int
    claims: tuple[JudgedClaim, ...]
    cost_pico_usd: int
    ended: str
    sentence: str

    @property
    def unsupported(self) -> tuple[JudgedClaim, ...]:
        """The claims that the context does not support."""
        return tuple([claim for claim in self.claims if claim.supported is False])

    def comment(self) -> str:
        """Return the evidence as it stands beside the score."""
        lines = [self.sentence, *(f"- {claim.text} ({claim.reason})" for claim in self.unsupported)]
        return "\n".join(lines)[:COMMENT_CHARACTERS_MAX]


def judge_claims(
    grounds: Grounds,
    model: str,
    ask: Ask,
    *,
    budget_pico_usd: int | None = None,
    known: Judged | None = None,
) -> Groundedness:
    """Ask a model of each claim. Raises checks.answering.Halted where the gateway lets no call through."""
    asking = judging(grounds, model, budget_pico_usd=budget_pico_usd, known=known)
    try:
        body = next(asking)
        while True:
            body = asking.send(patiently(ask, CHAT, body))
    except StopIteration as end:
        return end.value


def judging(
    grounds: Grounds,
    model: str,
    *,
    budget_pico_usd: int | None = None,
    known: Judged | None = None,
) -> Generator[dict[str, Any], Said, Groundedness]:
    """Yield what a model is to be asked of each claim, take what was said, and return what it comes to.

    `known` keeps verdicts by what was asked, so that the same is not paid twice.
    """
    kept = JudgedHere() if known is None else known
    judge = Judge(model=model, rubric=RUBRIC, scale=(0, 1))
    context = context_of(grounds)
    found: list[JudgedClaim] = []
    spent = dearest = 0
    ended = grounds.problem
    for claim in grounds.claims:
        if len(found) >= CLAIMS_MAX:
            ended = f"{CLAIMS_MAX} claims are the most that one answer is asked about"
            break
        if budget_pico_usd is not None and spent + dearest > budget_pico_usd:
            ended = "the budget would not last for the next claim"
            break
        material = Material(question=grounds.question, answer=claim.text, context=context)
        body = request_of(judge, material)
        digest = digest_of(body)
        judgement, request_id = kept.get(digest), ""
        if judgement is None:
            said = yield body
            request_id = said.headers.get("x-headgate-request-id", "")
            cost = said.cost_pico_usd or 0
            spent, dearest = spent + cost, max(dearest, cost)
            judgement = _judgement(judge, said.status, said.content)
            if judgement.score is not None:
                kept.put(digest, judgement)
        found.append(_judged(claim.text, judgement, request_id, digest))
    return _summed(tuple(found), spent, ended, total=len(grounds.claims))


def context_of(grounds: Grounds) -> list[str]:
    """Return what a judge is shown of the context."""
    texts: list[str] = []
    left = CONTEXT_CHARACTERS_MAX
    # Documents and results first: where it is too long, what was said around them goes.
    order: Mapping[str, int] = {"document": 0, "tool_result": 0, "message": 1, "system": 2}
    for piece in sorted(grounds.pieces, key=lambda piece: order[piece.kind]):
        if left <= 0:
            break
        texts.append(piece.text[:left])
        left -= len(piece.text)
    return texts


def _judgement(judge: Judge, status: int, content: bytes) -> Judgement:
    if status != 200:
        return Judgement(score=None, problem=f"the judge's call failed with {status}")
    return judgement_of(judge, text_of(content))


def _judged(text: str, judgement: Judgement, request_id: str, digest: str) -> JudgedClaim:
    supported = None if judgement.score is None else judgement.score == 1
    reason = judgement.problem if supported is None else judgement.reason
    return JudgedClaim(text=text, supported=supported, reason=reason, request_id=request_id, digest=digest)


def _summed(claims: tuple[JudgedClaim, ...], spent: int, ended: str, *, total: int) -> Groundedness:
    supported = sum(claim.supported is True for claim in claims)
    decided = sum(claim.supported is not None for claim in claims)
    undecided = len(claims) - decided
    score = supported / decided if decided else None
    if score is None:
        why = ended or (claims[0].reason if claims else "the answer claims nothing")
        sentence = f"can't be told: {why}"
    else:
        sentence = f"{supported} of {decided} claims are supported by the context"
        sentence += f"; {undecided} got no verdict" if undecided else ""
        sentence += f"; {total - len(claims)} were not asked: {ended}" if total > len(claims) else ""
    return Groundedness(
        score=score,
        supported=supported,
        undecided=undecided,
        claims=claims,
        cost_pico_usd=spent,
        ended=ended,
        sentence=sentence,
    )
