"""An answer to a case of a dataset held against the case's own context: a scorer of checks.

Implements `checks.marking.Holding`. Read next: `grounding.judging`, `grounding.lexical`.
"""

from headgate.checks.answering import Ask
from headgate.checks.judging import Judged
from headgate.checks.model import REASON_CHARACTERS_MAX, Answer, AskedOnce, Grounded, Mark
from headgate.datasets.model import Case
from headgate.grounding.judging import judge_claims
from headgate.grounding.lexical import Context, claims_against
from headgate.grounding.model import Grounds, Piece
from headgate.grounding.scoring import held_by_words


def hold_case(scorer: Grounded, case: Case, answer: Answer, *, ask: Ask, judged: Judged) -> Mark:
    """Return the share of claims that the case's context supports; no mark where that can't be told."""
    grounds = grounds_of(case, answer)
    if not grounds.pieces:
        return Mark(score=None, reason=f"case {case.id} has no context; write what an answer may rest on")
    if not grounds.claims:
        return Mark(score=None, reason="the answer claims nothing that could be held against its context")
    if not scorer.model:
        held = held_by_words(grounds)
        reason = held.evidence if held.score is not None else "no claim holds a number, a name or a quote"
        return Mark(score=held.score, reason=reason[:REASON_CHARACTERS_MAX])
    found = judge_claims(grounds, scorer.model, ask, known=judged)
    asked = [
        AskedOnce(
            score=None if claim.supported is None else float(claim.supported),
            reason=claim.reason[:REASON_CHARACTERS_MAX],
            request_id=claim.request_id,
            digest=claim.digest if claim.supported is not None else "",
        )
        for claim in found.claims
    ]
    return Mark(
        score=found.score,
        reason=found.comment()[:REASON_CHARACTERS_MAX],
        cost_pico_usd=found.cost_pico_usd,
        asked=tuple(asked),
    )


def grounds_of(case: Case, answer: Answer) -> Grounds:
    """Return an answer with its claims, and the case's context and question as what it may rest on."""
    given = case.context if case.context is not None else []
    texts = [given] if isinstance(given, str) else given
    pieces = [_piece(number, text) for number, text in enumerate(texts, 1) if text.strip()]
    return Grounds(
        request_id=answer.request_id,
        dialect="",
        question=case.question,
        answer=answer.text,
        pieces=tuple(pieces),
        claims=claims_against(answer.text, Context([*texts, case.question])),
        sentence="",
    )


def _piece(number: int, text: str) -> Piece:
    return Piece(
        id=f"p{number}", kind="document", name="", part="", start=0, end=len(text), whole=True, text=text
    )
